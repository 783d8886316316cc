"""What a deterministic linkage gives: links, ambiguous records and pairs, counts by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.match_codes import KeyCodes, Rows
from tallystick.records.records import Records

LISTED = 10
"""An ambiguous pair is listed where one of its records has no more candidates than these."""

SEVERAL, SHARED, CONTRADICTS = range(3)
REASONS = ("several candidates", "its candidate has others", "not among the candidates of an earlier key")


@dataclass(frozen=True)
class AmbiguousRecords:
    """Records that a key could not link though others agree with them, a row per record and key.

    Attributes
    ----------
    row : int64 array, shape (n,)
        Global row of the record.
    other : int64 array
        Number of the source in which its candidates are.
    key : int64 array
        Number of the key.
    candidates : int64 array
        How many free records agree with it.
    reason : int64 array
        Number of the reason in `REASONS`.
    """

    row: Rows
    other: Rows
    key: Rows
    candidates: Rows
    reason: Rows


@dataclass(frozen=True)
class AmbiguousPairs:
    """Pairs that agree on a key and are no links, as far as they are listed.

    A pair is listed under the first key that one of its records is ambiguous under, where that record has no
    more than `LISTED` candidates; a pair that an earlier key speaks against always.

    Attributes
    ----------
    left, right : int64 arrays, shape (n,)
        Global rows, left < right.
    key : int64 array
        Number of the key.
    candidates_left, candidates_right : int64 arrays
        How many free records agree with either record.
    contradicts : int64 array
        Number of the earlier key among whose candidates the pair is not; -1 for pairs that are ambiguous.
    """

    left: Rows
    right: Rows
    key: Rows
    candidates_left: Rows
    candidates_right: Rows
    contradicts: Rows


@dataclass(frozen=True)
class KeyCounts:
    """What one key did.

    Attributes
    ----------
    label : str
        Name of the key.
    pairs : int
        Pairs of free records that agree on it.
    links : int
        Those that are links.
    ambiguous : tuple of int
        Records of each source that it could not link though others agree with them.
    left : tuple of int
        Records of each source that have no link after it.
    """

    label: str
    pairs: int
    links: int
    ambiguous: tuple[int, ...]
    left: tuple[int, ...]


@dataclass(frozen=True)
class Matched:
    """Links of a deterministic linkage.

    Attributes
    ----------
    left, right : int64 arrays, shape (n_links,)
        Global rows, left < right, in ascending order.
    key : int64 array
        Number of the key that links each pair.
    ambiguous : AmbiguousRecords
        Records that keys could not link though others agree with them.
    pairs : AmbiguousPairs
        Pairs that agree and are no links, as far as they are listed.
    counts : tuple of KeyCounts
        One per key.
    has_key : bool array, shape (n_records,)
        Whether a record has enough values for at least one key.
    free : bool array, shape (n_records,)
        Records that might be linked and have no link.
    warnings : tuple of str
        What a person should know.
    """

    left: Rows
    right: Rows
    key: Rows
    ambiguous: AmbiguousRecords
    pairs: AmbiguousPairs
    counts: tuple[KeyCounts, ...]
    has_key: NDArray[np.bool_]
    free: NDArray[np.bool_]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FoundByKey:
    """What a key finds between two sources, or between all.

    Attributes
    ----------
    key : int
        Number of the key.
    pairs : int
        Pairs that agree on it.
    left, right : int64 arrays
        Those that are links, as global rows.
    ambiguous : tuple of int64 arrays
        ``row``, ``other``, ``candidates`` and ``reason``, as of `AmbiguousRecords`.
    listed : tuple of int64 arrays
        ``left``, ``right``, ``candidates_left``, ``candidates_right`` and ``contradicts``, as of
        `AmbiguousPairs`.
    warning : str, optional
        What a person should know.
    """

    key: int
    pairs: int
    left: Rows
    right: Rows
    ambiguous: tuple[Rows, ...] = ()
    listed: tuple[Rows, ...] = ()
    warning: str | None = None


def put_together(
    records: Records, codes: Sequence[KeyCodes], found: Sequence[FoundByKey], may: NDArray[np.bool_]
) -> Matched:
    """Put the links of all keys and pairs of sources in the order of the records, and count.

    Parameters
    ----------
    records : Records
        The records.
    codes : sequence of KeyCodes
        The keys.
    found : sequence of FoundByKey
        What they find.
    may : bool array, shape (n_records,)
        Records that may be linked.

    Returns
    -------
    Matched
    """

    def joined(parts: Sequence[NDArray[Any]]) -> Rows:
        return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)

    left, right = joined([one.left for one in found]), joined([one.right for one in found])
    key = joined([np.full(len(one.left), one.key) for one in found])
    order = np.lexsort((right, left))
    doubtful = [one for one in found if one.ambiguous]
    fields = [joined([one.ambiguous[k] for one in doubtful]) for k in range(4)]
    of_key = joined([np.full(len(one.ambiguous[0]), one.key) for one in doubtful])
    by_row = np.lexsort((of_key, fields[1], fields[0]))
    row, other, candidates, reason = (values[by_row] for values in fields)
    ambiguous = AmbiguousRecords(row, other, of_key[by_row], candidates, reason)
    lists = [joined([one.listed[k] for one in doubtful]) for k in range(5)]
    list_key = joined([np.full(len(one.listed[0]), one.key) for one in doubtful])
    by_pair = np.lexsort((list_key, lists[1], lists[0]))
    shown = [values[by_pair] for values in lists]
    listed = AmbiguousPairs(shown[0], shown[1], list_key[by_pair], *shown[2:])

    def by_source(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
        return tuple(int(chosen[own.start : own.stop].sum()) for own in map(records.rows, range(n_sources)))

    n_sources = len(records.sources)
    free, counts = may.copy(), []
    for number, one in enumerate(codes):
        own = [each for each in found if each.key == number]
        for each in own:
            free[each.left] = free[each.right] = False
        unclear = np.zeros(records.n_records, bool)
        unclear[ambiguous.row[ambiguous.key == number]] = True
        counts.append(
            KeyCounts(
                one.key.label,
                sum(each.pairs for each in own),
                sum(len(each.left) for each in own),
                by_source(unclear),
                by_source(free),
            )
        )
    has_key = np.zeros(records.n_records, bool)
    for one in codes:
        has_key |= one.has()
    return Matched(
        left[order],
        right[order],
        key[order],
        ambiguous,
        listed,
        tuple(counts),
        has_key,
        free,
        tuple(one.warning for one in found if one.warning),
    )
