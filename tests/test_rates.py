"""Rates of error against counting pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.quality.evaluate import entity_rates
from tallystick.quality.rates import EstimatedRates, Rates, estimated_rates, true_rates

truths = st.lists(st.one_of(st.none(), st.sampled_from("abcd")), min_size=2, max_size=12)


@st.composite
def linkages(draw: st.DrawFn) -> tuple[list[str | None], list[int], list[tuple[int, int]], bool, bool]:
    truth = draw(truths)
    cut = draw(st.integers(1, len(truth) - 1))
    groups = [cut, len(truth) - cut]
    within, between = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    pairs = allowed(groups, within, between)
    links = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=10)) if pairs else []
    return truth, groups, links, within, between


def allowed(groups: list[int], within: bool, between: bool) -> list[tuple[int, int]]:
    source = [number for number, size in enumerate(groups) for _ in range(size)]
    return [
        (a, b)
        for a, b in combinations(range(len(source)), 2)
        if (within if source[a] == source[b] else between)
    ]


def same(truth: list[str | None], a: int, b: int) -> bool:
    return truth[a] is not None and truth[a] == truth[b]


@given(linkages())
def test_true_rates_equal_counting(
    linkage: tuple[list[str | None], list[int], list[tuple[int, int]], bool, bool],
) -> None:
    truth, groups, links, within, between = linkage
    left, right = (np.array([pair[k] for pair in links], np.int64) for k in (0, 1))
    found = true_rates(left, right, pl.Series(truth, dtype=pl.String), groups, within, between)
    pairs = allowed(groups, within, between)
    matches = {pair for pair in pairs if same(truth, *pair)}
    true = len(matches & set(links))
    assert found.links == len(links)
    assert found.true_links == true
    assert found.false_links == len(links) - true
    assert found.missed == len(matches) - true
    assert found.allowed_pairs == len(pairs)
    assert found.precision == (true / len(links) if links else None)
    assert found.recall == (true / len(matches) if matches else None)
    assert found.type2 == (pytest.approx(1 - true / len(matches)) if matches else None)
    unmatched = len(pairs) - len(matches)
    assert found.type1 == ((len(links) - true) / unmatched if unmatched else None)


@given(truths, st.data())
def test_entity_rates_equal_counting(truth: list[str | None], data: st.DataObject) -> None:
    entity = data.draw(st.lists(st.integers(0, 3), min_size=len(truth), max_size=len(truth)))
    found = entity_rates(pl.Series(entity), pl.Series(truth, dtype=pl.String))
    pairs = list(combinations(range(len(truth)), 2))
    links = [(a, b) for a, b in pairs if entity[a] == entity[b]]
    true = sum(same(truth, a, b) for a, b in links)
    matches = sum(same(truth, a, b) for a, b in pairs)
    wanted = Rates(len(links), true, len(links) - true, matches - true, len(pairs))
    assert found == wanted


def test_type_1_error_is_over_all_allowed_pairs() -> None:
    """Of a file of 100 records without duplicates: 4,950 pairs, not the candidates."""
    none = pl.Series([str(k) for k in range(100)])
    found = true_rates(np.array([0, 1]), np.array([2, 3]), none, [100], within=True, between=False)
    assert found.type1 == 2 / 4950
    assert (found.recall, found.f1, found.precision) == (None, 0.0, 0.0)


def test_three_sources() -> None:
    truth = pl.Series(["a", "b", "a", "b", "a", None])
    found = true_rates(np.array([0, 1]), np.array([2, 5]), truth, [2, 2, 2], within=False, between=True)
    assert found == Rates(2, 1, 1, 3, 12)
    assert found.f1 == pytest.approx(2 * 1 / (2 + 4))


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 30))
def test_estimated_rates(posterior: list[float], expected: float) -> None:
    found = estimated_rates(np.array(posterior, np.float64), expected, 1000)
    true = sum(posterior)
    assert found.links == len(posterior)
    assert found.true_links == pytest.approx(true)
    assert found.false_links == pytest.approx(len(posterior) - true)
    # More true links than matches there cannot be.
    assert found.matches == pytest.approx(max(expected, true))
    if posterior:
        assert found.precision == pytest.approx(true / len(posterior))
    if found.recall is not None:
        assert 0 <= found.recall <= 1


def test_a_large_file_does_not_overflow() -> None:
    truth = pl.Series(np.zeros(200_000, np.int64)).cast(pl.String)
    found = true_rates(np.zeros(0, np.int64), np.zeros(0, np.int64), truth, [200_000], True, False)
    assert found.missed == found.allowed_pairs == 200_000 * 199_999 / 2
    entities = entity_rates(pl.Series(np.zeros(200_000, np.int64)), truth)
    assert entities.true_links == 200_000 * 199_999 / 2


def test_as_plain_data() -> None:
    plain = Rates(10, 8, 2, 4, 100).to_dict()
    assert plain["matches"] == 12
    assert plain["precision"] == 0.8
    assert plain["recall"] == pytest.approx(2 / 3)
    assert plain["f1"] == pytest.approx(16 / 22)
    assert plain["type1"] == pytest.approx(2 / 88)
    assert plain["type2"] == pytest.approx(1 / 3)


def test_an_interval_holds_its_estimate() -> None:
    """Of a number that is hardly known at all a gamma distribution has nearly all its mass at 0."""
    rates = EstimatedRates(1000.0, 990.0, 10.0, 900.0, 1e6, true_links_error=1.0, missed_error=1e5)
    for name, limits in rates.intervals.items():
        value = getattr(rates, name)
        assert limits.low <= value <= limits.high, name
