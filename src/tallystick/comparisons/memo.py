"""Measures that remember: by a table of all pairs of values, or of those that come in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.measure import Measure, WrappedMeasure

ROWS = 256
"""Rows of a table that are worked out in one call."""


@dataclass(frozen=True)
class TabledMeasure(WrappedMeasure):
    """A measure whose levels have all been worked out: few values, many pairs.

    Attributes
    ----------
    table : uint8 array, shape (n_left + 1, n_right + 1)
        Level of every pair of codes.
    """

    table: NDArray[np.uint8]

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`."""
        from tallystick.comparisons.kernels_memo import table_levels

        table_levels(self.table, a, b, out)


@dataclass(frozen=True)
class RememberingMeasure(WrappedMeasure):
    """A measure that costs more than to see whether a pair came before: each is worked out once a call."""

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`."""
        first, number_of = distinct_code_pairs(a, b)
        levels = np.empty(len(first), np.uint8)
        self.measure.levels(a[first], b[first], levels)
        out[:] = levels[number_of]

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Of every pair, as of the measure."""
        first, number_of = distinct_code_pairs(a, b)
        return self.measure.similarities(a[first], b[first])[number_of]


def distinct_code_pairs(
    a: NDArray[np.int32], b: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where each distinct pair of codes comes first, and which of them every pair is.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
        Codes.

    Returns
    -------
    first : int64 array, shape (n_distinct,)
    number_of : int32 array, shape (n,)

    Examples
    --------
    >>> first, number_of = distinct_code_pairs(np.array([1, 2, 1], np.int32), np.array([5, 5, 5], np.int32))
    >>> first.tolist(), number_of.tolist()
    ([0, 1], [0, 1, 0])
    """
    from tallystick.comparisons.kernels_memo import distinct_pairs

    size = 1 << (2 * len(a) + 1).bit_length()
    slots, numbers = np.full(size, -1, np.int64), np.empty(size, np.int32)
    first, number_of = np.empty(len(a), np.int64), np.empty(len(a), np.int32)
    n = distinct_pairs(a, b, slots, numbers, first, number_of)
    return first[:n], number_of


def remembering(
    measure: Measure, n_left: int, n_right: int, n_pairs: int, memory: int
) -> TabledMeasure | RememberingMeasure | Measure:
    """The measure in the form that takes least time for so many pairs.

    Parameters
    ----------
    measure : Measure
        The measure.
    n_left, n_right : int
        Numbers of distinct values, the missing one not counted.
    n_pairs : int
        How many pairs of records are going to be compared.
    memory : int
        Bytes that a table may take.

    Returns
    -------
    Measure
        With a table of all pairs of values where they are at most half of the pairs of records and fit the
        memory; else remembering the pairs of a call, if the measure is dear; else the measure as it is.
    """
    cells = (n_left + 1) * (n_right + 1)
    if cells <= min(n_pairs // 2, memory) and getattr(measure, "tabled", True):
        table = np.empty((n_left + 1, n_right + 1), np.uint8)
        right = np.arange(n_right + 1, dtype=np.int32)
        for start in range(0, n_left + 1, ROWS):
            left = np.arange(start, min(start + ROWS, n_left + 1), dtype=np.int32)
            measure.levels(
                np.repeat(left, n_right + 1),
                np.tile(right, len(left)),
                table[start : start + ROWS].reshape(-1),
            )
        return TabledMeasure(measure, table)
    return RememberingMeasure(measure) if getattr(measure, "dear", False) else measure
