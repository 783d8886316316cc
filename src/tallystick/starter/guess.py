"""What sources seem to hold: record ids, fields that they share, and passes that would do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.blocking.passes import AllPairs, BlockingKey, KeyPart
from tallystick.preparation.detect import ColumnDescription, describe
from tallystick.preparation.source import Source

MOSTLY_MISSING = 0.5
"""Share of missing values from which on a field is not compared."""

CANDIDATES_PER_RECORD = 100
"""A pass should find no more candidates for a record than about this."""

MOST_PASSES = 3

_Part = tuple[tuple[KeyPart, ...], int]
"""Parts of a blocking key, and about how many values they have."""

_DATE_PARTS = {
    "year": "year", "yr": "year", "yyyy": "year", "y": "year",
    "month": "month", "mon": "month", "mm": "month", "m": "month",
    "day": "day", "dd": "day", "d": "day",
}  # fmt: skip


_KINDS = {"id": "code", "postcode-like code": "code"}
"""What some looks mean for a field that is compared; the others stand for themselves."""


@dataclass(frozen=True)
class Field:
    """A field that all sources have, or a date whose year, month and day are three such fields.

    Attributes
    ----------
    names : tuple of str
        One field, or the fields of year, month and day.
    kind : {"name", "date", "year", "code", "category", "number", "e-mail", "text"}
        What it looks like.
    columns : tuple of ColumnDescription
        One a source; of a date in parts, those of the year.
    """

    names: tuple[str, ...]
    kind: str
    columns: tuple[ColumnDescription, ...]

    @property
    def n_distinct(self) -> int:
        """Number of distinct values in the source that has fewest."""
        return min(column.n_distinct for column in self.columns)

    @property
    def is_usable(self) -> bool:
        """Whether comparing it can tell anything."""
        return all(column.missing < MOSTLY_MISSING and column.n_distinct > 1 for column in self.columns)


@dataclass(frozen=True)
class Guess:
    """What was found.

    Attributes
    ----------
    sources : tuple of Source
        The sources with record ids, truth columns and names of columns filled in.
    id_guessed, truth_guessed : tuple of bool
        By source: whether they were not given.
    fields : tuple of Field
        Fields that all sources have.
    alone : tuple of tuples of str
        By source: columns that another source does not have.
    n_records : int
        Number of records of the largest source, nearly.
    """

    sources: tuple[Source, ...]
    id_guessed: tuple[bool, ...]
    truth_guessed: tuple[bool, ...]
    fields: tuple[Field, ...]
    alone: tuple[tuple[str, ...], ...]
    n_records: int


def guess(sources: Sequence[Source]) -> Guess:
    """Look at the columns of sources.

    Parameters
    ----------
    sources : sequence of Source
        At least one.

    Returns
    -------
    Guess

    Raises
    ------
    InputError
        If a source cannot be read.
    """
    described = [describe(source) for source in sources]
    tables = [
        {_key(source, column.name): column for column in columns}
        for source, columns in zip(sources, described, strict=True)
    ]
    shared = [key for key in tables[0] if all(key in table for table in tables)]
    n_records = [max(column.n_distinct for column in columns) for columns in described]
    ids = [source.id or _record_id(table, shared) for source, table in zip(sources, tables, strict=True)]
    fields: list[Field] = []
    answers: list[str] = []
    for key in shared:
        columns = tuple(table[key] for table in tables)
        places = list(zip(sources, columns, ids, strict=True))
        if any(
            column.name == record_id or column.name in source.truth for source, column, record_id in places
        ):
            continue
        if len(sources) > 1 and all(map(_is_identifier, columns, n_records)):
            answers.append(key)
            continue
        kind = _KINDS.get(columns[0].looks_like, columns[0].looks_like)
        same = len({column.name for column in columns}) == 1 and re.fullmatch(r"\w[\w-]*", columns[0].name)
        called = any(key in source.columns for source in sources)
        fields.append(Field((columns[0].name if same and not called else key,), kind, columns))
    filled = tuple(
        source.model_copy(
            update={
                "id": record_id,
                "truth": (*source.truth, *(table[key].name for key in answers)),
                "columns": {
                    **source.columns,
                    **{
                        one.names[0]: one.columns[n].name
                        for one in fields
                        if one.columns[n].name != one.names[0]
                    },
                },
            }
        )
        for n, (source, table, record_id) in enumerate(zip(sources, tables, ids, strict=True))
    )
    return Guess(
        sources=filled,
        id_guessed=tuple(source.id is None for source in sources),
        truth_guessed=tuple(bool(answers) for _ in sources),
        fields=tuple(_with_dates(fields)),
        alone=tuple(
            tuple(
                column.name
                for key, column in table.items()
                if key not in shared and column.name not in (source.id, *source.truth)
            )
            for source, table in zip(filled, tables, strict=True)
        ),
        n_records=max(n_records),
    )


def passes(fields: Sequence[Field], n_records: int) -> list[BlockingKey] | list[AllPairs]:
    """Blocking keys that miss few matches together: each leaves out what another relies on.

    Parameters
    ----------
    fields : sequence of Field
        Fields that are compared.
    n_records : int
        Number of records of the largest source.

    Returns
    -------
    list of BlockingKey, or of AllPairs
        All pairs where no field tells enough.
    """
    found: list[BlockingKey] = []
    for key, n_distinct in _keys(fields):
        read = {part.field for part in key.parts}
        fresh = all(read != set(other.fields) for other in found) and not (
            set.intersection(read, *(set(other.fields) for other in found)) if found else set()
        )
        if fresh and n_records <= n_distinct * CANDIDATES_PER_RECORD:
            found.append(key)
    # One pass alone would keep the field that it blocks on from being estimated.
    return found[:MOST_PASSES] if len(found) > 1 else [AllPairs()]


def _key(source: Source, column: str) -> str:
    """Name of a field that columns of other sources may share: lower case, letters, digits and ``_``."""
    given = {of: field for field, of in source.columns.items()}
    return given.get(column) or re.sub(r"\W+", "_", column.casefold()).strip("_") or column


def _record_id(table: dict[str, ColumnDescription], shared: Sequence[str]) -> str | None:
    """The column that numbers the records of one file: rather one that only this file has."""
    n_records = max(column.n_distinct for column in table.values())
    able = {
        key: column.name
        for key, column in table.items()
        if column.looks_like == "id" and column.missing == 0 and column.n_distinct == n_records
    }
    own = [name for key, name in able.items() if key not in shared]
    return next(iter([*own, *able.values()]), None)


def _is_identifier(column: ColumnDescription, n_records: int) -> bool:
    """Whether a column seems to name the entity: the answer of a linkage, not evidence for it."""
    if column.looks_like == "id":
        return True
    called = re.search(r"(?i:(^|[^a-z])(id|key|identifier|uuid|guid)$)|I[Dd]$", column.name.strip())
    telling = column.n_distinct >= 0.9 * (1 - column.missing) * n_records
    return bool(called) and telling and column.looks_like in ("postcode-like code", "number", "text")


def _with_dates(fields: Sequence[Field]) -> list[Field]:
    """Fields such as ``dob_year``, ``dob_month`` and ``dob_day`` become one date."""
    parts: dict[str, dict[str, Field]] = {}
    for field in fields:
        prefix, _, last = field.names[0].rpartition("_")
        if part := _DATE_PARTS.get(last.casefold()):
            parts.setdefault(prefix, {})[part] = field
    dates = {
        id(one[part]): one for one in parts.values() if len(one) == 3 for part in ("year", "month", "day")
    }
    result = []
    for field in fields:
        if (found := dates.get(id(field))) is None:
            result.append(field)
        elif field is next(one for one in fields if dates.get(id(one)) is found):
            names = tuple(found[part].names[0] for part in ("year", "month", "day"))
            result.append(Field(names, "date", found["year"].columns))
    return result


def _keys(fields: Sequence[Field]) -> list[tuple[BlockingKey, int]]:
    """Possible blocking keys, the best first, each with about how many values it has."""
    by_kind = {
        kind: sorted((one for one in fields if one.kind == kind), key=lambda one: -one.n_distinct)
        for kind in ("e-mail", "code", "date", "year", "name", "text")
    }
    names = sorted(by_kind["name"], key=lambda one: not re.search("sur|last|family", one.names[0].casefold()))
    days = [
        (_whole(one), max(one.n_distinct, 10_000 if len(one.names) == 3 else 0)) for one in by_kind["date"]
    ]
    years = [(_year(one), 50) for one in (*by_kind["date"], *by_kind["year"])]
    codes = [(_whole(one), one.n_distinct) for one in (*by_kind["e-mail"], *by_kind["code"])]
    sounds: list[_Part] = [
        ((KeyPart(field=one.names[0], transform="soundex"),), one.n_distinct // 4) for one in names
    ]
    starts: list[_Part] = [
        ((KeyPart(field=one.names[0], transform="first", n=3),), one.n_distinct // 4)
        for one in by_kind["text"]
    ]
    pairs: list[tuple[_Part, _Part]] = [(sound, year) for sound in sounds for year in years]
    pairs += [(sounds[i], sounds[j]) for i in range(len(sounds)) for j in range(i + 1, len(sounds))]
    pairs += [(start, other) for start in starts for other in (*years, *sounds)]
    pairs += [(code, year) for code in codes for year in years]
    single = codes[:1] + ([] if codes else days[:1])
    ranked = [*single, *[(a[0] + b[0], a[1] * b[1]) for a, b in pairs[:1]]]
    ranked += [*days[:1], *[(a[0] + b[0], a[1] * b[1]) for a, b in pairs[1:]], *codes[1:], *sounds]
    return [(BlockingKey(parts=parts), n_distinct) for parts, n_distinct in ranked]


def _whole(field: Field) -> tuple[KeyPart, ...]:
    return tuple(KeyPart(field=name) for name in field.names)


def _year(field: Field) -> tuple[KeyPart, ...]:
    if field.kind == "date" and len(field.names) == 1:
        # The transform reads ISO dates; of eight digits the first four are the year.
        if any(column.mean_length <= 8 for column in field.columns):
            return (KeyPart(field=field.names[0], transform="first", n=4),)
        return (KeyPart(field=field.names[0], transform="year"),)
    return (KeyPart(field=field.names[0]),)
