"""Records counted by row, column and block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.error_model import Floats, Ints
from tallystick.errors import InputError


@dataclass(frozen=True, eq=False)
class Classified:
    """Which category each row of the linked file is of.

    Attributes
    ----------
    name : str
        What is classified.
    codes : int64 array, shape (n,)
        Category of each row, from 0.
    labels : array, shape (n_categories,)
        The categories, in their order.
    """

    name: str
    codes: Ints
    labels: NDArray[Any]

    @property
    def dummies(self) -> Floats:
        """A column per category, 1 where the row is of it; shape (n, n_categories)."""
        found = np.zeros((len(self.codes), len(self.labels)))
        found[np.arange(len(self.codes)), self.codes] = 1.0
        return found


@dataclass(frozen=True, eq=False)
class BlockCounts:
    """The table of every block as the links give it.

    Attributes
    ----------
    counts : float64 array, shape (n_blocks, n_rows, n_columns)
        Links of the block by row and column.
    """

    counts: Floats

    @property
    def rows(self) -> Floats:
        """Row margins, shape (n_blocks, n_rows)."""
        found: Floats = self.counts.sum(axis=2)
        return found

    @property
    def columns(self) -> Floats:
        """Column margins, shape (n_blocks, n_columns)."""
        found: Floats = self.counts.sum(axis=1)
        return found

    @property
    def sizes(self) -> Floats:
        """Links of each block, shape (n_blocks,)."""
        found: Floats = self.counts.sum(axis=(1, 2))
        return found

    @property
    def independent(self) -> Floats:
        """What independence within the block would give, r c' / n; shape (n_blocks, n_rows, n_columns)."""
        sizes = np.maximum(self.sizes, np.finfo(np.float64).tiny)
        return self.rows[:, :, None] * self.columns[:, None, :] / sizes[:, None, None]


def classified(values: Any, name: str) -> Classified:
    """Categories of a column; a missing value is refused.

    Parameters
    ----------
    values : array-like, shape (n,)
        A category per row. Categoricals of pandas and enumerations of polars keep the order of their
        categories, and those that no row is of are left out; others are sorted.
    name : str
        What messages and the printed table call it.

    Returns
    -------
    Classified

    Raises
    ------
    InputError
        Where a value is missing, there is none at all, or categories cannot be put in an order.

    Examples
    --------
    >>> classified(["no", "yes", "no"], "employed").codes
    array([0, 1, 0])
    """
    import polars as pl

    order: list[Any] | None = None
    array: NDArray[Any]
    if isinstance(values, pl.Series):
        if isinstance(values.dtype, pl.Enum):
            order = values.dtype.categories.to_list()
        array = np.asarray(values.to_list(), dtype=object)
    elif hasattr(values, "cat") and hasattr(values.cat, "categories"):
        order = list(values.cat.categories)
        array = np.asarray(values.astype(object), dtype=object)
    else:
        array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise InputError(
            f"{name}: a table needs one category for each row, in a single column with some rows."
        )
    missing = _missing(array)
    if missing.any():
        raise InputError(
            f"{name}: {int(missing.sum())} of {len(array)} values are missing, the first in row "
            f"{int(np.argmax(missing)) + 1}: make them a category of their own, or leave these rows out "
            "before the error model is made."
        )
    if order is not None:
        place = {label: k for k, label in enumerate(order)}
        codes = np.array([place[value] for value in array.tolist()], np.int64)
        used, codes = np.unique(codes, return_inverse=True)
        return Classified(name, codes.astype(np.int64), np.asarray([order[k] for k in used], dtype=object))
    try:
        labels, codes = np.unique(_plain(array), return_inverse=True)
    except TypeError:
        raise InputError(
            f"{name}: its categories are of several types and have no order: make them text, or a "
            "categorical."
        ) from None
    return Classified(name, codes.astype(np.int64).reshape(-1), labels)


def count_by_block(
    rows: Classified, columns: Classified, blocks: Ints, n_blocks: int, weights: Floats | None = None
) -> BlockCounts:
    """Links by block, row and column, each counted once or with its weight."""
    n_rows, n_columns = len(rows.labels), len(columns.labels)
    cell = (blocks * n_rows + rows.codes) * n_columns + columns.codes
    counts = np.bincount(cell, weights=weights, minlength=n_blocks * n_rows * n_columns)
    return BlockCounts(counts.astype(np.float64).reshape(n_blocks, n_rows, n_columns))


def _missing(array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype.kind == "f":
        return np.asarray(np.isnan(array))
    if array.dtype.kind == "M":
        return np.asarray(np.isnat(array))
    if array.dtype.kind != "O":
        return np.zeros(len(array), bool)
    # What is not equal to itself is a missing value of some library; pandas' own NA has no truth value.
    return np.array([value is None or _unequal(value) for value in array.tolist()], bool)


def _unequal(value: Any) -> bool:
    try:
        return bool(value != value)
    except TypeError:
        return True


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Text as numpy's own text, which sorts fast; anything else as it is."""
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.tolist()):
        return array.astype(str)
    return array
