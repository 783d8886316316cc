"""Folding of levels into numbers, and counting of the numbers."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def fold(levels, values, out):  # type: ignore[no-untyped-def]
    """Sum over the digits: ``out[k] = sum_d values[d, levels[d, k]]``.

    `levels` (n_digits, n) uint8; `values` (n_digits, largest radix) and `out` (n,) of one type:
    place values give pattern numbers, weights of levels give match weights.
    """
    for k in range(len(out)):
        out[k] = values[0, levels[0, k]]
    for d in range(1, levels.shape[0]):
        for k in range(len(out)):
            out[k] += values[d, levels[d, k]]


@kernel
def weigh(patterns, radices, values, out):  # type: ignore[no-untyped-def]
    """Sum over the first digits of pattern numbers: what `fold` gives for the levels that they stand for.

    `radices` (n_digits,) of these digits, the least significant first; `values` (n_digits, largest
    radix); `out` (n,).
    """
    for k in range(len(out)):
        rest = np.int64(patterns[k])
        total = 0.0
        for d in range(len(radices)):
            total += values[d, rest % radices[d]]
            rest //= radices[d]
        out[k] = total


@kernel
def weigh_by_table(patterns, table, out):  # type: ignore[no-untyped-def]
    """What `weigh` gives, out of a `table` (n_patterns,) by the number of the first digits."""
    for k in range(len(out)):
        out[k] = table[np.int64(patterns[k]) % len(table)]


@kernel
def count_dense(patterns, counts):  # type: ignore[no-untyped-def]
    """Add each pattern to its counter in `counts` (n_patterns,)."""
    for k in range(len(patterns)):
        counts[patterns[k]] += 1


@kernel
def count_sparse(patterns, start, keys, counts, used):  # type: ignore[no-untyped-def]
    """Count patterns from position `start` in a hash table with linear probing.

    `keys` (2 ** k,) int64 holds -1 where free; `counts` likewise. Returns the position reached
    (short of the end where the table is half full) and the number of used places.
    """
    mask = len(keys) - 1
    limit = len(keys) // 2
    for k in range(start, len(patterns)):
        pattern = np.int64(patterns[k])
        mixed = (np.uint64(pattern) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
        place = np.int64(mixed) & mask
        while keys[place] != pattern and keys[place] != -1:
            place = (place + 1) & mask
        if keys[place] == -1:
            if used >= limit:
                return k, used
            keys[place] = pattern
            used += 1
        counts[place] += 1
    return len(patterns), used
