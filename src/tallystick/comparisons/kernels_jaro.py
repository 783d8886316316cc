"""Jaro and Jaro-Winkler similarity of pairs of strings.

Pairs are taken in blocks. A sieve over a block keeps those that their lengths, signatures and
first letters allow to reach a level, without a branch that depends on a pair; only the kept ones
are read. The common letters are found 64 positions at a time: one word says where in the left
string a character of the right one stands.
"""

from __future__ import annotations

import math

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_signatures import common_bound
from tallystick.comparisons.kernels_words import fetch_ahead, lowest_bit, popcount, where_equal

BLOCK = 1024
# Pairs from asking for the memory of a pair to reading it.
HEADS_AHEAD = 32
CHARS_AHEAD = 8


@inlined_kernel
def head_prefix(heads_l, x, heads_r, y):  # type: ignore[no-untyped-def]
    """Number of first characters in common by 16 bits of each, at most 4; so it may be too high."""
    differ = heads_l[x, 3] ^ heads_r[y, 3]
    prefix = 4 if differ == 0 else lowest_bit(differ) // 16
    return min(prefix, np.int64(heads_l[x, 1]), np.int64(heads_r[y, 1]))


@inlined_kernel
def common_prefix(heads_l, x, heads_r, y, chars_l, chars_r, alphabet):  # type: ignore[no-untyped-def]
    """Number of first characters in common, at most 4."""
    prefix = head_prefix(heads_l, x, heads_r, y)
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
def most_moved(common, len_a, len_b, lowest, chapter):  # type: ignore[no-untyped-def]
    """Most letters out of order with which a Jaro similarity can reach `lowest`; below 0 if none can."""
    order = 3.0 * lowest - common / len_a - common / len_b
    # `jaro_value` solved for `moved`; the margin is far above rounding and far below one letter.
    spare = common * (1.0 - order) + 1e-9
    return np.int64(math.floor(2.0 * spare)) if chapter else 2 * np.int64(math.floor(spare)) + 1


