"""Whether linked records are like the unlinked ones of their source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.quality.proportions import (
    Difference,
    mean_difference,
    share_difference,
    shares_difference,
)


@dataclass(frozen=True)
class LinkedUnlinked:
    """How the linked records of a source differ from the unlinked ones in a variable.

    Attributes
    ----------
    source, variable : str
    linked, unlinked : int
        Records with a value.
    value_linked, value_unlinked : float or None
        Means of numbers; of two categories the share of the second; else None.
    difference, low, high : float or None
        Standardised difference and its limits of 95 %; of three categories or more a distance, never
        negative.
    categories : int
        0 for numbers.
    """

    source: str
    variable: str
    linked: int
    unlinked: int
    value_linked: float | None
    value_unlinked: float | None
    difference: float | None
    low: float | None
    high: float | None
    categories: int


def linked_and_unlinked(
    values: pl.DataFrame, linked: NDArray[np.bool_], source: str
) -> tuple[LinkedUnlinked, ...]:
    """How the linked records of a source differ from the unlinked ones, variable by variable.

    Parameters
    ----------
    values : polars.DataFrame
        A row a record: numbers, or categories as text.
    linked : bool array, shape (n_records,)
        Which have a link.
    source : str
        Name of the source.

    Returns
    -------
    tuple of LinkedUnlinked
        Standardised differences as of `tallystick.quality.proportions` (Austin 2009; Yang and Dalton 2012). A
        difference below 0.1 is commonly taken as negligible.

    Examples
    --------
    >>> values = pl.DataFrame({"age": [1.0, 2, 3, 2, 3, 4], "sex": ["f", "m", "f", "m", "m", "m"]})
    >>> found = linked_and_unlinked(values, np.arange(6) < 3, "survey")
    >>> [(one.variable, round(one.difference, 2)) for one in found]
    [('age', -1.0), ('sex', -2.0)]
    """
    return tuple(
        _numbers(values[name], linked, source, name)
        if values[name].dtype.is_numeric()
        else _categories(values[name], linked, source, name)
        for name in values.columns
    )


def _numbers(values: pl.Series, linked: NDArray[np.bool_], source: str, name: str) -> LinkedUnlinked:
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    there = np.isfinite(numbers)
    first, second = numbers[there & linked], numbers[there & ~linked]
    means = [float(one.mean()) if len(one) else None for one in (first, second)]
    found = mean_difference(first, second)
    return _compared(source, name, (len(first), len(second)), means, found, 0)


def _categories(values: pl.Series, linked: NDArray[np.bool_], source: str, name: str) -> LinkedUnlinked:
    there = values.is_not_null().to_numpy()
    labels, codes = np.unique(values.drop_nulls().to_numpy().astype(str), return_inverse=True)
    own = linked[there]
    counts = [np.bincount(codes[which], minlength=len(labels)) for which in (own, ~own)]
    n, m = (int(one.sum()) for one in counts)
    shares: list[float | None] = [None, None]
    found = None
    if len(labels) == 2:
        found = share_difference(int(counts[0][1]), n, int(counts[1][1]), m)
        shares = [float(one[1] / one.sum()) if one.sum() else None for one in counts]
    elif n and m:
        found = shares_difference(*counts)
    return _compared(source, name, (n, m), shares, found, len(labels))


def _compared(
    source: str,
    name: str,
    records: tuple[int, int],
    values: Sequence[float | None],
    found: Difference | None,
    categories: int,
) -> LinkedUnlinked:
    return LinkedUnlinked(
        source,
        name,
        linked=records[0],
        unlinked=records[1],
        value_linked=values[0],
        value_unlinked=values[1],
        difference=None if found is None else found.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        categories=categories,
    )
