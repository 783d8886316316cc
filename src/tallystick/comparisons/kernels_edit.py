"""Levenshtein distance, and with swaps of neighbours the restricted Damerau-Levenshtein distance.

Up to 64 characters a column of the distance table is two machine words of differences (Myers
1999), extended to swaps as in Hyyrö 2003; beyond, the table is filled in a band around its
diagonal as wide as the largest distance that matters (Ukkonen 1985).
"""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_signatures import common_bound
from tallystick.comparisons.kernels_words import where_equal


@inlined_kernel
def edit_distance_words(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, most):  # type: ignore[no-untyped-def]
    """Distance of two strings of which the left one has 1 to 64 characters.

    A distance above `most` may be returned as any number above `most`.
    """
    one = np.uint64(1)
    swap_mask = ~np.uint64(0) if swaps else np.uint64(0)
    last = one << np.uint64(len_a - 1)
    rises = ~np.uint64(0)  # where the column rises by one from a row to the next
    falls = np.uint64(0)
    diagonal = np.uint64(0)  # where the value equals its upper left neighbour
    before = np.uint64(0)
    distance = len_a
    for j in range(len_b):
        # What stands behind the left string sets bits above `last`, and nothing is carried down.
        match = where_equal(chars_l, np.uint64(start_a), chars_r[np.uint64(start_b + j)])
        swapped = (((~diagonal) & match) << one) & before & swap_mask
        diagonal = (((match & rises) + rises) ^ rises) | match | falls | swapped
        up = falls | ~(diagonal | rises)
        down = diagonal & rises
        distance += np.int64((up & last) != 0) - np.int64((down & last) != 0)
        if distance - (len_b - 1 - j) > most:
            return most + 1
        up = (up << one) | one
        falls = up & diagonal
        rises = (down << one) | ~(diagonal | up)
        before = match
    return distance


@inlined_kernel
def edit_distance_band(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, most, rows):  # type: ignore[no-untyped-def]
    """Distance of two strings of any length, or a number above `most` if it is above `most`.

    `rows` is int64 of shape (3, at least len_b + 2).
    """
    far = most + 1
    if abs(len_a - len_b) > most:
        return far
    for j in range(len_b + 1):
        rows[0, j] = min(j, far)
    for i in range(1, len_a + 1):
        now, up, upper = i % 3, (i - 1) % 3, (i - 2) % 3
        first = max(1, i - most)
        stop = min(len_b, i + most)
        rows[now, first - 1] = min(i, far) if first == 1 else far
        char = chars_l[start_a + i - 1]
        for j in range(first, stop + 1):
            other = chars_r[start_b + j - 1]
            cost = rows[up, j - 1] + (char != other)
            # Outside the band of the row above, its cells hold numbers of an older row.
            if j < i + most:
                cost = min(cost, rows[up, j] + 1)
            cost = min(cost, rows[now, j - 1] + 1)
            if (
                swaps and i > 1 and j > 1
                and char == chars_r[start_b + j - 2] and other == chars_l[start_a + i - 2]
            ):  # fmt: skip
                cost = min(cost, rows[upper, j - 2] + 1)
            rows[now, j] = min(cost, far)
    return rows[len_a % 3, len_b]


@kernel
def edit_levels(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, longest, same, limits, swaps, out
):  # fmt: skip
    """Level of each pair of codes: how many limits the distance keeps, one more where it is 0.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    chars_l, heads_l, chars_r, heads_r
        The two `StringTable`s; `longest` as in `StringTables`.
    same : bool
        Whether equal codes are equal values.
    limits : int64 array
        Largest distances of the levels, descending.
    swaps : bool
        Whether a swap of two neighbours is one edit.
    out : uint8 array, shape (n,)
    """
    rows = np.zeros((3, longest + 2 if longest > 64 else 0), np.int64)
    top = len(limits) + 1
    most = limits[0]
    for k in range(len(a)):
        x = np.int64(a[k])
        y = np.int64(b[k])
        if x == 0 or y == 0:
            out[k] = top + 1
            continue
        if same and x == y:
            out[k] = top
            continue
        len_a = np.int64(heads_l[x, 1])
        len_b = np.int64(heads_r[y, 1])
        longer = max(len_a, len_b)
        if longer - common_bound(heads_l, x, heads_r, y) > most:
            out[k] = 0
            continue
        start_a = np.int64(heads_l[x, 0])
        start_b = np.int64(heads_r[y, 0])
        if len_a == 0 or len_b == 0:
            distance = longer
        elif len_a <= 64:
            distance = edit_distance_words(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, most)
        else:
            distance = edit_distance_band(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, most, rows)
        level = 0
        while level < len(limits) and distance <= limits[level]:
            level += 1
        out[k] = top if distance == 0 else level


@kernel
def edit_distances(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, longest, swaps, out
):  # fmt: skip
    """Distance of each pair of codes, NaN where one is missing; parameters as in `edit_levels`."""
    rows = np.zeros((3, longest + 2 if longest > 64 else 0), np.int64)
    for k in range(len(a)):
        if a[k] == 0 or b[k] == 0:
            out[k] = np.nan
            continue
        x = np.int64(a[k])
        y = np.int64(b[k])
        len_a = np.int64(heads_l[x, 1])
        len_b = np.int64(heads_r[y, 1])
        start_a = np.int64(heads_l[x, 0])
        start_b = np.int64(heads_r[y, 0])
        longer = max(len_a, len_b)
        if len_a == 0 or len_b == 0:
            out[k] = longer
        elif len_a <= 64:
            out[k] = edit_distance_words(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, longer)
        else:
            out[k] = edit_distance_band(chars_l, start_a, len_a, chars_r, start_b, len_b, swaps, longer, rows)
