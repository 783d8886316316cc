"""Columns that are no evidence: they number the records, or name what a linkage is to find."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import polars as pl

from tallystick.preparation.detect import ColumnDescription
from tallystick.preparation.reference import are_reference_numbers

_ANSWERS = frozenset(
    ("answer", "class", "cluster", "entity", "family", "group", "household", "individual", "label",
     "match", "matched", "person", "truth")
)  # fmt: skip
_BESIDE_ANSWERS = frozenset(("actual", "gold", "ground", "is", "real", "standard", "the", "true"))
_KEYS = frozenset(("guid", "id", "identifier", "ids", "key", "nr", "num", "number", "no", "uid", "uuid"))
_IDS = frozenset(("guid", "id", "identifier", "ids", "uid", "uuid"))
_RECORDS = frozenset(("rec", "record", "row", "line", "unique"))
_CONTACTS = frozenset(("cell", "contact", "email", "fax", "mail", "mobile", "phone", "tel", "telephone"))

RAW = "_raw"
"""How the name of a column of raw values ends, beside the prepared ones."""

_WRITTEN_OUT = frozenset(("name", "date", "e-mail"))
"""Looks that a mere key does not have: a column "person" may hold names."""

TELLING = 0.1
"""Distinct values a record from which on an id stands for persons rather than for places or kinds."""


def words(name: str) -> list[str]:
    """Words of a column's name, in small letters.

    Examples
    --------
    >>> words("personID"), words("House-hold_no2")
    (['person', 'id'], ['house', 'hold', 'no'])
    """
    return [word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+", name)]


def is_called_answer(column: ColumnDescription) -> bool:
    """Whether the name of a column says that it is an answer or the key of a group.

    Parameters
    ----------
    column : ColumnDescription

    Returns
    -------
    bool
    """
    called = set(words(column.name))
    return (
        bool(called & _ANSWERS)
        and called <= _ANSWERS | _BESIDE_ANSWERS | _KEYS
        and (column.looks_like not in _WRITTEN_OUT or bool(called & _IDS))
    )


def is_called_id(column: ColumnDescription, n_records: int) -> bool:
    """Whether a column is called an id and has enough values to name persons.

    Parameters
    ----------
    column : ColumnDescription
    n_records : int
        Number of records of the sample.

    Returns
    -------
    bool
    """
    telling = column.n_distinct >= max(2, TELLING * (1 - column.missing) * n_records)
    return bool(_IDS & set(words(column.name)[-1:])) and telling


def names_the_record(column: ColumnDescription) -> bool:
    """Whether a column looks like an id and its name does not say that it is evidence.

    Telephone numbers can be as distinct as ids, but are no answer.
    """
    return column.looks_like == "id" and not _CONTACTS & set(words(column.name))


def written_beside(frame: pl.DataFrame, declared: Collection[str] = ()) -> tuple[str, ...]:
    """Columns that ``tallystick prepare`` writes beside prepared ones: raw values, reference numbers.

    Parameters
    ----------
    frame : polars.DataFrame
    declared : collection of str
        Columns that the source names for a field, which therefore are none.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> written_beside(pl.DataFrame({"surname": ["smith"], "surname_raw": ["SMITH"], "x_raw": ["1"]}))
    ('surname_raw',)
    """
    names = set(frame.columns)
    return tuple(
        column.name
        for column in frame.get_columns()
        if column.name not in declared
        and (
            (column.name.endswith(RAW) and column.name.removesuffix(RAW) in names)
            or are_reference_numbers(column)
        )
    )


def record_id(
    table: Mapping[str, ColumnDescription], n_records: int, shared: Collection[str], alone: bool
) -> str | None:
    """The column that numbers the records of one file.

    Parameters
    ----------
    table : mapping of str to ColumnDescription
        Field to column.
    n_records : int
        Number of records of the sample.
    shared : collection of str
        Fields that all files have.
    alone : bool
        Whether there is no other file, so that a column of its own for every record is no answer.

    Returns
    -------
    str or None
        Rather one called a record's id than one that only this file has, and rather this than others.
    """
    able = [
        (key, column)
        for key, column in table.items()
        if column.missing == 0
        and column.n_distinct == n_records
        and names_the_record(column)
        and (alone or not is_called_answer(column))
    ]
    able.sort(
        key=lambda one: (is_called_answer(one[1]), not _RECORDS & set(words(one[1].name)), one[0] in shared)
    )
    return able[0][1].name if able else None
