"""The century of years of two digits: by a rule that is stated, or not at all."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from tallystick._schema import Settings
from tallystick.errors import InputError
from tallystick.preparation.dates.calendar import Numbers


class Pivot(Settings):
    """The century of a year of two digits by a fixed year.

    Attributes
    ----------
    pivot : int
        Years 00 to this one are of 2000 to 2099, the others of 1900 to 1999.
    """

    pivot: Annotated[int, Field(ge=0, le=99)]


TwoDigitYears = Pivot | Literal["latest"] | None


def full_years(
    two_digits: Numbers,
    month: Numbers,
    day: Numbers,
    rule: Pivot | Literal["latest"],
    source: str,
    reference: date | None,
) -> Numbers:
    """Years of four digits.

    Parameters
    ----------
    two_digits, month, day : int32 array
        An unknown month or day is 0, which is before any.
    rule : Pivot or "latest"
        ``latest``: the latest year with which the date is not after the reference date.
    source : str
        Name of the source, for messages.
    reference : date, optional
        The day that the source tells of.

    Raises
    ------
    InputError
        If the rule is ``latest`` and there is no reference date.

    Examples
    --------
    >>> numbers = [np.array(part, np.int32) for part in ([20, 20, 85], [1, 12, 6], [1, 31, 1])]
    >>> full_years(*numbers, "latest", "census", date(2020, 5, 1)).tolist()
    [2020, 1920, 1985]
    >>> full_years(*numbers, Pivot(pivot=30), "census", None).tolist()
    [2020, 2020, 1985]
    """
    if isinstance(rule, Pivot):
        reference = date(2000 + rule.pivot, 12, 31)
    elif reference is None:
        raise InputError(
            f"source {source!r} has years of two digits but no reference date, which "
            'two_digit_years = "latest" goes by; give the source a reference date, or a pivot such as '
            "two_digit_years = { pivot = 30 }."
        )
    candidate = np.int32(reference.year // 100 * 100) + two_digits
    # One number a date, so that dates compare.
    of_date = (candidate * 100 + month) * 100 + day
    after = of_date > (reference.year * 100 + reference.month) * 100 + reference.day
    return np.where(after, candidate - 100, candidate).astype(np.int32)
