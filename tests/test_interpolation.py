"""Weights that follow the similarity of a pair: formulas, every sweep against a plain sum, saved models."""

from __future__ import annotations

import json
import math
from pathlib import Path

import naive
import naive_pairs
import numpy as np
import polars as pl
import pytest
from check_pairs import check_best
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Jaro, JaroWinkler, Levenshtein
from simulate import Field, two_files
from test_patterns import PASSES, Case, cases, plan_of

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import source_pairs
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.interpolation import first_agreement, similarity_ranges
from tallystick.comparisons.similarity import unit_similarities
from tallystick.errors import InputError
from tallystick.estimation.interpolation import interpolated, scaled_weight
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.ratio import log_ratio
from tallystick.estimation.weighed import weighed
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import score
from tallystick.patterns.count import count_patterns
from tallystick.spec import dump_spec, parse_spec

chances = st.floats(0.001, 0.999)


# Formulas


@given(chances, chances)
def test_as_much_agreement_as_chance_gives_weighs_nothing(m: float, u: float) -> None:
    assert float(log_ratio(u, m, u)) == pytest.approx(0, abs=1e-12)
    assert float(log_ratio(1.0, m, u)) == pytest.approx(math.log(m / u), abs=1e-12)
    assert float(log_ratio(0.0, m, u)) == pytest.approx(math.log((1 - m) / (1 - u)), abs=1e-12)


def test_a_similarity_of_u_has_a_ratio_of_one_exactly() -> None:
    for m, u in ((0.9, 0.25), (0.75, 0.5), (0.5, 0.125)):  # without rounding
        assert np.exp(float(log_ratio(u, m, u))) == 1.0


@given(chances, chances, st.floats(0.5, 9), st.floats(0, 9))
def test_scaled_weights_lie_between_agreement_and_disagreement(
    m: float, u: float, first: float, more: float
) -> None:
    slopes = (first, first + more)
    phi = np.linspace(0, 1, 201)
    found = scaled_weight(phi, m, u, slopes)
    agreement, disagreement = math.log(m / u), math.log((1 - m) / (1 - u))
    assert found[-1] == pytest.approx(agreement, abs=1e-12)
    assert found.min() >= min(agreement, disagreement) - 1e-12
    assert found.max() <= max(agreement, disagreement) + 1e-12
    rising = np.diff(found) * np.sign(agreement - disagreement)
    assert (rising >= -1e-12).all()
    for one, weight in zip(phi.tolist(), found.tolist(), strict=True):
        a = slopes[0] if one >= 0.92 else slopes[1]
        wanted = agreement - a * (1 - one) * (agreement - disagreement)
        outside = (wanted - disagreement) * (agreement - disagreement) < 0
        assert weight == pytest.approx(disagreement if outside else wanted, abs=1e-9)


# Similarities of pairs of values

texts = st.lists(st.one_of(st.none(), st.text("abc ", max_size=8)), min_size=1, max_size=12)
COMPARATORS = {
    "jaro": (ts.jaro(0.9, 0.7), Jaro.normalized_similarity),
    "jaro_winkler": (ts.jaro_winkler(0.9, 0.7), None),
    "levenshtein": (ts.levenshtein(1, 2), Levenshtein.normalized_similarity),
    "damerau_levenshtein": (ts.damerau_levenshtein(1, 3), None),
    "bigram_dice": (ts.bigram_dice(0.9, 0.4), None),
    "bigram_jaccard": (ts.bigram_jaccard(1.0, 0.4), None),
    "token_set": (ts.token_set(1.0, 0.5), None),
}


