"""A linkage's passes over its records: which pairs are candidates, and of which pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.key_pairs import KeyPairs, count_key_pairs
from tallystick.blocking.keys import combine_codes, part_codes
from tallystick.blocking.passes import AllPairs, AnyPass, BlockingKey, KeyPart
from tallystick.blocking.units import (
    CHUNK,
    PairBlocks,
    PairList,
    Unit,
    keyed_units,
    rectangles,
)
from tallystick.records.records import Records

Kind = Literal["link", "dedupe", "link_and_dedupe"]


@dataclass(frozen=True)
class BlockingPlan:
    """The passes with the keys of all records.

    A pair belongs to the first pass that finds it.

    Attributes
    ----------
    passes : tuple of passes
        As in the specification.
    offsets : int64 array
        As in `Records`.
    source_pairs : tuple of (int, int)
        Pairs of sources whose records are compared; equal numbers for pairs within a source.
    key_parts : mapping of KeyPart to int32 array
        Codes of every distinct part of the keys, shape (n_records,).
    keys : tuple of int32 array or None
        Key of every record in each pass that has keys.
    listed : tuple of (left, right) or None
        The pairs of each pass that is a table: int32 arrays of global rows, left < right.
    """

    passes: tuple[AnyPass, ...]
    offsets: NDArray[np.int64]
    source_pairs: tuple[tuple[int, int], ...]
    key_parts: Mapping[KeyPart, NDArray[np.int32]]
    keys: tuple[NDArray[np.int32] | None, ...]
    listed: tuple[tuple[NDArray[np.int32], NDArray[np.int32]] | None, ...]

    @property
    def n_records(self) -> int:
        """Number of records over all sources."""
        return int(self.offsets[-1])

    @property
    def compares_all(self) -> bool:
        """Whether every allowed pair is a candidate."""
        return any(isinstance(one, AllPairs) for one in self.passes)

    @cached_property
    def _stacked_keys(self) -> NDArray[np.int32]:
        """Keys of all passes that have keys but the last pass, shape (n_records, n): what units ask for."""
        keys = [key for key in self.keys[:-1] if key is not None]
        return np.stack(keys, axis=1) if keys else np.zeros((self.n_records, 0), np.int32)

    @cached_property
    def _earlier_listed(self) -> tuple[NDArray[np.int64], ...]:
        """For each pass the sorted pairs of the tables before it, as ``left * n_records + right``."""
        found = [np.zeros(0, np.int64)]
        for pairs in self.listed:
            own = [pairs[0].astype(np.int64) * self.n_records + pairs[1]] if pairs is not None else []
            found.append(np.unique(np.concatenate([found[-1], *own])))
        return tuple(found)

    def allowed_pairs(self) -> NDArray[np.int64]:
        """Number of allowed pairs of each pair of sources, shape (n_source_pairs,)."""
        size = np.diff(self.offsets)
        return np.array(
            [size[s] * (size[s] - 1) // 2 if s == t else size[s] * size[t] for s, t in self.source_pairs],
            np.int64,
        )

    def candidate_pairs(self) -> NDArray[np.int64]:
        """Pairs that each pass finds, those of earlier passes included, shape (n_passes,)."""
        return self._candidate_pairs.copy()

    @cached_property
    def _candidate_pairs(self) -> NDArray[np.int64]:
        found = np.zeros(len(self.passes), np.int64)
        for number, (keyed, listed) in enumerate(zip(self.key_pairs, self.listed, strict=True)):
            if keyed is not None:
                found[number] = keyed.n_pairs
            else:
                found[number] = self.allowed_pairs().sum() if listed is None else len(listed[0])
        return found

    @cached_property
    def key_pairs(self) -> tuple[KeyPairs | None, ...]:
        """How many pairs the keys of each pass make; None for a pass without keys."""
        return tuple(
            None if keys is None else count_key_pairs(keys, self.offsets, self.source_pairs)
            for keys in self.keys
        )

    def pairs_to_visit(self) -> int:
        """Pairs of all units together: of the passes up to the first that finds all pairs."""
        last = next((k for k, one in enumerate(self.passes) if isinstance(one, AllPairs)), len(self.passes))
        return int(self.candidate_pairs()[: last + 1].sum())

    def rows(self, source: int) -> NDArray[np.int32]:
        """Global rows of a source."""
        return np.arange(self.offsets[source], self.offsets[source + 1], dtype=np.int32)

    def units(self, row_order: NDArray[np.int64] | None = None) -> Iterator[Unit]:
        """All units of all passes, in a fixed order.

        Parameters
        ----------
        row_order : int64 array, shape (n_records,), optional
            Units of all pairs take the left rows in ascending order of this (and of row number),
            so that rows with the same costly values meet in one unit.

        Yields
        ------
        Unit
        """
        for number, one in enumerate(self.passes):
            for pair, (s, t) in enumerate(self.source_pairs):
                left, right = self.rows(s), self.rows(t)
                keys, listed = self.keys[number], self.listed[number]
                if keys is not None:
                    yield from keyed_units(number, pair, left, right, keys, s == t)
                elif listed is not None:
                    yield from _listed_units(number, pair, listed, left, right)
                elif number == 0:
                    if row_order is not None:
                        left = left[np.argsort(row_order[left], kind="stable")]
                    yield from rectangles(number, pair, left, left if s == t else right, s == t)
                else:
                    everyone = np.ones(self.n_records, np.int32)
                    yield from keyed_units(number, pair, left, right, everyone, s == t)
            if isinstance(one, AllPairs):
                return  # nothing is left for later passes

    def positions(self, unit: PairBlocks | PairList) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The unit's pairs that no earlier pass finds, as positions in the unit's lists of rows.

        Parameters
        ----------
        unit : PairBlocks or PairList
            A unit of this plan.

        Returns
        -------
        left, right : int32 arrays
            Positions in ``unit.left`` and ``unit.right``.
        """
        from tallystick.blocking.kernels_pairs import enumerate_pairs

        n_earlier = sum(key is not None for key in self.keys[: unit.pass_number])
        if isinstance(unit, PairList):
            blocks = np.repeat(np.arange(unit.n_pairs, dtype=np.int64), 4).reshape(-1, 4)
            blocks[:, 1::2] += 1
            triangle = False
        else:
            blocks, triangle = unit.blocks, unit.triangle
        out_left = np.empty(unit.n_pairs, np.int32)
        out_right = np.empty(unit.n_pairs, np.int32)
        n = enumerate_pairs(
            blocks,
            unit.left,
            unit.right,
            triangle,
            self._stacked_keys,
            n_earlier,
            self._earlier_listed[unit.pass_number],
            out_left,
            out_right,
        )
        return out_left[:n], out_right[:n]

    def pairs(self, unit: PairBlocks | PairList) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The unit's pairs that no earlier pass finds.

        Parameters
        ----------
        unit : PairBlocks or PairList
            A unit of this plan.

        Returns
        -------
        left, right : int32 arrays
            Global rows, left < right.
        """
        left, right = self.positions(unit)
        return unit.left[left], unit.right[right]


def source_pairs(
    n_sources: int, kind: Kind, duplicate_free: Collection[int] = ()
) -> tuple[tuple[int, int], ...]:
    """Pairs of sources that a linkage compares; none within one without duplicates.

    Examples
    --------
    >>> source_pairs(2, "link_and_dedupe")
    ((0, 0), (0, 1), (1, 1))
    >>> source_pairs(2, "link_and_dedupe", duplicate_free={0})
    ((0, 1), (1, 1))
    """
    return tuple(
        (s, t)
        for s in range(n_sources)
        for t in range(s, n_sources)
        if (s == t and kind != "link" and s not in duplicate_free) or (s != t and kind != "dedupe")
    )


def plan_blocking(
    records: Records,
    passes: Sequence[AnyPass],
    kind: Kind,
    listed: Mapping[int, tuple[NDArray[np.int32], NDArray[np.int32]]] | None = None,
    threads: int | None = None,
) -> BlockingPlan:
    """Work out the keys of all records for all passes.

    Parameters
    ----------
    records : Records
        The records.
    passes : sequence of passes
        As in the specification.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    listed : mapping of int to (left, right), optional
        For each pass that is a table its pairs as global rows.
    threads : int, optional
        Number of passes worked out at a time.

    Returns
    -------
    BlockingPlan
    """
    parts = {part for one in passes if isinstance(one, BlockingKey) for part in one.parts}
    ordered = sorted(parts, key=lambda part: part.label)
    codes = dict(zip(ordered, run_units(partial(part_codes, records), ordered, threads), strict=True))

    def key(one: AnyPass) -> NDArray[np.int32] | None:
        return combine_codes([codes[part] for part in one.parts]) if isinstance(one, BlockingKey) else None

    keys = tuple(run_units(key, passes, threads))
    tables = tuple((listed or {}).get(number) for number in range(len(passes)))
    pairs = source_pairs(len(records.sources), kind, records.duplicate_free)
    return BlockingPlan(tuple(passes), records.offsets, pairs, codes, keys, tables)


def _listed_units(
    number: int,
    pair: int,
    listed: tuple[NDArray[np.int32], NDArray[np.int32]],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> Iterator[PairList]:
    a, b = listed
    inside = (a >= left[0]) & (a <= left[-1]) & (b >= right[0]) & (b <= right[-1])
    a, b = a[inside], b[inside]
    for start in range(0, len(a), CHUNK):
        yield PairList(number, pair, a[start : start + CHUNK], b[start : start + CHUNK])
