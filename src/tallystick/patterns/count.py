"""Counts of the distinct agreement patterns of all candidate pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.blocking.units import PairBlocks, PairList, Rectangle, Unit
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.pairs import PatternPairs, pattern_pairs_of
from tallystick.patterns.plan import PairPlan

DENSE_LIMIT = 2**20
"""Up to this many patterns of all pairs are counted in a dense histogram, more in a hash table."""
DENSE_LIMIT_BLOCKED = 2**16
"""The same for blocked pairs, of which a batch has not many more: a histogram costs its size."""


@dataclass(frozen=True)
class PatternCounts:
    """How often each agreement pattern occurs.

    Attributes
    ----------
    coding : PatternCoding
        How patterns are numbered.
    source_pair, pass_number : int64 arrays, shape (n_rows,)
        Which pair of sources and which pass the counted pairs belong to.
    patterns, counts : int64 arrays, shape (n_rows,)
        Pattern number and number of pairs. Rows are sorted by source pair, pass and pattern.
    remembered : tuple of PatternPairs, optional
        All candidate pairs with their patterns, where pairs are blocked and the plan's memory holds them:
        a later sweep then compares nothing again.
    """

    coding: PatternCoding
    source_pair: NDArray[np.int64]
    pass_number: NDArray[np.int64]
    patterns: NDArray[np.int64]
    counts: NDArray[np.int64]
    remembered: tuple[PatternPairs, ...] | None = None

    @property
    def n_pairs(self) -> int:
        """Number of candidate pairs."""
        return int(self.counts.sum())


class Tally:
    """Counters of patterns: a dense histogram up to `dense_limit` patterns, or a hash table that grows."""

    def __init__(self, size: int, dense_limit: int = DENSE_LIMIT) -> None:
        self.dense = size <= dense_limit
        if self.dense:
            self._counts = np.zeros((4, size), np.int64)
        else:
            self._keys = np.full(2**12, -1, np.int64)
            self._hashed = np.zeros(2**12, np.int64)
            self._used = 0

    @property
    def histogram(self) -> NDArray[np.int64]:
        """The dense histogram, in four parts to be summed, shape (4, size)."""
        return self._counts

    def add(self, patterns: NDArray[Any]) -> None:
        """Count pattern numbers, shape (n,)."""
        from tallystick.patterns.kernels_patterns import count_dense, count_sparse

        if self.dense:
            count_dense(patterns, self._counts[0])
            return
        at = 0
        while at < len(patterns):
            at, self._used = count_sparse(patterns, at, self._keys, self._hashed, self._used)
            if at < len(patterns):
                self._grow()

    def _grow(self) -> None:
        from tallystick.patterns.kernels_patterns import count_sparse

        keys, counts = self._keys[self._keys >= 0], self._hashed[self._keys >= 0]
        size = 4 * len(self._keys)
        self._keys, self._hashed = np.full(size, -1, np.int64), np.zeros(size, np.int64)
        _, self._used = count_sparse(keys, 0, self._keys, self._hashed, 0)
        order, place = np.argsort(keys), np.flatnonzero(self._keys >= 0)
        self._hashed[place[np.argsort(self._keys[place])]] = counts[order]

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Patterns that occur, in ascending order, and their counts."""
        if self.dense:
            counts = self._counts.sum(axis=0)
            patterns = np.flatnonzero(counts)
            return patterns, counts[patterns]
        place = np.flatnonzero(self._keys >= 0)
        place = place[np.argsort(self._keys[place])]
        return self._keys[place], self._hashed[place]


@dataclass(frozen=True)
class BlockCounts:
    """Patterns of some units of one pass and one pair of sources.

    Attributes
    ----------
    patterns, counts : int64 arrays
        The patterns that occur, in ascending order, and how often.
    remembered : list of PatternPairs
        Where asked for, the blocked pairs with their patterns, unit by unit.
    """

    patterns: NDArray[np.int64]
    counts: NDArray[np.int64]
    remembered: list[PatternPairs]


