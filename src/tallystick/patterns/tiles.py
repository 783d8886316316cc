"""Planning of all pairs: level tables of distinct values, and groups of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.units import TILE_LEFT, Rectangle
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.plan import ComparisonPlan, Leaf
from tallystick.errors import RunError

GROUP_SHARE = 16
"""A group of comparisons may have a distinct right value for every so many right rows."""


@dataclass(frozen=True)
class LevelTable:
    """Levels of the distinct values of one leaf.

    Attributes
    ----------
    row_of, column_of : int32 arrays, shape (n_values + 1,)
        Row and column of a left and a right code; 0 is missing.
    right_values : int32 array, shape (n_columns,)
        Code of each column.
    levels : uint8 array, shape (n_rows, n_columns), optional
        The whole table, where it fits the memory allowed; else rows are computed per unit.
    """

    row_of: NDArray[np.int32]
    column_of: NDArray[np.int32]
    right_values: NDArray[np.int32]
    levels: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Group:
    """Comparisons taken together on the distinct right values that they have in common.

    Attributes
    ----------
    comparisons : tuple of int
        Numbers of the comparisons.
    start : int
        First column of the group in the rows of a tile.
    values : tuple of tuple of int32 array
        For every comparison and leaf of it the right code of each distinct value, shape (n_values,).
    """

    comparisons: tuple[int, ...]
    start: int
    values: tuple[tuple[NDArray[np.int32], ...], ...]

    @property
    def width(self) -> int:
        """Number of distinct right values."""
        return len(self.values[0][0])


@dataclass(frozen=True)
class TilePlan:
    """What every tile of all pairs needs.

    Attributes
    ----------
    comparisons : tuple of ComparisonPlan
        The comparisons.
    tables : tuple of tuple of LevelTable or None
        One per comparison and leaf; None where codes are compared.
    groups : tuple of Group
        The groups.
    right_groups : int32 array, shape (n_groups, n_records)
        Column of every record, as a right row, in each group.
    """

    comparisons: tuple[ComparisonPlan, ...]
    tables: tuple[tuple[LevelTable | None, ...], ...]
    groups: tuple[Group, ...]
    right_groups: NDArray[np.int32]

    @property
    def width(self) -> int:
        """Number of columns of a tile's rows."""
        return self.groups[-1].start + self.groups[-1].width

    def rows(
        self, unit: Rectangle, values: NDArray[np.generic], dtype: type[np.generic]
    ) -> NDArray[np.generic]:
        """For every left row of a unit what each distinct right value of each group adds.

        Parameters
        ----------
        unit : Rectangle
            The unit.
        values : array, shape (n_comparisons, largest radix)
            What each level of each comparison adds.
        dtype : numpy type
            Type of the result.

        Returns
        -------
        array, shape (n_left, width)
        """
        from tallystick.patterns.kernels_tiles import add_equality, add_table

        rows = np.zeros((len(unit.left), self.width), dtype)
        for group in self.groups:
            for number, right in zip(group.comparisons, group.values, strict=True):
                plan, tables = self.comparisons[number], self.tables[number]
                adds = values[number].astype(dtype)
                if plan.combination is not None:
                    levels = _combined_levels(plan, tables, unit.left, right)
                    rows[:, group.start : group.start + group.width] += adds[levels]
                    continue
                leaf, table = plan.leaves[0], tables[0]
                codes = leaf.left_codes[unit.left]
                if table is None:
                    add_equality(rows, group.start, codes, right[0], adds)
                else:
                    levels, table_rows = _leaf_levels(leaf, table, codes)
                    add_table(rows, group.start, levels, table_rows, table.column_of[right[0]], adds)
        return rows


def plan_tiles(
    comparisons: Sequence[ComparisonPlan],
    left_rows: NDArray[np.int32],
    right_rows: NDArray[np.int32],
    memory: int,
    threads: int | None,
) -> TilePlan:
    """Compute level tables and group the comparisons.

    Parameters
    ----------
    comparisons : sequence of ComparisonPlan
        The comparisons.
    left_rows, right_rows : int32 arrays
        Global rows that stand on either side of any pair.
    memory : int
        Bytes that whole level tables may take together.
    threads : int, optional
        Number of threads.

    Returns
    -------
    TilePlan
    """
    groups, right_groups = _group(comparisons, right_rows)
    spare = memory
    tables: list[tuple[LevelTable | None, ...]] = []
    for plan in comparisons:
        own: list[LevelTable | None] = []
        for leaf in plan.leaves:
            if leaf.measure is None:
                own.append(None)
                continue
            table = _level_table(leaf, leaf.measure, left_rows, right_rows, memory, spare, threads)
            if table.levels is not None:
                spare -= table.levels.nbytes
            own.append(table)
        tables.append(tuple(own))
    return TilePlan(tuple(comparisons), tuple(tables), groups, right_groups)


