"""Regressions of linked data simulated: bias, coverage and size of standard errors, known and audited q.

The short version has few repetitions and asks for what four Monte Carlo standard errors allow; the long one
asks for the figures of the specification (T2 to T6 and the simulations of sections 2.4 and 2.5).
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulate_regressions import (
    CORRECTED,
    Simulated,
    audits,
    both_files,
    logistic,
    missed_links,
    one_block,
    poisson,
    small_audits,
    three_blocks,
    twenty_blocks,
)

Floats = NDArray[np.float64]
SHORT, LONG = 60, 1000


def unbiased(of: Simulated, within: float = 0.0) -> None:
    """Bias within four Monte Carlo standard errors, and what a finite sample may add."""
    assert (np.abs(of.bias) < 4 * of.monte_carlo + within).all(), of.bias


def covered(of: Simulated, low: float = 0.93, high: float = 0.97) -> None:
    """Coverage between these, allowing for four Monte Carlo standard errors."""
    chance = 4 * np.sqrt(0.95 * 0.05 / len(of.estimates))
    assert ((of.coverage > low - chance) & (of.coverage < high + chance)).all(), of.coverage


def biased(of: Simulated, by: tuple[float | None, ...], tolerance: float = 0.0) -> None:
    """Bias as theory says, where it says something."""
    for found, chance, expected in zip(of.bias, of.monte_carlo, by, strict=True):
        assert expected is None or abs(found - expected) < 4 * chance + tolerance, of.bias


class TestShort:
    """A few repetitions."""

    def test_linear_three_blocks(self) -> None:
        found = three_blocks().repeated(SHORT)
        biased(found["naive, centred"], (0.079, -0.158))
        assert found["naive, centred"].coverage[1] < 0.75
        for method in CORRECTED:
            unbiased(found[f"{method}, centred"])
            covered(found[f"{method}, centred"])

    def test_linear_twenty_blocks(self) -> None:
        found = twenty_blocks(variances=("published", "centred", "block")).repeated(SHORT)
        a = np.mean([(50 * q - 1) / 49 for q in (0.7, 0.9)])
        biased(found["naive, block"], (0.0, -2 * (1 - a), 1 - a), 0.01)
        biased(found["scheuren-winkler, block"], (0.0, -0.104, 0.052), 0.01)
        for method in CORRECTED:
            for variance in ("centred", "block"):
                unbiased(found[f"{method}, {variance}"])
                covered(found[f"{method}, {variance}"])
        assert found["ratio, published"].se_over_sd[0] > 1.3  # too large for the constant
        assert abs(found["ratio, centred"].scales.mean() - 1) < 0.05

    def test_logistic_and_poisson(self) -> None:
        # A logistic estimate has a bias of its own in samples of 1000.
        found = logistic(methods=("naive", "ratio", "eblue")).repeated(SHORT)
        biased(found["naive, centred"], (0.04, -0.25, 0.17), 0.02)
        for method in ("ratio", "eblue"):
            unbiased(found[f"{method}, centred"], 0.02)
            covered(found[f"{method}, centred"])
        found = poisson(methods=("naive", "ratio", "lahiri-larsen")).repeated(SHORT)
        biased(found["naive, centred"], (None, -0.087), 0.005)
        for method in ("ratio", "lahiri-larsen"):
            unbiased(found[f"{method}, centred"])
            covered(found[f"{method}, centred"])

    @pytest.mark.parametrize("pooled", [False, True])
    def test_audits(self, pooled: bool) -> None:
        found = audits(("ratio",), ("centred", "block"), pooled).repeated(150)
        for variance in ("centred", "block"):
            unbiased(found[f"ratio, {variance}"])
            covered(found[f"ratio, {variance}"], high=0.975)
        sure = found["ratio, centred, audit taken as sure"]
        ratio = found["ratio, centred"].se_over_sd[1] / sure.se_over_sd[1]
        assert (1.2 < ratio < 1.55) if pooled else (1.1 < ratio < 1.35)

    def test_small_audits_are_shrunk(self) -> None:
        found = small_audits(("ratio", "eblue")).repeated(SHORT)
        unbiased(found["ratio, raw"])
        unbiased(found["eblue, shrunk"], 0.01)
        assert found["eblue, raw"].bias[1] < -0.02

    def test_scheuren_winkler_halves_no_more(self) -> None:
        found = one_block().repeated(150)
        a = (200 * 0.7 - 1) / 199
        biased(found["naive"], (None, a - 1))
        biased(found["scheuren-winkler"], (None, -((1 - a) ** 2)))
        biased(one_block(3).repeated(100)["scheuren-winkler"], (None, -((1 - a) ** 4)))

    def test_missed_links(self) -> None:
        found = missed_links().repeated(SHORT)
        for name in ("register, ratio", "register, lahiri-larsen"):
            unbiased(found[name])
            covered(found[name], 0.92)
        unbiased(found["weights, ratio"], 0.02)
        assert found["linked alone"].bias[0] < -0.15

    def test_both_files(self) -> None:
        found = both_files().repeated(SHORT)
        biased(found["naive"], (0.0, 0.64, -0.77), 0.01)
        biased(found["outcome taken as linked"], (0.0, 1.15, -0.38), 0.02)
        for name in ("moments", "moments, q of an audit", "moments of three files"):
            unbiased(found[name], 0.02)
            covered(found[name])


@pytest.mark.long
class TestLong:
    """As many repetitions as the tolerances of the specification need."""

    def test_linear_three_blocks(self) -> None:
        found = three_blocks().repeated(LONG)
        naive = found["naive, centred"]
        assert naive.bias[0] == pytest.approx(0.079, abs=0.008)
        assert naive.bias[1] / 5 == pytest.approx(-0.0315, abs=0.005)
        assert (naive.coverage < 0.7).all()
        for method in CORRECTED[:3]:
            of = found[f"{method}, centred"]
            assert (np.abs(of.bias / of.truth) < 0.006).all() or (np.abs(of.bias) < 4 * of.monte_carlo).all()
            assert ((of.coverage > 0.925) & (of.coverage < 0.975)).all()
        sd = {method: found[f"{method}, centred"].sd[1] for method in CORRECTED}
        assert 0.08 < sd["ratio"] < 0.09
        assert 0.076 < sd["eblue"] < 0.086
        assert sd["eblue"] < sd["lahiri-larsen"] < sd["ratio"] < sd["inverse"]

    def test_linear_twenty_blocks(self) -> None:
        found = twenty_blocks(variances=("published", "centred", "block", "jackknife")).repeated(LONG)
        assert found["naive, block"].bias[1] / 2 == pytest.approx(-0.2, abs=0.01)
        for method in CORRECTED[:3]:
            for variance in ("centred", "block", "jackknife"):
                of = found[f"{method}, {variance}"]
                assert (np.abs(of.bias[1:] / of.truth[1:]) < 0.01).all()
                assert ((of.coverage > 0.92) & (of.coverage < 0.97)).all()
                assert ((of.se_over_sd > 0.92) & (of.se_over_sd < 1.06)).all()
            assert 0.97 < found[f"{method}, centred"].scales.mean() < 1.02
        for method in ("ratio", "lahiri-larsen"):
            assert 1.5 < found[f"{method}, published"].se_over_sd[0] < 1.68

    def test_logistic(self) -> None:
        found = logistic().repeated(LONG)
        np.testing.assert_allclose(found["naive, centred"].bias, (0.04, -0.25, 0.17), atol=0.02)
        for method in CORRECTED[:3]:
            of = found[f"{method}, centred"]
            assert (np.abs(of.bias) < 0.02).all()
            assert ((of.coverage > 0.925) & (of.coverage < 0.97)).all()

    def test_poisson(self) -> None:
        found = poisson().repeated(LONG)
        assert found["naive, centred"].bias[1] == pytest.approx(-0.087, abs=0.006)
        for method in CORRECTED[:3]:
            of = found[f"{method}, centred"]
            assert (np.abs(of.bias) < 0.01).all()
            assert ((of.coverage > 0.925) & (of.coverage < 0.965)).all()

    def test_audits(self) -> None:
        found = audits(("ratio",)).repeated(LONG)
        assert 0.85 < found["ratio, centred, audit taken as sure"].coverage[1] < 0.92
        assert 0.92 < found["ratio, centred"].coverage[1] < 0.965
        found = audits(("ratio",), pooled=True).repeated(LONG)
        sure, of = found["ratio, centred, audit taken as sure"], found["ratio, centred"]
        assert 0.82 < sure.coverage[1] < 0.885
        assert 0.915 < of.coverage[1] < 0.965
        assert 0.69 < sure.se_over_sd[1] < 0.78
        assert 0.94 < of.se_over_sd[1] < 1.05
        found = small_audits().repeated(LONG)
        assert -0.08 < found["eblue, raw"].bias[1] < -0.05
        for method in CORRECTED[:3]:
            assert abs(found[f"{method}, shrunk"].bias[1]) < 0.02

    def test_scheuren_winkler(self) -> None:
        found = one_block().repeated(4 * LONG)
        assert found["naive"].bias[1] == pytest.approx(-0.3015, abs=0.01)
        assert found["scheuren-winkler"].bias[1] == pytest.approx(-0.0909, abs=0.01)

    def test_missed_links(self) -> None:
        found = missed_links().repeated(LONG)
        for name in ("register, ratio", "register, lahiri-larsen"):
            assert (np.abs(found[name].bias) < 0.015).all()
            assert ((found[name].coverage > 0.92) & (found[name].coverage < 0.97)).all()
        assert (np.abs(found["weights, ratio"].bias) < 0.03).all()

    def test_both_files(self) -> None:
        found = both_files().repeated(LONG)
        np.testing.assert_allclose(found["naive"].bias, (0, 0.64, -0.77), atol=0.015)
        for name in ("moments", "moments, q of an audit", "moments of three files"):
            assert (np.abs(found[name].bias) < 0.03).all()
            assert ((found[name].coverage > 0.93) & (found[name].coverage < 0.98)).all()
