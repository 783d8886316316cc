"""The best candidate of every record that has no link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.units import TILE_LEFT, Rectangle, Unit
from tallystick.estimation.parameters import Parameters
from tallystick.linking.interaction_cells import interaction_cells
from tallystick.linking.residual_terms import contending, contending_of_tile
from tallystick.linking.score import weigh_pairs, weigh_patterns
from tallystick.patterns.pairs import PatternPairs
from tallystick.patterns.plan import PairPlan

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class BestCandidates:
    """The candidate with the highest weight of each record that was asked for.

    Attributes
    ----------
    row : int32 array, shape (n_records,)
        Global row of the candidate; -1 where there is none or it was not asked for. Of equal
        weights the lower row number counts.
    weight : float64 array, shape (n_records,)
        Its match weight; NaN where there is none.
    pass_number : int64 array, shape (n_records,)
        The pass that finds the pair; -1 where there is none.
    """

    row: NDArray[np.int32]
    weight: NDArray[np.float64]
    pass_number: NDArray[np.int64]


def best_candidates(
    plan: PairPlan,
    parameters: Parameters,
    wanted: NDArray[np.bool_],
    threads: int | None = None,
    *,
    remembered: Sequence[PatternPairs] | None = None,
) -> BestCandidates:
    """Find the best candidate of each wanted record among all its candidate pairs.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    parameters : Parameters
        The model.
    wanted : bool array, shape (n_records,)
        Which records are asked for.
    threads : int, optional
        Number of threads; the result does not depend on it.
    remembered : sequence of PatternPairs, optional
        ``PatternCounts.remembered``; the result is the same without.

    Returns
    -------
    BestCandidates
    """
    from tallystick.linking.kernels_residuals import offer

    n = len(wanted)
    row, weight = np.full(n, -1, np.int32), np.full(n, -np.inf)
    pass_number = np.full(n, -1, np.int64)

    def work(task: Unit | PatternPairs) -> tuple[int, Rows, Rows, NDArray[np.float64]]:
        if isinstance(task, PatternPairs) and not parameters.with_terms:
            asked = task.among(wanted)
            weights = weigh_patterns(parameters, task.patterns[asked], task.source_pair)
            return task.pass_number, task.left(asked), task.right(asked), weights
        if isinstance(task, PatternPairs):
            asked = contending(task, parameters, wanted)
            left, right = task.left(asked), task.right(asked)
        elif isinstance(task, Rectangle):
            of_tile = contending_of_tile if parameters.with_terms else _tile_best
            left, right = of_tile(plan, task, parameters, wanted)
        else:
            left, right = plan.blocking.pairs(task)
            asked = np.flatnonzero(wanted[left] | wanted[right])
            left, right = left[asked], right[asked]
        return task.pass_number, left, right, weigh_pairs(plan, parameters, left, right, task.source_pair)[0]

    tasks: Iterable[Unit | PatternPairs] = ()
    if wanted.any():
        tasks = _units(plan, wanted) if remembered is None else remembered
    for number, left, right, weights in run_units(work, tasks, threads):
        offer(left, right, weights, number, wanted, row, weight, pass_number)
    return BestCandidates(row, np.where(row >= 0, weight, np.nan), pass_number)


def _units(plan: PairPlan, wanted: NDArray[np.bool_]) -> Iterator[Unit]:
    """The units that hold wanted records; of all pairs only the wanted rows with all others."""
    if plan.tiles is None:
        yield from plan.blocking.units()
        return
    for pair, (s, t) in enumerate(plan.blocking.source_pairs):
        left, right = plan.blocking.rows(s), plan.blocking.rows(t)
        yield from _strips(pair, left[wanted[left]], right)
        if s != t:
            yield from _strips(pair, left[~wanted[left]], right[wanted[right]])


def _strips(pair: int, left: NDArray[np.int32], right: NDArray[np.int32]) -> Iterator[Rectangle]:
    if len(right):
        for start in range(0, len(left), TILE_LEFT):
            yield Rectangle(0, pair, left[start : start + TILE_LEFT], right, None)


def _tile_best(
    plan: PairPlan, unit: Rectangle, parameters: Parameters, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs of the wanted records of a tile with their best partner in it, left < right."""
    from tallystick.patterns.kernels_tiles import best_of_tile

    assert plan.tiles is not None
    sums = [plan.tiles.rows(unit, table, np.float32) for table in parameters.tables]
    columns = np.ascontiguousarray(plan.tiles.right_groups[:, unit.right])
    best_left = np.full(len(unit.left), -np.inf, np.float32)
    best_right = np.full(len(unit.right), -np.inf, np.float32)
    row_left = np.full(len(unit.left), -1, np.int32)
    row_right = np.full(len(unit.right), -1, np.int32)
    share = np.float32(parameters.share_of(unit.source_pair))
    best = (columns, unit.left, unit.right, best_left, row_left, best_right, row_right)
    if parameters.interactions:
        _best_with_terms(plan, unit, parameters, sums, share, best)
    else:
        best_of_tile(sums[0], sums[-1], share, *best)
    keep_left = wanted[unit.left] & (row_left >= 0)
    keep_right = wanted[unit.right] & (row_right >= 0)
    one = np.concatenate([unit.left[keep_left], row_right[keep_right]])
    other = np.concatenate([row_left[keep_left], unit.right[keep_right]])
    return np.minimum(one, other), np.maximum(one, other)


def _best_with_terms(
    plan: PairPlan,
    unit: Rectangle,
    parameters: Parameters,
    sums: Sequence[NDArray[Any]],
    share: np.float32,
    best: Sequence[NDArray[Any]],
) -> None:
    """What `best_of_tile` does where comparisons have interactions."""
    from tallystick.linking.kernels_interactions import best_with_terms

    assert plan.tiles is not None
    bounds = plan.tiles.rows(unit, parameters.bounding_weights, np.float32)
    own = interaction_cells(plan, unit, parameters)
    best_with_terms(bounds, sums[0], sums[-1], share, own.cells, own.starts, own.terms, own.related, *best)
