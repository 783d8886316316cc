"""Records as integer codes: what every later stage works on.

A field's values are coded once over all sources together, so that equal codes are equal values.
Code 0 is a missing value. Rows are numbered globally: the rows of the first source come first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError

MISSING = 0
"""The code of a missing value, in every column."""


@dataclass(frozen=True)
class Column:
    """One field of all records, or several fields taken together.

    Attributes
    ----------
    codes : int32 array, shape (n_records,)
        Index into `values`; 0 is missing.
    values : tuple of polars.Series
        One series per field, each of shape (n_values + 1,), dtype String. Row 0 is null. The
        rows are distinct (as tuples, where there are several fields).
    """

    codes: NDArray[np.int32]
    values: tuple[pl.Series, ...]

    @property
    def n_values(self) -> int:
        """Number of distinct values, the missing one not counted."""
        return len(self.values[0]) - 1


@dataclass(frozen=True)
class Records:
    """The records of one or more sources, field by field.

    Attributes
    ----------
    sources : tuple of str
        Names of the sources.
    offsets : int64 array, shape (n_sources + 1,)
        Source k holds the global rows ``offsets[k]`` to ``offsets[k + 1] - 1``.
    ids : polars.Series
        Record ids, dtype String, shape (n_records,); unique within a source.
    columns : mapping of str to Column
        One column per field.
    duplicate_free : frozenset of int
        Numbers of the sources that are declared to hold every entity once.
    """

    sources: tuple[str, ...]
    offsets: NDArray[np.int64]
    ids: pl.Series
    columns: Mapping[str, Column]
    duplicate_free: frozenset[int] = frozenset()

    def declared(self, left: int, right: int) -> tuple[bool, bool]:
        """Whether either of two sources is declared to hold every entity once; within one source neither.

        Parameters
        ----------
        left, right : int
            Numbers of the sources.

        Returns
        -------
        tuple of bool
        """
        if left == right:
            return False, False
        return left in self.duplicate_free, right in self.duplicate_free

    @property
    def n_records(self) -> int:
        """Number of records over all sources."""
        return int(self.offsets[-1])

    def rows(self, source: int) -> range:
        """Global row numbers of one source."""
        return range(int(self.offsets[source]), int(self.offsets[source + 1]))

    def row_of(self, source: int, id: str) -> int | None:
        """Global row of a record.

        Parameters
        ----------
        source : int
            Number of its source.
        id : str
            Its id.

        Returns
        -------
        int or None
            None where there is no such record.
        """
        own = self.rows(source)
        # Comparing texts with one text takes a millisecond a million; nothing has to be held for it.
        found = (self.ids.slice(own.start, len(own)) == id).arg_true()
        return own.start + int(found[0]) if len(found) else None

    def chosen(self, rows: NDArray[np.integer[Any]]) -> Records:
        """Some of the records, of the same sources and coded alike.

        Parameters
        ----------
        rows : integer array, shape (n,)
            Their global rows, ascending.

        Returns
        -------
        Records
            Rows are numbered anew; distinct values stay, even those that no record has any more.
        """
        columns = {name: Column(one.codes[rows], one.values) for name, one in self.columns.items()}
        offsets = np.searchsorted(rows, self.offsets).astype(np.int64)
        return Records(self.sources, offsets, self.ids.gather(rows), columns, self.duplicate_free)

    def column(self, fields: tuple[str, ...]) -> Column:
        """One field's column, or several fields combined into one.

        A combined value is missing only where all of its fields are.

        Parameters
        ----------
        fields : tuple of str
            Names of one or more fields.

        Returns
        -------
        Column
        """
        if len(fields) == 1:
            return self.columns[fields[0]]
        parts = [self.columns[field] for field in fields]
        joint = np.zeros(self.n_records, np.int64)
        for part in parts:
            size = len(part.values[0])
            _, joint = np.unique(joint, return_inverse=True)
            joint = joint * size + part.codes
        # `joint` orders tuples lexicographically; the all-missing tuple, where present, is 0.
        distinct, first, codes = np.unique(joint, return_index=True, return_inverse=True)
        missing = np.ones(len(distinct), bool)
        for part in parts:
            missing &= part.codes[first] == MISSING
        renumbered = np.where(missing, 0, np.cumsum(~missing)).astype(np.int32)
        kept = first[~missing]
        values = tuple(
            pl.concat(
                [
                    pl.Series(part.values[0].name, [None], dtype=pl.String),
                    part.values[0].gather(part.codes[kept]),
                ]
            )
            for part in parts
        )
        return Column(renumbered[codes], values)


def records_of(
    names: Sequence[str],
    ids: pl.Series,
    lengths: Sequence[int],
    columns: Mapping[str, Column],
    duplicate_free: Collection[int] = (),
) -> Records:
    """Put the columns of all sources together.

    Parameters
    ----------
    names : sequence of str
        Names of the sources.
    ids : polars.Series
        Ids of all records, those of the first source first.
    lengths : sequence of int
        Numbers of records of the sources.
    columns : mapping of str to Column
        One column per field.
    duplicate_free : collection of int
        Numbers of the sources that are declared to hold every entity once.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        Where two sources share a name.
    """
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two sources are named {name!r}: give every source its own name.")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Records(tuple(names), offsets, ids, columns, frozenset(duplicate_free))
