"""Kernels on graphs of scored pairs: walks, matching probabilities.

Nodes are numbered from 0, the first side's before the second side's. Edge ``e`` joins
``first[e]`` and ``second[e]``; edges are sorted by (first, second). The incidence lists of all
nodes are ``edges[start[v]:start[v + 1]]``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@kernel
def incidence(first: Ints, second: Ints, n_nodes: int) -> tuple[Ints, Ints]:
    """Incidence lists ``(start, edges)`` of all nodes, each in the order of the edges."""
    start = np.zeros(n_nodes + 1, np.int64)
    for e in range(first.size):
        start[first[e] + 1] += 1
        start[second[e] + 1] += 1
    for v in range(n_nodes):
        start[v + 1] += start[v]
    free = start[:-1].copy()
    edges = np.empty(2 * first.size, np.int64)
    for e in range(first.size):
        edges[free[first[e]]] = e
        free[first[e]] += 1
        edges[free[second[e]]] = e
        free[second[e]] += 1
    return start, edges


@kernel
def breadth_first(first: Ints, second: Ints, start: Ints, edges: Ints) -> tuple[Ints, Ints]:
    """Nodes in breadth-first order, and where each component starts in that order.

    Each component is walked from its lowest node. The second array ends with the number of nodes.
    """
    n_nodes = start.size - 1
    order = np.empty(n_nodes, np.int64)
    begins = np.empty(n_nodes + 1, np.int64)
    seen = np.zeros(n_nodes, np.bool_)
    n_components = 0
    filled = 0
    for root in range(n_nodes):
        if seen[root]:
            continue
        begins[n_components] = filled
        n_components += 1
        seen[root] = True
        order[filled] = root
        head = filled
        filled += 1
        while head < filled:
            v = order[head]
            head += 1
            for at in range(start[v], start[v + 1]):
                e = edges[at]
                w = first[e] + second[e] - v
                if not seen[w]:
                    seen[w] = True
                    order[filled] = w
                    filled += 1
    begins[n_components] = filled
    return order, begins[: n_components + 1].copy()


@kernel
def best_two(node: Ints, gain: Floats, n_nodes: int) -> tuple[Floats, Floats]:
    """The largest and the second largest gain at each node, 0 (no pair) where there is none."""
    best = np.zeros(n_nodes)
    second_best = np.zeros(n_nodes)
    for e in range(node.size):
        v = node[e]
        if gain[e] > best[v]:
            second_best[v] = best[v]
            best[v] = gain[e]
        elif gain[e] > second_best[v]:
            second_best[v] = gain[e]
    return best, second_best


@kernel
def _send(
    v: int,
    own_is_first: bool,
    start: Ints,
    edges: Ints,
    gain: Floats,
    to_first: Floats,
    to_second: Floats,
) -> float:
    """Renew the messages that node ``v`` sends; return the largest change of a log message.

    A log message is -log(1 + sum over the other edges of exp(gain + log message received)). Leaving
    one edge out is a subtraction for all edges but the largest, whose others are summed apart:
    so nothing cancels.
    """
    incoming = to_first if own_is_first else to_second
    outgoing = to_second if own_is_first else to_first
    largest = -np.inf
    runner_up = -np.inf
    argmax = -1
    for at in range(start[v], start[v + 1]):
        term = gain[edges[at]] + incoming[edges[at]]
        if term > largest:
            runner_up = largest
            largest = term
            argmax = at
        elif term > runner_up:
            runner_up = term
    scale = max(largest, 0.0)
    scale_others = max(runner_up, 0.0)
    total = math.exp(-scale)
    others = math.exp(-scale_others)
    for at in range(start[v], start[v + 1]):
        term = gain[edges[at]] + incoming[edges[at]]
        total += math.exp(term - scale)
        if at != argmax:
            others += math.exp(term - scale_others)
    change = 0.0
    for at in range(start[v], start[v + 1]):
        e = edges[at]
        if at == argmax:
            message = -(scale_others + math.log(others))
        else:
            message = -(scale + math.log(total - math.exp(gain[e] + incoming[e] - scale)))
        change = max(change, abs(message - outgoing[e]))
        outgoing[e] = message
    return change


@kernel
def propagate(
    gain: Floats,
    start: Ints,
    edges: Ints,
    n_first: int,
    order: Ints,
    begins: Ints,
    skip: Bools,
    to_first: Floats,
    to_second: Floats,
    tolerance: float,
    max_sweeps: int,
) -> tuple[Ints, Bools]:
    """Belief propagation, component by component, in place on the two arrays of log messages.

    Nodes take turns against and along the breadth-first order, so that on a tree the first sweep
    carries everything to the root, the second everything back, and the third sees no change.

    Returns the number of sweeps and whether the messages settled, by component.
    """
    n_components = begins.size - 1
    sweeps = np.zeros(n_components, np.int64)
    settled = np.ones(n_components, np.bool_)
    for c in range(n_components):
        if skip[c]:
            continue
        change = np.inf
        while change > tolerance and sweeps[c] < max_sweeps:
            change = 0.0
            size = begins[c + 1] - begins[c]
            for step in range(size):
                at = begins[c] + step if sweeps[c] % 2 else begins[c + 1] - 1 - step
                v = order[at]
                change = max(change, _send(v, v < n_first, start, edges, gain, to_first, to_second))
            sweeps[c] += 1
        settled[c] = change <= tolerance
    return sweeps, settled


@kernel
def _add_logs(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) for a finite ``b``."""
    if a < b:
        return b + math.log1p(math.exp(a - b))
    return a + math.log1p(math.exp(b - a))


