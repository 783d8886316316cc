"""Draws of matchings against every set enumerated, and against plain steps."""

from __future__ import annotations

import itertools

import naive_matchings
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tallystick.analysis.imputation.kernels_matchings import draw_exact, metropolis
from tallystick.analysis.imputation.matching_graph import (
    Matching,
    MatchingGraph,
    best_matching,
    draw_matching,
    matching_graph,
)
from tallystick.errors import InputError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Ints, Ints, Floats]:
    """Pairs of up to 4 and 4 records, in any order, with weights."""
    cells = list(itertools.product(range(4), range(4)))
    chosen = draw(st.lists(st.sampled_from(cells), min_size=1, max_size=9, unique=True))
    weight = draw(st.lists(st.floats(-6, 6), min_size=len(chosen), max_size=len(chosen)))
    first, second = np.array(chosen, np.int64).T
    return first, second, np.array(weight)


def edges_of(graph: MatchingGraph, state: Matching) -> set[int]:
    return set(state.of_row[state.of_row >= 0].tolist())


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_an_exact_draw_is_that_of_all_sets_enumerated(pairs: tuple[Ints, Ints, Floats], seed: int) -> None:
    first, second, weight = pairs
    graph = matching_graph(first, second)
    weight = weight[graph.order]
    n_rows, n_columns = len(graph.edge_start) - 1, int(graph.column_start[-1])
    uniform = np.random.default_rng(seed).random(n_rows)
    state = Matching(np.full(n_rows, -1), np.full(n_columns, -1))
    drawn = np.zeros(graph.n_exact, np.bool_)
    draw_exact(
        graph.column, graph.edge_start, graph.row_start, graph.column_start, weight, False, uniform,
        state.of_row, state.of_column, drawn,
    )  # fmt: skip
    wanted = naive_matchings.draw_by_rows(
        graph.row.tolist(), graph.column.tolist(), weight.tolist(), uniform.tolist(), complete=False
    )
    assert drawn.all()
    assert edges_of(graph, state) == set(wanted)
    assert set(state.of_column[state.of_column >= 0].tolist()) == set(wanted)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_steps_are_those_of_plain_sets(pairs: tuple[Ints, Ints, Floats], seed: int) -> None:
    first, second, weight = pairs
    graph = matching_graph(first, second, most_cells=0)
    assert graph.n_exact == 0
    weight = weight[graph.order]
    rng = np.random.default_rng(seed)
    proposed = rng.integers(len(weight), size=60)
    log_uniform = np.log(rng.random(60))
    state = best_matching(graph, weight)
    begin = edges_of(graph, state)
    metropolis(
        graph.row, graph.column, graph.edge_start, weight, False, proposed, log_uniform,
        state.of_row, state.of_column,
    )  # fmt: skip
    edges = list(zip(graph.row.tolist(), graph.column.tolist(), strict=True))
    wanted = naive_matchings.metropolis(
        edges, weight.tolist(), begin, proposed.tolist(), log_uniform.tolist(), complete=False
    )
    assert edges_of(graph, state) == wanted
    assert set(state.of_column[state.of_column >= 0].tolist()) == wanted


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("most_cells", [4096, 0])
def test_draws_have_the_probabilities_of_all_sets(complete: bool, most_cells: int) -> None:
    """Chi-square of the sets drawn; steps far apart, so that they are as good as independent."""
    rng = np.random.default_rng(5)
    first, second = np.array(list(itertools.product(range(3), range(3)))).T
    if not complete:
        kept = np.array([0, 1, 3, 4, 5, 7, 8])
        first, second = first[kept], second[kept]
    weight = rng.normal(size=len(first))
    graph = matching_graph(first, second, complete=complete, most_cells=most_cells)
    by_edge = weight[graph.order]
    sets = naive_matchings.set_weights(second.tolist(), first.tolist(), weight.tolist(), complete=complete)
    state = best_matching(graph, by_edge)
    counts = dict.fromkeys(sets, 0)
    draws = 6000
    for _ in range(draws):
        state = draw_matching(graph, by_edge, state, 8, rng)
        counts[tuple(sorted(graph.order[state.of_row[state.of_row >= 0]].tolist()))] += 1
    expected = np.array(list(sets.values())) / sum(sets.values()) * draws
    square = float(np.sum((np.array(list(counts.values())) - expected) ** 2 / expected))
    df = len(sets) - 1
    assert square < df + 4 * np.sqrt(2 * df) + 8


def test_where_sums_underflow_steps_are_taken_instead() -> None:
    graph = matching_graph(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), complete=True)
    weight = np.array([-900.0, -1.0, -1.0, -900.0])[graph.order]
    deep = np.array([0.0, -800.0, 0.0, -800.0])[graph.order]  # both sets have a sum that exp takes for 0
    for values in (weight, deep):
        state = best_matching(graph, values)
        for seed in range(5):
            state = draw_matching(graph, values, state, 5, np.random.default_rng(seed))
            assert np.all(state.of_column >= 0)


def test_complete_matchings_are_refused_where_there_are_none() -> None:
    with pytest.raises(InputError, match="only 1 candidates"):
        matching_graph(np.array([0, 1]), np.array([0, 0]), complete=True)
    graph = matching_graph(np.array([0, 1, 2, 2]), np.array([0, 0, 0, 1]), complete=False)
    assert graph.n_exact == 1
    stuck = matching_graph(np.array([0, 1, 2, 2, 2]), np.array([0, 0, 0, 1, 2]), complete=True)
    with pytest.raises(InputError, match="cannot all have matches"):
        best_matching(stuck, np.zeros(5))
    chain = np.arange(24)
    with pytest.raises(InputError, match="lacks some of its pairs"):
        matching_graph(np.r_[chain, chain[:-1]], np.r_[chain, chain[1:]], complete=True)
