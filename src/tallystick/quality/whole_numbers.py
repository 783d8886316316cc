"""Limits of a number of pairs or records that is known by its mean and variance alone."""

from __future__ import annotations

import numpy as np


def whole_limits(mean: float, variance: float) -> tuple[float, float]:
    """Limits of 95 %: the quantiles of a gamma distribution, rounded outwards, so that none may be within.

    Parameters
    ----------
    mean, variance : float
        Both above 0.

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> whole_limits(10.0, 10.0), whole_limits(0.01, 0.01)
    ((4.0, 18.0), (0.0, 1.0))
    """
    from scipy.special import gammaincinv

    low, high = gammaincinv(mean**2 / variance, [0.025, 0.975]) * variance / mean
    return float(np.floor(low)), float(np.ceil(high))
