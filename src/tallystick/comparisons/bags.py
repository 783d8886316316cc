"""Distinct values as bags of numbered items: bigrams as multisets, tokens as sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.comparisons.kernels_signatures import bag_signatures
from tallystick.comparisons.text import empty_heads, encode_text, joint_keys


@dataclass(frozen=True)
class BagTable:
    """The bags of one side's distinct values.

    Attributes
    ----------
    items : int64 array, shape (n_items,)
        The items of all values, one value after the other, ascending within a value.
    heads : uint64 array, shape (n_values + 1, 4)
        For each value: where its items start, how many they are, its signature (see
        `kernels_signatures`), and a key that is equal where texts are equal.
    """

    items: NDArray[np.int64]
    heads: NDArray[np.uint64]


def bag_table(rows: NDArray[np.int64], items: NDArray[np.int64], keys: NDArray[np.int32]) -> BagTable:
    """Sort the items of each value and sum up each value in a head.

    Parameters
    ----------
    rows, items : int64 arrays, shape (n_items,)
        Which value has which item.
    keys : int32 array, shape (n_values + 1,)
        As of `joint_keys`.

    Returns
    -------
    BagTable
    """
    ordered = pl.DataFrame({"row": rows, "item": items}).sort("row", "item")["item"].to_numpy(writable=True)
    offsets = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=len(keys)), out=offsets[1:])
    heads = empty_heads(len(keys))
    ordered = np.ascontiguousarray(ordered, np.int64)
    bag_signatures(ordered, offsets, heads)
    heads[:, 3] = keys.astype(np.int64).view(np.uint64)
    return BagTable(ordered, heads)


def bigram_bags(left: pl.Series, right: pl.Series, same: bool) -> tuple[BagTable, BagTable]:
    """Bigrams (pairs of neighbouring characters) of the values of both sides, with repetitions.

    Parameters
    ----------
    left, right : polars.Series
        Distinct values of each side, dtype String; row 0 is null.
    same : bool
        Whether both are the same table.

    Returns
    -------
    left_table, right_table : BagTable
    """
    tables = encode_text(left, right, same)
    keys = joint_keys((left,), (right,), same)
    bags = []
    for table, key in zip((tables.left,) if same else (tables.left, tables.right), keys, strict=False):
        owner = np.repeat(np.arange(len(table.heads)), table.heads[:, 1].astype(np.int64))
        wide = table.chars[: len(owner)].astype(np.int64)  # what follows is no value's
        inside = owner[1:] == owner[:-1]
        items = wide[:-1] * tables.alphabet + wide[1:]
        bags.append(bag_table(owner[1:][inside], items[inside], key))
    return bags[0], bags[-1]


def token_bags(left: pl.Series, right: pl.Series, same: bool) -> tuple[BagTable, BagTable]:
    """Tokens (runs of characters without white space) of the values of both sides, each once a value.

    Parameters
    ----------
    left, right : polars.Series
        Distinct values of each side, dtype String; row 0 is null.
    same : bool
        Whether both are the same table.

    Returns
    -------
    left_table, right_table : BagTable
    """
    sides = [
        pl.DataFrame({"token": values})
        .with_row_index("row")
        .with_columns(pl.col("token").str.extract_all(r"\S+"))
        .explode("token")
        .drop_nulls()
        .unique()
        for values in ((left,) if same else (left, right))
    ]
    numbers = pl.concat([side.select("token") for side in sides]).unique(maintain_order=True)
    numbers = numbers.with_row_index("item")
    bags = []
    for side, key in zip(sides, joint_keys((left,), (right,), same), strict=False):
        numbered = side.join(numbers, on="token")
        rows = numbered["row"].cast(pl.Int64).to_numpy()
        bags.append(bag_table(rows, numbered["item"].cast(pl.Int64).to_numpy(), key))
    return bags[0], bags[-1]
