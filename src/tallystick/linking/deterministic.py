"""Deterministic linkage: records that agree on a match key are linked where nothing else agrees as well.

Keys are tried one after the other, the strictest first, and records that a key links are set aside. What a
key finds is counted from how often its codes occur, and only pairs that are links, or are shown, are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind, source_pairs
from tallystick.errors import InputError
from tallystick.linking.match_blocks import LargestBlock
from tallystick.linking.match_codes import KeyCodes, KeySet, Rows, key_codes
from tallystick.linking.match_settings import MatchKey
from tallystick.linking.matched import CONTRADICTS, LISTED, SEVERAL, SHARED, FoundByKey, Matched, put_together
from tallystick.preparation.nicknames import Names
from tallystick.records.records import Records

MOST_LINKS = 20_000_000
"""Pairs beyond which links that need not be unique are refused."""
_CHUNK = 4_000_000


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
    found: list[FoundByKey] = []
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
    return put_together(records, codes, found, may)


def _one_to_one(
    records: Records, codes: Sequence[KeyCodes], s: int, t: int, may: NDArray[np.bool_]
) -> Iterator[FoundByKey]:
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
        yield FoundByKey(
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
    block = LargestBlock()
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
) -> list[FoundByKey]:
    """Every pair that agrees on some key, with the first such key."""
    size = np.int64(records.n_records)
    known = np.zeros(0, np.int64)
    result = []
    for number, one in enumerate(codes):
        found = known[:0]
        worst, warning = 0, None
        for s, t in pairs:
            block = LargestBlock()
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
        result.append(FoundByKey(number, len(found), new // size, new % size, warning=warning))
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
