"""Candidate pairs whose match weight reaches a floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.blocking.units import Rectangle, Unit
from tallystick.errors import RunError
from tallystick.estimation.parameters import Parameters
from tallystick.patterns.plan import PairPlan

SLACK = 1e-3
"""Tiles sum weights in single precision; what comes this near below the floor is summed again in double."""
DEFAULT_KEPT = 50_000_000
"""Kept pairs beyond which a run stops: memory would go with the pairs."""


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs with their weights, sorted by left and right row.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.
    weight : float64 array, shape (n,)
        Match weight: natural log of the likelihood ratio.
    pattern : int64 array, shape (n,)
        Number of the agreement pattern of the comparisons.
    pass_number, source_pair : int64 arrays, shape (n,)
        First pass that finds the pair, and its pair of sources.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    pass_number: NDArray[np.int64]
    source_pair: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.left)


def link_block(
    plan: PairPlan,
    units: Sequence[Unit],
    parameters: Parameters,
    floors: NDArray[np.float64],
    remembered: Sequence[NDArray[Any]] | None = None,
) -> ScoredPairs:
    """Pairs of some units whose weight is at least the floor: pure, so that any executor may run it.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    units : sequence of units
        Units of one pass and one pair of sources.
    parameters : Parameters
        The model.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that is kept, for each pair of sources.
    remembered : sequence of integer arrays, optional
        For every unit the patterns of its pairs, from counting them.

    Returns
    -------
    ScoredPairs
    """
    table = parameters.level_weights
    found = []
    for number, unit in enumerate(units):
        floor = floors[unit.source_pair]
        if remembered is not None:
            left, right, weight, pattern = _remembered_pairs(
                plan, unit, parameters, remembered[number], floor
            )
        else:
            if isinstance(unit, Rectangle):
                left, right = _tile_pairs(plan, unit, table, floor)
            else:
                left, right = plan.blocking.pairs(unit)
            weight, pattern = weigh_pairs(plan, parameters, left, right)
        keep = weight >= floor
        found.append((left[keep], right[keep], weight[keep], pattern[keep]))
    left, right, weight, pattern = (np.concatenate([part[k] for part in found]) for k in range(4))
    return ScoredPairs(
        left,
        right,
        weight,
        pattern,
        np.full(len(left), units[0].pass_number, np.int64),
        np.full(len(left), units[0].source_pair, np.int64),
    )


def weigh_pairs(
    plan: PairPlan, parameters: Parameters, left: NDArray[np.int32], right: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Match weights and pattern numbers of given pairs of rows."""
    from tallystick.patterns.kernels_patterns import fold

    digits = plan.digits(left, right)[: len(parameters.comparisons)]
    weight = np.empty(len(left))
    fold(digits, parameters.level_weights, weight)
    return weight, parameters.coding.encode(digits.T)


def weigh_patterns(parameters: Parameters, patterns: NDArray[Any]) -> NDArray[np.float64]:
    """Match weights of patterns whose first digits are the comparisons'."""
    from tallystick.patterns.kernels_patterns import weigh

    weight = np.empty(len(patterns))
    weigh(patterns, np.array(parameters.coding.radices), parameters.level_weights, weight)
    return weight


def _remembered_pairs(
    plan: PairPlan, unit: Unit, parameters: Parameters, patterns: NDArray[Any], floor: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Pairs of a unit whose remembered pattern reaches the floor; listed only where there is one."""
    assert not isinstance(unit, Rectangle)
    weight = weigh_patterns(parameters, patterns)
    keep = np.flatnonzero(weight >= floor)
    none = np.zeros(0, np.int32)
    left, right = plan.blocking.pairs(unit) if len(keep) else (none, none)
    pattern = patterns[keep].astype(np.int64) % parameters.coding.size
    return left[keep], right[keep], weight[keep], pattern


def _tile_pairs(
    plan: PairPlan, unit: Rectangle, table: NDArray[np.float64], floor: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs of a tile whose weight may reach the floor, left < right."""
    from tallystick.patterns.kernels_tiles import keep_tile

    assert plan.tiles is not None
    rows = plan.tiles.rows(unit, table, np.float32)
    columns = np.ascontiguousarray(plan.tiles.right_groups[:, unit.right])
    first = unit.first if unit.first is not None else np.zeros(len(unit.left), np.int64)
    capacity = 65_536
    while True:
        a, b = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
        n = keep_tile(rows, columns, first, np.float32(floor - SLACK), a, b)
        if n <= capacity:
            break
        capacity = n
    left, right = unit.left[a[:n]], unit.right[b[:n]]
    return np.minimum(left, right), np.maximum(left, right)


def score(
    plan: PairPlan,
    parameters: Parameters,
    floors: NDArray[np.float64],
    *,
    remembered: Sequence[NDArray[Any]] | None = None,
    most: int = DEFAULT_KEPT,
    threads: int | None = None,
    progress: Progress = silent,
) -> ScoredPairs:
    """All candidate pairs whose weight is at least the floor.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    parameters : Parameters
        The model.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that is kept, for each pair of sources.
    remembered : sequence of integer arrays, optional
        ``PatternCounts.remembered``; the result is the same without.
    most : int
        Most pairs that may be kept.
    threads : int, optional
        Number of threads; the result does not depend on it.
    progress : Progress
        Told the number of pairs done and to do.

    Returns
    -------
    ScoredPairs

    Raises
    ------
    RunError
        Where more than `most` pairs reach the floor; none is dropped in silence.
    """
    to_do = plan.blocking.pairs_to_visit()
    done = kept = 0
    parts: list[ScoredPairs] = []
    progress("scoring pairs", 0, to_do)

    def work(batch: tuple[list[Unit], list[NDArray[Any]] | None]) -> tuple[int, ScoredPairs]:
        units, patterns = batch
        return sum(unit.n_pairs for unit in units), link_block(plan, units, parameters, floors, patterns)

    for n, part in run_units(work, plan.remembered_batches(remembered), threads):
        kept += len(part)
        if kept > most:
            raise RunError(
                f"More than {most} pairs reach the lowest weight that is kept ({floors.min():.2f}): raise "
                "the lower threshold, or add comparisons that tell records apart."
            )
        parts.append(part)
        done += n
        progress("scoring pairs", done, to_do)
    if not parts:
        none = np.zeros(0, np.int64)
        return ScoredPairs(
            none.astype(np.int32), none.astype(np.int32), none.astype(np.float64), none, none, none
        )
    joined = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("left", "right", "weight", "pattern", "pass_number", "source_pair")
    ]
    order = np.lexsort((joined[1], joined[0]))
    return ScoredPairs(*(column[order] for column in joined))
