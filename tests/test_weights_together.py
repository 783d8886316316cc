"""An interaction, an interpolated comparison and one weighed by value in one model, against plain sums."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import product

import naive_pairs
import numpy as np
import polars as pl
import pytest
from check_pairs import check_best, check_kept
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulate import Field, two_files
from test_interactions import with_interaction
from test_interpolation import similarity
from test_patterns import PASSES, Case, cases, plan_of

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import source_pairs
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.weighed import weighed
from tallystick.linking import residuals as residuals_module
from tallystick.patterns.count import count_patterns


@st.composite
def together(draw: st.DrawFn) -> tuple[Case, Parameters]:
    """A case whose last two comparisons interpolate and weigh by value, some of them with joint m and u."""
    case = draw(cases())
    names = sorted({row["surname"] for row in case.rows if row["surname"]})
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4)) if names else []
    table = {name: draw(st.floats(1e-4, 0.2)) for name in chosen}
    scaled = draw(st.sampled_from([True, {"scaled": True}]))
    missing = draw(st.sampled_from(["neutral", {"categories": 5}]))
    every = [
        *case.comparisons[:2],
        ts.comparison("surname", ts.jaro_winkler(0.9, 0.7), name="alike", interpolate=scaled),
        ts.comparison(
            "surname", ts.exact(), name="valued", frequencies={"by": "value", "table": table}, missing=missing
        ),
    ]
    n = len(every)
    numbers = draw(st.sampled_from([(n - 2, n - 1), (0, n - 2), (0, n - 1), (0, n - 2, n - 1)]))
    seed, related = draw(st.integers(0, 99)), draw(st.booleans())
    random = np.random.default_rng(seed)
    own = []
    for one in every:
        m, u, r = (
            tuple((random.dirichlet(np.full(one.n_levels, 0.7)) * 0.99 + 0.01 / one.n_levels).tolist())
            for _ in range(3)
        )
        rest = (r, 0.5) if related else (None, None)
        own.append(ComparisonParameters(one.name, one.labels, m, u, "", "", *rest))
    share = float(random.uniform(0.01, 0.9)) if related else 0.0
    plain = with_interaction(Parameters(tuple(own), related_share=share), numbers, seed)
    known = tuple(weighed(own, one, rate=0.01) for own, one in zip(plain.comparisons, every, strict=True))
    return Case(case.rows, case.sizes, case.kind, every), replace(plain, comparisons=known)


def lift(one: Interaction, which: str, row: tuple[int, ...]) -> float:
    """Log of the joint probability of the levels that are there, over the product of their margins."""
    table = one.table(which if which != "r" or one.r else "u")
    own = [row[number] for number in one.comparisons]
    cells = list(product(*(range(size) for size in one.shape)))

    def chance(axes: list[int]) -> float:
        return sum(float(table[cell]) for cell in cells if all(cell[axis] == own[axis] for axis in axes))

    there = [axis for axis, size in enumerate(one.shape) if own[axis] < size]
    return math.log(chance(there)) - sum(math.log(chance([axis])) for axis in there)


def plain_weights(case: Case, passes: list[AnyPass], parameters: Parameters) -> dict[naive_pairs.Pair, float]:
    """Sums over the comparisons of each pair, written out."""
    alike, valued = case.comparisons[-2:]
    known = parameters.comparisons[-1]
    assert known.values is not None
    shares = valued.shares
    (one,) = parameters.interactions
    found = {}
    pairs = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    rows = naive_pairs.patterns(case.rows, pairs, case.comparisons[:-1], case.kind)
    for (i, j), digits in rows.items():
        a, b = case.rows[i]["surname"], case.rows[j]["surname"]
        weights, ratios = [], []
        for own, level in zip(parameters.comparisons[:-2], digits[:-1], strict=True):
            there = level < len(own.labels)
            weights.append(math.log(own.m[level] / own.u[level]) if there else 0.0)
            ratios.append(math.log((own.r or own.u)[level] / own.u[level]) if there else 0.0)
        # Alike: log R of the similarity.
        own, weight = parameters.comparisons[-2], 0.0
        assert own.interpolation is not None
        if digits[-1] < len(own.labels):
            weight = float(own.interpolation.weigh(similarity(alike, case.rows[i], case.rows[j], True)))
            ratios.append(math.log(0.5 * math.exp(weight) + 0.5) if own.r else 0.0)
        weights.append(weight)
        # Valued: log m / u of the band, and the term of the value.
        level = valued.n_levels if a is None or b is None else 0
        if a is not None and a == b:
            level = 1 + sum(shares.get(a, 0.0) < edge for edge in valued.edges)
        if level < valued.n_levels:
            own_shares = [np.array([shares.get(value, math.nan)]) for value in (a, b)]
            term = float(known.values.terms(np.array([level], np.uint8), *own_shares)[0])
            weight = math.log(known.m[level] / known.u[level]) + term
            ratios.append(math.log(0.5 * math.exp(weight) + 0.5) if known.r else 0.0)
            weights.append(weight)
        else:
            weights.append(known.missing_weight)
        row = (*digits, level)
        total = sum(weights) + lift(one, "m", row) - lift(one, "u", row)
        ratio = sum(ratios) + lift(one, "r", row) - lift(one, "u", row)
        share = parameters.related_share
        found[i, j] = total - (math.log(1 - share + share * math.exp(ratio)) if share else 0.0)
    return found


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(drawn=together(), at=st.integers(0, 5), data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_pair_is_lost_and_all_weigh_what_they_should(
    monkeypatch: pytest.MonkeyPatch,
    passes: list[AnyPass],
    drawn: tuple[Case, Parameters],
    at: int,
    data: st.DataObject,
) -> None:
    for module in (units_module, residuals_module):
        monkeypatch.setattr(module, "TILE_LEFT", 3)
    case, parameters = drawn
    n = len(case.rows)
    expected = plain_weights(case, passes, parameters)
    where = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    ordered = sorted(expected.values()) or [0.0]
    floor = ordered[(len(ordered) - 1) * at // 5] - 1e-6
    plan = plan_of(case, passes)
    floors = np.full(len(source_pairs(len(case.sizes), case.kind)), floor)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    for known in (None, count_patterns(plan).remembered):
        check_kept(plan, parameters, floors, known, expected)
        check_best(plan, parameters, wanted, known, expected, where)
    again = Parameters.from_dict(json.loads(json.dumps(parameters.to_dict())))
    assert again == parameters


FIELDS = (
    Field("surname", 300, 1.1, 3, redrawn=0.1, altered=0.1, missing=0.1),
    Field("given", 60, 0.7, redrawn=0.1, missing=0.1),
    Field("birth", 200, redrawn=0.05),
    Field("town", 20, 0.5, redrawn=0.1, missing=0.2),
)


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("birth"), ts.blocking_key("given")]])
def test_a_linkage_of_all_that_there_is(passes: list[AnyPass]) -> None:
    """Parts of a review add up to its weight, errors are known, and the saved model says the same."""
    files = two_files(FIELDS, 400, 400, 300, 7).tables
    sources = [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", files, strict=True)]
    linkage = ts.Linkage(
        [
            ts.comparison("surname", ts.jaro_winkler(0.95, 0.8), interpolate={"scaled": True}),
            ts.comparison("given", ts.exact(), frequencies="values"),
            ts.comparison("birth", ts.exact()),
            ts.comparison("town", ts.exact(), missing="level"),
        ],
        passes,
        estimation=ts.Estimation(interactions=[["given", "town"]], match_interactions=[["surname", "given"]]),
        one_to_one=True,
        upper=0.9,
        lower=0.01,
    )
    model = linkage.fit(*sources)
    parameters = model.parameters
    (one,) = parameters.interactions
    assert one.names == ("surname", "given", "town")
    for number, own in zip(
        one.comparisons, (parameters.comparisons[k] for k in one.comparisons), strict=True
    ):
        axes = tuple(k for k, other in enumerate(one.comparisons) if other != number)
        np.testing.assert_allclose(one.table("m").sum(axis=axes), own.m, rtol=1e-9, atol=1e-290)
        np.testing.assert_allclose(one.table("u").sum(axis=axes), own.u, rtol=1e-9, atol=1e-290)
    unsure = parameters.uncertainty
    assert unsure is not None
    n_levels = sum(len(own.m) for own in parameters.comparisons)
    assert len(unsure.errors) == 2 * n_levels + 1
    links = model.link(*sources)
    found = links.pairs.filter(pl.col("decision") != "non-link")
    assert 250 < (found["decision"] == "link").sum() < 310
    review = links.review
    assert len(review)
    total = review.select(pl.sum_horizontal(pl.selectors.starts_with("weight_"))).to_series()
    if "related_weight" in review.columns:
        total = total + review["related_weight"]
    np.testing.assert_allclose(total.to_numpy(), review["weight"].to_numpy(), atol=1e-9)
    again = ts.Model.from_dict(json.loads(json.dumps(model.to_dict()))).link(*sources).pairs
    assert again.filter(pl.col("decision") != "non-link").equals(found)
    # Two records compared by themselves weigh what their pair does.
    tables = {name: table.to_dicts() for name, table in zip("ab", files, strict=True)}
    by_id = {name: {row["id"]: row for row in rows} for name, rows in tables.items()}
    fields = [field.name for field in FIELDS]
    first = found.row(0, named=True)
    a, b = by_id["a"][first["id_left"]], by_id["b"][first["id_right"]]
    compared = model.compare_records({k: a[k] for k in fields}, {k: b[k] for k in fields})
    assert compared.weight == pytest.approx(first["weight"], abs=1e-9)
    assert sum(part["weight"] for part in compared.parts) == pytest.approx(compared.weight, abs=1e-9)
