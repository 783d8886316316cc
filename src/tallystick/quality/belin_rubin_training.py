"""What a site with known truth tells of the weights of links: their shapes, and which of two is wider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError

Floats = NDArray[np.float64]

FEWEST = 10
"""Right and wrong links that a training site has to have."""
POWERS = (-3.0, 5.0)


@dataclass(frozen=True)
class BoxCox:
    """The transformation (w^power - 1) / (power scale^(power - 1)) of w = weight - origin.

    Attributes
    ----------
    power : float
        0 for scale times the logarithm.
    scale : float
        Geometric mean of the weights of the training site that it is of.
    origin : float
        Common to both parts: weights are counted from here, so that all are above 0.
    """

    power: float
    scale: float
    origin: float

    def __call__(self, weight: Floats) -> Floats:
        """The transformed weights; those at the origin or below count as just above it."""
        log = np.log(self._positive(weight) / self.scale)
        # Of w / scale: with its geometric mean 1 no power runs away, and the slope is 1 there.
        if abs(self.power) < 1e-8:
            return np.asarray(self.scale * log)
        return np.asarray(self.scale * np.expm1(self.power * log) / self.power)

    def log_slope(self, weight: Floats) -> Floats:
        """Log of its derivative."""
        return np.asarray((self.power - 1) * np.log(self._positive(weight) / self.scale))

    def _positive(self, weight: Floats) -> Floats:
        return np.maximum(weight - self.origin, 1e-6 * self.scale)


@dataclass(frozen=True)
class Training:
    """What a site with known truth tells of the weights of links.

    Attributes
    ----------
    right, wrong : BoxCox
        Transformations of the weights of right and of wrong links.
    ratio : float
        Variance of the wrong links' transformed weights over that of the right ones'.
    right_weights, wrong_weights : float64 arrays
        The weights themselves, which the error of the training is drawn from.
    """

    right: BoxCox
    wrong: BoxCox
    ratio: float
    right_weights: Floats
    wrong_weights: Floats

    def resampled(self, random: np.random.Generator) -> Training:
        """What another training site like this might have told."""
        right, wrong = (random.choice(one, len(one)) for one in (self.right_weights, self.wrong_weights))
        return _trained(right, wrong, self.right.origin)


def belin_rubin_training(weights: Any, right: Any, *, origin: float | None = None) -> Training:
    """Learn the shapes of right and wrong links' weights where the truth is known.

    Parameters
    ----------
    weights : array-like, shape (n,)
        Weights of assigned pairs of a training site, all of them or a random sample.
    right : array-like of bool, shape (n,)
        Which of them are matches.
    origin : float, optional
        From where weights are counted, below all of them, at other sites, too; by default a tenth of their
        range below the least.

    Returns
    -------
    Training

    Raises
    ------
    InputError
        Where there are fewer than ten right or wrong links, or a weight is missing.

    Notes
    -----
    Each power is the maximum of Box and Cox's profile likelihood (1964), between -3 and 5.
    """
    values = link_weights(weights)
    truth = np.asarray(right)
    if truth.shape != values.shape or truth.dtype != bool:
        raise InputError("right: give True or False for each weight.")
    n = int(truth.sum())
    if min(n, len(truth) - n) < FEWEST:
        raise InputError(
            f"The training site has {n} right and {len(truth) - n} wrong links: there must be {FEWEST} of "
            "each to learn the shapes of their weights from."
        )
    spread = float(np.ptp(values))
    if not spread:
        raise InputError("weights: all weights of the training site are the same.")
    # Weights are log-ratios and may be negative, but only positive numbers have powers.
    if origin is None:
        origin = float(values.min()) - 0.1 * spread
    elif not origin < float(values.min()):
        raise InputError(
            f"origin: {origin:g} is not below all weights, the least of which is {values.min():g}."
        )
    return _trained(values[truth], values[~truth], origin)


def _trained(right: Floats, wrong: Floats, origin: float) -> Training:
    first, second = _power(right, origin), _power(wrong, origin)
    ratio = float(np.var(second(wrong)) / max(float(np.var(first(right))), 1e-300))
    return Training(first, second, ratio, right, wrong)


def _power(weights: Floats, origin: float) -> BoxCox:
    from scipy.optimize import minimize_scalar

    scale = float(np.exp(np.log(weights - origin).mean()))

    def lost(power: float) -> float:
        # With the geometric mean as the scale the log of the slope sums to 0 (Box and Cox 1964, equation 10).
        return float(np.log(max(float(np.var(BoxCox(power, scale, origin)(weights))), 1e-300)))

    found = minimize_scalar(lost, bounds=POWERS, method="bounded", options={"xatol": 1e-4})
    return BoxCox(float(found.x), scale, origin)


def link_weights(weights: Any) -> Floats:
    """Weights of links, checked."""
    values = np.asarray(weights, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError("weights: give one finite weight a link; a missing one is none.")
    return values
