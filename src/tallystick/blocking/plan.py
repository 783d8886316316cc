"""A linkage's passes over its records: which pairs are candidates, and of which pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.criteria import Criterion
from tallystick.blocking.finders import Asked, Filtered, Finder, Listed, OneKey, written
from tallystick.blocking.key_pairs import KeyPairs, count_key_pairs
from tallystick.blocking.passes import AllPairs, AnyPass, BlockingKey
from tallystick.blocking.prepare_finders import Ready, ready_criteria, ready_parts, ready_pass
from tallystick.blocking.units import PairBlocks, PairList, Rectangle, Unit, rectangles
from tallystick.records.records import Records

Kind = Literal["link", "dedupe", "link_and_dedupe"]
Positions = NDArray[np.int32]


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
    key_parts : mapping of Criterion to int32 array or Asked
        What every criterion of the passes asks of a pair: codes, shape (n_records,), whether they are equal,
        as of the parts of keys.
    keys : tuple of int32 array or None
        Key of every record in each pass that has one key a record.
    listed : tuple of (left, right) or None
        The pairs of each pass that is a table: int32 arrays of global rows, left < right.
    finders : tuple of Finder
        How each pass finds pairs, its filters included.
    threads : int, optional
        Number of threads on which pairs are counted.
    """

    passes: tuple[AnyPass, ...]
    offsets: NDArray[np.int64]
    source_pairs: tuple[tuple[int, int], ...]
    key_parts: Mapping[Criterion, NDArray[np.int32] | Asked]
    keys: tuple[NDArray[np.int32] | None, ...]
    listed: tuple[tuple[NDArray[np.int32], NDArray[np.int32]] | None, ...]
    finders: tuple[Finder, ...]
    threads: int | None = None

    @property
    def n_records(self) -> int:
        """Number of records over all sources."""
        return int(self.offsets[-1])

    @property
    def compares_all(self) -> bool:
        """Whether every allowed pair is a candidate."""
        return any(map(finds_all, self.passes))

    @cached_property
    def _stacked_keys(self) -> NDArray[np.int32]:
        """Keys of all passes of one key but the last pass, shape (n_records, n): what units ask for."""
        keys = [one.keys for one in self.finders[:-1] if isinstance(one, OneKey)]
        return np.stack(keys, axis=1) if keys else np.zeros((self.n_records, 0), np.int32)

    @cached_property
    def _earlier_listed(self) -> tuple[NDArray[np.int64], ...]:
        """For each pass the sorted pairs of the lists before it, as ``left * n_records + right``."""
        found = [np.zeros(0, np.int64)]
        for one in self.finders:
            own = [one.numbers] if isinstance(one, Listed) else []
            found.append(np.unique(np.concatenate([found[-1], *own])))
        return tuple(found)

    def source_pair_of(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> NDArray[np.int64]:
        """Which pair of sources given pairs are of.

        Parameters
        ----------
        left, right : integer arrays, shape (n,)
            Global rows, left < right.

        Returns
        -------
        int64 array, shape (n,)
            By number; -1 where records of the two sources are not compared.
        """
        n_sources = len(self.offsets) - 1
        number = np.full((n_sources, n_sources), -1, np.int64)
        for k, pair in enumerate(self.source_pairs):
            number[pair] = k
        of_left, of_right = (np.searchsorted(self.offsets, rows, side="right") - 1 for rows in (left, right))
        return np.asarray(number[of_left, of_right], np.int64)

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
        return np.array([self.count_pairs(number) for number in range(len(self.passes))], np.int64)

    def count_pairs(self, number: int) -> int:
        """Pairs that a pass finds, those of earlier passes included.

        Exact keys and lists are counted without looking at a pair; the pairs of other passes are gone
        through, but not compared.

        Parameters
        ----------
        number : int
            Number of the pass.

        Returns
        -------
        int
        """
        finder, keyed = self.finders[number], self.key_pairs[number]
        if finds_all(self.passes[number]):
            return int(self.allowed_pairs().sum())
        if isinstance(finder, Listed):
            return len(finder.left)
        if isinstance(finder, OneKey):
            keyed = keyed or count_key_pairs(finder.keys, self.offsets, self.source_pairs)
            return keyed.n_pairs

        def count(unit: PairBlocks | PairList) -> int:
            return len(finder.positions(unit)[0])

        return sum(run_units(count, self.units_of(number), self.threads))

    @cached_property
    def key_pairs(self) -> tuple[KeyPairs | None, ...]:
        """How many pairs the keys of each pass make; None for a pass without one key a record."""
        return tuple(
            None if keys is None else count_key_pairs(keys, self.offsets, self.source_pairs)
            for keys in self.keys
        )

    def pairs_to_visit(self) -> int:
        """Pairs of all units together: of the passes up to the first that finds all pairs."""
        every = next((k for k, one in enumerate(self.passes) if finds_all(one)), len(self.passes) - 1)
        return sum(map(self.slots, range(every + 1)))

    def slots(self, number: int) -> int:
        """Pairs of the units of a pass: all that it looks at, those that its filters drop included.

        Parameters
        ----------
        number : int
            Number of the pass.

        Returns
        -------
        int
        """
        if (keyed := self.key_pairs[number]) is not None:
            return keyed.n_pairs
        return self.count_pairs(number) if self.is_counted(number) else int(self.unit_sizes(number).sum())

    def is_counted(self, number: int) -> bool:
        """Whether the pairs of a pass are counted without looking at any: of a key, a list, or all."""
        return isinstance(self.finders[number], (OneKey, Listed))

    def unit_sizes(self, number: int) -> NDArray[np.int64]:
        """Pairs of each unit of a pass, those that it looks at in vain included, shape (n_units,)."""
        if number not in self._unit_sizes:
            sizes = (unit.n_pairs for unit in self.units_of(number))
            self._unit_sizes[number] = np.fromiter(sizes, np.int64)
        return self._unit_sizes[number]

    @cached_property
    def _unit_sizes(self) -> dict[int, NDArray[np.int64]]:
        return {}

    def before(self, number: int) -> BlockingPlan:
        """The plan of the passes before one."""
        if number == len(self.passes):
            return self
        return replace(
            self,
            passes=self.passes[:number],
            keys=self.keys[:number],
            listed=self.listed[:number],
            finders=self.finders[:number],
        )

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
            if number == 0 and finds_all(one):
                yield from self._rectangles(row_order)
            else:
                yield from self.units_of(number)
            if finds_all(one):
                return  # nothing is left for later passes

    def _rectangles(self, row_order: NDArray[np.int64] | None) -> Iterator[Rectangle]:
        for pair, (s, t) in enumerate(self.source_pairs):
            left, right = self.rows(s), self.rows(t)
            if row_order is not None:
                left = left[np.argsort(row_order[left], kind="stable")]
            yield from rectangles(0, pair, left, left if s == t else right, s == t)

    def units_of(self, number: int) -> Iterator[PairBlocks | PairList]:
        """Units of a pass, those of pairs that earlier passes find included."""
        for pair, (s, t) in enumerate(self.source_pairs):
            yield from self.finders[number].units(number, pair, self.rows(s), self.rows(t), s == t)

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

        if self.is_counted(unit.pass_number):
            left, right = written(enumerate_pairs, unit, *self._known(unit.pass_number))
            return self._unknown_to_indexes(unit, left, right)
        return self._new(unit, *self.finders[unit.pass_number].positions(unit))

    def count_unit(self, unit: PairBlocks | PairList) -> tuple[int, int]:
        """Count the unit's pairs that its pass finds, and those of them that no earlier pass finds.

        Parameters
        ----------
        unit : PairBlocks or PairList
            A unit of this plan.

        Returns
        -------
        found, new : int
        """
        if self.is_counted(unit.pass_number):
            return unit.n_pairs, len(self.positions(unit)[0])
        left, right = self.finders[unit.pass_number].positions(unit)
        return len(left), len(self._new(unit, left, right)[0])

    def _known(self, number: int) -> tuple[NDArray[np.int32], int, NDArray[np.int64]]:
        """What kernels ask to drop the pairs of earlier keys and lists."""
        n_earlier = sum(isinstance(one, OneKey) for one in self.finders[:number])
        return self._stacked_keys, n_earlier, self._earlier_listed[number]

    def _new(
        self, unit: PairBlocks | PairList, left: Positions, right: Positions
    ) -> tuple[Positions, Positions]:
        """Of a unit's pairs those that no earlier pass finds."""
        from tallystick.blocking.kernels_pairs import drop_known

        keys, n_earlier, listed = self._known(unit.pass_number)
        if n_earlier or len(listed):
            n = drop_known(unit.left, unit.right, keys, n_earlier, listed, left, right)
            left, right = left[:n], right[:n]
        return self._unknown_to_indexes(unit, left, right)

    def _unknown_to_indexes(
        self, unit: PairBlocks | PairList, left: Positions, right: Positions
    ) -> tuple[Positions, Positions]:
        """Of a unit's pairs those that no earlier pass without keys or a list finds."""
        for one in self.finders[: unit.pass_number]:
            if not isinstance(one, (OneKey, Listed)):
                new = ~one.holds(unit.left[left], unit.right[right])
                left, right = left[new], right[new]
        return left, right

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


def finds_all(one: AnyPass) -> bool:
    """Whether a pass finds every allowed pair.

    Examples
    --------
    >>> finds_all(AllPairs()), finds_all(BlockingKey(parts=("surname",)))
    (True, False)
    """
    return isinstance(one, AllPairs) and not one.filters


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
    seed: int = 1,
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
    seed : int
        Where random numbers start, for indexes that draw some.

    Returns
    -------
    BlockingPlan
    """
    parts = {
        part
        for one in passes
        for part in (one.parts if isinstance(one, BlockingKey) else getattr(one, "within", ()))
    }
    codes = ready_parts(records, sorted(parts, key=lambda part: part.label), threads)
    pairs = source_pairs(len(records.sources), kind, records.duplicate_free)
    tables = tuple((listed or {}).get(number) for number in range(len(passes)))

    def work(number: int) -> Ready:
        return ready_pass(records, passes[number], codes, pairs, tables[number], seed)

    ready = tuple(run_units(work, range(len(passes)), threads))
    keys = tuple(
        _one_key(own.finder) if isinstance(one, BlockingKey) else None
        for one, own in zip(passes, ready, strict=True)
    )
    criteria = ready_criteria(records, passes, codes, ready)
    finders = tuple(own.finder for own in ready)
    return BlockingPlan(tuple(passes), records.offsets, pairs, criteria, keys, tables, finders, threads)


def _one_key(finder: Finder) -> NDArray[np.int32] | None:
    own = finder.finder if isinstance(finder, Filtered) else finder
    return own.keys if isinstance(own, OneKey) else None
