"""What speaks for an analysis of linked data, and what against it.

Three looks, none of which needs to know a wrong link: whether linked records are like the unlinked ones;
whether the uncorrected estimate falls from sure links to doubtful ones as wrong links make it fall; and how
much the corrected estimate would change were there more wrong links, or fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import chi2

from tallystick.analysis.error_models.blocks import Floats, Ints
from tallystick.analysis.error_models.error_model import ErrorModel
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.scaled import Scaled
from tallystick.analysis.regressions.fit import Estimate, fit
from tallystick.errors import InputError
from tallystick.quality.proportions import (
    Difference,
    mean_difference,
    share_difference,
    shares_difference,
)

EDGES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
"""Chances of a right link that divide the bands."""
FEWEST = 30
"""Links of a band at least."""
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
"""How many times as many wrong links a curve is drawn for."""


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


@dataclass(frozen=True)
class LinkedUnlinked:
    """How the linked records of a source differ from the unlinked ones in a variable.

    Attributes
    ----------
    source, variable : str
    linked, unlinked : int
        Records with a value.
    value_linked, value_unlinked : float or None
        Means of numbers; of two categories the share of the second; else None.
    difference, low, high : float or None
        Standardised difference and its limits of 95 %; of three categories or more a distance, never
        negative.
    categories : int
        0 for numbers.
    """

    source: str
    variable: str
    linked: int
    unlinked: int
    value_linked: float | None
    value_unlinked: float | None
    difference: float | None
    low: float | None
    high: float | None
    categories: int


@dataclass(frozen=True)
class SensitivityPoint:
    """The estimate, were the wrong links `times` as many.

    Attributes
    ----------
    times : float
    q : float
        Mean chance of a right link then.
    estimates, standard_errors : tuple of float
        NaN where the equations have no solution.
    """

    times: float
    q: float
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]


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


def linked_and_unlinked(
    values: pl.DataFrame, linked: NDArray[np.bool_], source: str
) -> tuple[LinkedUnlinked, ...]:
    """How the linked records of a source differ from the unlinked ones, variable by variable.

    Parameters
    ----------
    values : polars.DataFrame
        A row a record: numbers, or categories as text.
    linked : bool array, shape (n_records,)
        Which have a link.
    source : str
        Name of the source.

    Returns
    -------
    tuple of LinkedUnlinked
        Standardised differences as of `tallystick.quality.proportions` (Austin 2009; Yang and Dalton 2012). A
        difference below 0.1 is commonly taken as negligible.

    Examples
    --------
    >>> values = pl.DataFrame({"age": [1.0, 2, 3, 2, 3, 4], "sex": ["f", "m", "f", "m", "m", "m"]})
    >>> found = linked_and_unlinked(values, np.arange(6) < 3, "survey")
    >>> [(one.variable, round(one.difference, 2)) for one in found]
    [('age', -1.0), ('sex', -2.0)]
    """
    return tuple(
        _numbers(values[name], linked, source, name)
        if values[name].dtype.is_numeric()
        else _categories(values[name], linked, source, name)
        for name in values.columns
    )


def _numbers(values: pl.Series, linked: NDArray[np.bool_], source: str, name: str) -> LinkedUnlinked:
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    there = np.isfinite(numbers)
    first, second = numbers[there & linked], numbers[there & ~linked]
    means = [float(one.mean()) if len(one) else None for one in (first, second)]
    found = mean_difference(first, second)
    return _compared(source, name, (len(first), len(second)), means, found, 0)


def _categories(values: pl.Series, linked: NDArray[np.bool_], source: str, name: str) -> LinkedUnlinked:
    there = values.is_not_null().to_numpy()
    labels, codes = np.unique(values.drop_nulls().to_numpy().astype(str), return_inverse=True)
    own = linked[there]
    counts = [np.bincount(codes[which], minlength=len(labels)) for which in (own, ~own)]
    n, m = (int(one.sum()) for one in counts)
    shares: list[float | None] = [None, None]
    found = None
    if len(labels) == 2:
        found = share_difference(int(counts[0][1]), n, int(counts[1][1]), m)
        shares = [float(one[1] / one.sum()) if one.sum() else None for one in counts]
    elif n and m:
        found = shares_difference(*counts)
    return _compared(source, name, (n, m), shares, found, len(labels))


def _compared(
    source: str,
    name: str,
    records: tuple[int, int],
    values: Sequence[float | None],
    found: Difference | None,
    categories: int,
) -> LinkedUnlinked:
    return LinkedUnlinked(
        source,
        name,
        linked=records[0],
        unlinked=records[1],
        value_linked=values[0],
        value_unlinked=values[1],
        difference=None if found is None else found.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        categories=categories,
    )


def sensitivity(
    estimate: Callable[[ErrorModel], tuple[Floats, Floats]],
    model: ErrorModel,
    q: float,
    times: Sequence[float] = TIMES,
) -> tuple[SensitivityPoint, ...]:
    """The estimate over q: what it would be with fewer wrong links, and with more.

    Of one block the slope of a linear model is in proportion to 1 / a, so that d log(b) / d a = -1 / a.

    Parameters
    ----------
    estimate : callable
        From an error model to estimates and their standard errors; NaN where there is no solution.
    model : ErrorModel
        The errors as they are taken to be.
    q : float
        Mean chance of a right link under it.
    times : sequence of float
        How many times as many wrong links there are; what would make q negative is left out.

    Returns
    -------
    tuple of SensitivityPoint

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 1, 2, 3]])
    >>> model = exchangeable([0] * 4, 0.85)
    >>> y = model.expected(X @ [1.0, 2.0])
    >>> def slope(errors):
    ...     found = fit(y, X, errors, variance="centred")
    ...     return found.coefficients, found.standard_errors
    >>> [(point.q, round(point.estimates[1], 3)) for point in sensitivity(slope, model, 0.85, (0.0, 1.0))]
    [(1.0, 1.6), (0.85, 2.0)]
    """
    found = []
    for one in times:
        if 1 - one * (1 - q) < 0:
            continue
        values, errors = estimate(model if one == 1 else Scaled(model, one))
        found.append(
            SensitivityPoint(
                float(one), 1 - one * (1 - q), tuple(map(float, values)), tuple(map(float, errors))
            )
        )
    return tuple(found)


def as_plain(found: Any) -> Any:
    """Results of this module as plain values, for JSON: what is no number is None."""
    if isinstance(found, tuple | list):
        return [as_plain(one) for one in found]
    if isinstance(found, Mapping):
        return {key: as_plain(value) for key, value in found.items()}
    if isinstance(found, float | np.floating):
        return float(found) if np.isfinite(found) else None
    if hasattr(found, "__dataclass_fields__"):
        return as_plain(asdict(found))
    return found