@pytest.mark.parametrize("name", COMPARATORS)
@given(texts, texts)
def test_similarities_are_from_0_to_1_and_within_their_level(
    name: str, one: list[str | None], other: list[str | None]
) -> None:
    comparator, known = COMPARATORS[name]
    left, right = (
        pl.Series([None, *dict.fromkeys(text for text in side if text is not None)], dtype=pl.String)
        for side in (one, other)
    )
    measure = comparator.prepare((left,), (right,), False)
    a, b = (grid.ravel().astype(np.int32) for grid in np.indices((len(left), len(right))))
    found = unit_similarities(measure, a, b)
    levels = np.empty(len(a), np.uint8)
    measure.levels(a, b, levels)
    assert np.isnan(found).tolist() == ((a == 0) | (b == 0)).tolist()
    low, high = np.array([*similarity_ranges(comparator), (-1.0, 2.0)]).T
    there = ~np.isnan(found)
    assert (found[there] >= low[levels[there]]).all()
    assert (found[there] <= high[levels[there]]).all()
    for x, y, phi in zip(a[there].tolist(), b[there].tolist(), found[there].tolist(), strict=True):
        if left[x] == right[y]:
            assert phi == 1
        elif name == "damerau_levenshtein":
            longer = max(len(left[x]), len(right[y]))
            assert phi == pytest.approx(1 - naive.edit_distance(left[x], right[y], True) / longer)
        elif known is not None:
            assert phi == pytest.approx(known(left[x], right[y]))


# m and u of agreement


def test_agreement_is_the_levels_from_the_cut_on() -> None:
    m, u = (0.05, 0.05, 0.1, 0.8), (0.9, 0.05, 0.03, 0.02)
    for cut, wanted in ((0.8, (0.95, 0.1)), (0.9, (0.9, 0.05)), (None, (0.9, 0.05))):
        one = ts.comparison("x", ts.jaro_winkler(0.9, 0.8), interpolate={"cut": cut})
        found = interpolated(one, m, u)
        assert found is not None
        assert (found.m, found.u) == (pytest.approx(wanted[0]), pytest.approx(wanted[1]))
        assert found.similarities == (0.4, pytest.approx(0.85), pytest.approx(0.95), 1.0)
    assert first_agreement(ts.levenshtein(1, 2), 2) == 1
    assert first_agreement(ts.levenshtein(1, 2), 1) == 2


def test_fractional_agreement_is_the_mean_similarity() -> None:
    m, u = (0.05, 0.05, 0.1, 0.8), (0.9, 0.05, 0.03, 0.02)
    one = ts.comparison("x", ts.jaro_winkler(0.9, 0.8), interpolate={"fractional": True})
    seen = (0.5, 0.82, None, 1.0)
    found = interpolated(one, m, u, seen)
    assert found is not None
    used = (0.5, 0.82, 0.95, 1.0)
    assert found.m == pytest.approx(np.dot(m, used))
    assert found.u == pytest.approx(np.dot(u, used))
    # The mean ratio of non-matches is 1, as that of every likelihood ratio.
    assert np.dot(u, np.exp(found.weigh(used))) == pytest.approx(1)


def test_a_missing_level_keeps_its_weight_and_m_and_u_are_of_what_is_there() -> None:
    one = ts.comparison("x", ts.jaro_winkler(0.9), missing="level", interpolate=True)
    m, u = (0.1, 0.2, 0.1, 0.6), (0.6, 0.25, 0.1, 0.05)
    own = weighed(ComparisonParameters("x", one.labels, m, u, "", ""), one)
    assert own.interpolation is not None
    assert (own.interpolation.m, own.interpolation.u) == (
        pytest.approx(0.7 / 0.8),
        pytest.approx(0.15 / 0.75),
    )
    assert own.weights[1] == pytest.approx(math.log(0.2 / 0.25))
    there = math.log(0.8 / 0.75)
    assert own.weights[3] == pytest.approx(math.log((0.7 / 0.8) / (0.15 / 0.75)) + there)
    assert own.weights[0] == pytest.approx(float(log_ratio(0.45, 0.7 / 0.8, 0.2)) + there)


def test_a_missing_value_of_k_categories_agrees_to_the_share_of_the_same_m_and_u() -> None:
    how = {"missing": {"categories": 10}, "interpolate": {"cut": 0.8}}
    one = ts.comparison("x", ts.jaro_winkler(0.9, 0.8), **how)  # type: ignore[arg-type]
    m, u = (0.05, 0.05, 0.1, 0.8), (0.9, 0.05, 0.03, 0.02)
    own = weighed(ComparisonParameters("x", one.labels, m, u, "", ""), one)
    assert own.missing_weight == pytest.approx(float(log_ratio(0.1, 0.95, 0.1)))
    assert own.missing_weight == pytest.approx(0, abs=1e-9)