def _group(
    comparisons: Sequence[ComparisonPlan], right_rows: NDArray[np.int32]
) -> tuple[tuple[Group, ...], NDArray[np.int32]]:
    """Join the comparisons with the fewest distinct right values."""
    distinct = []
    for plan in comparisons:
        columns = np.stack([leaf.right_codes[right_rows] for leaf in plan.leaves])
        distinct.append(_distinct_columns(columns))
    limit = max(256, len(right_rows) // GROUP_SHARE)
    joined: list[list[int]] = []
    size = limit + 1
    for number in sorted(range(len(comparisons)), key=lambda number: distinct[number][0].shape[1]):
        own = distinct[number][0].shape[1]
        if joined and size * own <= limit:
            joined[-1].append(number)
            size *= own
        else:
            joined.append([number])
            size = own
    groups = []
    n_records = len(comparisons[0].leaves[0].right_codes)
    right_groups = np.zeros((len(joined), n_records), np.int32)
    start = 0
    for place, members in enumerate(joined):
        tuples, codes = _distinct_columns(np.stack([distinct[number][1] for number in members]))
        values = tuple(
            tuple(leaf[tuples[k]] for leaf in distinct[number][0]) for k, number in enumerate(members)
        )
        right_groups[place, right_rows] = codes + start
        groups.append(Group(tuple(members), start, values))
        start += tuples.shape[1]
    return tuple(groups), right_groups


def _distinct_columns(columns: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Distinct columns of a (k, n) array, shape (k, n_distinct), and which of them each column is."""
    joint = np.zeros(columns.shape[1], np.int64)
    for row in columns:
        _, joint = np.unique(joint, return_inverse=True)
        joint = joint * (int(row.max(initial=0)) + 1) + row
    _, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
    return columns[:, first], inverse.astype(np.int32)


def _level_table(
    leaf: Leaf,
    measure: Measure,
    left_rows: NDArray[np.int32],
    right_rows: NDArray[np.int32],
    memory: int,
    spare: int,
    threads: int | None,
) -> LevelTable:
    """Levels of all distinct values where they fit what is spare, of those of a unit at a time elsewhere."""
    left = np.union1d([0], leaf.left_codes[left_rows]).astype(np.int32)
    right = np.union1d([0], leaf.right_codes[right_rows]).astype(np.int32)
    row_of = np.zeros(int(left[-1]) + 1, np.int32)
    row_of[left] = np.arange(len(left), dtype=np.int32)
    column_of = np.zeros(int(right[-1]) + 1, np.int32)
    column_of[right] = np.arange(len(right), dtype=np.int32)
    table = LevelTable(row_of, column_of, right, None)
    if len(left) * len(right) > spare:
        if min(TILE_LEFT, len(left)) * len(right) > memory:
            raise RunError(
                f"All pairs of {len(left)} and {len(right)} distinct values need more than the memory "
                "allowed: give more memory, or block instead of comparing all pairs."
            )
        return table
    starts = range(0, len(left), TILE_LEFT)
    strips = run_units(lambda at: _levels(measure, left[at : at + TILE_LEFT], right), starts, threads)
    return LevelTable(row_of, column_of, right, np.concatenate(list(strips)))


def _levels(measure: Measure, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Levels of every left with every right code, shape (n_left, n_right)."""
    levels = np.empty((len(left), len(right)), np.uint8)
    batch = max(1, 65_536 // len(right))
    for start in range(0, len(left), batch):
        part = left[start : start + batch]
        measure.levels(
            np.repeat(part, len(right)), np.tile(right, len(part)), levels[start : start + batch].reshape(-1)
        )
    return levels


def _leaf_levels(
    leaf: Leaf, table: LevelTable, codes: NDArray[np.int32]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """A table that holds the given left codes, and the row of each."""
    if table.levels is not None:
        return table.levels, table.row_of[codes]
    assert leaf.measure is not None
    distinct, inverse = np.unique(codes, return_inverse=True)
    return _levels(leaf.measure, distinct, table.right_values), inverse.astype(np.int32)


def _combined_levels(
    plan: ComparisonPlan,
    tables: tuple[LevelTable | None, ...],
    left: NDArray[np.int32],
    right: tuple[NDArray[np.int32], ...],
) -> NDArray[np.uint8]:
    """Levels of a comparison of several leaves: left rows by distinct right values."""
    assert plan.combination is not None
    number = np.zeros((len(left), len(right[0])), np.int32)
    radix = 1
    for leaf, table, values in zip(plan.leaves, tables, right, strict=True):
        codes = leaf.left_codes[left]
        if table is None:
            levels = (codes[:, None] == values[None, :]).astype(np.int32)
            levels[(codes == 0)[:, None] | (values == 0)[None, :]] = leaf.n_levels
        else:
            whole, table_rows = _leaf_levels(leaf, table, codes)
            levels = whole[table_rows][:, table.column_of[values]].astype(np.int32)
        number += radix * levels
        radix *= leaf.n_levels + 1
    return plan.combination[number]
