"""Whether two people who judge the same agree more than by chance: Cohen's kappa."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.review.standing import Answer, Standing

CATEGORIES = ("link", "non-link", "unsure", "another record")
"""Verdicts, and the last for a second reviewer who links the same record with another one."""
_Z = 1.959963984540054


@dataclass(frozen=True)
class Kappa:
    """Agreement of two people over some tasks.

    Attributes
    ----------
    n : int
        Tasks that two people have judged.
    observed : float or None
        Share on which they agree; None where `n` is 0.
    expected : float or None
        Share on which they would agree by chance, were their verdicts independent.
    kappa : float or None
        (observed - expected) / (1 - expected); None where both always give the same one verdict, since chance
        then agrees always, too.
    standard_error : float or None
        Of `kappa`, for many tasks.
    low, high : float or None
        Interval of 95 % by the normal distribution, within -1 and 1.
    """

    n: int
    observed: float | None
    expected: float | None
    kappa: float | None
    standard_error: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Band:
    """Agreement over the tasks of a band of weight.

    Attributes
    ----------
    low, high : float or None
        The weight is at least, and below (natural logarithm); None for no limit.
    agreement : Kappa
        Over them.
    """

    low: float | None
    high: float | None
    agreement: Kappa


@dataclass(frozen=True)
class Agreement:
    """Agreement over a worklist.

    Attributes
    ----------
    overall : Kappa
        Over all tasks that two people have judged.
    table : tuple of tuple of int
        How often the first person to judge gave the verdict of the row, the second that of the column.
    categories : tuple of str
        Of its rows and columns.
    bands : tuple of Band
        The same by weight; tasks without a weight are in none.
    """

    overall: Kappa
    table: tuple[tuple[int, ...], ...]
    categories: tuple[str, ...]
    bands: tuple[Band, ...]


def cohen_kappa(table: Sequence[Sequence[int]] | NDArray[np.int64]) -> Kappa:
    """Cohen's kappa of a square table of counts.

    Parameters
    ----------
    table : array of shape (k, k)
        How often the first rater gave category i and the second category j.

    Returns
    -------
    Kappa
        The standard error is that for any true kappa.

    References
    ----------
    Kappa: J. Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20, 37-46. Standard error: J. L. Fleiss, J. Cohen, B. S. Everitt (1969), Large sample standard
    errors of kappa and weighted kappa, Psychological Bulletin 72, 323-327 (that of unweighted kappa where it
    is not 0), as written by J. L. Fleiss, B. Levin, M. C. Paik (2003), Statistical Methods for Rates and
    Proportions, section 18.1.

    Examples
    --------
    The diagnoses of Fleiss, Levin and Paik, table 18.1 (who round on the way, and have 0.087):

    >>> found = cohen_kappa([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    >>> round(found.kappa, 2), round(found.standard_error, 3)
    (0.68, 0.088)
    """
    counts = np.asarray(table, dtype=float)
    n = int(counts.sum())
    if n == 0:
        return Kappa(0, None, None, None, None, None, None)
    p = counts / n
    rows, columns, same = p.sum(axis=1), p.sum(axis=0), np.diag(p)
    observed, expected = float(same.sum()), float(rows @ columns)
    if expected >= 1:
        return Kappa(n, observed, expected, None, None, None, None)
    kappa = (observed - expected) / (1 - expected)
    agreeing = float(same @ (1 - (rows + columns) * (1 - kappa)) ** 2)
    # Of the first rater j's share in the columns and of the second i's in the rows: the marginals cross.
    crossed = (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    differing = (1 - kappa) ** 2 * float((p * crossed).sum() - (np.diag(crossed) @ same))
    constant = (kappa - expected * (1 - kappa)) ** 2
    variance = max(0.0, agreeing + differing - constant) / (n * (1 - expected) ** 2)
    error = math.sqrt(variance)
    return Kappa(
        n=n,
        observed=observed,
        expected=expected,
        kappa=kappa,
        standard_error=error,
        low=max(-1.0, kappa - _Z * error),
        high=min(1.0, kappa + _Z * error),
    )


def agreement(standing: Sequence[Standing], bands: Sequence[float] | None = None) -> Agreement:
    """Agreement of the two people who judged each task without seeing each other's verdict.

    It is of what they said when both had judged for the first time: nothing that was changed afterwards, and
    nothing that adjudicators say, enters. Reviewers take turns, so "the first" and "the second" are no
    persons: kappa is that of two reviewers of this team.

    Parameters
    ----------
    standing : sequence of Standing
        Tasks with the two answers that are compared.
    bands : sequence of float, optional
        Limits of bands of weight, ascending; by default the quartiles of the weights of these tasks.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        Where the limits do not ascend.
    """
    return agreement_of(
        ((one.task.weight, *one.compared) for one in standing if one.compared is not None), bands
    )


def agreement_of(
    answers: Iterable[tuple[float | None, Answer, Answer]], bands: Sequence[float] | None = None
) -> Agreement:
    """Agreement of answers in pairs, each with the weight of its task (see `agreement`)."""
    size = len(CATEGORIES)
    pairs, weights = [], []
    for weight_of_task, first, second in answers:
        another = first[0] == second[0] and first[1] != second[1]
        column = "another record" if another else second[0]
        pairs.append((CATEGORIES.index(first[0]), CATEGORIES.index(column)))
        weights.append(math.nan if weight_of_task is None else weight_of_task)
    weight = np.array(weights, dtype=float)
    cells = np.array([row * size + column for row, column in pairs], dtype=np.int64)
    table = np.bincount(cells, minlength=size * size).reshape(size, size)
    known = weight[~np.isnan(weight)]
    limits = list(np.unique(np.quantile(known, (0.25, 0.5, 0.75)))) if bands is None and len(known) else bands
    limits = [float(limit) for limit in (limits if limits is not None else ())]
    if any(not low < high for low, high in pairwise(limits)):
        raise InputError("the limits of bands of weight have to ascend.")
    found = []
    for low, high in zip([None, *limits], [*limits, None], strict=True):
        within = ~np.isnan(weight)
        if low is not None:
            within &= weight >= low
        if high is not None:
            within &= weight < high
        part = np.bincount(cells[within], minlength=size * size).reshape(size, size)
        found.append(Band(low, high, cohen_kappa(part)))
    return Agreement(
        overall=cohen_kappa(table),
        table=tuple(tuple(map(int, row)) for row in table),
        categories=CATEGORIES,
        bands=tuple(found) if len(known) else (),
    )
