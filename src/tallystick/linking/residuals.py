"""The best candidate of every record that has no link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.units import TILE_LEFT, PairBlocks, PairList, Rectangle
from tallystick.estimation.parameters import Parameters
from tallystick.patterns.plan import PairPlan


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


@dataclass
class _Best:
    """Best so far of every record; merged in the order of the units."""

    row: NDArray[np.int32]
    weight: NDArray[np.float64]
    pass_number: NDArray[np.int64]

    def offer(
        self,
        records: NDArray[np.int32],
        rows: NDArray[np.int32],
        weights: NDArray[np.float64],
        pass_number: int,
    ) -> None:
        """Take what is better than what is there; records may be repeated."""
        order = np.lexsort((rows, -weights, records))
        records, rows, weights = records[order], rows[order], weights[order]
        first = np.flatnonzero(np.diff(records, prepend=-1))
        records, rows, weights = records[first], rows[first], weights[first]
        old_weight, old_row = self.weight[records], self.row[records]
        better = np.isnan(old_weight) | (weights > old_weight) | ((weights == old_weight) & (rows < old_row))
        self.row[records[better]] = rows[better]
        self.weight[records[better]] = weights[better]
        self.pass_number[records[better]] = pass_number


Offer = tuple[NDArray[np.int32], NDArray[np.int32]]


def best_candidates(
    plan: PairPlan, parameters: Parameters, wanted: NDArray[np.bool_], threads: int | None = None
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

    Returns
    -------
    BestCandidates
    """
    n = len(wanted)
    best = _Best(np.full(n, -1, np.int32), np.full(n, np.nan), np.full(n, -1, np.int64))
    if not wanted.any():
        return BestCandidates(best.row, best.weight, best.pass_number)
    table = parameters.level_weights

    def work(unit: Rectangle | PairBlocks | PairList) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
        if isinstance(unit, Rectangle):
            return unit.pass_number, *_tile_best(plan, unit, table, wanted)
        left, right = plan.blocking.pairs(unit)
        from_left, from_right = wanted[left], wanted[right]
        records = np.concatenate([left[from_left], right[from_right]])
        return unit.pass_number, records, np.concatenate([right[from_left], left[from_right]])

    for pass_number, records, rows in run_units(work, _units(plan, wanted), threads):
        if len(records):
            left, right = np.minimum(records, rows), np.maximum(records, rows)
            digits = plan.digits(left, right)[: len(table)]
            weights = parameters.weights(np.ascontiguousarray(digits.T))
            best.offer(records, rows, weights, pass_number)
    return BestCandidates(best.row, best.weight, best.pass_number)


def _units(plan: PairPlan, wanted: NDArray[np.bool_]) -> Iterator[Rectangle | PairBlocks | PairList]:
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
    plan: PairPlan, unit: Rectangle, table: NDArray[np.float64], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Wanted records of a tile and their best partner in it."""
    from tallystick.patterns.kernels_tiles import best_of_tile

    assert plan.tiles is not None
    rows = plan.tiles.rows(unit, table, np.float32)
    columns = np.ascontiguousarray(plan.tiles.right_groups[:, unit.right])
    best_left = np.full(len(unit.left), -np.inf, np.float32)
    best_right = np.full(len(unit.right), -np.inf, np.float32)
    row_left = np.full(len(unit.left), -1, np.int32)
    row_right = np.full(len(unit.right), -1, np.int32)
    best_of_tile(rows, columns, unit.left, unit.right, best_left, row_left, best_right, row_right)
    keep_left = wanted[unit.left] & (row_left >= 0)
    keep_right = wanted[unit.right] & (row_right >= 0)
    records = np.concatenate([unit.left[keep_left], unit.right[keep_right]])
    return records, np.concatenate([row_left[keep_left], row_right[keep_right]])
