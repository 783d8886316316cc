"""Overlap of bags: the bigrams of two strings as multisets, or their tokens as sets."""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_signatures import common_bound


@inlined_kernel
def bag_value(items_l, heads_l, x, items_r, heads_r, y, jaccard):  # type: ignore[no-untyped-def]
    """Dice or Jaccard similarity of two bags, whose items ascend; equal texts have similarity 1."""
    if heads_l[x, 3] == heads_r[y, 3]:
        return 1.0
    len_a, len_b = np.int64(heads_l[x, 1]), np.int64(heads_r[y, 1])
    i, j = np.int64(heads_l[x, 0]), np.int64(heads_r[y, 0])
    stop_a, stop_b = i + len_a, j + len_b
    size = len_a + len_b
    shared = 0
    while i < stop_a and j < stop_b:
        p, q = items_l[i], items_r[j]
        shared += p == q
        i += p <= q
        j += q <= p
    if shared == 0:
        return 0.0
    return shared / (size - shared) if jaccard else 2 * shared / size


@kernel
def bag_levels(a, b, items_l, heads_l, items_r, heads_r, thresholds, jaccard, out):  # type: ignore[no-untyped-def]
    """Level of each pair of codes: thresholds reached, one more where the texts are equal.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    items_l, heads_l, items_r, heads_r
        The two tables of bags (see `BagTable`).
    thresholds : float64 array
        Ascending.
    jaccard : bool
        Jaccard, or else Dice.
    out : uint8 array, shape (n,)
    """
    top = len(thresholds) + 1
    # With s shared items of n on both sides, Jaccard >= t needs s >= n t / (1 + t), Dice s >= n t / 2.
    lowest = thresholds[0] * (1.0 - 1e-12)
    share = lowest / (1.0 + lowest) if jaccard else lowest / 2.0
    for k in range(len(a)):
        if a[k] == 0 or b[k] == 0:
            out[k] = top + 1
            continue
        x = np.int64(a[k])
        y = np.int64(b[k])
        if heads_l[x, 3] == heads_r[y, 3]:
            out[k] = top
            continue
        level = 0
        size = np.int64(heads_l[x, 1] + heads_r[y, 1])
        if common_bound(heads_l, x, heads_r, y) >= share * size:
            value = bag_value(items_l, heads_l, x, items_r, heads_r, y, jaccard)
            while level < len(thresholds) and value >= thresholds[level]:
                level += 1
        out[k] = level


@kernel
def bag_similarities(a, b, items_l, heads_l, items_r, heads_r, jaccard, out):  # type: ignore[no-untyped-def]
    """Similarity of each pair of codes, NaN where one is missing; parameters as in `bag_levels`."""
    for k in range(len(a)):
        if a[k] == 0 or b[k] == 0:
            out[k] = np.nan
        else:
            out[k] = bag_value(items_l, heads_l, np.int64(a[k]), items_r, heads_r, np.int64(b[k]), jaccard)
