"""How a pass finds pairs: each finder yields units, writes their pairs, and knows whether it finds a pair.

A pair belongs to the first pass that finds it, so that later passes ask earlier finders about every pair:
`holds` answers for many pairs at once, in compiled code. Filters answer alike, and a filtered finder is both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.filters import Reachable
from tallystick.blocking.units import PairBlocks, PairList, block_units, keyed_units, listed_units

Rows = NDArray[np.int32]
Bools = NDArray[np.bool_]
Unit = PairBlocks | PairList
Positions = tuple[NDArray[np.int32], NDArray[np.int32]]


class Asked(Protocol):
    """Something that can be asked of any pair of records."""

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether it holds for pairs of global rows, in whatever order; shape (n_pairs,)."""


class Finder(Asked, Protocol):
    """How a pass finds pairs."""

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """Units of its pairs between rows, ascending, of two sources, or `within` one source."""

    def positions(self, unit: Unit) -> Positions:
        """Each pair of a unit that it finds once, as positions in the unit's lists of rows."""


@dataclass(frozen=True)
class OneKey:
    """Pairs that have the same key.

    Attributes
    ----------
    keys : int32 array, shape (n_records,)
        0 is no key.
    """

    keys: Rows

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the keys are equal."""
        own = self.keys[left]
        return np.asarray((own == self.keys[right]) & (own != 0), np.bool_)

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """Blocks of equal keys."""
        return keyed_units(number, pair, left, right, self.keys, within)

    def positions(self, unit: Unit) -> Positions:
        """All pairs of the unit."""
        return every_position(unit)


@dataclass(frozen=True)
class Listed:
    """Pairs given one by one.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right, in ascending order, each pair once.
    n_records : int
        Number of records.
    """

    left: Rows
    right: Rows
    n_records: int

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """The pairs as ``left * n_records + right``, ascending."""
        return np.unique(self.left.astype(np.int64) * self.n_records + self.right)

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the pairs are in the list."""
        from tallystick.blocking.kernels_finders import is_listed

        return _asked(is_listed, left, right, self.n_records, self.numbers)

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """Parts of the list."""
        return listed_units(number, pair, (self.left, self.right), left, right)

    def positions(self, unit: Unit) -> Positions:
        """All pairs of the unit."""
        return every_position(unit)


@dataclass(frozen=True)
class SharedKeys:
    """Pairs that share one of several keys: each is written in the block of the smallest key they share.

    Attributes
    ----------
    codes : int32 array, shape (n_records,)
        Which list of keys a record has; list 0 is empty.
    starts : int64 array, shape (n_lists + 1,)
        Where each list begins.
    keys : int32 array
        Keys from 1, ascending within a list.
    """

    codes: Rows
    starts: NDArray[np.int64]
    keys: NDArray[np.int32]

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the records share a key."""
        from tallystick.blocking.kernels_finders import share_a_key

        return _asked(share_a_key, left, right, self.codes, self.starts, self.keys)

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """Blocks of records that have a key, key by key."""
        from tallystick.blocking.kernels_finders import group_by_keys

        n_keys = int(self.keys.max(initial=0))
        left, left_start = group_by_keys(left, self.codes, self.starts, self.keys, n_keys)
        right, right_start = (
            (left, left_start) if within else group_by_keys(right, self.codes, self.starts, self.keys, n_keys)
        )
        fewest = 1 if within else 0
        shared = np.flatnonzero((np.diff(left_start) > fewest) & (np.diff(right_start) > 0))
        ends = (left_start[shared], left_start[shared + 1], right_start[shared], right_start[shared + 1])
        yield from block_units(number, pair, left, right, np.column_stack((*ends, shared + 1)), within)

    def positions(self, unit: Unit) -> Positions:
        """Pairs of the unit whose smallest shared key is that of the block."""
        from tallystick.blocking.kernels_finders import enumerate_shared

        assert isinstance(unit, PairBlocks)
        return written(enumerate_shared, unit, self.codes, self.starts, self.keys)


@dataclass(frozen=True)
class Windows:
    """Pairs whose ranks differ by less than a window in some column.

    Attributes
    ----------
    ranks : int32 array, shape (n_columns, n_records)
        Rank of each record's sort key among the distinct ones, from 1; 0 is none.
    window : int
        Ranks differ by less than this.
    """

    ranks: NDArray[np.int32]
    window: int

    def column(self, number: int) -> Windows:
        """One column alone."""
        return Windows(self.ranks[number : number + 1], self.window)

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the ranks are near in any column."""
        from tallystick.blocking.kernels_finders import in_a_window

        return _asked(in_a_window, left, right, self.ranks, self.window)

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """For each column and rank the records of the rank with those of ranks in its window."""
        from tallystick.blocking.kernels_pairs import group_by_key

        for column, ranks in enumerate(self.ranks):
            n_ranks = int(ranks.max(initial=0))
            mine, start = group_by_key(left, ranks, n_ranks)
            other, other_start = (mine, start) if within else group_by_key(right, ranks, n_ranks)
            rank = np.flatnonzero(np.diff(start) > 0)
            first = rank if within else np.maximum(rank - self.window + 1, 0)
            end = np.minimum(rank + self.window, n_ranks)
            blocks = (start[rank], start[rank + 1], other_start[first], other_start[end])
            which = np.full(len(rank), column)
            yield from block_units(number, pair, mine, other, np.column_stack((*blocks, which)), within)

    def positions(self, unit: Unit) -> Positions:
        """Pairs of the unit that no earlier column finds."""
        from tallystick.blocking.kernels_finders import enumerate_windows

        assert isinstance(unit, PairBlocks)
        return written(enumerate_windows, unit, self.ranks, self.window)


