"""From standardised tables to integer codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.errors import InputError
from tallystick.records.records import Column, Records


class StandardisedTable(Protocol):
    """What `encode` needs of a table: a name, record ids, and fields as text."""

    @property
    def name(self) -> str:
        """Name of the source."""

    @property
    def ids(self) -> pl.Series:
        """Record ids, dtype String, unique."""

    @property
    def fields(self) -> Mapping[str, pl.Series]:
        """Fields, dtype String, null where missing."""


def encode_values(values: pl.Series) -> tuple[NDArray[np.int32], pl.Series]:
    """Codes of one field, 0 for missing, numbered in the order of the distinct values.

    Parameters
    ----------
    values : polars.Series
        Text, shape (n,).

    Returns
    -------
    codes : int32 array, shape (n,)
    distinct : polars.Series
        Sorted distinct values behind a null, shape (n_distinct + 1,).

    Examples
    --------
    >>> codes, distinct = encode_values(pl.Series("name", ["b", None, "a", "b"]))
    >>> codes.tolist(), distinct.to_list()
    ([2, 0, 1, 2], [None, 'a', 'b'])
    """
    distinct = values.drop_nulls().unique().sort()
    table = pl.DataFrame(
        {"value": distinct, "code": pl.int_range(1, len(distinct) + 1, dtype=pl.Int32, eager=True)}
    )
    codes = (
        pl.DataFrame({"value": values})
        .join(table, on="value", how="left", maintain_order="left")
        .get_column("code")
        .fill_null(0)
        .to_numpy(writable=True)  # kernels are compiled anew for arrays that are not
    )
    null = pl.Series(values.name, [None], dtype=pl.String)
    return np.ascontiguousarray(codes, dtype=np.int32), pl.concat([null, distinct])


def encode(tables: Sequence[StandardisedTable], threads: int | None = None) -> Records:
    """Code every field once over all tables, so that equal codes are equal values.

    Parameters
    ----------
    tables : sequence of StandardisedTable
        One table per source, all with the same fields.
    threads : int, optional
        Number of fields coded at a time.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        Where two sources share a name, or a table lacks a field of the first.
    """
    names = [table.name for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two sources are named {name!r}: give every source its own name.")
    for table in tables[1:]:
        for field in tables[0].fields:
            if field not in table.fields:
                raise InputError(
                    f"Source {table.name!r} has no field {field!r}, which source {names[0]!r} has."
                )
    lengths = [len(table.ids) for table in tables]

    def column(field: str) -> Column:
        joint = pl.concat([table.fields[field].alias(field) for table in tables])
        codes, distinct = encode_values(joint)
        return Column(codes, (distinct,))

    fields = list(tables[0].fields)
    columns = dict(zip(fields, run_units(column, fields, threads), strict=True))
    return Records(
        sources=tuple(names),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ids=pl.concat([table.ids.alias("id") for table in tables]),
        columns=columns,
    )
