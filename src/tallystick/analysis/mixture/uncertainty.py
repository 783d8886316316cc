"""Covariance of the estimates of a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.mixture.likelihood import Data, Parameters, directions, hessian, scores

SINGULAR = 1e-9
"""Smallest eigenvalue of the information, in units of the largest and of each parameter's own scale."""


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Covariance of all parameters.

    Attributes
    ----------
    covariance : float64 array, shape (d, d)
        Of coefficients, log sigma (linear family) and gamma; zero where gamma is held.
    identified : bool
        Whether the data tell all parameters apart.
    """

    covariance: Floats
    identified: bool


def uncertainty(data: Data, parameters: Parameters, variance: str, *, hold_matches: bool) -> Uncertainty:
    """By the observed information, or with the scores of the rows between (sandwich).

    The rows of links that are known to be right are in both, as all others: they tell of the coefficients.
    f_Y is taken as known.

    Parameters
    ----------
    data : Data
        What was fitted.
    parameters : Parameters
        At the maximum.
    variance : {"sandwich", "information"}
        Which.
    hold_matches : bool
        Leave gamma as it is, as where no link was found to be wrong.
    """
    free = directions(data, parameters)
    if hold_matches:
        free = free[:, : data.X.shape[1] + (data.family.name == "linear")]
    information = -(free.T @ hessian(data, parameters) @ free)
    d = len(free)
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    if not (size > 0).all():
        return Uncertainty(np.full((d, d), np.nan), False)
    values = np.linalg.eigvalsh(information / np.outer(size, size))
    if values.min() <= SINGULAR * values.max():
        return Uncertainty(np.full((d, d), np.nan), False)
    inverse = np.linalg.inv(information)
    if variance == "sandwich":
        by_row = scores(data, parameters) @ free
        inverse = inverse @ (by_row.T @ by_row) @ inverse
    return Uncertainty(free @ inverse @ free.T, True)


def alpha_error(data: Data, parameters: Parameters, covariance: Floats) -> float:
    """Standard error of alpha, by the delta method."""
    k = data.matches.z.shape[1]
    slope = data.matches.slope(parameters.gamma)
    return float(np.sqrt(max(float(slope @ covariance[-k:, -k:] @ slope), 0.0)))


def log_odds_limits(alpha: float, error: float, quantile: float) -> tuple[float, float]:
    """Limits of alpha that are symmetric in its log-odds, so that they stay between 0 and 1."""
    if not 0 < alpha < 1 or not np.isfinite(error):
        return (float("nan"), float("nan"))
    odds, half = float(logit(alpha)), quantile * error / (alpha * (1 - alpha))
    return float(expit(odds - half)), float(expit(odds + half))