def test_bands_of_frequency_keep_their_weights() -> None:
    one = ts.comparison("x", ts.jaro_winkler(0.9), frequencies={"a": 0.05}, interpolate=True)
    m, u = (0.1, 0.1, 0.2, 0.6), (0.9, 0.05, 0.03, 0.02)
    own = weighed(ComparisonParameters("x", one.labels, m, u, "", ""), one)
    assert own.interpolation is not None
    assert own.weights[2:] == (math.log(0.2 / 0.03), math.log(0.6 / 0.02))
    assert own.interpolation.m == pytest.approx(0.9)
    low, high = own.term_ranges
    assert (low[2:] == 0).all()
    assert (high[2:] == 0).all()


# Every pair of a linkage

INTERPOLATIONS = [True, {"scaled": True}, {"fractional": True}, {"scaled": True, "slopes": (1.0, 2.0)}]


def similarity(one: Comparison, a: naive_pairs.Record, b: naive_pairs.Record, ordered: bool) -> float:
    """Of both orders the best; 0 where nothing is there."""
    (left,), (right,) = one.left, one.right
    sides = [(a[left], b[right])] if ordered else [(a[left], b[right]), (b[left], a[right])]
    found = [0.0]
    for x, y in sides:
        if x is None or y is None:
            continue
        if one.comparator.type == "levenshtein":
            found.append(Levenshtein.normalized_similarity(x, y))
        else:
            found.append(naive.jaro_winkler(x, y))
    return max(found)


@st.composite
def interpolating(draw: st.DrawFn) -> tuple[Case, Parameters]:
    """A case in which all that can interpolate does, with invented probabilities."""
    case = draw(cases())
    changed = [
        one.model_copy(
            update={
                "interpolate": Comparison(
                    left=one.left, right=one.right, comparator=one.comparator,
                    interpolate=draw(st.sampled_from(INTERPOLATIONS)),
                ).interpolate
            }
        )
        if one.comparator.type in ("jaro_winkler", "levenshtein") else one
        for one in case.comparisons
    ]  # fmt: skip
    changed = changed or case.comparisons
    extra = ts.comparison("surname", ts.jaro_winkler(0.9, 0.7), name="more", interpolate=True)
    changed = [*changed, extra]
    random = np.random.default_rng(draw(st.integers(0, 99)))
    own = []
    related = draw(st.booleans())
    for one in changed:
        m, u, r = (
            tuple((random.dirichlet(np.full(one.n_levels, 0.7)) * 0.99 + 0.01 / one.n_levels).tolist())
            for _ in range(3)
        )
        known = ComparisonParameters(
            one.name, one.labels, m, u, "", "", *((r, 0.5) if related else (None, None))
        )
        own.append(weighed(known, one))
    case = Case(case.rows, case.sizes, case.kind, changed)
    return case, Parameters(tuple(own), related_share=random.uniform(0.01, 0.9) if related else 0.0)


