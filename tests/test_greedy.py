"""The greedy assignment against all orders in which equal pairs may be taken, and unique pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import greedy_outcomes, random_pairs

from tallystick.linking.assign import assign
from tallystick.linking.greedy import greedy, unique_pairs


def check(left: np.ndarray, right: np.ndarray, gain: np.ndarray) -> tuple[int, int]:
    """Chosen pairs are in every outcome, those of some outcomes only are ties; ties, and those needed."""
    found = greedy(left, right, gain)
    ends = greedy_outcomes(left.tolist(), right.tolist(), gain.tolist())
    chosen, tie = (set(np.flatnonzero(one).tolist()) for one in (found.chosen, found.tie))
    in_all, in_some = frozenset.intersection(*ends), frozenset.union(*ends)
    assert not chosen & tie
    assert chosen <= in_all
    assert in_some <= chosen | tie
    if len(ends) == 1:
        assert chosen == in_all
        assert not tie
    assert found.total == sum(gain[k] for k in sorted(chosen))
    return len(tie), len(in_some - in_all)


def test_equals_all_orders_of_equal_pairs() -> None:
    rng = np.random.default_rng(3)
    ties = needed = 0
    for _ in range(1200):
        n_left, n_right = rng.integers(1, 5, 2)
        left, right = random_pairs(rng, n_left, n_right, int(rng.integers(1, min(n_left * n_right, 9) + 1)))
        one = check(left, right, rng.integers(0, 4, left.size).astype(float))
        ties, needed = ties + one[0], needed + one[1]
    assert needed > 500
    assert ties < 1.1 * needed  # what is in doubt is hardly more than what must be


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_any_order_and_either_side_first(seed: int, random: object) -> None:
    rng = np.random.default_rng(seed)
    left, right = random_pairs(rng, 6, 5, 14)
    gain = rng.integers(-1, 6, left.size) / 3.0
    found = greedy(left, right, gain)
    order = list(range(left.size))
    random.shuffle(order)  # type: ignore[attr-defined]
    for again in (
        greedy(left[order], right[order], gain[order]),
        greedy(right[order], left[order], gain[order]),
        greedy(left[order] + 100, right[order], gain[order]),
    ):
        assert again.chosen.tolist() == found.chosen[order].tolist()
        assert again.tie.tolist() == found.tie[order].tolist()


def test_without_ties_it_is_the_loop_that_everybody_writes() -> None:
    rng = np.random.default_rng(5)
    left, right = random_pairs(rng, 300, 200, 4000)
    gain = rng.normal(1.0, 3.0, left.size)
    used: set[int] = set()
    expected = np.zeros(left.size, bool)
    for k in np.argsort(-gain):
        if gain[k] > 0 and not used & {int(left[k]), int(right[k])}:
            expected[k] = True
            used |= {int(left[k]), int(right[k])}
    found = greedy(left, right, gain)
    assert found.chosen.tolist() == expected.tolist()
    assert not found.tie.any()
    assert found.total < assign(left, right, gain).total


def test_larger_graphs_against_random_orders_of_equal_pairs() -> None:
    rng = np.random.default_rng(8)
    n_tied = n_chosen = 0
    for _ in range(60):
        left, right = random_pairs(rng, 14, 14, int(rng.integers(20, 60)))
        gain = rng.integers(1, 9, left.size).astype(float)
        found = greedy(left, right, gain)
        n_tied, n_chosen = n_tied + found.tie.sum(), n_chosen + found.chosen.sum()
        for _ in range(25):
            ranked = rng.permutation(left.size)
            used: set[int] = set()
            taken = np.zeros(left.size, bool)
            for k in ranked[np.argsort(-gain[ranked], kind="stable")]:
                if not used & {int(left[k]), int(right[k])}:
                    taken[k] = True
                    used |= {int(left[k]), int(right[k])}
            assert not (found.chosen & ~taken).any()
            assert not (taken & ~found.chosen & ~found.tie).any()
    assert n_tied > 300
    assert n_chosen > 300


def test_a_pair_below_a_tie_is_in_doubt() -> None:
    """Row 1 would have its best candidate 5 if row 0 went to 6: its second best is no link."""
    left, right = np.array([0, 0, 1, 1]), np.array([5, 6, 5, 7])
    found = greedy(left, right, np.array([9.0, 9.0, 8.0, 3.0]))
    assert not found.chosen.any()
    assert found.tie.all()
    # the record that both want is taken for certain: what else it has is out
    found = greedy(np.array([0, 0, 0]), np.array([5, 6, 7]), np.array([9.0, 9.0, 8.0]))
    assert found.tie.tolist() == [True, True, False]


def test_gains_that_rounding_parts_are_equal() -> None:
    pairs = np.array([0, 0]), np.array([5, 6]), np.array([0.1 + 0.2, 0.3])
    assert greedy(*pairs).tie.all()
    assert greedy(*pairs, tie_tolerance=0.0).tie.tolist() == [False, False]
    assert not greedy(np.zeros(0, int), np.zeros(0, int), np.zeros(0)).chosen.size


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(5, 9)), max_size=12), st.integers(0, 2**12 - 1))
def test_unique_pairs_by_counting(cells: set[tuple[int, int]], bits: int) -> None:
    pairs = sorted(cells)
    above = [bool(bits >> k & 1) for k in range(len(pairs))]
    kept = [pair for pair, one in zip(pairs, above, strict=True) if one]
    expected = [
        one and sum(a == pair[0] or b == pair[1] for a, b in kept) == 1
        for pair, one in zip(pairs, above, strict=True)
    ]
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    assert unique_pairs(left, right, np.array(above, bool)).tolist() == expected
