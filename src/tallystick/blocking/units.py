"""Units of candidate pairs: small, self-contained pieces of work, never all pairs at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 65_536
"""About how many pairs a unit of blocked pairs holds."""
TILE_LEFT = 256
"""Left rows of a unit of all pairs."""


@dataclass(frozen=True)
class Rectangle:
    """All pairs of some left rows and some right rows.

    Attributes
    ----------
    pass_number, source_pair : int
        Which pass, and which pair of sources, the pairs belong to.
    left, right : int32 arrays
        Global row numbers.
    first : int64 array, shape (len(left),), optional
        Where a list of rows is paired with itself: ``left[k]`` pairs with ``right[first[k]:]``.
    """

    pass_number: int
    source_pair: int
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    first: NDArray[np.int64] | None

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        if self.first is None:
            return len(self.left) * len(self.right)
        return int((len(self.right) - self.first).sum())


@dataclass(frozen=True)
class PairBlocks:
    """Pairs of rows that share a key, block by block.

    Attributes
    ----------
    pass_number, source_pair : int
        Which pass, and which pair of sources, the pairs belong to.
    left, right : int32 arrays
        Global row numbers, sorted by key; the same array where `triangle`.
    blocks : int64 array, shape (n, 4) or (n, 5)
        First and last + 1 position in `left`, then in `right`; behind them what the finder knows of a block.
    triangle : bool
        The rows are paired among themselves, each pair once.
    n_pairs : int
        Number of pairs before those of earlier passes are taken out.
    """

    pass_number: int
    source_pair: int
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    blocks: NDArray[np.int64]
    triangle: bool
    n_pairs: int


@dataclass(frozen=True)
class PairList:
    """Pairs given one by one.

    Attributes
    ----------
    pass_number, source_pair : int
        Which pass, and which pair of sources, the pairs belong to.
    left, right : int32 arrays
        Global row numbers, one pair an element.
    """

    pass_number: int
    source_pair: int
    left: NDArray[np.int32]
    right: NDArray[np.int32]

    @property
    def n_pairs(self) -> int:
        """Number of pairs before those of earlier passes are taken out."""
        return len(self.left)


Unit = Rectangle | PairBlocks | PairList


def block_pairs(blocks: NDArray[np.int64], triangle: bool) -> NDArray[np.int64]:
    """Number of pairs of each block; a triangle's left positions lie inside its right ones or before.

    Examples
    --------
    >>> block_pairs(np.array([[0, 2, 0, 3]]), triangle=True).tolist()
    [3]
    >>> block_pairs(np.array([[0, 2, 0, 3]]), triangle=False).tolist()
    [6]
    """
    n_left = blocks[:, 1] - blocks[:, 0]
    n_right = blocks[:, 3] - blocks[:, 2]
    if not triangle:
        return n_left * n_right
    # Left position a pairs with the right positions above both a and the block's first.
    first = np.maximum(blocks[:, 0], blocks[:, 2] - 1)
    below = np.maximum(0, np.minimum(blocks[:, 1], blocks[:, 2] - 1) - blocks[:, 0]) * n_right
    last = np.maximum(blocks[:, 1], first)
    count = last - first
    beside = count * (blocks[:, 3] - 1) - (first + last - 1) * count // 2
    return np.asarray(below + beside, np.int64)


def rectangles(
    pass_number: int,
    source_pair: int,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    triangle: bool,
) -> Iterator[Rectangle]:
    """Cut all pairs of two lists of rows (or of one with itself) into units.

    Parameters
    ----------
    pass_number, source_pair : int
        What the units belong to.
    left, right : int32 arrays
        Global row numbers; the same list where `triangle`.
    triangle : bool
        Pair the list with itself, each pair once.

    Yields
    ------
    Rectangle
    """
    for start in range(0, len(left), TILE_LEFT):
        rows = left[start : start + TILE_LEFT]
        if triangle:
            first = np.arange(1, len(rows) + 1, dtype=np.int64)
            yield Rectangle(pass_number, source_pair, rows, right[start:], first)
        else:
            yield Rectangle(pass_number, source_pair, rows, right, None)


def keyed_units(
    pass_number: int,
    source_pair: int,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    keys: NDArray[np.int32],
    triangle: bool,
) -> Iterator[PairBlocks]:
    """Units of the pairs that share a key, each of about `CHUNK` pairs.

    Parameters
    ----------
    pass_number, source_pair : int
        What the units belong to.
    left, right : int32 arrays
        Global row numbers, ascending; the same list where `triangle`.
    keys : int32 array, shape (n_records,)
        Key of every record, 0 for none.
    triangle : bool
        Pair the list with itself, each pair once.

    Yields
    ------
    PairBlocks
    """
    from tallystick.blocking.kernels_pairs import group_by_key

    n_keys = int(keys.max(initial=0))
    left, left_start = group_by_key(left, keys, n_keys)
    right, right_start = (left, left_start) if triangle else group_by_key(right, keys, n_keys)
    fewest = 1 if triangle else 0  # most keys are of one record alone: drop them first
    shared = np.flatnonzero((np.diff(left_start) > fewest) & (np.diff(right_start) > 0))
    ends = (left_start[shared], left_start[shared + 1], right_start[shared], right_start[shared + 1])
    yield from block_units(pass_number, source_pair, left, right, np.column_stack(ends), triangle)


def block_units(
    pass_number: int,
    source_pair: int,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    blocks: NDArray[np.int64],
    triangle: bool,
) -> Iterator[PairBlocks]:
    """Units of given blocks, each of about `CHUNK` pairs.

    Parameters
    ----------
    pass_number, source_pair : int
        What the units belong to.
    left, right : int32 arrays
        Global row numbers, block by block; the same list where `triangle`.
    blocks : int64 array, shape (n, 4) or (n, 5)
        As of `PairBlocks`, of any size.
    triangle : bool
        Pair the list with itself, each pair once.

    Yields
    ------
    PairBlocks
    """
    blocks = _split(blocks, triangle)
    counts = block_pairs(blocks, triangle)
    blocks, counts = blocks[counts > 0], counts[counts > 0]
    if not len(blocks):
        return
    unit_of = (np.cumsum(counts) - counts) // CHUNK
    starts = np.flatnonzero(np.diff(unit_of, prepend=-1))
    for begin, end in zip(starts, np.append(starts[1:], len(blocks)), strict=True):
        part, n_pairs = blocks[begin:end].copy(), int(counts[begin:end].sum())
        if triangle:
            low, high = int(part[:, 0].min()), int(part[:, 3].max())
            rows = left[low:high]
            part[:, :4] -= low
            yield PairBlocks(pass_number, source_pair, rows, rows, part, True, n_pairs)
        else:
            low_left, low_right = int(part[:, 0].min()), int(part[:, 2].min())
            rows_left = left[low_left : int(part[:, 1].max())]
            rows_right = right[low_right : int(part[:, 3].max())]
            part[:, :2] -= low_left
            part[:, 2:4] -= low_right
            yield PairBlocks(pass_number, source_pair, rows_left, rows_right, part, False, n_pairs)


def _split(blocks: NDArray[np.int64], triangle: bool) -> NDArray[np.int64]:
    """Cut blocks of more than `CHUNK` pairs into several, by their left rows."""
    n_left = blocks[:, 1] - blocks[:, 0]
    n_right = np.maximum(1, blocks[:, 3] - blocks[:, 2])
    step = np.where(block_pairs(blocks, triangle) > CHUNK, np.maximum(1, CHUNK // n_right), n_left)
    pieces = -(-n_left // np.maximum(1, step))
    of_block = np.repeat(np.arange(len(blocks)), pieces)
    piece = np.arange(len(of_block)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    result = blocks[of_block]
    result[:, 0] += piece * step[of_block]
    result[:, 1] = np.minimum(result[:, 1], result[:, 0] + step[of_block])
    return result


def listed_units(
    pass_number: int,
    source_pair: int,
    listed: tuple[NDArray[np.int32], NDArray[np.int32]],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> Iterator[PairList]:
    """Units of those listed pairs that are between two sources, each of at most `CHUNK` pairs.

    Parameters
    ----------
    pass_number, source_pair : int
        What the units belong to.
    listed : (left, right)
        The pairs as global rows.
    left, right : int32 arrays
        Global rows of the two sources, ascending.

    Yields
    ------
    PairList
    """
    a, b = listed
    if not len(left) or not len(right):
        return
    inside = (a >= left[0]) & (a <= left[-1]) & (b >= right[0]) & (b <= right[-1])
    a, b = a[inside], b[inside]
    for start in range(0, len(a), CHUNK):
        yield PairList(pass_number, source_pair, a[start : start + CHUNK], b[start : start + CHUNK])
