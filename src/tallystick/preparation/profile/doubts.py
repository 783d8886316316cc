"""Values that are probably wrong, as far as a file can tell by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tallystick.preparation.profile.columns import Column
from tallystick.preparation.profile.shapes import shapes
from tallystick.preparation.steps.step import Mask, mask

MAIN_SHAPE = 0.01
"""Share of records from which on a pattern class is one of the main ones."""
MAIN_TOGETHER = 0.9
"""Share that the main ones must have together: else there is no rule that others break."""
_OF_LOOK = {
    "year": ("no year", r"^\d{4}$"),
    "number": ("no number", r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$"),
    "e-mail": ("no e-mail address", r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    "name": ("a digit or a mark in a name", r"^[\p{L}\p{M}.,'’ -]+$"),
}
"""What is wrong with a value of a field that looks so, where it does not match."""
_PARTS = r"^(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})$"


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
    if column.looks_like == "date":
        found["no date of the calendar"] = ~_real(column.values)
        if reference is not None:
            found["a date after the reference date"] = _after(column.values, reference)
    elif column.looks_like == "year" and reference is not None:
        years = column.values.str.to_integer(strict=False, dtype=pl.Int64)
        found["a year after the reference date"] = mask(years > reference.year)
    if column.looks_like in ("date", "postcode-like code", "id"):
        found["a pattern outside the main ones"] = _outside(column)
    if column.looks_like in _OF_LOOK:
        reason, pattern = _OF_LOOK[column.looks_like]
        found[reason] = ~mask(column.values.str.contains(pattern))
    if column.looks_like == "category":
        coded = [other for other in others if other.looks_like == "category"]
        if coded:
            known = pl.concat([other.values for other in coded])
            found["a code that no other source has"] = ~mask(column.values.is_in(known.implode()))
    doubts = [Doubt(reason, _count(column, one)) for reason, one in found.items() if one.any()]
    if not found or not column.n_present:
        return (), None
    doubted = np.logical_or.reduce(list(found.values()))
    return tuple(doubts), 1 - _count(column, doubted) / column.n_present


def _count(column: Column, hit: Mask) -> int:
    return int(column.counts[hit].sum())


def _days(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Dates read with the day before the month, and after it; where the year is in front both read it so."""
    parts = pl.DataFrame({"text": values.str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")}).select(
        pl.col("text").str.extract(_PARTS, number).cast(pl.Int32).alias(name)
        for number, name in enumerate("abc", start=1)
    )
    year_first = pl.col("a") > 31
    # A year of two digits may be of any century: what is a date in some year of that end is one.
    year = pl.when(year_first).then("a").when(pl.col("c") < 100).then(pl.col("c") + 2000).otherwise("c")
    last = pl.when(year_first).then("c").otherwise("a")

    def day(month: pl.Expr, of_month: pl.Expr) -> pl.Series:
        text = pl.concat_str(
            year.cast(pl.String).str.zfill(4),
            month.cast(pl.String).str.zfill(2),
            of_month.cast(pl.String).str.zfill(2),
            separator="-",
        )
        return parts.select(text.str.to_date("%Y-%m-%d", strict=False)).to_series()

    day_first = day(pl.col("b"), last)
    return day_first, day(
        pl.when(year_first).then("b").otherwise("a"), pl.when(year_first).then("c").otherwise("b")
    )


def _real(values: pl.Series) -> Mask:
    """Which values are written as dates that the calendar has, the day first or the month."""
    day_first, month_first = _days(values)
    return mask(day_first.is_not_null() | month_first.is_not_null())


def _after(values: pl.Series, reference: date) -> Mask:
    """Which values are later than a day, however they are read; a year of two digits is not judged."""
    day_first, month_first = _days(values)
    later = (day_first > reference).fill_null(True) & (month_first > reference).fill_null(True)
    dated = day_first.is_not_null() | month_first.is_not_null()
    return mask(later & dated & values.str.contains(r"\d{4}"))


def _outside(column: Column) -> Mask:
    """Which values are written as hardly any other is, where nearly all are written alike."""
    own = pl.DataFrame({"shape": shapes(column.values), "n": column.counts})
    common = own.group_by("shape").agg(pl.col("n").sum()).filter(pl.col("n") >= MAIN_SHAPE * column.n_present)
    if not common.height or int(common["n"].sum()) < MAIN_TOGETHER * column.n_present:
        return np.zeros(own.height, bool)
    return ~mask(own["shape"].is_in(common["shape"].implode()))
