"""Normalisation of values: against Python's own string methods, and case by case."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation.normalise import FieldSettings, Normalise, normalise_column

OFF = Normalise(trim=False, casefold=False, nfc=False, empty_is_missing=False, integers=False, dates=False)


def texts(
    values: Sequence[object] | pl.Series,
    settings: FieldSettings | None = None,
    normalise: Normalise | None = None,
) -> list[str | None]:
    column = values if isinstance(values, pl.Series) else pl.Series("x", values)
    result, _ = normalise_column(column, settings, normalise)
    assert result.dtype == pl.String
    assert len(result) == len(column)
    assert result.name == column.name
    return result.to_list()


def naive(value: str | None, n: Normalise) -> str | None:
    """Normalisation of one value, in plain Python."""
    if value is None:
        return None
    if n.trim:
        value = value.strip()
    if n.integers and (whole := re.fullmatch(r"([+-]?[0-9]+)\.0+", value)):
        value = whole.group(1)
    if n.dates and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}", value):
        value = value[:10]
    if n.nfc:
        value = unicodedata.normalize("NFC", value)
    if n.casefold:
        value = value.casefold()
    if n.nfc:
        value = unicodedata.normalize("NFC", value)
    return None if n.empty_is_missing and value == "" else value


value_texts = st.one_of(
    st.none(),
    st.text(st.sampled_from("aZß ÉéİΣς\u0301\u00a0ǰﬁ1.0"), max_size=6),
    st.text(max_size=5).filter(lambda t: not set(t) & {"\x1c", "\x1d", "\x1e", "\x1f"}),
    st.sampled_from(
        ["12.0", "007.00", "-3.0", "1.50", ".0", "1980-01-02T03:04:05", "1980-01-02 03:04:05", ""]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(value_texts, max_size=8),
    st.builds(Normalise, **dict.fromkeys(Normalise.model_fields, st.booleans())),
)
def test_equals_plain_python(values: list[str | None], n: Normalise) -> None:
    assert texts(pl.Series("x", values, dtype=pl.String), None, n) == [naive(v, n) for v in values]


@settings(max_examples=100, deadline=None)
@given(st.lists(value_texts, max_size=8))
def test_twice_is_once(values: list[str | None]) -> None:
    once, _ = normalise_column(pl.Series("x", values, dtype=pl.String))
    assert texts(once) == once.to_list()


def test_switches_off_change_nothing() -> None:
    values = [" A ", "", None, "12.0", "1980-01-02T00:00:00", "E\u0301"]
    assert texts(values, None, OFF) == values


@pytest.mark.parametrize(
    ("switch", "value", "on", "off"),
    [
        ("trim", " a\u00a0", "a", " a\u00a0"),
        ("casefold", "STRAßE", "strasse", "STRAßE"),
        ("nfc", "e\u0301", "é", "e\u0301"),
        ("empty_is_missing", "", None, ""),
        ("integers", "12.0", "12", "12.0"),
        ("integers", 12.0, "12", "12.0"),
        ("dates", "1980-01-02T00:00:00", "1980-01-02", "1980-01-02T00:00:00"),
        ("dates", dt.datetime(1980, 1, 2, 3), "1980-01-02", "1980-01-02T03:00:00.000000"),
    ],
)
def test_each_switch_and_its_override(switch: str, value: object, on: object, off: object) -> None:
    only = OFF.model_copy(update={switch: True})
    assert texts([value], None, only) == [on]
    assert texts([value], None, OFF) == [off]
    assert texts([value], FieldSettings.model_validate({switch: False}), only) == [off]
    assert texts([value], FieldSettings.model_validate({switch: True}), OFF) == [on]


def test_whitespace_alone_is_missing() -> None:
    assert texts(["  ", "\t", "x"]) == [None, None, "x"]


def test_leading_zeros_and_codes_survive() -> None:
    values = ["007", "0", "00", "1e5", "1.10", "10.", "12.05"]
    assert texts(values) == values


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series("x", [1, -2, None]), ["1", "-2", None]),
        (pl.Series("x", [2**64 - 1], dtype=pl.UInt64), ["18446744073709551615"]),
        (pl.Series("x", [12.0, 1.5, float("nan"), None, -0.0]), ["12", "1.5", None, None, "0"]),
        (pl.Series("x", [0.1], dtype=pl.Float32), ["0.1"]),
        (pl.Series("x", [Decimal("12.00"), Decimal("1.50")]), ["12", "1.50"]),
        (pl.Series("x", [True, False, None]), ["true", "false", None]),
        (pl.Series("x", [dt.date(1980, 1, 2), None]), ["1980-01-02", None]),
        (pl.Series("x", [dt.datetime(1980, 1, 2, 23, 59)]), ["1980-01-02"]),
        (
            # The date is that of the zone the times are kept in.
            pl.Series(
                "x", [dt.datetime(1980, 1, 1, 23)], dtype=pl.Datetime("ms", "UTC")
            ).dt.convert_time_zone("Europe/Berlin"),
            ["1980-01-02"],
        ),
        (pl.Series("x", ["B", "a", None], dtype=pl.Categorical), ["b", "a", None]),
        (pl.Series("x", ["B"], dtype=pl.Enum(["B"])), ["b"]),
        (pl.Series("x", [None, None]), [None, None]),
        (pl.Series("x", [["Bob ", "ROB"], [], None, [None, "x"], [""]]), ["bob|rob", None, None, "x", None]),
        (pl.Series("x", [[1.0, 2.5]], dtype=pl.Array(pl.Float64, 2)), ["1|2.5"]),
    ],
)
def test_typed_columns(column: pl.Series, expected: list[str | None]) -> None:
    assert texts(column) == expected


def test_large_floats_keep_their_value() -> None:
    for text in texts([2.0**53, 1e300, 2.0**53 - 1]):
        assert text is not None
    assert texts([2.0**53 - 1]) == ["9007199254740991"]
    assert [float(t or "nan") for t in texts([2.0**53, 1e300])] == [2.0**53, 1e300]


@pytest.mark.parametrize(
    "column", [pl.Series("blob", [b"x"]), pl.Series("pair", [{"a": 1}]), pl.Series("things", [[{"a": 1}]])]
)
def test_no_form_as_text(column: pl.Series) -> None:
    with pytest.raises(InputError, match=column.name):
        normalise_column(column)


@pytest.mark.parametrize(
    ("kind", "values", "expected", "unreadable"),
    [
        ("integer", ["007", "+5", "-0", "12.0", "x", "1.5", "", None, " 8 ", "-012"],
         ["7", "5", "0", "12", None, None, None, None, "8", "-12"], 2),
        ("integer", [3.0, 3.5, None], ["3", None, None], 1),
        ("number", ["1.50", "2", ".5", "1e3", "1,5", "inf", "nan", "", "+2.0"],
         ["1.5", "2", "0.5", "1000", None, None, None, None, "2"], 3),
        ("date", ["1980-01-02", "1980-02-30", "02/01/1980", "1980-01-02T10:00", "", None, "19800102"],
         ["1980-01-02", None, None, "1980-01-02", None, None, None], 3),
        ("date", [dt.date(1980, 1, 2), None], ["1980-01-02", None], 0),
    ],
)  # fmt: skip
def test_declared_types(kind: str, values: list[object], expected: list[str | None], unreadable: int) -> None:
    column = pl.Series("x", values, strict=True)
    settings = FieldSettings.model_validate({"type": kind})
    # Empty text is missing, not unreadable, whatever the switches say.
    for normalise in (Normalise(), OFF):
        result, count = normalise_column(column, settings, normalise)
        assert (result.to_list(), count) == (expected, unreadable)


def test_date_formats() -> None:
    day_first = FieldSettings(type="date", format="%d/%m/%Y")
    written = ["02/01/1980", "2/1/1980", "1980-01-02", "31/02/1980"]
    assert texts(pl.Series(written), day_first) == ["1980-01-02", "1980-01-02", None, None]
    compact = FieldSettings(type="date", format="%Y%m%d")
    assert normalise_column(pl.Series([19151111, 19159931]), compact)[1] == 1
    # A column stored as dates needs no format.
    assert texts(pl.Series("x", [dt.date(1980, 1, 2)]), day_first) == ["1980-01-02"]
    assert texts(pl.Series("x", [dt.datetime(1980, 1, 2, 5)]), day_first) == ["1980-01-02"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dates(), max_size=5), st.sampled_from(["%d/%m/%Y", "%Y%m%d", "%d %b %Y", "%Y-%m-%d"]))
def test_date_formats_as_strptime(days: list[dt.date], form: str) -> None:
    days = [d for d in days if d.year >= 1000]
    written = pl.Series("x", [d.strftime(form) for d in days], dtype=pl.String)
    assert texts(written, FieldSettings(type="date", format=form)) == [d.isoformat() for d in days]


def test_format_without_date_is_refused() -> None:
    with pytest.raises(SpecError, match='type = "date"'):
        FieldSettings(format="%Y")
    with pytest.raises(SpecError, match="trimm"):
        FieldSettings(**{"trimm": True})  # type: ignore[arg-type]


def test_bad_format_is_an_input_error() -> None:
    with pytest.raises(InputError, match="%H"):
        normalise_column(pl.Series("born", ["1980"]), FieldSettings(type="date", format="%H"))
