"""Codes of values: joint over sources, 0 for missing, and several fields taken together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_persons import Standardised, encoded

from tallystick.errors import InputError
from tallystick.records.encode import encode, encode_values

values = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "é", "Zz", "10", "9"]))


def rows_of(width: int) -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    return st.lists(st.tuples(*[values] * width), min_size=1, max_size=25)


@given(st.lists(values, max_size=30))
def test_a_code_leads_back_to_its_value(column: list[str | None]) -> None:
    codes, distinct = encode_values(pl.Series("name", column, dtype=pl.String))
    assert codes.dtype == np.int32
    assert codes.flags["C_CONTIGUOUS"]
    assert distinct.to_list() == [None, *sorted({one for one in column if one is not None})]
    assert [distinct[int(code)] for code in codes] == column
    assert all((code == 0) == (one is None) for code, one in zip(codes, column, strict=True))


@given(rows_of(2), st.data())
@settings(max_examples=60)
def test_sources_are_coded_together(rows: list[tuple[str | None, ...]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    sizes = [cut, len(rows) - cut]
    records = encoded([dict(zip("xy", row, strict=True)) for row in rows], sizes)
    assert records.sources == ("source0", "source1")
    assert (records.n_records, records.offsets.tolist()) == (len(rows), [0, cut, len(rows)])
    assert [list(records.rows(k)) for k in range(2)] == [list(range(cut)), list(range(cut, len(rows)))]
    assert records.ids.to_list() == [str(k) for size in sizes for k in range(size)]
    for number, field in enumerate("xy"):
        column = records.columns[field]
        (table,) = column.values
        assert [table[int(code)] for code in column.codes] == [row[number] for row in rows]
        assert table.n_unique() == len(table) == column.n_values + 1


@given(st.integers(1, 4).flatmap(rows_of))
@settings(max_examples=100)
def test_fields_together_are_tuples(rows: list[tuple[str | None, ...]]) -> None:
    fields = tuple("wxyz"[: len(rows[0])])
    records = encoded([dict(zip(fields, row, strict=True)) for row in rows], [len(rows)])
    column = records.column(fields)
    assert column.codes.dtype == np.int32
    assert len(column.values) == len(fields)
    table = list(zip(*(part.to_list() for part in column.values), strict=True))
    nothing = (None,) * len(fields)
    assert table[0] == nothing
    assert len(set(table)) == len(table) == column.n_values + 1
    assert set(table[1:]) == set(rows) - {nothing}
    assert [table[code] for code in column.codes] == rows


def test_a_partly_missing_tuple_is_a_value_and_only_an_empty_one_is_missing() -> None:
    rows = [("a", None), (None, None), (None, "a"), ("a", "a"), ("a", None)]
    column = encoded([dict(zip("xy", row, strict=True)) for row in rows], [5]).column(("x", "y"))
    assert column.codes[1] == 0
    assert column.codes[0] == column.codes[4]
    assert len(set(column.codes.tolist())) == 4


def test_no_value_at_all() -> None:
    records = encoded([{"x": None, "y": None}] * 3, [2, 1])
    for column in (records.columns["x"], records.column(("x", "y"))):
        assert (column.codes.tolist(), column.n_values) == ([0, 0, 0], 0)
        assert [part.to_list() for part in column.values] == [[None]] * len(column.values)


def test_one_field_is_its_own_column() -> None:
    records = encoded([{"x": "a"}, {"x": "b"}], [1, 1])
    assert records.column(("x",)) is records.columns["x"]


def table(name: str, **fields: list[str | None]) -> Standardised:
    columns = {key: pl.Series(key, column, dtype=pl.String) for key, column in fields.items()}
    return Standardised(name, pl.Series("id", ["1"]), columns)


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"^Two sources are named 'a': give every source its own name.$"):
        encode([table("a", x=["1"]), table("b", x=["1"]), table("a", x=["1"])])


def test_a_source_without_a_field_is_refused() -> None:
    with pytest.raises(InputError, match=r"^Source 'b' has no field 'y', which source 'a' has.$"):
        encode([table("a", x=["1"], y=["1"]), table("b", x=["1"])])
