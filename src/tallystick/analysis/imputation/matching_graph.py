"""Candidate pairs as components in which matchings are drawn, and draws of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linking.assign import assign
from tallystick.linking.cluster import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_COLUMNS = 10
"""Records of the smaller side of a component that is drawn exactly."""

MOST_CELLS = 4096
"""Numbers in its table: records of the larger side times 2 to the power of those of the smaller."""


@dataclass(frozen=True)
class MatchingGraph:
    """Candidate pairs sorted by component and row, those of components that are drawn exactly first.

    A row is a record of the larger side of its component, a column one of the smaller; where every record of
    the first file has a match, columns are records of the first file.

    Attributes
    ----------
    order : int64 array, shape (n_edges,)
        Which of the given pairs each edge is.
    row, column : int64 arrays, shape (n_edges,)
        Its records.
    edge_start : int64 array, shape (n_rows + 1,)
        Where the edges of a row begin.
    component : int64 array, shape (n_edges,)
        Of each edge.
    row_start, column_start : int64 arrays, shape (n_components + 1,)
        Where the rows and columns of a component begin.
    n_exact : int
        Number of components that are drawn exactly, the first ones.
    complete : bool
        Whether every column has a match.
    """

    order: Ints
    row: Ints
    column: Ints
    edge_start: Ints
    component: Ints
    row_start: Ints
    column_start: Ints
    n_exact: int
    complete: bool


@dataclass(frozen=True)
class Matching:
    """A one-to-one set of pairs: the edge of each row and of each column of a graph, or -1."""

    of_row: Ints
    of_column: Ints


def matching_graph(
    first: Ints, second: Ints, *, complete: bool = False, most_cells: int = MOST_CELLS
) -> MatchingGraph:
    """Components of candidate pairs, ready for draws.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_pairs,)
        Row of each pair in the first and in the second file, from 0. No pair twice.
    complete : bool, default False
        Whether every record of the first file that has a candidate has a match.
    most_cells : int
        Largest table of a component that is drawn exactly.

    Returns
    -------
    MatchingGraph

    Raises
    ------
    InputError
        With `complete`, where a component has more records of the first file than of the second, or is too
        large to be drawn exactly and lacks pairs.

    Examples
    --------
    >>> found = matching_graph(np.array([0, 0, 5]), np.array([1, 2, 0]))
    >>> found.n_exact, found.row_start, found.column_start
    (2, array([0, 2, 3]), array([0, 1, 2]))
    """
    first_names, f = np.unique(first, return_inverse=True)
    second_names, s = np.unique(second, return_inverse=True)
    n_first, n_second = len(first_names), len(second_names)
    part = connected_components(f, s + n_first, n_first + n_second)
    n_parts = int(part.max(initial=-1)) + 1
    of_first, of_second, of_edge = part[:n_first], part[n_first:], part[f]
    sizes = np.stack([np.bincount(side, minlength=n_parts) for side in (of_first, of_second)])
    edges_of = np.bincount(of_edge, minlength=n_parts)
    if complete and np.any(sizes[0] > sizes[1]):
        at = int(np.argmax(sizes[0] > sizes[1]))
        raise InputError(
            f"A group of {sizes[0, at]} records of the file with the outcome has only {sizes[1, at]} "
            "candidates between them, so that not every record can have a match: say complete=False."
        )
    first_is_column = (sizes[0] <= sizes[1]) | complete
    n_columns = np.where(first_is_column, sizes[0], sizes[1])
    n_rows = sizes.sum(axis=0) - n_columns
    exact = n_columns <= MOST_COLUMNS
    exact &= n_rows * (1 << np.where(exact, n_columns, 0)) <= most_cells
    lacking = ~exact & (edges_of < n_rows * n_columns)
    if complete and np.any(lacking):
        at = int(np.argmax(lacking))
        raise InputError(
            f"A group of {sizes[0, at]} and {sizes[1, at]} records in which every record has a match is too "
            "large to be drawn from exactly, and lacks some of its pairs: give all pairs of its records "
            "(with weights as low as they are), smaller blocks, or say complete=False."
        )
    rank = np.empty(n_parts, np.int64)
    rank[np.argsort(~exact, kind="stable")] = np.arange(n_parts)

    numbers = np.empty(n_first + n_second, np.int64)
    is_column = np.concatenate((first_is_column[of_first], ~first_is_column[of_second]))
    starts = []
    for chosen in (~is_column, is_column):
        nodes = np.flatnonzero(chosen)
        nodes = nodes[np.argsort(rank[part[nodes]], kind="stable")]
        numbers[nodes] = np.arange(len(nodes))
        starts.append(np.searchsorted(rank[part[nodes]], np.arange(n_parts + 1)))
    flipped = first_is_column[of_edge]
    a, b = numbers[f], numbers[s + n_first]
    row, column = np.where(flipped, b, a), np.where(flipped, a, b)
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    return MatchingGraph(
        order,
        row,
        column,
        np.searchsorted(row, np.arange(int(starts[0][-1]) + 1)),
        rank[of_edge[order]],
        starts[0],
        starts[1],
        int(exact.sum()),
        complete,
    )


def best_matching(graph: MatchingGraph, gain: Floats) -> Matching:
    """The assignment with the largest sum of gains; complete where the graph is.

    Raises
    ------
    InputError
        Where no complete set exists.
    """
    sums = gain
    if graph.complete and gain.size:
        # So much for every pair that no set with fewer pairs can have a larger sum.
        spread = float(gain.max() - gain.min()) + 1.0
        sums = gain - gain.min() + spread * int(np.diff(graph.column_start).max())
    n_columns = int(graph.column_start[-1])
    chosen = assign(graph.column, graph.row + n_columns, sums).chosen
    found = _state(graph, np.flatnonzero(chosen))
    if graph.complete and np.any(found.of_column < 0):
        raise InputError(
            f"{np.count_nonzero(found.of_column < 0)} records of the file with the outcome cannot all have "
            "matches of their own among their candidates: say complete=False, or give the candidates that "
            "are lacking."
        )
    return found


def _state(graph: MatchingGraph, edges: Ints) -> Matching:
    of_row = np.full(len(graph.edge_start) - 1, -1, np.int64)
    of_column = np.full(int(graph.column_start[-1]), -1, np.int64)
    of_row[graph.row[edges]] = edges
    of_column[graph.column[edges]] = edges
    return Matching(of_row, of_column)


def draw_matching(
    graph: MatchingGraph, weight: Floats, state: Matching, steps: int, random: np.random.Generator
) -> Matching:
    """A set of pairs drawn given one: leaves P proportional to exp(sum of weights) as it is.

    Components that are small enough are drawn anew, independently of what they were; the others move by
    Metropolis.

    Parameters
    ----------
    graph : MatchingGraph
    weight : float64 array, shape (n_edges,)
        In the order of the graph's edges, natural-log units.
    state : Matching
        From where.
    steps : int
        Steps per edge of the components that are not drawn exactly.
    random : numpy.random.Generator

    Returns
    -------
    Matching
    """
    from tallystick.analysis.imputation.kernels_matchings import draw_exact, metropolis

    of_row, of_column = state.of_row.copy(), state.of_column.copy()
    exact = slice(0, graph.n_exact + 1)
    drawn = np.zeros(graph.n_exact, np.bool_)
    uniform = random.random(int(graph.row_start[graph.n_exact]))
    draw_exact(
        graph.column,
        graph.edge_start,
        graph.row_start[exact],
        graph.column_start[exact],
        weight,
        graph.complete,
        uniform,
        of_row,
        of_column,
        drawn,
    )
    moving = graph.component >= graph.n_exact
    if not drawn.all():
        moving |= np.isin(graph.component, np.flatnonzero(~drawn))
    edges = np.flatnonzero(moving)
    if len(edges):
        proposed = edges[random.integers(len(edges), size=steps * len(edges))]
        log_uniform = np.log1p(-random.random(len(proposed)))
        metropolis(
            graph.row,
            graph.column,
            graph.edge_start,
            weight,
            graph.complete,
            proposed,
            log_uniform,
            of_row,
            of_column,
        )
    return Matching(of_row, of_column)
