"""What sources seem to hold: record ids, columns with the answer, and fields that they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tallystick.preparation import detect
from tallystick.preparation.detect import ColumnDescription, describe_values, sample
from tallystick.preparation.encodings import wrongly_decoded
from tallystick.preparation.normalise import Normalise, normalise_column
from tallystick.preparation.read import open_source
from tallystick.preparation.roles import (
    is_called_answer,
    is_called_id,
    names_the_record,
    record_id,
    written_beside,
)
from tallystick.preparation.source import Source

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
    def missing(self) -> float:
        """Largest share of missing values in a source."""
        return max(column.missing for column in self.columns)

    @property
    def mean_length(self) -> float:
        """Mean number of characters, of the source where it is largest."""
        return max(column.mean_length for column in self.columns)

    @property
    def label(self) -> str:
        """Name for people."""
        return ", ".join(self.names)


@dataclass(frozen=True)
class Guess:
    """What was found.

    Attributes
    ----------
    sources : tuple of Source
        The sources with record ids, truth columns and names of columns filled in.
    id_guessed : tuple of bool
        By source: whether it was not given.
    answers : tuple of tuples of str
        By source: columns that were added to its truth.
    fields : tuple of Field
        Fields that all sources have.
    alone : tuple of tuples of str
        By source: columns that another source does not have.
    beside : tuple of tuples of str
        By source: columns that ``tallystick prepare`` wrote beside the fields.
    frames : tuple of polars.DataFrame
        By source: the first rows as normalised text, a column a field.
    broken : frozenset of str
        Fields with values that seem to have been decoded by the wrong encoding.
    n_records : tuple of int
        By source: number of records, of all rows.
    """

    sources: tuple[Source, ...]
    id_guessed: tuple[bool, ...]
    answers: tuple[tuple[str, ...], ...]
    fields: tuple[Field, ...]
    alone: tuple[tuple[str, ...], ...]
    beside: tuple[tuple[str, ...], ...]
    frames: tuple[pl.DataFrame, ...]
    broken: frozenset[str]
    n_records: tuple[int, ...]

    @property
    def n_pairs(self) -> int:
        """Number of all pairs that the linkage may compare."""
        if len(self.n_records) == 1:
            return self.n_records[0] * (self.n_records[0] - 1) // 2
        return (sum(self.n_records) ** 2 - sum(n * n for n in self.n_records)) // 2


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
    whole = [sample(source, Normalise(casefold=False)) for source in sources]
    beside = [
        written_beside(frame, tuple(source.columns.values()))
        for source, frame in zip(sources, whole, strict=True)
    ]
    written = [frame.drop(names) for frame, names in zip(whole, beside, strict=True)]
    frames = [frame.select(normalise_column(values)[0] for values in frame) for frame in written]
    tables = [
        {_key(source, column.name): describe_values(column) for column in frame.get_columns()}
        for source, frame in zip(sources, frames, strict=True)
    ]
    shared = [key for key in tables[0] if all(key in table for table in tables)]
    ids = [
        source.id or record_id(table, frame.height, shared, len(sources) == 1)
        for source, table, frame in zip(sources, tables, frames, strict=True)
    ]
    answers = [
        tuple(
            column.name
            for key, column in table.items()
            if column.name != own
            and (
                is_called_answer(column)
                or (
                    key in shared
                    and all(
                        (len(tables) > 1 and names_the_record(other[key]))
                        or is_called_id(other[key], one.height)
                        for other, one in zip(tables, frames, strict=True)
                    )
                )
            )
        )
        for table, own in zip(tables, ids, strict=True)
    ]
    fields = []
    for key in shared:
        columns = tuple(table[key] for table in tables)
        if any(
            column.name in (own, *known, *source.truth)
            for source, column, own, known in zip(sources, columns, ids, answers, strict=True)
        ):
            continue
        kind = _KINDS.get(columns[0].looks_like, columns[0].looks_like)
        same = len({column.name for column in columns}) == 1 and re.fullmatch(r"\w[\w-]*", columns[0].name)
        called = any(key in source.columns for source in sources)
        fields.append(Field((columns[0].name if same and not called else key,), kind, columns))
    filled = tuple(
        source.model_copy(
            update={
                "id": own,
                "truth": (*source.truth, *known),
                "columns": {
                    **source.columns,
                    **{
                        field.names[0]: field.columns[n].name
                        for field in fields
                        if field.columns[n].name != field.names[0]
                    },
                },
            }
        )
        for n, (source, own, known) in enumerate(zip(sources, ids, answers, strict=True))
    )
    return Guess(
        sources=filled,
        id_guessed=tuple(source.id is None for source in sources),
        answers=tuple(answers),
        fields=tuple(_with_dates(fields)),
        alone=tuple(
            tuple(
                column.name
                for key, column in table.items()
                if key not in shared and column.name not in (source.id, *source.truth)
            )
            for source, table in zip(filled, tables, strict=True)
        ),
        beside=tuple(beside),
        frames=tuple(
            frame.select(pl.col(field.columns[n].name).alias(field.names[0]) for field in fields)
            for n, frame in enumerate(frames)
        ),
        broken=frozenset(
            field.names[0]
            for field in fields
            if any(
                wrongly_decoded(frame[column.name].unique()).any()
                for frame, column in zip(written, field.columns, strict=True)
            )
        ),
        n_records=tuple(map(_n_records, sources, frames)),
    )


def _n_records(source: Source, frame: pl.DataFrame) -> int:
    """Number of all rows, of which the sample may be the first ones."""
    if frame.height < detect.SAMPLE_ROWS:
        return frame.height
    return open_source(source).read(frame.columns[:1], None).height


def _key(source: Source, column: str) -> str:
    """Name of a field that columns of other sources may share: lower case, letters, digits and ``_``."""
    given = {of: field for field, of in source.columns.items()}
    return given.get(column) or re.sub(r"\W+", "_", column.casefold()).strip("_") or column


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