@dataclass(frozen=True)
class Near:
    """A filter: numbers differ by at most a limit, or one is missing.

    Attributes
    ----------
    values : float64 array, shape (n_records,)
        NaN is missing.
    most : float
        The limit.
    """

    values: NDArray[np.float64]
    most: float

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the values are near."""
        from tallystick.blocking.kernels_finders import is_near

        return _asked(is_near, left, right, self.values, self.most)


@dataclass(frozen=True)
class Alike:
    """Values are equal, or one is missing.

    Attributes
    ----------
    codes : int32 array, shape (n_records,)
        0 is missing.
    """

    codes: Rows

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the values do not differ."""
        from tallystick.blocking.kernels_finders import is_alike

        return _asked(is_alike, left, right, self.codes)


@dataclass(frozen=True)
class Reaches:
    """A filter: what agreements and disagreements bring reaches a weight.

    Attributes
    ----------
    alike : tuple of Alike
        By field, in the order of the settings.
    settings : Reachable
        The weights.
    """

    alike: tuple[Alike, ...]
    settings: Reachable

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the bound on the weight is no lower than what is to be reached."""
        return reached(self.settings, [one.holds(left, right) for one in self.alike])


@dataclass(frozen=True)
class Filtered:
    """The pairs of a finder that all filters keep.

    Attributes
    ----------
    finder : Finder
        Where pairs come from.
    filters : tuple of Asked
        Each has to hold.
    """

    finder: Finder
    filters: tuple[Asked, ...]

    def holds(self, left: Rows, right: Rows) -> Bools:
        """Whether the pairs are found and kept."""
        return every((self.finder, *self.filters), left, right)

    def units(self, number: int, pair: int, left: Rows, right: Rows, within: bool) -> Iterator[Unit]:
        """Those of the finder."""
        return self.finder.units(number, pair, left, right, within)

    def positions(self, unit: Unit) -> Positions:
        """Those of the finder that are kept."""
        left, right = self.finder.positions(unit)
        kept = every(self.filters, unit.left[left], unit.right[right])
        return left[kept], right[kept]


def reached(one: Reachable, alike: Sequence[Bools]) -> Bools:
    """Whether a pair can reach a weight, given by field whether its values do not differ.

    Parameters
    ----------
    one : Reachable
        The weights.
    alike : sequence of bool array
        In the order of its fields, of one shape.

    Returns
    -------
    bool array
        Of that shape.

    Examples
    --------
    >>> from tallystick.blocking.filters import reachable
    >>> one = reachable(4.0, {"a": 3.0, "b": 2.0}, {"a": -1.0, "b": -1.0}, others=0.5)
    >>> reached(one, [np.array([True, True, False]), np.array([True, False, True])]).tolist()
    [True, False, False]
    """
    total = np.full(np.shape(alike[0]), one.others)
    for own, field in zip(alike, one.fields, strict=True):
        total += np.where(own, one.agreement[field], one.disagreement[field])
    # What is reached exactly, as the user has added it up, may differ here in the last digits.
    return np.asarray(total >= one.least - 1e-9 * max(1.0, abs(one.least)), np.bool_)


def every(asked: Sequence[Asked], left: Rows, right: Rows) -> Bools:
    """Whether all of some things hold, each asked only of pairs for which those before it do.

    Parameters
    ----------
    asked : sequence of Asked
    left, right : int32 arrays, shape (n_pairs,)
        Global rows.

    Returns
    -------
    bool array, shape (n_pairs,)
    """
    left, right = np.asarray(left, np.int32), np.asarray(right, np.int32)
    kept = np.arange(len(left))
    for one in asked:
        kept = kept[one.holds(left[kept], right[kept])]
    result = np.zeros(len(left), np.bool_)
    result[kept] = True
    return result


def every_position(unit: Unit) -> Positions:
    """All pairs of a unit, as positions in its lists of rows."""
    from tallystick.blocking.kernels_pairs import enumerate_pairs

    return written(enumerate_pairs, unit, np.zeros((0, 0), np.int32), 0, np.zeros(0, np.int64))


def written(kernel: Any, unit: Unit, *arguments: Any) -> Positions:
    """What an enumerating kernel writes of a unit.

    Parameters
    ----------
    kernel : callable
        Of blocks, left rows, right rows, triangle, the arguments, and two arrays to write to.
    unit : PairBlocks or PairList
    *arguments
        Handed to the kernel.

    Returns
    -------
    left, right : int32 arrays
        Positions in the unit's lists of rows.
    """
    if isinstance(unit, PairList):
        blocks = np.repeat(np.arange(unit.n_pairs, dtype=np.int64), 4).reshape(-1, 4)
        blocks[:, 1::2] += 1
        triangle = False
    else:
        blocks, triangle = unit.blocks, unit.triangle
    out_left, out_right = np.empty(unit.n_pairs, np.int32), np.empty(unit.n_pairs, np.int32)
    n = kernel(blocks, unit.left, unit.right, triangle, *arguments, out_left, out_right)
    return out_left[:n], out_right[:n]


def _asked(kernel: Any, left: Rows, right: Rows, *arguments: Any) -> Bools:
    out = np.empty(len(left), np.bool_)
    kernel(*arguments, left, right, out)
    return out
