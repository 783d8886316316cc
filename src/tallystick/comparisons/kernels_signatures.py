"""Signatures: 64 bits per value that bound from above what two values can have in common.

Each element (a character, a bigram, a token) and its how-many-eth occurrence in the value sets
one bit, or none. A bit that one value has and the other lacks stands for an occurrence that the
other cannot match, whatever elements share that bit; so value a shares at most
``len(a) - popcount(a & ~b)`` elements with value b.
"""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_words import popcount


@inlined_kernel
def common_bound(heads_l, x, heads_r, y):  # type: ignore[no-untyped-def]
    """Most elements that left value x and right value y can share, from lengths and signatures.

    (Whole tables are passed on, not rows: a view costs more than all that is done here.)
    """
    bits_x = heads_l[x, 2]
    bits_y = heads_r[y, 2]
    most_x = np.int64(heads_l[x, 1]) - popcount(bits_x & ~bits_y)
    most_y = np.int64(heads_r[y, 1]) - popcount(bits_y & ~bits_x)
    return min(most_x, most_y)


@kernel
def count_occurrences(chars, offsets, step, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` how many values have a character once, twice, ..; every `step`-th value is read.

    `counts` is int64 of shape (alphabet, n): column j is of the values that have a character more
    than j times.
    """
    seen = np.zeros(len(counts), np.int64)
    for value in range(0, len(offsets) - 1, step):
        start, stop = offsets[value], offsets[value + 1]
        for i in range(start, stop):
            char = np.int64(chars[i])
            if seen[char] < counts.shape[1]:
                counts[char, seen[char]] += 1
            seen[char] += 1
        for i in range(start, stop):
            seen[chars[i]] = 0


@kernel
def text_signatures(chars, offsets, marks, heads):  # type: ignore[no-untyped-def]
    """Fill the heads of a table of strings: start, length, signature, first four characters.

    `marks` is uint64 of shape (alphabet, n): the bit of the first, second, .. occurrence of each
    character (see `tallystick.comparisons.text.occurrence_marks`); later ones have none.
    """
    seen = np.zeros(len(marks), np.int64)
    for value in range(len(offsets) - 1):
        start, stop = offsets[value], offsets[value + 1]
        bits = np.uint64(0)
        first = np.uint64(0)
        for i in range(start, stop):
            char = np.int64(chars[i])
            if seen[char] < marks.shape[1]:
                bits |= marks[char, seen[char]]
            seen[char] += 1
            if i - start < 4:
                first |= np.uint64(char & 0xFFFF) << np.uint64(16 * (i - start))
        for i in range(start, stop):
            seen[chars[i]] = 0
        heads[value, 0] = start
        heads[value, 1] = stop - start
        heads[value, 2] = bits
        heads[value, 3] = first


@kernel
def bag_signatures(items, offsets, heads):  # type: ignore[no-untyped-def]
    """Fill the heads of a table of bags: start, length, signature; `items` ascend within a value."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    for value in range(len(offsets) - 1):
        start, stop = offsets[value], offsets[value + 1]
        bits = np.uint64(0)
        occurrence = 0
        for i in range(start, stop):
            occurrence = occurrence + 1 if i > start and items[i] == items[i - 1] else 0
            mixed = (np.uint64(items[i]) * np.uint64(64) + np.uint64(occurrence & 63)) * golden
            bits |= np.uint64(1) << (mixed >> np.uint64(58))
        heads[value, 0] = start
        heads[value, 1] = stop - start
        heads[value, 2] = bits
