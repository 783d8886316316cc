"""Strata of candidate pairs by their posterior, and how many pairs of each are worth labelling.

A label tells most where the model is in doubt. Half of the sample is shared out evenly, so that also what
seems certain is checked, and the rest goes where the doubt is: Neyman's allocation (1934),
n_h ~ N_h sqrt(p (1 - p)), with sqrt(p (1 - p)) summed over the patterns of the stratum. The lowest stratum,
nearly all pairs of most linkages, takes its part of the first half and no more: else most of the sample
would be its own, and nearly all of that non-matches, which tell nothing of m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.linking.score import weigh_patterns
from tallystick.patterns.count import PatternCounts

EDGES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
"""Posteriors that divide the strata."""


@dataclass(frozen=True)
class Strata:
    """The stratum of every pattern that occurs.

    Attributes
    ----------
    edges : tuple of float
        Posteriors that divide the strata.
    patterns, stratum : tuple of int64 array
        For every pair of sources the patterns of the comparisons that occur, in ascending order, and the
        stratum of each.
    sizes : int64 array, shape (n_source_pairs, n_strata)
        Numbers of pairs.
    doubt : float64 array, shape (n_strata,)
        Sums of sqrt(p (1 - p)) over the pairs.
    """

    edges: tuple[float, ...]
    patterns: tuple[NDArray[np.int64], ...]
    stratum: tuple[NDArray[np.int64], ...]
    sizes: NDArray[np.int64]
    doubt: NDArray[np.float64]

    @property
    def totals(self) -> NDArray[np.int64]:
        """Number of pairs of each stratum, shape (n_strata,)."""
        return np.asarray(self.sizes.sum(axis=0), np.int64)

    def of(self, patterns: NDArray[np.int64], source_pair: int) -> NDArray[np.int64]:
        """Strata of patterns of the comparisons that occur in a pair of sources, shape (n,)."""
        return self.stratum[source_pair][np.searchsorted(self.patterns[source_pair], patterns)]


def strata_of(
    parameters: Parameters, counts: PatternCounts, n_source_pairs: int, edges: Sequence[float] = EDGES
) -> Strata:
    """Divide the counted patterns by their posterior.

    Parameters
    ----------
    parameters : Parameters
        The model.
    counts : PatternCounts
        Counts of the patterns of the candidate pairs.
    n_source_pairs : int
        Number of pairs of sources.
    edges : sequence of float
        Posteriors that divide the strata, in ascending order.

    Returns
    -------
    Strata
    """
    patterns, stratum = [], []
    sizes = np.zeros((n_source_pairs, len(edges) + 1), np.int64)
    doubt = np.zeros(len(edges) + 1)
    for k in range(n_source_pairs):
        own = counts.source_pair == k
        found, where = np.unique(counts.patterns[own] % parameters.coding.size, return_inverse=True)
        times = np.zeros(len(found), np.int64)
        np.add.at(times, where, counts.counts[own])
        p = parameters.posterior(weigh_patterns(parameters, found, k), np.full(len(found), k))
        patterns.append(found)
        stratum.append(np.searchsorted(edges, p, side="right").astype(np.int64))
        np.add.at(sizes[k], stratum[-1], times)
        np.add.at(doubt, stratum[-1], times * np.sqrt(p * (1.0 - p)))
    return Strata(tuple(edges), tuple(patterns), tuple(stratum), sizes, doubt)


def allocate(sizes: NDArray[np.int64], doubt: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """How many pairs each stratum gives.

    Half of the sample is shared out evenly, as far as there are so many pairs; the rest in proportion to
    the doubt of the strata but the lowest (Neyman 1934).

    Parameters
    ----------
    sizes : int64 array, shape (n_strata,)
        Numbers of pairs.
    doubt : float64 array, shape (n_strata,)
        Sums of sqrt(p (1 - p)) over their pairs.
    n : int
        Size of the sample.

    Returns
    -------
    int64 array, shape (n_strata,)
        Sums to `n`, or to all pairs where these are fewer.

    Examples
    --------
    >>> allocate(np.array([10_000, 300, 40, 500]), np.array([90.0, 60.0, 20.0, 10.0]), 200).tolist()
    [25, 98, 40, 37]
    """
    if sizes.sum() <= n:
        return sizes.copy()
    filled = max(1, int((sizes > 0).sum()))
    taken = np.minimum(sizes, max(1, n // (2 * filled)))
    while taken.sum() > n:  # fewer pairs than strata
        taken[int(taken.argmax())] -= 1
    share = doubt.copy()
    share[0] = 0.0
    while (rest := n - int(taken.sum())) > 0:
        open_ = (taken < sizes) & (share > 0)
        if not open_.any():
            open_, share = taken < sizes, np.where(taken < sizes, 1.0, 0.0)
        wanted = rest * np.where(open_, share, 0.0) / share[open_].sum()
        more = np.minimum(np.floor(wanted).astype(np.int64), sizes - taken)
        if not more.any():  # less than one each: to the largest remainders
            first = np.argsort(-wanted, kind="stable")[: min(rest, int(open_.sum()))]
            more[first] = 1
        taken += more
    return taken
