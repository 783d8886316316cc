"""Match keys as integer codes, and which records agree on them, counted without going through pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.keys import part_codes, transform_values
from tallystick.errors import InputError
from tallystick.linking.match_settings import MatchKey
from tallystick.preparation.nicknames import Names, Versions, versions_of
from tallystick.records.encode import encode_values
from tallystick.records.records import Records

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class KeyCodes:
    """A match key with the codes of its parts for all records.

    Attributes
    ----------
    key : MatchKey
        The key.
    parts : tuple of int32 array
        Codes of each part, shape (n_records,); 0 is missing. One alone where parts are put together.
    versions : tuple of Versions or None
        For each part that compares versions of names, which of its codes agree.
    least : int
        How many of `parts` must agree.
    """

    key: MatchKey
    parts: tuple[NDArray[np.int32], ...]
    versions: tuple[Versions | None, ...]
    least: int

    def has(self) -> NDArray[np.bool_]:
        """Whether each record has enough parts to agree with anything."""
        there = np.zeros(len(self.parts[0]), np.int64)
        for codes in self.parts:
            there += codes > 0
        return np.asarray(there >= self.least)

    def agree(self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Whether pairs of global rows agree on the key, shape (n_pairs,)."""
        n = np.zeros(len(left), np.int64)
        for codes, versions in zip(self.parts, self.versions, strict=True):
            a, b = codes[left], codes[right]
            same = a == b if versions is None else versions.agree(a, b)
            n += same & (a > 0) & (b > 0)
        return np.asarray(n >= self.least)

    def sets(self, rows: Rows, largest: bool = True) -> Iterator[KeySet]:
        """Sets of parts on which records may agree, with the codes of some records.

        Parameters
        ----------
        rows : int64 array
            Global rows.
        largest : bool
            All sets of `least` parts or more, whose counts tell exactly how many records agree on at least so
            many; otherwise those of just `least` parts, which every pair that agrees has.

        Yields
        ------
        KeySet
        """
        everyone = np.arange(len(rows))
        nothing = np.zeros(len(rows), np.int64)
        whole = _Begun((), nothing, everyone, nothing, True)
        yield from self._extended(whole, 0, rows, largest)

    def _extended(self, begun: _Begun, first: int, rows: Rows, largest: bool) -> Iterator[KeySet]:
        size = len(begun.parts)
        if size >= self.least:
            # Inclusion and exclusion for "at least k of n": of the pairs that agree on j parts, each set of
            # m >= k parts counts comb(j, m) of them, and these weights leave 1 for j >= k, 0 for less.
            weight = (-1) ** (size - self.least) * comb(size - 1, self.least - 1)
            yield KeySet(begun.parts, begun.answers, begun.asking, begun.asked, begun.plain, weight)
            if not largest:
                return
        for number in range(first, len(self.parts)):
            if size + len(self.parts) - number >= self.least:
                wider = begun.with_part(number, self.parts[number][rows], self.versions[number])
                yield from self._extended(wider, number + 1, rows, largest)


@dataclass(frozen=True)
class _Begun:
    """A set of parts to which others are added."""

    parts: tuple[int, ...]
    answers: Rows
    asking: Rows
    asked: Rows
    plain: bool

    def with_part(self, number: int, codes: NDArray[np.int32], versions: Versions | None) -> _Begun:
        """The set with one part more; codes that no record has are not numbered."""
        width = np.int64(codes.max(initial=0)) + 1
        there = np.flatnonzero((self.answers >= 0) & (codes > 0))
        known, which = np.unique(self.answers[there] * width + codes[there], return_inverse=True)
        answers = np.full(len(codes), -1, np.int64)
        answers[there] = which
        parts = (*self.parts, number)
        if self.plain and versions is None:
            return _Begun(parts, answers, there, answers[there], True)
        asking, asked, values = self.asking, self.asked, codes[self.asking]
        if versions is not None:
            position, values = versions.explode(values)
            asking, asked = asking[position], asked[position]
        # A version of theirs that none of these records has must not be taken for another code.
        wanted = np.where((values > 0) & (values < width), asked * width + values, -1)
        at = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
        found = (known[at] == wanted) if len(known) else np.zeros(len(wanted), bool)
        return _Begun(parts, answers, asking[found], at[found], False)


