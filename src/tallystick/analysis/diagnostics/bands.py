"""Naive estimates and residuals by band of the chance of a right link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from tallystick.analysis.error_models.blocks import Floats, Ints
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.regressions.fit import Estimate, fit
from tallystick.errors import InputError

EDGES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
"""Chances of a right link that divide the bands."""
FEWEST = 30
"""Links of a band at least."""


@dataclass(frozen=True)
class BandEstimate:
    """The estimate without correction of the links of one band of q.

    Attributes
    ----------
    low, high : float
        Chances of a right link between which the band lies.
    links : int
        Number of links.
    q : float
        Their mean chance.
    names : tuple of str
        Coefficients.
    estimates, standard_errors : tuple of float
        Of the naive fit.
    expected : tuple of float or None
        What the corrected model says that the naive fit of these links gives; of linear models.
    """

    low: float
    high: float
    links: int
    q: float
    names: tuple[str, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    expected: tuple[float, ...] | None


@dataclass(frozen=True)
class BandResidual:
    """The mean residual of the corrected model in one band of q, which is 0 where the model holds."""

    low: float
    high: float
    links: int
    q: float
    mean: float
    standard_error: float


@dataclass(frozen=True)
class ResidualCheck:
    """Residuals by band of q, and whether together they are further from 0 than chance takes them.

    Attributes
    ----------
    bands : tuple of BandResidual
    statistic, df, p_value : float
        Sum of the squared means over their variances, chi-square where q is right and linkage is not
        informative; NaN with one band.
    """

    bands: tuple[BandResidual, ...]
    statistic: float
    df: int
    p_value: float


def bands_of(
    q: Floats, fewest: int = FEWEST, edges: Sequence[float] = EDGES
) -> tuple[Ints, list[tuple[float, float]]]:
    """Bands of the chance of a right link; those with too few links are put to the next higher one.

    Parameters
    ----------
    q : float64 array, shape (n_links,)
        Chances.
    fewest : int
        Links of a band at least.
    edges : sequence of float
        Where bands begin, ascending.

    Returns
    -------
    codes : int64 array, shape (n_links,)
        Band of each link.
    limits : list of (float, float)
        Lower and upper end of each.

    Examples
    --------
    >>> codes, limits = bands_of(np.array([0.6, 0.92, 0.93, 0.997]), fewest=2, edges=(0.9, 0.99))
    >>> codes.tolist(), limits
    ([0, 0, 0, 0], [(0.0, 1.0)])
    """
    starts = np.array([0.0, *edges])
    own = np.searchsorted(starts[1:], q, side="right")
    sizes = np.bincount(own, minlength=len(starts))
    kept, waiting = [], 0
    for k, size in enumerate(sizes):
        waiting += int(size)
        if waiting >= fewest:
            kept.append(k)
            waiting = 0
    ends = [*kept[:-1], len(starts) - 1]  # what is left over at the top joins the band below
    codes = np.searchsorted(np.array(ends), own)
    firsts = [0, *(end + 1 for end in ends[:-1])]
    limits = [
        (float(starts[first]), float(starts[end + 1]) if end + 1 < len(starts) else 1.0)
        for first, end in zip(firsts, ends, strict=True)
    ]
    return codes.astype(np.int64), limits


def naive_by_band(
    y: Floats,
    X: Floats,
    q: Floats,
    names: Sequence[str],
    *,
    family: str = "linear",
    shown: Floats | None = None,
    weights: Floats | None = None,
    fewest: int = FEWEST,
) -> tuple[BandEstimate, ...]:
    """The estimate without correction by band of q: wrong links make it fall from the surest band down.

    Where errors are exchangeable the slopes of a linear model are those of right links times a, about q. A
    slope that does not fall says that the q are not those of this file, or that links go wrong to records
    that are like the right one.

    Parameters
    ----------
    y : float64 array, shape (n_links,)
        Outcomes as linked.
    X : float64 array, shape (n_links, p)
        Covariates as linked.
    q : float64 array, shape (n_links,)
        Chance that each link is right.
    names : sequence of str
        Of the coefficients.
    family : str
        As of `regression`.
    shown : float64 array, shape (n_links,), optional
        Expected outcomes by the corrected model; of linear models.
    weights : float64 array, shape (n_links,), optional
        Of the rows.
    fewest : int
        Links of a band at least; three times the number of coefficients where that is more.

    Returns
    -------
    tuple of BandEstimate
        From the lowest band up; a band in which a coefficient cannot be estimated is left out.

    Examples
    --------
    >>> x = np.tile([0.0, 1.0], 60)
    >>> y = np.where(np.arange(120) < 60, 0.5, 1.0) * x
    >>> X = np.column_stack([np.ones(120), x])
    >>> found = naive_by_band(y, X, np.repeat([0.6, 0.99], 60), ["one", "x"])
    >>> [(round(band.q, 2), round(band.estimates[1], 3)) for band in found]
    [(0.6, 0.5), (0.99, 1.0)]
    """
    codes, limits = bands_of(q, max(fewest, 3 * X.shape[1]))
    found = []
    for k, (low, high) in enumerate(limits):
        at = np.flatnonzero(codes == k)
        if not len(at):
            continue
        estimate = _naive(y[at], X[at], family, None if weights is None else weights[at], names)
        if estimate is None:
            continue
        expected = None
        if shown is not None and family == "linear":
            told = _naive(shown[at], X[at], family, None if weights is None else weights[at], names)
            expected = None if told is None else tuple(map(float, told.coefficients))
        found.append(
            BandEstimate(
                low,
                high,
                len(at),
                float(q[at].mean()),
                tuple(names),
                tuple(map(float, estimate.coefficients)),
                tuple(map(float, estimate.standard_errors)),
                expected,
            )
        )
    return tuple(found)


def _naive(
    y: Floats, X: Floats, family: str, weights: Floats | None, names: Sequence[str]
) -> Estimate | None:
    """The naive fit of some rows; None where they cannot tell a coefficient."""
    rows = exchangeable(np.zeros(len(y), np.int64), 1.0)
    try:
        found = fit(
            y, X, rows, method="naive", family=family, variance="centred", weights=weights, names=list(names)
        )
    except InputError:
        return None
    return found if found.converged else None


def residuals_by_band(y: Floats, shown: Floats, q: Floats, fewest: int = FEWEST) -> ResidualCheck:
    """Whether residuals of the corrected model depend on how sure the links are.

    Where linkage is non-informative and q is right, E[y* - Q mu] is 0 in every band of q. Means that differ
    from 0 say that outcomes go with the quality of links beyond what the covariates tell (informative
    linkage), that q is wrong, or that the model lacks a covariate which goes with it.

    Parameters
    ----------
    y, shown : float64 arrays, shape (n_links,)
        Outcomes as linked, and what the corrected model expects.
    q : float64 array, shape (n_links,)
        Chance that each link is right.
    fewest : int
        Links of a band at least.

    Returns
    -------
    ResidualCheck
        The test takes rows as independent and the coefficients as known, so that it is rough: a small p value
        is a reason to look, a large one no proof.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> q = np.repeat([0.7, 0.999], 500)
    >>> found = residuals_by_band(random.normal(size=1000) + (q < 0.9), np.zeros(1000), q)
    >>> found.df, found.p_value < 0.001
    (1, True)
    """
    codes, limits = bands_of(q, fewest)
    rest = y - shown
    found = []
    for k, (low, high) in enumerate(limits):
        own = rest[codes == k]
        if len(own) < 2:
            continue
        error = float(own.std(ddof=1) / np.sqrt(len(own)))
        found.append(BandResidual(low, high, len(own), float(q[codes == k].mean()), float(own.mean()), error))
    if len(found) < 2 or any(one.standard_error <= 0 for one in found):
        return ResidualCheck(tuple(found), float("nan"), 0, float("nan"))
    statistic = sum((one.mean / one.standard_error) ** 2 for one in found)
    df = len(found) - 1  # one is taken by the constant
    return ResidualCheck(tuple(found), float(statistic), df, float(chi2.sf(statistic, df)))
