"""Errors in dates of birth; whatever goes wrong, the result is a date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.datasets.households import FIRST_DAY, LAST_DAY
from tallystick.datasets.vocabulary import Ints

YEAR_OFF, SWAPPED, TRANSPOSED, TYPING = range(4)
_FIRST_YEAR, _LAST_YEAR = int(str(FIRST_DAY)[:4]), int(str(LAST_DAY)[:4])


def misdated(days: Ints, kinds: Ints, rng: np.random.Generator) -> NDArray[np.int64]:
    """Another date for each.

    Parameters
    ----------
    days : ndarray of int, shape (n,)
        Dates, as days since the beginning of 1900.
    kinds : ndarray of int, shape (n,)
        The error of each; one that does not apply (day and month the same) is made up for by another
        day or month.
    rng : numpy.random.Generator
        Where the errors are drawn from.

    Returns
    -------
    ndarray of int64, shape (n,)
        Dates, none the same as it was.
    """
    dates = FIRST_DAY + np.asarray(days, np.int64)
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64) + 1
    year, month = np.divmod(months.astype(np.int64), 12)
    year, month = year + 1970, month + 1
    size = len(day)

    by = np.where(rng.random(size) < 5 / 6, 1, 2) * np.where(rng.random(size) < 0.5, -1, 1)
    off = (kinds == YEAR_OFF) & (year + by >= _FIRST_YEAR) & (year + by <= _LAST_YEAR)
    swapped = (kinds == SWAPPED) & (day <= 12) & (day != month)
    turned = year // 100 * 100 + year % 10 * 10 + year // 10 % 10
    turned_day = day % 10 * 10 + day // 10
    turns = (kinds == TRANSPOSED) & (turned != year) & (turned <= _LAST_YEAR) & (turned >= _FIRST_YEAR)
    turns_day = (
        (kinds == TRANSPOSED) & ~turns & (turned_day != day) & (turned_day > 0)
        & (turned_day <= _month_length(year, month))
    )  # fmt: skip
    typed = ~(off | swapped | turns | turns_day)
    typed_month = typed & (rng.random(size) < 0.5)
    typed_day = typed & ~typed_month
    other_month = (month - 1 + rng.integers(1, 12, size)) % 12 + 1
    length = _month_length(year, month)
    other_day = (day - 1 + 1 + (rng.random(size) * (length - 1)).astype(np.int64)) % length + 1

    new_year = np.select([off, turns], [year + by, turned], year)
    new_month = np.select([swapped, typed_month], [day, other_month], month)
    new_day = np.select([swapped, turns_day, typed_day], [month, turned_day, other_day], day)
    new_day = np.minimum(new_day, _month_length(new_year, new_month))
    start = _months(new_year, new_month).astype("datetime64[D]")
    return np.asarray((start - FIRST_DAY).astype(np.int64) + new_day - 1)


def _months(year: Ints, month: Ints) -> NDArray[np.datetime64]:
    return np.asarray((year - 1970) * 12 + month - 1).astype("datetime64[M]")


def _month_length(year: Ints, month: Ints) -> NDArray[np.int64]:
    months = _months(year, month)
    return np.asarray(
        ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    )