@dataclass(frozen=True)
class KeySet:
    """One set of parts of a key. Every pair of records that agrees on all of them is found just once.

    Attributes
    ----------
    parts : tuple of int
        Which of the parts of the key.
    answers : int64 array, shape (n,)
        Code of each record, -1 where it lacks a part.
    asking, asked : int64 arrays
        Records (by position) and the codes of those that they agree with: their own code, and those with
        other versions of their names.
    plain : bool
        Whether each record asks for its own code only.
    weight : int
        What the pairs of this set count where records that agree are counted.
    """

    parts: tuple[int, ...]
    answers: Rows
    asking: Rows
    asked: Rows
    plain: bool
    weight: int

    @property
    def n_codes(self) -> int:
        """Number of codes."""
        return int(self.answers.max(initial=-1)) + 1

    def sizes(self, who: NDArray[np.bool_]) -> Rows:
        """How many of some records have each code, shape (n_codes,)."""
        some = self.answers[who & (self.answers >= 0)]
        return np.bincount(some, minlength=self.n_codes).astype(np.int64)

    def found(self, asking: NDArray[np.bool_], answering: NDArray[np.bool_]) -> Rows:
        """How many of the answering records agree with each asking one, itself included, shape (n,)."""
        mine = asking[self.asking]
        rows, codes = self.asking[mine], self.asked[mine]
        sums = np.bincount(rows, self.sizes(answering)[codes], minlength=len(self.answers))
        return np.rint(sums).astype(np.int64)

    def pairs(
        self, asking: NDArray[np.bool_], answering: NDArray[np.bool_], most: int | None = None
    ) -> tuple[Rows, Rows]:
        """Pairs of positions that agree: asking and answering record, those of one asking record together.

        Parameters
        ----------
        asking, answering : bool arrays, shape (n,)
            Which records.
        most : int, optional
            The first so many of each asking record and code, instead of all.

        Returns
        -------
        asking, answering : int64 arrays
        """
        who = np.flatnonzero(answering & (self.answers >= 0))
        order = who[np.argsort(self.answers[who], kind="stable")]
        sizes = np.bincount(self.answers[who], minlength=self.n_codes)
        starts = np.cumsum(sizes) - sizes
        mine = asking[self.asking]
        rows, codes = self.asking[mine], self.asked[mine]
        n = sizes[codes] if most is None else np.minimum(sizes[codes], most)
        which = np.repeat(np.arange(len(rows)), n)
        inside = np.arange(len(which)) - (np.cumsum(n) - n)[which]
        return rows[which], order[starts[codes[which]] + inside]


def key_codes(records: Records, key: MatchKey, nicknames: Names | None = None) -> KeyCodes:
    """Work out the codes of a key for all records.

    Parameters
    ----------
    records : Records
        The records.
    key : MatchKey
        The key.
    nicknames : mapping of str to sequence of str, optional
        Full forms of names with their versions; by default English forenames.

    Returns
    -------
    KeyCodes

    Raises
    ------
    InputError
        Where no record of a source has the key.
    """
    title = f"Match key {key.label}: part"
    codes: list[NDArray[np.int32]]
    versions: list[Versions | None]
    if key.concatenated:
        codes, versions, least = [_together(records, key)], [None], 1
    else:
        codes, versions, least = [], [], key.least
        for part in key.parts:
            if part.transform == "nickname":
                column = records.columns[part.field]
                codes.append(column.codes)
                versions.append(versions_of(column.values[0], nicknames))
            else:
                codes.append(part_codes(records, part, title))
                versions.append(None)
    result = KeyCodes(key, tuple(codes), tuple(versions), least)
    has = result.has()
    for number, source in enumerate(records.sources):
        own = records.rows(number)
        if not has[own.start : own.stop].any():
            raise InputError(
                f"Match key {key.label}: no record of source {source!r} has it, since all lack a part: take "
                "the key out, or ask for fewer parts with at_least."
            )
    return result


def _together(records: Records, key: MatchKey) -> NDArray[np.int32]:
    """Codes of the text of all parts put together, blanks left out."""
    texts: list[pl.Series] = []
    for part in key.parts:
        column = records.columns[part.field]
        part_codes(
            records, part, f"Match key {key.label}: part"
        )  # which says where a transform gives nothing
        bare = transform_values(column.values[0], part).str.replace_all(r"\s+", "")
        texts.append(bare.replace("", None).gather(column.codes).alias(str(len(texts))))
    frame = pl.DataFrame(texts)
    there = pl.sum_horizontal(pl.all().is_not_null()) >= key.least
    text = frame.select(pl.when(there).then(pl.concat_str(pl.all().fill_null(""))).alias("text"))["text"]
    return encode_values(text)[0]


def shown_key(records: Records, key: MatchKey, parts: tuple[int, ...], row: int) -> str:
    """The values of a record on some parts of a key, for people."""
    shown = []
    for part in key.parts if key.concatenated else [key.parts[number] for number in parts]:
        column = records.columns[part.field]
        values = column.values[0].slice(int(column.codes[row]), 1)
        value = values[0] if part.transform == "nickname" else transform_values(values, part)[0]
        shown.append(f"{part.label} = {value!r}")
    return " and ".join(shown)
