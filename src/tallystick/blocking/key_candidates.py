"""Keys that passes could use: products of parts of fields, with the pairs that each makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.key_pairs import pairs_by_key
from tallystick.blocking.keys import combine_codes, part_codes, transform_values
from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.blocking.plan import Kind, source_pairs
from tallystick.records.records import Records

MOST_PARTS = 3
SAMPLED_RECORDS = 100_000
"""Of more records the pairs of candidate keys are counted on so many; those of the chosen keys on all."""
BEGINNINGS = (3, 5)
MOST_TELLING_PAIRS = 1.0
"""A key of so many pairs a record gets no further part: there is nothing to save."""
MOST_PAIRS_PER_RECORD = 1_000
"""Keys of more pairs a record are no candidates."""
_MOSTLY = 0.9
_LETTERS = 0.5

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class KeyCandidates:
    """Parts of fields, and keys made of them.

    Attributes
    ----------
    parts : tuple of KeyPart
        The parts.
    keys : tuple of tuple of int
        Numbers of the parts of each key.
    n_pairs : float64 array, shape (n_keys,)
        Pairs that each key makes; from a sample where there are more than `SAMPLED_RECORDS` records.
    """

    parts: tuple[KeyPart, ...]
    keys: tuple[tuple[int, ...], ...]
    n_pairs: NDArray[np.float64]

    def key(self, number: int) -> BlockingKey:
        """One of the keys as a pass."""
        return BlockingKey(parts=tuple(self.parts[part] for part in self.keys[number]))


def useful_parts(
    records: Records, fields: Sequence[str], given: Sequence[KeyPart] = ()
) -> dict[KeyPart, Codes]:
    """Parts of fields that keys may be made of, with their codes.

    Parameters
    ----------
    records : Records
        The records.
    fields : sequence of str
        The fields.
    given : sequence of KeyPart
        Parts that are taken in any case: those that the passes have.

    Returns
    -------
    dict of KeyPart to int32 array, shape (n_records,)
        Of each field the whole value; of dates the year; of other values the first 3 and 5 characters where
        that makes fewer keys, and of words their Soundex code.
    """
    result: dict[KeyPart, Codes] = {}
    for name in fields:
        wanted = [
            KeyPart(field=name),
            *_transforms(records, name),
            *(one for one in given if one.field == name),
        ]
        for part in dict.fromkeys(wanted):
            codes = part_codes(records, part)
            others = (known for other, known in result.items() if other.field == name)
            if part in given or (codes.max(initial=0) > 1 and not any(_same(codes, one) for one in others)):
                result[part] = codes
    return result


def _same(codes: Codes, others: Codes) -> bool:
    """Whether two parts tell the same records apart."""
    n = int(codes.max(initial=0))
    if n != others.max(initial=0) or not np.array_equal(codes == 0, others == 0):
        return False
    return int(combine_codes([codes, others]).max(initial=0)) == n


def _transforms(records: Records, name: str) -> Iterator[KeyPart]:
    values = records.columns[name].values[0].drop_nulls()
    if not len(values):
        return
    year = KeyPart(field=name, transform="year")
    if transform_values(values, year).count() >= _MOSTLY * len(values):
        yield year
        return
    for n in BEGINNINGS:
        yield KeyPart(field=name, transform="first", n=n)
    digits = int(values.str.contains(r"\d").sum())
    if digits < _LETTERS * len(values):
        yield KeyPart(field=name, transform="soundex")


def candidate_keys(
    records: Records, kind: Kind, parts: Mapping[KeyPart, Codes], seed: int = 1
) -> KeyCandidates:
    """All keys of up to three parts of different fields that make neither too many pairs nor needlessly few.

    Parameters
    ----------
    records : Records
        The records.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    parts : mapping of KeyPart to int32 array
        As from `useful_parts`.
    seed : int
        Seed of the sample.

    Returns
    -------
    KeyCandidates
    """
    names = tuple(parts)
    rows = np.arange(records.n_records)
    if len(rows) > SAMPLED_RECORDS:
        rows = np.sort(np.random.default_rng((seed, 19)).choice(len(rows), SAMPLED_RECORDS, replace=False))
    codes = [parts[one][rows] for one in names]
    offsets = np.searchsorted(rows, records.offsets)
    pairs_of = source_pairs(len(records.sources), kind)
    # A pair is in the sample with about this chance.
    chance = (len(rows) / max(1, records.n_records)) ** 2
    found: list[tuple[tuple[int, ...], float]] = []

    def grow(key: tuple[int, ...], joint: Codes, at: NDArray[np.int64]) -> None:
        _, pairs = pairs_by_key(joint, np.searchsorted(at, offsets), pairs_of)
        n_pairs = float(pairs.sum()) / chance
        if 0 < n_pairs <= MOST_PAIRS_PER_RECORD * records.n_records:
            found.append((key, n_pairs))
        if len(key) == MOST_PARTS or n_pairs <= MOST_TELLING_PAIRS * records.n_records:
            return
        shared = (pairs > 0)[joint]
        joint, at = joint[shared], at[shared]
        for other in range(key[-1] + 1, len(names)):
            if all(names[other].field != names[own].field for own in key):
                grow((*key, other), combine_codes([joint, codes[other][at]]), at)

    for number, own in enumerate(codes):
        grow((number,), own, np.arange(len(rows)))
    return KeyCandidates(names, tuple(key for key, _ in found), np.array([n for _, n in found]))
