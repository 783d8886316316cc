"""Comparators of numbers: absolute and relative difference, and nearness of years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from tallystick.comparisons.comparator import Comparator

# The year alone, or at the head of an ISO date (extended, or basic with all of its eight digits).
_YEAR = r"^\s*(\d{1,4})\s*$|^\s*(\d{4})(?:-\d{2}(?:-\d{2})?|\d{4})(?:[T ].*)?\s*$"


@dataclass(frozen=True)
class NumberMeasure:
    """Levels by the difference of two numbers.

    Attributes
    ----------
    left, right : float64 arrays, shape (n_values + 1,)
        The numbers; NaN where a value is missing or none.
    limits : float64 array, shape (n_levels - 1,)
        Largest difference of each level from full agreement down, ascending.
    relative : bool
        Whether limits and distances are shares of the number that is larger in absolute value.
    unreadable : int
        Number of values that are no number.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    limits: NDArray[np.float64]
    relative: bool
    unreadable: int

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.limits) + 1

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`; arrays of shape (n,)."""
        from tallystick.comparisons.kernels_values import number_levels

        number_levels(self.left, self.right, self.limits, self.relative, a, b, out)

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Difference of every pair (a distance: 0 is equality); NaN where missing."""
        x, y = self.left[a], self.right[b]
        difference = np.abs(x - y)
        if not self.relative:
            return difference
        size = np.maximum(np.abs(x), np.abs(y))
        return difference / np.where(size == 0, 1.0, size)


@dataclass(frozen=True)
class YearMeasure(NumberMeasure):
    """Levels by the difference of two years; its similarities fall exponentially."""

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Similarity exp(-d / 3) of years d < 3 apart, 0 of others; NaN where missing."""
        apart = NumberMeasure.similarities(self, a, b)
        return np.where(apart >= 3, 0.0, np.exp(-apart / 3))


class AbsoluteDifference(Comparator):
    """Levels by |a - b| (see `absolute_difference`)."""

    type: Literal["absolute_difference"] = "absolute_difference"
    max_differences: tuple[float, ...]

    @field_validator("max_differences")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return ascending_limits(value, "difference")

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        return limit_labels([f"{limit:g}" for limit in self.max_differences], "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> NumberMeasure:
        """Read the numbers of both sides (see `Comparator.prepare`)."""
        x, y, unreadable = read_sides(left[0], right[0], same)
        return NumberMeasure(x, y, np.array((0.0, *self.max_differences)), False, unreadable)


class RelativeDifference(Comparator):
    """Levels by |a - b| / max(|a|, |b|) (see `relative_difference`)."""

    type: Literal["relative_difference"] = "relative_difference"
    max_shares: tuple[float, ...]

    @field_validator("max_shares")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        for share in value:
            if share >= 1:
                raise ValueError(
                    f"the share {share:g} is out of range: use more than 0 and less than 1 (0.05 is 5 %)"
                )
        return ascending_limits(value, "share")

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        return limit_labels([f"{100 * share:g} %" for share in self.max_shares], "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> NumberMeasure:
        """Read the numbers of both sides (see `Comparator.prepare`)."""
        x, y, unreadable = read_sides(left[0], right[0], same)
        return NumberMeasure(x, y, np.array((0.0, *self.max_shares)), True, unreadable)


class YearProximity(Comparator):
    """Levels by the difference of two years (see `year_proximity`)."""

    type: Literal["year_proximity"] = "year_proximity"

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        return ("3 or more years apart", "2 years apart", "1 year apart", "same year")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> YearMeasure:
        """Read the years of both sides (see `Comparator.prepare`)."""
        x = _read_years(left[0])
        y = x if same else _read_years(right[0])
        unreadable = count_unreadable(left, np.isnan(x))
        if not same:
            unreadable += count_unreadable(right, np.isnan(y))
        return YearMeasure(x, y, np.array((0.0, 1.0, 2.0)), False, unreadable)


def absolute_difference(*max_differences: float) -> AbsoluteDifference:
    """Compare numbers by the difference |a - b|.

    Equality is the top level; below it, one level for each limit; level 0 is a difference above
    all limits. A value that is no number counts as missing. Numbers of up to fifteen digits are
    compared as their decimal texts would be: 1.1 and 1.0 are at most 0.1 apart.

    Parameters
    ----------
    *max_differences : float
        Largest differences of the levels below equality, each above 0.

    Returns
    -------
    AbsoluteDifference

    Raises
    ------
    InputError
        If there is no limit, one is not above 0, or two are equal.

    Examples
    --------
    >>> absolute_difference(1, 5).labels()
    ('more than 5 apart', 'at most 5 apart', 'at most 1 apart', 'equal')
    """
    return AbsoluteDifference(max_differences=max_differences)


def relative_difference(*max_shares: float) -> RelativeDifference:
    """Compare numbers by the difference as a share of the larger: |a - b| / max(|a|, |b|).

    Larger is meant in absolute value; two zeros have difference 0. Equality is the top level;
    below it, one level for each limit; level 0 is a difference above all limits. A value that is
    no number counts as missing.

    Parameters
    ----------
    *max_shares : float
        Largest shares of the levels below equality, each above 0 and below 1.

    Returns
    -------
    RelativeDifference

    Raises
    ------
    InputError
        If there is no limit, one is out of range, or two are equal.

    Examples
    --------
    >>> relative_difference(0.05).labels()
    ('more than 5 % apart', 'at most 5 % apart', 'equal')
    """
    return RelativeDifference(max_shares=max_shares)


def year_proximity() -> YearProximity:
    """Compare years by how many lie between them, d.

    Levels: same year, 1 apart, 2 apart, more. The similarity is exp(-d / 3) for d < 3 and 0
    otherwise, so 1, 0.717, 0.513 and 0. Values are years or ISO dates, of which the year counts;
    any other counts as missing.

    Returns
    -------
    YearProximity

    Examples
    --------
    >>> year_proximity().labels()
    ('3 or more years apart', '2 years apart', '1 year apart', 'same year')
    """
    return YearProximity()


def ascending_limits(limits: Sequence[float], what: str) -> tuple[float, ...]:
    """Check the largest distances of the levels below equality and put the smallest first.

    Parameters
    ----------
    limits : sequence of float
        At least one, in any order, each above 0.
    what : str
        What a limit limits, for the error.

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        If there is none, one is not above 0 or not finite, or two are equal.
    """
    if not limits:
        raise ValueError(f"give at least one largest {what}")
    for limit in limits:
        if not 0 < limit < np.inf:
            raise ValueError(
                f"the largest {what} {limit:g} is out of range: "
                "use more than 0 (equality is always the top level)"
            )
    if len(set(limits)) < len(limits):
        raise ValueError(f"two largest {what}s are equal: remove one of them")
    return tuple(sorted(limits))


def limit_labels(limits: Sequence[str], top: str) -> tuple[str, ...]:
    """Texts of the levels that ascending limits make, from disagreement up.

    Parameters
    ----------
    limits : sequence of str
        The limits with their unit, ascending.
    top : str
        Text of the top level.

    Returns
    -------
    tuple of str, shape (len(limits) + 2,)
    """
    below = [f"at most {limit} apart" for limit in reversed(limits)]
    return (f"more than {limits[-1]} apart", *below, top)


def read_numbers(values: pl.Series) -> NDArray[np.float64]:
    """Numbers that texts stand for; NaN for null, for what is no number, and for what is not finite.

    Parameters
    ----------
    values : polars.Series
        Texts, shape (n,).

    Returns
    -------
    float64 array, shape (n,)
    """
    numbers = values.str.strip_chars().cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan)


def read_sides(
    left: pl.Series, right: pl.Series, same: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Numbers of both sides, and how many distinct values of them are none.

    Parameters
    ----------
    left, right : polars.Series
        Distinct values of each side, dtype String.
    same : bool
        Whether both are the same table.

    Returns
    -------
    left_numbers, right_numbers : float64 arrays
    unreadable : int
    """
    x = read_numbers(left)
    unreadable = count_unreadable((left,), np.isnan(x))
    if same:
        return x, x, unreadable
    y = read_numbers(right)
    return x, y, unreadable + count_unreadable((right,), np.isnan(y))


def count_unreadable(values: tuple[pl.Series, ...], unknown: NDArray[np.bool_]) -> int:
    """Number of values that are unknown although a field of them is not missing.

    Parameters
    ----------
    values : tuple of polars.Series
        One side's distinct values, one series per field.
    unknown : bool array, shape (n_values + 1,)
        Whether a value could not be read.

    Returns
    -------
    int
    """
    given = np.zeros(len(unknown), bool)
    for field in values:
        given |= field.is_not_null().to_numpy()
    return int(np.count_nonzero(given & unknown))


def _read_years(values: pl.Series) -> NDArray[np.float64]:
    groups = values.str.extract_groups(_YEAR).struct.unnest()
    years = groups.to_series(0).fill_null(groups.to_series(1)).cast(pl.Float64)
    return years.fill_null(np.nan).to_numpy(writable=True)
