"""How the dates of a column are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.strings import damerau_levenshtein

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %m %Y",
    "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y",
)  # fmt: skip
"""Forms that need to be declared."""

CERTAIN = 0.97
"""Share of values of every source that a form must read to be declared: what it cannot read is missing."""

RUNNER_UP = 0.8
"""A second form that reads as much of what the first one reads leaves the form uncertain."""

CALENDAR = 0.99
"""Share of dates that the calendar must have; below it there are slips of digits, which edits bear."""

_ISO = r"^\d{4}-\d{2}-\d{2}$"


@dataclass(frozen=True)
class Dates:
    """How dates of one column are to be compared.

    Attributes
    ----------
    comparator : Comparator
    looks : str
        What to say of it.
    format : str or None
        The form to declare, as in ``strptime``.
    """

    comparator: Comparator
    looks: str
    format: str | None = None


def compare_dates(samples: Sequence[pl.Series]) -> Dates:
    """How to compare dates that are text in one column.

    Parameters
    ----------
    samples : sequence of polars.Series
        Normalised text of each source; null is missing.

    Returns
    -------
    Dates

    Examples
    --------
    >>> days = pl.Series(["31/01/1980", "02/03/1975", "25/12/1999"])
    >>> compare_dates([days]).format
    '%d/%m/%Y'
    >>> compare_dates([pl.Series(["19800131", "19750302"])]).comparator.type
    'damerau_levenshtein'
    """
    edits = damerau_levenshtein(1, 2)
    present = [values for values in (one.drop_nulls() for one in samples) if len(values)]
    if all(_share(values, values.str.contains(_ISO)) >= CERTAIN for values in present):
        real = min(
            _share(values, values.str.to_date("%Y-%m-%d", strict=False).is_not_null()) for values in present
        )
        if real >= CALENDAR:
            return Dates(date_parts(), "a date")
        return Dates(
            edits, f"a date; the calendar lacks {1 - real:.0%} of them, so digits slip: edits are counted"
        )
    read = {form: min(_share(values, _reads(values, form)) for values in present) for form in FORMATS}
    best, second = sorted(FORMATS, key=lambda form: -read[form])[:2]
    if read[best] >= CERTAIN and read[second] < RUNNER_UP * read[best]:
        return Dates(date_parts(), "a date", best)
    return Dates(edits, "a date, as text: up to two wrong digits, or digits that changed places")


def _reads(values: pl.Series, form: str) -> pl.Series:
    dates = values.str.to_date(form, strict=False)
    return dates.is_not_null() & (dates.dt.year() >= 1000).fill_null(False)


def _share(values: pl.Series, true: pl.Series) -> float:
    return int(true.sum()) / len(values)
