"""Comparator of sets of values: the best agreement of any element of one with any of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_validator

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.fields import check_fields
from tallystick.comparisons.measure import Measure

if TYPE_CHECKING:
    from tallystick.comparisons.union import FieldComparator

# Pairs of elements compared at once, unless two single sets have more.
_BATCH = 1 << 20

# Comparators whose measures give distances, so that the smallest is the best.
_DISTANCES = frozenset(
    (
        "levenshtein",
        "damerau_levenshtein",
        "absolute_difference",
        "relative_difference",
        "days_between",
        "distance_km",
    )
)


@dataclass(frozen=True)
class Sets:
    """The sets of one side.

    Attributes
    ----------
    starts : int64 array, shape (n_values + 2,)
        The elements of value k are ``elements[starts[k]:starts[k + 1]]``; value 0 has none.
    elements : int32 array, shape (n_elements,)
        Codes into the table of distinct elements.
    """

    starts: NDArray[np.int64]
    elements: NDArray[np.int32]


@dataclass(frozen=True)
class SetMeasure:
    """The best level over all pairs of elements.

    Attributes
    ----------
    inner : Measure
        Compares elements.
    left, right : Sets
        The sets of each side, of codes that `inner` knows.
    distance : bool
        Whether the inner measure's similarities are distances.
    unreadable : int
        Number of values without an element, and of elements that the inner measure cannot read.
    """

    inner: Measure
    left: Sets
    right: Sets
    distance: bool
    unreadable: int

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return self.inner.n_levels

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the best level of every pair of sets to `out`; arrays of shape (n,)."""
        from tallystick.comparisons.kernels_values import best_levels

        def batch(part: slice, x: NDArray[np.int32], y: NDArray[np.int32], sizes: NDArray[np.int64]) -> None:
            found = np.empty(len(x), np.uint8)
            self.inner.levels(x, y, found)
            best_levels(sizes, found, self.n_levels, out[part])

        self._each_batch(a, b, batch)

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Best similarity (or smallest distance) of every pair of sets; NaN where missing."""
        result = np.full(len(a), np.nan)
        best = np.fmin if self.distance else np.fmax

        def batch(part: slice, x: NDArray[np.int32], y: NDArray[np.int32], sizes: NDArray[np.int64]) -> None:
            target = np.repeat(np.arange(part.start, part.stop), sizes)
            best.at(result, target, self.inner.similarities(x, y))

        self._each_batch(a, b, batch)
        return result

    def _each_batch(
        self,
        a: NDArray[np.int32],
        b: NDArray[np.int32],
        batch: Callable[[slice, NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]], None],
    ) -> None:
        """Call `batch` for consecutive pairs of sets, with the codes of all pairs of their elements."""
        from tallystick.comparisons.kernels_values import set_pairs

        sizes = np.diff(self.left.starts)[a] * np.diff(self.right.starts)[b]
        ends = np.cumsum(sizes)
        start = 0
        while start < len(a):
            done = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, done + _BATCH, side="right")))
            n_pairs = int(ends[stop - 1]) - done
            x, y = np.empty(n_pairs, np.int32), np.empty(n_pairs, np.int32)
            set_pairs(
                self.left.starts, self.left.elements, self.right.starts, self.right.elements,
                a[start:stop], b[start:stop], x, y,
            )  # fmt: skip
            batch(slice(start, stop), x, y, sizes[start:stop])
            start = stop


class AnyOf(Comparator):
    """The best level over all pairs of elements of two sets (see `any_of`).

    Attributes
    ----------
    comparator : Comparator
        How elements are compared.
    separator : str
        What stands between elements.
    """

    type: Literal["any_of"] = "any_of"
    comparator: FieldComparator
    separator: str = Field(default="|", min_length=1)

    @field_validator("comparator")
    @classmethod
    def _one_field(cls, value: FieldComparator) -> FieldComparator:
        check_fields(value, ("the element",))
        return value

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up: as for elements."""
        return self.comparator.labels()

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> SetMeasure:
        """Split the sets of both sides and prepare the inner comparator (see `Comparator.prepare`)."""
        split = [self._split(left[0])] if same else [self._split(left[0]), self._split(right[0])]
        # One table of elements for both sides, so that equal codes are equal elements.
        every = pl.concat([elements for _, elements in split])
        distinct = every.unique().sort()
        codes = distinct.search_sorted(every).to_numpy().astype(np.int32) + 1
        table = pl.concat([pl.Series([None], dtype=pl.String), distinct.rename("")]).rename(left[0].name)
        inner = self.comparator.prepare((table,), (table,), True)
        sides = [
            Sets(starts, part)
            for (starts, _), part in zip(split, np.split(codes, [len(split[0][1])]), strict=False)
        ]
        empty = sum(
            int(np.count_nonzero(np.diff(starts) == 0)) - values[0].null_count()
            for (starts, _), values in zip(split, (left, right), strict=False)
        )
        distance = self.comparator.type in _DISTANCES
        return SetMeasure(inner, sides[0], sides[-1], distance, empty + inner.unreadable)

    def _split(self, values: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
        """Where the elements of each value start, and all elements, without blanks around them."""
        lists = values.fill_null("").str.split(self.separator)
        owner = np.repeat(np.arange(len(values)), lists.list.len().to_numpy())
        elements = lists.explode().str.strip_chars()
        kept = (elements != "").to_numpy()
        starts = np.zeros(len(values) + 1, np.int64)
        np.cumsum(np.bincount(owner[kept], minlength=len(values)), out=starts[1:])
        return starts, elements.filter(kept)


def any_of(comparator: FieldComparator, separator: str = "|") -> AnyOf:
    """Compare sets of values, such as all names that a person has used.

    The level of two sets is the best level of any element of one with any element of the other.
    A set without elements counts as missing, and so does a pair of sets of which no two elements
    can be compared.

    Parameters
    ----------
    comparator : Comparator
        How two elements are compared: any comparator of one field a side.
    separator : str
        What stands between the elements of a value. Blanks around an element do not count.

    Returns
    -------
    AnyOf

    Raises
    ------
    InputError
        If the separator is empty, or the comparator does not take one field a side.

    Examples
    --------
    >>> from tallystick.comparisons.numbers import year_proximity
    >>> any_of(year_proximity(), separator=";").labels()[-1]
    'same year'
    """
    return AnyOf(comparator=comparator, separator=separator)


# Last, because the union has this module's comparator among its members: completes `AnyOf`.
import tallystick.comparisons.union  # noqa: E402, F401
