"""A prepared source as a table that stands for the raw one: all its columns, prepared ones in their place."""

from __future__ import annotations

import os
from collections.abc import Sequence

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.prepare import check_steps, prepare_raw, read_prepared_raw
from tallystick.preparation.prepared import PreparedTable
from tallystick.preparation.read import ID_COLUMN, open_source, read_columns
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source

_ID = "id of record"
"""Id column of a source in memory whose file has none."""


def whole_table(prepared: PreparedTable, id_name: str | None = None) -> pl.DataFrame:
    """The prepared records with all columns of their source.

    Parameters
    ----------
    prepared : PreparedTable
    id_name : str, optional
        What the column of ids is called; by default as in the source, or ``id`` where that has none.

    Returns
    -------
    polars.DataFrame
        As `PreparedTable.table`, then the columns that nothing was done to, truth too, as they are. Where a
        prepared field has the name of such a column, the column comes as ``<name>_of_file``.

    Raises
    ------
    InputError
        If a column of the file has the name of one of ours.
    """
    source = prepared.source
    columns = open_source(source).columns
    if id_name is None and source.id is None and "id" in columns:
        raise InputError(
            f"{source.shown}: the file has a column 'id', but its records are numbered: say id = \"id\" "
            "in the source, or give that column another name by columns of the source."
        )
    table = prepared.table(id_name or source.id or "id")
    done = {source.column(name) for name in prepared.touched} | {source.id}
    others = [name for name in columns if name not in done]
    if not others:
        return table
    named = {name: f"{name}_of_file" if name in table.columns else name for name in others}
    for name, new in named.items():
        if new in table.columns or (new != name and new in others):
            raise InputError(
                f"{source.shown}: the column {name!r} is called as one of the prepared table itself: "
                "give it another name by columns of the source."
            )
    rest = read_columns(source, others, allow_truth=True).drop(ID_COLUMN)[prepared.rows]
    return table.hstack(rest.rename(named).get_columns())


def as_prepared(sources: Sequence[Source], preparation: Preparation | None) -> tuple[Source, ...]:
    """Sources in memory that hold what the given ones are once prepared, duplicates that are taken out too.

    Parameters
    ----------
    sources : sequence of Source
    preparation : Preparation, optional
        Without one the sources are given back.

    Returns
    -------
    tuple of Source
        A field that is prepared is a column of its own name; its raw values are ``<field>_raw``.
    """
    if preparation is None:
        return tuple(sources)
    check_steps(preparation)
    preparation = preparation.model_copy(update={"duplicates": (), "reference": None, "harmonise": None})
    made = []
    for source in sources:
        raw = read_prepared_raw(source, preparation)
        prepared = prepare_raw(raw, preparation, processes=os.cpu_count() or 1, warn=False)
        made.append(_in_memory(source, prepared, whole_table(prepared, source.id or _ID)))
    return tuple(made)


def named_as_prepared(sources: Sequence[Source], preparation: Preparation | None) -> tuple[Source, ...]:
    """Sources without records that have the columns of `as_prepared`: for checks of names, before any work.

    Parameters
    ----------
    sources : sequence of Source
    preparation : Preparation, optional

    Returns
    -------
    tuple of Source
    """
    if preparation is None:
        return tuple(sources)
    made = []
    for source in sources:
        needed, touched = preparation.read_by(source.name), preparation.touched(source.name)
        names = [source.id or _ID, *touched, *(f"{name}_raw" for name in touched if name in needed)]
        done = {source.column(name) for name in touched} | {source.id}
        names += [name for name in open_source(source).columns if name not in done]
        table = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        made.append(_in_memory(source, None, table))
    return tuple(made)


def _in_memory(source: Source, prepared: PreparedTable | None, table: pl.DataFrame) -> Source:
    touched = set(table.columns) if prepared is None else prepared.touched
    return Source(
        name=source.name,
        table=table,
        id=source.id or _ID,
        truth=source.truth,
        columns={field: column for field, column in source.columns.items() if field not in touched},
        covers_other=source.covers_other,
        duplicate_free=source.duplicate_free,
        reference_date=source.reference_date,
    )
