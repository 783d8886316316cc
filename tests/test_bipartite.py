"""One-to-one probabilities against the sum over every one-to-one set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import posterior, random_pairs

from tallystick.errors import InputError
from tallystick.linking import bipartite
from tallystick.linking.bipartite import (
    bipartite_posterior,
    estimate_matches,
    no_link_constant,
    none_weight,
)

GAINS = {
    "even": lambda rng, n: np.zeros(n),
    "moderate": lambda rng, n: rng.normal(0.0, 3.0, n),
    "spread": lambda rng, n: rng.normal(0.0, 20.0, n),
    "extreme": lambda rng, n: rng.choice([-200.0, -1.0, 0.0, 1.0, 199.0, 200.0], n),
    "discrete": lambda rng, n: rng.integers(-3, 4, n) * 2.5,
}


def sums(left: np.ndarray, right: np.ndarray, probability: np.ndarray) -> float:
    """Largest sum of probabilities over the pairs of one record."""
    return max(np.bincount(left, probability).max(), np.bincount(right, probability).max())


def random_tree(rng: np.random.Generator, n_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """A tree of pairs: each new record is joined to a random earlier one of the other side."""
    rows: tuple[list[int], list[int]] = ([0], [1000])
    pairs = []
    for k in range(n_pairs):
        side = int(rng.integers(2)) if k else 1
        new = (k + 1) if side == 0 else 1000 + k
        old = int(rng.choice(rows[1 - side]))
        if k == 0:
            old, new = 0, 1000
        else:
            rows[side].append(new)
        pairs.append((new, old) if side == 0 else (old, new))
    order = rng.permutation(n_pairs)
    return np.array(pairs, np.int64)[order, 0], np.array(pairs, np.int64)[order, 1]


@pytest.mark.parametrize("kind", GAINS)
def test_trees_are_exact(kind: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(250):
        left, right = random_tree(rng, int(rng.integers(1, 11)))
        gain = GAINS[kind](rng, left.size)
        found = bipartite_posterior(left, right, gain)
        assert found.converged
        assert found.exact.all()
        assert found.sweeps <= 3
        expected = posterior(left.tolist(), right.tolist(), gain.tolist())
        np.testing.assert_allclose(found.probability, expected, rtol=0, atol=1e-9)
        assert sums(left, right, found.probability) <= 1 + 1e-12


@pytest.mark.parametrize("kind", GAINS)
def test_small_graphs_with_cycles_are_exact(kind: str) -> None:
    rng = np.random.default_rng(12)
    for _ in range(250):
        n_left, n_right = rng.integers(2, 6, 2)
        left, right = random_pairs(rng, n_left, n_right, int(rng.integers(2, min(n_left * n_right, 11) + 1)))
        gain = GAINS[kind](rng, left.size)
        found = bipartite_posterior(left, right, gain)
        assert found.converged
        assert found.exact.all()
        expected = posterior(left.tolist(), right.tolist(), gain.tolist())
        np.testing.assert_allclose(found.probability, expected, rtol=0, atol=1e-9)
        assert sums(left, right, found.probability) <= 1 + 1e-12


def test_complete_graphs_against_the_count_of_their_matchings() -> None:
    """With all gains g, K(n, n) has C(n, k)^2 k! sets of k pairs, each pair in k / n^2 of them."""
    for n, g in [(2, 0.0), (6, 1.5), (9, -2.0), (10, 0.7)]:
        left, right = np.repeat(np.arange(n), n), n + np.tile(np.arange(n), n)
        weights = [math.comb(n, k) ** 2 * math.factorial(k) * math.exp(g * k) for k in range(n + 1)]
        expected = sum(k * w for k, w in enumerate(weights)) / sum(weights) / n**2
        found = bipartite_posterior(left, right, np.full(n * n, g))
        np.testing.assert_allclose(found.probability, expected, rtol=1e-11)
        assert found.exact.all()


def test_a_long_ladder_is_exact() -> None:
    """Two thousand records in one component with a thousand cycles: against 2 x 2 transfer matrices."""
    n, x = 1000, 1.7  # rungs (k, k) and (k, k + 1), (k + 1, k): each step a square
    rows = np.arange(n)
    left = np.concatenate((rows, rows[:-1], rows[1:]))
    right = n + np.concatenate((rows, rows[1:], rows[:-1]))
    found = bipartite_posterior(left, right, np.full(left.size, math.log(x)))
    assert found.exact.all()
    # whether row k - 1 and column k - 1 are free (states 0, 1, 2, 3 for neither taken, ..., both taken)
    ends = np.zeros((n + 1, 4))

    def step(total: np.ndarray) -> np.ndarray:
        both_free, row_taken, column_taken = total[:3]
        after = np.zeros(4)
        every = total.sum()
        column_free = both_free + row_taken  # column k - 1 may take row k
        row_free = both_free + column_taken  # row k - 1 may take column k
        after[0] = every
        after[1] = x * column_free
        after[2] = x * row_free
        after[3] = x * every + x * x * both_free
        return after / after.sum()

    ends[0] = (0, 0, 0, 1)
    for k in range(n):
        ends[k + 1] = step(ends[k])
    # the last row is taken with the probability of the states 1 and 3
    last_row = found.probability[left == n - 1].sum()
    assert last_row == pytest.approx(ends[n][1] + ends[n][3], abs=1e-10)


def wide_component(rng: np.random.Generator, n: int, n_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    cells = np.unique(rng.integers(0, n, n_pairs) * n + rng.integers(0, n, n_pairs))
    return cells // n, n + cells % n


def test_wide_components_settle_and_say_that_they_are_not_exact() -> None:
    rng = np.random.default_rng(13)
    left, right = wide_component(rng, 3_000, 15_000)
    gain = rng.normal(-1.0, 4.0, left.size)
    found = bipartite_posterior(left, right, gain)
    assert found.converged
    assert not found.exact.all()
    assert sums(left, right, found.probability) <= 1 + 1e-12
    unsettled = bipartite_posterior(left, right, gain, max_sweeps=2)
    assert not unsettled.converged
    assert sums(left, right, unsettled.probability) <= 1 + 1e-12


def test_loopy_messages_stay_near_the_exact_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(14)
    errors = []
    for _ in range(100):
        left, right = wide_component(rng, 10, 25)
        gain = rng.normal(-1.0, 3.0, left.size)
        exact = bipartite_posterior(left, right, gain)
        monkeypatch.setattr(bipartite, "_MAX_WIDTH", 0)
        loopy = bipartite_posterior(left, right, gain)
        monkeypatch.undo()
        assert exact.exact.all()
        assert loopy.converged
        errors.append(np.abs(exact.probability - loopy.probability))
    assert np.concatenate(errors).mean() < 2e-3
    assert 1e-6 < np.concatenate(errors).max() < 0.15


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_order_and_either_side_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = random_pairs(rng, 6, 5, int(rng.integers(1, 16)))
    gain = rng.normal(0.0, 4.0, left.size)
    found = bipartite_posterior(left, right, gain).probability
    order = rng.permutation(left.size)
    assert (
        bipartite_posterior(left[order], right[order], gain[order]).probability.tolist()
        == found[order].tolist()
    )
    assert bipartite_posterior(right, left, gain).probability.tolist() == found.tolist()
    renumbered = bipartite_posterior(90 - left, 40 - right, gain).probability
    np.testing.assert_allclose(renumbered, found, rtol=0, atol=1e-9)


def test_pairs_that_cannot_match_and_no_pairs() -> None:
    left, right = np.array([0, 0, 1]), np.array([5, 6, 5])
    found = bipartite_posterior(left, right, np.array([1.0, -np.inf, -np.inf]))
    assert found.probability[0] == pytest.approx(math.e / (1 + math.e), abs=1e-12)
    assert found.probability[1:].tolist() == [0.0, 0.0]
    assert found.exact.all()
    nothing = bipartite_posterior(left[:0], right[:0], np.empty(0))
    assert nothing.probability.shape == (0,)
    assert nothing.converged
    with pytest.raises(InputError, match="gain of pair 0 is nan"):
        bipartite_posterior(left, right, np.array([np.nan, 0.0, 0.0]))
    with pytest.raises(InputError, match="given more than once"):
        bipartite_posterior(np.zeros(2, np.int64), np.ones(2, np.int64), np.zeros(2))


def test_no_link_constant() -> None:
    assert no_link_constant(10, 20, 5) == pytest.approx(math.log(5.5 * 15.5 / 5.5))
    assert (
        no_link_constant(10, 20, 99)
        == no_link_constant(10, 20, 10)
        == pytest.approx(math.log(0.5 * 10.5 / 10.5))
    )
    assert (
        no_link_constant(10, 20, -3)
        == no_link_constant(10, 20, 0)
        == pytest.approx(math.log(10.5 * 20.5 / 0.5))
    )
    assert no_link_constant(24_613, 24_750, 24_000) == no_link_constant(24_750, 24_613, 24_000)


def test_none_weight() -> None:
    assert none_weight(1000, 2000, 500) == pytest.approx(math.log(1000 * 1500.5 / 500.5))
    assert none_weight(10, 10, 10) == pytest.approx(math.log(10 * 0.5 / 10.5))
    assert math.isfinite(none_weight(10, 10, 0))
    # one record of file 2 against every record of file 1, none of them telling: n12 / n2 is a partner's
    n1, n2, n12 = 5_000, 8_000, 2_000
    assert n1 / (n1 + math.exp(none_weight(n1, n2, n12))) == pytest.approx(n12 / n2, abs=1e-3)


@pytest.mark.parametrize("function", [no_link_constant, none_weight])
def test_bad_counts(function: object) -> None:
    with pytest.raises(InputError, match="0 and 5 records"):
        function(0, 5, 1.0)  # type: ignore[operator]
    with pytest.raises(InputError, match="not a number"):
        function(5, 5, math.nan)  # type: ignore[operator]


def test_the_number_of_matches_agrees_with_its_posterior_and_with_the_truth() -> None:
    rng = np.random.default_rng(15)
    n_left, n_right, n_matches, dimensions = 400, 500, 250, 12
    left = np.repeat(np.arange(n_left), n_right)
    right = n_left + np.tile(np.arange(n_right), n_left)
    is_match = (left == right - n_left) & (left < n_matches)
    m, u = 0.9, 0.2
    agreeing = rng.binomial(dimensions, np.where(is_match, m, u))
    weight = agreeing * math.log(m / u) + (dimensions - agreeing) * math.log((1 - m) / (1 - u))
    kept = weight > 0
    for start in (1.0, 250.0, 1e9):
        found = estimate_matches(left[kept], right[kept], weight[kept], n_left, n_right, start)
        assert found.converged
        assert found.expected_matches == pytest.approx(n_matches, rel=0.08)
        assert found.no_link_constant == no_link_constant(n_left, n_right, found.expected_matches)
        again = bipartite_posterior(left[kept], right[kept], weight[kept] - found.no_link_constant)
        assert again.probability.sum() == pytest.approx(found.expected_matches, rel=1e-4)
    stopped = estimate_matches(left[kept], right[kept], weight[kept], n_left, n_right, 1.0, max_iterations=1)
    assert not stopped.converged
    assert stopped.iterations == 1


def test_matches_of_nothing() -> None:
    none = np.empty(0, np.int64)
    found = estimate_matches(none, none, np.empty(0), 10, 10, 5.0)
    assert found.expected_matches == 0.0
    assert found.converged
