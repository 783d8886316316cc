"""Kernel of the best assignment: rows bid for columns, the rest find shortest augmenting paths.

Rows are the nodes of the first side, columns those of the second. Gains are integers: no rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]

_BIDS = 40  # a row, on average, before the shortest paths take over: price wars end there
_FAR = np.int64(2**62)


@kernel
def _push(distance: int, column: int, size: int, heap: Ints, heap_column: Ints) -> int:
    """Put a column on the heap; its new size."""
    at = size
    while at:
        parent = (at - 1) >> 1
        if heap[parent] <= distance:
            break
        heap[at] = heap[parent]
        heap_column[at] = heap_column[parent]
        at = parent
    heap[at] = distance
    heap_column[at] = column
    return size + 1


@kernel
def _drop_top(size: int, heap: Ints, heap_column: Ints) -> int:
    """Take the nearest column off the heap; its new size."""
    size -= 1
    distance = heap[size]
    column = heap_column[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= distance:
            break
        heap[at] = heap[child]
        heap_column[at] = heap_column[child]
        at = child
    heap[at] = distance
    heap_column[at] = column
    return size


@kernel
def _bid(
    second: Ints, gain: Ints, start: Ints, matched_edge: Ints, matched_row: Ints, profit: Ints, price: Ints
) -> Ints:
    """Let free rows bid for their best column, as long as that raises a price; the rows left, in place.

    A bid raises the price by what the column is worth more to the row than its second best choice, and
    takes the column from whoever has it. So all that the duals of `solve_assignment` say stays true.
    """
    n_rows = start.size - 1
    queue = np.arange(n_rows)
    left = np.empty(n_rows, np.int64)
    n_left = 0
    head = 0
    waiting = n_rows
    bids = _BIDS * n_rows
    while waiting:
        i = queue[head]
        head = head + 1 if head + 1 < n_rows else 0
        waiting -= 1
        best = 0
        runner_up = 0
        choice = -1
        for e in range(start[i], start[i + 1]):
            j = second[e]
            value = gain[e] - price[j]
            if value > best:
                runner_up = best
                best = value
                choice = e
            elif value > runner_up:
                runner_up = value
            if value == best and choice >= 0 and matched_row[second[choice]] >= 0 and matched_row[j] < 0:
                choice = e
        profit[i] = best
        if choice < 0:
            continue  # prices only rise: no column will ever be worth it again
        j = second[choice]
        owner = matched_row[j]
        if owner >= 0 and (best == runner_up or bids <= 0):
            left[n_left] = i
            n_left += 1
            continue
        bids -= 1
        price[j] += best - runner_up
        profit[i] = runner_up
        matched_row[j] = i
        matched_edge[i] = choice
        if owner >= 0:
            matched_edge[owner] = -1
            queue[(head + waiting) % n_rows] = owner
            waiting += 1
    return left[:n_left].copy()


@kernel
def solve_assignment(
    first: Ints, second: Ints, gain: Ints, start: Ints, n_columns: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """The matching with the largest sum of gains, and the prices that prove it.

    ``start`` gives the edges of each row; edges are sorted by row. The answer is the edge of each row or
    -1, the row of each column or -1, and the duals: the profit of each row and the price of each column,
    0 or more, 0 where unmatched, together at least the gain of every edge and exactly that of a matched one.

    Rows bid first (augmenting row reduction: Jonker and Volgenant 1987). Each row left then looks for the
    cheapest way to be matched (Dijkstra with the duals as potentials: Edmonds and Karp 1972): by a chain of
    exchanges that ends at a free column, or at a row that gives up its column, which may be itself. Only
    what a search has reached is reset, so that a search costs what it looks at.
    """
    n_rows = start.size - 1
    matched_edge = np.full(n_rows, -1, np.int64)
    matched_row = np.full(n_columns, -1, np.int64)
    profit = np.zeros(n_rows, np.int64)
    price = np.zeros(n_columns, np.int64)
    left = _bid(second, gain, start, matched_edge, matched_row, profit, price)

    distance = np.full(n_columns, _FAR, np.int64)
    via = np.empty(n_columns, np.int64)
    done = np.zeros(n_columns, np.bool_)
    reached = np.empty(n_columns, np.int64)
    heap = np.empty(first.size + 1, np.int64)
    heap_column = np.empty(first.size + 1, np.int64)
    for at in range(left.size):
        row = left[at]
        best = 0
        for e in range(start[row], start[row + 1]):
            best = max(best, gain[e] - price[second[e]])
        profit[row] = best
        if best == 0:
            continue
        nearest = best  # the end that is the row itself, without a column
        end = -1  # the column at the end of the cheapest way
        gives_up = False  # whether its row gives it up
        n_reached = 0
        size = 0
        i = row
        so_far = 0
        while True:
            own = matched_edge[i]
            base = so_far + profit[i]
            for e in range(start[i], start[i + 1]):
                if e == own:
                    continue
                j = second[e]
                new = base + price[j] - gain[e]
                if new < distance[j] and new < nearest:
                    if distance[j] == _FAR:
                        reached[n_reached] = j
                        n_reached += 1
                    distance[j] = new
                    via[j] = e
                    if matched_row[j] < 0:
                        nearest = new
                        end = j
                        gives_up = False
                    else:
                        size = _push(new, j, size, heap, heap_column)
            while size and (done[heap_column[0]] or heap[0] > distance[heap_column[0]]):
                size = _drop_top(size, heap, heap_column)
            if not size or heap[0] >= nearest:
                break
            so_far = heap[0]
            j = heap_column[0]
            size = _drop_top(size, heap, heap_column)
            done[j] = True
            i = matched_row[j]
            if so_far + profit[i] < nearest:
                nearest = so_far + profit[i]
                end = j
                gives_up = True
        profit[row] -= nearest
        for k in range(n_reached):
            j = reached[k]
            if done[j] and distance[j] < nearest:
                price[j] += nearest - distance[j]
                profit[matched_row[j]] -= nearest - distance[j]
            distance[j] = _FAR
            done[j] = False
        if end < 0:
            continue
        if gives_up:
            matched_edge[matched_row[end]] = -1
        j = end
        while True:
            e = via[j]
            i = first[e]
            given = matched_edge[i]
            matched_edge[i] = e
            matched_row[j] = i
            if i == row:
                break
            j = second[given]
    return matched_edge, matched_row, profit, price
