"""Deterministic linkage: records that agree on a match key are linked where nothing else agrees as well.

Keys are tried one after the other, the strictest first, and records that a key links are set aside. What a
key finds is counted from how often its codes occur, and only pairs that are links, or are shown, are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.blocking.plan import Kind, source_pairs
from tallystick.errors import InputError
from tallystick.linking.match_codes import KeyCodes, KeySet, Rows, key_codes, shown_key
from tallystick.linking.match_settings import MatchKey
from tallystick.linking.nicknames import Names
from tallystick.records.records import Records

LISTED = 10
"""An ambiguous pair is listed where one of its records has no more candidates than these."""
MOST_LINKS = 20_000_000
"""Pairs beyond which links that need not be unique are refused."""
FEW = 20
"""Records that may share a key without a warning, however small the file is."""
_CHUNK = 4_000_000

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


def match(
    records: Records,
    keys: Sequence[MatchKey],
    kind: Kind = "link",
    *,
    links: Literal["one_to_one", "many_to_many"] = "one_to_one",
    free: NDArray[np.bool_] | None = None,
    nicknames: Names | None = None,
) -> Matched:
    """Link records that agree on a key, key by key.

    With ``one_to_one`` a pair is a link where each of its records is the only one that agrees with the other,
    among those of both sources that no earlier key has linked. A record that has agreed with several under an
    earlier key may be linked by a later one, but as long as any of those is free, only to one of them. With
    ``many_to_many`` every pair that agrees on some key is a link, of the first such key.

    Parameters
    ----------
    records : Records
        The records.
    keys : sequence of MatchKey
        The strictest first.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are linked. Several pairs of sources are linked each by itself.
    links : {"one_to_one", "many_to_many"}
        Which pairs are accepted; within a source only ``many_to_many``.
    free : bool array, shape (n_records,), optional
        Records that may be linked; by default all.
    nicknames : mapping of str to sequence of str, optional
        Full forms of names with their versions; by default English forenames.

    Returns
    -------
    Matched
        The same whatever the order of rows within a source.

    Raises
    ------
    InputError
        Where no record of a source has a key, one-to-one is asked for within a source, or more than
        `MOST_LINKS` pairs would be links.

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.linking.match_settings import match_key
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> def table(name, forenames, towns):
    ...     fields = {"forename": pl.Series(forenames), "town": pl.Series(towns)}
    ...     return Table(name, pl.Series([f"{name}{k}" for k in range(len(towns))]), fields, sha256="")
    >>> a = table("a", ["ann", "bob", "eve"], ["york", "hull", "bath"])
    >>> b = table("b", ["bob", "eva", "ann", "ann"], ["hull", "bath", "york", "york"])
    >>> found = match(encode([a, b]), [match_key("forename", "town"), match_key("town")])
    >>> list(zip(found.left.tolist(), found.right.tolist(), found.key.tolist()))
    [(1, 3, 0), (2, 4, 1)]
    >>> [(count.links, count.pairs, count.left) for count in found.counts]
    [(1, 3, (2, 3)), (1, 3, (1, 2))]
    """
    codes = [key_codes(records, key, nicknames) for key in keys]
    may = np.ones(records.n_records, bool) if free is None else np.asarray(free, bool)
    if may.shape != (records.n_records,):
        raise InputError(
            f"free has the shape {may.shape}, but there are {records.n_records} records: give one value each."
        )
    pairs = source_pairs(len(records.sources), kind)
    found: list[_Found] = []
    if links == "one_to_one":
        for s, t in pairs:
            if s == t:
                raise InputError(
                    "Links that are unique on both sides are links between sources without duplicates: use "
                    'links = "many_to_many" within a source.'
                )
            found += _one_to_one(records, codes, s, t, may)
    else:
        found = _many_to_many(records, codes, pairs, may)
    return _put_together(records, codes, found, may)


@dataclass(frozen=True)
class _Found:
    """What a key finds between two sources (or, with other -1, between all)."""

    key: int
    pairs: int
    left: Rows
    right: Rows
    ambiguous: tuple[Rows, ...] = ()
    listed: tuple[Rows, ...] = ()
    warning: str | None = None


def _one_to_one(
    records: Records, codes: Sequence[KeyCodes], s: int, t: int, may: NDArray[np.bool_]
) -> Iterator[_Found]:
    """Links between two sources that are unique on both sides, key by key."""
    free = may.copy()
    unclear: list[NDArray[np.bool_]] = []  # by key, the records that were ambiguous under it
    listed_before = np.zeros(records.n_records, bool)
    for number, one in enumerate(codes):
        now = _candidates(records, one, s, t, free)
        left, right = _some_pairs(one, now)
        alone = (now.degree[left] == 1) & (now.degree[right] == 1)
        rows = now.rows
        contradicts = np.full(len(left), -1, np.int64)
        at = np.flatnonzero(alone)
        contradicts[at] = _contradicted(records, codes, s, t, free, unclear, rows[left[at]], rows[right[at]])
        linked = alone & (contradicts < 0)

        is_linked = np.zeros(len(rows), bool)
        is_linked[left[linked]] = is_linked[right[linked]] = True
        denied = np.zeros(len(rows), bool)
        denied[left[alone & ~linked]] = denied[right[alone & ~linked]] = True
        ambiguous = np.flatnonzero((now.degree > 0) & ~is_linked)
        reason = np.where(
            now.degree[ambiguous] > 1, SEVERAL, np.where(denied[ambiguous], CONTRADICTS, SHARED)
        )
        unclear_now = np.zeros(records.n_records, bool)
        # A record that a key could not link for an earlier key's sake is not in doubt under this one.
        unclear_now[rows[ambiguous[reason != CONTRADICTS]]] = True
        unclear.append(unclear_now)

        few = [(now.degree[side] <= LISTED) & ~listed_before[rows[side]] for side in (left, right)]
        shown = np.flatnonzero(~linked & (few[0] | few[1] | (contradicts >= 0)))
        yield _Found(
            number,
            now.n_pairs,
            rows[left[linked]],
            rows[right[linked]],
            (
                rows[ambiguous],
                np.where(ambiguous < now.n_left, t, s),
                now.degree[ambiguous],
                reason.astype(np.int64),
            ),
            (
                rows[left[shown]],
                rows[right[shown]],
                now.degree[left[shown]],
                now.degree[right[shown]],
                contradicts[shown],
            ),
            now.warning,
        )
        listed_before |= unclear_now
        free[rows[is_linked]] = False


@dataclass(frozen=True)
class _Candidates:
    """Free records of two sources, those of the first before those of the second, and how many agree."""

    rows: Rows
    n_left: int
    degree: Rows
    n_pairs: int
    warning: str | None

    @property
    def is_left(self) -> NDArray[np.bool_]:
        return np.arange(len(self.rows)) < self.n_left


def _candidates(records: Records, one: KeyCodes, s: int, t: int, free: NDArray[np.bool_]) -> _Candidates:
    """How many free records of the other source agree with each one of two sources."""
    own = [np.arange(records.rows(k).start, records.rows(k).stop) for k in (s, t)]
    own = [rows[free[rows]] for rows in own]
    rows, n_left = np.concatenate(own), len(own[0])
    is_left = np.arange(len(rows)) < n_left
    degree = np.zeros(len(rows), np.int64)
    block = _LargestBlock()
    for part in one.sets(rows):
        degree += part.weight * (part.found(is_left, ~is_left) + part.found(~is_left, is_left))
        if len(part.parts) == one.least:
            block = block.or_of(part, [is_left, ~is_left], rows)
    warning = block.sentence(records, one, (s, t), unique=True)
    return _Candidates(rows, n_left, degree, int(degree[:n_left].sum()), warning)


def _some_pairs(one: KeyCodes, now: _Candidates) -> tuple[Rows, Rows]:
    """Pairs (by position) of which one record has at most `LISTED` candidates, each once."""
    size = np.int64(max(1, len(now.rows)))
    few, some = (now.degree > 0) & (now.degree <= LISTED), now.degree > 0
    found = np.zeros(0, np.int64)
    for part in one.sets(now.rows, largest=False):
        left, right = part.pairs(few & now.is_left, some & ~now.is_left)
        new = [left * size + right]
        # Those whose left record has more candidates, from the right one.
        right, left = part.pairs(few & ~now.is_left, some & ~few & now.is_left)
        new.append(left * size + right)
        found = np.unique(np.concatenate([found, *new]))
    return found // size, found % size


def _contradicted(
    records: Records,
    codes: Sequence[KeyCodes],
    s: int,
    t: int,
    free: NDArray[np.bool_],
    unclear: Sequence[NDArray[np.bool_]],
    left: Rows,
    right: Rows,
) -> Rows:
    """The earlier key that speaks against each pair: a record has other free candidates under it; else -1."""
    result = np.full(len(left), -1, np.int64)
    for number, was in enumerate(unclear):
        doubtful = np.flatnonzero((was[left] | was[right]) & (result < 0))
        doubtful = doubtful[~codes[number].agree(left[doubtful], right[doubtful])]
        if not len(doubtful):
            continue
        now = _candidates(records, codes[number], s, t, free)
        has = np.zeros(records.n_records, bool)
        has[now.rows] = now.degree > 0
        has &= was
        result[doubtful[has[left[doubtful]] | has[right[doubtful]]]] = number
    return result


def _many_to_many(
    records: Records, codes: Sequence[KeyCodes], pairs: Sequence[tuple[int, int]], may: NDArray[np.bool_]
) -> list[_Found]:
    """Every pair that agrees on some key, with the first such key."""
    size = np.int64(records.n_records)
    known = np.zeros(0, np.int64)
    result = []
    for number, one in enumerate(codes):
        found = known[:0]
        worst, warning = 0, None
        for s, t in pairs:
            block = _LargestBlock()
            own = [
                np.arange(records.rows(k).start, records.rows(k).stop) for k in ((s,) if s == t else (s, t))
            ]
            rows = np.concatenate(own)
            rows = rows[may[rows]]
            sides = [rows < records.offsets[s + 1], rows >= records.offsets[t]]
            for part in one.sets(rows, largest=False):
                block = block.or_of(part, sides, rows)
                n = part.found(*sides)
                # Within a source a record finds itself, and every other one finds it again.
                total = (int(n.sum()) - int((n > 0).sum())) // 2 if s == t else int(n.sum())
                if len(known) + total > MOST_LINKS:
                    sentence = block.sentence(records, one, (s, t), unique=False) or ""
                    raise InputError(
                        f"Match key {one.key.label}: more than {MOST_LINKS:,} pairs would be links: add a "
                        f"part to the key, or ask for links that are unique. {sentence}".rstrip()
                    )
                found = np.unique(np.concatenate([found, *_all_pairs(part, n, sides, rows, size)]))
            if block.n_pairs > worst:
                worst, warning = block.n_pairs, block.sentence(records, one, (s, t), unique=False)
        new = found[~np.isin(found, known, assume_unique=True)]
        known = np.union1d(known, new)
        if len(known) > MOST_LINKS:
            raise InputError(
                f"Match key {one.key.label}: more than {MOST_LINKS:,} pairs would be links: add a part to "
                "the key, or ask for links that are unique."
            )
        result.append(_Found(number, len(found), new // size, new % size, warning=warning))
    return result


def _all_pairs(
    part: KeySet, n: Rows, sides: Sequence[NDArray[np.bool_]], rows: Rows, size: np.int64
) -> Iterator[Rows]:
    """Pairs of global rows as one number, some asking records at a time."""
    chunk = np.cumsum(n) // _CHUNK
    for number in np.unique(chunk[n > 0]):
        asking, answering = part.pairs(sides[0] & (chunk == number), sides[1])
        left, right = rows[asking], rows[answering]
        yield (left * size + right)[left < right]


@dataclass(frozen=True)
class _LargestBlock:
    """The records that share most of a key: how many of either side, and one of them."""

    n_pairs: int = 0
    sizes: tuple[int, int] = (0, 0)
    parts: tuple[int, ...] = ()
    row: int = -1

    def or_of(self, part: KeySet, sides: Sequence[NDArray[np.bool_]], rows: Rows) -> _LargestBlock:
        """The larger of this block and the largest of some parts."""
        sizes = [part.sizes(side) for side in sides]
        products = sizes[0] * sizes[1]
        if not len(products) or products.max() <= self.n_pairs:
            return self
        code = int(products.argmax())
        row = int(rows[np.flatnonzero(part.answers == code)[0]])
        return _LargestBlock(int(products[code]), (int(sizes[0][code]), int(sizes[1][code])), part.parts, row)

    def sentence(self, records: Records, one: KeyCodes, sources: tuple[int, int], unique: bool) -> str | None:
        """What is to be said of it; None where it is small."""
        names = [records.sources[k] for k in sources]
        of = [len(records.rows(k)) for k in sources]
        half = any(n > FEW and 2 * n >= every for n, every in zip(self.sizes, of, strict=True))
        if not half and self.n_pairs <= LARGE_BLOCK:
            return None
        told = [
            f"{n:,} of {every:,} records of {name}"
            for n, every, name in zip(self.sizes, of, names, strict=True)
        ]
        who = told[0] if sources[0] == sources[1] else " and ".join(told)
        value = shown_key(records, one.key, self.parts, self.row)
        n = self.n_pairs if sources[0] != sources[1] else self.sizes[0] * (self.sizes[0] - 1) // 2
        so = "none of them can be unique" if unique else "all of them are links"
        return (
            f"Match key {one.key.label}: {who} share {value}, which makes {n:,} pairs, and {so}: add a part "
            "to the key, or empty the value in the source where it stands for unknown."
        )


def _put_together(
    records: Records, codes: Sequence[KeyCodes], found: Sequence[_Found], may: NDArray[np.bool_]
) -> Matched:
    """The links of all keys and pairs of sources in the order of the records, and the counts."""

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