def exact_weights(case: Case, passes: list[AnyPass], parameters: Parameters) -> dict[naive_pairs.Pair, float]:
    """The plain way: log m / u or log R of each comparison, less what relatives have in common."""
    found = {}
    pairs = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    for (i, j), digits in naive_pairs.patterns(case.rows, pairs, case.comparisons, case.kind).items():
        total, related = 0.0, 0.0
        for one, own, level in zip(case.comparisons, parameters.comparisons, digits, strict=True):
            if level == one.n_levels:
                continue
            if own.interpolation is None:
                related += math.log((own.r or own.u)[level] / own.u[level])
                total += math.log(own.m[level] / own.u[level])
                continue
            m, u, slopes = own.interpolation.m, own.interpolation.u, own.interpolation.slopes
            phi = similarity(one, case.rows[i], case.rows[j], case.kind == "link")
            if slopes is None:
                weight = math.log(phi * m / u + (1 - phi) * (1 - m) / (1 - u))
            else:
                a, d = math.log(m / u), math.log((1 - m) / (1 - u))
                weight = a - min(1, (slopes[0] if phi >= 0.92 else slopes[1]) * (1 - phi)) * (a - d)
            total += weight
            related += math.log(0.5 * math.exp(weight) + 0.5)
        share = parameters.related_share
        found[i, j] = total - (math.log(1 - share + share * math.exp(related)) if share else 0.0)
    return found


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(drawn=interpolating(), at=st.integers(0, 5), threads=st.sampled_from([1, 2]))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_pair_above_the_floor_is_lost_and_all_weigh_what_they_should(
    monkeypatch: pytest.MonkeyPatch,
    passes: list[AnyPass],
    drawn: tuple[Case, Parameters],
    at: int,
    threads: int,
) -> None:
    monkeypatch.setattr(units_module, "TILE_LEFT", 3)
    case, parameters = drawn
    expected = exact_weights(case, passes, parameters)
    ordered = sorted(expected.values()) or [0.0]
    floor = ordered[(len(ordered) - 1) * at // 5] - 1e-6
    plan = plan_of(case, passes)
    floors = np.full(len(source_pairs(len(case.sizes), case.kind)), floor)
    remembered = count_patterns(plan).remembered
    for known in (None, remembered):
        found = score(plan, parameters, floors, remembered=known, threads=threads)
        kept = dict(
            zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.weight, strict=True)
        )
        for pair, weight in kept.items():
            assert weight == pytest.approx(expected[pair], abs=1e-9)
        assert set(kept) == {pair for pair, weight in expected.items() if weight >= floor}


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(drawn=interpolating(), data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_best_candidates(
    monkeypatch: pytest.MonkeyPatch,
    passes: list[AnyPass],
    drawn: tuple[Case, Parameters],
    data: st.DataObject,
) -> None:
    monkeypatch.setattr(units_module, "TILE_LEFT", 3)
    case, parameters = drawn
    n = len(case.rows)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    expected = exact_weights(case, passes, parameters)
    where = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    plan = plan_of(case, passes)
    for known in (None, count_patterns(plan).remembered):
        check_best(plan, parameters, wanted, known, expected, where)


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("one")]], ids=["tiles", "blocks"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_pair_with_the_most_to_hope_for_is_not_the_best(passes: list[AnyPass], side: str) -> None:
    """Both candidates are within 5 edits, and one agrees besides, but its text is further off."""
    far, near = {"x": "aaaaabbbbb", "y": "1", "one": "1"}, {"x": "aaaaaaaaab", "y": "2", "one": "1"}
    asked = {"x": "aaaaaaaaaa", "y": "1", "one": "1"}
    rows, sizes = ([asked, far, near], [1, 2]) if side == "left" else ([far, near, asked], [2, 1])
    text = ts.comparison("x", ts.levenshtein(5), interpolate=True, m=(0.1, 0.1, 0.8), u=(0.9, 0.05, 0.05))
    other = ts.comparison("y", ts.exact(), m=0.52, u=0.48)
    parameters = Parameters(
        tuple(
            weighed(ComparisonParameters(one.name, one.labels, one.m, one.u, "", ""), one)  # type: ignore[arg-type]
            for one in (text, other)
        )
    )
    plan = plan_of(Case(rows, sizes, "link", [text, other]), passes)
    wanted = np.array([row is asked for row in rows])
    for known in (None, count_patterns(plan).remembered):
        found = best_candidates(plan, parameters, wanted, remembered=known)
        (best,) = found.row[wanted]
        assert rows[best] is near
        wanted_weight = float(log_ratio(0.9, 0.9, 0.1)) + math.log(0.48 / 0.52)
        assert found.weight[wanted][0] == pytest.approx(wanted_weight)


# A linkage from end to end

FIELDS = (
    Field("surname", 200, 1.0, 3, redrawn=0.1, altered=0.15, missing=0.1),
    Field("given", 60, 0.5, redrawn=0.1),
    Field("birth", 200, redrawn=0.05),
)
OTHERS = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given"), ts.blocking_key("birth")]])
@pytest.mark.parametrize("how", [True, {"fractional": True}, {"cut": 0.8, "scaled": True}])
def test_a_linkage_and_its_saved_model(
    passes: list[ts.BlockingKey], how: bool | dict[str, object], tmp_path: Path
) -> None:
    files = two_files(FIELDS, 800, 800, 500, 3)
    tables = [ts.Source(name=name, table=t, id="id") for name, t in zip("ab", files.tables, strict=True)]
    surname = ts.comparison("surname", ts.jaro_winkler(0.95, 0.8), interpolate=how)
    spec = ts.Linkage([surname, *OTHERS], passes, scale="weight", upper=7, lower=2)
    plain = ts.Linkage([ts.comparison("surname", ts.jaro_winkler(0.95, 0.8)), *OTHERS], passes)
    model = spec.fit(*tables)
    levels = plain.fit(*tables).parameters
    own = model.parameters.comparisons[0]
    # EM is that of the levels.
    assert (own.m, own.u) == (levels.comparisons[0].m, levels.comparisons[0].u)
    assert model.parameters.pairs == levels.pairs
    assert own.interpolation is not None
    if how is True:
        assert own.interpolation.m == pytest.approx(sum(own.m[2:]))
    model.save(tmp_path / "model.json")
    loaded = ts.Model.load(tmp_path / "model.json")
    assert loaded == model
    links = loaded.link(*tables)
    again = model.link(*tables)
    assert links.pairs.equals(again.pairs)
    review = links.review
    assert len(review)
    partial = review.filter(pl.col("level_surname").str.contains("or more"))
    assert partial["weight_surname"].n_unique() > 1
    total = review.select(pl.sum_horizontal(pl.selectors.starts_with("weight_"))).to_series()
    np.testing.assert_allclose(total.to_numpy(), review["weight"].to_numpy(), atol=1e-9)
    by_id = [{row["id"]: row for row in table.iter_rows(named=True)} for table in files.tables]
    for row in links.pairs.sample(25, seed=2).iter_rows(named=True):
        a, b = (
            {key: by_id[k][row[f"id_{side}"]][key] for key in ("surname", "given", "birth")}
            for k, side in enumerate(("left", "right"))
        )
        found = loaded.compare_records(a, b)
        assert found.weight == pytest.approx(row["weight"])
        assert sum(part["weight"] for part in found.parts) == pytest.approx(found.weight)
        rest = sum(part["weight"] for part in found.parts[1:])
        if a["surname"] and b["surname"]:
            phi = JaroWinkler.normalized_similarity(a["surname"].lower(), b["surname"].lower())
            assert found.weight - rest == pytest.approx(float(own.interpolation.weigh(phi)))
        looked_up = loaded.lookup(a, tables[1], most=800)
        (weight,) = looked_up.filter(pl.col("id") == row["id_right"])["weight"].to_list()
        assert weight == pytest.approx(row["weight"])
    # What the residuals say of a pair is what the pair weighs.
    residuals = links.residuals.filter(pl.col("id_candidate").is_not_null()).head(20)
    for row in residuals.iter_rows(named=True):
        side = 0 if row["source"] == "a" else 1
        a, b = by_id[side][row["id"]], by_id[1 - side][row["id_candidate"]]
        first, second = (a, b) if side == 0 else (b, a)
        one, other = ({key: r[key] for key in ("surname", "given", "birth")} for r in (first, second))
        assert loaded.compare_records(one, other).weight == pytest.approx(row["weight"])
    parts = [one for example in links.quality_dict()["examples"] for one in [example]]
    for example in parts:
        assert sum(part["weight"] for part in example["parts"]) == pytest.approx(example["weight"])
    histogram = links.quality_dict()["histogram"]
    assert sum(histogram["links"]) == int(links.decided.links.sum())
    assert all(a >= b for a, b in zip(histogram["candidates"], histogram["links"], strict=True))


def test_mean_similarities_of_levels_are_those_of_random_pairs() -> None:
    files = two_files(FIELDS, 1200, 1200, 700, 9)
    surname = ts.comparison("surname", ts.jaro_winkler(0.9), interpolate={"fractional": True})
    model = ts.Linkage([surname, *OTHERS], [ts.all_pairs()]).fit(*files.tables)
    own = model.parameters.comparisons[0]
    assert own.interpolation is not None
    left, right = (table["surname"].drop_nulls().to_list()[:300] for table in files.tables)
    every = np.array([JaroWinkler.normalized_similarity(a, b) for a in left for b in right])
    assert own.interpolation.similarities[0] == pytest.approx(every[every < 0.9].mean(), abs=0.01)
    assert own.interpolation.u == pytest.approx(every.mean(), abs=0.01)
    # Over all non-matches R has the mean 1, so that weights are those of a likelihood ratio.
    ratios = np.exp(own.interpolation.weigh(every))
    assert ratios.mean() == pytest.approx(1, abs=0.03)


def test_no_data_no_search() -> None:
    """A model of given probabilities weighs by the similarity, too."""
    name = ts.comparison("x", ts.jaro_winkler(0.9), m=(0.1, 0.1, 0.8), u=(0.9, 0.06, 0.04), interpolate=True)
    model = ts.Linkage([name]).model()
    phi = JaroWinkler.normalized_similarity("martha", "marhta")
    found = model.compare_records({"x": "martha"}, {"x": "marhta"})
    assert found.weight == pytest.approx(math.log(phi * 9 + (1 - phi) * 0.1 / 0.9))
    assert model.weight("1") == pytest.approx(math.log(0.95 * 9 + 0.05 * 0.1 / 0.9))
    assert model.compare_records({"x": "martha"}, {"x": "martha"}).weight == pytest.approx(math.log(9))


# Settings


def test_settings_are_the_same_in_toml() -> None:
    for text, how in (
        ("true", True),
        ("{ cut = 0.8 }", {"cut": 0.8}),
        ("{ fractional = true, scaled = true, slopes = [1.5, 3.0] }",
         {"fractional": True, "scaled": True, "slopes": (1.5, 3)}),
    ):  # fmt: skip
        spec = parse_spec(
            '[[comparisons]]\nfield = "x"\ncomparator = { type = "jaro", thresholds = [0.9, 0.8] }\n'
            f'interpolate = {text}\n[[passes]]\ntype = "all_pairs"\n'
        )
        assert spec.comparisons == (ts.comparison("x", ts.jaro(0.9, 0.8), interpolate=how),)  # type: ignore[arg-type]
        assert f"interpolate = {text}" in dump_spec(spec)
        assert parse_spec(dump_spec(spec)) == spec


@pytest.mark.parametrize(
    ("comparator", "how", "message"),
    [
        (ts.exact(), True, "without a similarity of texts, expected jaro"),
        (ts.jaro(0.9, 0.8), {"cut": 0.85}, "cut = 0.85, expected one of the comparator's own: 0.8, 0.9"),
        (ts.jaro(0.9), {"cut": 0.9, "fractional": True}, "cut and fractional together"),
        (ts.jaro(0.9), {"slopes": (3, 4)}, "slopes without scaled"),
        (ts.jaro(0.9), {"scaled": True, "slopes": (4, 3)}, "second slope below the first"),
        (ts.jaro(0.9), {"scaled": True, "slopes": (0, 3)}, "found 0, expected a number above 0"),
        (ts.jaro(0.9), {"scale": True}, "unknown key"),
        (ts.jaro(0.9), "yes please", "interpolate"),
    ],
)
def test_bad_settings(comparator: object, how: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ts.comparison("x", comparator, interpolate=how)  # type: ignore[arg-type]


def test_models_saved_before_load() -> None:
    files = two_files(FIELDS, 100, 100, 60, 3)
    data = json.loads(json.dumps(ts.Linkage(OTHERS, [ts.all_pairs()]).fit(*files.tables).to_dict()))
    for one in data["comparisons"]:
        assert not {"interpolation", "missing_level", "missing_weight"} & set(one)
    assert not ts.Model.from_dict(data).parameters.with_terms
