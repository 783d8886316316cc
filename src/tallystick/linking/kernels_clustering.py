"""Kernels that merge records into entities by the evidence of all pairs between two groups.

Nodes of a component are numbered from 0. A pair of groups that share a scored pair is an edge; it holds
the sum of the probabilities of the pairs between them and whether one of these is a link. When two groups
merge, edges to a common neighbour add up; an open-addressing table finds the edge of two groups.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_EMPTY = -1
_SPREAD = -7046029254386353131  # 2**64 / golden ratio: spreads keys that follow each other


@kernel
def slot_of(keys: Ints, key: int) -> int:
    """Where a key stands in a table of a power of two of places, or the empty place where it would stand."""
    mask = keys.size - 1
    at = int((key * _SPREAD >> 24) & mask)
    while keys[at] != _EMPTY and keys[at] != key:
        at = (at + 1) & mask
    return at


@kernel
def filled_table(first: Ints, second: Ints, alive: Bools, n_nodes: int, room: int) -> tuple[Ints, Ints]:
    """A table ``(keys, edges)`` of the edges that are alive, at most half full after `room` more."""
    size = 16
    wanted = 2 * (np.count_nonzero(alive) + room)
    while size < wanted:
        size *= 2
    keys = np.full(size, _EMPTY, np.int64)
    edges = np.empty(size, np.int64)
    for e in range(first.size):
        if alive[e]:
            low, high = min(first[e], second[e]), max(first[e], second[e])
            at = slot_of(keys, low * n_nodes + high)
            keys[at] = low * n_nodes + high
            edges[at] = e
    return keys, edges


@kernel
def pairs_between(a: int, b: int, size: Ints, by_source: Ints, within: bool) -> int:
    """Pairs between two groups that were compared: none of one source where only sources are linked."""
    pairs = int(size[a] * size[b])
    if not within:
        for s in range(by_source.shape[1]):
            pairs -= int(by_source[a, s] * by_source[b, s])
    return pairs


@kernel
def conflicting(a: int, b: int, by_source: Ints, duplicate_free: Bools) -> bool:
    """Whether two groups both have a record of a source that has at most one record an entity."""
    for s in range(by_source.shape[1]):
        if duplicate_free[s] and by_source[a, s] > 0 and by_source[b, s] > 0:
            return True
    return False


@kernel
def merge_component(
    first: Ints,
    second: Ints,
    probability: Floats,
    link: Bools,
    apart: Bools,
    size: Ints,
    by_source: Ints,
    duplicate_free: Bools,
    within: bool,
    support: float,
) -> Ints:
    """Group of each node: the best pair of groups is merged until none is good enough.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_edges,)
        Nodes of each edge, first < second, no edge twice. A node is a record or a group of records.
    probability : float64 array, shape (n_edges,)
        Sum over the pairs between the nodes of the probability to be a match.
    link : bool array, shape (n_edges,)
        Whether one of these pairs is a link.
    apart : bool array, shape (n_edges,)
        Whether one of these pairs is of two records that are never in one group.
    size : int64 array, shape (n_nodes,)
        Records of each node; overwritten.
    by_source : int64 array, shape (n_nodes, n_sources)
        Of them those of each source; overwritten. May have no columns where `within` holds and no source is
        free of duplicates.
    duplicate_free : bool array, shape (n_sources,)
        Sources that have at most one record an entity.
    within : bool
        Whether pairs of records of one source may be matches.
    support : float
        Lowest mean probability of the pairs between two groups that are merged.

    Returns
    -------
    int64 array, shape (n_nodes,)
        The lowest node of each node's group.
    """
    n_nodes, n_edges = by_source.shape[0], first.size
    first, second = first.copy(), second.copy()
    total, link, apart = probability.copy(), link.copy(), apart.copy()
    for e in range(n_edges):
        link[e] = link[e] and not apart[e]  # only what a link joins ever merges
    alive = np.ones(n_edges, np.bool_)
    low = np.arange(n_nodes)  # lowest node of the group that a node stands for
    parent = np.arange(n_nodes)
    length = np.zeros(n_nodes, np.int64)
    # Half-edges of each group as a linked list: half-edges 2 e and 2 e + 1 belong to edge e.
    head = np.full(n_nodes, _EMPTY, np.int64)
    tail = np.full(n_nodes, _EMPTY, np.int64)
    follows = np.full(2 * n_edges, _EMPTY, np.int64)
    for half in range(2 * n_edges):
        node = first[half // 2] if half % 2 == 0 else second[half // 2]
        if head[node] == _EMPTY:
            head[node] = half
        else:
            follows[tail[node]] = half
        tail[node] = half
        length[node] += 1
    keys, edges = filled_table(first, second, alive, n_nodes, n_edges)
    used = n_edges
    heap: list[Any] = [(0.0, np.int64(0), np.int64(0), np.int64(0))]
    heap.pop()
    for e in range(n_edges):
        a, b = first[e], second[e]
        if link[e] and not conflicting(a, b, by_source, duplicate_free):
            heap.append((-total[e] / pairs_between(a, b, size, by_source, within), a, b, e))
    heapq.heapify(heap)
    while len(heap) > 0:
        claimed, low_a, low_b, e = heapq.heappop(heap)
        if not alive[e] or not link[e]:
            continue
        a, b = first[e], second[e]
        if conflicting(a, b, by_source, duplicate_free):
            continue
        mean = total[e] / pairs_between(a, b, size, by_source, within)
        if mean < support and size[a] + size[b] > 2:
            continue
        entry = (-mean, min(low[a], low[b]), max(low[a], low[b]), e)
        if entry != (claimed, low_a, low_b, e):  # the groups have grown since
            heapq.heappush(heap, entry)
            continue
        if length[b] > length[a]:
            a, b = b, a
        alive[e] = False
        parent[b] = a
        earlier = low[b] < low[a]
        low[a] = min(low[a], low[b])
        size[a] += size[b]
        for s in range(by_source.shape[1]):
            by_source[a, s] += by_source[b, s]
        half = head[a] if earlier else _EMPTY
        while half != _EMPTY:  # of equal means the earlier group comes first, which it has become
            f = half // 2
            c = first[f] + second[f] - a
            if alive[f] and link[f] and not conflicting(a, c, by_source, duplicate_free):
                mean = total[f] / pairs_between(a, c, size, by_source, within)
                if mean >= support:
                    heapq.heappush(heap, (-mean, min(low[a], low[c]), max(low[a], low[c]), f))
            half = follows[half]
        half = head[b]
        while half != _EMPTY:
            next_half = follows[half]
            f = half // 2
            if alive[f]:
                c = first[f] + second[f] - b
                key = min(a, c) * n_nodes + max(a, c)
                at = slot_of(keys, key)
                if keys[at] != _EMPTY and alive[edges[at]]:
                    g = edges[at]
                    total[g] += total[f]
                    apart[g] = apart[g] or apart[f]
                    link[g] = (link[g] or link[f]) and not apart[g]
                    alive[f] = False
                else:
                    if keys[at] == _EMPTY:
                        used += 1
                    g = f
                    keys[at] = key
                    edges[at] = f
                    first[f], second[f] = a, c
                    follows[half] = _EMPTY
                    if head[a] == _EMPTY:
                        head[a] = half
                    else:
                        follows[tail[a]] = half
                    tail[a] = half
                    length[a] += 1
                    if 2 * used > keys.size:
                        keys, edges = filled_table(first, second, alive, n_nodes, n_edges)
                        used = int(np.count_nonzero(alive))
                if link[g] and not conflicting(a, c, by_source, duplicate_free):
                    mean = total[g] / pairs_between(a, c, size, by_source, within)
                    if mean >= support:
                        heapq.heappush(heap, (-mean, min(low[a], low[c]), max(low[a], low[c]), g))
            half = next_half
        head[b] = _EMPTY
    group = np.empty(n_nodes, np.int64)
    for node in range(n_nodes):
        top = node
        while parent[top] != top:
            parent[top] = parent[parent[top]]
            top = parent[top]
        group[node] = low[top]
    return group


@kernel
def merge_components(
    first: Ints,
    second: Ints,
    probability: Floats,
    link: Bools,
    apart: Bools,
    nodes: Ints,
    pairs: Ints,
    size: Ints,
    by_source: Ints,
    duplicate_free: Bools,
    within: bool,
    support: float,
) -> Ints:
    """`merge_component` of one component after the other.

    Component c has the nodes from ``nodes[c]`` to ``nodes[c + 1]`` and the edges from ``pairs[c]`` to
    ``pairs[c + 1]``. All else is as there, the nodes numbered over all components.
    """
    group = np.empty(by_source.shape[0], np.int64)
    for c in range(nodes.size - 1):
        begin, own = nodes[c], slice(pairs[c], pairs[c + 1])
        group[begin : nodes[c + 1]] = begin + merge_component(
            first[own] - begin,
            second[own] - begin,
            probability[own],
            link[own],
            apart[own],
            size[begin : nodes[c + 1]],
            by_source[begin : nodes[c + 1]],
            duplicate_free,
            within,
            support,
        )
    return group


@kernel
def settle(
    start: Ints,
    nodes: Ints,
    probability: Floats,
    link: Bools,
    apart: Bools,
    group: Ints,
    movable: Bools,
    source: Ints,
    duplicate_free: Bools,
    within: bool,
    support: float,
    rounds: int,
) -> int:
    """Let nodes go over to the groups where they add more to the objective; `group` is overwritten.

    A node adds to a group the sum of (probability - support) over its pairs with it. It goes where a link
    joins it to, where it adds something, and where it adds more than where it is; of equal ones the first.

    Parameters
    ----------
    start : int64 array, shape (n_nodes + 1,)
        Where the neighbours of each node begin.
    nodes, probability, link : arrays, shape (2 n_edges,)
        Neighbours of each node, the probability of the pair, whether it is a link.
    apart : bool array, shape (2 n_edges,)
        Whether the two are never in one group.
    group : int64 array, shape (n_nodes,)
        Group of each node, numbered below n_nodes.
    movable : bool array, shape (n_nodes,)
        Nodes that may move.
    source : int64 array, shape (n_nodes,)
        Source of each node.
    duplicate_free, within, support
        As of `merge_component`.
    rounds : int
        Most times that all nodes are gone through; it ends before that once none moves.

    Returns
    -------
    int
        Number of moves.
    """
    n_nodes, n_sources = group.size, duplicate_free.size
    size = np.zeros(n_nodes, np.int64)
    by_source = np.zeros((n_nodes, n_sources), np.int64)
    for node in range(n_nodes):
        size[group[node]] += 1
        if n_sources > 0:
            by_source[group[node], source[node]] += 1
    total = np.zeros(n_nodes)
    linked = np.zeros(n_nodes, np.bool_)
    barred = np.zeros(n_nodes, np.bool_)
    moves = 0
    for _ in range(rounds):
        before = moves
        for node in range(n_nodes):
            if not movable[node]:
                continue
            own = group[node]
            for at in range(start[node], start[node + 1]):
                total[group[nodes[at]]] += probability[at]
                linked[group[nodes[at]]] |= link[at]
                barred[group[nodes[at]]] |= apart[at]
            pairs = size[own] - 1
            if not within:
                pairs -= by_source[own, source[node]] - 1
            most, to = max(0.0, total[own] - support * pairs) + 1e-9, own
            for at in range(start[node], start[node + 1]):
                other = group[nodes[at]]
                if other == own or barred[other] or not linked[other]:
                    continue
                pairs = size[other]
                if n_sources > 0:
                    if duplicate_free[source[node]] and by_source[other, source[node]] > 0:
                        continue
                    if not within:
                        pairs -= by_source[other, source[node]]
                adds = total[other] - support * pairs
                if adds > most:
                    most, to = adds, other
            for at in range(start[node], start[node + 1]):
                total[group[nodes[at]]] = 0.0
                linked[group[nodes[at]]] = False
                barred[group[nodes[at]]] = False
            if to != own:
                group[node] = to
                size[own] -= 1
                size[to] += 1
                if n_sources > 0:
                    by_source[own, source[node]] -= 1
                    by_source[to, source[node]] += 1
                moves += 1
        if moves == before:
            break
    return moves
