"""Jaro and Jaro-Winkler similarity of pairs of strings.

The common letters are found 64 positions at a time: one word per character says where it stands
in the left string, and the right string is read once against those words.
"""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_signatures import common_bound
from tallystick.comparisons.kernels_words import lowest_bit


@inlined_kernel
def common_prefix(heads_l, x, heads_r, y, chars_l, chars_r, alphabet):  # type: ignore[no-untyped-def]
    """Number of first characters in common, at most 4."""
    differ = heads_l[x, 3] ^ heads_r[y, 3]
    prefix = 4 if differ == 0 else lowest_bit(differ) // 16
    prefix = min(prefix, np.int64(heads_l[x, 1]), np.int64(heads_r[y, 1]))
    if alphabet > 65536:  # heads hold 16 bits of a character
        for i in range(prefix):
            if chars_l[np.int64(heads_l[x, 0]) + i] != chars_r[np.int64(heads_r[y, 0]) + i]:
                return i
    return prefix


@inlined_kernel
def jaro_value(common, moved, len_a, len_b, prefix, chapter, prefix_weight, boost):  # type: ignore[no-untyped-def]
    """Similarity from the counts of common letters and of those out of order."""
    if common == 0:
        return 0.0
    order = 1.0 - moved / (2 * common) if chapter else (common - moved // 2) / common
    value = (common / len_a + common / len_b + order) / 3.0
    if value > boost:
        value += prefix * prefix_weight * (1.0 - value)
    return value


@inlined_kernel
def jaro_counts(masks, chars_l, start_a, len_a, chars_r, start_b, len_b, window, need, flags):  # type: ignore[no-untyped-def]
    """Number of common letters, and how many of them are out of order.

    Up to 64 characters `masks` must hold the positions of the left string's characters; beyond,
    the rows of `flags` mark common letters one by one. Where fewer than `need` letters are common
    the second count is not worked out.
    """
    one = np.uint64(1)
    common = 0
    moved = 0
    if len_a > 64 or len_b > 64:
        flags[0, :len_a] = False
        flags[1, :len_b] = False
        for j in range(len_b):
            for i in range(max(0, j - window), min(len_a, j + window + 1)):
                if not flags[0, i] and chars_l[start_a + i] == chars_r[start_b + j]:
                    flags[0, i] = True
                    flags[1, j] = True
                    common += 1
                    break
        i = 0
        for j in range(len_b):
            if flags[1, j]:
                while not flags[0, i]:
                    i += 1
                moved += chars_l[start_a + i] != chars_r[start_b + j]
                i += 1
        return common, moved
    within = (one << np.uint64(window + 1)) - one  # a window of 64 letters is at most 32
    free = ~np.uint64(0)
    taken = np.uint64(0)
    for j in range(len_b):
        hits = masks[chars_r[start_b + j]] & within & free
        free &= ~(hits & (~hits + one))
        hit = hits != 0
        taken |= np.uint64(hit) << np.uint64(j)
        common += hit
        within = (within << one) | np.uint64(j < window)
    if common < need:
        return common, moved
    used = ~free
    for _ in range(common):
        position = used & (~used + one)
        char = chars_r[start_b + lowest_bit(taken)]
        moved += (masks[char] & position) == 0
        used ^= position
        taken &= taken - one
    return common, moved


@inlined_kernel
def jaro_window(len_a, len_b, chapter):  # type: ignore[no-untyped-def]
    """How far apart two letters may stand and still be common."""
    if chapter:
        return min(len_a, len_b) // 2
    return max(max(len_a, len_b) // 2 - 1, 0)


@kernel
def jaro_levels(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, alphabet, longest, same,
    thresholds, needs, chapter, prefix_weight, prefix_length, boost, out,
):  # fmt: skip
    """Level of each pair of codes: thresholds reached, one more where the strings are equal.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    chars_l, heads_l, chars_r, heads_r
        The two `StringTable`s; `alphabet` and `longest` as in `StringTables`.
    same : bool
        Whether equal codes are equal values and other codes are other values.
    thresholds : float64 array
        Ascending.
    needs : uint8 array, shape (5, L + 1, L + 1)
        Fewest common letters that can reach the lowest threshold, by common prefix and lengths.
    chapter : bool
        Which of the two definitions of Jaro.
    prefix_weight, prefix_length, boost : float, int, float
        Winkler's prefix term; a weight of 0 leaves Jaro.
    out : uint8 array, shape (n,)
    """
    masks = np.zeros(alphabet, np.uint64)
    flags = np.zeros((2, longest if longest > 64 else 0), np.bool_)
    held = np.int64(0)
    held_start = np.int64(0)
    held_length = np.int64(0)
    top = len(thresholds) + 1
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
        start_a = np.int64(heads_l[x, 0])
        start_b = np.int64(heads_r[y, 0])
        prefix = common_prefix(heads_l, x, heads_r, y, chars_l, chars_r, alphabet)
        if not same and len_a == len_b and heads_l[x, 2] == heads_r[y, 2] and prefix == min(len_a, 4):
            i = prefix
            while i < len_a and chars_l[start_a + i] == chars_r[start_b + i]:
                i += 1
            if i == len_a:
                out[k] = top
                continue
        lead = min(prefix, prefix_length)
        bound = common_bound(heads_l, x, heads_r, y)
        need = np.int64(1)
        if len_a <= 64 and len_b <= 64:
            need = np.int64(needs[prefix, len_a, len_b])
            if bound < need:
                out[k] = 0
                continue
            if x != held:
                for i in range(held_start, held_start + held_length):
                    masks[chars_l[i]] = 0
                for i in range(len_a):
                    masks[chars_l[start_a + i]] |= np.uint64(1) << np.uint64(i)
                held, held_start, held_length = x, start_a, len_a
        elif jaro_value(bound, 0, len_a, len_b, lead, chapter, prefix_weight, boost) < thresholds[0] - 1e-12:
            out[k] = 0
            continue
        window = jaro_window(len_a, len_b, chapter)
        common, moved = jaro_counts(
            masks, chars_l, start_a, len_a, chars_r, start_b, len_b, window, need, flags
        )
        level = 0
        if common >= need:
            value = jaro_value(common, moved, len_a, len_b, lead, chapter, prefix_weight, boost)
            while level < len(thresholds) and value >= thresholds[level]:
                level += 1
        out[k] = level


@kernel
def jaro_similarities(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, alphabet, longest,
    chapter, prefix_weight, prefix_length, boost, out,
):  # fmt: skip
    """Similarity of each pair of codes, NaN where one is missing; parameters as in `jaro_levels`."""
    masks = np.zeros(alphabet, np.uint64)
    flags = np.zeros((2, longest if longest > 64 else 0), np.bool_)
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
        if len_a == 0 and len_b == 0:
            out[k] = 1.0
            continue
        in_word = min(len_a, np.int64(64))
        for i in range(in_word):
            masks[chars_l[start_a + i]] |= np.uint64(1) << np.uint64(i)
        window = jaro_window(len_a, len_b, chapter)
        common, moved = jaro_counts(masks, chars_l, start_a, len_a, chars_r, start_b, len_b, window, 0, flags)
        for i in range(in_word):
            masks[chars_l[start_a + i]] = 0
        lead = min(common_prefix(heads_l, x, heads_r, y, chars_l, chars_r, alphabet), prefix_length)
        out[k] = jaro_value(common, moved, len_a, len_b, lead, chapter, prefix_weight, boost)
