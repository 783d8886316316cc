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
from tallystick.linking.terms import pair_terms
from tallystick.patterns.count import pattern_pairs
from tallystick.patterns.pairs import PatternPairs
from tallystick.patterns.plan import PairPlan

SLACK = 1e-3
"""Tiles sum weights in single precision; what comes this near below the floor is summed again in double."""
ROUNDING = 1e-9
"""What a sum of the largest terms may be short of the sum of the terms themselves."""
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

    def chosen(self, which: NDArray[np.bool_]) -> ScoredPairs:
        """Some of the pairs, in the same order; `which` has shape (n,)."""
        return ScoredPairs(*(column[which] for column in vars(self).values()))


def link_block(
    plan: PairPlan, units: Sequence[Unit], parameters: Parameters, floors: NDArray[np.float64]
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

    Returns
    -------
    ScoredPairs
    """
    floor = floors[units[0].source_pair]
    found = []
    for unit in units:
        if isinstance(unit, Rectangle):
            left, right = _tile_pairs(
                plan, unit, parameters.bounding_weights, floor - parameters.most_gained(unit.source_pair)
            )
            weight, pattern = weigh_pairs(plan, parameters, left, right, unit.source_pair)
            keep = weight >= floor
            found.append((left[keep], right[keep], weight[keep], pattern[keep]))
        else:
            found.append(_above(plan, pattern_pairs(plan, unit), parameters, floor))
    left, right, weight, pattern = (np.concatenate([part[k] for part in found]) for k in range(4))
    return _scored(left, right, weight, pattern, units[0])


def link_remembered(
    plan: PairPlan, pairs: PatternPairs, parameters: Parameters, floors: NDArray[np.float64]
) -> ScoredPairs:
    """What `link_block` gives, of pairs whose patterns a first sweep remembered.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    pairs : PatternPairs
        The pairs.
    parameters : Parameters
        The model.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that is kept, for each pair of sources.

    Returns
    -------
    ScoredPairs
    """
    return _scored(*_above(plan, pairs, parameters, floors[pairs.source_pair]), pairs)


def _above(
    plan: PairPlan, pairs: PatternPairs, parameters: Parameters, floor: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Rows, weights and patterns of the pairs that reach the floor."""
    if not parameters.with_terms:
        weight = weigh_patterns(parameters, pairs.patterns, pairs.source_pair)
        keep = np.flatnonzero(weight >= floor)
        return pairs.left(keep), pairs.right(keep), weight[keep], _pattern(pairs, parameters, keep)
    most = weigh_patterns(parameters, pairs.patterns, pairs.source_pair, parameters.extreme_tables[1])
    keep = np.flatnonzero(most >= floor - ROUNDING)
    left, right, pattern = pairs.left(keep), pairs.right(keep), _pattern(pairs, parameters, keep)
    digits = np.ascontiguousarray(parameters.coding.decode(pattern).T)
    weight = weigh_digits(plan, parameters, left, right, digits, pairs.source_pair)
    keep = np.flatnonzero(weight >= floor)
    return left[keep], right[keep], weight[keep], pattern[keep]


def _pattern(pairs: PatternPairs, parameters: Parameters, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Patterns of some pairs, without the digits of keys."""
    return np.asarray(pairs.patterns[chosen].astype(np.int64) % parameters.coding.size, np.int64)


def _scored(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    weight: NDArray[np.float64],
    pattern: NDArray[np.int64],
    of: Unit | PatternPairs,
) -> ScoredPairs:
    passes, source_pairs = (np.full(len(left), n, np.int64) for n in (of.pass_number, of.source_pair))
    return ScoredPairs(left, right, weight, pattern, passes, source_pairs)


def weigh_pairs(
    plan: PairPlan,
    parameters: Parameters,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    source_pair: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Match weights and pattern numbers of given pairs of rows of a pair of sources."""
    digits = plan.digits.of(left, right)[: len(parameters.comparisons)]
    weight = weigh_digits(plan, parameters, left, right, digits, source_pair)
    return weight, parameters.coding.encode(digits.T)


def weigh_digits(
    plan: PairPlan,
    parameters: Parameters,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    digits: NDArray[np.uint8],
    source_pair: int,
) -> NDArray[np.float64]:
    """Match weights, with all terms, of pairs whose levels are known.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    parameters : Parameters
        The model.
    left, right : int32 arrays, shape (n,)
        Global rows.
    digits : uint8 array, shape (n_comparisons, n)
        Levels.
    source_pair : int
        Which pair of sources they belong to.

    Returns
    -------
    float64 array, shape (n,)
    """
    from tallystick.patterns.kernels_patterns import fold

    sums = []
    for table in parameters.tables:
        sums.append(np.empty(len(left)))
        fold(digits, table, sums[-1])
    terms = pair_terms(plan.comparisons, parameters, left, right, digits)
    return parameters.corrected(parameters.share_of(source_pair), *parameters.add_terms(sums, digits, terms))


def weigh_patterns(
    parameters: Parameters,
    patterns: NDArray[Any],
    source_pair: int,
    tables: Sequence[NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Match weights of patterns, whose first digits are the comparisons', of a pair of sources.

    Those of usual values, where the pairs' own values make terms (see `tallystick.linking.terms`); or, with
    one of `Parameters.extreme_tables` as `tables`, the least or the greatest weight of pairs that show a
    pattern.
    """
    from tallystick.patterns.kernels_patterns import weigh, weigh_by_table

    if tables is None and len(table := parameters.pattern_weights(source_pair)):
        weight = np.empty(len(patterns))
        weigh_by_table(patterns, table, weight)
        return weight
    radices = np.array(parameters.coding.radices)
    sums: Sequence[NDArray[np.float64]] = []
    for table in parameters.tables if tables is None else tables:
        sums = [*sums, np.empty(len(patterns))]
        weigh(patterns, radices, table, sums[-1])
    if parameters.interactions:
        own = patterns.astype(np.int64) % parameters.coding.size
        sums = parameters.add_terms(sums, parameters.coding.decode(own).T)
    return parameters.corrected(parameters.share_of(source_pair), *sums)


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
    remembered: Sequence[PatternPairs] | None = None,
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
    remembered : sequence of PatternPairs, optional
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

    def compare(batch: list[Unit]) -> tuple[int, ScoredPairs]:
        return sum(unit.n_pairs for unit in batch), link_block(plan, batch, parameters, floors)

    def recall(pairs: PatternPairs) -> tuple[int, ScoredPairs]:
        return len(pairs), link_remembered(plan, pairs, parameters, floors)

    swept = (
        run_units(compare, plan.batches(), threads)
        if remembered is None
        else run_units(recall, remembered, threads)
    )
    for n, part in swept:
        kept += len(part)
        if kept > most:
            raise RunError(
                f"More than {most} pairs reach the lowest weight that is kept ({floors.min():.2f}): raise "
                "the lower threshold, or add comparisons that tell records apart."
            )
        parts.append(part)
        done += n
        progress("scoring pairs", done, to_do)
    progress("scoring pairs", to_do, to_do)
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
