"""A date made of its parts, and the parts of a date."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import model_validator

from tallystick.preparation.dates.calendar import EARLIEST, Mask, Numbers, exists, iso
from tallystick.preparation.dates.centuries import TwoDigitYears, full_years
from tallystick.preparation.dates.forms import cleaned
from tallystick.preparation.dates.names import Language, months
from tallystick.preparation.dates.roman import TEN_OR_UNKNOWN, tell_ten
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.dates import DateParts
from tallystick.preparation.steps.step import Applied, Context, PreparationStep, mask

_UNKNOWN = r"^(\?{1,2}|x{1,2}|0{1,2})$"
_UNKNOWN_YEAR = r"^(\?{1,4}|x{1,4}|0|0000)$"
_ISO = r"^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$"
_WRONG = -1


class JoinDate(PreparationStep):
    """Make one date of fields that hold year, month and day.

    The date is shortened where the day, or month and day, are missing or unknown (``00``, ``??``, ``xx``).

    Attributes
    ----------
    into : str
        Field that the date is written to.
    year : str, optional
        Field of the year; by default the one whose step this is.
    month, day : str, optional
        Fields of the month, by number or by name, and of the day. Without one the date ends before it.
    two_digit_years : {"pivot": n} or "latest", optional
        As of the step ``date``.
    language : str, optional
        As of the step ``date``.
    """

    type: Literal["join_date"] = "join_date"
    into: str
    year: str | None = None
    month: str | None = None
    day: str | None = None
    two_digit_years: TwoDigitYears = None
    language: Language | None = None

    @model_validator(mode="after")
    def _day_is_of_a_month(self) -> JoinDate:
        if self.day is not None and self.month is None:
            raise ValueError("day needs month: a day without its month is no part of a date")
        return self

    def reads(self, name: str) -> tuple[str, ...]:
        """Fields that the step reads when it is one of a field's steps."""
        fields = (self.year or name, self.month, self.day)
        return tuple(dict.fromkeys(one for one in fields if one is not None))

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes when it is one of a field's steps."""
        return (self.into,)

    def dates(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes as dates (ISO 8601)."""
        return (self.into,)

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others (see `PreparationStep.apply`)."""
        years = cleaned(values.to_series(0))
        year = _numbers(years, r"^\d{4}$", _UNKNOWN_YEAR)
        month, ten_or_unknown = self._months(values)
        day = np.zeros_like(year) if self.day is None else _numbers(cleaned(values[self.day]), r"^\d{1,2}$")
        short = _numbers(years, r"^\d\d$", None)
        is_short = (year == _WRONG) & (short >= 0)
        if self.two_digit_years is not None and is_short.any():
            known_month, known_day = np.maximum(month, 0), np.maximum(day, 0)
            full = full_years(
                short, known_month, known_day, self.two_digit_years, context.source, context.reference_date
            )
            year = np.where(is_short, full, year).astype(np.int32)
            is_short = np.zeros_like(is_short)
        no_year = (year == 0) & ((month != 0) | (day != 0))
        unread = (month == _WRONG) | (day == _WRONG) | ((year == _WRONG) & ~is_short)
        early = (year > 0) & (year < EARLIEST)
        there = (year > 0) & ~unread
        impossible = there & ~early & ~exists(year, month, day) & ~ten_or_unknown
        good = there & ~early & ~impossible & ~ten_or_unknown
        reasons = {
            "a part that is no year, month or day": unread,
            "a year of two digits without a rule for its century": is_short & ~unread,
            TEN_OR_UNKNOWN: ten_or_unknown & ~unread & ~early,
            "no such day or month": impossible,
            f"a year before {EARLIEST}": early & ~unread,
            "a month or day without a year": no_year & ~unread,
        }
        whole = good & (month > 0) & (day > 0)
        rules = {
            "year, month and day joined": whole,
            "joined as far as the parts are known": good & ~whole,
        }
        return Applied(
            {self.into: iso(year, month, day, good).alias(self.into)},
            met(rules),
            met(reasons),
        )

    def _months(self, values: pl.DataFrame) -> tuple[Numbers, Mask]:
        """Months by number or name, and which may be the tenth or unknown."""
        if self.month is None:
            return np.zeros(len(values), np.int32), np.zeros(len(values), bool)
        told, ten_or_unknown = tell_ten(values[self.month])
        texts = cleaned(told)
        named = texts.str.strip_suffix(".").replace_strict(
            dict(months(self.language)), default=None, return_dtype=pl.Int32
        )
        by_number = _numbers(texts, r"^\d{1,2}$")
        month = np.where(mask(named.is_not_null()), named.fill_null(0).to_numpy(), by_number)
        return month.astype(np.int32), ten_or_unknown


class SplitDate(PreparationStep):
    """Write the parts of dates by ISO 8601 to fields of their own; the date stays.

    Attributes
    ----------
    into : DateParts
        Fields for year, month and day.
    """

    type: Literal["split_date"] = "split_date"
    into: DateParts

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes when it is one of a field's steps."""
        return self.into.fields()

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others (see `PreparationStep.apply`)."""
        texts = values.to_series()
        found = texts.str.extract_groups(_ISO).struct.unnest().cast(pl.Int32).fill_null(0)
        year, month, day = (np.asarray(found.to_series(index).to_numpy(), np.int32) for index in range(3))
        good: Mask = (year >= EARLIEST) & exists(year, month, day)
        wrong = mask(texts.is_not_null()) & ~good
        return Applied(
            self.into.columns(year, month, day, good),
            {"split into its parts": good} if good.any() else {},
            {"no date of the form 1980-05-06": wrong} if wrong.any() else {},
        )


def _numbers(texts: pl.Series, pattern: str, unknown: str | None = _UNKNOWN) -> Numbers:
    """Numbers of a form; 0 where there is none or it is unknown, `_WRONG` where there is something else."""
    plain = texts.str.strip_chars("'.")
    number = plain.set(~plain.str.contains(pattern), None).cast(pl.Int32, strict=False).fill_null(_WRONG)
    array = np.asarray(number.to_numpy(), np.int32).copy()
    if unknown is not None:
        array[mask(texts.is_null()) | mask(texts == "") | mask(texts.str.contains(unknown))] = 0
    return array
