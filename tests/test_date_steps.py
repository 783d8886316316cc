"""Dates of a column: forms, order, centuries, parts; what cannot be known stays missing."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation.dates.calendar import exists
from tallystick.preparation.dates.formats import form_of
from tallystick.preparation.dates.names import LANGUAGES, months
from tallystick.preparation.steps.date_parts import JoinDate, SplitDate
from tallystick.preparation.steps.dates import Date
from tallystick.preparation.steps.step import Applied, Context, PreparationStep, differs
from tallystick.preparation.words.files import shipped

DAYS = st.dates(date(1850, 1, 1), date(2049, 12, 31))
FORMS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%Y-%m-%dT00:00:00",
    "%Y-%m-%d 11:30 pm",
    "%Y%m%d235959",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d%b%Y",
    "%B %d, %Y",
    "%b. %d %Y",
    "%A, %d %B %Y",
    "%a, %d %b %Y 10:00:00 +0100",
    "%Y %B %d",
    "the %dth of %B %Y",
    "%Y年%m月%d日",
)
DAY_FIRST = (
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d %m %Y",
    "%d. %m. %Y",
    "%d%m%Y",
    "%d/%m-%Y",
    "%d/%m/%Y 10:00",
)


def run(
    step: PreparationStep, values: list[str | None], n: list[int] | None = None, **context: Any
) -> Applied:
    """A step over distinct values of one field."""
    frame = pl.DataFrame({"d": pl.Series(values, dtype=pl.String)})
    records = np.array(n or [1] * len(values), np.int64)
    return step.apply(frame, records, Context(**context))


def read(values: list[str | None], n: list[int] | None = None, **of_date: Any) -> list[str | None]:
    """What the step makes of them."""
    return run(Date(**of_date), values, n).columns["d"].to_list()


def reasons(values: list[str | None], n: list[int] | None = None, **of_date: Any) -> dict[str, list[bool]]:
    """What it reports."""
    found = run(Date(**of_date), values, n).reported
    return {reason: which.tolist() for reason, which in found.items()}


@given(DAYS, st.sampled_from(FORMS))
@settings(max_examples=80)
def test_a_date_in_any_plain_form_is_read_as_written(day: date, form: str) -> None:
    written = day.strftime(form)
    assert read([written]) == [day.isoformat()], written


@given(DAYS, st.sampled_from(DAY_FIRST), st.booleans())
@settings(max_examples=80)
def test_one_value_that_can_be_read_one_way_tells_the_others(day: date, form: str, day_first: bool) -> None:
    if not day_first:
        form = form.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
    telling = date(1999, 3, 31).strftime(form)
    assert read([day.strftime(form), telling])[0] == day.isoformat()


@given(st.lists(st.tuples(st.integers(1, 34), st.integers(1, 34), st.integers(1, 4)), min_size=1, max_size=8))
@settings(max_examples=100)
def test_order_is_told_as_by_the_plain_rule(triples: list[tuple[int, int, int]]) -> None:
    def there(month: int, day: int) -> bool:
        try:
            return bool(date(1980, month, day))
        except ValueError:
            return False

    records = Counter({(a, b): 0 for a, b, _ in triples})
    for a, b, n in triples:
        records[a, b] += n
    by_day = sum(n for (a, b), n in records.items() if there(b, a) and not there(a, b))
    by_month = sum(n for (a, b), n in records.items() if there(a, b) and not there(b, a))
    expected: list[str | None] = []
    for a, b in records:
        ways = {f"1980-{b:02}-{a:02}"} if there(b, a) and (there(a, b) <= (not by_month or a == b)) else set()
        ways |= {f"1980-{a:02}-{b:02}"} if there(a, b) and (there(b, a) <= (not by_day or a == b)) else set()
        expected.append(ways.pop() if len(ways) == 1 else None)
        if there(a, b) and there(b, a) and a != b and by_day and by_month:
            expected[-1] = None
    written: list[str | None] = [f"{a}/{b}/1980" for a, b in records]
    assert read(written, list(records.values()), evidence=0) == expected


def test_evidence_on_both_sides_or_too_little_of_it_leaves_the_rest_missing_and_says_so() -> None:
    values = ["25/12/1975", "12/25/1976", "03/04/1980", "05/05/1980"]
    assert read(values, [2, 3, 7, 1]) == ["1975-12-25", "1976-12-25", None, "1980-05-05"]
    (reason,) = reasons(values, [2, 3, 7, 1])
    assert reason == (
        "day or month first is not known (2 records can only be day first, 3 only month first, 7 either)"
    )
    # One record of 200 is a slip of the pen as well as evidence.
    assert read(["25/12/1975", "03/04/1980"], [1, 199]) == ["1975-12-25", None]
    assert read(["25/12/1975", "03/04/1980"], [1, 199], evidence=0.001) == ["1975-12-25", "1980-04-03"]
    assert read(["03/04/1980"]) == [None]


def test_a_stated_order_holds_against_the_column() -> None:
    values = ["25/12/1975", "12/25/1976", "03/04/1980"]
    assert read(values, order="day_first") == ["1975-12-25", None, "1980-04-03"]
    assert reasons(values, order="day_first") == {
        "no such day or month in the stated order, only in another": [False, True, False]
    }
    assert read(values, order="month_first") == [None, "1976-12-25", "1980-03-04"]


@pytest.mark.parametrize("value", ["31/02/1980", "1980-02-30", "1900-02-29", "31 April 1990", "13/13/1980"])
def test_impossible_dates_are_wrong(value: str) -> None:
    assert read([value]) == [None]
    assert reasons([value]) == {"no such day or month": [True]}
    assert read([value], wrong="keep") == [value]


@pytest.mark.parametrize(
    "value",
    [
        *("29358", "29358.5", "198005", "310580"),
        *(
            "about 1980",
            "1980?",
            "1980-1985",
            "May 12",
            "5 Brumaire 1980",
            "05/80",
            "unknown",
            "12:30",
            "5 1980 May 6",
        ),
    ],
)
def test_what_is_no_known_form_is_not_guessed(value: str) -> None:
    (reason,) = reasons([value], order="day_first", two_digit_years={"pivot": 30})
    assert reason.startswith("a number" if value[:5].isdigit() else "not in a known form")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("1980", "1980"), ("1980-05", "1980-05"), ("05/1980", "1980-05"), ("5.1980", "1980-05")),
        *(
            ("1980-05-00", "1980-05"),
            ("1980-00-00", "1980"),
            ("00/05/1980", "1980-05"),
            ("00/00/1980", "1980"),
        ),
        *(
            ("??/05/1980", "1980-05"),
            ("xx/xx/1980", "1980"),
            ("1980-05-??", "1980-05"),
            ("XX May 1980", "1980-05"),
        ),
        *(
            ("May 1980", "1980-05"),
            ("mayo de 1980", "1980-05"),
            ("19800500", "1980-05"),
            ("19800000", "1980"),
        ),
        *(("May-80", None), ("1980-81", None), ("00/00/0000", None), ("0019-05-06", None)),
    ],
)
def test_of_a_partial_date_the_known_part_is_written(value: str, expected: str | None) -> None:
    assert read([value]) == [expected]


def test_unknown_parts_are_no_evidence_of_the_order() -> None:
    assert read(["00/05/1980", "03/04/1980"]) == ["1980-05", None]
    assert read(["05/00/1980", "03/25/1980"]) == ["1980-05", "1980-03-25"]


def test_years_of_two_digits_need_a_rule() -> None:
    values = ["31/12/30", "31/12/31", "31/12/00", "29/02/00"]
    assert read(values) == [None] * 4
    assert list(reasons(values)) == ["a year of two digits without a rule for its century"]
    assert read(values, two_digit_years={"pivot": 30}) == [
        *("2030-12-31", "1931-12-31", "2000-12-31", "2000-02-29"),
    ]
    assert read(["17-MAY-80", "May 5, '01"], two_digit_years={"pivot": 30}) == ["1980-05-17", "2001-05-05"]


@given(DAYS, st.dates(date(1950, 1, 1), date(2049, 12, 31)))
@settings(max_examples=60)
def test_latest_is_the_last_year_not_after_the_reference_date(day: date, reference: date) -> None:
    step = Date(order="day_first", two_digit_years="latest")
    (found,) = run(step, [day.strftime("%d/%m/%y")], reference_date=reference).columns["d"]
    years = [y for y in range(reference.year - 100, reference.year + 1) if y % 100 == day.year % 100]

    def not_after(year: int) -> bool:
        return (year, day.month, day.day) <= (reference.year, reference.month, reference.day)

    year = max(y for y in years if not_after(y))
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    there = leap or (day.month, day.day) != (2, 29)
    assert found == (f"{year:04}-{day.month:02}-{day.day:02}" if there else None)


def test_latest_without_a_reference_date_is_an_error_only_where_it_is_needed() -> None:
    step = Date(two_digit_years="latest")
    assert run(step, ["1980-05-06"]).columns["d"].to_list() == ["1980-05-06"]
    with pytest.raises(InputError, match="source 'census' has years of two digits but no reference date"):
        run(step, ["31/12/80"], source="census")


def test_a_year_of_two_digits_in_front_is_read_where_the_column_shows_it() -> None:
    rule = {"two_digit_years": {"pivot": 30}}
    assert read(["80-12-31", "10-11-12"], **rule) == ["1980-12-31", "2010-11-12"]
    assert read(["80-12-31", "31-12-80", "10-11-12"], **rule) == ["1980-12-31", "1980-12-31", None]
    assert read(["31-12-28", "05-04-19"], **rule) == ["2028-12-31", "2019-04-05"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_month_names_of_all_languages_are_those_of_cldr(language: str) -> None:
    dates = pytest.importorskip("babel.dates")
    codes = dict(
        zip(
            LANGUAGES,
            [
                "en",
                "de",
                "fr",
                "es",
                "it",
                "nl",
                "pt",
                "sv",
                "nb",
                "da",
                "is",
                "fi",
                "pl",
                "cs",
                "hr",
                "hu",
                "ro",
                "tr",
                "el",
                "ru",
                "uk",
            ],
            strict=True,
        )
    )
    for month in range(1, 13):
        for width in ("wide", "abbreviated"):
            name = dates.get_month_names(width, "format", locale=codes[language])[month]
            assert read([f"5 {name} 1980"], language=language) == [f"1980-{month:02}-05"], name


def test_a_name_of_two_months_needs_the_language() -> None:
    # July in Polish and June in Croatian; November in Czech and Polish, October in Croatian.
    assert read(["5 lip 1980", "5 listopad 1980"]) == [None, None]
    assert read(["5 lip 1980", "5 listopad 1980"], language="polish") == ["1980-07-05", "1980-11-05"]
    assert read(["5 lip 1980"], language="croatian") == ["1980-06-05"]
    assert read(["5 augu 1980", "5 jui 1980"], language="french") == [None, None]
    assert read(["5 novem 1980", "1er mai 1980", "5. Mai 1980"], language="french") == [
        *("1980-11-05", "1980-05-01", "1980-05-05"),
    ]
    with pytest.raises(SpecError, match="language"):
        Date(language="klingon")  # type: ignore[arg-type]


def test_months_by_roman_numerals() -> None:
    assert read(["12.VII.1980", "3 ix 1975", "1.I.1946"]) == ["1980-07-12", "1975-09-03", "1946-01-01"]


def test_an_x_for_a_month_is_the_tenth_or_unknown() -> None:
    lone = ["5.X.1980", "05/x/1980", "X.1980", "1980-x", "1980-x-05"]
    applied = run(Date(), lone)
    assert applied.columns["d"].null_count() == len(lone)
    assert [which.all() for which in applied.reported.values()] == [True]
    assert read(["x/05/1980", "x.x.1980", "xx/05/1980", "1980-05-x"]) == [
        "1980-05",
        "1980",
        "1980-05",
        "1980-05",
    ]
    # Among other numerals in capitals it is the tenth, unless crosses stand for what is unknown.
    assert read(["5.X.1980", "6.IX.1980", "7.x.1980"]) == ["1980-10-05", "1980-09-06", None]
    assert read(["5.X.1980", "6.IX.1980", "xx.05.1980"]) == [None, "1980-09-06", "1980-05"]
    # Where the month comes first, it is the day that is unknown.
    assert read(["05/x/1980"], order="month_first") == ["1980-05"]


def test_an_x_in_a_field_of_months_is_the_tenth_or_unknown() -> None:
    def joined(*months: str) -> list[str | None]:
        frame = pl.DataFrame({"y": ["1980"] * len(months), "m": months, "d": ["5"] * len(months)})
        step = JoinDate(into="date", month="m", day="d")
        return step.apply(frame, np.ones(len(months), np.int64), Context()).columns["date"].to_list()

    assert joined("x", "X", "5") == [None, None, "1980-05-05"]
    assert joined("X", "IX") == ["1980-10-05", "1980-09-05"]


def test_the_lists_of_names_are_well_formed() -> None:
    names = shipped("month_names")
    assert set(shipped("weekday_names")["language"]) == set(LANGUAGES)
    assert set(names["language"]) == {*LANGUAGES, "roman"}
    of_language = names.group_by("language").agg(pl.col("month").n_unique())
    assert set(of_language["month"]) == {12}
    assert not names.select("language", "name").is_duplicated().any()
    assert months()["mai"] == 5


def test_formats_instead_of_detection() -> None:
    formats = ("%d/%m/%Y %H:%M", "%d.%m.%y", "%Y%j%%"[:2])
    assert read(
        ["03/04/1980 10:30", "1.2.80", "2001", "03/04/1980"], formats=formats, two_digit_years={"pivot": 30}
    ) == [
        *("1980-04-03", "1980-02-01", "2001", None),
    ]
    assert list(reasons(["03/04/1980"], formats=formats)) == ["not in a stated format"]
    assert read(["5 mai 1980", "1980-05-06"], formats=("%d %b %Y",)) == ["1980-05-05", "1980-05-06"]


@given(
    DAYS,
    st.sampled_from(
        [*DAY_FIRST, *FORMS[:4], "%m/%d/%Y", "%Y/%d/%m", "%d%b%Y", "%A %d %B %Y", "%F", "%e-%b-%Y"]
    ),
)
@settings(max_examples=60)
def test_formats_read_what_strftime_writes(day: date, form: str) -> None:
    # A time of day has to be part of a format.
    form = form.replace(" 10:00", " %H:%M")
    assert read([day.strftime(form)], formats=(form,)) == [day.isoformat()]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%d/%m", "has no year"),
        ("%d %Y", "has a day"),
        ("%Y-%m-%Q", "'%Q', which is none of"),
        ("%d/%d/%Y", "the same part twice"),
        ("%Y-%d-%m", "cannot be told from ISO 8601"),
        ("%m%y", "cannot be told from ISO 8601"),
    ],
)
def test_a_format_that_cannot_be_used_says_why(form: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        Date(formats=(form,))
    assert form_of("%d/%m/%Y").rule == "format %d/%m/%Y"


def test_the_parts_go_to_their_fields() -> None:
    step = Date(into={"year": "y", "month": "m", "day": "dd"})  # type: ignore[arg-type]
    assert step.writes("d") == ("d", "y", "m", "dd")
    assert step.dates("d") == ("d",)
    found = run(step, ["1980-05-06", "05/1980", "03/04/1980", "x", None])
    assert {name: column.to_list() for name, column in found.columns.items()} == {
        "d": ["1980-05-06", "1980-05", None, None, None],
        "y": ["1980", "1980", None, None, None],
        "m": ["5", "5", None, None, None],
        "dd": ["6", None, None, None, None],
    }
    with pytest.raises(SpecError, match="two parts of a date cannot go to one field"):
        Date(into={"year": "y", "month": "y"})  # type: ignore[arg-type]
    split = run(SplitDate(into={"year": "y", "day": "dd"}), ["1980-05-06", "1980-05", "1980-02-30", None])  # type: ignore[arg-type]
    assert {name: column.to_list() for name, column in split.columns.items()} == {
        "y": ["1980", "1980", None, None],
        "dd": ["6", None, None, None],
    }
    assert [which.tolist() for which in split.reported.values()] == [[False, False, True, False]]


def test_the_commonest_date_is_suspicious_only_where_it_looks_put_in() -> None:
    def suspected(values: list[str | None], n: list[int]) -> list[bool]:
        return next((w for reason, w in reasons(values, n).items() if reason.startswith("suspicious")), [])

    assert suspected(["1900-01-01", "1980-05-06", "01/01/1900"], [15, 900, 0]) == []
    assert suspected(["1900-01-01", "1980-05-06", "01/01/1900"], [950, 900, 0]) == [True, False, True]
    assert read(["1900-01-01", "1980-05-06"], [950, 900]) == ["1900-01-01", "1980-05-06"]
    assert suspected(["1900-01-01", "1980-05-06"], [8, 1]) == []
    assert suspected(["1900-03-01", "1980-05-06"], [950, 1]) == []


def test_what_changed_is_counted_and_no_rule_holds_a_value() -> None:
    values: list[str | None] = [
        "25/12/1975",
        "03/04/1980",
        "5 May 1980",
        "1980-05-06",
        "May 1977",
        "x",
        "1980-05-06 10:00",
    ]
    found = run(Date(), values)
    assert {rule: int(which.sum()) for rule, which in found.changed.items()} == {
        "day first, as the column tells": 2,
        "ISO 8601": 1,
        "month by name": 2,
        "time of day left out": 1,
        "no date that can be read: set missing": 1,
    }


PIECES = st.lists(
    st.sampled_from(
        [*"0123456789", *"-/. :?x'", "19", "20", "12", "may", "mai", "lip", "t", "é", "\u2013", "１"]
    ),
    max_size=11,
)
TEXTS = st.lists(
    st.one_of(st.none(), PIECES.map("".join), DAYS.map(lambda d: d.strftime("%m/%d/%y"))),
    max_size=6,
    unique=True,
)


@given(
    TEXTS,
    st.sampled_from(["detect", "day_first", "month_first"]),
    st.sampled_from(["missing", "keep"]),
    st.sampled_from([None, {"pivot": 30}, "latest"]),
    st.sampled_from([(), ("%d/%m/%Y",), ("%m/%d/%y", "%b %Y")]),
)
@settings(max_examples=150)
def test_idempotent_and_every_change_has_a_rule(
    values: list[str | None], order: str, wrong: str, years: Any, formats: tuple[str, ...]
) -> None:
    step = Date(
        order=order,  # type: ignore[arg-type]
        wrong=wrong,  # type: ignore[arg-type]
        two_digit_years=years,
        formats=formats,
        into={"year": "y", "month": "m", "day": "dd"},  # type: ignore[arg-type]
    )
    first = run(step, values, reference_date=date(2020, 5, 1))
    new = first.columns["d"]
    everything = np.any([*first.changed.values(), np.zeros(len(values), bool)], axis=0)
    assert everything.tolist() == differs(pl.Series(values, dtype=pl.String), new).tolist()
    again = run(step, new.to_list(), reference_date=date(2020, 5, 1))
    assert again.columns["d"].to_list() == new.to_list()
    assert {name: column.to_list() for name, column in again.columns.items()} == {
        name: column.to_list() for name, column in first.columns.items()
    }
    assert again.changed == {}
    reported = np.any([*first.reported.values(), np.zeros(len(values), bool)], axis=0)
    for value, became, told in zip(values, new, reported, strict=True):
        assert became is not None or value is None or told


@given(st.integers(1, 2400), st.integers(-1, 14), st.integers(-1, 33))
def test_the_calendar_is_that_of_datetime(year: int, month: int, day: int) -> None:
    numbers = [np.array([part], np.int32) for part in (year, month, day)]
    try:
        expected = bool(date(year, month or 1, day or 1)) and month >= 0 and day >= 0
    except ValueError:
        # Without a month, every day that some month has may be.
        expected = month == 0 and 1 <= day <= 31
    assert exists(numbers[0], numbers[1], numbers[2]).tolist() == [expected]


def joined(rows: list[tuple[str | None, str | None, str | None]], **more: Any) -> Applied:
    step = JoinDate(into="birth", year="y", month="m", day="d", **more)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(step.reads("other"), pl.String), orient="row")
    return step.apply(frame, np.ones(len(rows), np.int64), Context(reference_date=date(2020, 5, 1)))


def test_join_date_keeps_what_is_known() -> None:
    rows = [
        ("1980", "5", "6"),
        ("1980", "May", "06"),
        ("1980", "05", None),
        ("1980", "05", "00"),
        ("1980", None, "7"),
        ("1980", "??", "??"),
        ("1980", "2", "30"),
        ("1980", "13", "1"),
        (None, "5", "6"),
        (None, None, None),
        ("80", "5", "6"),
        ("1980", "foo", "6"),
        ("0080", "5", "6"),
    ]
    found = joined(rows)
    expected = ["1980-05-06", "1980-05-06", "1980-05", "1980-05", "1980", "1980", *[None] * 7]
    assert found.columns["birth"].to_list() == expected
    assert {reason: np.flatnonzero(which).tolist() for reason, which in found.reported.items()} == {
        "no such day or month": [6, 7],
        "a month or day without a year": [8],
        "a year of two digits without a rule for its century": [10],
        "a part that is no year, month or day": [11],
        "a year before 1000": [12],
    }
    assert joined([("80", "5", "6"), ("20", "6", "1"), ("00", "2", "29")], two_digit_years="latest").columns[
        "birth"
    ].to_list() == ["1980-05-06", "1920-06-01", "2000-02-29"]


@given(DAYS)
@settings(max_examples=40)
def test_join_date_and_split_date_undo_each_other(day: date) -> None:
    split = run(SplitDate(into={"year": "y", "month": "m", "day": "d"}), [day.isoformat()])  # type: ignore[arg-type]
    parts = tuple(split.columns[name].item() for name in ("y", "m", "d"))
    assert joined([parts]).columns["birth"].to_list() == [day.isoformat()]


def test_join_date_needs_a_month_for_its_day() -> None:
    with pytest.raises(SpecError, match="day needs month"):
        JoinDate(into="birth", day="d")
    assert JoinDate(into="birth").reads("y") == ("y",)
    assert JoinDate(into="birth").writes("y") == JoinDate(into="birth").dates("y") == ("birth",)


def test_a_few_slips_do_not_hide_the_order_of_the_column() -> None:
    values = ["12/25/1975", "25/12/1975", "03/04/1980"]
    assert read(values, [98, 2, 100]) == ["1975-12-25", "1975-12-25", "1980-03-04"]
    assert read(values, [97, 3, 100]) == ["1975-12-25", "1975-12-25", None]
    assert read(values, [98, 2, 100], against=0) == ["1975-12-25", "1975-12-25", None]
    found = run(Date(), values, [98, 2, 100])
    assert "month first, as 98 records tell against 2" in found.changed
    assert "day first is the only way to read it" in found.changed
    assert not found.reported
    for wrong in (0.5, -0.1):
        with pytest.raises(SpecError, match="against"):
            Date(against=wrong)
