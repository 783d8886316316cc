"""Equal records of a source that is declared to be without duplicates (`Source.duplicate_free`)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError, TallystickWarning
from tallystick.records.records import MISSING, Records

MOST = 0.05
"""Share of the records that may be equal to others, beyond what chance explains, before a run is refused."""
SHOWN = 10
"""Groups of equal records of which two ids are named."""


@dataclass(frozen=True)
class Duplicates:
    """Records of one source that are equal to another one of it in every field that a linkage uses.

    Attributes
    ----------
    source : str
        Name of the source.
    n_records : int
        Number of its records.
    rows : int64 array, shape (n,)
        Global rows of the equal records, those that are equal together.
    group : int64 array, shape (n,)
        Which of them are equal to each other, numbered from 0 in the order of their first records.
    by_chance : float
        Number of records that would be equal to another by chance, were the fields independent.
    """

    source: str
    n_records: int
    rows: NDArray[np.int64]
    group: NDArray[np.int64]
    by_chance: float


def equal_records(records: Records, source: int, fields: Sequence[str]) -> Duplicates:
    """Find the records of a source that are equal to another one of it.

    Two records are equal where all fields are, a missing value being equal to a missing one; records that
    have no value at all are equal to none. Of what is expected by chance: a record with values v has the
    probability p = product of f(v) that another record has its values too, f the share of the other records
    that has the value, and 1 - (1 - p)^(n - 1) that any of the others has.

    Parameters
    ----------
    records : Records
        The records.
    source : int
        Which source.
    fields : sequence of str
        Names of the fields that are looked at.

    Returns
    -------
    Duplicates

    Examples
    --------
    >>> from tallystick.records.records import Column, records_of
    >>> values = pl.Series(["", "ann", "bob"])
    >>> name = Column(np.array([1, 2, 1, 0, 0], np.int32), (values,))
    >>> records = records_of(("a",), pl.Series(["1", "2", "3", "4", "5"]), [5], {"name": name})
    >>> equal_records(records, 0, ["name"]).rows.tolist()
    [0, 2]
    """
    own = records.rows(source)
    n = len(own)
    together = np.zeros(n, np.int64)
    blank = np.ones(n, bool)
    chance = np.ones(n)
    for field in fields:
        codes = records.columns[field].codes[own.start : own.stop].astype(np.int64)
        blank &= codes == MISSING
        times = np.bincount(codes)
        chance *= (times[codes] - 1) / max(1, n - 1)
        _, together = np.unique(together * len(times) + codes, return_inverse=True)
    times = np.bincount(together, minlength=1)
    at = np.flatnonzero((times[together] > 1) & ~blank) if n else np.zeros(0, np.int64)
    _, first, number = np.unique(together[at], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[number]
    order = np.argsort(group, kind="stable")
    with np.errstate(divide="ignore"):
        expected = -np.expm1((n - 1) * np.log1p(-chance[~blank]))
    return Duplicates(
        records.sources[source],
        n,
        own.start + at[order],
        group[order],
        float(expected.sum()) if fields else 0.0,
    )


def duplicates_of(records: Records, fields: Sequence[str]) -> tuple[Duplicates, ...]:
    """The equal records of every source that is declared to be without duplicates.

    Parameters
    ----------
    records : Records
        The records.
    fields : sequence of str
        The fields that the linkage uses.

    Returns
    -------
    tuple of Duplicates
    """
    return tuple(equal_records(records, source, fields) for source in sorted(records.duplicate_free))


def duplicate_warning(found: Duplicates, records: Records, fields: Sequence[str]) -> str | None:
    """What to say of the equal records of a source that is declared to be without duplicates.

    Parameters
    ----------
    found : Duplicates
        Its equal records.
    records : Records
        The records.
    fields : sequence of str
        The fields that the linkage uses.

    Returns
    -------
    str or None
        None where there are none.

    Raises
    ------
    InputError
        Where they are more than `MOST` of the records besides those that chance explains.
    """
    n = len(found.rows)
    if not n:
        return None
    share = n / found.n_records
    said = (
        f"Source {found.source!r} is declared duplicate_free, but {n:,} of its {found.n_records:,} records "
        f"({share:.2%}) are equal to another one in every field that the linkage uses ({', '.join(fields)}); "
        f"about {found.by_chance:,.0f} would be by chance, were the fields independent. "
        f"{_named_pairs(found, records)}"
    )
    if n - found.by_chance > MOST * found.n_records:
        raise InputError(
            f"{said}: take the declaration out, deduplicate the source first, or add fields that tell "
            "records apart."
        )
    return (
        f"{said}. Records that are one entity should be one record; those that only look alike compete for "
        "the same links."
    )


def _named_pairs(found: Duplicates, records: Records) -> str:
    """Two ids of each of the first groups of equal records."""
    _, first = np.unique(found.group, return_index=True)
    pairs = [
        " = ".join(repr(records.ids[int(row)]) for row in found.rows[at : at + 2]) for at in first[:SHOWN]
    ]
    groups = f"{len(first):,} group{'s' * (len(first) != 1)} of equal records"
    if len(first) > SHOWN:
        return f"The first {SHOWN} of {groups}: {', '.join(pairs)}, ..."
    return f"{groups}: {', '.join(pairs)}"


def checked_duplicates(records: Records, fields: Sequence[str]) -> tuple[Duplicates, ...]:
    """The equal records of every source that is declared to be without duplicates, and a warning of them.

    Parameters
    ----------
    records : Records
        The records.
    fields : sequence of str
        The fields that the linkage uses.

    Returns
    -------
    tuple of Duplicates

    Raises
    ------
    InputError
        Where a source has more than `MOST` besides those that chance explains.

    Warns
    -----
    TallystickWarning
        Where a source has any.
    """
    duplicates = duplicates_of(records, fields)
    for one in duplicates:
        if text := duplicate_warning(one, records, fields):
            warnings.warn(text, TallystickWarning, stacklevel=3)
    return duplicates


def duplicates_table(found: Sequence[Duplicates], records: Records) -> pl.DataFrame:
    """The equal records: ``source``, ``group`` (those that are equal to each other) and ``id``.

    Parameters
    ----------
    found : sequence of Duplicates
        Of the sources that are declared to be without duplicates.
    records : Records
        The records.

    Returns
    -------
    polars.DataFrame
    """
    schema = {"source": pl.String, "group": pl.Int64, "id": pl.String}
    parts = [
        pl.DataFrame(
            {"source": [one.source] * len(one.rows), "group": one.group, "id": records.ids.gather(one.rows)},
            schema=schema,
        )
        for one in found
    ]
    return pl.concat([pl.DataFrame(schema=schema), *parts])
