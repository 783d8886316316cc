"""Measures that remember give what they remember: tables, and pairs that come again."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tallystick as ts
from tallystick.comparisons.memo import (
    RememberingMeasure,
    TabledMeasure,
    distinct_code_pairs,
    remembering,
)
from tallystick.comparisons.strings import JaroWinkler
from tallystick.linkage.prepare import as_sources, prepare

VALUES = pl.Series([None, "anna", "ana", "hanna", "otto", "ott", "x" * 70, "x" * 69 + "y"])
pairs = st.lists(st.tuples(st.integers(0, len(VALUES) - 1), st.integers(0, len(VALUES) - 1)), max_size=60)


def codes(found: list[tuple[int, int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    a, b = np.array(found, np.int32).reshape(-1, 2).T
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


@given(pairs)
def test_each_pair_is_found_once(found: list[tuple[int, int]]) -> None:
    a, b = codes(found)
    first, number_of = distinct_code_pairs(a, b)
    assert [found[k] for k in first] == list(dict.fromkeys(found))
    assert [found[first[number]] for number in number_of] == found


@pytest.mark.parametrize("n_pairs", [10, 1000])
@pytest.mark.parametrize("comparator", [ts.jaro_winkler(0.9, 0.8), ts.levenshtein(1, 2)])
@given(found=pairs)
def test_levels_are_those_of_the_measure(
    comparator: JaroWinkler, n_pairs: int, found: list[tuple[int, int]]
) -> None:
    measure = comparator.prepare((VALUES,), (VALUES,), True)
    n = len(VALUES) - 1
    other = remembering(measure, n, n, n_pairs, 1000)
    assert type(other) is (TabledMeasure if n_pairs == 1000 else RememberingMeasure)
    a, b = codes(found)
    levels = [np.empty(len(a), np.uint8) for _ in range(2)]
    for one, out in zip((measure, other), levels, strict=True):
        one.levels(a, b, out)
    assert levels[0].tolist() == levels[1].tolist()
    np.testing.assert_array_equal(measure.similarities(a, b), other.similarities(a, b))
    assert (other.n_levels, other.unreadable) == (measure.n_levels, measure.unreadable)


def test_when_a_measure_remembers() -> None:
    short = ts.jaro_winkler(0.9).prepare((VALUES[:6],), (VALUES[:6],), True)
    assert isinstance(remembering(short, 5, 5, 72, 36), TabledMeasure)
    assert remembering(short, 5, 5, 71, 36) is short  # too few pairs for a table of 36 cells
    assert remembering(short, 5, 5, 72, 35) is short  # too little memory


def test_tables_share_the_memory() -> None:
    random = np.random.default_rng(1)
    codes = {f"f{k}": [f"{n:03}" for n in random.integers(0, 200, 900)] for k in range(6)}
    table = pl.DataFrame({"id": range(900), **codes, "town": random.integers(0, 2, 900)})
    spec = ts.Linkage([ts.comparison(f, ts.levenshtein(1)) for f in codes], [ts.blocking_key("town")]).spec
    source = ts.Source(name="a", table=table, id="id")
    plan = prepare(spec, as_sources([source]), memory=200_000).plan
    held = [one.table_bytes for one in plan.comparisons]
    assert 0 < sum(held) <= 100_000
    assert held[-1] == 0


def test_a_function_is_never_asked_about_pairs_that_are_no_candidates() -> None:
    measure = ts.function("difflib:get_close_matches", 0.5).prepare((VALUES[:4],), (VALUES[:4],), True)
    assert remembering(measure, 3, 3, 10_000, 10_000) is measure


def test_a_function_is_called_once_for_a_pair_of_values() -> None:
    calls = []

    def alike(a: str, b: str) -> float:
        calls.append((a, b))
        return float(a == b)

    measure = ts.function(alike, 0.5).prepare((VALUES[:4],), (VALUES[:4],), True)
    a, b = codes([(1, 2), (2, 1), (1, 2), (0, 1), (1, 1), (1, 2)])
    out = np.empty(len(a), np.uint8)
    measure.levels(a, b, out)
    assert calls == [("anna", "ana"), ("ana", "anna"), ("anna", "anna")]
    assert out.tolist() == [0, 0, 0, 2, 1, 0]


def test_a_linkage_of_few_values_looks_them_up() -> None:
    random = np.random.default_rng(1)
    names = pl.Series(["anna", "ana", "otto", "otho"])
    table = pl.DataFrame(
        {
            "id": range(400),
            "name": names.gather(random.integers(0, 4, 400)),
            "town": random.integers(0, 3, 400),
        }
    )
    spec = ts.Linkage([ts.comparison("name", ts.jaro_winkler(0.8))], [ts.blocking_key("town")]).spec
    plan = prepare(spec, as_sources([ts.Source(name="a", table=table, id="id")])).plan
    assert isinstance(plan.comparisons[0].leaves[0].measure, TabledMeasure)
