"""From standardised tables to integer codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.records.records import Column, Records, records_of


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
    null = pl.Series(values.name, [None], dtype=pl.String)
    return _codes(values, table), pl.concat([null, distinct])


def encode_forms(
    values: pl.Series, one_form: Callable[[pl.Series], pl.Series]
) -> tuple[NDArray[np.int32], pl.Series]:
    """What `encode_values` gives of normalised text, with every distinct text normalised only once.

    Parameters
    ----------
    values : polars.Series
        Text as it was read, shape (n,).
    one_form : callable
        Normalises texts, each by itself.

    Returns
    -------
    codes, distinct
        As of `encode_values`.

    Examples
    --------
    >>> names = pl.Series(["B", None, "a", "b"])
    >>> codes, distinct = encode_forms(names, lambda texts: texts.str.to_lowercase())
    >>> codes.tolist(), distinct.to_list()
    ([2, 0, 1, 2], [None, 'a', 'b'])
    """
    raw = values.drop_nulls().unique()
    of_raw, distinct = encode_values(one_form(raw).alias(values.name))
    return _codes(values, pl.DataFrame({"value": raw, "code": of_raw})), distinct


def _codes(values: pl.Series, table: pl.DataFrame) -> NDArray[np.int32]:
    """Codes of values by a table of ``value`` and ``code``; 0 for what it does not hold."""
    found = pl.DataFrame({"value": values}).join(table, on="value", how="left", maintain_order="left")
    # Kernels are compiled anew for arrays that cannot be written.
    codes = found.get_column("code").fill_null(0).to_numpy(writable=True)
    return np.ascontiguousarray(codes, dtype=np.int32)


def encode_jointly(parts: Sequence[tuple[NDArray[np.int32], pl.Series]]) -> Column:
    """One column over all sources out of the codes and distinct values of each.

    Parameters
    ----------
    parts : sequence of (codes, distinct)
        Of every source, as `encode_values` gives them.

    Returns
    -------
    Column

    Examples
    --------
    >>> parts = [encode_values(pl.Series("x", values)) for values in (["b", "a"], ["c", "b"])]
    >>> joint = encode_jointly(parts)
    >>> joint.codes.tolist(), joint.values[0].to_list()
    ([2, 1, 3, 2], [None, 'a', 'b', 'c'])
    """
    if len(parts) == 1:
        return Column(parts[0][0], (parts[0][1],))
    together, distinct = encode_values(pl.concat([values for _, values in parts]))
    starts = np.cumsum([0, *(len(values) for _, values in parts)])
    codes = [together[start:][own] for (own, _), start in zip(parts, starts, strict=False)]
    return Column(np.concatenate(codes), (distinct,))


def encode(tables: Sequence[StandardisedTable]) -> Records:
    """Code every field once over all tables, so that equal codes are equal values.

    Parameters
    ----------
    tables : sequence of StandardisedTable
        One table per source, all with the same fields.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        Where two sources share a name, or a table lacks a field of the first.
    """
    names = [table.name for table in tables]
    for table in tables[1:]:
        for field in tables[0].fields:
            if field not in table.fields:
                raise InputError(
                    f"Source {table.name!r} has no field {field!r}, which source {names[0]!r} has."
                )
    columns = {
        field: encode_jointly([encode_values(table.fields[field].alias(field)) for table in tables])
        for field in tables[0].fields
    }
    ids = pl.concat([table.ids.alias("id") for table in tables])
    return records_of(names, ids, [len(table.ids) for table in tables], columns)
