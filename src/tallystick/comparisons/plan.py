"""Comparisons made ready for the records at hand: what every unit of pairs is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.equality import Exact
from tallystick.comparisons.frequencies import common_values
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.memo import TabledMeasure, remembering
from tallystick.comparisons.similarity import PairFacts, unit_similarities
from tallystick.comparisons.value_frequencies import ValueFrequencies, shares_of
from tallystick.errors import InputError
from tallystick.records.records import Records


def codes_of(codes: NDArray[np.int32], rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Codes of some rows, shape (n_rows,); faster than indexing, which first widens the rows."""
    from tallystick.comparisons.kernels_levels import gather

    found = np.empty(len(rows), np.int32)
    gather(codes, rows, found)
    return found


class CodesAt:
    """Codes of some rows: each array that is asked for is gathered once, however often it is asked for."""

    def __init__(self, rows: NDArray[np.int32]) -> None:
        self.rows = rows
        self._gathered: dict[int, NDArray[np.int32]] = {}

    def codes(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Codes of the rows, shape (n_rows,), out of those of all records."""
        if id(codes) not in self._gathered:
            self._gathered[id(codes)] = codes_of(codes, self.rows)
        return self._gathered[id(codes)]


@dataclass(frozen=True)
class Leaf:
    """One measure on one column a side.

    Attributes
    ----------
    left_codes, right_codes : int32 arrays, shape (n_records,)
        Code of every record where it stands on that side of a pair.
    n_levels : int
        Number of levels, the missing one not counted.
    measure : Measure, optional
        None where equal codes mean agreement and nothing else counts (exact agreement on the same field).
    """

    left_codes: NDArray[np.int32]
    right_codes: NDArray[np.int32]
    n_levels: int
    measure: Measure | None

    @property
    def n_values(self) -> tuple[int, int]:
        """Numbers of distinct values of the two columns, as far as codes tell."""
        return int(self.left_codes.max(initial=0)), int(self.right_codes.max(initial=0))

    def levels(self, left: NDArray[np.int32], right: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of rows to `out`; arrays of shape (n_pairs,)."""
        from tallystick.comparisons.kernels_levels import equality_levels

        if self.measure is None:
            equality_levels(self.left_codes, self.right_codes, left, right, out)
        else:
            self.measure.levels(codes_of(self.left_codes, left), codes_of(self.right_codes, right), out)


@dataclass(frozen=True)
class ComparisonPlan:
    """One comparison, ready to be applied to pairs of rows.

    Attributes
    ----------
    name : str
        Name of the comparison.
    n_levels : int
        Number of levels, the missing one not counted.
    leaves : tuple of Leaf
        The measures that it needs.
    combination : uint8 array, optional
        Level by the mixed-radix number of the leaves' levels (each with its missing one), the
        first leaf the least significant digit; None where there is one leaf and its level counts.
    unreadable : int
        Distinct values that a measure could not read, so that they count as missing.
    similar : bool
        Whether weights ask how alike two values are, beyond their level.
    shares : float64 array, shape (n_values + 1,), optional
        Relative frequency of every value by its code, where weights ask that.
    """

    name: str
    n_levels: int
    leaves: tuple[Leaf, ...]
    combination: NDArray[np.uint8] | None
    unreadable: int
    similar: bool = False
    shares: NDArray[np.float64] | None = None

    def facts(self, left: NDArray[np.int32], right: NDArray[np.int32]) -> PairFacts:
        """What pairs of rows are beyond their level, arrays of shape (n_pairs,): of both orders the best."""
        sides = None
        if self.shares is not None:
            codes = self.leaves[0].left_codes, self.leaves[0].right_codes
            sides = self.shares[codes[0][left]], self.shares[codes[1][right]]
        if not self.similar:
            return PairFacts(None, sides)
        best = np.full(len(left), np.nan)
        for leaf in self.leaves:
            assert leaf.measure is not None
            codes = codes_of(leaf.left_codes, left), codes_of(leaf.right_codes, right)
            best = np.fmax(best, unit_similarities(leaf.measure, *codes))
        return PairFacts(best, sides)

    def levels(self, left: NDArray[np.int32], right: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of rows to `out`; arrays of shape (n_pairs,)."""
        if self.combination is None:
            self.leaves[0].levels(left, right, out)
            return
        number = np.zeros(len(left), np.int32)
        radix = 1
        for leaf in self.leaves:
            leaf.levels(left, right, out)
            number += radix * out.astype(np.int32)
            radix *= leaf.n_levels + 1
        out[:] = self.combination[number]

    def remembering(self, n_pairs: int, memory: int) -> ComparisonPlan:
        """The plan with measures in the form that suits so many blocked pairs (see `memo.remembering`)."""
        leaves = []
        for leaf in self.leaves:
            if leaf.measure is not None:
                measure = remembering(leaf.measure, *leaf.n_values, n_pairs, memory)
                leaf = replace(leaf, measure=measure)
                memory -= measure.table.nbytes if isinstance(measure, TabledMeasure) else 0
            leaves.append(leaf)
        return replace(self, leaves=tuple(leaves))

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables of levels that the measures hold."""
        tabled = (leaf.measure for leaf in self.leaves if isinstance(leaf.measure, TabledMeasure))
        return sum(measure.table.nbytes for measure in tabled)

    def at(self, left: CodesAt, right: CodesAt) -> ComparisonPlan:
        """The same for the rows of `left` and `right` only; pairs are then given as positions in them."""
        leaves = (
            replace(leaf, left_codes=left.codes(leaf.left_codes), right_codes=right.codes(leaf.right_codes))
            for leaf in self.leaves
        )
        return replace(self, leaves=tuple(leaves))


def plan_comparisons(
    records: Records,
    comparisons: Sequence[Comparison],
    within_source: bool,
    threads: int | None = None,
) -> tuple[ComparisonPlan, ...]:
    """Prepare comparisons for the distinct values of these records.

    Parameters
    ----------
    records : Records
        The records.
    comparisons : sequence of Comparison
        As in the specification.
    within_source : bool
        Whether records are paired within a source; asymmetric comparisons are then made symmetric.
    threads : int, optional
        Number of comparisons prepared at a time.

    Returns
    -------
    tuple of ComparisonPlan
    """
    known = with_frequencies(comparisons, records)
    asked = [one.symmetric() if within_source else one for one in known]
    return tuple(run_units(partial(_plan, records), asked, threads))


def with_frequencies(comparisons: Sequence[Comparison], records: Records) -> tuple[Comparison, ...]:
    """The comparisons, with the relative frequencies of common values where these count and are not given.

    Parameters
    ----------
    comparisons : sequence of Comparison
        As in the specification.
    records : Records
        The records whose values are counted, of all sources together.

    Returns
    -------
    tuple of Comparison
    """
    found = []
    for one in comparisons:
        if one.has_shares:
            found.append(one)
            continue
        column, by_value = records.columns[one.left[0]], one.value_frequencies
        if by_value is not None and by_value.path is not None:
            raise InputError(
                f"comparison {one.name!r}: the frequencies in {by_value.path} have not been read: give them "
                "as a table, value to share."
            )
        shares: dict[str, float] | ValueFrequencies
        if by_value is None:
            shares = common_values(column.codes, column.values[0])
        else:
            table = common_values(column.codes, column.values[0], by_value.floor)
            shares = by_value.model_copy(update={"table": table})
        found.append(one.model_copy(update={"frequencies": shares}))
    return tuple(found)


def _plan(records: Records, comparison: Comparison) -> ComparisonPlan:
    leaves = []
    unreadable = 0
    for part in comparison.leaves():
        left = records.column(part.left)
        right = left if part.right == part.left else records.column(part.right)
        same = right is left
        measure: Measure | None = None
        plain = same and len(part.left) == 1 and isinstance(part.comparator, Exact)
        if not plain or comparison.frequencies:
            measure = comparison.measure(part, left.values, right.values, same)
            unreadable += measure.unreadable
        n_levels = part.comparator.n_levels if measure is None else measure.n_levels
        leaves.append(Leaf(left.codes, right.codes, n_levels, measure))
    combination = comparison.combination()
    return ComparisonPlan(
        comparison.name,
        comparison.n_levels,
        tuple(leaves),
        combination,
        unreadable,
        comparison.interpolation is not None,
        None
        if comparison.value_frequencies is None
        else shares_of(records.columns[comparison.left[0]].values[0], comparison.shares),
    )


def compare(
    records: Records,
    comparisons: Sequence[Comparison],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    within_source: bool = False,
) -> NDArray[np.uint8]:
    """Levels of agreement of given pairs of rows.

    Parameters
    ----------
    records : Records
        The records.
    comparisons : sequence of Comparison
        What to compare.
    left, right : int32 arrays, shape (n_pairs,)
        Global row numbers.
    within_source : bool
        Make asymmetric comparisons symmetric.

    Returns
    -------
    uint8 array, shape (n_pairs, n_comparisons)
        0 is disagreement, ``n_levels - 1`` full agreement, ``n_levels`` missing.
    """
    plans = plan_comparisons(records, comparisons, within_source)
    result = np.empty((len(left), len(plans)), np.uint8)
    column = np.empty(len(left), np.uint8)
    for number, plan in enumerate(plans):
        plan.levels(left, right, column)
        result[:, number] = column
    return result
