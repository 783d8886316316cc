"""The base of every comparator: a setting that, given the distinct values, becomes a measure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import polars as pl

from tallystick._schema import Settings
from tallystick.comparisons.measure import Measure


class Comparator(Settings):
    """How the values of one field, or of a few fields together, are compared.

    A comparator is only a setting. `prepare` gives it the distinct values of both sides and
    returns a `Measure`, which compares pairs of value codes. Each kind of comparator adds a field
    ``type``, a literal text that names it in a specification.

    Attributes
    ----------
    arity : int or None
        Number of fields a side; None is any number of at least one.
    """

    arity: ClassVar[int | None] = 1

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.labels())

    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up to full agreement."""
        raise NotImplementedError

    @abstractmethod
    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables.

        Parameters
        ----------
        left, right : tuple of polars.Series
            The distinct values of each side: one series per field, dtype String, in which row 0
            is null and stands for missing. Codes are row numbers of these series.
        same : bool
            Whether both sides are the same table, so that equal codes are equal values.

        Returns
        -------
        Measure
        """
        raise NotImplementedError


def similarity_thresholds(thresholds: Sequence[float], one_allowed: bool) -> tuple[float, ...]:
    """Check the thresholds of a similarity in [0, 1] and put the highest first.

    Parameters
    ----------
    thresholds : sequence of float
        At least one, in any order, each above 0.
    one_allowed : bool
        Whether a threshold may be 1, because values that differ can have similarity 1.

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        If there is none, one is out of range, or two are equal.
    """
    if not thresholds:
        raise ValueError("give at least one threshold")
    for value in thresholds:
        if not (0 < value < 1 or (one_allowed and value == 1)):
            limit = "at most 1" if one_allowed else "less than 1"
            raise ValueError(f"the threshold {value:g} is out of range: use more than 0 and {limit}")
    if len(set(thresholds)) < len(thresholds):
        raise ValueError("two thresholds are equal: remove one of them")
    return tuple(sorted(thresholds, reverse=True))
