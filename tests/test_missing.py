"""What a missing value says: nothing, a level of its own, or one of k categories."""

from __future__ import annotations

import json
from pathlib import Path

import naive_pairs as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import Field, two_files
from test_patterns import COMPARISONS, PASSES, Case, cases, plan_of

import tallystick as ts
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.patterns.count import count_patterns
from tallystick.quality.diagnostics import parameter_warnings
from tallystick.spec import dump_spec, parse_spec

FIELDS = (
    Field("surname", 200, 1.0, 3, redrawn=0.1, altered=0.1),
    Field("given", 60, 0.5, redrawn=0.1),
    Field("birth", 200, redrawn=0.05),
)


def as_level(one: Comparison) -> Comparison:
    return one.model_copy(update={"missing": "level"})


def raised(digit: int, n_levels: int) -> int:
    """The level of a pair where missing is a level, from what it is where it is none."""
    if digit == n_levels:
        return 1
    return digit + (digit > 0)


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(case=cases())
@settings(max_examples=25)
def test_patterns_where_missing_is_a_level(passes: list[AnyPass], case: Case) -> None:
    changed = Case(case.rows, case.sizes, case.kind, [as_level(one) for one in case.comparisons])
    counts = count_patterns(plan_of(changed, passes))
    n = len(changed.comparisons)
    found: dict[tuple[int, ...], int] = {}
    for row, times in zip(counts.coding.decode(counts.patterns)[:, :n], counts.counts, strict=True):
        found[tuple(row.tolist())] = found.get(tuple(row.tolist()), 0) + int(times)
    wanted: dict[tuple[int, ...], int] = {}
    pairs = naive.candidates(case.rows, case.sizes, passes, case.kind)
    for row in naive.patterns(case.rows, pairs, case.comparisons, case.kind).values():
        key = tuple(raised(k, one.n_levels) for k, one in zip(row, case.comparisons, strict=True))
        wanted[key] = wanted.get(key, 0) + 1
    assert found == wanted


@pytest.mark.parametrize("one", COMPARISONS, ids=lambda one: one.name)
def test_disagreement_stays_first_and_full_agreement_last(one: Comparison) -> None:
    changed = as_level(one)
    assert changed.n_levels == len(changed.labels) == one.n_levels + 1
    assert (changed.labels[0], changed.labels[1], changed.labels[-1]) == (
        one.labels[0],
        "missing",
        one.labels[-1],
    )
    assert [*changed.labels[:1], *changed.labels[2:]] == list(one.labels)
    assert set(changed.combination().tolist()) <= set(range(changed.n_levels))  # type: ignore[union-attr]


