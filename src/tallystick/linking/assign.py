"""One-to-one assignment: the set of links with the largest sum, in which no record occurs twice.

Most records of a linkage have one clear partner, so that little is left for a solver: a pair that
outweighs the best rivals of its two records together belongs to every best assignment; what remains
falls into components, most of them stars (a record and its candidates), where the best pair wins.
Of a record's many candidates there, those go that a better one can always replace (see `contenders`).
Only the rest goes to the solver, whose linear-programming prices prove its answer and find the ties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError, RunError
from tallystick.linking.cluster import connected_components
from tallystick.linking.contenders import contenders
from tallystick.linking.matching import best_matching
from tallystick.linking.ties import tied_pairs

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_PAIRS = 10_000_000
"""Pairs of one component that the solver may hold, at some 200 bytes each; with more a run stops."""

_ROUNDS = 20  # of fixing clear pairs; each is linear in the pairs that are left
_BITS = 48  # of a gain handed to the solver: sums of several gains are still exact in float64


@dataclass(frozen=True)
class Assignment:
    """A one-to-one set of pairs.

    Attributes
    ----------
    chosen : bool array, shape (n_pairs,)
        Whether each pair belongs to the best assignment.
    tie : bool array, shape (n_pairs,)
        Pairs, chosen or not, that are in some of the best assignments but not in all of them, to
        within the tolerance. The chosen pairs that are no ties are in all of them.
    total : float
        Sum of the gains of the chosen pairs.
    """

    chosen: Bools
    tie: Bools
    total: float


@dataclass(frozen=True)
class PairGraph:
    """Pairs as the edges of a bipartite graph, in an order that does not depend on how they came.

    Nodes are numbered from 0 in the order of row numbers, those of the first side before those of
    the second. The first side is the one with the lowest row number, so that swapping left and
    right gives the same graph. Edges are sorted by (first, second).

    Attributes
    ----------
    position : int64 array, shape (n_edges,)
        Which of the given pairs each edge is.
    first, second : int64 arrays, shape (n_edges,)
        The nodes that each edge joins.
    n_first, n_nodes : int
        Number of nodes of the first side, and of both.
    """

    position: Ints
    first: Ints
    second: Ints
    n_first: int
    n_nodes: int


def pair_graph(left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]) -> PairGraph:
    """Turn pairs of global row numbers into a `PairGraph`.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global row numbers. No row may occur on both sides, and no pair twice.

    Returns
    -------
    PairGraph

    Raises
    ------
    InputError
        If the arrays differ in shape, a row occurs on both sides or a pair occurs twice.
    """
    if left.ndim != 1 or left.shape != right.shape:
        raise InputError(
            f"The left and right rows of the pairs have shapes {left.shape} and {right.shape}; "
            "give two one-dimensional arrays of one length."
        )
    left_rows, left_nodes = np.unique(left, return_inverse=True)
    right_rows, right_nodes = np.unique(right, return_inverse=True)
    both = np.intersect1d(left_rows, right_rows, assume_unique=True)
    if both.size:
        raise InputError(
            f"Row {both[0]} is the left row of one pair and the right row of another; "
            "one-to-one linkage needs two disjoint sets of rows."
        )
    swap = left.size > 0 and right_rows[0] < left_rows[0]
    first, second = (right_nodes, left_nodes) if swap else (left_nodes, right_nodes)
    n_first, n_second = (r.size for r in ((right_rows, left_rows) if swap else (left_rows, right_rows)))
    key = first * np.int64(n_second) + second
    position = np.argsort(key, kind="stable")
    key = key[position]
    repeated = np.flatnonzero(key[1:] == key[:-1])
    if repeated.size:
        pair = position[repeated[0]]
        raise InputError(
            f"The pair of rows {left[pair]} and {right[pair]} is given more than once; give each pair once."
        )
    return PairGraph(position, first[position], second[position] + n_first, n_first, n_first + n_second)


def check_scores(left: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]], name: str) -> None:
    """Raise `InputError` unless there is a score a pair and each is a number or minus infinity."""
    if scores.shape != left.shape:
        raise InputError(
            f"The {name} has shape {scores.shape} for pairs of shape {left.shape}; give one {name} a pair."
        )
    bad = np.flatnonzero(~(scores < np.inf))
    if bad.size:
        raise InputError(
            f"The {name} of pair {bad[0]} is {scores[bad[0]]}; give a finite number, "
            "or minus infinity for a pair that cannot be a match."
        )


def assign(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    gain: Floats,
    *,
    tie_tolerance: float = 1e-9,
) -> Assignment:
    """Choose the one-to-one set of pairs with the largest sum of gains; nobody need be matched.

    This is the assignment of Jaro (1989), with the match weight less the no-link constant
    (`no_link_constant`) as the gain of a pair: the most probable set of links where every further
    link divides the prior probability by that constant's exponential. Pairs with a gain of 0 or
    less are never chosen.

    The result does not depend on the order of the pairs or on which side is left. Where several
    assignments are equally good, the choice among them depends on the row numbers alone, and every
    pair that is in some of them but not in all is a tie, chosen or not: so neither the ties nor the
    chosen pairs that are no ties depend on the row numbers. In a component that is a star, the lowest
    rows win.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global row numbers. No row may occur on both sides, and no pair twice.
    gain : float64 array, shape (n_pairs,)
        Natural-log units. Where a component needs the solver, gains are rounded to 2**-48 of the
        largest (under 1e-12 for gains below 250), so that its arithmetic is exact.
    tie_tolerance : float, default 1e-9
        In the units of `gain`. A chosen pair is a tie if the best sum without it is lower by less
        than this, another pair with a gain above 0 if the best sum with it is.

    Returns
    -------
    Assignment

    Raises
    ------
    InputError
        If the arrays differ in shape, a row occurs on both sides, a pair occurs twice, or a gain is
        not a number or is plus infinity.
    RunError
        If the solver would have to hold more than `MOST_PAIRS` pairs of one component; none is left out.

    References
    ----------
    Jaro, M. A. (1989). Advances in record-linkage methodology as applied to matching the 1985 census
    of Tampa, Florida. Journal of the American Statistical Association 84(406), 414-420.

    Sadinle, M. (2017). Bayesian estimation of bipartite matchings for record linkage. Journal of
    the American Statistical Association 112(518), 600-612.

    Examples
    --------
    >>> import numpy as np
    >>> best = assign(np.array([0, 0, 1]), np.array([5, 6, 5]), np.array([4.0, 3.0, 3.0]))
    >>> best.chosen, best.total
    (array([False,  True,  True]), 6.0)

    Two rows that are alike compete for a third, and either may have it:

    >>> assign(np.array([0, 1]), np.array([5, 5]), np.array([4.0, 4.0])).tie
    array([ True,  True])
    """
    graph = pair_graph(left, right)
    check_scores(left, gain, "gain")
    gains = gain[graph.position].astype(np.float64)
    chosen = np.zeros(gains.size, np.bool_)
    tie = np.zeros(gains.size, np.bool_)
    alive = _fix_clear_pairs(graph, gains, chosen, tie_tolerance)
    alive = _settle_stars(graph, gains, alive, chosen, tie, tie_tolerance)
    if alive.size:
        chosen[alive], tie[alive] = _solve(graph, gains, alive, tie_tolerance)
    answer = np.zeros((2, gains.size), np.bool_)
    answer[:, graph.position] = chosen, tie
    return Assignment(answer[0], answer[1], math.fsum(gains[chosen]))


def _fix_clear_pairs(graph: PairGraph, gains: Floats, chosen: Bools, tolerance: float) -> Ints:
    """Choose pairs that outweigh their best two rivals together; return the pairs still open.

    Any assignment without such a pair has at most one pair at each of its two records instead, so
    loses by at least the margin. Neither the pairs so chosen nor their rivals are ties: the margin is
    the tolerance or more.
    """
    from tallystick.linking.kernels_graph import best_two

    alive = np.flatnonzero(gains > 0)
    for _ in range(_ROUNDS):
        gain = gains[alive]
        rivals = np.zeros(alive.size)
        for ends in (graph.first[alive], graph.second[alive]):
            best, second_best = best_two(ends, gain, graph.n_nodes)
            rivals += np.where(gain == best[ends], second_best[ends], best[ends])
        margin = gain - rivals
        clear = alive[(margin > 0) & (margin >= tolerance)]
        if not clear.size:
            break
        chosen[clear] = True
        taken = np.zeros(graph.n_nodes, np.bool_)
        taken[graph.first[clear]] = True
        taken[graph.second[clear]] = True
        alive = alive[~(taken[graph.first[alive]] | taken[graph.second[alive]])]
    return alive


def _settle_stars(
    graph: PairGraph, gains: Floats, alive: Ints, chosen: Bools, tie: Bools, tolerance: float
) -> Ints:
    """Choose the best pair of each component in which all pairs share one record; return the rest.

    Its ties are the pairs that lose less than the tolerance to the best, which is one itself if there
    is such a rival or if it is worth less than the tolerance.
    """
    if not alive.size:
        return alive
    part = connected_components(graph.first[alive], graph.second[alive], graph.n_nodes)
    degree = np.bincount(np.concatenate((graph.first[alive], graph.second[alive])), minlength=graph.n_nodes)
    edge_part = part[graph.first[alive]]
    n_edges = np.bincount(edge_part, minlength=graph.n_nodes)
    hub = np.maximum(degree[graph.first[alive]], degree[graph.second[alive]])
    in_star = hub == n_edges[edge_part]
    star = alive[in_star]
    ranked = np.lexsort((-gains[star], edge_part[in_star]))  # stable: the lowest rows first among equals
    star, star_part = star[ranked], edge_part[in_star][ranked]
    best = np.flatnonzero(np.diff(star_part, prepend=-1))
    following = np.minimum(best + 1, star.size - 1)
    has_rival = (following > best) & (star_part[following] == star_part[best])
    loss = np.repeat(gains[star[best]], np.diff(best, append=star.size)) - gains[star]
    loss[best] = gains[star[best]] - np.where(has_rival, gains[star[following]], 0.0)
    chosen[star[best]] = True
    tie[star] = loss < tolerance
    rest: Ints = alive[~in_star]
    return rest


def _solve(graph: PairGraph, gains: Floats, alive: Ints, tolerance: float) -> tuple[Bools, Bools]:
    """Assignment and ties of the components that are no stars; two arrays over ``alive``."""
    scale = 2.0 ** (_BITS - math.frexp(gains[alive].max())[1])
    gain = np.rint(gains[alive] * scale).astype(np.int64)
    answer = np.zeros((2, alive.size), np.bool_)
    kept = contenders(graph.first[alive], graph.second[alive], gain, graph.n_nodes, tolerance * scale)
    alive, gain = alive[kept], gain[kept]

    first_nodes, first = np.unique(graph.first[alive], return_inverse=True)
    second_nodes, second = np.unique(graph.second[alive], return_inverse=True)
    part = connected_components(first, second + first_nodes.size, first_nodes.size + second_nodes.size)
    edges_of = np.bincount(part[first])
    _check_largest(part, edges_of, first_nodes.size)
    found = best_matching(first, second, gain)
    tie = tied_pairs(first, second, gain, found, part, tolerance * scale)
    answer[:, kept] = found.chosen, tie
    return answer[0], answer[1]


def _check_largest(part: Ints, edges_of: Ints, n_first: int) -> None:
    """Raise `RunError` where a component has more pairs than the solver may hold; `part` is of all nodes."""
    largest = int(edges_of.argmax())
    if edges_of[largest] > MOST_PAIRS:
        n_left, n_right = (np.count_nonzero(side == largest) for side in (part[:n_first], part[n_first:]))
        raise RunError(
            f"One group of {n_left:,} and {n_right:,} records is joined by {edges_of[largest]:,} pairs, more "
            f"than the {MOST_PAIRS:,} that a one-to-one assignment may hold: raise the lower threshold, or "
            "add comparisons that tell records apart."
        )
