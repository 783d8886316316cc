"""Households as records of their own: who lives together, and what most of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.records.records import MISSING, Column, Records

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]


@dataclass(frozen=True)
class HouseholdRecords:
    """The households of all sources.

    Attributes
    ----------
    records : Records
        A record for each household, those of the first source first. The value of a field is the most
        frequent one among the members that have one; of equally frequent ones the first in the order of
        text, so that both sources decide a draw alike.
    of : int32 array, shape (n_records,)
        The household of each record as a row of `records`; -1 for a record in none.
    members : int32 array, shape (n_members,)
        Global rows, household by household, ascending within each.
    starts : int64 array, shape (n_households + 1,)
        Household h has ``members[starts[h]:starts[h + 1]]``.
    without : tuple of int
        For each source the records that have no household because a value is missing.
    crowded : tuple of int
        For each source the records that share it with too many others.
    largest : tuple of int
        For each source how many records share the most frequent household, crowded ones included.
    """

    records: Records
    of: Rows
    members: Rows
    starts: Ints
    without: tuple[int, ...]
    crowded: tuple[int, ...]
    largest: tuple[int, ...]

    @property
    def sizes(self) -> Ints:
        """Members of each household, shape (n_households,)."""
        return np.diff(self.starts)


def household_records(
    records: Records, by: Sequence[str], fields: Sequence[str], largest: int
) -> HouseholdRecords:
    """Put the records of each source together that are equal in some fields.

    Parameters
    ----------
    records : Records
        Records of persons.
    by : sequence of str
        The fields; a record that lacks one of them is in no household.
    fields : sequence of str
        Fields that the households shall have.
    largest : int
        More records than this that are equal make no household.

    Returns
    -------
    HouseholdRecords

    Examples
    --------
    >>> from tallystick.records.encode import encode_values
    >>> from tallystick.records.records import records_of
    >>> texts = {"home": ["a", "b", "a", None, "a"], "name": ["Li", "Ek", "Bo", "Li", "Li"]}
    >>> made = {name: encode_values(pl.Series(name, values)) for name, values in texts.items()}
    >>> columns = {name: Column(codes, (values,)) for name, (codes, values) in made.items()}
    >>> people = records_of(["one"], pl.Series("id", list("12345")), [5], columns)
    >>> found = household_records(people, ["home"], ["name"], 20)
    >>> found.of.tolist(), found.sizes.tolist(), found.without
    ([0, 1, 0, -1, 0], [3, 1], (1,))
    >>> [found.records.columns["name"].values[0][int(code)] for code in found.records.columns["name"].codes]
    ['Li', 'Ek']
    """
    n, n_sources = records.n_records, len(records.sources)
    source = np.searchsorted(records.offsets, np.arange(n), side="right") - 1
    home, complete = np.zeros(n, np.int64), np.ones(n, bool)
    for field in by:
        own = records.columns[field]
        complete &= own.codes != MISSING
        # Numbered anew each time, so that the product stays far below the largest whole number.
        home = np.unique(home * len(own.values[0]) + own.codes, return_inverse=True)[1].astype(np.int64)
    key = source * (home.max(initial=0) + 1) + home
    keys, inverse, count = np.unique(key[complete], return_inverse=True, return_counts=True)
    whole = np.flatnonzero(complete)
    household_source = keys // (home.max(initial=0) + 1)
    kept = count <= largest
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    of = np.full(n, -1, np.int32)
    of[whole] = number[inverse]
    crowd = np.bincount(source[whole][~kept[inverse]], minlength=n_sources)
    most = [int(count[household_source == s].max(initial=0)) for s in range(n_sources)]
    inside = np.flatnonzero(of >= 0)
    members = inside[np.argsort(of[inside], kind="stable")].astype(np.int32)
    sizes = np.bincount(of[inside], minlength=int(kept.sum()))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    first = members[starts[:-1]]
    columns = {
        field: Column(
            _most_frequent(records.columns[field].codes, of, len(sizes)), records.columns[field].values
        )
        for field in dict.fromkeys(fields)
    }
    texts = pl.DataFrame(
        {
            str(k): records.columns[field].values[0].gather(records.columns[field].codes[first])
            for k, field in enumerate(by)
        }
    )
    ids = texts.select(pl.concat_str(pl.all(), separator=", ").alias("id"))["id"]
    offsets = np.searchsorted(household_source[kept], np.arange(n_sources + 1)).astype(np.int64)
    return HouseholdRecords(
        Records(records.sources, offsets, ids, columns),
        of,
        members,
        starts,
        tuple(np.bincount(source[~complete], minlength=n_sources).tolist()),
        tuple(crowd.tolist()),
        tuple(most),
    )


def _most_frequent(codes: Rows, of: Rows, n_households: int) -> Rows:
    """The most frequent code of the members of each household, the lowest of several; 0 where none has."""
    known = np.flatnonzero((of >= 0) & (codes != MISSING))
    size = int(codes.max(initial=0)) + 1
    both, count = np.unique(of[known].astype(np.int64) * size + codes[known], return_counts=True)
    household, code = both // size, both % size
    order = np.lexsort((code, -count, household))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(household[order]) != 0
    result = np.zeros(n_households, np.int32)
    result[household[order][first]] = code[order][first]
    return result
