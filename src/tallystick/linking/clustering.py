"""Entities by the evidence of all pairs: groups merge where enough of the pairs between them agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linking.cluster import connected_components

Ints = NDArray[np.int64]
Rows = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

SUPPORT = 0.2
"""Lowest mean probability of the pairs between two groups that are one entity, unless another is given."""

ROUNDS = 100
"""Most times that all records are gone through for moves; in practice a few are enough."""


@dataclass(frozen=True)
class Clustering:
    """Records put together into entities.

    Attributes
    ----------
    entity : int64 array, shape (n_records,)
        Entity of each record, numbered from 0 in the order of their first records.
    cut : bool array, shape (n_pairs,)
        Links whose records are in two entities.
    """

    entity: Ints
    cut: Bools


def cluster(
    left: Rows,
    right: Rows,
    probability: NDArray[np.float64],
    link: Bools,
    n_records: int,
    *,
    support: float = SUPPORT,
    source: Rows | None = None,
    duplicate_free: Sequence[bool] | Bools = (),
    within: bool = True,
    rank: Rows | None = None,
    start: Rows | None = None,
    apart: Bools | None = None,
) -> Clustering:
    """Entities that links hold together and that the other pairs do not speak against.

    Each record begins as a group of its own. Of all groups that a link joins the two merge whose pairs have
    the highest mean probability to be matches, a pair that was not scored counting as 0, as long as that
    mean is at least the support: average linkage (Sokal and Michener 1958), stopped where less than this
    share of the pairs between two groups speaks for them. Every such merger adds to the sum of
    (probability - support) over all pairs that share an entity, or leaves it as it is, which is an objective
    of correlation clustering (Bansal, Blum and Chawla 2004). Records then move, one by one, to groups that
    a link joins them to and where they add more to it than where they are: a bridge that weighed so much that
    it merged first is put right so. Support 0 without moves would give connected components; one bridge
    between two groups of six has a mean of 1/36 at most.

    Links are never added: every entity is a connected part of a component, and a link between two records
    that nothing else joins stands.

    The result does not depend on the order of records and pairs but for exact ties, which `rank` decides,
    and that of a component not on other components.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global rows of the scored pairs, in any order; no pair twice. Those that are no links are
        evidence, too.
    probability : float64 array, shape (n_pairs,)
        That the pair is a match.
    link : bool array, shape (n_pairs,)
        Which pairs are links.
    n_records : int
        Number of records.
    support : float
        In [0, 1].
    source : integer array, shape (n_records,), optional
        Number of the source of each record; needed with `duplicate_free` and without `within`.
    duplicate_free : sequence of bool, shape (n_sources,)
        Sources that have at most one record an entity: groups that would have two never merge.
    within : bool
        Whether records of one source were compared with each other. Where they were not, their pairs do
        not count.
    rank : integer array, shape (n_records,), optional
        An order of the records that does not depend on where they stand; by default the rows.
    start : integer array, shape (n_records,), optional
        Any number that tells the group of each record to begin with; records of one group stay together. By
        default each record is its own.
    apart : bool array, shape (n_pairs,), optional
        Pairs whose records are never in one entity, whatever else speaks for it: two groups with such a pair
        between them do not merge, and no record moves to where one stands. No group of `start` may hold one.

    Returns
    -------
    Clustering

    Raises
    ------
    InputError
        If shapes differ, a row does not exist, a probability is outside [0, 1], a pair comes twice, or
        sources are needed and not given.

    References
    ----------
    Bansal, N., Blum, A. and Chawla, S. (2004). Correlation clustering. Machine Learning 56, 89-113.

    Sokal, R. R. and Michener, C. D. (1958). A statistical method for evaluating systematic relationships.
    University of Kansas Science Bulletin 38, 1409-1438.

    Examples
    --------
    Two groups of three, and one link between them:

    >>> import numpy as np
    >>> left, right = np.array([0, 0, 1, 3, 3, 4, 2]), np.array([1, 2, 2, 4, 5, 5, 3])
    >>> found = cluster(left, right, np.array([0.9] * 6 + [0.8]), np.ones(7, bool), 6)
    >>> found.entity, found.cut
    (array([0, 0, 0, 1, 1, 1]), array([False, False, False, False, False, False,  True]))
    """
    _check(left, right, probability, link, support)
    held_left, held_right = _chains(np.arange(n_records) if start is None else start)
    component = connected_components(
        np.concatenate((left[link], held_left)), np.concatenate((right[link], held_right)), n_records
    )
    some_free = bool(np.any(duplicate_free))
    counts_sources = not within or some_free
    if counts_sources and (source is None or source.shape != (n_records,)):
        raise InputError(
            "The sources decide which records may share an entity: give the source of every record."
        )
    size = np.bincount(component, minlength=n_records)
    # Two records that a link joins are an entity; only duplicates of a source may speak against it.
    open_rows = np.flatnonzero(size[component] > (1 if some_free else 2))
    if not len(open_rows):
        return Clustering(component, np.zeros(len(left), np.bool_))
    rows = open_rows[np.lexsort((open_rows if rank is None else rank[open_rows], component[open_rows]))]
    place = np.full(n_records, -1, np.int64)
    place[rows] = np.arange(len(rows))
    own = np.flatnonzero((component[left] == component[right]) & (place[left] >= 0))
    ends = np.sort(np.stack((place[left[own]], place[right[own]])), axis=0)
    in_places = np.lexsort((ends[1], ends[0]))
    own, first, second = own[in_places], ends[0][in_places], ends[1][in_places]
    again = np.flatnonzero((np.diff(first) == 0) & (np.diff(second) == 0))
    if len(again):
        pair = own[again[0]]
        raise InputError(
            f"The pair of rows {left[pair]} and {right[pair]} is given more than once; give it once."
        )
    free = np.zeros(0, np.bool_)  # without sources to count kernels are quicker
    if counts_sources and source is not None:
        free = np.zeros(max(len(duplicate_free), int(source.max()) + 1), np.bool_)
        free[: len(duplicate_free)] = duplicate_free
    graph = Graph(
        first,
        second,
        probability[own].astype(np.float64),
        link[own],
        np.zeros(len(own), np.bool_) if apart is None else apart[own],
        component[rows],
        np.zeros(len(rows), np.int64) if source is None else source[rows].astype(np.int64),
        free,
        within,
    )
    label = component + n_records  # groups are told apart by a record of theirs, components by other numbers
    begun = np.arange(len(rows))
    if start is not None:
        _, at, group = np.unique(start[rows], return_index=True, return_inverse=True)
        begun = at[group]
    free_to_move = np.bincount(begun, minlength=len(rows))[begun] == 1
    label[rows] = rows[graph.settled(graph.merged(begun, support), support, free_to_move)]
    # What moved away may have held the rest of its group together.
    inside = link & (label[left] == label[right])
    entity = connected_components(
        np.concatenate((left[inside], held_left)), np.concatenate((right[inside], held_right)), n_records
    )
    return Clustering(entity, link & (entity[left] != entity[right]))


@dataclass(frozen=True)
class Graph:
    """Records and the scored pairs among them, component after component.

    Attributes
    ----------
    first, second : int64 arrays, shape (n_pairs,)
        Records of each pair, first < second, sorted.
    probability : float64 array, shape (n_pairs,)
        That the pair is a match.
    link : bool array, shape (n_pairs,)
        Which pairs are links.
    apart : bool array, shape (n_pairs,)
        Pairs whose records are never in one group.
    component : int64 array, shape (n_records,)
        Component of each record; those of one follow each other, and no pair joins two.
    source : int64 array, shape (n_records,)
        Source of each record.
    duplicate_free : bool array, shape (n_sources,)
        Sources that have at most one record a group; of no length where sources do not matter.
    within : bool
        Whether records of one source were compared with each other.
    """

    first: Ints
    second: Ints
    probability: NDArray[np.float64]
    link: Bools
    apart: Bools
    component: Ints
    source: Ints
    duplicate_free: Bools
    within: bool

    def merged(self, group: Ints, support: float) -> Ints:
        """Groups of the given groups of records, merged while the mean of two is at least the support."""
        from tallystick.linking.kernels_clustering import merge_components

        members, node = np.unique(group, return_inverse=True)
        a, b = node[self.first], node[self.second]
        outer = np.flatnonzero(a != b)
        key = np.minimum(a[outer], b[outer]) * len(members) + np.maximum(a[outer], b[outer])
        edges, edge = np.unique(key, return_inverse=True)
        nodes = np.concatenate(([0], np.flatnonzero(np.diff(self.component[members])) + 1, [len(members)]))
        n_sources = len(self.duplicate_free)
        by_source = np.bincount(node * n_sources + self.source, minlength=len(members) * n_sources)
        found = merge_components(
            edges // len(members),
            edges % len(members),
            np.bincount(edge, self.probability[outer], minlength=len(edges)),
            np.bincount(edge, self.link[outer], minlength=len(edges)) > 0,
            np.bincount(edge, self.apart[outer], minlength=len(edges)) > 0,
            nodes,
            np.searchsorted(edges // len(members), nodes),
            np.bincount(node),
            by_source.reshape(len(members), n_sources)
            if n_sources
            else np.zeros((len(members), 0), np.int64),
            self.duplicate_free,
            self.within,
            float(support),
        )
        answer: Ints = members[found][node]
        return answer

    def settled(self, group: Ints, support: float, movable: Bools) -> Ints:
        """The groups after records that may move have gone to where they add more to the objective."""
        from tallystick.linking.kernels_clustering import settle

        n = len(group)
        from_to, to_from = (
            np.concatenate((self.first, self.second)),
            np.concatenate((self.second, self.first)),
        )
        around = np.argsort(from_to, kind="stable")
        result = group.copy()
        settle(
            np.searchsorted(from_to[around], np.arange(n + 1)),
            to_from[around],
            np.concatenate((self.probability, self.probability))[around],
            np.concatenate((self.link, self.link))[around],
            np.concatenate((self.apart, self.apart))[around],
            result,
            movable,
            self.source,
            self.duplicate_free,
            self.within,
            float(support),
            ROUNDS,
        )
        return result


def _chains(group: Rows) -> tuple[Ints, Ints]:
    """Pairs of records that hold each group together, one to the next."""
    order = np.argsort(group, kind="stable")
    same = np.flatnonzero(np.diff(group[order]) == 0)
    return order[same], order[same + 1]


def _check(left: Rows, right: Rows, probability: NDArray[np.float64], link: Bools, support: float) -> None:
    for name, values in (("right rows", right), ("probabilities", probability), ("links", link)):
        if values.shape != left.shape:
            raise InputError(
                f"The {name} have shape {values.shape} for pairs of shape {left.shape}; give one a pair."
            )
    bad = np.flatnonzero(~((probability >= 0) & (probability <= 1)))
    if len(bad):
        raise InputError(
            f"The probability of pair {bad[0]} is {probability[bad[0]]}; give one between 0 and 1."
        )
    if not 0 <= support <= 1:
        raise InputError(f"The support is {support}, but it is a mean probability: give one between 0 and 1.")
