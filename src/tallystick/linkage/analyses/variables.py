"""Variables of an analysis: which source and column each is, and its values as numbers or categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tallystick._problems import nearest
from tallystick.errors import InputError
from tallystick.linkage.analyses.settings import Variable
from tallystick.preparation.read import ID_COLUMN, named_column, open_source, read_columns
from tallystick.preparation.source import Source

Type = Literal["number", "category"]
MOST_CATEGORIES = 200


@dataclass(frozen=True)
class Located:
    """A variable found.

    Attributes
    ----------
    name : str
        In formulas.
    source : str
        Which source has it.
    column : str
        Which column of it.
    type : {"number", "category"}
        What its values are taken as.
    """

    name: str
    source: str
    column: str
    type: Type


def locate(
    names: Sequence[str], sources: Sequence[Source], stated: Mapping[str, Variable]
) -> dict[str, tuple[Source, str]]:
    """Source and column of each variable.

    Parameters
    ----------
    names : sequence of str
        The variables that an analysis reads.
    sources : sequence of Source
        The sources of the run.
    stated : mapping of str to Variable
        Where some of them are said to be.

    Returns
    -------
    dict of str to (Source, str)

    Raises
    ------
    InputError
        Where a source or column is not there, several sources have it, or a stated one is not read.
    """
    for name in stated:
        if name not in names:
            raise InputError(
                f"variables.{name}: nothing reads this variable: use it in the analysis, or take it out."
            )
    have = {one.name: open_source(one).columns for one in sources}
    by_name = {one.name: one for one in sources}
    found = {}
    for name in names:
        if name in stated:
            found[name] = _stated(name, stated[name], by_name, have)
            continue
        places = [
            (one, column)
            for one in sources
            if (column := named_column(one, have[one.name], name)) is not None
        ]
        if len(places) > 1:
            raise InputError(
                f"{name}: {' and '.join(one.name for one, _ in places)} both have a column of this name: say "
                f'which is meant, [variables] {name} = {{ source = "{places[0][0].name}" }}.'
            )
        if not places:
            readable = sorted({c for one in sources for c in have[one.name] if c not in one.truth})
            near = nearest(name, readable)
            hint = f"; did you mean {near!r}?" if near else f": choose among {', '.join(readable)}."
            raise InputError(f"{name}: no source of the run has a column of this name{hint}")
        found[name] = places[0]
    return found


def _stated(
    name: str, one: Variable, by_name: Mapping[str, Source], have: Mapping[str, Sequence[str]]
) -> tuple[Source, str]:
    if one.source not in by_name:
        raise InputError(
            f"variables.{name}: the run has no source {one.source!r}: choose among {', '.join(by_name)}."
        )
    source, wanted = by_name[one.source], one.column or name
    column = named_column(source, have[one.source], wanted)
    if column is None:
        near = nearest(wanted, have[one.source])
        hint = f"; did you mean {near!r}?" if near else f": choose among {', '.join(have[one.source])}."
        raise InputError(f"variables.{name}: source {one.source!r} has no column {wanted!r}{hint}")
    return source, column


def read_variables(
    source: Source, columns: Mapping[str, str], stated: Mapping[str, Variable]
) -> tuple[pl.DataFrame, tuple[Located, ...]]:
    """Variables of a source.

    Parameters
    ----------
    source : Source
    columns : mapping of str to str
        Variable to column.
    stated : mapping of str to Variable
        What is said of their types.

    Returns
    -------
    frame : polars.DataFrame
        ``link_record`` (the ids) and the variables: numbers as float64, categories as text, null where
        missing.
    located : tuple of Located

    Raises
    ------
    InputError
        Where a column holds truth, or values that cannot be meant.
    """
    read = read_columns(source, list(dict.fromkeys(columns.values())))
    series = [read[ID_COLUMN].alias("link_record")]
    located = []
    for name, column in columns.items():
        asked = stated[name].type if name in stated else None
        values, kind = typed(read[column], asked, f"{source.shown}, column {column!r}")
        series.append(values.alias(name))
        located.append(Located(name, source.name, column, kind))
    return pl.DataFrame(series), tuple(located)


def typed(values: pl.Series, asked: Type | None, where: str) -> tuple[pl.Series, Type]:
    """Values as numbers or as categories.

    Parameters
    ----------
    values : polars.Series
        As read.
    asked : {"number", "category"}, optional
        By default numbers where every value is one.
    where : str
        For messages.

    Returns
    -------
    (polars.Series, str)

    Raises
    ------
    InputError
        Where values are no numbers though they should be, are infinite, or are more categories than an
        analysis can have.

    Examples
    --------
    >>> typed(pl.Series(["1", " 2.5", None]), None, "a")[0].to_list()
    [1.0, 2.5, None]
    >>> typed(pl.Series(["1", "north"]), None, "a")[1]
    'category'
    """
    text = values.cast(pl.String) if values.dtype in (pl.Categorical, pl.Enum) else values
    if text.dtype == pl.String:
        text = text.str.strip_chars().replace("", None)
    if asked != "category":
        numbers = _numbers(text)
        lost = 0 if numbers is None else int(numbers.null_count() - text.null_count())
        if numbers is not None and not lost:
            if bool(numbers.is_infinite().any()):
                raise InputError(f"{where}: found infinite values: an analysis needs finite numbers.")
            return numbers, "number"
        if asked == "number":
            told = "values that are no numbers" if numbers is None else f"{lost:,} values that are no numbers"
            raise InputError(f'{where}: found {told}, though type = "number" is stated: correct the file.')
    try:
        categories = text.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{where}: values of type {text.dtype} cannot be categories: choose another column."
        ) from error
    n = categories.drop_nulls().n_unique()
    if n > MOST_CATEGORIES:
        raise InputError(
            f"{where}: found {n:,} different values, not all of them numbers: an analysis has at most "
            f"{MOST_CATEGORIES} categories; put them together, or correct the values that are no numbers."
        )
    return categories, "category"


def _numbers(values: pl.Series) -> pl.Series | None:
    """The values as float64, null where they are none; None for types that are never numbers."""
    if values.dtype == pl.String or values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null):
        return values.cast(pl.Float64, strict=False).fill_nan(None)
    return None