def with_missing(table: pl.DataFrame, chance: pl.Series, field: str) -> pl.DataFrame:
    drawn = np.random.default_rng(11).random(len(table)) < chance.to_numpy()
    return table.with_columns(pl.when(pl.Series(drawn)).then(None).otherwise(pl.col(field)).alias(field))


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given"), ts.blocking_key("birth")]])
def test_values_missing_because_records_do_not_match_count_against_a_match(
    passes: list[ts.BlockingKey],
) -> None:
    """Those who are in the other file, too, leave the field empty in 10 %, the others in 60 %."""
    files = two_files(FIELDS, 2000, 2000, 1200, 5)
    in_both = set(files.entities[0].tolist()) & set(files.entities[1].tolist())
    tables = []
    for table, entity in zip(files.tables, files.entities, strict=True):
        chance = pl.Series([0.1 if one in in_both else 0.6 for one in entity.tolist()])
        tables.append(with_missing(table, chance, "surname"))
    others = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]
    surname = ts.comparison("surname", ts.levenshtein(1), missing="level")
    model = ts.Linkage([surname, *others], passes).fit(*tables)
    own = model.parameters.comparisons[0]
    assert own.labels[1] == "missing"
    assert own.missing_level == 1
    absent = [table["surname"].is_null() for table in tables]
    # Both draws are the same random numbers, one a row: what is missing in truth is counted, not computed.
    where = {one: k for k, one in enumerate(files.entities[1].tolist())}
    either = [
        bool(absent[0][k] or absent[1][where[one]])
        for k, one in enumerate(files.entities[0].tolist())
        if one in where
    ]
    assert own.m[1] == pytest.approx(np.mean(either), abs=0.03)
    shares = [float(one.mean()) for one in absent]  # type: ignore[arg-type]
    assert own.u[1] == pytest.approx(1 - (1 - shares[0]) * (1 - shares[1]), abs=0.01)
    assert own.weights[1] < -0.7
    # The others are, among values that are there, what they would be.
    present = np.delete(np.array(own.m), 1) / (1 - own.m[1])
    np.testing.assert_allclose(present, FIELDS[0].m, atol=0.04)
    record = {"surname": None, "given": "a", "birth": "b"}
    found = model.compare_records(record, record)
    assert found.pattern == "1-1-1"
    assert found.parts[0] == {
        "comparison": "surname", "level": 1, "label": "missing", "weight": pytest.approx(own.weights[1])
    }  # fmt: skip
    assert ts.Model.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def test_em_starts_from_what_is_missing_among_all_pairs() -> None:
    fields = (Field("surname", 200, 1.0, 3, missing=0.2), *FIELDS[1:])
    files = two_files(fields, 500, 500, 300, 6)
    one = ts.comparison("surname", ts.levenshtein(1), missing="level")
    others = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]
    prior = ts.Estimation(prior_matches=1e12)  # so that m stays what it starts from
    own = ts.Linkage([one, *others], [ts.all_pairs()], estimation=prior).fit(*files.tables).parameters
    present = [1 - float(table["surname"].is_null().mean()) for table in files.tables]  # type: ignore[arg-type]
    absent = 1 - present[0] * present[1]
    wanted = (0.025 * (1 - absent), absent, 0.075 * (1 - absent), 0.9 * (1 - absent))
    np.testing.assert_allclose(own.comparisons[0].m, wanted, atol=1e-6)


def test_a_missing_level_has_no_order_among_the_others() -> None:
    levels = {"name": "x", "labels": ["no", "missing", "near", "equal"]}
    own: dict[str, object] = {**levels, "m": [0.1, 0.3, 0.2, 0.4], "u": [0.6, 0.05, 0.3, 0.05]}
    assert [text for text in parameter_warnings(own) if "monotone" in text]
    assert not parameter_warnings({**own, "missing_level": 1})
    wrong = {**own, "missing_level": 1, "m": [0.3, 0.1, 0.2, 0.4], "u": [0.35, 0.05, 0.5, 0.1]}
    assert [text for text in parameter_warnings(wrong) if "“near”" in text]


def test_missing_at_random_as_a_level_weighs_next_to_nothing() -> None:
    fields = (Field("surname", 200, 1.0, 3, redrawn=0.1, altered=0.1, missing=0.2), *FIELDS[1:])
    files = two_files(fields, 2000, 2000, 1200, 6)
    others = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]
    weights = {}
    for missing in ("neutral", "level"):
        surname = ts.comparison("surname", ts.levenshtein(1), missing=missing)  # type: ignore[arg-type]
        weights[missing] = ts.Linkage([surname, *others], [ts.all_pairs()]).fit(*files.tables).parameters
    level, neutral = (weights[name].comparisons[0].weights for name in ("level", "neutral"))
    assert level[1] == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(np.delete(level, 1), neutral, atol=0.1)


