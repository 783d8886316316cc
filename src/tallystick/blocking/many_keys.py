"""Lists of keys: several keys for each value, and for records by their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.finders import SharedKeys
from tallystick.blocking.keys import combine_codes

Codes = NDArray[np.int32]


def shared_keys(codes: Codes, of: NDArray[Any], keys: NDArray[Any]) -> SharedKeys:
    """Pairs that share a key, of (list, key) rows.

    Parameters
    ----------
    codes : int32 array, shape (n_records,)
        Which list each record has; 0 for none.
    of : integer array, shape (n,)
        The list, from 1.
    keys : integer array, shape (n,)
        A key of it, any number; a key may be repeated.

    Returns
    -------
    SharedKeys

    Examples
    --------
    >>> found = shared_keys(np.array([1, 2, 0], np.int32), np.array([1, 2, 1]), np.array([70, 70, 80]))
    >>> found.starts.tolist(), found.keys.tolist()
    ([0, 0, 2, 3], [1, 2, 1])
    """
    n_lists = int(codes.max(initial=0))
    distinct, numbers = np.unique(keys, return_inverse=True)
    # One number for list and key orders by list and then by key, and drops what is repeated.
    each = np.unique(of.astype(np.int64) * (len(distinct) + 1) + numbers + 1)
    lists, own = np.divmod(each, len(distinct) + 1)
    starts = np.searchsorted(lists, np.arange(n_lists + 2))
    return SharedKeys(codes, starts.astype(np.int64), own.astype(np.int32))


def items(codes: Codes, values: pl.Series, separator: str) -> SharedKeys:
    """Pairs whose lists in a field share an item; spaces around items and empty items do not count.

    Parameters
    ----------
    codes : int32 array, shape (n_records,)
        Codes of the field.
    values : polars.Series
        Its values, shape (n_values + 1,), row 0 null.
    separator : str
        What stands between items.

    Returns
    -------
    SharedKeys
    """
    frame = pl.DataFrame({"of": np.arange(len(values)), "item": values.str.split(separator)})
    exploded = frame.explode("item").select("of", pl.col("item").str.strip_chars())
    exploded = exploded.filter(pl.col("item").is_not_null() & (pl.col("item") != ""))
    distinct = exploded["item"].unique().sort()
    number = exploded["item"].replace_strict(distinct, np.arange(1, len(distinct) + 1), return_dtype=pl.Int64)
    return shared_keys(codes, exploded["of"].to_numpy(), number.to_numpy())


def within(found: SharedKeys, codes: Codes) -> SharedKeys:
    """The same pairs where codes are equal besides: every key together with the code.

    Parameters
    ----------
    found : SharedKeys
    codes : int32 array, shape (n_records,)
        0 is none.

    Returns
    -------
    SharedKeys
    """
    together = combine_codes([found.codes, codes])
    rows = np.zeros(int(together.max(initial=0)) + 1, np.int64)
    rows[together] = np.arange(len(together))
    rows = rows[1:]  # one record of each list
    size = (found.starts[1:] - found.starts[:-1])[found.codes[rows]]
    of = np.repeat(np.arange(1, len(rows) + 1), size)
    at = np.arange(len(of)) - np.repeat(np.cumsum(size) - size, size)
    own = found.keys[np.repeat(found.starts[found.codes[rows]], size) + at].astype(np.int64)
    return shared_keys(together, of, own * (int(codes.max(initial=0)) + 1) + np.repeat(codes[rows], size))


def product(several: Sequence[SharedKeys], codes: Codes | None) -> SharedKeys:
    """Pairs that share a key of each of several lists, and a code: a key for each combination.

    Parameters
    ----------
    several : sequence of SharedKeys
        One or more.
    codes : int32 array, shape (n_records,), optional
        0 is none.

    Returns
    -------
    SharedKeys
    """
    found = several[0]
    for other in several[1:]:
        found = _product(found, other)
    return found if codes is None else within(found, codes)


def _product(one: SharedKeys, other: SharedKeys) -> SharedKeys:
    together = combine_codes([one.codes, other.codes])
    rows = np.zeros(int(together.max(initial=0)) + 1, np.int64)
    rows[together] = np.arange(len(together))
    of, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    most = int(other.keys.max(initial=0)) + 1
    for number, row in enumerate(rows[1:], start=1):
        a, b = (own.keys[slice(*own.starts[own.codes[row] :][:2])].astype(np.int64) for own in (one, other))
        keys.append((a[:, None] * most + b[None, :]).ravel())
        of.append(np.full(len(keys[-1]), number))
    return shared_keys(together, np.concatenate(of), np.concatenate(keys))


def any_of(columns: Sequence[Codes]) -> SharedKeys:
    """Pairs that are equal in some column of codes, 0 being none.

    Parameters
    ----------
    columns : sequence of int32 array, shape (n_records,)

    Returns
    -------
    SharedKeys
    """
    starts = np.cumsum([0, *(int(codes.max(initial=0)) for codes in columns)])
    codes = np.arange(1, len(columns[0]) + 1, dtype=np.int32)
    of = np.concatenate([np.flatnonzero(own) + 1 for own in columns])
    keys = np.concatenate([own[own != 0] + start for own, start in zip(columns, starts, strict=False)])
    return shared_keys(codes, of, keys)
