"""What a comparator becomes once it knows the distinct values: a measure on value codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Measure(Protocol):
    """Levels of agreement of pairs of values, given as codes into two tables of values.

    Levels run from 0 (disagreement) to ``n_levels - 1`` (full agreement); ``n_levels`` itself
    stands for missing: either code is 0, or a value cannot be read (a date that is none).
    A measure is picklable, and `levels` may be called by several threads at once. One that takes
    microseconds for a pair says so by an attribute ``dear`` that is true, one that must not be asked
    about pairs that no pass finds by an attribute ``tabled`` that is false.
    """

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""

    @property
    def unreadable(self) -> int:
        """Number of distinct non-missing values (both sides) that cannot be read, so count as missing."""

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes ``(a[i], b[i])`` to ``out[i]``; all of shape (n,).

        Callers that fill tables pass runs of equal ``a``, which a kernel may use.
        """

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Similarity (or distance, as the comparator says) of every pair; NaN where missing."""


@dataclass(frozen=True)
class WrappedMeasure:
    """A measure around another, which it is like in all but how levels are found.

    Attributes
    ----------
    measure : Measure
        The measure itself.
    """

    measure: Measure

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return self.measure.n_levels

    @property
    def unreadable(self) -> int:
        """As of the measure."""
        return self.measure.unreadable

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """As of the measure."""
        return self.measure.similarities(a, b)
