"""How many pairs the keys of a pass make, and how many of them one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LARGE_BLOCK = 5_000_000
"""Pairs of one block beyond which a run warns of it."""


@dataclass(frozen=True)
class KeyPairs:
    """Pairs of a pass with keys, those of earlier passes included.

    Attributes
    ----------
    n_pairs : int
        Of all keys.
    largest_key : int
        The key that makes the most pairs, of equals the lowest; 0 where there is no pair.
    largest_records, largest_pairs : int
        How many records share it, and how many pairs they make.
    n_large : int
        Number of keys that make more than `LARGE_BLOCK` pairs.
    """

    n_pairs: int
    largest_key: int
    largest_records: int
    largest_pairs: int
    n_large: int


def count_key_pairs(
    keys: NDArray[np.int32], offsets: NDArray[np.int64], source_pairs: Sequence[tuple[int, int]]
) -> KeyPairs:
    """Count the pairs of records that share a key: one look at each record, none at a pair.

    Parameters
    ----------
    keys : int32 array, shape (n_records,)
        Key of every record, 0 for none.
    offsets : int64 array
        As in `Records`.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared; equal numbers for pairs within a source.

    Returns
    -------
    KeyPairs

    Examples
    --------
    >>> keys = np.array([1, 1, 2, 0, 1, 2], np.int32)
    >>> count_key_pairs(keys, np.array([0, 3, 6]), [(0, 1)])
    KeyPairs(n_pairs=3, largest_key=1, largest_records=3, largest_pairs=2, n_large=0)
    """
    counts, pairs = pairs_by_key(keys, offsets, source_pairs)
    key = int(pairs.argmax())
    return KeyPairs(
        int(pairs.sum()),
        key,
        int(counts[key]) if key else 0,
        int(pairs[key]),
        count_large(pairs),
    )


def pairs_by_key(
    keys: NDArray[np.int32], offsets: NDArray[np.int64], source_pairs: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Records and pairs of every key.

    Parameters
    ----------
    keys : int32 array, shape (n_records,)
        Key of every record, 0 for none.
    offsets : int64 array
        As in `Records`.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared.

    Returns
    -------
    records, pairs : int64 arrays, shape (highest key + 1,)
        Of key 0 the records that have none, and no pair.

    Examples
    --------
    >>> pairs_by_key(np.array([1, 1, 2, 0, 1, 2], np.int32), np.array([0, 6]), [(0, 0)])
    (array([1, 3, 2]), array([0, 3, 1]))
    """
    size = int(keys.max(initial=0)) + 1
    counts = [np.bincount(keys[a:b], minlength=size) for a, b in pairwise(offsets)]
    return np.sum(counts, axis=0, dtype=np.int64), pairs_of_counts(counts, source_pairs)


def count_large(pairs: NDArray[np.int64]) -> int:
    """How many keys make more than `LARGE_BLOCK` pairs."""
    return int(np.count_nonzero(pairs > LARGE_BLOCK))


def pairs_of_counts(
    counts: Sequence[NDArray[np.int64]], source_pairs: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Pairs of every key, from how many records of each source have it.

    Parameters
    ----------
    counts : sequence of int64 array, shape (n_keys + 1,)
        For each source; key 0 is none.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared.

    Returns
    -------
    int64 array, shape (n_keys + 1,)
    """
    pairs = np.zeros(len(counts[0]), np.int64)
    for s, t in source_pairs:
        pairs += counts[s] * (counts[s] - 1) // 2 if s == t else counts[s] * counts[t]
    pairs[0] = 0
    return pairs
