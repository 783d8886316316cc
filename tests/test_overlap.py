"""Matches that no pass finds: published captures, and simulated ones whose missing part is known."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.quality.agreement_models import LatentClasses, LogLinear
from tallystick.quality.overlap import Agreements, chapman, completeness, two_passes

# Hepatitis A in a Taiwanese college, 1995, on three lists (Chao, Tsay, Lin, Shau and Chao 2001, Statistics in
# Medicine 20, table 1): lists P, Q and E, 271 cases known.
LEVELS = np.array([[p, q, e] for p in (0, 1) for q in (0, 1) for e in (0, 1)])
CASES = np.array([0, 63, 55, 18, 69, 17, 21, 28.0])
SEEN = LEVELS.any(axis=1)


@pytest.mark.parametrize(
    ("lists", "total", "error"), [((0, 1), 336, 29), ((0, 2), 378, 36), ((1, 2), 334, 30)]
)
def test_two_lists_as_published(lists: tuple[int, int], total: float, error: float) -> None:
    """Published are Petersen's totals; Chapman's take off a little of their bias."""
    on = LEVELS[:, lists].astype(bool)
    first, second, both = CASES[on[:, 0]].sum(), CASES[on[:, 1]].sum(), CASES[on.all(axis=1)].sum()
    assert round(first * second / both) == total
    found, spread = chapman(first, second, both)
    assert total - 6 < found < total
    assert spread == pytest.approx(error, abs=1)


def test_three_lists_as_published() -> None:
    random = np.random.default_rng(1)
    independent = LogLinear().fit(LEVELS, SEEN, CASES, random)
    assert round(CASES.sum() + independent.hidden) == 388
    every = LogLinear(((0, 1), (0, 2), (1, 2))).fit(LEVELS, SEEN, CASES, random)
    assert round(CASES.sum() + every.hidden) == 1313
    # The closed form of Bishop, Fienberg and Holland (1975, 6.4).
    _, e, q, qe, p, pe, pq, pqe = CASES
    assert every.hidden == pytest.approx(pqe * p * q * e / (pq * pe * qe))
    assert (every.freedom, independent.freedom) == (0, 3)
    assert every.deviance == pytest.approx(0, abs=1e-6)


def test_one_dependence_has_a_closed_form() -> None:
    """Two lists that depend, and one that does not: their union against the third (the same, 6.4.2)."""
    _, e, q, qe, p, pe, pq, pqe = CASES
    found = LogLinear(((0, 1),)).fit(LEVELS, SEEN, CASES, np.random.default_rng(1))
    assert found.hidden == pytest.approx(e * (p + q + pq) / (pe + qe + pqe))


def table(counts: np.ndarray, levels: np.ndarray, seen: np.ndarray) -> Agreements:
    names = tuple("abcdefgh"[: levels.shape[1]])
    return Agreements(names, levels, seen, np.where(seen, counts, 0.0))


def drawn(chances: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    return random.multinomial(n, chances / chances.sum()).astype(float)


def cells(n_fields: int) -> np.ndarray:
    return np.indices((2,) * n_fields).reshape(n_fields, -1).T


def independent(levels: np.ndarray, agree: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(levels == 1, agree, 1 - agree).prod(axis=1))


def pairs_of_fields(levels: np.ndarray) -> np.ndarray:
    """Three passes of two fields each."""
    a = levels.astype(bool)
    return np.asarray(a[:, 0] & a[:, 1] | a[:, 2] & a[:, 3] | a[:, 0] & a[:, 4])


LEVELS5 = cells(5)
SEEN5 = pairs_of_fields(LEVELS5)
KINDS = {
    "independent": independent(LEVELS5, np.array([0.8, 0.7, 0.75, 0.8, 0.7])),
    "dependent": independent(LEVELS5, np.array([0.8, 0.7, 0.75, 0.8, 0.7]))
    * np.exp(1.2 * (LEVELS5[:, 1] == LEVELS5[:, 3])),
    "two kinds": 0.7 * independent(LEVELS5, np.full(5, 0.93)) + 0.3 * independent(LEVELS5, np.full(5, 0.45)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_matches_that_no_pass_finds(kind: str) -> None:
    random = np.random.default_rng(7)
    chances = KINDS[kind] / KINDS[kind].sum()
    truth = float(chances[SEEN5].sum())
    runs = []
    for _ in range(8):
        counts = drawn(chances, 20_000, random)
        found = completeness(table(counts, LEVELS5, SEEN5))
        assert found is not None
        assert found.found == counts[SEEN5].sum()
        assert found.missed == pytest.approx(found.found * (1 / found.share - 1))
        runs.append((found, counts[SEEN5].sum() / 20_000))
    assert truth < 0.95
    assert np.mean([one.share for one, _ in runs]) == pytest.approx(truth, abs=0.01)
    # Binomial: 95 per cent of 8 are below 6 in one of two hundred cases.
    assert sum(one.low <= share <= one.high for one, share in runs) >= 6
    # Every pass needs the first or the third field, so no pass finds pairs that agree on neither.
    assert all("which is taken for no: a and c, a and d" in one.assumption for one, _ in runs)


def test_dependence_that_is_not_modelled_misleads() -> None:
    """What the choice of models is for: independence is 4 points and more off where there are two kinds."""
    chances = KINDS["two kinds"]
    truth = float(chances[SEEN5].sum() / chances.sum())
    counts = 20_000 * chances
    plain = LogLinear().fit(LEVELS5, SEEN5, counts, np.random.default_rng(1))
    found = counts[SEEN5].sum()
    assert found / (found + plain.hidden) - truth > 0.04
    two = LatentClasses(2).fit(LEVELS5, SEEN5, counts, np.random.default_rng(1))
    assert found / (found + two.hidden) == pytest.approx(truth, abs=0.005)


def test_two_passes_have_an_interval_that_holds() -> None:
    random = np.random.default_rng(11)
    hits = []
    for _ in range(400):
        on = random.random((2, 300)) < np.array([[0.6], [0.5]])
        found = two_passes(on[0].sum(), on[1].sum(), on.all(axis=0).sum())
        assert found.low <= found.share <= found.high <= 1
        hits.append(found.low <= on.any(axis=0).mean() <= found.high)
    assert 0.92 < np.mean(hits) < 0.98


def test_nothing_is_claimed_where_the_passes_tell_nothing() -> None:
    levels = cells(2)
    one_pass = levels.all(axis=1)
    assert completeness(table(np.array([0, 0, 0, 9.0]), levels, one_pass)) is None
    assert completeness(table(np.zeros(8), LEVELS, SEEN)) is None
    full = two_passes(10, 12, 10)
    assert (full.share, full.low, full.high) == (1, 1, 1)
