"""Which of day and month is first: told by the dates of the column that can be read in one way only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.preparation.dates.calendar import Mask, Numbers, exists
from tallystick.preparation.dates.forms import UNREAD, Parts

Order = Literal["detect", "day_first", "month_first"]


@dataclass(frozen=True)
class Evidence:
    """How many records have a date by number whose order has to be told.

    Attributes
    ----------
    day_first, month_first, year_first : int
        Records whose date can be read in this order only; ``year_first`` is of years of two digits.
    either : int
        Records whose date can be read in two orders, with different results.
    """

    day_first: int
    month_first: int
    year_first: int
    either: int

    def order(
        self, least: float, against: float = 0.0
    ) -> Literal["day_first", "month_first", "year_first"] | None:
        """The order of all, where the evidence is on one side and at least this share of the records.

        Parameters
        ----------
        least : float
            Share of the records that tell an order.
        against : float
            Share of these that may tell another one.

        Examples
        --------
        >>> Evidence(day_first=5, month_first=0, year_first=0, either=10).order(0.01)
        'day_first'
        >>> Evidence(day_first=50, month_first=1, year_first=0, either=10).order(0.01)
        >>> Evidence(day_first=50, month_first=1, year_first=0, either=10).order(0.01, against=0.05)
        'day_first'
        """
        counts = {
            "day_first": self.day_first,
            "month_first": self.month_first,
            "year_first": self.year_first,
        }
        total = sum(counts.values())
        told = max(counts, key=lambda name: counts[name])
        if not total or total - counts[told] > against * total or total < least * (total + self.either):
            return None
        return told  # type: ignore[return-value]


@dataclass(frozen=True)
class Ordered:
    """Dates whose parts are told apart; arrays of shape (n_texts,).

    Attributes
    ----------
    two_digits, month, day : int32 array
        A year of two digits (-1 where it is none); 0 is an unknown month or day.
    day_first, month_first, year_first : bool array
        Read in this order, because the column or the settings say so or there is no other way.
    ambiguous, impossible, contrary : bool array
        More ways than one; no such date in any order; no such date in the order that was set.
    evidence : Evidence
    order : str, optional
        What the column tells, or what was set.
    """

    two_digits: Numbers
    month: Numbers
    day: Numbers
    day_first: Mask
    month_first: Mask
    year_first: Mask
    ambiguous: Mask
    impossible: Mask
    contrary: Mask
    evidence: Evidence
    order: str | None


def tell_order(
    parts: Parts, n_records: NDArray[np.int64], order: Order, least: float, against: float = 0.0
) -> Ordered:
    """Tell day from month, where that can be known.

    Parameters
    ----------
    parts : Parts
    n_records : int64 array, shape (n_texts,)
        How many records have each text.
    order : {"detect", "day_first", "month_first"}
        ``detect`` has the column tell.
    least : float
        Share of the records in question that have to be readable in one order only, so that the others are
        read in it too.
    against : float
        Share of these that may be readable in another order only.
    """
    read, short = parts.form != UNREAD, parts.two_digits >= 0
    first, second, third = parts.first, parts.second, np.maximum(parts.two_digits, 0)
    # The calendar of 2000 to 2099 lets every 29 February through that a rule for the century may allow.
    year = np.where(parts.year >= 0, parts.year, 2000 + third).astype(np.int32)
    fixed = read & ~parts.open
    opened = read & parts.open
    by_day = opened & exists(year, second, first)
    by_month = opened & exists(year, first, second)
    by_year = opened & short & (second > 0) & exists((2000 + first).astype(np.int32), second, third)
    # An unknown day or month says nothing about the order.
    known = (first > 0) & (second > 0)
    same = by_day & by_month & (first == second)
    evidence = Evidence(
        day_first=_count(n_records, by_day & ~by_month & ~by_year & known),
        month_first=_count(n_records, by_month & ~by_day & ~by_year & known),
        year_first=_count(n_records, by_year & ~by_day & ~by_month),
        either=_count(n_records, known & ~same & (by_day.astype(np.int8) + by_month + by_year > 1)),
    )
    if order == "detect":
        if not evidence.year_first:
            # A year in front is thought of only where some date of the column shows it.
            by_year = np.zeros_like(by_year)
            evidence = Evidence(
                day_first=_count(n_records, by_day & ~by_month & known),
                month_first=_count(n_records, by_month & ~by_day & known),
                year_first=0,
                either=_count(n_records, by_day & by_month & ~same & known),
            )
        told: str | None = evidence.order(least, against)
        allowed = {"day_first": by_day, "month_first": by_month, "year_first": by_year}
    else:
        told, allowed = order, {order: by_day if order == "day_first" else by_month}
    ways = np.sum(list(allowed.values()), axis=0)
    # A day whose month is unknown is no date that anybody writes, so "00/05/1980" is May.
    sensible = {
        "day_first": by_day & ((second > 0) | (first == 0)),
        "month_first": by_month & ((first > 0) | (second == 0)),
        "year_first": by_year,
    }
    alone = np.sum([sensible[name] for name in allowed], axis=0) == 1
    chosen = {name: np.zeros_like(read) for name in sensible}
    taken = np.zeros_like(read)
    for name in sorted(allowed, key=lambda name: name != told):
        here = allowed[name] & ~taken
        if name != told:
            here &= (ways == 1) | (alone & sensible[name]) | (same & ~by_year)
        chosen[name] = here
        taken |= here
    none = opened & ~by_day & ~by_month & ~by_year
    return Ordered(
        two_digits=np.where(chosen["year_first"], first, parts.two_digits),
        month=np.where(chosen["month_first"], first, second),
        day=np.where(chosen["month_first"], second, np.where(chosen["year_first"], third, first)),
        **chosen,
        ambiguous=opened & ~taken & (ways > 0),
        impossible=none | (fixed & ~exists(year, second, first)),
        contrary=opened & ~taken & ~none & (ways == 0),
        evidence=evidence,
        order=told,
    )


def _count(n_records: NDArray[np.int64], which: Mask) -> int:
    return int(n_records[which].sum())
