"""Kernel of the greedy assignment: pairs taken level by level, none chosen among equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FREE, _DOUBTFUL, _TAKEN = 0, 1, 2
_MOST_VISITS = 100_000  # to tell whether one node of a tie is taken for certain; beyond, it is in doubt


@kernel
def take_by_level(first: Ints, second: Ints, begins: Ints, n_nodes: int) -> tuple[Bools, Bools]:
    """Which pairs are taken, and which are ties; level ``k`` begins with the pair ``begins[k]``.

    Levels come from the best down. A pair is open if neither of its nodes is taken. An open pair of two
    free nodes that shares none with another open pair of its level is taken. Any other open pair is a tie:
    it depends on which of equals goes first. Of the nodes of ties those that are taken whatever goes first
    (as far as `_surely_taken` tells) are taken, the others doubtful: they may be left for a lower level.
    """
    n_pairs = first.size
    taken = np.zeros(n_pairs, np.bool_)
    tied = np.zeros(n_pairs, np.bool_)
    state = np.zeros(n_nodes, np.int8)
    degree = np.zeros(n_nodes, np.int64)
    # The ties of a level by node: edge 2 e is listed at the first node of pair e, edge 2 e + 1 at the second.
    head = np.full(n_nodes, -1, np.int64)
    following = np.empty(2 * n_pairs, np.int64)
    stamp = np.full(n_nodes, -1, np.int64)
    sure = np.zeros(n_nodes, np.bool_)
    for level in range(begins.size - 1):
        low = begins[level]
        high = begins[level + 1]
        for e in range(low, high):
            if state[first[e]] != _TAKEN and state[second[e]] != _TAKEN:
                degree[first[e]] += 1
                degree[second[e]] += 1
                tied[e] = True  # until it is seen to be alone
        any_tie = False
        for e in range(low, high):
            if not tied[e]:
                continue
            v = first[e]
            w = second[e]
            if degree[v] == 1 and degree[w] == 1 and state[v] == _FREE and state[w] == _FREE:
                tied[e] = False
                taken[e] = True
                state[v] = _TAKEN
                state[w] = _TAKEN
            else:
                any_tie = True
                following[2 * e] = head[v]
                head[v] = 2 * e
                following[2 * e + 1] = head[w]
                head[w] = 2 * e + 1
        if any_tie:
            for e in range(low, high):
                if not tied[e]:
                    continue
                for side in range(2):
                    v = second[e] if side else first[e]
                    mark = 2 * e + side
                    if head[v] == mark:  # once a node
                        sure[v] = _surely_taken(v, first, second, head, following, degree, state, stamp, mark)
            for e in range(low, high):
                if tied[e]:
                    for v in (first[e], second[e]):
                        state[v] = _TAKEN if sure[v] else _DOUBTFUL
                        head[v] = -1
        for e in range(low, high):
            degree[first[e]] = 0
            degree[second[e]] = 0
    return taken, tied


@kernel
def _surely_taken(
    v: int,
    first: Ints,
    second: Ints,
    head: Ints,
    following: Ints,
    degree: Ints,
    state: NDArray[np.int8],
    stamp: Ints,
    mark: int,
) -> bool:
    """Whether node ``v`` is taken whichever of the ties of its level go first.

    It is left only where all nodes that it is tied with are taken by others. That cannot be where one of
    them is free and tied with nothing else, or where there are fewer others than free ones of them.
    """
    free = 0
    visits = 0
    at = head[v]
    while at >= 0:
        w = first[at >> 1] + second[at >> 1] - v
        if state[w] == _FREE:
            if degree[w] == 1:
                return True
            free += 1
            visits += degree[w]
        at = following[at]
    if visits > _MOST_VISITS:
        return False
    others = 0
    at = head[v]
    while at >= 0:
        w = first[at >> 1] + second[at >> 1] - v
        if state[w] == _FREE:
            there = head[w]
            while there >= 0:
                x = first[there >> 1] + second[there >> 1] - w
                if x != v and stamp[x] != mark:
                    stamp[x] = mark
                    others += 1
                there = following[there]
        at = following[at]
    return others < free