@kernel
def _frontier_slots(
    rows: Ints, first: Ints, second: Ints, start: Ints, edges: Ints, last: Ints, slot: Ints, max_width: int
) -> int:
    """Give each node opposite ``rows`` a bit for the steps at which it is open; number of bits, or -1.

    A node is open from the first of the rows it is joined to until the last, whose step is written
    to ``last``; its bit, written to ``slot``, is then used again.
    """
    for t in range(rows.size):
        v = rows[t]
        for at in range(start[v], start[v + 1]):
            w = first[edges[at]] + second[edges[at]] - v
            last[w] = t
            slot[w] = -1
    used = 0
    width = 0
    for t in range(rows.size):
        v = rows[t]
        for at in range(start[v], start[v + 1]):
            w = first[edges[at]] + second[edges[at]] - v
            if slot[w] < 0:
                bit = 0
                while used >> bit & 1:
                    bit += 1
                if bit >= max_width:
                    return -1
                slot[w] = bit
                used |= 1 << bit
                width = max(width, bit + 1)
        for at in range(start[v], start[v + 1]):
            w = first[edges[at]] + second[edges[at]] - v
            if last[w] == t:
                used &= ~(1 << slot[w])
    return width


@kernel
def _sum_over_matchings(
    rows: Ints,
    width: int,
    first: Ints,
    second: Ints,
    gain: Floats,
    start: Ints,
    edges: Ints,
    last: Ints,
    slot: Ints,
    probability: Floats,
) -> None:
    """Exact probability of each edge at ``rows``, by sums over the sets of open nodes in use."""
    n_states = 1 << width
    # Loops stand where numpy has one word: that word compiles the texts of its errors, for seconds.
    forward = np.empty((rows.size + 1, n_states))
    backward = np.empty(n_states)
    before = np.empty(n_states)
    for state in range(n_states):
        forward[0, state] = backward[state] = 0.0 if state == 0 else -np.inf
    for t in range(rows.size):
        v = rows[t]
        here = forward[t]
        after = forward[t + 1]
        for state in range(n_states):
            after[state] = here[state]
        for at in range(start[v], start[v + 1]):
            e = edges[at]
            bit = 1 << slot[first[e] + second[e] - v]
            for state in range(n_states):
                if here[state] > -np.inf and not state & bit:
                    after[state | bit] = _add_logs(after[state | bit], here[state] + gain[e])
        for at in range(start[v], start[v + 1]):
            w = first[edges[at]] + second[edges[at]] - v
            if last[w] == t:
                bit = 1 << slot[w]
                for state in range(n_states):
                    if state & bit and after[state] > -np.inf:
                        after[state ^ bit] = _add_logs(after[state ^ bit], after[state])
                        after[state] = -np.inf
    log_total = forward[rows.size, 0]
    for t in range(rows.size - 1, -1, -1):
        v = rows[t]
        closing = 0
        for at in range(start[v], start[v + 1]):
            w = first[edges[at]] + second[edges[at]] - v
            if last[w] == t:
                closing |= 1 << slot[w]
        for state in range(n_states):
            before[state] = backward[state & ~closing]
        for state in range(n_states):
            backward[state] = before[state]
        for at in range(start[v], start[v + 1]):
            e = edges[at]
            bit = 1 << slot[first[e] + second[e] - v]
            log_sum = -np.inf
            for state in range(n_states):
                if not state & bit and before[state | bit] > -np.inf:
                    step = gain[e] + before[state | bit]
                    backward[state] = _add_logs(backward[state], step)
                    if forward[t, state] > -np.inf:
                        log_sum = _add_logs(log_sum, forward[t, state] + step)
            probability[e] = math.exp(min(log_sum - log_total, 0.0))


@kernel
def exact_marginals(
    first: Ints,
    second: Ints,
    gain: Floats,
    start: Ints,
    edges: Ints,
    n_first: int,
    order: Ints,
    begins: Ints,
    max_width: int,
    max_cells: int,
    probability: Floats,
) -> Bools:
    """Exact probabilities, in place, of the components with cycles that are narrow enough.

    One side is taken node by node, in breadth-first order; what must be remembered of the other is
    which of its open nodes are in use. The narrower choice of side is taken. Components that would
    need more than ``max_width`` open nodes, or a table of more than ``max_cells`` numbers, are left.

    Returns which components were done.
    """
    n_nodes = start.size - 1
    done = np.zeros(begins.size - 1, np.bool_)
    last = np.empty(n_nodes, np.int64)
    slot = np.empty(n_nodes, np.int64)
    sides = np.empty((2, n_nodes), np.int64)
    for c in range(begins.size - 1):
        degrees = n_ones = n_others = 0
        for at in range(begins[c], begins[c + 1]):
            v = order[at]
            degrees += start[v + 1] - start[v]
            if v < n_first:
                sides[0, n_ones] = v
                n_ones += 1
            else:
                sides[1, n_others] = v
                n_others += 1
        if degrees // 2 < n_ones + n_others:  # a tree
            continue
        ones = sides[0, :n_ones]
        others = sides[1, :n_others]
        width = _frontier_slots(ones, first, second, start, edges, last, slot, max_width)
        width_others = _frontier_slots(others, first, second, start, edges, last, slot, max_width)
        rows = others
        if width_others < 0 or (width >= 0 and ones.size << width < others.size << width_others):
            rows = ones
            width_others = width
        if width_others < 0 or (rows.size + 1) << width_others > max_cells:
            continue
        # each side has slots of its own, so the second planning has left the first untouched
        _sum_over_matchings(rows, width_others, first, second, gain, start, edges, last, slot, probability)
        done[c] = True
    return done
