"""Sampled numbers of pairs: exact where all is looked at, and intervals that hold as often as they say."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.blocking.plan import source_pairs
from tallystick.blocking.sampled_sizes import pairs_of_many_keys, pairs_of_partners


def flat(sets: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *map(len, sets)])
    return starts.astype(np.int64), np.array([key for one in sets for key in one], np.int32)


def brute_force(sets: list[list[int]], offsets: list[int], kind: str) -> int:
    source = np.searchsorted(offsets, np.arange(len(sets)), side="right") - 1
    within, between = kind != "link", kind != "dedupe"
    return sum(
        bool((set(sets[i]) & set(sets[j])) - {0}) and (within if source[i] == source[j] else between)
        for i, j in combinations(range(len(sets)), 2)
    )


@given(
    st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), min_size=3, max_size=12),
    st.integers(0, 3),
    st.sampled_from(["link", "dedupe", "link_and_dedupe"]),
)
def test_all_slots_count_every_pair_once(sets: list[list[int]], cut: int, kind: str) -> None:
    offsets = [0, len(sets)] if kind == "dedupe" else [0, cut, len(sets)]
    pairs = source_pairs(len(offsets) - 1, kind)  # type: ignore[arg-type]
    found = pairs_of_many_keys(*flat(sets), np.array(offsets), pairs)
    assert found.n_pairs == pytest.approx(brute_force(sets, offsets, kind))
    assert (found.error, found.low, found.high) == (0, found.n_pairs, found.n_pairs)


@pytest.mark.parametrize("kind", ["dedupe", "link"])
def test_the_interval_of_sampled_slots_holds_the_truth(kind: str) -> None:
    random = np.random.default_rng(3)
    n = 400
    # Some keys are frequent, and records that share one tend to share more, so that weights differ.
    families = random.integers(0, 60, n)
    sets = [
        sorted(
            {int(1 + family * 3 + k) for k in range(3) if random.random() < 0.6}
            | {200 + int(random.zipf(1.6)) % 30}
        )
        for family in families
    ]
    offsets = [0, n] if kind == "dedupe" else [0, 150, n]
    pairs = source_pairs(len(offsets) - 1, kind)  # type: ignore[arg-type]
    truth = brute_force(sets, offsets, kind)
    runs = [pairs_of_many_keys(*flat(sets), np.array(offsets), pairs, 1_000, seed) for seed in range(300)]
    assert all(one.sampled == 1_000 for one in runs)
    # The mean is within three standard errors of the truth; the number of hits is binomial, 95 per cent.
    mean, spread = (f([one.n_pairs for one in runs]) for f in (np.mean, np.std))
    assert abs(mean - truth) < 3 * spread / np.sqrt(len(runs))
    assert np.mean([one.error for one in runs]) == pytest.approx(spread, rel=0.12)
    assert 0.92 < np.mean([one.low <= truth <= one.high for one in runs]) < 0.98


@given(st.integers(2, 40), st.integers(1, 5))
def test_all_partners_count_every_pair_once(n: int, window: int) -> None:
    truth = sum(j - i <= window for i, j in combinations(range(n), 2))
    found = pairs_of_partners(lambda rows: np.minimum(rows, window) + np.minimum(n - 1 - rows, window), n)
    assert (found.n_pairs, found.error, found.sampled) == (truth, 0, n)


def test_the_interval_of_sampled_records_holds_the_truth() -> None:
    random = np.random.default_rng(5)
    n = 3_000
    values = np.sort(random.lognormal(size=n))  # dense at one end: partners within 0.01 differ much

    def partners(rows: np.ndarray) -> np.ndarray:
        near = values[rows]
        return (
            np.searchsorted(values, near + 0.01, "right") - np.searchsorted(values, near - 0.01, "left") - 1
        )

    truth = int(partners(np.arange(n)).sum()) // 2
    assert truth == sum(int((values[i + 1 :] <= values[i] + 0.01).sum()) for i in range(n))
    runs = [pairs_of_partners(partners, n, 400, seed) for seed in range(300)]
    mean, spread = (f([one.n_pairs for one in runs]) for f in (np.mean, np.std))
    assert abs(mean - truth) < 3 * spread / np.sqrt(len(runs))
    assert 0.92 < np.mean([one.low <= truth <= one.high for one in runs]) < 0.98
