"""Which pairs can be the best of a record, where the pairs' own values make terms of their weights.

The least that a pair can weigh and the most follow from its levels. A pair that cannot reach the least weight
of another candidate of its records is the best of neither, and need not be weighed exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.units import Rectangle
from tallystick.estimation.parameters import Parameters
from tallystick.linking.interaction_cells import interaction_cells
from tallystick.linking.score import SLACK, weigh_patterns
from tallystick.patterns.pairs import PatternPairs
from tallystick.patterns.plan import PairPlan

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]


def contending(pairs: PatternPairs, parameters: Parameters, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which of some remembered pairs can be the best of a wanted record.

    Parameters
    ----------
    pairs : PatternPairs
        The pairs.
    parameters : Parameters
        The model.
    wanted : bool array, shape (n_records,)
        Which records are asked for.

    Returns
    -------
    int64 array, shape (n_chosen,)
    """
    asked = pairs.among(wanted)
    patterns, left, right = pairs.patterns[asked], pairs.left(asked), pairs.right(asked)
    low, high = (
        weigh_patterns(parameters, patterns, pairs.source_pair, tables)
        for tables in parameters.extreme_tables
    )
    best = np.full(len(wanted), -np.inf)
    np.maximum.at(best, left, low)
    np.maximum.at(best, right, low)
    can = (wanted[left] & (high >= best[left] - SLACK)) | (wanted[right] & (high >= best[right] - SLACK))
    return asked[can]


def contending_of_tile(
    plan: PairPlan, unit: Rectangle, parameters: Parameters, wanted: NDArray[np.bool_]
) -> tuple[Rows, Rows]:
    """Pairs of a tile that can be the best of a wanted record, left < right.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    unit : Rectangle
        The tile.
    parameters : Parameters
        The model.
    wanted : bool array, shape (n_records,)
        Which records are asked for.

    Returns
    -------
    left, right : int32 arrays, shape (n,)
    """
    assert plan.tiles is not None
    low, high = (
        [plan.tiles.rows(unit, table, np.float32) for table in tables] for tables in parameters.extreme_tables
    )
    columns = plan.tiles.right_groups[:, unit.right]
    share = parameters.share_of(unit.source_pair)
    together = interaction_cells(plan, unit, parameters)

    def bounds(row: int) -> tuple[Floats, Floats]:
        """The least and the most that a left row's pairs weigh, shape (n_right,)."""
        terms = together.terms_of(row, columns)
        found = [
            parameters.corrected(
                share,
                *(
                    one[row][columns].sum(axis=0, dtype=np.float64) + more
                    for one, more in zip(tables, terms, strict=False)
                ),
            )
            for tables in (low, high)
        ]
        itself = unit.right == unit.left[row]
        return np.where(itself, -np.inf, found[0]), np.where(itself, -np.inf, found[1])

    best_right = np.full(len(unit.right), -np.inf)
    best_left = np.full(len(unit.left), -np.inf)
    for row in range(len(unit.left)):
        least, _ = bounds(row)
        best_left[row] = least.max(initial=-np.inf)
        np.maximum(best_right, least, out=best_right)
    found_left, found_right = [], []
    for row, own in enumerate(unit.left.tolist()):
        _, most = bounds(row)
        can = (wanted[unit.right] & (most >= best_right - SLACK)) | (
            wanted[own] & (most >= best_left[row] - SLACK)
        )
        chosen = np.flatnonzero(can & (most > -np.inf))
        found_left.append(np.full(len(chosen), own, np.int32))
        found_right.append(unit.right[chosen])
    one, other = np.concatenate(found_left), np.concatenate(found_right)
    return np.minimum(one, other), np.maximum(one, other)
