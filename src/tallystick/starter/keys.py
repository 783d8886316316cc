"""Where candidate pairs come from: all pairs, or keys that together bear errors in any field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import polars as pl

from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.comparisons.overlaps import BigramDice
from tallystick.estimation.factors import MAX_KEY_PARTS
from tallystick.preparation.normalise import FieldSettings, normalise_column
from tallystick.preparation.roles import words
from tallystick.starter.choose import Choice
from tallystick.starter.guess import Guess

ALL_PAIRS = 700_000_000
"""Up to so many pairs are all compared, which takes seconds and loses none."""

MOST_PAIRS = 50_000_000
"""No key may make more pairs."""

PAIRS_PER_RECORD = 50
"""The coarsest form of a key that makes no more is taken: the coarser, the more errors it bears."""

UNITS = 4
"""Every two of four fields make a key: six keys, so that only errors in three of the four lose a pair."""

_BEGINNING = 5
_COARSE = 3
_LEAST_TELLING = math.log(20)

_PLACES = frozenset(
    ("address", "addr", "birthplace", "city", "county", "district", "house", "municipality", "parish",
     "place", "post", "postal", "postcode", "region", "residence", "road", "state", "street", "suburb",
     "town", "village", "zip", "zipcode")
)  # fmt: skip
"""Words in names of columns that hold places."""

_Parts = tuple[KeyPart, ...]


@dataclass(frozen=True)
class Unit:
    """What keys are made of: a field, or the beginning or the end of a full name.

    Attributes
    ----------
    aspect : {"name", "date", "place", "other"}
        What of a person it tells.
    forms : tuple of tuples of KeyPart
        The coarsest first.
    score : float
        How much its key tells: log of one over the chance that two records agree, times the share present.
    """

    aspect: str
    forms: tuple[_Parts, ...]
    score: float


@dataclass(frozen=True)
class Pass:
    """A blocking key, and about how many pairs agree on it."""

    key: BlockingKey
    n_pairs: int


def blocking_passes(choices: Sequence[Choice], found: Guess) -> list[Pass]:
    """Blocking keys of two fields each, or more where two make too many pairs.

    Parameters
    ----------
    choices : sequence of Choice
        What is compared.
    found : Guess

    Returns
    -------
    list of Pass
        Empty where no two keys of few enough pairs rely on different fields.
    """
    counter = _Counter(choices, found)
    units = _different(sorted(_units(choices, counter), key=lambda unit: -unit.score))
    passes: list[Pass] = []
    used: set[KeyPart] = set()
    for chosen in _sets(units):
        made = _best(chosen, units, counter)
        if made is not None and len(used | set(made.key.parts)) <= MAX_KEY_PARTS:
            passes.append(made)
            used |= set(made.key.parts)
    fields = [set(one.key.fields) for one in passes]
    # One field in all keys: an error there would lose a pair, and the field's m could not be estimated.
    return passes if len(passes) > 1 and not set.intersection(*fields) else []


def _different(units: Sequence[Unit]) -> list[Unit]:
    """Units in the order in which they are taken: two names, a date and a place, before more of a kind.

    Two fields of a place agree among neighbours, so a key of them finds households and towns, not persons.
    """
    rank: dict[int, int] = {}
    for number, unit in enumerate(units):
        before = sum(other.aspect == unit.aspect for other in units[:number])
        rank[id(unit)] = before // 2 if unit.aspect == "name" else before
    return sorted(units, key=lambda unit: rank[id(unit)])


def _aspect(choice: Choice) -> str:
    if choice.field.kind in ("date", "date part"):
        return "date"
    called = {word for name in choice.field.names for word in words(name)}
    if called & _PLACES:
        return "place"
    if choice.field.kind in ("name", "text") and any("name" in word for word in called):
        return "name"
    return "other"


def _sets(units: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    if len(units) == 2:
        yield from ((unit,) for unit in units)
    else:
        yield from combinations(units[:UNITS], 2)


def _best(chosen: tuple[Unit, ...], units: Sequence[Unit], counter: _Counter) -> Pass | None:
    """The coarsest key of these units that makes few pairs, or else one with one more unit, if any."""
    target = min(MOST_PAIRS, PAIRS_PER_RECORD * counter.n_records)
    for more in ((), *((unit,) for unit in units if unit not in chosen)):
        keys = [
            BlockingKey(parts=tuple(part for parts in forms for part in parts))
            for forms in product(*(unit.forms for unit in (*chosen, *more)))
        ]
        passes = [Pass(key, counter.pairs(key.parts)) for key in keys]
        if few := [one for one in passes if one.n_pairs <= target]:
            return max(few, key=lambda one: one.n_pairs)
        if able := [one for one in passes if one.n_pairs <= MOST_PAIRS]:
            return min(able, key=lambda one: one.n_pairs)
    return None


def _units(choices: Sequence[Choice], counter: _Counter) -> list[Unit]:
    result = []
    dates = [choice for choice in choices if choice.field.kind == "date part"]
    for choice in choices:
        if choice.field.kind == "date part":
            if choice is not dates[0]:
                continue
            names: tuple[str, ...] = tuple(one.field.names[0] for one in dates[:3])
        else:
            names = choice.field.names
        for forms in _forms(choice, names, counter):
            present = counter.present(forms[-1])
            if present == 0:
                continue
            # The chance that two records agree that both have a value, and no less than one pair.
            agree = max(counter.pairs(forms[-1]), 1) / max(counter.n_pairs * present**2, 1)
            # Past one pair a record more distinct values gain nothing; what is missing finds nothing.
            telling = min(-math.log(agree), math.log(max(counter.n_records, 2)))
            if telling >= _LEAST_TELLING:
                result.append(Unit(_aspect(choice), forms, telling * present))
    return result


def _forms(choice: Choice, names: tuple[str, ...], counter: _Counter) -> list[tuple[_Parts, ...]]:
    """Forms of the units that a field makes."""
    name, kind = names[0], choice.field.kind
    whole = (KeyPart(field=name),)
    if len(names) == 3:
        year, month, day = (KeyPart(field=part) for part in names)
        return [((year,), (year, month), (year, month, day))]
    if kind in ("category", "year"):
        return []
    if kind == "date":
        year_part = counter.year(name)
        return [((year_part,), whole)] if year_part else [(whole,)]
    if isinstance(choice.comparator, BigramDice):
        return [
            tuple((KeyPart(field=name, transform="first", n=n),) for n in (_COARSE, _BEGINNING)),
            tuple((KeyPart(field=name, transform="last", n=n),) for n in (_COARSE, _BEGINNING)),
        ]
    if kind == "name":
        return [((KeyPart(field=name, transform="soundex"),), whole)]
    if kind == "text":
        return [((KeyPart(field=name, transform="first", n=_BEGINNING),), whole)]
    if kind == "code" and choice.field.mean_length >= 2 * _COARSE - 1:
        # The beginning of a postcode and of most other codes is a wider place or kind.
        half = math.ceil(choice.field.mean_length / 2)
        return [((KeyPart(field=name, transform="first", n=half),), whole)]
    return [(whole,)]


class _Counter:
    """Counts pairs that agree on a key, in the samples, and makes the numbers those of all records."""

    def __init__(self, choices: Sequence[Choice], found: Guess) -> None:
        self.n_pairs = found.n_pairs
        self.n_records = sum(found.n_records)
        self._scales = [n / frame.height for n, frame in zip(found.n_records, found.frames, strict=True)]
        formats = {choice.field.names[0]: choice.format for choice in choices if choice.format}
        self._frames = [
            frame.with_columns(
                normalise_column(frame[name], FieldSettings(type="date", format=form))[0]
                for name, form in formats.items()
            )
            for frame in found.frames
        ]
        self._columns: dict[KeyPart, list[pl.Series]] = {}

    def _column(self, part: KeyPart) -> list[pl.Series]:
        if part not in self._columns:
            columns = []
            for frame in self._frames:
                values = frame[part.field]
                distinct = values.unique().drop_nulls()
                keys = transform_values(distinct, part)
                columns.append(values.replace_strict(distinct, keys, default=None, return_dtype=pl.String))
            self._columns[part] = columns
        return self._columns[part]

    def year(self, field: str) -> KeyPart | None:
        """The part of a date that is its year, where four digits stand first or last."""
        values = pl.concat([frame[field] for frame in self._frames]).drop_nulls()
        for part, pattern in (
            (KeyPart(field=field, transform="year"), r"^\d{4}-"),
            (KeyPart(field=field, transform="first", n=4), r"^\d{4}"),
            (KeyPart(field=field, transform="last", n=4), r"\D\d{4}$"),
        ):
            if int(values.str.contains(pattern).sum()) >= 0.9 * len(values):
                return part
        return None

    def _keys(self, parts: _Parts) -> list[pl.DataFrame]:
        """How often each key occurs, by source."""
        columns = [self._column(part) for part in parts]
        return [
            pl.DataFrame([column[n].alias(str(k)) for k, column in enumerate(columns)])
            .drop_nulls()
            .group_by(pl.all())
            .len("n")
            for n in range(len(self._frames))
        ]

    def present(self, parts: _Parts) -> float:
        """Share of records that have the key, of the source with fewest."""
        return min(
            int(keys["n"].sum()) / frame.height
            for keys, frame in zip(self._keys(parts), self._frames, strict=True)
        )

    def pairs(self, parts: _Parts) -> int:
        """About how many pairs of records agree on a key."""
        keys = [one.with_columns(pl.col("n").cast(pl.Float64)) for one in self._keys(parts)]
        if len(keys) == 1:
            n = keys[0]["n"]
            return round(float((n * (n - 1)).sum()) / 2 * self._scales[0] ** 2)
        by = [str(k) for k in range(len(parts))]
        total = 0.0
        for (one, scale), (other, other_scale) in combinations(zip(keys, self._scales, strict=True), 2):
            both = one.join(other, on=by)
            total += float((both["n"] * both["n_right"]).sum()) * scale * other_scale
        return round(total)
