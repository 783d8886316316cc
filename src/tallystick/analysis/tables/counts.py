"""Records counted by row, column and block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import blocks_of
from tallystick.analysis.error_models.error_model import Floats, Ints


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
    """The table of every block, as the links give it or corrected.

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
    """Categories of a column without missing values.

    Parameters
    ----------
    values : array-like, shape (n,)
        A category per row. A categorical of pandas keeps the order of its categories, of which those that no
        row is of are left out; others are sorted.
    name : str
        What messages and the printed table call it.

    Returns
    -------
    Classified

    Raises
    ------
    InputError
        Where categories are of several kinds.

    Examples
    --------
    >>> classified(["no", "yes", "no"], "employed").codes
    array([0, 1, 0])
    """
    categories = getattr(getattr(values, "cat", None), "categories", None)
    if categories is None:
        found = blocks_of(values, name)
        return Classified(name, found.codes, found.labels)
    used, codes = np.unique(np.asarray(values.cat.codes, np.int64), return_inverse=True)
    return Classified(name, codes.astype(np.int64), np.asarray(categories)[used])


def count_by_block(
    rows: Classified, columns: Classified, blocks: Ints, n_blocks: int, weights: Floats | None = None
) -> BlockCounts:
    """Links by block, row and column, each counted once or with its weight."""
    n_rows, n_columns = len(rows.labels), len(columns.labels)
    cell = (blocks * n_rows + rows.codes) * n_columns + columns.codes
    counts = np.bincount(cell, weights=weights, minlength=n_blocks * n_rows * n_columns)
    return BlockCounts(counts.astype(np.float64).reshape(n_blocks, n_rows, n_columns))
