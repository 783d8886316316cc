"""Connected components that hold no two records of which people have said that they are apart."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.cluster import connected_components
from tallystick.linking.clustering import Clustering

Rows = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def components_apart(
    left: Rows,
    right: Rows,
    strength: NDArray[np.float64],
    link: Bools,
    apart: Bools,
    n_records: int,
    *,
    held: Bools | None = None,
    rank: Rows | None = None,
) -> Clustering:
    """Entities of linked records, split by the weakest links where two of them are apart.

    In a component of links that holds two records which are apart the links are put in one by one, the
    strongest first (those that are held before all others), and one that would bring two such records
    together is cut. So what is cut are the weakest links that keep them connected, as in a spanning tree of
    the strongest links (Kruskal 1956). Other components are as `connected_components` makes them.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global rows of pairs.
    strength : float64 array, shape (n_pairs,)
        Which links are the stronger.
    link : bool array, shape (n_pairs,)
        Which pairs are links.
    apart : bool array, shape (n_pairs,)
        Pairs whose records are in two entities.
    n_records : int
        Number of records.
    held : bool array, shape (n_pairs,), optional
        Links that are never cut; they bring no two records together that are apart.
    rank : integer array, shape (n_records,), optional
        An order of the records, by which links of equal strength are taken; by default the rows.

    Returns
    -------
    Clustering

    References
    ----------
    Kruskal, J. B. (1956). On the shortest spanning subtree of a graph and the traveling salesman problem.
    Proceedings of the American Mathematical Society 7(1), 48-50.

    Examples
    --------
    A chain of three links whose ends are apart:

    >>> left, right = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3])
    >>> strength, link = np.array([0.9, 0.6, 0.8, 0.0]), np.array([True, True, True, False])
    >>> found = components_apart(left, right, strength, link, ~link, 4)
    >>> found.entity, found.cut
    (array([0, 0, 1, 1]), array([False,  True, False, False]))
    """
    component = connected_components(left[link], right[link], n_records)
    broken = np.unique(component[left[apart & (component[left] == component[right])]])
    affected = link & np.isin(component[left], broken)
    if not affected.any():
        return Clustering(component, np.zeros(len(left), np.bool_))
    place = np.arange(n_records) if rank is None else np.asarray(rank)
    own = np.flatnonzero(affected)
    first = np.zeros(len(left), np.bool_) if held is None else held
    ends = np.sort(np.stack((place[left[own]], place[right[own]])), axis=0)
    own = own[np.lexsort((ends[1], ends[0], -strength[own], ~first[own]))]
    enemies: dict[int, set[int]] = defaultdict(set)
    for at in np.flatnonzero(apart & np.isin(component[left], broken)):
        a, b = int(left[at]), int(right[at])
        enemies[a].add(b)
        enemies[b].add(a)
    top: dict[int, int] = {}
    members: dict[int, set[int]] = {}

    def group(row: int) -> int:
        while top.setdefault(row, row) != row:
            top[row] = top[top[row]]
            row = top[row]
        members.setdefault(row, {row})
        return row

    keep = link & ~affected
    for at in own:
        a, b = group(int(left[at])), group(int(right[at]))
        if a != b:
            if enemies[a] & members[b]:
                continue
            if len(members[a]) < len(members[b]):
                a, b = b, a
            top[b] = a
            members[a] |= members.pop(b)
            enemies[a] |= enemies.pop(b, set())
        keep[at] = True
    entity = connected_components(left[keep], right[keep], n_records)
    return Clustering(entity, link & (entity[left] != entity[right]))
