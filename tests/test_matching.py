"""The solver of the assignment against scipy and brute force, and its prices as a proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import matchings
from scipy_matching import scipy_total

from tallystick.errors import RunError
from tallystick.linking.matching import Matching, best_matching


def graph(
    rng: np.random.Generator, n_first: int, n_second: int, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs in order, some share of all."""
    cells = np.flatnonzero(rng.random(n_first * n_second) < share)
    return cells // n_second, cells % n_second


def check(first: np.ndarray, second: np.ndarray, gain: np.ndarray, best: int) -> Matching:
    """A set in which no record occurs twice, with the best sum, and prices that prove it."""
    found = best_matching(first, second, gain)
    for side in (first, second):
        assert np.bincount(side[found.chosen], minlength=1).max() <= 1
    assert int(gain[found.chosen].sum()) == best
    found.check(first, second, gain)
    # what the prices allow is what is reached: the proof by itself
    assert int(found.profit.sum() + found.price.sum()) == best
    return found


@st.composite
def small(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = sorted(draw(st.sets(st.integers(0, 19), max_size=10)))
    gain = draw(st.lists(st.integers(0, 4) | st.integers(0, 2**48), min_size=len(cells), max_size=len(cells)))
    return np.array(cells, np.int64) // 5, np.array(cells, np.int64) % 5, np.array(gain, np.int64)


@settings(max_examples=300, deadline=None)
@given(small())
def test_equals_brute_force(pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    first, second, gain = pairs
    sets = matchings(first.tolist(), second.tolist())
    check(first, second, gain, max(sum(int(gain[k]) for k in chosen) for chosen in sets))


GAINS = {
    "equal": lambda rng, n: np.ones(n, np.int64),
    "few values": lambda rng, n: rng.integers(1, 4, n),
    "close": lambda rng, n: 2**40 + rng.integers(0, 1000, n),
    "anything": lambda rng, n: rng.integers(0, 2**40, n),
    "falling": lambda rng, n: 10**6 - np.arange(n),
    "rising": lambda rng, n: 10**6 + np.arange(n),
}


@pytest.mark.parametrize("kind", GAINS)
def test_equals_scipy(kind: str) -> None:
    rng = np.random.default_rng(len(kind))
    shapes = [
        (40, 40, 1.0),
        (300, 300, 0.01),
        (300, 40, 0.2),
        (40, 300, 0.2),
        (60, 60, 0.5),
        (500, 500, 0.006),
    ]
    for n_first, n_second, share in shapes:
        first, second = graph(rng, n_first, n_second, share)
        gain = np.asarray(GAINS[kind](rng, first.size), np.int64)
        check(first, second, gain, scipy_total(first, second, gain))


def test_a_product_of_ranks_is_matched_by_rank() -> None:
    """The sum of products is largest where both rise together, and every column is contended."""
    n = 60
    first, second = np.divmod(np.arange(n * n), n)
    best = check(first, second, (1 + first) * (1 + second), sum(k * k for k in range(1, n + 1)))
    assert (first[best.chosen] == second[best.chosen]).all()


def test_a_chain_of_exchanges_through_all_records() -> None:
    """The last row has one column, which all others pass on, one to the next."""
    n = 3000
    step = np.arange(n - 1)
    first = np.concatenate([np.repeat(step, 2), [n - 1]])
    second = np.concatenate([np.column_stack([step, step + 1]).ravel(), [0]])
    gain = np.concatenate([np.tile([10_001, 10_000], n - 1), [50_000]])
    best = check(first, second, gain, 50_000 + 10_000 * (n - 1))
    assert (second[best.chosen] == (first[best.chosen] + 1) % n).all()


def test_no_pairs_and_worthless_pairs() -> None:
    none = np.zeros(0, np.int64)
    assert not len(best_matching(none, none, none).chosen)
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert not best_matching(first, second, np.zeros(4, np.int64)).chosen.any()
    assert best_matching(first, second, np.array([0, 5, 0, 9])).chosen.tolist() == [False, False, False, True]


def test_a_wrong_answer_or_a_wrong_price_is_found_out() -> None:
    first, second, gain = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([4, 3, 3])
    good = best_matching(first, second, gain)
    good.check(first, second, gain)
    worse = np.array([True, False, False])
    for wrong in (
        replace(good, chosen=worse),
        replace(good, chosen=~good.chosen),
        replace(good, chosen=np.ones(3, bool)),
        replace(good, price=good.price + 1),
        replace(good, price=good.price - 1),
        replace(good, profit=good.profit + 1),
        Matching(worse, np.array([4, 0]), np.array([0, 0])),
    ):
        with pytest.raises(RunError, match="not optimal"):
            wrong.check(first, second, gain)
