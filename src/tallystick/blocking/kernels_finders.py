"""Pairs found by several keys a record, or by windows over ranks; filters; and whether given pairs are."""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.blocking.kernels_pairs import is_among


@inlined_kernel
def smallest_shared(keys, a, a_end, b, b_end):  # type: ignore[no-untyped-def]
    """Smallest key that two ascending stretches of `keys`, from `a` and from `b`, share; 0 where none."""
    while a < a_end and b < b_end:
        if keys[a] == keys[b]:
            return keys[a]
        if keys[a] < keys[b]:
            a += 1
        else:
            b += 1
    return 0


@kernel
def share_a_key(codes, starts, keys, left, right, out):  # type: ignore[no-untyped-def]
    """Whether the rows of each pair share a key; the keys of code c stand at ``starts[c]`` and on."""
    for k in range(len(out)):
        a, b = codes[left[k]], codes[right[k]]
        out[k] = smallest_shared(keys, starts[a], starts[a + 1], starts[b], starts[b + 1]) != 0


@kernel
def in_a_window(ranks, window, left, right, out):  # type: ignore[no-untyped-def]
    """Whether the ranks of each pair differ by less than the window in any column; rank 0 is none."""
    for k in range(len(out)):
        found = False
        for column in range(ranks.shape[0]):
            a, b = ranks[column, left[k]], ranks[column, right[k]]
            if a != 0 and b != 0 and abs(a - b) < window:
                found = True
                break
        out[k] = found


@kernel
def is_listed(n_records, listed, left, right, out):  # type: ignore[no-untyped-def]
    """Whether each pair, in either order, is among ascending numbers ``lower * n_records + higher``."""
    for k in range(len(out)):
        low, high = min(left[k], right[k]), max(left[k], right[k])
        out[k] = is_among(np.int64(low) * n_records + high, listed)


@kernel
def is_near(values, most, left, right, out):  # type: ignore[no-untyped-def]
    """Whether values, float64, differ by at most a limit or one is missing (NaN)."""
    for k in range(len(out)):
        out[k] = not (abs(values[left[k]] - values[right[k]]) > most)


@kernel
def is_alike(codes, left, right, out):  # type: ignore[no-untyped-def]
    """Whether codes are equal or one is missing (0)."""
    for k in range(len(out)):
        a, b = codes[left[k]], codes[right[k]]
        out[k] = a == b or a == 0 or b == 0


@kernel
def group_by_keys(rows, codes, starts, keys, n_keys):  # type: ignore[no-untyped-def]
    """Rows by each of their keys and then in their order, and where those of key k + 1 start."""
    start = np.zeros(n_keys + 1, np.int64)
    for row in rows:
        for k in range(starts[codes[row]], starts[codes[row] + 1]):
            start[keys[k]] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    place = start[:-1].copy()
    grouped = np.empty(start[n_keys], rows.dtype)
    for row in rows:
        for k in range(starts[codes[row]], starts[codes[row] + 1]):
            grouped[place[keys[k] - 1]] = row
            place[keys[k] - 1] += 1
    return grouped, start


@kernel
def enumerate_shared(  # type: ignore[no-untyped-def]
    blocks, left_rows, right_rows, triangle, codes, starts, keys, out_left, out_right
):
    """Write the pairs of all blocks in the block of the smallest key that they share; return how many.

    `blocks` (n, 5) int64: as of `enumerate_pairs`, then the key of the block.
    """
    found = 0
    for block in range(blocks.shape[0]):
        for a in range(blocks[block, 0], blocks[block, 1]):
            code = codes[left_rows[a]]
            begin, end = starts[code], starts[code + 1]
            start = blocks[block, 2]
            if triangle and start <= a:
                start = a + 1
            for b in range(start, blocks[block, 3]):
                other = codes[right_rows[b]]
                first = smallest_shared(keys, begin, end, starts[other], starts[other + 1])
                if first == blocks[block, 4]:
                    out_left[found] = a
                    out_right[found] = b
                    found += 1
    return found


@kernel
def enumerate_windows(  # type: ignore[no-untyped-def]
    blocks, left_rows, right_rows, triangle, ranks, window, out_left, out_right
):
    """Write the pairs of all blocks that no earlier column of ranks finds; return how many.

    `blocks` (n, 5) int64: as of `enumerate_pairs`, then the column of ranks. With `triangle` rows stand by
    rank, and the lower row is written on the left.
    """
    found = 0
    for block in range(blocks.shape[0]):
        for a in range(blocks[block, 0], blocks[block, 1]):
            left = left_rows[a]
            start = blocks[block, 2]
            if triangle and start <= a:
                start = a + 1
            for b in range(start, blocks[block, 3]):
                right = right_rows[b]
                known = False
                for column in range(blocks[block, 4]):
                    i, j = ranks[column, left], ranks[column, right]
                    if i != 0 and j != 0 and abs(i - j) < window:
                        known = True
                        break
                if not known:
                    if triangle and left > right:
                        out_left[found] = b
                        out_right[found] = a
                    else:
                        out_left[found] = a
                        out_right[found] = b
                    found += 1
    return found
