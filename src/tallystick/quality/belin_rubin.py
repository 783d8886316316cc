"""False-link rates by a mixture of two normal distributions of the links' weights (Belin and Rubin 1995).

The weights of the assigned pairs are a mixture: high ones of right links and lower ones of wrong links. The
shape of either part is learnt where the truth is known, at a training site: a Box-Cox transformation for
each, and the ratio of their variances, without which two normals are not told apart. At the site of interest,
where no truth is known, EM finds the share of the right links, two means and a variance; the false-link rate
above any threshold follows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError, TallystickWarning
from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.belin_rubin_training import FEWEST, Training, link_weights

Floats = NDArray[np.float64]

STEPS = 5000
SETTLED = 1e-10
"""EM has converged when the mean log-likelihood of a weight rises by less."""
RESAMPLES = 100
NEAR_NONE = 1e-6


@dataclass(frozen=True)
class Mixture:
    """Parameters of the mixture.

    Attributes
    ----------
    share : float
        pi: share of the right links.
    right_mean, wrong_mean : float
        Means of the transformed weights.
    variance : float
        That of the right links; of the wrong ones it is `Training.ratio` times as large.
    log_likelihood : float
        Of the weights as they are.
    steps : int
        Steps of EM.
    converged : bool
        Whether EM settled, on two parts in their order.
    """

    share: float
    right_mean: float
    wrong_mean: float
    variance: float
    log_likelihood: float
    steps: int
    converged: bool


@dataclass(frozen=True)
class FalseLinkRate:
    """Estimated share of false links at and above a threshold.

    Attributes
    ----------
    rate, error : float
        The estimate, and its standard error, that of the training included. NaN without convergence.
    low, high : float
        Limits of 95 %, by the log of the rate.
    """

    rate: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class BelinRubin:
    """The fitted model of Belin and Rubin (1995).

    Attributes
    ----------
    training : Training
        What was learnt.
    mixture : Mixture
        What was fitted; NaN where EM did not converge.
    draws : tuple of (Training, Mixture)
        The same of resampled weights and training sites.
    failed : int
        Resamples in which EM did not converge; they are left out.
    """

    training: Training
    mixture: Mixture
    draws: tuple[tuple[Training, Mixture], ...]
    failed: int

    @property
    def converged(self) -> bool:
        """Whether EM settled."""
        return self.mixture.converged

    def false_link_rate(self, threshold: float) -> FalseLinkRate:
        """The share of false links among those at or above a threshold, with its error.

        (1 - pi) P(W >= t | wrong) / [pi P(W >= t | right) + (1 - pi) P(W >= t | wrong)], the probabilities by
        the normal distributions of the transformed weights.

        Parameters
        ----------
        threshold : float
            As a weight.

        Returns
        -------
        FalseLinkRate
        """
        rate = _rate(self.training, self.mixture, threshold)
        if not self.draws or not np.isfinite(rate):
            return FalseLinkRate(rate, np.nan, np.nan, np.nan)
        drawn = np.array([_rate(training, mixture, threshold) for training, mixture in self.draws])
        drawn = drawn[np.isfinite(drawn)]
        error = float(np.std(drawn, ddof=1)) if len(drawn) > 1 else np.nan
        spread = np.exp(NORMAL_95 * error / rate) if rate > 0 else np.nan
        return FalseLinkRate(rate, error, float(rate / spread), float(min(1.0, rate * spread)))

    def threshold_for(self, rate: float) -> float:
        """The lowest weight at and above which the estimated share of false links is at most so large.

        Infinite where no weight of the training site or between reaches it.
        """
        if not 0 < rate < 1:
            raise InputError(f"rate: {rate:g} is no share between 0 and 1.")
        all_ = np.concatenate([self.training.right_weights, self.training.wrong_weights])
        grid = np.linspace(all_.min(), all_.max(), 2001)
        rates = np.array([_rate(self.training, self.mixture, t) for t in grid])
        above = np.flatnonzero(~(rates <= rate))
        at = int(above[-1]) + 1 if len(above) else 0
        return float(grid[at]) if at < len(grid) else np.inf

    def summary(self) -> str:
        """The fit in words."""
        if not self.converged:
            return "Belin-Rubin mixture: EM did NOT converge; there is no estimate"
        one, two = self.mixture, self.training
        return (
            f"Belin-Rubin mixture: {one.share:.2%} of the links right, means {one.right_mean:.3g} and "
            f"{one.wrong_mean:.3g} with standard deviations {one.variance**0.5:.3g} and "
            f"{(two.ratio * one.variance) ** 0.5:.3g} after the Box-Cox powers {two.right.power:.3g} and "
            f"{two.wrong.power:.3g}; {one.steps} steps, {len(self.draws)} resamples"
            + (f" and {self.failed} that did not converge" if self.failed else "")
        )


def belin_rubin(weights: Any, training: Training, *, resamples: int = RESAMPLES, seed: int = 1) -> BelinRubin:
    """Estimate the false-link rates of a site from the weights of its links alone.

    EM: with g the chance of a link to be right, the means are weighted ones, pi is the mean of g, and
    variance = [sum g (z_M - mean_M)^2 + sum (1 - g)(z_U - mean_U)^2 / ratio] / n, z_M and z_U the weights by
    either transformation. What is resampled for the errors is the weights and the training site together, so
    that what was learnt from few wrong links is as doubtful as it is. Transformations and ratio are taken
    over from the training site: where weights there mean something else (other fields, other errors) the
    rates are wrong, and nothing in the weights shows it.

    Parameters
    ----------
    weights : array-like, shape (n,)
        Weights of **assigned** pairs, links after one-to-one assignment with the lower part of them, too: the
        weights of all candidates are no mixture of two normals.
    training : Training
        Of `belin_rubin_training`.
    resamples : int
        Bootstrap resamples; 0 for no errors.
    seed : int
        Of the resamples.

    Returns
    -------
    BelinRubin
        With NaN, and a warning, where EM did not converge.

    Raises
    ------
    InputError
        Where a weight is missing, or there are too few.

    References ---------- Belin, T. R. and Rubin, D. B. (1995). A method for calibrating false-match rates in
    record linkage. Journal of the American Statistical Association 90, 694-707.

    Examples
    --------
    >>> from tallystick.quality.belin_rubin_training import belin_rubin_training
    >>> random = np.random.default_rng(1)
    >>> right = np.arange(4000) < 3600
    >>> weights = np.where(right, random.normal(20, 3, 4000), random.normal(8, 3, 4000))
    >>> model = belin_rubin(weights, belin_rubin_training(weights, right), resamples=0)
    >>> abs(model.mixture.share - 0.9) < 0.01
    True
    """
    values = link_weights(weights)
    if len(values) < 2 * FEWEST:
        raise InputError(f"weights: there are {len(values)} links, too few for a mixture.")
    fitted = _fit(values, training)
    if not fitted.converged:
        warnings.warn(
            "Belin-Rubin mixture: EM did not converge to right links above wrong ones, so that there is no "
            "estimate: the weights do not show two parts, or the training site is of another kind.",
            TallystickWarning,
            stacklevel=2,
        )
        return BelinRubin(training, _nothing(fitted), (), 0)
    random = np.random.default_rng(seed)
    draws, failed = [], 0
    for _ in range(resamples):
        again = training.resampled(random)
        start = (fitted.share, fitted.right_mean, fitted.wrong_mean, fitted.variance)
        one = _fit(random.choice(values, len(values)), again, start)
        if one.converged:
            draws.append((again, one))
        else:
            failed += 1
    if failed > resamples / 10:
        warnings.warn(
            f"Belin-Rubin mixture: EM did not converge in {failed} of {resamples} resamples, so that the "
            "standard errors are of the others alone.",
            TallystickWarning,
            stacklevel=2,
        )
    return BelinRubin(training, fitted, tuple(draws), failed)


def _nothing(of: Mixture) -> Mixture:
    return Mixture(np.nan, np.nan, np.nan, np.nan, np.nan, of.steps, False)


def log_densities(
    weights: Floats, training: Training
) -> Callable[[float, float, float, float], tuple[Floats, Floats]]:
    """Log densities of the weights among right and wrong links, times their shares, by the parameters."""
    z = training.right(weights), training.wrong(weights)
    slopes = training.right.log_slope(weights), training.wrong.log_slope(weights)

    def of(share: float, right_mean: float, wrong_mean: float, variance: float) -> tuple[Floats, Floats]:
        variances = variance, training.ratio * variance
        shares, means = (share, 1 - share), (right_mean, wrong_mean)
        right, wrong = (
            np.log(max(shares[k], 1e-300))
            - 0.5 * np.log(2 * np.pi * variances[k])
            - (z[k] - means[k]) ** 2 / (2 * variances[k])
            + slopes[k]
            for k in (0, 1)
        )
        return right, wrong

    return of


def _fit(
    weights: Floats, training: Training, start: tuple[float, float, float, float] | None = None
) -> Mixture:
    of, n = log_densities(weights, training), len(weights)
    z_right, z_wrong = training.right(weights), training.wrong(weights)
    if start is None:
        first, second = training.right(training.right_weights), training.wrong(training.wrong_weights)
        known = len(training.right_weights) + len(training.wrong_weights)
        start = (
            len(training.right_weights) / known,
            float(first.mean()),
            float(second.mean()),
            float(first.var()),
        )
    share, right_mean, wrong_mean, variance = start
    before, steps, settled = -np.inf, 0, False
    while steps < STEPS and not settled:
        right, wrong = of(share, right_mean, wrong_mean, variance)
        both = np.logaddexp(right, wrong)
        now = float(both.mean())
        settled = now - before < SETTLED
        before = now
        g = np.exp(right - both)
        total = float(g.sum())
        if not (NEAR_NONE * n < total < n * (1 - NEAR_NONE)):
            break
        right_mean, wrong_mean = float(g @ z_right) / total, float((1 - g) @ z_wrong) / (n - total)
        share = total / n
        off = (z_right - right_mean) ** 2, (z_wrong - wrong_mean) ** 2
        variance = max(float(g @ off[0] + (1 - g) @ off[1] / training.ratio) / n, 1e-12)
        steps += 1
    # The right ones must be the higher ones: compared as weights, on one scale, that of the right links.
    order = right_mean > float(np.interp(wrong_mean, *_on_right_scale(weights, training)))
    good = settled and order and NEAR_NONE < share < 1 - NEAR_NONE
    return Mixture(share, right_mean, wrong_mean, variance, before * n, steps, good)


def _on_right_scale(weights: Floats, training: Training) -> tuple[Floats, Floats]:
    grid = np.linspace(weights.min(), weights.max(), 256)
    return training.wrong(grid), training.right(grid)


def _rate(training: Training, mixture: Mixture, threshold: float) -> float:
    from scipy.special import ndtr

    t = np.array([threshold], np.float64)
    right = ndtr((mixture.right_mean - training.right(t)[0]) / np.sqrt(mixture.variance))
    wrong = ndtr((mixture.wrong_mean - training.wrong(t)[0]) / np.sqrt(training.ratio * mixture.variance))
    false = (1 - mixture.share) * wrong
    return float(false / max(mixture.share * right + false, 1e-300))
