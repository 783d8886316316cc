"""Which parts make a date, and how it is written by ISO 8601."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Mask = NDArray[np.bool_]

EARLIEST = 1000
"""A year of four digits before this one is taken for a slip."""

_DAYS = np.array([31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int32)
"""Longest length of each month; 0 is an unknown one."""


def exists(year: Numbers, month: Numbers, day: Numbers) -> Mask:
    """Which dates there are in the calendar; a month or day of 0 is unknown and can be any.

    Examples
    --------
    >>> numbers = [np.array(part, np.int32) for part in ([1980, 1900, 1980], [2, 2, 0], [29, 29, 0])]
    >>> exists(*numbers).tolist()
    [True, False, True]
    """
    possible = (month >= 0) & (month <= 12) & (day >= 0)
    possible &= day <= _DAYS[np.where(possible, month, 0)]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    there: Mask = possible & ~((month == 2) & (day == 29) & ~leap)
    return there


def iso(year: Numbers, month: Numbers, day: Numbers, known: Mask) -> pl.Series:
    """Dates as text, shortened where the day or the month is 0; null where not `known`.

    Examples
    --------
    >>> numbers = [np.array(part, np.int32) for part in ([1980, 1980, 1980], [5, 5, 0], [6, 0, 0])]
    >>> iso(*numbers, np.array([True, True, True])).to_list()
    ['1980-05-06', '1980-05', '1980']
    """
    months = pl.Series(["", *(f"-{number:02}" for number in range(1, 13))])
    days = pl.Series(["", *(f"-{number:02}" for number in range(1, 32))])
    shown_month = np.where(known, month, 0)
    shown_day = np.where(known & (month > 0), day, 0)
    frame = pl.DataFrame(
        {
            "year": pl.Series(year).cast(pl.String).str.zfill(4),
            "month": months.gather(shown_month),
            "day": days.gather(shown_day),
        }
    )
    texts = frame.select(pl.concat_str("year", "month", "day")).to_series()
    return texts.set(~pl.Series(known), None)
