"""The terms of interactions for the pairs of a tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.units import Rectangle
from tallystick.estimation.parameters import Parameters
from tallystick.patterns.plan import PairPlan

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class InteractionCells:
    """Where the terms of the interactions of a tile's pairs stand.

    Attributes
    ----------
    cells : int32 array, shape (n_interactions, n_left, width)
        Values that sum to the cell of each interaction over the columns of a right row.
    starts : int64 array, shape (n_interactions,)
        Where the cells of each interaction begin.
    terms, related : float64 array, shape (n_cells,)
        Terms of log m / u and of log r / u.
    """

    cells: NDArray[np.int32]
    starts: NDArray[np.int64]
    terms: Floats
    related: Floats

    def terms_of(self, row: int, columns: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Terms of log m / u and log r / u of a left row's pairs; `columns` as `TilePlan.right_groups`."""
        total = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
        for own, start in zip(self.cells, self.starts.tolist(), strict=True):
            cell = start + own[row][columns].sum(axis=0)
            total[0][:] += self.terms[cell]
            total[1][:] += self.related[cell]
        return total


def interaction_cells(plan: PairPlan, unit: Rectangle, parameters: Parameters) -> InteractionCells:
    """Find the cells of all interactions for the pairs of a tile.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    unit : Rectangle
        The tile.
    parameters : Parameters
        The model.

    Returns
    -------
    InteractionCells
    """
    assert plan.tiles is not None
    cells = []
    for one in parameters.interactions:
        sizes = one.terms.shape
        steps = np.zeros(parameters.level_weights.shape, np.int32)
        for axis, number in enumerate(one.comparisons):
            steps[number, : sizes[axis]] = np.arange(sizes[axis]) * int(np.prod(sizes[axis + 1 :]))
        cells.append(plan.tiles.rows(unit, steps, np.int32))
    terms = [one.terms.ravel() for one in parameters.interactions]
    related = [one.related_terms.ravel() for one in parameters.interactions]
    starts = np.cumsum([0, *(len(own) for own in terms)])[:-1].astype(np.int64)
    none = np.zeros(0)
    return InteractionCells(
        np.stack(cells) if cells else np.zeros((0, len(unit.left), 0), np.int32),
        starts,
        np.concatenate([none, *terms]),
        np.concatenate([none, *related]),
    )
