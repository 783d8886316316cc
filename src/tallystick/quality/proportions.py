"""Shares of records with an interval, and how far two groups of records differ in what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.rates import Interval

Floats = NDArray[np.float64]
_TAIL = 0.025
_LARGE = 1000.0
"""Noncentral chi-square variables above it are as good as squared normal ones."""


@dataclass(frozen=True)
class Difference:
    """A standardised difference and its interval of 95 %.

    Attributes
    ----------
    value : float
        In units of the standard deviation that the two groups have on average.
    low, high : float
    corrected : float, optional
        Of a distance, which is never negative: the root of its square less what that is on average where the
        groups do not differ, 0 where nothing is left.
    """

    value: float
    low: float
    high: float
    corrected: float | None = None


def wilson(part: float, whole: float) -> Interval | None:
    """Interval of 95 % of a share, by Wilson's score.

    Parameters
    ----------
    part, whole : float
        Number of records that have a property, of how many.

    Returns
    -------
    Interval or None
        None where there are no records.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212.

    Examples
    --------
    >>> limits = wilson(0, 10)
    >>> limits.low, round(limits.high, 4)
    (0.0, 0.2775)
    """
    if whole <= 0:
        return None
    z2 = NORMAL_95**2
    share = part / whole
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole**2)) / (1 + z2 / whole)
    # At both ends the limits are exact, whatever the last digit of the root is.
    return Interval(0.0 if part <= 0 else middle - half, 1.0 if part >= whole else middle + half)


def share_with_limits(name: str, part: float, whole: float) -> dict[str, float | None]:
    """A share and its `wilson` interval, as tables have them.

    Examples
    --------
    >>> share_with_limits("rate", 10, 10)["rate"], share_with_limits("rate", 0, 0)
    (1.0, {'rate': None, 'rate_low': None, 'rate_high': None})
    """
    limits = wilson(part, whole)
    return {
        name: part / whole if whole else None,
        f"{name}_low": limits.low if limits else None,
        f"{name}_high": limits.high if limits else None,
    }


def share_difference(first: float, n_first: float, second: float, n_second: float) -> Difference | None:
    """Standardised difference of a share between two groups.

    ``(p - q) / sqrt((p (1 - p) + q (1 - q)) / 2)`` (Austin 2009, section 2). Its limits are made of Wilson's
    of both shares: the distances from the estimate that either limit alone makes, squared and added (Zou and
    Donner 2008; for a plain difference that is Newcombe's method 10), so that shares of 0 have an interval.

    Parameters
    ----------
    first, n_first : float
        Records of the first group that have the property, of how many.
    second, n_second : float
        Of the second group.

    Returns
    -------
    Difference or None
        None where a group is empty, or one group has the property throughout and the other never.

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates between
    treatment groups in propensity-score matched samples. Statistics in Medicine 28, 3083-3107.

    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures: a general
    approach. Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> round(share_difference(300, 1000, 200, 1000).value, 4)
    0.2325
    """
    if n_first <= 0 or n_second <= 0:
        return None
    p, q = first / n_first, second / n_second
    if p == q and p in (0.0, 1.0):
        return Difference(0.0, 0.0, 0.0)
    value = _standardised(p, q)
    if value is None:
        return None
    first_limits, second_limits = wilson(first, n_first), wilson(second, n_second)
    assert first_limits is not None
    assert second_limits is not None

    def apart(one: float, other: float) -> float:
        """How far it is to where either share by itself is at a limit."""
        ends = _standardised(one, q), _standardised(p, other)
        return math.hypot(*(value - end for end in ends if end is not None))

    below = apart(first_limits.low, second_limits.high)
    above = apart(first_limits.high, second_limits.low)
    return Difference(value, value - below, value + above)


def _standardised(p: float, q: float) -> float | None:
    """The standardised difference of two shares; None where neither varies and they differ."""
    variance = (p * (1 - p) + q * (1 - q)) / 2
    if variance <= 0:
        return 0.0 if p == q else None
    return (p - q) / math.sqrt(variance)


def mean_difference(first: Floats, second: Floats) -> Difference | None:
    """Standardised difference of a mean between two groups.

    ``(mean - mean') / sqrt((s^2 + s'^2) / 2)`` (Austin 2009, section 2), its standard error by the delta
    method for values that are about normal; of groups of one size it is that of Hedges and Olkin (1985).

    Parameters
    ----------
    first, second : float64 arrays, shape (n,)
        Values of the groups.

    Returns
    -------
    Difference or None
        None where a group has fewer than two values, or no group varies.

    Examples
    --------
    >>> round(mean_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])).value, 4)
    -1.0
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        return None
    one, other = float(first.var(ddof=1)), float(second.var(ddof=1))
    both = (one + other) / 2
    if both <= 0:
        return None
    value = float(first.mean() - second.mean()) / math.sqrt(both)
    of_spread = (one**2 / (n - 1) + other**2 / (m - 1)) / 2
    error = math.sqrt((one / n + other / m) / both + value**2 * of_spread / (4 * both**2))
    return Difference(value, value - NORMAL_95 * error, value + NORMAL_95 * error)


