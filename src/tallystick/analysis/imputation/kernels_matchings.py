"""Kernels that draw one-to-one sets of candidate pairs with probability proportional to exp(sum of weights).

Records of the two files are numbered apart, pairs are edges sorted by component and, within, by row. A row is
a record of either file (the one with more records of the component, so that sets of the other stay small), a
column one of the other. A state is, per row and per column, its edge, or -1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEAST = 1e-250  # below, the sum over matchings may have lost its largest terms to underflow


@kernel
def draw_exact(
    edge_column: Ints,
    edge_start: Ints,
    row_start: Ints,
    column_start: Ints,
    weight: Floats,
    complete: bool,
    uniform: Floats,
    of_row: Ints,
    of_column: Ints,
    drawn: NDArray[np.bool_],
) -> None:
    """Draw the set of each component anew, by sums over the sets of its columns that are taken.

    Component c has rows `row_start[c]` to `row_start[c + 1]` and columns alike; row r has edges
    `edge_start[r]` to `edge_start[r + 1]`. `drawn` says of which components that was possible: where sums
    underflow the state is left as it was.
    """
    for c in range(row_start.size - 1):
        first, last = row_start[c], row_start[c + 1]
        base = column_start[c]
        sets = 1 << (column_start[c + 1] - base)
        n = last - first
        below = np.zeros((n + 1, sets))
        if complete:
            below[n, sets - 1] = 1.0
        else:
            below[n, :] = 1.0
        most = 0
        for r in range(first, last):
            most = max(most, edge_start[r + 1] - edge_start[r])
        ratio = np.empty((n, most))
        none = np.empty(n)
        for r in range(first, last):
            top = 0.0
            for e in range(edge_start[r], edge_start[r + 1]):
                top = max(top, weight[e])
            none[r - first] = np.exp(-top)
            for e in range(edge_start[r], edge_start[r + 1]):
                ratio[r - first, e - edge_start[r]] = np.exp(weight[e] - top)
        for k in range(n - 1, -1, -1):
            r = first + k
            for taken in range(sets):
                total = none[k] * below[k + 1, taken]
                for e in range(edge_start[r], edge_start[r + 1]):
                    bit = 1 << (edge_column[e] - base)
                    if not taken & bit:
                        total += ratio[k, e - edge_start[r]] * below[k + 1, taken | bit]
                below[k, taken] = total
        drawn[c] = _LEAST < below[0, 0] < np.inf
        if not drawn[c]:
            continue
        for j in range(base, column_start[c + 1]):
            of_column[j] = -1
        taken = 0
        for k in range(n):
            r = first + k
            left = uniform[r] * below[k, taken]
            of_row[r] = -1
            left -= none[k] * below[k + 1, taken]
            chosen = -1
            if left >= 0.0 or none[k] * below[k + 1, taken] == 0.0:
                for e in range(edge_start[r], edge_start[r + 1]):
                    bit = 1 << (edge_column[e] - base)
                    if taken & bit:
                        continue
                    part = ratio[k, e - edge_start[r]] * below[k + 1, taken | bit]
                    if part > 0.0:
                        chosen = e  # the last one that can be, where rounding leaves something over
                        left -= part
                        if left < 0.0:
                            break
            if chosen >= 0:
                of_row[r] = chosen
                of_column[edge_column[chosen]] = chosen
                taken |= 1 << (edge_column[chosen] - base)


@kernel
def find_edge(edge_column: Ints, start: int, stop: int, column: int) -> int:
    """The edge of a row that leads to a column, or -1; the edges of a row are sorted by column."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if edge_column[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and edge_column[low] == column else -1


@kernel
def metropolis(
    edge_row: Ints,
    edge_column: Ints,
    edge_start: Ints,
    weight: Floats,
    complete: bool,
    proposed: Ints,
    log_uniform: Floats,
    of_row: Ints,
    of_column: Ints,
) -> int:
    """Steps of Metropolis over sets of pairs, in place; the number that were taken.

    A step is about one edge. If it is in the set it may leave; if both of its records are free it may enter;
    if one is, the other may change its partner; if both have partners, they and these may swap, where the
    edge between these exists. Of every step the reverse is about an edge that is as likely to be drawn, so
    that proposals are symmetric. With `complete` sets only steps that leave no column without an edge are
    taken.
    """
    moved = 0
    for step in range(proposed.size):
        e = proposed[step]
        r, c = edge_row[e], edge_column[e]
        old_row, old_column = of_row[r], of_column[c]
        other = -1
        if old_row == e:
            if complete:
                continue
            gain = -weight[e]
        elif old_row < 0 and old_column < 0:
            gain = weight[e]
        elif old_column < 0:
            if complete:
                continue
            gain = weight[e] - weight[old_row]
        elif old_row < 0:
            gain = weight[e] - weight[old_column]
        else:
            far = edge_row[old_column]
            other = find_edge(edge_column, edge_start[far], edge_start[far + 1], edge_column[old_row])
            if other < 0:
                continue
            gain = weight[e] + weight[other] - weight[old_row] - weight[old_column]
        if not log_uniform[step] < gain:
            continue
        moved += 1
        if old_row == e:
            of_row[r] = -1
            of_column[c] = -1
            continue
        if old_row >= 0:
            of_column[edge_column[old_row]] = other
        if old_column >= 0:
            of_row[edge_row[old_column]] = other
        of_row[r] = e
        of_column[c] = e
    return moved
