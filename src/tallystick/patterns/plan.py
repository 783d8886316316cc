"""Everything a unit of candidate pairs is compared with; the same for counting and for linking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.criteria import Criterion
from tallystick.blocking.passes import AnyPass, PairTable
from tallystick.blocking.plan import BlockingPlan, Kind, finds_all, plan_blocking
from tallystick.blocking.units import Unit
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.plan import ComparisonPlan, plan_comparisons
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.digits import PairDigits
from tallystick.patterns.tiles import TilePlan, plan_tiles
from tallystick.records.records import Records

DEFAULT_MEMORY = 512 * 2**20
"""Bytes that whole level tables may take together."""
BATCH = 250_000
"""About how many pairs a thread takes at a time."""


@dataclass(frozen=True)
class PairPlan:
    """Comparisons, passes and coding of a linkage over its records.

    Attributes
    ----------
    comparisons : tuple of ComparisonPlan
        The comparisons.
    blocking : BlockingPlan
        The passes.
    key_parts : tuple of Criterion
        What is part of the pattern because the selection of pairs depends on it: agreement on parts of
        blocking keys, being found by an index; empty where all pairs are candidates.
    coding : PatternCoding
        How patterns are numbered.
    tiles : TilePlan, optional
        Where the first pass compares all pairs.
    row_order : int64 array, shape (n_records,), optional
        Order of left rows in units of all pairs.
    memory : int
        Bytes that level tables, or the patterns of all blocked pairs, may take.
    """

    comparisons: tuple[ComparisonPlan, ...]
    blocking: BlockingPlan
    key_parts: tuple[Criterion, ...]
    coding: PatternCoding
    tiles: TilePlan | None
    row_order: NDArray[np.int64] | None
    memory: int = DEFAULT_MEMORY

    def blocked_pairs_fit(self) -> bool:
        """Whether all blocked pairs and their patterns fit the memory, so that each is compared only once."""
        return self.tiles is None and self.blocked_pairs_bytes() <= self.memory

    def blocked_pairs_bytes(self) -> int:
        """Bytes that all candidate pairs take: two rows and a pattern each."""
        return self.blocking.pairs_to_visit() * (8 + np.dtype(self.coding.smallest_type).itemsize)

    @cached_property
    def digits(self) -> PairDigits:
        """What pairs of global rows are asked."""
        asked = (self.blocking.key_parts[part] for part in self.key_parts)
        keys = tuple((one, one) if isinstance(one, np.ndarray) else one for one in asked)
        return PairDigits(self.comparisons, keys)

    def batches(self) -> Iterator[list[Unit]]:
        """Units in order, as many together as make about `BATCH` pairs of one pass and pair of sources."""
        batch: list[Unit] = []
        n_pairs = 0
        for unit in self.blocking.units(self.row_order):
            other = batch and (batch[0].pass_number, batch[0].source_pair) != (
                unit.pass_number,
                unit.source_pair,
            )
            if batch and (other or n_pairs >= BATCH):
                yield batch
                batch, n_pairs = [], 0
            batch.append(unit)
            n_pairs += unit.n_pairs
        if batch:
            yield batch


def plan_pairs(
    records: Records,
    comparisons: Sequence[Comparison],
    passes: Sequence[AnyPass],
    kind: Kind,
    *,
    listed: Mapping[int, tuple[NDArray[np.int32], NDArray[np.int32]]] | None = None,
    memory: int = DEFAULT_MEMORY,
    threads: int | None = None,
    seed: int = 1,
) -> PairPlan:
    """Plan how candidate pairs are found and compared.

    Parameters
    ----------
    records : Records
        The records.
    comparisons : sequence of Comparison
        As in the specification.
    passes : sequence of passes
        As in the specification.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    listed : mapping of int to (left, right), optional
        For each pass that is a table its pairs as global rows, left < right.
    memory : int
        Bytes that whole level tables, or the patterns of all blocked pairs, may take.
    threads : int, optional
        Number of threads.
    seed : int
        Where random numbers start, for indexes that draw some.

    Returns
    -------
    PairPlan

    Raises
    ------
    InputError
        Where the patterns need more than 63 bits.
    """
    blocking = plan_blocking(records, passes, kind, listed, threads, seed)
    plans = plan_comparisons(records, comparisons, kind != "link", threads)
    selective = not blocking.compares_all and not any(isinstance(one, PairTable) for one in passes)
    key_parts = tuple(blocking.key_parts) if selective else ()
    coding = PatternCoding(tuple(plan.n_levels for plan in plans), len(key_parts))
    tiles, row_order = None, None
    if finds_all(passes[0]):
        left = np.concatenate([blocking.rows(s) for s in sorted({s for s, _ in blocking.source_pairs})])
        right = np.concatenate([blocking.rows(t) for t in sorted({t for _, t in blocking.source_pairs})])
        tiles = plan_tiles(plans, left, right, memory, threads)
        row_order = _costliest(plans)
    else:
        n_pairs = blocking.pairs_to_visit()
        spare, remembering = memory // 2, []
        for plan in plans:
            remembering.append(plan.remembering(n_pairs, spare))
            spare -= remembering[-1].table_bytes
        plans = tuple(remembering)
    return PairPlan(plans, blocking, key_parts, coding, tiles, row_order, memory)


def _costliest(plans: Sequence[ComparisonPlan]) -> NDArray[np.int64] | None:
    """Codes of the measured column with the most distinct values."""
    leaves = [leaf for plan in plans for leaf in plan.leaves if leaf.measure is not None]
    if not leaves:
        return None
    return max(leaves, key=lambda leaf: int(leaf.left_codes.max(initial=0))).left_codes.astype(np.int64)
