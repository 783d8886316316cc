"""Grouping of rows by key, and a unit's pairs less those that an earlier pass finds."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def group_by_key(rows, keys, n_keys):  # type: ignore[no-untyped-def]
    """Rows that have a key (1 to `n_keys`), by key and then in their order: a counting sort.

    Returns the rows and, shape (n_keys + 1,), where those of key k + 1 start among them.
    """
    start = np.zeros(n_keys + 1, np.int64)
    for row in rows:
        if keys[row] != 0:
            start[keys[row]] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    place = start[:-1].copy()
    grouped = np.empty(start[n_keys], rows.dtype)
    for row in rows:
        key = keys[row]
        if key != 0:
            grouped[place[key - 1]] = row
            place[key - 1] += 1
    return grouped, start


@kernel
def is_among(number, ascending):  # type: ignore[no-untyped-def]
    """Whether an ascending array holds a number; numpy's search is slow to compile."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low < len(ascending) and ascending[low] == number


@kernel
def enumerate_pairs(  # type: ignore[no-untyped-def]
    blocks, left_rows, right_rows, triangle, keys, n_earlier, listed, out_left, out_right
):
    """Write the pairs of all blocks as positions in the lists of rows; return how many.

    `blocks` (n, 4) int64: first and last + 1 position in `left_rows`, then in `right_rows`. With
    `triangle` both lists are the same and a pair is taken once, the earlier position on the left.
    `keys` (n_records, passes) int32: keys of which the first `n_earlier` are of earlier passes, 0 no
    key. `listed` int64, sorted: pairs of earlier tables as ``left * n_records + right``.
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
                for k in range(n_earlier):
                    key = keys[left, k]
                    if key != 0 and key == keys[right, k]:
                        known = True
                        break
                if not known and len(listed) > 0:
                    known = is_among(np.int64(left) * len(keys) + right, listed)
                if not known:
                    out_left[found] = a
                    out_right[found] = b
                    found += 1
    return found


@kernel
def drop_known(  # type: ignore[no-untyped-def]
    left_rows, right_rows, keys, n_earlier, listed, left_at, right_at
):
    """Keep, in place, the pairs that no earlier pass finds (as of `enumerate_pairs`); return how many.

    `left_at`, `right_at` int32: the pairs as positions in the lists of rows.
    """
    found = 0
    for k in range(len(left_at)):
        left, right = left_rows[left_at[k]], right_rows[right_at[k]]
        known = False
        for column in range(n_earlier):
            key = keys[left, column]
            if key != 0 and key == keys[right, column]:
                known = True
                break
        if not known and len(listed) > 0:
            known = is_among(np.int64(left) * len(keys) + right, listed)
        if not known:
            left_at[found] = left_at[k]
            right_at[found] = right_at[k]
            found += 1
    return found
