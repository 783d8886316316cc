"""Blocks of passes that are not one exact key: the records that share one key of an index, or have none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.finders import Filtered, Finder, OneKey, SharedKeys, Windows
from tallystick.blocking.key_pairs import count_large, pairs_by_key, pairs_of_counts


@dataclass(frozen=True)
class IndexBlock:
    """Records that share one key of an index.

    Attributes
    ----------
    column : int
        Which sort key, of windows; otherwise 0.
    row : int or None
        A record that has the key, where the key is one value of a sort key.
    records, pairs : int
        How many records share it, and how many pairs they make.
    large : int
        Number of keys of the pass that make more than `LARGE_BLOCK` pairs.
    """

    column: int
    row: int | None
    records: int
    pairs: int
    large: int


def index_blocks(
    finder: Finder, offsets: NDArray[np.int64], source_pairs: Sequence[tuple[int, int]], most: int = 1
) -> tuple[IndexBlock, ...]:
    """The keys of an index that make the most pairs, the most first.

    Parameters
    ----------
    finder : Finder
        How the pass finds pairs.
    offsets : int64 array
        As in `Records`.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared.
    most : int
        How many keys.

    Returns
    -------
    tuple of IndexBlock
        None of lists. Of windows the records of one rank.

    Examples
    --------
    Records 0 and 1 share key 1, and 1, 2 and 3 share key 2:

    >>> lists = np.array([0, 0, 1, 3, 4]), np.array([1, 1, 2, 2], np.int32)
    >>> shared = SharedKeys(np.array([1, 2, 3, 3], np.int32), *lists)
    >>> [(one.records, one.pairs) for one in index_blocks(shared, np.array([0, 4]), [(0, 0)], most=2)]
    [(3, 3), (2, 1)]
    """
    found: list[IndexBlock] = []
    large = 0
    inner = finder.finder if isinstance(finder, Filtered) else finder
    for column, (records, pairs) in enumerate(_counts(inner, offsets, source_pairs)):
        large += count_large(pairs)
        for key in np.argsort(-pairs, kind="stable")[:most] if most > 1 else [int(pairs.argmax())]:
            if pairs[key]:
                row = int(np.argmax(inner.ranks[column] == key)) if isinstance(inner, Windows) else None
                found.append(IndexBlock(column, row, int(records[key]), int(pairs[key]), 0))
    found.sort(key=lambda one: -one.pairs)
    return tuple(IndexBlock(own.column, own.row, own.records, own.pairs, large) for own in found[:most])


def without_key(finder: Finder) -> int | None:
    """How many records a pass cannot find, as they lack what it looks at; None of a list of pairs.

    Parameters
    ----------
    finder : Finder
        How the pass finds pairs.

    Returns
    -------
    int or None

    Examples
    --------
    >>> without_key(Windows(np.array([[1, 0, 0, 2], [0, 0, 1, 1]], np.int32), 2))
    1
    """
    inner = finder.finder if isinstance(finder, Filtered) else finder
    if isinstance(inner, OneKey):
        return int(np.count_nonzero(inner.keys == 0))
    if isinstance(inner, Windows):
        return int(np.count_nonzero((inner.ranks == 0).all(axis=0)))
    if isinstance(inner, SharedKeys):
        return int(np.count_nonzero(np.diff(inner.starts)[inner.codes] == 0))
    return None


def _counts(
    finder: Finder, offsets: NDArray[np.int64], source_pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Records and pairs of each key, column by column."""
    if isinstance(finder, OneKey):
        yield pairs_by_key(finder.keys, offsets, source_pairs)
    elif isinstance(finder, Windows):
        for ranks in finder.ranks:
            yield pairs_by_key(ranks, offsets, source_pairs)
    elif isinstance(finder, SharedKeys):
        sizes, n_keys = np.diff(finder.starts), int(finder.keys.max(initial=0))
        counts = []
        for a, b in pairwise(offsets):
            # Records by their lists first, since many have the same.
            of_list = np.bincount(finder.codes[a:b], minlength=len(sizes))
            weights = np.repeat(of_list, sizes)
            counts.append(np.bincount(finder.keys, weights, n_keys + 1).astype(np.int64))
        yield np.sum(counts, axis=0, dtype=np.int64), pairs_of_counts(counts, source_pairs)
