"""Pairs that can be in a best assignment: of a record's many candidates, the few that rivals can leave it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.cluster import connected_components

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROUNDS = 20  # each is linear in the pairs that are left, and where the last one stops changes nothing
_WORTHWHILE = 64  # candidates of a record up to which the solver is as quick as dropping some of them


def contenders(first: Ints, second: Ints, gain: Ints, n_nodes: int, margin: float) -> Ints:
    """Positions of the pairs that may be in an assignment whose sum is less than `margin` below the best.

    Take a pair (i, j) of a component with n records on the side of i, and suppose that at least n other
    candidates of i have a gain that is higher than that of (i, j), and by the margin or more. In any
    assignment with (i, j) the n - 1 other records of that side take at most n - 1 of these candidates, so
    one is free; giving it to i instead of j makes another assignment, whose sum is higher by the margin or
    more. So every assignment with (i, j) is below the best, and by the margin or more: (i, j) is in no best
    assignment and, with the tie tolerance as the margin, no tie.

    The assignments that are less than the margin below the best have no such pair, so leaving all such
    pairs out at once changes none of these assignments, nor which there are. They alone decide which
    pairs are in all of the best and which are ties. Components fall apart then, and the same holds of the
    rest with smaller n.

    It bounds what a solver has to hold: a record of n on its side keeps n candidates, and those whose gain
    is within the margin of the n-th.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_pairs,)
        The nodes that each pair joins, those of the second side apart from those of the first.
    gain : int64 array, shape (n_pairs,)
        Above 0; integers, so that differences are exact.
    n_nodes : int
        Nodes are numbered below this.
    margin : float
        In the units of `gain`.

    Returns
    -------
    int64 array
        Ascending.

    Examples
    --------
    The third candidate of node 0 is worse than two others, of which node 1 can take one only:

    >>> first, second = np.array([0] * 70 + [1]), np.append(np.arange(2, 72), 3)
    >>> contenders(first, second, np.append(np.arange(100, 30, -1), 99), 72, 1.0).tolist()
    [0, 1, 70]
    """
    kept = np.arange(first.size)
    for _ in range(_ROUNDS):
        ends = first[kept], second[kept]
        degrees = [np.bincount(node, minlength=n_nodes) for node in ends]
        if all(degree.max(initial=0) <= _WORTHWHILE for degree in degrees):
            break
        part = connected_components(*ends, n_nodes)
        outranked = np.zeros(kept.size, np.bool_)
        for node, degree in zip(ends, degrees, strict=True):
            same_side = np.bincount(part[degree > 0], minlength=n_nodes)[part]
            crowded = degree > np.maximum(same_side, _WORTHWHILE)
            outranked |= _outranked(node, gain[kept], crowded, same_side, margin)
        if not outranked.any():
            break
        kept = kept[~outranked]
    return kept


def _outranked(node: Ints, gain: Ints, crowded: Bools, same_side: Ints, margin: float) -> Bools:
    """Pairs of crowded nodes that as many others outrank as the node's side has nodes."""
    answer = np.zeros(node.size, np.bool_)
    own = np.flatnonzero(crowded[node])
    own = own[np.argsort(node[own], kind="stable")]
    starts = np.flatnonzero(np.diff(node[own], prepend=-1))
    for pairs in np.split(own, starts[1:]) if own.size else ():
        n = same_side[node[pairs[0]]]
        lead = np.partition(gain[pairs], -n)[-n] - gain[pairs]
        answer[pairs] = (lead > 0) & (lead >= margin)
    return answer
