"""Sums and means by block, and back to the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Blocks:
    """Which block each row is of.

    Attributes
    ----------
    codes : int64 array, shape (n,)
        Block of each row, from 0.
    labels : array, shape (n_blocks,)
        What the blocks are called.
    """

    codes: Ints
    labels: NDArray[Any]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.labels)

    @cached_property
    def sizes(self) -> Ints:
        """Rows of each block, shape (n_blocks,)."""
        return np.bincount(self.codes, minlength=self.n_blocks)

    @cached_property
    def _indicator(self) -> Any:
        n = len(self.codes)
        return csr_array((np.ones(n), (self.codes, np.arange(n))), shape=(self.n_blocks, n))

    def sums(self, values: Floats) -> Floats:
        """Sum of the rows of each block: (n,) gives (n_blocks,), (n, k) gives (n_blocks, k)."""
        found: Floats = self._indicator @ values
        return found

    def means(self, values: Floats) -> Floats:
        """Mean of the rows of each block."""
        sizes = np.maximum(self.sizes, 1).astype(np.float64)
        return self.sums(values) / (sizes if values.ndim == 1 else sizes[:, None])

    def centred(self, values: Floats) -> Floats:
        """Values less the mean of their block."""
        return values - self.means(values)[self.codes]


def blocks_of(values: Any) -> Blocks:
    """Blocks from a value a row, such as a column of a table.

    Parameters
    ----------
    values : array-like, shape (n,)
        Equal values are one block.

    Returns
    -------
    Blocks
        In the order of the values.

    Examples
    --------
    >>> found = blocks_of(["b", "a", "b"])
    >>> found.codes, found.labels.tolist()
    (array([1, 0, 1]), ['a', 'b'])
    """
    labels, codes = np.unique(np.asarray(values), return_inverse=True)
    return Blocks(codes.astype(np.int64).reshape(-1), labels)


def rows_times(rows: Floats, values: Floats) -> Floats:
    """A number per row times values of one or more columns."""
    return rows * values if values.ndim == 1 else rows[:, None] * values
