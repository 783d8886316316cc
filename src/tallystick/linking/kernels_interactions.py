"""The best partners in a tile where comparisons have interactions."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel
from tallystick.patterns.kernels_tiles import STRETCH, tile_sums


@kernel
def best_with_terms(  # type: ignore[no-untyped-def]
    bounds, rows, related, share, cells, starts, terms, related_terms,
    right_groups, left, right, best_left, row_left, best_right, row_right,
):  # fmt: skip
    """As `best_of_tile`, with the terms of interactions added to the sums.

    `bounds` (n_left, width) sums to the weight with terms or more, which is worked out only where that may
    be a best one. `cells` (n_interactions, n_left, width) sums to the cell of each interaction, whose term in
    the weight is ``terms[starts[i] + cell]`` and in log r / u ``related_terms[starts[i] + cell]``.
    """
    sums = np.empty(STRETCH, bounds.dtype)
    n_groups, n_right = right_groups.shape
    most_gained = -np.log1p(-share) + 1e-3  # single precision
    for a in range(bounds.shape[0]):
        for start in range(0, n_right, STRETCH):
            stop = min(start + STRETCH, n_right)
            tile_sums(bounds[a], right_groups, start, stop, sums)
            for b in range(start, stop):
                most = sums[b - start] + most_gained
                if left[a] == right[b] or (most < best_left[a] and most < best_right[b]):
                    continue
                weight, v = 0.0, 0.0
                for g in range(n_groups):
                    weight += rows[a, right_groups[g, b]]
                    v += related[a, right_groups[g, b]]
                for i in range(cells.shape[0]):
                    cell = starts[i]
                    for g in range(n_groups):
                        cell += cells[i, a, right_groups[g, b]]
                    weight += terms[cell]
                    v += related_terms[cell]
                if share > 0.0:
                    weight -= np.log((1.0 - share) + share * np.exp(v))
                value = np.float32(weight)
                if value > best_left[a] or (value == best_left[a] and right[b] < row_left[a]):
                    best_left[a] = value
                    row_left[a] = right[b]
                if value > best_right[b] or (value == best_right[b] and left[a] < row_right[b]):
                    best_right[b] = value
                    row_right[b] = left[a]
