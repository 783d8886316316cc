"""Comparators of numbers, dates, places, sets and functions, against plain twins and published values."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Any

import naive_values as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tallystick.comparisons import sets
from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.dates import date_parts, days_between
from tallystick.comparisons.equality import exact
from tallystick.comparisons.functions import Function, function
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.numbers import absolute_difference, relative_difference, year_proximity
from tallystick.comparisons.places import distance_km
from tallystick.comparisons.sets import any_of
from tallystick.comparisons.strings import jaro_winkler, levenshtein
from tallystick.errors import InputError

Row = tuple[str | None, ...]


def table(values: Sequence[str | Row | None]) -> tuple[pl.Series, ...]:
    """Distinct values of one side as a comparator gets them, row 0 null."""
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    width = len(rows[0])
    return tuple(
        pl.Series(f"field_{k}", [None, *(row[k] for row in rows)], dtype=pl.String) for k in range(width)
    )


def all_pairs(n: int, m: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    a, b = np.divmod(np.arange((n + 1) * (m + 1), dtype=np.int32), m + 1)
    return a.astype(np.int32), b.astype(np.int32)


def levels_of(measure: Measure, a: NDArray[np.int32], b: NDArray[np.int32]) -> list[int | None]:
    out = np.full(len(a), 255, np.uint8)
    measure.levels(a, b, out)
    return [None if level == measure.n_levels else level for level in out.tolist()]


def level(comparator: Comparator, x: str | Row | None, y: str | Row | None) -> int | None:
    """Level of one pair of values."""
    measure = comparator.prepare(table([x]), table([y]), False)
    assert measure.n_levels == comparator.n_levels == len(comparator.labels())
    one = np.ones(1, np.int32)
    return levels_of(measure, one, one)[0]


def similarity(comparator: Comparator, x: str | Row, y: str | Row) -> float:
    one = np.ones(1, np.int32)
    return float(comparator.prepare(table([x]), table([y]), False).similarities(one, one)[0])


def check_all(comparator: Comparator, left: Sequence[Any], right: Sequence[Any], twin: Any) -> None:
    """Every pair of values, missing ones included, has the level that the twin says; so within a side."""
    for same in (False, True):
        ours, theirs = table(left), table(left if same else right)
        measure = comparator.prepare(ours, ours if same else theirs, same)
        a, b = all_pairs(len(left), len(theirs[0]) - 1)
        x, y = ([None, *left], [None, *(left if same else right)])
        expected = [None if 0 in (i, j) else twin(x[i], y[j]) for i, j in zip(a, b, strict=True)]
        assert levels_of(measure, a, b) == expected
        missing = np.isnan(measure.similarities(a, b)).tolist()
        assert missing == [one is None for one in expected]


decimals = st.decimals(-10_000, 10_000, places=2).map(str) | st.integers(-50, 50).map(str)
number_texts = st.lists(
    decimals | st.sampled_from(["x", "nan", "inf", "1e3", " 7 ", ""]), min_size=1, max_size=8
)


# Numbers


@given(number_texts, number_texts, st.sets(st.sampled_from([0.01, 0.1, 0.5, 1.0, 7.25, 100.0]), min_size=1))
@settings(max_examples=60)
def test_absolute_difference_is_that_of_the_decimal_texts(
    left: list[str], right: list[str], limits: set[float]
) -> None:
    def twin(x: str, y: str) -> int | None:
        found = naive.difference(x, y)
        return None if found is None else naive.limit_level(found, sorted(limits))

    check_all(absolute_difference(*limits), left, right, twin)


@given(number_texts, number_texts, st.sets(st.sampled_from([0.01, 0.05, 0.1, 0.5, 0.9]), min_size=1))
@settings(max_examples=60)
def test_relative_difference_is_that_of_the_decimal_texts(
    left: list[str], right: list[str], limits: set[float]
) -> None:
    def twin(x: str, y: str) -> int | None:
        found = naive.difference(x, y, relative=True)
        return None if found is None else naive.limit_level(found, sorted(limits))

    check_all(relative_difference(*limits), left, right, twin)


def test_a_difference_equal_to_a_limit_in_decimals_is_within_it() -> None:
    assert 1.1 - 1.0 > 0.1
    assert level(absolute_difference(0.1), "1.1", "1.0") == 1
    assert level(absolute_difference(0.1), "1.11", "1.0") == 0
    assert level(relative_difference(0.05), "100", "95") == 1
    assert level(relative_difference(0.05), "100", "94.99") == 0


def test_integers_of_fifteen_digits_are_told_apart() -> None:
    assert level(absolute_difference(2), "999999999999999", "999999999999998") == 1
    assert level(absolute_difference(2), "999999999999999", "999999999999996") == 0


def test_small_numbers_are_told_apart() -> None:
    assert level(absolute_difference(2e-9), "0.000000001", "0.000000002") == 1
    assert level(absolute_difference(2e-9), "0.000000001", "0.000000004") == 0
    assert level(relative_difference(0.5), "0.000000001", "0.000000004") == 0


def test_differences_are_distances() -> None:
    assert similarity(absolute_difference(1), "7", "4.5") == 2.5
    assert similarity(relative_difference(0.1), "8", "-2") == 1.25
    assert similarity(relative_difference(0.1), "0", "0") == 0


def test_unreadable_numbers_are_counted_on_both_sides() -> None:
    left, right = table(["1", "x", "nan"]), table(["y", "2", None])
    assert absolute_difference(1).prepare(left, right, False).unreadable == 3
    assert relative_difference(0.1).prepare(left, left, True).unreadable == 2


def test_year_similarity_has_the_published_values() -> None:
    found = [similarity(year_proximity(), "1950", str(1950 + d)) for d in range(5)]
    assert [round(value, 3) for value in found] == [1, 0.717, 0.513, 0, 0]
    assert found == [naive.year_similarity(1950, 1950 + d) for d in range(5)]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ("1950", "1950", 3),
        ("1950", "1949-12-31", 2),
        ("19500101", "1952-03", 1),
        ("1950", "1947", 0),
        ("1950", "195x", None),
        ("1950", "3-4-1950", None),
        ("1950-01-01T00:00:00", "1950", 3),
    ],
)
def test_year_proximity_reads_years_and_iso_dates(x: str, y: str, expected: int | None) -> None:
    assert level(year_proximity(), x, y) == expected


def test_unreadable_years_are_counted() -> None:
    assert year_proximity().prepare(table(["1950", "?"]), table(["!", None]), False).unreadable == 2


# Dates

small = st.integers(0, 13)
iso = st.one_of(
    st.builds("{:04d}-{:02d}-{:02d}".format, st.sampled_from([0, 1984, 1985]), small, small),
    st.builds("{:04d}{:02d}{:02d}".format, st.sampled_from([1984, 1985]), small, small),
    st.builds("{:04d}-{:02d}".format, st.sampled_from([1984, 1985]), small),
    st.sampled_from(["1984", "1985", "1985-32-01", "12.3.1985", "1985-02-30", "1984-02-29", "x", ""]),
)
three = st.tuples(
    st.sampled_from(["1984", "1985", "0", "x", None]),
    st.sampled_from(["1", "2", "03", "12", "32", None]),
    st.sampled_from(["1", " 2", "3", "12", "", None]),
)


@given(st.lists(iso, min_size=1, max_size=12), st.lists(iso, min_size=1, max_size=12))
def test_date_parts_of_iso_dates(left: list[str], right: list[str]) -> None:
    check_all(date_parts(), left, right, lambda x, y: naive.date_level(naive.parts(x), naive.parts(y)))


def three_parts(row: Row) -> naive.Date:
    known = [int(text) if text and text.strip().isdigit() else 0 for text in row]
    year, month, day = (n if 0 < n <= limit else None for n, limit in zip(known, (9999, 31, 31), strict=True))
    return (year, month, day)


@given(st.lists(three, min_size=1, max_size=12), st.lists(three, min_size=1, max_size=12))
def test_date_parts_of_three_fields_in_any_order(left: list[Row], right: list[Row]) -> None:
    def twin(x: Row, y: Row) -> int | None:
        return naive.date_level(three_parts(x), three_parts(y))

    check_all(date_parts(), left, right, twin)
    turned = [[(row[2], row[0], row[1]) for row in side] for side in (left, right)]
    back = date_parts(order=("day", "year", "month"))
    check_all(back, turned[0], turned[1], lambda x, y: twin((x[1], x[2], x[0]), (y[1], y[2], y[0])))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ("1985-03-04", "1985-03-04", 4),
        ("1985-03-04", "1985-04-03", 3),
        ("1985-25-03", "1985-03-25", 3),
        ("1985-03-04", "1984-04-03", 0),
        ("1985-03-04", "1985-03-05", 2),
        ("1985-03-04", "1985-12-04", 2),
        ("1985-03-04", "1958-03-04", 2),
        ("1985-03-04", "1985-07-09", 1),
        ("1985-03-04", "1984-03-09", 0),
        ("1985-03", "1985-03-04", 2),
        ("1985-03", "1985-04-03", 1),
        ("1985", "1985-03-04", 1),
        ("1985", "1984-03-04", 0),
        ("1985", "1985", 1),
        ("0000-03-04", "1985-03-04", 2),
        ("0000-03-00", "1985-03-04", None),
        ("1985-03-04 00:00:00", "19850304", 4),
        ("04/03/1985", "1985-03-04", None),
    ],
)
def test_date_parts_by_example(x: str, y: str, expected: int | None) -> None:
    assert level(date_parts(), x, y) == expected
    assert level(date_parts(), y, x) == expected
    share = similarity(date_parts(), x, y)
    assert math.isnan(share) if expected is None else share == expected / 4


@given(st.lists(iso, min_size=1, max_size=12), st.lists(iso, min_size=1, max_size=12))
def test_days_between_iso_dates(left: list[str], right: list[str]) -> None:
    def twin(x: str, y: str) -> int | None:
        a, b = (naive.calendar_day(naive.parts(text)) for text in (x, y))
        return None if a is None or b is None else naive.limit_level(abs(a - b), (1, 31, 400))

    check_all(days_between(1, 31, 400), left, right, twin)


@given(st.lists(three, min_size=1, max_size=12), st.lists(three, min_size=1, max_size=12))
def test_days_between_three_fields(left: list[Row], right: list[Row]) -> None:
    def twin(x: Row, y: Row) -> int | None:
        a, b = (naive.calendar_day(three_parts(row)) for row in (x, y))
        return None if a is None or b is None else naive.limit_level(abs(a - b), (1, 31))

    check_all(days_between(31, 1), left, right, twin)


def test_days_between_counts_days() -> None:
    assert similarity(days_between(1), "2000-02-28", "2000-03-01") == 2
    assert similarity(days_between(1), "1900-02-28", "1900-03-01") == 1


def test_unreadable_dates_are_counted() -> None:
    sides = table(["1985-03-04", "1985-02-30", "x"]), table(["1985-03", None])
    assert days_between(1).prepare(*sides, False).unreadable == 3
    assert date_parts().prepare(*sides, False).unreadable == 1
    assert date_parts().prepare(sides[0], sides[0], True).unreadable == 1


# Places

places = st.tuples(
    st.floats(-90, 90).map(str) | st.sampled_from(["91", "x", None]),
    st.floats(-180, 360).map(str) | st.sampled_from(["-181", "x", None]),
)


def coordinates(row: Row) -> tuple[float, float] | None:
    try:
        latitude, longitude = float(row[0] or "x"), float(row[1] or "x")
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and -180 <= longitude <= 360 else None


@given(st.lists(places, min_size=1, max_size=6), st.lists(places, min_size=1, max_size=6))
def test_distance_is_that_of_the_haversine_formula(left: list[Row], right: list[Row]) -> None:
    comparator = distance_km(1, 1000, 30_000)
    measure = comparator.prepare(table(left), table(right), False)
    a, b = all_pairs(len(left), len(right))
    found, levels = measure.similarities(a, b), levels_of(measure, a, b)
    for i, j, km, got in zip(a, b, found, levels, strict=True):
        x, y = (coordinates(side[k - 1]) if k else None for side, k in ((left, i), (right, j)))
        if x is None or y is None:
            assert np.isnan(km)
            assert got is None
            continue
        expected = naive.haversine_km(x, y)
        # Both lose digits towards the antipodes, where the sine is flat.
        assert km == pytest.approx(expected, abs=1e-6, rel=1e-6)
        limits = (1e-6, 1, 1000, 30_000)
        if min(abs(expected - limit) for limit in limits) > 1e-3:
            assert got == 4 - sum(expected > limit for limit in limits)
    expected_unreadable = sum(
        coordinates(row) is None and row != (None, None) for side in (left, right) for row in side
    )
    assert measure.unreadable == expected_unreadable


def test_distance_from_paris_to_london() -> None:
    paris, london = ("48.8566", "2.3522"), ("51.5074", "-0.1278")
    assert similarity(distance_km(1), paris, london) == pytest.approx(343.56, abs=0.01)
    assert level(distance_km(343, 344), paris, london) == 1
    assert level(distance_km(343, 344), paris, paris) == 3


def test_the_date_line_is_no_border() -> None:
    assert level(distance_km(1), ("10", "180"), ("10.0", "-180")) == 2
    assert similarity(distance_km(1), ("0", "179.5"), ("0", "-179.5")) == pytest.approx(111.195, abs=0.001)


def test_the_other_side_of_the_earth_is_half_its_circumference_away() -> None:
    assert similarity(distance_km(1), ("0", "0"), ("0", "180")) == pytest.approx(math.pi * 6371.0088)
    assert level(distance_km(20_015), ("0", "0"), ("0", "180")) == 0
    assert level(distance_km(20_016), ("0", "0"), ("0", "180")) == 1


# Sets

set_texts = st.lists(st.text("ab |", max_size=8), min_size=1, max_size=8)


@given(set_texts, set_texts)
def test_sets_have_the_best_level_of_any_pair_of_elements(left: list[str], right: list[str]) -> None:
    inner = levenshtein(1, 2)

    def twin(x: str, y: str) -> int | None:
        return naive.best_level(x, y, "|", lambda a, b: level(inner, a, b))

    check_all(any_of(inner), left, right, twin)


def test_batches_of_sets_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ["anna|ann", "anne", "|", "bob|rob|robert", None, "bert|robert"]
    measure = any_of(jaro_winkler(0.9, 0.8)).prepare(table(values), table(values), True)
    a, b = all_pairs(len(values), len(values))
    whole, distances = levels_of(measure, a, b), measure.similarities(a, b)
    for size in (1, 2, 5, 7):
        monkeypatch.setattr(sets, "_BATCH", size)
        assert levels_of(measure, a, b) == whole
        np.testing.assert_array_equal(measure.similarities(a, b), distances)


def test_sets_of_nothing_have_no_level() -> None:
    measure = any_of(exact()).prepare(table(["a"]), table(["b"]), False)
    nothing = np.empty(0, np.int32)
    assert levels_of(measure, nothing, nothing) == []


def test_sets_use_another_separator_and_count_what_is_unreadable() -> None:
    comparator = any_of(year_proximity(), separator="; ")
    assert level(comparator, "1950; 1960", "1961") == 2
    assert level(comparator, "1950|1960", "1960") is None
    assert comparator.prepare(table(["1950; x", "; "]), table(["y", None]), False).unreadable == 3


def test_elements_that_cannot_be_compared_do_not_hide_others() -> None:
    assert level(any_of(year_proximity()), "x|1950", "1951|y") == 2
    assert level(any_of(year_proximity()), "1950|x", "y|1999") == 0
    assert level(any_of(year_proximity()), "x|1950", "y") is None
    assert similarity(any_of(year_proximity()), "x|1950", "1950|y") == 1


def test_best_of_distances_is_the_smallest_and_of_similarities_the_largest() -> None:
    assert similarity(any_of(levenshtein(1)), "anna|bob", "rob") == 1
    assert similarity(any_of(year_proximity()), "1950|1960", "1961|1950") == 1


# Functions


def same_first_letter(x: str, y: str) -> float | None:
    """A user's function, at the top of a module that can be imported."""
    if "?" in x + y:
        return None
    return 1.0 if x[0] == y[0] else 0.25 if x[-1] == y[-1] else 0.0


