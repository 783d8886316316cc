"""Simpler ways than the best set to choose links: the best pair first, and only pairs without competitors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.assign import Assignment, check_scores, pair_graph

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.integer[Any]]


def greedy(left: Rows, right: Rows, gain: Floats, *, tie_tolerance: float = 1e-9) -> Assignment:
    """Take pairs by falling gain, each whose records are both free; nobody need be matched.

    No total is maximised: a pair that is taken may cost two others that are better together. The result does
    not depend on the order of the pairs or on which side is left, since nothing is chosen among equals: of
    pairs of equal gain that compete for a free record none is chosen, and all are ties. So is a pair of
    lower gain whose record may be left over by them. The chosen pairs are taken in every order of equals;
    where that would take long to tell of some, these are ties, too.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global row numbers. No row may occur on both sides, and no pair twice.
    gain : float64 array, shape (n_pairs,)
        Match weight less the no-link constant, natural-log units. Pairs of 0 or less are not taken.
    tie_tolerance : float, default 1e-9
        In the units of `gain`. In falling order, gains that differ from the one before by less are equal.

    Returns
    -------
    Assignment
        Ties are not chosen.

    Raises
    ------
    InputError
        If the arrays differ in shape, a row occurs on both sides, a pair occurs twice, or a gain is
        not a number or is plus infinity.

    Examples
    --------
    The pair of gain 4 is taken first, which leaves none for the others; the best set has two pairs of 3:

    >>> greedy(np.array([0, 0, 1]), np.array([5, 6, 5]), np.array([4.0, 3.0, 3.0])).chosen
    array([ True, False, False])

    Which of two equal pairs goes first decides whether the third one is free, so that all are in doubt:

    >>> greedy(np.array([0, 1, 1]), np.array([5, 5, 6]), np.array([4.0, 4.0, 1.0])).tie
    array([ True,  True,  True])
    """
    from tallystick.linking.kernels_greedy import take_by_level

    graph = pair_graph(left, right)
    check_scores(left, gain, "gain")
    gains = gain[graph.position].astype(np.float64)
    order = np.flatnonzero(gains > 0)
    order = order[np.argsort(-gains[order], kind="stable")]
    ranked = gains[order]
    begins = np.flatnonzero(np.append(True, ranked[:-1] - ranked[1:] >= tie_tolerance)[: len(ranked)])
    begins = np.append(begins, len(ranked)).astype(np.int64)
    chosen, tie = np.zeros(len(gains), np.bool_), np.zeros(len(gains), np.bool_)
    taken, tied = take_by_level(graph.first[order], graph.second[order], begins, graph.n_nodes)
    chosen[graph.position[order]] = taken
    tie[graph.position[order]] = tied
    return Assignment(chosen, tie, math.fsum(gain[chosen]))


def unique_pairs(left: Rows, right: Rows, above: Bools) -> Bools:
    """Pairs whose records are both in no other pair that reaches the lower threshold.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Rows of the pairs; a row may not occur on both sides.
    above : bool array, shape (n_pairs,)
        Which pairs reach the threshold.

    Returns
    -------
    bool array, shape (n_pairs,)

    Examples
    --------
    >>> unique_pairs(np.array([0, 0, 1]), np.array([5, 6, 7]), np.array([True, True, True]))
    array([False, False,  True])
    """
    alone = above.copy()
    for rows in (left[above], right[above]):
        _, number, times = np.unique(rows, return_inverse=True, return_counts=True)
        alone[above] &= times[number] == 1
    return alone
