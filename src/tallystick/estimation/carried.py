"""What earlier steps of a linkage tell of m and u among the records that they have left.

The matches that are left are not like all matches: a step takes out those that agree on its key and in most
else, so that agreement on them is rarer among the rest. What is left of a level of a comparison are the
matches that the step expects to have it, those that its pass does not find included, less those that are
linked. u is that of the files as they were: residual records are no sample of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WORTH = 20.0
"""Matches that the prior of m is worth, where earlier steps say what matches look like."""
ENOUGH = 200.0
"""Expected matches among the candidates from which on m is estimated and not carried over."""
KEPT = 10.0
"""Matches like all matches, added to those that are left: their numbers are differences of estimates."""


@dataclass(frozen=True)
class Carried:
    """What is known of one comparison.

    Attributes
    ----------
    u : float64 array, shape (n_levels,)
        Held.
    u_origin : str
        Where it comes from.
    m : float64 array, shape (n_levels,), optional
        What the matches that are left should look like; None for a comparison that no earlier step has made.
    m_origin : str
        Where it comes from.
    hold : bool
        Whether m is held; else it is where EM starts, and its prior.
    shared : float, optional
        Share of the related pairs that have the true value in common, held; None where there are none.
    """

    u: Floats
    u_origin: str
    m: Floats | None = None
    m_origin: str = ""
    hold: bool = False
    shared: float | None = None


def remaining_m(m: Floats, expected: float, linked: Floats) -> Floats:
    """What m is of the matches that are not linked yet.

    Parameters
    ----------
    m : float64 array, shape (n_levels,)
        Of all matches.
    expected : float
        Number of all matches.
    linked : float64 array, shape (n_levels,)
        Expected matches among the links, by level; missing values left out.

    Returns
    -------
    float64 array, shape (n_levels,)
        Proportional to ``max(0, E m - linked) + KEPT m``, with E the matches that have a value: as many
        of all as of the linked, but at least the linked.

    Examples
    --------
    Of 1,000 matches a tenth disagree; 900 are linked, of which ten disagree.

    >>> remaining_m(np.array([0.1, 0.9]), 1000.0, np.array([10.0, 890.0])).round(3).tolist()
    [0.827, 0.173]
    """
    left = np.maximum(0.0, expected * m - linked) + KEPT * m
    return np.asarray(left / left.sum(), np.float64)


def u_without_links(among_all: Floats, linked: Floats) -> Floats:
    """What u of a comparison is from all pairs of the files, less the linked ones.

    Parameters
    ----------
    among_all : float64 array, shape (n_levels,)
        How many of all allowed pairs show each level.
    linked : float64 array, shape (n_levels,)
        Expected matches among the links, by level.

    Returns
    -------
    float64 array, shape (n_levels,)
    """
    rest = np.maximum(among_all - linked, np.minimum(among_all, 0.5))
    return np.asarray(rest / rest.sum(), np.float64)


def held(carried: Mapping[str, Carried]) -> dict[str, Carried]:
    """The same with m held, where it is known."""
    return {name: replace(one, hold=one.m is not None) for name, one in carried.items()}


def level_sums_of(levels: NDArray[np.uint8], weights: Floats, sizes: Sequence[int]) -> list[Floats]:
    """Sums of weights by level, for each comparison.

    Parameters
    ----------
    levels : uint8 array, shape (n_comparisons, n_pairs)
        The level after the last one is a missing value and left out.
    weights : float64 array, shape (n_pairs,)
    sizes : sequence of int
        Number of levels of each comparison.

    Returns
    -------
    list of float64 array
    """
    return [
        np.asarray(np.bincount(row, weights=weights, minlength=n + 1)[:n], np.float64)
        for row, n in zip(levels, sizes, strict=True)
    ]
