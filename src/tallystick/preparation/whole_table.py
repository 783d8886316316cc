"""A prepared source as a table that stands for the raw one: all its columns, prepared ones in their place."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tallystick.preparation.prepare import prepare_raw, read_prepared_raw
from tallystick.preparation.prepared import PreparedTable
from tallystick.preparation.read import ID_COLUMN, open_source, read_columns
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source


def whole_table(prepared: PreparedTable) -> pl.DataFrame:
    """The prepared records with all columns of their source.

    Parameters
    ----------
    prepared : PreparedTable

    Returns
    -------
    polars.DataFrame
        As `PreparedTable.table`, the id under the name of its column (left out where the source has none but
        a column called ``id``), then the columns that nothing was done to, truth too, as they are.
    """
    source, table = prepared.source, prepared.table()
    if source.id is not None:
        table = table.rename({"id": source.id})
    elif "id" in open_source(source).columns:
        table = table.drop("id")
    taken = {source.column(name) for name in prepared.columns} | {source.id} | set(table.columns)
    others = [name for name in open_source(source).columns if name not in taken]
    if not others:
        return table
    rest = read_columns(source, others, allow_truth=True).drop(ID_COLUMN)[prepared.rows]
    return table.hstack(rest.get_columns())


def as_prepared(
    sources: Sequence[Source], preparation: Preparation | None, processes: int = 1
) -> tuple[Source, ...]:
    """Sources in memory that hold what the given ones are once prepared.

    Parameters
    ----------
    sources : sequence of Source
    preparation : Preparation, optional
        Without one the sources are given back.
    processes : int
        How many processes may share the work of slow libraries.

    Returns
    -------
    tuple of Source
        A field that is prepared is a column of its own name; its raw values are ``<field>_raw``.
    """
    if preparation is None:
        return tuple(sources)
    made = []
    for source in sources:
        prepared = prepare_raw(read_prepared_raw(source, preparation), preparation, processes=processes)
        table = whole_table(prepared).drop("reference", strict=False)
        named = source.id or "id of record"
        if source.id is None:
            table = table.drop("id", strict=False).insert_column(0, prepared.ids.alias(named))
        made.append(
            Source(
                name=source.name,
                table=table,
                id=named,
                truth=source.truth,
                columns={f: c for f, c in source.columns.items() if f not in prepared.columns},
                covers_other=source.covers_other,
                duplicate_free=source.duplicate_free,
                reference_date=source.reference_date,
            )
        )
    return tuple(made)
