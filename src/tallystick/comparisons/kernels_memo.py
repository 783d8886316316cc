"""Value pairs that come again: which pairs are the same, and levels out of a table of all of them."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def distinct_pairs(a, b, slots, numbers, first, number_of):  # type: ignore[no-untyped-def]
    """Number the distinct pairs of codes from 0 as they come; return how many there are.

    `slots` int64, filled with -1, and `numbers` int32, both of one power of two above twice the number of
    pairs: a hash table with linear probing. Written are `first` (n,), where each distinct pair comes
    first, and `number_of` (n,), which of them each pair is.
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    last = len(slots) - 1
    found = 0
    for k in range(len(a)):
        pair = np.int64(a[k]) << 32 | np.int64(b[k])
        mixed = np.uint64(pair) * golden
        slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(last))
        while slots[slot] != pair:
            if slots[slot] == -1:
                slots[slot] = pair
                numbers[slot] = found
                first[found] = k
                found += 1
                break
            slot = (slot + 1) & last
        number_of[k] = numbers[slot]
    return found


@kernel
def table_levels(table, a, b, out):  # type: ignore[no-untyped-def]
    """Level of each pair of codes by the `table` (n_left, n_right) of all of them."""
    for k in range(len(out)):
        out[k] = table[a[k], b[k]]
