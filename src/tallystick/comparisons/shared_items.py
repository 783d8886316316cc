"""Lists of items behind the values of both sides, in one numbering: what two values may share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class SharedItems:
    """Items of the values of both sides.

    Attributes
    ----------
    left, right : int64 array, shape (n_values + 2,)
        The items of value k are ``items[left[k]:left[k + 1]]``.
    items : int32 array
        Numbers of items, ascending within a value, each once.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    items: NDArray[np.int32]


def shared_items(rows: pl.DataFrame, n_left: int, n_right: int, same: bool) -> SharedItems:
    """Number items and sort them by value.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns ``value`` (row of the left side, or `n_left` and the row of the right side) and ``item``
        (text), both without nulls.
    n_left, n_right : int
        Rows of each side.
    same : bool
        Whether both sides are one table, whose rows stand there once.

    Returns
    -------
    SharedItems

    Examples
    --------
    >>> rows = pl.DataFrame({"value": [1, 1, 3], "item": ["b", "a", "b"]})
    >>> found = shared_items(rows, 2, 2, False)
    >>> found.left.tolist(), found.right.tolist(), found.items.tolist()
    ([0, 0, 2], [2, 2, 3], [1, 2, 2])
    """
    sorted_rows = (
        rows.select(pl.col("value").cast(pl.Int64), pl.col("item").rank("dense").cast(pl.Int32))
        .unique()
        .sort("value", "item")
    )
    n = n_left if same else n_left + n_right
    counts = np.bincount(sorted_rows["value"].to_numpy(), minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    items = sorted_rows["item"].to_numpy().astype(np.int32)
    return SharedItems(starts[: n_left + 1], starts if same else starts[n_left:], items)


def listed(lists: pl.Series) -> pl.DataFrame:
    """Rows of value and item of lists of text, for `shared_items`."""
    frame = pl.DataFrame({"value": pl.int_range(len(lists), eager=True), "item": lists})
    return frame.explode("item").drop_nulls()
