"""A kernel that finds the links without which a graph falls apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Ints = NDArray[np.int64]


@kernel
def bridges_of(first: Ints, second: Ints, start: Ints, edges: Ints) -> NDArray[np.bool_]:
    """Which edges are bridges (Tarjan 1974): no path but the edge joins its nodes.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_edges,)
        Nodes of each edge; no edge twice.
    start, edges : int64 arrays
        Incidence lists (see `tallystick.linking.kernels_graph.incidence`).

    Returns
    -------
    bool array, shape (n_edges,)
    """
    n_nodes = start.size - 1
    bridge = np.zeros(first.size, np.bool_)
    seen = np.full(n_nodes, -1, np.int64)  # when a node was first come to
    lowest = np.zeros(n_nodes, np.int64)  # the earliest node that its part of the tree reaches
    came_by = np.full(n_nodes, -1, np.int64)
    at = start[:-1].copy()
    path = np.empty(n_nodes, np.int64)
    time = 0
    for root in range(n_nodes):
        if seen[root] >= 0:
            continue
        depth = 0
        path[0] = root
        seen[root] = lowest[root] = time
        time += 1
        while depth >= 0:
            node = path[depth]
            if at[node] < start[node + 1]:
                e = edges[at[node]]
                at[node] += 1
                other = first[e] + second[e] - node
                if e == came_by[node]:
                    continue
                if seen[other] >= 0:
                    lowest[node] = min(lowest[node], seen[other])
                    continue
                seen[other] = lowest[other] = time
                time += 1
                came_by[other] = e
                depth += 1
                path[depth] = other
            else:
                depth -= 1
                if depth >= 0:
                    above = path[depth]
                    lowest[above] = min(lowest[above], lowest[node])
                    if lowest[node] > seen[above]:
                        bridge[came_by[node]] = True
    return bridge
