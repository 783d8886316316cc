"""Ties of an assignment: the pairs that are in some of the best assignments but not in all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.matching import Matching

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def tied_pairs(
    first: Ints, second: Ints, gain: Ints, matching: Matching, part: Ints, tolerance: float
) -> Bools:
    """Pairs that a change costing less than the tolerance would remove or bring in.

    Another assignment differs from the best by closed walks in the residual graph: an unchosen pair
    leads from its first record to its second, a chosen one back, and one node stands for "no
    partner". With prices every arc costs 0 or more, and a walk costs what the change loses. So a
    pair can only be a tie if its own arc and a way back are of arcs below the tolerance, which
    strongly connected components tell for all pairs at once; it is one for certain if those arcs are
    so cheap that no sum of them can reach the tolerance. Only between the two is a shortest path
    needed.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_pairs,)
        The records that each pair joins, numbered from 0 on each side; sorted by (first, second).
    gain : int64 array, shape (n_pairs,)
        Integers, so that sums are exact.
    matching : Matching
        A best assignment with its prices.
    part : int64 array, shape (n_first + n_second,)
        Component of each record of the first side, then of the second.
    tolerance : float
        In the units of `gain`.

    Returns
    -------
    bool array, shape (n_pairs,)

    Raises
    ------
    RunError
        If the prices prove that the assignment is not the best.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as label_components
    from scipy.sparse.csgraph import dijkstra

    n_first, n_second = int(first.max()) + 1, int(second.max()) + 1
    matching.check(first, second, gain)
    chosen, profit, price = matching.chosen, matching.profit, matching.price
    matched_edge = np.full(n_first, -1, np.int64)
    matched_edge[first[chosen]] = np.flatnonzero(chosen)
    matched_row = np.full(n_second, -1, np.int64)
    matched_row[second[chosen]] = first[chosen]
    nobody = n_first + n_second
    row, column = np.arange(n_first), np.arange(n_second)
    has_column, has_row = matched_edge >= 0, matched_row >= 0
    slack = profit[first] + price[second] - gain
    tails = np.concatenate(
        (
            np.where(chosen, n_first + second, first),
            np.where(has_column, row, nobody),
            np.where(has_row, nobody, n_first + column),
        )
    )
    heads = np.concatenate(
        (
            np.where(chosen, first, n_first + second),
            np.where(has_column, nobody, row),
            np.where(has_row, n_first + column, nobody),
        )
    )
    costs = np.concatenate((slack, profit, price)).astype(np.float64)
    at = np.concatenate((first, row, n_first + column))  # a record of each arc

    def connected(arcs: Bools) -> tuple[Bools, Ints]:
        ones = np.ones(np.count_nonzero(arcs), np.int8)
        graph = coo_array((ones, (tails[arcs], heads[arcs])), shape=(nobody + 1, nobody + 1))
        _, label = label_components(graph, directed=True, connection="strong")
        together: Bools = arcs[: first.size] & (label[first] == label[n_first + second])
        return together, label[:nobody].astype(np.int64)

    cheap = costs < tolerance
    possible, label = connected(cheap)
    # the most arcs that a walk can have: the records of its component that it can reach, and nobody
    _, group, size = np.unique(label * nobody + part, return_inverse=True, return_counts=True)
    certain, _ = connected(costs * (size[group[at]] + 1) < tolerance)
    doubtful = np.flatnonzero(possible & ~certain)
    if not doubtful.size:
        return certain
    residual = coo_array((costs[cheap], (tails[cheap], heads[cheap])), shape=(nobody + 1, nobody + 1)).tocsr()
    # The way back from the head of a pair's arc. A second record leads nowhere but, at no cost, to
    # the row that has it or to nobody: so one search a row does for all pairs.
    holder = np.where(has_row, matched_row, nobody)
    source = np.where(chosen, first, holder[second])
    target = np.where(chosen, n_first + second, first)
    doubtful = doubtful[np.argsort(source[doubtful], kind="stable")]
    for pairs in np.split(doubtful, np.flatnonzero(np.diff(source[doubtful])) + 1):
        distance = dijkstra(residual, indices=source[pairs[0]], limit=tolerance)[target[pairs]]
        certain[pairs] = costs[pairs] + distance < tolerance
    return certain