@given(st.integers(2, 400), st.floats(0.01, 0.99))
def test_a_missing_value_of_k_categories_is_neutral_where_u_is_one_in_k(k: int, m: float) -> None:
    for u, sign in ((1 / k, 0), (1 / (2 * k), np.sign(m - 1 / (2 * k)))):
        model = ts.Linkage([ts.comparison("x", ts.exact(), m=m, u=u, missing={"categories": k})]).model()
        found = model.compare_records({"x": "a"}, {"x": None})
        assert found.weight == model.weight(".") == model.parameters.comparisons[0].missing_weight
        ratio = (1 / k) * m / u + (1 - 1 / k) * (1 - m) / (1 - u)
        assert found.weight == pytest.approx(np.log(ratio), abs=1e-9)
        assert found.parts[0]["label"] == "missing"
        assert found.parts[0]["level"] is None
        if sign == 0:
            assert found.weight == pytest.approx(0, abs=1e-9)
        elif abs(m - u) > 1e-6:
            assert np.sign(found.weight) == sign


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given")]])
def test_every_weight_of_a_linkage_knows_the_missing_weight(
    passes: list[ts.BlockingKey], tmp_path: Path
) -> None:
    fields = (Field("surname", 200, 1.0, 3, redrawn=0.1, altered=0.1, missing=0.3), *FIELDS[1:])
    files = two_files(fields, 300, 300, 200, 8)
    tables = [ts.Source(name=n, table=t, id="id") for n, t in zip("ab", files.tables, strict=True)]
    one = ts.comparison("surname", ts.levenshtein(1), frequencies=True, missing={"categories": 50})
    others = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]
    model = ts.Linkage([one, *others], passes, scale="weight", upper=8, lower=-4).fit(*tables)
    weight = model.parameters.comparisons[0].missing_weight
    known = model.parameters.comparisons[0]
    n_top = model.spec.comparisons[0].n_top
    m, u = sum(known.m[-n_top:]), sum(known.u[-n_top:])
    assert weight == pytest.approx(np.log(m / u / 50 + (1 - m) / (1 - u) * 49 / 50))
    model.save(tmp_path / "model.json")
    loaded = ts.Model.load(tmp_path / "model.json")
    assert loaded == model
    links = loaded.link(*tables)
    missing = links.pairs.filter(pl.col("pattern").str.starts_with(".-"))
    assert len(missing)
    for pattern, found in missing.select("pattern", "weight").unique().iter_rows():
        rest = loaded.parameters.level_weights[[1, 2], [int(k) for k in pattern.split("-")[1:]]]
        assert found == pytest.approx(weight + rest.sum())
    review = links.review.filter(pl.col("level_surname") == "missing")
    assert (review["weight_surname"] - weight).abs().max() < 1e-12  # type: ignore[operator]


def test_settings_are_the_same_in_toml() -> None:
    rows = {"level": '"level"', "categories": "{ categories = 12 }"}
    for name, text in rows.items():
        spec = parse_spec(
            f'[[comparisons]]\nfield = "x"\ncomparator = {{ type = "exact" }}\nmissing = {text}\n'
            '[[passes]]\ntype = "all_pairs"\n'
        )
        missing = "level" if name == "level" else {"categories": 12}
        assert spec.comparisons == (ts.comparison("x", ts.exact(), missing=missing),)  # type: ignore[arg-type]
        assert f"missing = {text}" in dump_spec(spec)
        assert parse_spec(dump_spec(spec)) == spec
    assert "missing" not in dump_spec(
        spec.model_copy(update={"comparisons": (ts.comparison("x", ts.exact()),)})
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"missing": "levels"}, "missing: .*levels"),
        ({"missing": {"categories": 1}}, "missing.categories: found 1, expected a number of at least 2"),
        ({"missing": {"category": 3}}, "missing.*categor"),
        ({"missing": "level", "m": 0.9}, "m: found one number, expected 3, .*different, missing, equal"),
        ({"missing": "level", "u": (0.5, 0.5)}, "u: found 2 numbers, expected 3"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ts.comparison("x", ts.exact(), **settings)  # type: ignore[arg-type]


def test_given_probabilities_of_a_missing_level() -> None:
    one = ts.comparison("x", ts.exact(), missing="level", m=(0.1, 0.2, 0.7), u=(0.8, 0.1, 0.1))
    model = ts.Linkage([one]).model()
    assert model.compare_records({"x": None}, {"x": "a"}).weight == pytest.approx(np.log(2))
    assert model.weight("2") == pytest.approx(np.log(7))