@inlined_kernel
def jaro_window(len_a, len_b, chapter):  # type: ignore[no-untyped-def]
    """How far apart two letters may stand and still be common."""
    if chapter:
        return min(len_a, len_b) // 2
    return max(max(len_a, len_b) // 2 - 1, 0)


@inlined_kernel
def common_letters(chars_l, start_a, len_a, chars_r, start_b, len_b, window):  # type: ignore[no-untyped-def]
    """Where the common letters of two strings of 1 to 64 characters stand: a word for each string."""
    one = np.uint64(1)
    zero = np.uint64(0)
    width = np.uint64(window)
    within = (one << (width + one)) - one  # a window of 64 letters is at most 32
    whole = ~zero >> np.uint64(64 - len_a)
    free = whole
    taken = zero
    for j in range(len_b):
        place = np.uint64(j)
        char = chars_r[np.uint64(start_b) + place]
        hits = where_equal(chars_l, np.uint64(start_a), char) & within & free
        free ^= hits & -hits
        taken |= np.uint64(hits != zero) << place
        within = (within << one) | np.uint64(place < width)
    return whole ^ free, taken


@inlined_kernel
def letters_moved(chars_l, start_a, used, chars_r, start_b, taken, most):  # type: ignore[no-untyped-def]
    """How many common letters are out of order; where they are more than `most`, any number above it.

    `used` and `taken` are what `common_letters` gives.
    """
    one = np.uint64(1)
    zero = np.uint64(0)
    last = np.uint64(1) << np.uint64(63)  # lowest_bit needs a bit
    first_a = np.uint64(start_a)
    first_b = np.uint64(start_b)
    moved = 0
    # Most pairs have too many among their first few. That is asked once, as processors guess wrong
    # where a loop ends that ends elsewhere in each pair.
    for _ in range(8):
        char = chars_l[first_a + np.uint64(lowest_bit(used | last))]
        other = chars_r[first_b + np.uint64(lowest_bit(taken | last))]
        moved += (char != other) & (taken != zero)
        used &= used - one
        taken &= taken - one
    while moved <= most and taken != zero:
        char = chars_l[first_a + np.uint64(lowest_bit(used))]
        moved += char != chars_r[first_b + np.uint64(lowest_bit(taken))]
        used &= used - one
        taken &= taken - one
    return moved


@inlined_kernel
def long_counts(chars_l, start_a, len_a, chars_r, start_b, len_b, window, flags):  # type: ignore[no-untyped-def]
    """Numbers of common letters and of those out of order, of strings of any length.

    `flags` is bool of shape (2, at least the longer length) and marks common letters.
    """
    common = 0
    moved = 0
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


@inlined_kernel
def jaro_sieve(a, b, start, stop, heads_l, heads_r, needs, same, top, out, kept):  # type: ignore[no-untyped-def]
    """Level of pairs start .. stop - 1 as far as heads tell it; the other pairs go to `kept`.

    Returns how many were kept.
    """
    zero = np.uint64(0)
    n = zero
    longest = needs.shape[1] - 1
    for k in range(start, stop):
        ahead = np.uint64(min(k + HEADS_AHEAD, len(a) - 1))
        fetch_ahead(heads_l, np.uint64(4) * np.uint64(a[ahead]))
        fetch_ahead(heads_r, np.uint64(4) * np.uint64(b[ahead]))
        at = np.uint64(k)
        x = np.uint64(a[at])
        y = np.uint64(b[at])
        missing = (x == zero) | (y == zero)
        equal = same & (x == y)
        out[at] = top + 1 if missing else top if equal else 0
        len_a = np.uint64(min(np.int64(heads_l[x, 1]), longest))
        len_b = np.uint64(min(np.int64(heads_r[y, 1]), longest))
        need = needs[np.uint64(head_prefix(heads_l, x, heads_r, y)), len_a, len_b]
        kept[n] = k
        n += np.uint64((common_bound(heads_l, x, heads_r, y) >= need) & (not missing) & (not equal))
    return np.int64(n)


@inlined_kernel
def jaro_level(  # type: ignore[no-untyped-def]
    x, y, chars_l, heads_l, chars_r, heads_r, alphabet, same,
    thresholds, lowest, chapter, prefix_weight, prefix_length, boost, flags,
):  # fmt: skip
    """Level of left value x and right value y, neither missing nor both empty in one table."""
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
            return len(thresholds) + 1
    lead = min(prefix, prefix_length)
    window = jaro_window(len_a, len_b, chapter)
    if len_a <= 64 and len_b <= 64:
        used, taken = common_letters(chars_l, start_a, len_a, chars_r, start_b, len_b, window)
        common = popcount(taken)
        most = most_moved(common, len_a, len_b, lowest[lead], chapter)
        moved = letters_moved(chars_l, start_a, used, chars_r, start_b, taken, most)
        if moved > most:
            return 0
    else:
        bound = common_bound(heads_l, x, heads_r, y)
        if jaro_value(bound, 0, len_a, len_b, lead, chapter, prefix_weight, boost) < thresholds[0] - 1e-12:
            return 0
        common, moved = long_counts(chars_l, start_a, len_a, chars_r, start_b, len_b, window, flags)
    value = jaro_value(common, moved, len_a, len_b, lead, chapter, prefix_weight, boost)
    level = 0
    while level < len(thresholds) and value >= thresholds[level]:
        level += 1
    return level


@kernel
def jaro_levels(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, alphabet, longest, same,
    thresholds, lowest, needs, chapter, prefix_weight, prefix_length, boost, out,
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
    lowest : float64 array, shape (5,)
        Least Jaro similarity that can reach the lowest threshold, by common prefix.
    needs : uint8 array, shape (5, L + 1, L + 1)
        Fewest common letters that can reach it, by common prefix and lengths; L stands for all
        lengths from L on.
    chapter : bool
        Which of the two definitions of Jaro.
    prefix_weight, prefix_length, boost : float, int, float
        Winkler's prefix term; a weight of 0 leaves Jaro.
    out : uint8 array, shape (n,)
    """
    kept = np.empty(BLOCK, np.int64)
    flags = np.zeros((2, longest if longest > 64 else 0), np.bool_)
    top = len(thresholds) + 1
    for start in range(0, len(a), BLOCK):
        stop = min(start + BLOCK, len(a))
        n = jaro_sieve(a, b, start, stop, heads_l, heads_r, needs, same, top, out, kept)
        for i in range(n):
            ahead = kept[min(i + CHARS_AHEAD, n - 1)]
            x = np.uint64(a[ahead])
            y = np.uint64(b[ahead])
            fetch_ahead(chars_l, heads_l[x, 0])
            fetch_ahead(chars_l, heads_l[x, 0] + np.uint64(63))  # as `where_equal` reads them
            fetch_ahead(chars_r, heads_r[y, 0])
            fetch_ahead(chars_r, heads_r[y, 0] + heads_r[y, 1])
            k = kept[i]
            out[k] = jaro_level(
                np.uint64(a[k]), np.uint64(b[k]), chars_l, heads_l, chars_r, heads_r, alphabet, same,
                thresholds, lowest, chapter, prefix_weight, prefix_length, boost, flags,
            )  # fmt: skip


@kernel
def jaro_similarities(  # type: ignore[no-untyped-def]
    a, b, chars_l, heads_l, chars_r, heads_r, alphabet, longest,
    chapter, prefix_weight, prefix_length, boost, out,
):  # fmt: skip
    """Similarity of each pair of codes, NaN where one is missing; parameters as in `jaro_levels`."""
    flags = np.zeros((2, longest if longest > 64 else 0), np.bool_)
    for k in range(len(a)):
        if a[k] == 0 or b[k] == 0:
            out[k] = np.nan
            continue
        x = np.uint64(a[k])
        y = np.uint64(b[k])
        len_a = np.int64(heads_l[x, 1])
        len_b = np.int64(heads_r[y, 1])
        start_a = np.int64(heads_l[x, 0])
        start_b = np.int64(heads_r[y, 0])
        if len_a == 0 or len_b == 0:
            out[k] = len_a == len_b
            continue
        window = jaro_window(len_a, len_b, chapter)
        if len_a <= 64 and len_b <= 64:
            used, taken = common_letters(chars_l, start_a, len_a, chars_r, start_b, len_b, window)
            common = popcount(taken)
            moved = letters_moved(chars_l, start_a, used, chars_r, start_b, taken, common)
        else:
            common, moved = long_counts(chars_l, start_a, len_a, chars_r, start_b, len_b, window, flags)
        lead = min(common_prefix(heads_l, x, heads_r, y, chars_l, chars_r, alphabet), prefix_length)
        out[k] = jaro_value(common, moved, len_a, len_b, lead, chapter, prefix_weight, boost)
