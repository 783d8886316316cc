"""Small seeded files of invented persons with typing errors, and short cuts to encode them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from naive_pairs import Record

from tallystick.records.encode import encode
from tallystick.records.records import Records

FIELDS = ("forename", "surname", "dob", "postcode", "sex", "phone")
_STARTS = (
    "an",
    "be",
    "cla",
    "da",
    "el",
    "fre",
    "gi",
    "he",
    "jo",
    "ka",
    "lu",
    "ma",
    "no",
    "pe",
    "ro",
    "su",
    "ti",
)
_MIDDLES = ("ri", "lo", "na", "ber", "to", "mi", "de", "sa", "vin", "ka")
_ENDS = ("a", "e", "o", "us", "in", "ert", "ette", "son", "man", "sen")


@dataclass(frozen=True)
class Standardised:
    """The least that `encode` asks of a table."""

    name: str
    ids: pl.Series
    fields: Mapping[str, pl.Series]


def encoded(records: Sequence[Record], sizes: Sequence[int]) -> Records:
    """Records of several sources, whose rows stand one after the other."""
    tables, start = [], 0
    for number, size in enumerate(sizes):
        rows = records[start : start + size]
        fields = {name: pl.Series(name, [row[name] for row in rows], dtype=pl.String) for name in records[0]}
        ids = pl.Series("id", [str(k) for k in range(size)], dtype=pl.String)
        tables.append(Standardised(f"source{number}", ids, fields))
        start += size
    return encode(tables)


def _name(draw: random.Random) -> str:
    return draw.choice(_STARTS) + draw.choice(_MIDDLES) * draw.randint(0, 1) + draw.choice(_ENDS)


def person(draw: random.Random) -> dict[str, str | None]:
    """One invented person."""
    return {
        "forename": _name(draw),
        "surname": _name(draw) + draw.choice(("", "", "dahl", "berg")),
        "dob": f"{draw.randint(1930, 2005)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
        "postcode": str(draw.randint(1000, 1080)),
        "sex": draw.choice("fm"),
        "phone": str(draw.randint(10**6, 10**7 - 1)),
    }


def misspelt(record: Record, draw: random.Random, errors: float) -> dict[str, str | None]:
    """A copy in which each value may be missing or have one character changed."""
    result = dict(record)
    for field, value in record.items():
        if draw.random() < errors / 3:
            result[field] = None
        elif value is not None and draw.random() < errors:
            at = draw.randrange(len(value))
            other = draw.choice("0123456789" if value[at].isdigit() else "abcdefghijklmnopqrstuvwxyz")
            result[field] = value[:at] + other + value[at + 1 :]
    if draw.random() < errors:
        result["forename"], result["surname"] = result["surname"], result["forename"]
    return result


def files(sizes: Sequence[int], shared: int, seed: int = 1, errors: float = 0.12) -> list[pl.DataFrame]:
    """Files in which the first `shared` rows of each are the same persons, the others strangers.

    The column ``id`` is a number with the file's letter before it; rows are shuffled.
    """
    draw = random.Random(seed)
    common = [person(draw) for _ in range(shared)]
    result = []
    for number, size in enumerate(sizes):
        rows = [misspelt(one, draw, errors) for one in common]
        rows += [person(draw) for _ in range(size - shared)]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(FIELDS, pl.String))
        ids = [f"{'abcdef'[number]}{k:04}" for k in range(size)]
        result.append(shuffled(frame.insert_column(0, pl.Series("id", ids)), seed + number))
    return result


def shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same rows in another order."""
    return frame[np.random.default_rng(seed).permutation(len(frame))]
