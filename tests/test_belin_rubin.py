"""Belin and Rubin's mixture: EM against direct maximisation, T13, fits that do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import boxcox, norm
from simulate_rates import mixture_site

from tallystick.errors import InputError, TallystickWarning
from tallystick.quality.belin_rubin import belin_rubin, log_densities
from tallystick.quality.belin_rubin_training import belin_rubin_training

CUT = 254.0  # of the squares; the weight is its root


def true_rate(cut: float = CUT) -> float:
    wrong, right = norm.sf(cut, 200, 75), norm.sf(cut, 400, 60)
    return float(0.05 * wrong / (0.05 * wrong + 0.95 * right))


def sites(n_rep: int, resamples: int) -> tuple[float, float, float, float]:
    """Mean estimate, its Monte Carlo error, standard deviation over mean standard error, and coverage."""
    random = np.random.default_rng(14)
    rates, errors, hits = [], [], 0
    for k in range(n_rep):
        training = belin_rubin_training(*mixture_site(10_000, random), origin=0.0)
        site, _ = mixture_site(10_000, random)
        found = belin_rubin(site, training, resamples=resamples, seed=k).false_link_rate(CUT**0.5)
        rates.append(found.rate)
        errors.append(found.error)
        hits += found.low <= true_rate() <= found.high
    spread = float(np.std(rates, ddof=1))
    return float(np.mean(rates)), spread / n_rep**0.5, float(np.mean(errors)) / spread, hits / n_rep


def test_false_link_rates_of_a_site_without_truth() -> None:
    assert abs(true_rate() - 0.0121) < 0.0005
    n = 10
    mean, error, ratio, cover = sites(n, 8)
    assert abs(mean - true_rate()) < 0.0006 + 4 * error
    assert abs(ratio - 1) < 4 / np.sqrt(2 * n)
    assert cover > 0.9 - 4 * np.sqrt(0.9 * 0.1 / n)


@pytest.mark.long
def test_t13_belin_rubin() -> None:
    found = sites(200, 60)
    print(true_rate(), found)  # noqa: T201
    assert abs(found[0] - true_rate()) < 0.0006
    assert 0.85 < found[2] < 1.15
    assert found[3] > 0.88


def test_em_finds_the_maximum_of_the_likelihood() -> None:
    random = np.random.default_rng(2)
    training = belin_rubin_training(*mixture_site(4000, random, 0.2), origin=0.0)
    weights, _ = mixture_site(3000, random, 0.15)
    fitted = belin_rubin(weights, training, resamples=0).mixture
    densities = log_densities(weights, training)
    scale = np.sqrt(fitted.variance)

    def lost(theta: np.ndarray) -> float:
        share = 1 / (1 + np.exp(-theta[0]))
        right, wrong = densities(share, theta[1] * scale, theta[2] * scale, (np.exp(theta[3]) * scale) ** 2)
        return -float(np.logaddexp(right, wrong).sum())

    start = np.array([1.0, fitted.right_mean / scale + 0.3, fitted.wrong_mean / scale - 0.3, 0.2])
    answer = minimize(
        lost, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-9}
    )
    assert abs(-answer.fun - fitted.log_likelihood) < 1e-3
    assert abs(1 / (1 + np.exp(-answer.x[0])) - fitted.share) < 1e-3
    assert abs(answer.x[1] * scale - fitted.right_mean) < 0.01 * scale


def test_powers_are_those_of_box_and_cox() -> None:
    random = np.random.default_rng(4)
    weights, right = mixture_site(5000, random, 0.3)
    training = belin_rubin_training(weights, right, origin=0.0)
    for own, of in ((training.right, right), (training.wrong, ~right)):
        assert abs(own.power - boxcox(weights[of])[1]) < 1e-2


def test_rates_fall_with_the_threshold_and_a_threshold_has_its_rate() -> None:
    random = np.random.default_rng(5)
    training = belin_rubin_training(*mixture_site(5000, random), origin=0.0)
    model = belin_rubin(mixture_site(5000, random)[0], training, resamples=0)
    rates = [model.false_link_rate(t).rate for t in (12, 14, 16, 18)]
    assert rates == sorted(rates, reverse=True)
    assert abs(model.false_link_rate(model.threshold_for(0.01)).rate - 0.01) < 5e-4


def test_em_that_does_not_settle_gives_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(6)
    training = belin_rubin_training(*mixture_site(2000, random), origin=0.0)
    monkeypatch.setattr("tallystick.quality.belin_rubin.STEPS", 3)
    with pytest.warns(TallystickWarning, match="did not converge"):
        found = belin_rubin(mixture_site(2000, random, 0.3)[0], training, resamples=0)
    assert np.isnan(found.false_link_rate(15.0).rate)
    assert "NOT converge" in found.summary()


@pytest.mark.parametrize(
    ("weights", "right", "message"),
    [
        ([1.0, np.nan], [True, False], "finite"),
        ([1.0] * 30, [True] * 30, "wrong links"),
        ([1.0, 2.0], [1, 0], "True or False"),
        ([2.0] * 40, [True, False] * 20, "the same"),
    ],
)
def test_training_sites_that_tell_nothing(weights: list[float], right: list[bool], message: str) -> None:
    with pytest.raises(InputError, match=message):
        belin_rubin_training(weights, right)