class Holder:
    @staticmethod
    def length(x: str, y: str) -> float:
        return -abs(len(x) - len(y))


names = ["anna", "ann", "bea", "bob", "?"]


def test_a_function_gives_levels_by_its_thresholds() -> None:
    def twin(x: str, y: str) -> int | None:
        found = same_first_letter(x, y)
        return None if found is None else (found >= 0.25) + (found >= 1)

    check_all(function(same_first_letter, 0.25, 1), names, ["bert", "anna", "?!"], twin)


def test_a_function_is_called_once_for_a_pair_of_values() -> None:
    calls = []

    def counted(x: str, y: str) -> float:
        calls.append((x, y))
        return 1.0

    measure = function(counted, 0.5).prepare(table(["a", "b"]), table(["c"]), False)
    a = np.array([1, 2, 1, 1, 2, 0], np.int32)
    assert levels_of(measure, a, np.ones(6, np.int32)) == [1, 1, 1, 1, 1, None]
    assert sorted(calls) == [("a", "c"), ("b", "c")]


def test_an_importable_function_is_known_by_its_path() -> None:
    comparator = function(same_first_letter, 0.5)
    assert comparator.path == f"{__name__}:same_first_letter"
    assert comparator == Function.model_validate_json(comparator.model_dump_json())
    assert comparator == pickle.loads(pickle.dumps(comparator))
    assert comparator.function() is same_first_letter
    assert function(Holder.length, 0).path == f"{__name__}:Holder.length"
    measure = comparator.prepare(table(names), table(names), True)
    a, b = all_pairs(len(names), len(names))
    assert levels_of(pickle.loads(pickle.dumps(measure)), a, b) == levels_of(measure, a, b)


