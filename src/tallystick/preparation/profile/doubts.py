"""Values that are probably wrong, as far as a file can tell by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tallystick.preparation.dates.calendar import exists
from tallystick.preparation.dates.forms import UNREAD, Parts, read_forms, usual_forms
from tallystick.preparation.dates.names import months
from tallystick.preparation.profile.columns import Column
from tallystick.preparation.profile.shapes import shapes
from tallystick.preparation.steps.step import Mask, mask

MAIN_SHAPE = 0.01
"""Share of records from which on a pattern class is one of the main ones."""
MAIN_TOGETHER = 0.9
"""Share that the main ones must have together: else there is no rule that others break."""
BROKEN = 'signs of a wrong encoding, which the step "repair" mends'
_OF_LOOK = {
    "year": ("no year", r"^\d{4}$"),
    "number": ("no number", r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$"),
    "e-mail": ("no e-mail address", r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    "name": ("a digit or a mark in a name", r"^[\p{L}\p{M}.,'’ -]+$"),
}
"""What is wrong with a value of a field that looks so, where it does not match."""
_MISREAD = "eight digits"
"""Form in which 20101402 would be a day of the year 1402 rather than no date."""


@dataclass(frozen=True)
class Doubt:
    """Why values are doubted.

    Attributes
    ----------
    reason : str
        In words.
    n : int
        Records that have such values.
    """

    reason: str
    n: int


def doubts_of(
    column: Column, reference: date | None, others: Sequence[Column]
) -> tuple[tuple[Doubt, ...], float | None]:
    """The values of a field that are doubted.

    Parameters
    ----------
    column : Column
    reference : date, optional
        The day that its source tells of: no date of it can be later.
    others : sequence of Column
        The same field in other sources.

    Returns
    -------
    doubts : tuple of Doubt
        A value may be doubted for more than one reason.
    share : float or None
        Share of the records with a value for which there is no doubt; None where nothing could be judged.
    """
    found: dict[str, Mask] = {}
    usual = np.zeros(len(column.values), bool)
    if column.looks_like == "date":
        dates = _dates(column.values)
        usual = dates.partial
        found["no date of the calendar"] = ~dates.real
        if reference is not None:
            found["a date after the reference date"] = dates.after(reference)
    elif column.looks_like == "year" and reference is not None:
        years = column.values.str.to_integer(strict=False, dtype=pl.Int64)
        found["a year after the reference date"] = mask(years > reference.year)
    if column.looks_like in ("date", "postcode-like code", "id"):
        # A date without its day is written otherwise, but is no error.
        found["a pattern outside the main ones"] = _outside(column) & ~usual
    if column.looks_like in _OF_LOOK:
        reason, pattern = _OF_LOOK[column.looks_like]
        found[reason] = ~mask(column.values.str.contains(pattern))
    if column.looks_like == "category":
        coded = [other for other in others if other.looks_like == "category"]
        if coded:
            known = pl.concat([other.values for other in coded])
            found["a code that no other source has"] = ~mask(column.values.is_in(known.implode()))
    if column.broken.any():
        found[BROKEN] = column.broken
    doubts = [Doubt(reason, _count(column, one)) for reason, one in found.items() if one.any()]
    if not found or not column.n_present:
        return (), None
    doubted = np.logical_or.reduce(list(found.values()))
    return tuple(doubts), 1 - _count(column, doubted) / column.n_present


def _count(column: Column, hit: Mask) -> int:
    return int(column.counts[hit].sum())


@dataclass(frozen=True)
class _Dates:
    """Values read as dates, the day before the month and after it; arrays of shape (n_values,)."""

    parts: Parts
    day_first: Mask
    month_first: Mask

    @property
    def real(self) -> Mask:
        """Which values the calendar has, in one order or the other."""
        return self.day_first | self.month_first

    @property
    def partial(self) -> Mask:
        """Which values lack the day, or the month too."""
        lacking: Mask = self.real & ((self.parts.first == 0) | (self.parts.second == 0))
        return lacking

    def after(self, reference: date) -> Mask:
        """Which values are later than a day, however they are read; a year of two digits is not judged."""
        year, first, second = self.parts.year, self.parts.first, self.parts.second
        last = 10_000 * reference.year + 100 * reference.month + reference.day
        by_day = ~self.day_first | (10_000 * year + 100 * second + first > last)
        by_month = ~self.month_first | (10_000 * year + 100 * first + second > last)
        later: Mask = self.real & by_day & by_month & (year >= 0)
        return later


def _dates(values: pl.Series) -> _Dates:
    parts = read_forms(values, [form for form in usual_forms() if form.rule != _MISREAD], months())
    # A year of two digits may be of any century: what is a date in some year of that end is one.
    year = np.where(parts.year >= 0, parts.year, parts.two_digits + 2000)
    read = parts.form != UNREAD
    return _Dates(
        parts,
        read & exists(year, parts.second, parts.first),
        read & parts.open & exists(year, parts.first, parts.second),
    )


def _outside(column: Column) -> Mask:
    """Which values are written as hardly any other is, where nearly all are written alike."""
    own = pl.DataFrame({"shape": shapes(column.values), "n": column.counts})
    common = own.group_by("shape").agg(pl.col("n").sum()).filter(pl.col("n") >= MAIN_SHAPE * column.n_present)
    if not common.height or int(common["n"].sum()) < MAIN_TOGETHER * column.n_present:
        return np.zeros(own.height, bool)
    return ~mask(own["shape"].is_in(common["shape"].implode()))
