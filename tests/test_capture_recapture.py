"""Capture and recapture, with and without linkage errors: T13, variances by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate_rates import linked_lists

from tallystick.errors import InputError
from tallystick.quality.capture_recapture import capture_recapture, ding_fienberg


def populations(n_rep: int) -> dict[str, tuple[float, float, float, float]]:
    """Mean, standard deviation, mean standard error and coverage by estimator, of 10,000 persons."""
    random = np.random.default_rng(6)
    found: dict[str, list[tuple[float, float, bool]]] = {"naive": [], "corrected": [], "perfect": []}
    for _ in range(n_rep):
        first, second, linked, both = linked_lists(random)
        one = ding_fienberg(first, second, linked, 0.92, 0.03)
        perfect = ding_fienberg(first, second, both, 1.0, 0.0)
        found["naive"].append((one.naive, 0.0, False))
        for name, of in (("corrected", one), ("perfect", perfect)):
            found[name].append((of.size, of.error, of.low <= 10_000 <= of.high))
    return {
        name: (
            float(np.mean([one[0] for one in rows])),
            float(np.std([one[0] for one in rows])),
            float(np.mean([one[1] for one in rows])),
            float(np.mean([one[2] for one in rows])),
        )
        for name, rows in found.items()
    }


def matches(n_rep: int) -> tuple[float, float, float]:
    """Mean of Chapman's estimate, its Monte Carlo error and coverage: 5,000 matches, rules of 80 and 70 %."""
    random = np.random.default_rng(7)
    totals, hits = [], 0
    for _ in range(n_rep):
        one, two = random.random(5000) < 0.8, random.random(5000) < 0.7
        found = capture_recapture(int(one.sum()), int(two.sum()), int((one & two).sum()))
        totals.append(found.total)
        hits += found.low <= 5000 <= found.high
    return float(np.mean(totals)), float(np.std(totals)) / n_rep**0.5, hits / n_rep


def test_population_size_with_linkage_errors() -> None:
    n = 2000
    found = populations(n)
    mean, spread, error, cover = found["corrected"]
    assert abs(mean - 10_000) < 4 * spread / n**0.5 + 1
    assert abs(error / spread - 1) < 4 / np.sqrt(2 * n)
    assert abs(cover - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n)
    assert abs(found["naive"][0] - 10_720) < 15 + 4 * found["naive"][1] / n**0.5


def test_both_kinds_of_links_vary() -> None:
    """Many false links on a small overlap, where they are most of what varies."""
    random, n = np.random.default_rng(9), 4000
    both = random.hypergeometric(3000, 7000, 3000, n)
    linked = random.binomial(both, 0.9) + random.binomial(3000 - both, 0.3)
    found = [ding_fienberg(3000, 3000, int(links), 0.9, 0.3) for links in linked]
    spread = np.std([one.both for one in found])
    assert abs(np.mean([one.both_error for one in found]) / spread - 1) < 4 / np.sqrt(2 * n)


def test_matches_that_two_rules_miss() -> None:
    mean, error, cover = matches(600)
    assert abs(mean - 5000) < 4 * error
    assert abs(cover - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 600)


@pytest.mark.long
def test_t13_lists() -> None:
    found, chapman = populations(20_000), matches(20_000)
    print(found, chapman)  # noqa: T201
    assert abs(found["corrected"][0] - 10_000) < 10
    assert abs(found["naive"][0] - 10_720) < 15
    assert 0.97 < found["corrected"][2] / found["corrected"][1] < 1.03
    assert 0.93 <= chapman[2] <= 0.965


def test_rules_that_depend_on_each_other_overstate_the_recall() -> None:
    random = np.random.default_rng(8)
    hard = random.random(50_000) < 0.2
    one, two = (random.random(50_000) < np.where(hard, 0.3, 0.95) for _ in range(2))
    found = capture_recapture(int(one.sum()), int(two.sum()), int((one & two).sum()))
    assert found.recall > (one | two).mean() + 0.02
    assert "upper bound" in found.summary()


def test_errors_of_alpha_and_beta_add_by_their_derivatives() -> None:
    step, base = 1e-6, ding_fienberg(8000, 7000, 5224, 0.92, 0.03)
    for name, moved in (
        ("alpha_error", ding_fienberg(8000, 7000, 5224, 0.92 + step, 0.03)),
        ("beta_error", ding_fienberg(8000, 7000, 5224, 0.92, 0.03 + step)),
    ):
        slope = (moved.size - base.size) / step
        more = ding_fienberg(8000, 7000, 5224, 0.92, 0.03, **{name: 0.01})
        assert np.isclose(more.error**2 - base.error**2, (slope * 0.01) ** 2, rtol=1e-3)


def test_swapped_lists_need_another_beta() -> None:
    one = ding_fienberg(8000, 7000, 5224, 0.92, 0.03)
    wrong = ding_fienberg(7000, 8000, 5224, 0.92, 0.03)
    right = ding_fienberg(7000, 8000, 5224, 0.92, 0.03 * (8000 - one.both) / (7000 - one.both))
    assert abs(wrong.size - one.size) > 50
    assert np.isclose(right.size, one.size)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0, 1))
def test_no_estimate_is_below_what_was_found(first: int, second: int, share: float) -> None:
    both = int(share * min(first, second))
    found = capture_recapture(first, second, both)
    assert found.found <= found.low <= found.total <= found.high
    assert 0 <= found.recall <= 1


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((100, 100, 120, 0.9, 0.1), "on both lists"),
        ((100, 100, 50, 0.1, 0.1), "more often than others"),
        ((100, 100, 5, 0.9, 0.1), "no overlap"),
        ((100, 100, 95, 0.9, 0.0), "more than the smaller list"),
        ((100, 100, 50, 1.2, 0.0), "no chance"),
        ((float("nan"), 100, 50, 0.9, 0.0), "no number"),
    ],
)
def test_numbers_that_cannot_be(numbers: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ding_fienberg(*numbers)
