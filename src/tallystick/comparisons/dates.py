"""Comparators of dates: days between them, and which of year, month and day agree.

A date is one field (ISO 8601: ``1985-03-04``, ``19850304``, shortened to ``1985-03`` or ``1985``; a
time after it is ignored) or three fields of integers, by default year, month and day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.numbers import NumberMeasure, ascending_limits, count_unreadable, limit_labels

Part = Literal["year", "month", "day"]

_ISO = (
    r"^\s*(?:(?<year>\d{4})(?:-(?<month>\d{2})(?:-(?<day>\d{2})(?:[T ].*)?)?)?"
    r"|(?<year8>\d{4})(?<month8>\d{2})(?<day8>\d{2}))\s*$"
)
_LARGEST = {"year": 9999, "month": 31, "day": 31}


@dataclass(frozen=True)
class DateParts:
    """Integer parts of one side's dates, each of shape (n_values + 1,); 0 where unknown."""

    year: NDArray[np.int32]
    month: NDArray[np.int32]
    day: NDArray[np.int32]

    def packed(self) -> NDArray[np.int32]:
        """All parts in one integer a date: 5 bits for the day, 5 for the month, the year above."""
        return self.year << 10 | self.month << 5 | self.day

    def day_numbers(self) -> NDArray[np.float64]:
        """Days since 1970-01-01; NaN where a part is unknown or the calendar has no such day."""
        texts = pl.DataFrame({"y": self.year, "m": self.month, "d": self.day}).select(
            pl.format(
                "{}-{}-{}",
                pl.col("y").cast(pl.String).str.zfill(4),
                pl.col("m").cast(pl.String).str.zfill(2),
                pl.col("d").cast(pl.String).str.zfill(2),
            )
        )
        dates = texts.to_series().str.to_date("%Y-%m-%d", strict=False)
        numbers = dates.to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.where(self.year > 0, numbers, np.nan)


@dataclass(frozen=True)
class DatePartMeasure:
    """Levels by the parts of dates that agree.

    Attributes
    ----------
    left, right : int32 arrays, shape (n_values + 1,)
        Packed parts (see `DateParts.packed`); 0 where a date is missing or cannot be read.
    unreadable : int
        Number of values of which no part can be read.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    unreadable: int

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return 5

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`; arrays of shape (n,)."""
        from tallystick.comparisons.kernels_values import date_part_levels

        date_part_levels(self.left, self.right, a, b, out)

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Level of every pair as a share of the highest; NaN where missing."""
        levels = np.empty(len(a), np.uint8)
        self.levels(a, b, levels)
        return np.where(levels == self.n_levels, np.nan, levels / (self.n_levels - 1))


class DateComparator(Comparator):
    """What comparators of dates share: one field a side, or three.

    Attributes
    ----------
    order : tuple of str
        What the three fields are; not used where a date is one field.
    """

    arity: ClassVar[int | None] = None
    arities: ClassVar[tuple[int, ...]] = (1, 3)

    order: tuple[Part, Part, Part] = ("year", "month", "day")

    @field_validator("order")
    @classmethod
    def _check_order(cls, value: tuple[Part, Part, Part]) -> tuple[Part, Part, Part]:
        if len(set(value)) < 3:
            raise ValueError('order has a part twice: use "year", "month" and "day" once each')
        return value

    def read(self, values: tuple[pl.Series, ...]) -> DateParts:
        """Integer parts of one side's dates.

        Parameters
        ----------
        values : tuple of polars.Series
            One series of ISO dates, or three of integers in `order`.

        Returns
        -------
        DateParts
        """
        if len(values) == 1:
            found = values[0].str.extract_groups(_ISO).struct.unnest()
            texts = {part: found[part].fill_null(found[f"{part}8"]) for part in _LARGEST}
        else:
            texts = dict(zip(self.order, values, strict=True))
        return DateParts(**{part: _part(texts[part], largest) for part, largest in _LARGEST.items()})


class DaysBetween(DateComparator):
    """Levels by the number of days between two dates (see `days_between`)."""

    type: Literal["days_between"] = "days_between"
    max_days: tuple[float, ...]

    @field_validator("max_days")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return ascending_limits(value, "number of days")

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        days = [f"{limit:g} day{'' if limit == 1 else 's'}" for limit in self.max_days]
        return limit_labels(days, "same day")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> NumberMeasure:
        """Number the days of both sides (see `Comparator.prepare`)."""
        x = self.read(left).day_numbers()
        y = x if same else self.read(right).day_numbers()
        unreadable = count_unreadable(left, np.isnan(x))
        if not same:
            unreadable += count_unreadable(right, np.isnan(y))
        return NumberMeasure(x, y, np.array((0.0, *self.max_days)), False, unreadable)


class DatePartAgreement(DateComparator):
    """Levels by which of year, month and day agree (see `date_parts`)."""

    type: Literal["date_parts"] = "date_parts"

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        return (
            "year and another part differ",
            "only the year agrees",
            "two parts agree",
            "day and month swapped",
            "same date",
        )

    def prepare(
        self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool
    ) -> DatePartMeasure:
        """Pack the parts of both sides' dates (see `Comparator.prepare`)."""
        x = self.read(left).packed()
        y = x if same else self.read(right).packed()
        unreadable = count_unreadable(left, x == 0)
        if not same:
            unreadable += count_unreadable(right, y == 0)
        return DatePartMeasure(x, y, unreadable)


def days_between(*max_days: float, order: tuple[Part, Part, Part] = ("year", "month", "day")) -> DaysBetween:
    """Compare dates by the number of days between them.

    The same day is the top level; below it, one level for each limit; level 0 is more days than
    any limit. A date of which a part is unknown, or that the calendar does not have, counts as
    missing.

    Parameters
    ----------
    *max_days : float
        Largest numbers of days of the levels below the same day, each above 0.
    order : tuple of str
        What the fields are where a date is three fields of integers.

    Returns
    -------
    DaysBetween

    Raises
    ------
    InputError
        If there is no limit, one is not above 0, two are equal, or `order` is not the three parts.

    Examples
    --------
    >>> days_between(1, 31).labels()
    ('more than 31 days apart', 'at most 31 days apart', 'at most 1 day apart', 'same day')
    """
    return DaysBetween(max_days=max_days, order=order)


def date_parts(order: tuple[Part, Part, Part] = ("year", "month", "day")) -> DatePartAgreement:
    """Compare dates by which of year, month and day agree.

    Levels from full agreement down: all three parts agree; the year agrees and day and month are
    swapped; two parts agree; the year agrees; otherwise.

    Parts that are unknown on either side (``1985-03``, ``1985``, ``1985-00-00``, an empty field of
    three) are left out: dates whose two shared parts agree have the level "two parts agree". A
    pair that shares neither the year nor two parts is missing. Parts are compared as they are
    recorded, whether or not the calendar has the date (``1985-25-03`` may be a swap); a part that
    is not between 1 and 31 (days, months) or 1 and 9999 (years) is unknown.

    Parameters
    ----------
    order : tuple of str
        What the fields are where a date is three fields of integers.

    Returns
    -------
    DatePartAgreement

    Raises
    ------
    InputError
        If `order` is not the three parts.

    Examples
    --------
    >>> date_parts(order=("day", "month", "year")).labels()[-2:]
    ('day and month swapped', 'same date')
    """
    return DatePartAgreement(order=order)


def _part(texts: pl.Series, largest: int) -> NDArray[np.int32]:
    digits = texts.str.extract(r"^\s*(\d{1,9})\s*$").cast(pl.Int32).fill_null(0).to_numpy()
    return np.where(digits <= largest, digits, 0).astype(np.int32)