def test_another_function_says_that_it_cannot_be_written() -> None:
    comparator = function(lambda x, y: 1.0, 0.5)
    assert comparator.path is None
    assert copy.deepcopy(comparator) == comparator
    measure = comparator.prepare(table(names), table(names), True)
    for whole in (comparator, measure):
        with pytest.raises(InputError, match=r"lambda.* cannot be written to a file or sent"):
            pickle.dumps(whole)
    with pytest.raises(ValueError, match=r"lambda.* cannot be written to a file or sent"):
        comparator.model_dump_json()


def test_what_goes_wrong_in_a_function_names_it_and_the_field_but_no_value() -> None:
    def wrong(x: str, y: str) -> float:
        return float(x)

    with pytest.raises(
        InputError, match=r'wrong of the comparison of "field_0" failed with ValueError'
    ) as info:
        level(function(wrong, 0.5), "Secret", "Secret")
    assert "Secret" not in str(info.value)
    with pytest.raises(InputError, match="returned a value of type str"):
        level(function(lambda x, y: "0.5", 0.5), "a", "b")  # type: ignore[arg-type, return-value]
    with pytest.raises(InputError, match="returned a value of type list"):
        level(function(lambda x, y: [], 0.5), "a", "b")  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:f", "cannot be imported"),
        ("math:nothing", "cannot be imported"),
        ("math:pi", "no function"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_when_it_is_used(path: str, message: str) -> None:
    comparator = function(path, 0.5)
    with pytest.raises(InputError, match=f"{path}.*{message}|{message}"):
        comparator.prepare(table(["a"]), table(["b"]), False)


# What is not valid


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: absolute_difference(), "max_differences: give at least one largest difference"),
        (lambda: absolute_difference(1, 0), "the largest difference 0 is out of range: use more than 0"),
        (lambda: absolute_difference(math.inf), "the largest difference inf is out of range"),
        (lambda: absolute_difference(1, 1), "two largest differences are equal"),
        (lambda: relative_difference(5), r"the share 5 is out of range: .*0.05 is 5 %"),
        (lambda: days_between(-1), "the largest number of days -1 is out of range"),
        (lambda: date_parts(("year", "year", "day")), "order has a part twice"),
        (lambda: date_parts(("year", "month", "hour")), 'date_parts, order.*"hour".*"day"'),  # type: ignore[arg-type]
        (lambda: distance_km(), "give at least one largest distance"),
        (lambda: any_of(exact(), ""), "separator"),
        (lambda: any_of(distance_km(1)), "expected 2 fields a side for distance_km"),
        (lambda: function("no path", 0.5), 'path: found "no path", expected "module:name"'),
        (lambda: function("a:b"), "thresholds: give at least one threshold"),
        (lambda: function("a:b", 1, 1), "two thresholds are equal"),
        (lambda: function("a:b", math.nan), "no finite number"),
        (lambda: Function(thresholds=(1,)), "expected the path of the function"),
    ],
)
def test_wrong_settings_are_told(build: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


def test_labels_say_what_the_limits_are_from_disagreement_up() -> None:
    assert relative_difference(0.1, 0.025).labels() == (
        "more than 10 % apart",
        "at most 10 % apart",
        "at most 2.5 % apart",
        "equal",
    )
    assert any_of(days_between(1)).labels() == ("more than 1 day apart", "at most 1 day apart", "same day")
    assert function("a:b", 1, 2).labels() == ("below 1", "at least 1", "at least 2")
