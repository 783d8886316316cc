"""Sums and means by block, and back to the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tallystick.errors import InputError

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

    def name(self, block: Any) -> str:
        """A block by its number, as messages call it."""
        return repr(self.labels[int(block) : int(block) + 1].tolist()[0])

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


def blocks_of(values: Any, what: str = "blocks") -> Blocks:
    """Blocks from a value a row, such as a column of a table.

    Parameters
    ----------
    values : array-like, shape (n,)
        Equal values are one block; a column of polars or pandas, an array or a list.
    what : str
        What they are, for the message.

    Returns
    -------
    Blocks
        In the order of the values.

    Raises
    ------
    InputError
        Where a value is missing, or values cannot be put in order.

    Examples
    --------
    >>> found = blocks_of(["b", "a", "b"])
    >>> found.codes, found.labels.tolist()
    (array([1, 0, 1]), ['a', 'b'])
    """
    if isinstance(values, Blocks):
        return values
    given = np.asarray(values)
    if given.dtype.kind in "US" and isinstance(values, list | tuple):  # numpy has made texts of numbers
        given = np.array(values, object)
    if given.ndim != 1 or not len(given):
        raise InputError(f"{what}: give one value for each row, not an array of shape {given.shape}.")
    if given.dtype.kind in "fO":
        missing = np.flatnonzero([value is None or value != value for value in given.tolist()])
        if len(missing):
            raise InputError(
                f"{what}: row {missing[0]} has none ({len(missing)} of {len(given)} rows lack it): name "
                "the block of every row, or leave such rows out."
            )
    if given.dtype.kind == "O" and all(isinstance(value, str) for value in given.tolist()):
        column = pl.Series(given, dtype=pl.String)  # numpy sorts texts as objects, many times slower
        ordered = column.unique().sort()
        places = column.replace_strict(ordered, pl.int_range(len(ordered), eager=True), return_dtype=pl.Int64)
        return Blocks(places.to_numpy(), ordered.to_numpy())
    try:
        labels, codes = np.unique(given, return_inverse=True)
    except TypeError:
        raise InputError(f"{what}: numbers and texts are mixed: give one kind.") from None
    return Blocks(codes.astype(np.int64).reshape(-1), labels)


def rows_times(rows: Floats, values: Floats) -> Floats:
    """A number per row times values of one or more columns."""
    return rows * values if values.ndim == 1 else rows[:, None] * values
