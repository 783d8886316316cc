"""Tiles: all pairs of a few left rows and many right rows.

For every left row there is a row of numbers over the distinct right values of each group of
comparisons; what a pair amounts to is the sum of one number per group. The rows stay in cache
while the codes of the right rows stream past.
"""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel

STRETCH = 2048  # right rows whose sums are held at a time


@kernel
def add_table(rows, start, table, table_rows, right_values, values):  # type: ignore[no-untyped-def]
    """Add one comparison by its level table.

    `rows` (n_left, width); the comparison's group begins in column `start`. `table` (., .) uint8
    levels, `table_rows` (n_left,) its row for each left row, `right_values` (n_values,) its column
    for each distinct right value of the group, `values` what each level adds.
    """
    for a in range(rows.shape[0]):
        levels = table[table_rows[a]]
        for v in range(len(right_values)):
            rows[a, start + v] += values[levels[right_values[v]]]


@kernel
def add_equality(rows, start, left_codes, right_values, values):  # type: ignore[no-untyped-def]
    """Add one comparison that asks whether codes are equal; code 0 is missing."""
    for a in range(rows.shape[0]):
        code = left_codes[a]
        for v in range(len(right_values)):
            other = right_values[v]
            level = 1 if code == other else 0
            if code == 0 or other == 0:
                level = 2
            rows[a, start + v] += values[level]


@kernel
def tile_sums(row, right_groups, start, stop, sums):  # type: ignore[no-untyped-def]
    """Sums of one left row with the right rows `start` to `stop`."""
    n = stop - start
    for k in range(n):
        sums[k] = row[right_groups[0, start + k]]
    for g in range(1, right_groups.shape[0]):
        for k in range(n):
            sums[k] += row[right_groups[g, start + k]]


@kernel
def count_tile(rows, right_groups, first, counts):  # type: ignore[no-untyped-def]
    """Count the patterns of a tile in a dense histogram.

    `rows` (n_left, width) partial pattern numbers; `right_groups` (n_groups, n_right) columns of
    `rows`; `first` (n_left,) the first right row of each left row; `counts` (4, n_patterns): four
    histograms in turn, so that equal neighbours do not wait for each other.
    """
    sums = np.empty(STRETCH, rows.dtype)
    n_right = right_groups.shape[1]
    for a in range(rows.shape[0]):
        for start in range(first[a], n_right, STRETCH):
            stop = min(start + STRETCH, n_right)
            tile_sums(rows[a], right_groups, start, stop, sums)
            n = stop - start
            whole = n - n % 4
            for k in range(0, whole, 4):
                counts[0, sums[k]] += 1
                counts[1, sums[k + 1]] += 1
                counts[2, sums[k + 2]] += 1
                counts[3, sums[k + 3]] += 1
            for k in range(whole, n):
                counts[0, sums[k]] += 1


@kernel
def list_tile(rows, right_groups, first, start_left, stop_left, out):  # type: ignore[no-untyped-def]
    """Write the sums of a tile's left rows `start_left` to `stop_left` to `out`; return how many."""
    n_right = right_groups.shape[1]
    found = 0
    for a in range(start_left, stop_left):
        n = n_right - first[a]
        if n > 0:
            tile_sums(rows[a], right_groups, first[a], n_right, out[found : found + n])
            found += n
    return found


@kernel
def keep_tile(rows, right_groups, first, floor, out_left, out_right):  # type: ignore[no-untyped-def]
    """Write the positions of the pairs whose sum is at least `floor`; return how many there are.

    Where there are more than `out_left` holds, the rest is counted but not written.
    """
    sums = np.empty(STRETCH, rows.dtype)
    n_right = right_groups.shape[1]
    found = 0
    for a in range(rows.shape[0]):
        for start in range(first[a], n_right, STRETCH):
            stop = min(start + STRETCH, n_right)
            tile_sums(rows[a], right_groups, start, stop, sums)
            for k in range(stop - start):
                if sums[k] >= floor:
                    if found < len(out_left):
                        out_left[found] = a
                        out_right[found] = start + k
                    found += 1
    return found


@kernel
def best_of_tile(  # type: ignore[no-untyped-def]
    rows, related, share, right_groups, left, right, best_left, row_left, best_right, row_right
):
    """For every left and every right row the partner with the highest weight, never the row itself.

    The weight is the sum of `rows` (n_left, width), less log((1 - share) + share exp(v)) where `share` is
    above 0, v the sum of `related` (n_left, width). `left` (n_left,) and `right` (n_right,) are global row
    numbers. `best_left`, `row_left`, `best_right` and `row_right` hold the best so far; of equal
    weights the lower row number counts.
    """
    sums = np.empty(STRETCH, rows.dtype)
    n_right = right_groups.shape[1]
    most_gained = -np.log1p(-share)
    for a in range(rows.shape[0]):
        for start in range(0, n_right, STRETCH):
            stop = min(start + STRETCH, n_right)
            tile_sums(rows[a], right_groups, start, stop, sums)
            for b in range(start, stop):
                value = sums[b - start]
                if left[a] == right[b]:
                    continue
                if share > 0.0 and (
                    value + most_gained >= best_left[a] or value + most_gained >= best_right[b]
                ):
                    v = 0.0
                    for g in range(right_groups.shape[0]):
                        v += related[a, right_groups[g, b]]
                    value = np.float32(value - np.log((1.0 - share) + share * np.exp(v)))
                if value > best_left[a] or (value == best_left[a] and right[b] < row_left[a]):
                    best_left[a] = value
                    row_left[a] = right[b]
                if value > best_right[b] or (value == best_right[b] and left[a] < row_right[b]):
                    best_right[b] = value
                    row_right[b] = left[a]