def count_block(plan: PairPlan, units: Sequence[Unit], remember: bool = False) -> BlockCounts:
    """Count the patterns of some units: pure, so that any executor may run it.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    units : sequence of units
        Units of one pass and one pair of sources.
    remember : bool
        Whether to return the blocked pairs with their patterns.

    Returns
    -------
    BlockCounts
    """
    remembered = []
    blocked = not isinstance(units[0], Rectangle)
    tally = Tally(plan.coding.size, DENSE_LIMIT_BLOCKED if blocked else DENSE_LIMIT)
    values = plan.coding.digit_values()
    for unit in units:
        if isinstance(unit, Rectangle):
            _count_tile(plan, unit, values, tally)
        else:
            found = pattern_pairs(plan, unit)
            tally.add(found.patterns)
            if remember:
                remembered.append(found)
    return BlockCounts(*tally.result(), remembered)


def pattern_pairs(plan: PairPlan, unit: PairBlocks | PairList) -> PatternPairs:
    """The pairs of a unit that no earlier pass finds, with their patterns.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    unit : PairBlocks or PairList
        A unit of blocked pairs.

    Returns
    -------
    PatternPairs
    """
    from tallystick.patterns.kernels_patterns import fold

    left, right = plan.blocking.positions(unit)
    digits = plan.digits.at(unit.left, unit.right).of(left, right)
    patterns = np.empty(len(left), plan.coding.smallest_type)
    fold(digits, plan.coding.digit_values().astype(patterns.dtype), patterns)
    return pattern_pairs_of(unit, left, right, patterns)


def _count_tile(plan: PairPlan, unit: Rectangle, values: NDArray[np.int64], tally: Tally) -> None:
    from tallystick.patterns.kernels_tiles import count_tile, list_tile

    assert plan.tiles is not None
    dtype = plan.coding.smallest_type
    rows = plan.tiles.rows(unit, values, dtype)
    columns = np.ascontiguousarray(plan.tiles.right_groups[:, unit.right])
    first = unit.first if unit.first is not None else np.zeros(len(unit.left), np.int64)
    if tally.dense:
        count_tile(rows, columns, first, tally.histogram)
        return
    step = max(1, 65_536 // max(1, len(unit.right)))
    out = np.empty(step * len(unit.right), dtype)
    for start in range(0, len(unit.left), step):
        n = list_tile(rows, columns, first, start, min(start + step, len(unit.left)), out)
        tally.add(out[:n])


def count_patterns(plan: PairPlan, threads: int | None = None, progress: Progress = silent) -> PatternCounts:
    """Count the agreement patterns of all candidate pairs.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    threads : int, optional
        Number of threads; the counts do not depend on it.
    progress : Progress
        Told the number of pairs done and to do.

    Returns
    -------
    PatternCounts
    """
    found: dict[tuple[int, int], list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = {}
    remember = plan.blocked_pairs_fit()
    remembered: list[PatternPairs] = []
    to_do = plan.blocking.pairs_to_visit()
    done = 0
    progress("comparing pairs", 0, to_do)

    def work(batch: list[Unit]) -> tuple[list[Unit], BlockCounts]:
        return batch, count_block(plan, batch, remember)

    for batch, part in run_units(work, plan.batches(), threads):
        own = found.setdefault((batch[0].source_pair, batch[0].pass_number), [])
        own.append((part.patterns, part.counts))
        remembered += part.remembered
        if sum(len(patterns) for patterns, _ in own) > 4 * DENSE_LIMIT:
            own[:] = [_merge(own)]
        done += sum(unit.n_pairs for unit in batch)
        progress("comparing pairs", done, to_do)
    keys = sorted(found)
    merged = [_merge(found[key]) for key in keys]
    empty = [np.zeros(0, np.int64)]
    return PatternCounts(
        coding=plan.coding,
        source_pair=np.concatenate(
            [np.full(len(m[0]), k[0]) for k, m in zip(keys, merged, strict=True)] or empty
        ),
        pass_number=np.concatenate(
            [np.full(len(m[0]), k[1]) for k, m in zip(keys, merged, strict=True)] or empty
        ),
        patterns=np.concatenate([m[0] for m in merged] or empty),
        counts=np.concatenate([m[1] for m in merged] or empty),
        remembered=tuple(remembered) if remember else None,
    )


def _merge(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    patterns, inverse = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = np.zeros(len(patterns), np.int64)
    np.add.at(counts, inverse, np.concatenate([part[1] for part in parts]))
    return patterns, counts