def shares_difference(first: NDArray[Any], second: NDArray[Any]) -> Difference | None:
    """Standardised difference of all categories together between two groups.

    The Mahalanobis distance of the vectors of shares, ``sqrt((p - q)' S^-1 (p - q))`` with S the mean of
    their covariance matrices, of all categories but one (Yang and Dalton 2012); with two categories it is the
    absolute value of `share_difference`. A distance of samples is never 0, so that an interval around it
    could not hold the truth where two groups do not differ: its square, divided by what it would be on
    average then per category, is taken as noncentral chi-square, and the limits are the distances at which
    it would be in either tail of 2.5 %. Where groups differ much S, which is estimated too, adds to the
    error: the interval is wider by as much as the delta method says. With many categories of few records it
    is somewhat too short, and the distance itself too large.

    Parameters
    ----------
    first, second : arrays of numbers, shape (n_categories,)
        Records of each category in the two groups.

    Returns
    -------
    Difference or None
        None where a group is empty, or the groups have no category in common.

    References
    ----------
    Yang, D. and Dalton, J. E. (2012). A unified approach to measuring the effect size between two groups
    using SAS. SAS Global Forum 2012, paper 335.

    Examples
    --------
    >>> found = shares_difference(np.array([300, 700]), np.array([200, 800]))
    >>> round(found.value, 4)
    0.2325
    """
    counts = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    counts = counts[:, counts.sum(0) > 0]
    n = counts.sum(1)
    if (n == 0).any():
        return None
    if counts.shape[1] < 2:
        return Difference(0.0, 0.0, 0.0, 0.0)
    if not (counts[0] * counts[1]).any():
        return None
    # The largest category is the one that is left out: what is left is farthest from singular.
    kept = np.delete(np.arange(counts.shape[1]), counts.sum(0).argmax())
    p, q = (counts[k, kept] / n[k] for k in range(2))
    # S = diag((p + q) / 2) - U U', U = (p, q) / sqrt(2): inverted by Woodbury's formula, so that many
    # categories cost no more than few.
    inverse = 2 / (p + q)
    u = np.stack([p, q], 1) / math.sqrt(2)
    scaled = inverse[:, None] * u
    middle = np.linalg.inv(np.eye(2) - u.T @ scaled)

    def times(vector: Floats) -> Floats:
        return np.asarray(inverse * vector + scaled @ (middle @ (scaled.T @ vector)), np.float64)

    distance2 = max(0.0, float((p - q) @ times(p - q)))
    diagonal = inverse + np.einsum("ij,jk,ik->i", scaled, middle, scaled)
    expected = sum(
        (float((diagonal * share).sum()) - float(share @ times(share))) / size
        for share, size in zip((p, q), n, strict=True)
    )
    df = len(kept)
    scale = expected / df
    low, high = _noncentrality(distance2 / scale, df)
    value, low, high = math.sqrt(distance2), math.sqrt(low * scale), math.sqrt(high * scale)
    stretch = _stretch((p, q), n, times(p - q), 4 * distance2 * scale)
    return Difference(
        value,
        max(0.0, value - (value - low) * stretch),
        value + max(0.0, high - value) * stretch,
        math.sqrt(max(0.0, distance2 - expected)),
    )


def _stretch(shares: tuple[Floats, Floats], n: Floats, slope: Floats, assumed: float) -> float:
    """By how much a squared distance varies more, as a ratio of standard errors, than with S as known.

    Parameters
    ----------
    shares : tuple of float64 array
        Shares of the categories but one in both groups, p and q.
    n : float64 array, shape (2,)
        Sizes of the groups.
    slope : float64 array
        ``y = S^-1 (p - q)``.
    assumed : float
        The variance with S as known.

    Returns
    -------
    float
        At least 1. The derivative of the squared distance by p is ``2 y - (y^2 - 2 y (p'y)) / 2``, by q with
        -2 y: the second part is that of S.
    """
    if assumed <= 0:
        return 1.0
    variance = 0.0
    for share, size, sign in zip(shares, n, (2.0, -2.0), strict=True):
        by = sign * slope - (slope**2 - 2 * slope * float(share @ slope)) / 2
        variance += (float(share @ by**2) - float(share @ by) ** 2) / size
    return math.sqrt(max(1.0, variance / assumed))


def _noncentrality(found: float, df: int) -> tuple[float, float]:
    """Limits of the noncentrality of a chi-square variable that has been found to be so large."""
    from scipy.special import chdtr, chndtrinc

    if found > _LARGE:
        root = math.sqrt(max(0.0, found - df))
        spread = NORMAL_95 * math.sqrt(1 + df / (2 * max(root, 1.0) ** 2))
        return max(0.0, root - spread) ** 2, (root + spread) ** 2
    below = float(chdtr(df, found))  # the chance of less without any difference
    low = 0.0 if below <= 1 - _TAIL else float(chndtrinc(found, df, 1 - _TAIL))
    high = 0.0 if below <= _TAIL else float(chndtrinc(found, df, _TAIL))
    return low, high
