"""What columns look like: on made-up columns with a known answer, and on files that exist."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from tallystick.errors import InputError
from tallystick.preparation import detect
from tallystick.preparation.detect import ColumnDescription, describe
from tallystick.preparation.source import Source

N = 60


def looks(values: list[object]) -> str:
    (column,) = describe(Source(name="a", table=pl.DataFrame({"x": values}, strict=False)))
    return column.looks_like


def spread(*values: object) -> list[object]:
    return [values[i % len(values)] for i in range(N)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"rec-{i}-org" for i in range(N)], "id"),
        (list(range(1000, 1000 + N)), "id"),
        ([dt.date(1980, 1, 1) + dt.timedelta(i) for i in range(N)], "date"),
        (spread("02/01/1980", "3/12/1975", "31.12.1999"), "date"),
        (spread("19151111", "19200230", "20011231"), "date"),
        (spread("18 May 1930", "07-MAR-45", "3rd of June, 1951"), "date"),
        (spread("1980-01-02", "1980-05", "1980"), "date"),
        (spread("12 May Road", "3 June Lane 1951", "1 High Street"), "category"),
        (spread(1980, 1975, 1850, 2004), "year"),
        (spread(*(f"M{i}2ZZ" for i in range(30))), "postcode-like code"),
        (spread(*(f"{i:05d}" for i in range(400, 440))), "postcode-like code"),
        (spread(*(str(4000 + 37 * i) for i in range(40))), "postcode-like code"),
        (spread(*(a + b for a in ("Ann", "Bo", "Émile", "Zoë") for b in ("", "a", "-Li", " May"))), "name"),
        (spread("M", "F", None), "category"),
        (spread("1.5", "22", "-3"), "number"),
        (spread(*range(1, 32)), "number"),
        ([i / 7 for i in range(N)], "number"),
        ([f"p{i}@example.org" for i in range(N)], "e-mail"),
        (spread(*(f"{i} winston hills road, flat {i}" for i in range(30))), "text"),
        (spread(None), "text"),
    ],
)
def test_looks(values: list[object], expected: str) -> None:
    assert looks(values) == expected


def test_a_tenth_of_oddities_changes_nothing() -> None:
    dates: list[object] = ["1980-01-02", "1975-03-04"] * 27
    assert looks([*dates, *["unknown"] * 6]) == "date"
    assert looks([*dates, *["unknown"] * 12]) == "category"


def test_figures() -> None:
    table = pl.DataFrame({"x": ["Ann", "ann ", None, "", "Robert"], "answer": list("abcde")})
    assert describe(Source(name="a", table=table, truth=("answer",))) == [
        ColumnDescription("x", n_distinct=2, missing=0.4, mean_length=4.0, looks_like="name")
    ]


def test_columns_without_a_form_as_text_are_left_out() -> None:
    table = pl.DataFrame({"blob": [b"x"], "x": ["a"]})
    assert [c.name for c in describe(Source(name="a", table=table))] == ["x"]


def test_only_a_sample_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "SAMPLE_ROWS", 10)
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"k{i},\n" for i in range(50)))
    assert describe(Source(name="a", path=path))[0].n_distinct == 10


def test_no_rows() -> None:
    with pytest.raises(InputError, match="no rows"):
        describe(Source(name="a", table=pl.DataFrame({"x": []})))
    with pytest.raises(InputError, match="no rows"):
        describe(Source(name="a", table=pl.DataFrame({"x": ["a"]}), truth=("x",)))


def test_febrl(febrl_dir: Path) -> None:
    found = {c.name: c.looks_like for c in describe(Source(name="a", path=febrl_dir / "dataset4a.csv"))}
    assert found == {
        "rec_id": "id",
        "given_name": "name",
        "surname": "name",
        "street_number": "number",
        "address_1": "name",
        "address_2": "name",
        "suburb": "name",
        "postcode": "postcode-like code",
        "state": "category",
        "date_of_birth": "date",
        "soc_sec_id": "id",
    }


def test_cis(data_dir: Path) -> None:
    found = {c.name: c.looks_like for c in describe(Source(name="a", path=data_dir / "cis.csv"))}
    assert found["cis_id"] == "id"
    assert found["pername2"] == "name"
    assert found["sex"] == "category"
    assert found["dob_year"] == "year"
    assert found["dob_day"] == "number"
    assert found["enumpc"] == "postcode-like code"
