"""Entities by the evidence of all pairs: a plain twin, every partition, and the shapes that must come out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import entities
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linking.cluster import connected_components
from tallystick.linking.clustering import Clustering, cluster

Pairs = dict[tuple[int, int], tuple[float, bool]]


def clustered(pairs: Pairs, n: int, **how: object) -> Clustering:
    left, right = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    probability = np.array([p for p, _ in pairs.values()], np.float64)
    link = np.array([one for _, one in pairs.values()], np.bool_)
    return cluster(left, right, probability, link, n, **how)  # type: ignore[arg-type]


def plain(
    pairs: Pairs,
    n: int,
    support: float,
    source: list[int] | None = None,
    duplicate_free: tuple[bool, ...] = (),
    within: bool = True,
    apart: frozenset[tuple[int, int]] = frozenset(),
) -> list[list[int]]:
    """The same by looking at all pairs of groups before each merger."""
    source = source or [0] * n
    groups = [[row] for row in range(n)]

    def mean(a: list[int], b: list[int]) -> float | None:
        between = [
            pairs.get((min(i, j), max(i, j)), (0.0, False))
            for i, j in product(a, b)
            if within or source[i] != source[j]
        ]
        linked = any(link for _, link in between)
        clash = any(free and any(source[i] == s for i in a) and any(source[j] == s for j in b)
                    for s, free in enumerate(duplicate_free))  # fmt: skip
        if not linked or clash or any((min(i, j), max(i, j)) in apart for i, j in product(a, b)):
            return None
        value = math.fsum(p for p, _ in between) / len(between)
        return value if value >= support or len(a) + len(b) == 2 else None

    while True:
        found = [
            (-value, min(a[0], b[0]), max(a[0], b[0]), at, to)
            for (at, a), (to, b) in combinations(enumerate(groups), 2)
            if (value := mean(a, b)) is not None
        ]
        if not found:
            return moved(groups, pairs, support, source, duplicate_free, within, apart)
        *_, at, to = min(found)
        groups[at] = sorted(groups[at] + groups[to])
        del groups[to]


def moved(
    groups: list[list[int]],
    pairs: Pairs,
    support: float,
    source: list[int],
    duplicate_free: tuple[bool, ...],
    within: bool,
    apart: frozenset[tuple[int, int]],
) -> list[list[int]]:
    """Records go where they add most, and what no link holds together any more falls apart."""

    def adds(row: int, group: list[int]) -> float:
        between = [one for one in group if one != row and (within or source[one] != source[row])]
        return math.fsum(of(row, one)[0] for one in between) - support * len(between)

    def of(i: int, j: int) -> tuple[float, bool]:
        return pairs.get((min(i, j), max(i, j)), (0.0, False))

    n = sum(len(group) for group in groups)
    changed = True
    while changed:
        changed = False
        for row in range(n):
            own = next(group for group in groups if row in group)
            most, to = max(0.0, adds(row, own)) + 1e-9, own
            for other in sorted(
                groups,
                key=lambda group: min([j for j in group if (min(row, j), max(row, j)) in pairs], default=n),
            ):
                full = any(free and s == source[row] and any(source[j] == s for j in other)
                           for s, free in enumerate(duplicate_free))  # fmt: skip
                full |= any((min(row, j), max(row, j)) in apart for j in other)
                if other is own or full or not any(of(row, j)[1] for j in other):
                    continue
                if (value := adds(row, other)) > most + 1e-12:
                    most, to = value, other
            if to is not own:
                own.remove(row)
                to.append(row)
                groups = [group for group in groups if group]
                changed = True
    label = {row: k for k, group in enumerate(groups) for row in group}
    inside = [pair for pair, (_, link) in pairs.items() if link and label[pair[0]] == label[pair[1]]]
    return parts(np.array(entities([a for a, _ in inside], [b for _, b in inside], n)))


def parts(entity: NDArray[np.int64]) -> list[list[int]]:
    return sorted(np.flatnonzero(entity == one).tolist() for one in range(int(entity.max()) + 1))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Pairs]:
    """Scored pairs of a few records, with probabilities of which sums are exact and many are alike."""
    n = draw(st.integers(1, 11))
    every = list(combinations(range(n), 2))
    chosen = draw(st.lists(st.sampled_from(every), unique=True, max_size=30)) if every else []
    probability = st.integers(0, 8).map(lambda k: k / 8)
    return n, {pair: (p := draw(probability), p >= 0.5 or draw(st.booleans())) for pair in chosen}


@settings(max_examples=300, deadline=None)
@given(graphs(), st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 1.0]), st.data())
def test_equals_the_plain_twin(graph: tuple[int, Pairs], support: float, data: st.DataObject) -> None:
    n, pairs = graph
    source = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    free = data.draw(st.sampled_from([(), (True, False, True), (True, True, True)]))
    within = data.draw(st.booleans())
    if not within:
        pairs = {pair: one for pair, one in pairs.items() if source[pair[0]] != source[pair[1]]}
    found = clustered(pairs, n, support=support, source=np.array(source), duplicate_free=free, within=within)
    assert parts(found.entity) == plain(pairs, n, support, source, free, within)
    for ((a, b), (_, link)), cut in zip(pairs.items(), found.cut.tolist(), strict=True):
        assert cut == (link and found.entity[a] != found.entity[b])
    for members in parts(found.entity):
        for s, alone in enumerate(free):
            assert not alone or [source[row] for row in members].count(s) <= 1


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_order_of_rows_and_pairs_does_not_matter(graph: tuple[int, Pairs], random: object) -> None:
    n, pairs = graph
    new = np.random.default_rng(random.getrandbits(32)).permutation(n)  # type: ignore[attr-defined]
    moved = {(int(new[b]), int(new[a])): one for (a, b), one in reversed(pairs.items())}
    back = np.argsort(new)  # the row that each new row was
    found = clustered(moved, n, rank=back)
    assert parts(found.entity[new]) == parts(clustered(pairs, n).entity)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_entities_are_connected_by_links(graph: tuple[int, Pairs]) -> None:
    n, pairs = graph
    found = clustered(pairs, n)
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    inside = np.array([link for _, link in pairs.values()], np.bool_) & ~found.cut
    assert found.entity.tolist() == connected_components(left[inside], right[inside], n).tolist()


def partitions(rows: list[int]) -> Iterator[list[list[int]]]:
    if not rows:
        yield []
        return
    first, *rest = rows
    for part in partitions(rest):
        yield [[first], *part]
        for k, group in enumerate(part):
            yield [*part[:k], [first, *group], *part[k + 1 :]]


def objective(part: list[list[int]], pairs: Pairs, support: float) -> float:
    return sum(
        pairs.get((min(i, j), max(i, j)), (0.0, False))[0] - support
        for group in part
        for i, j in combinations(group, 2)
    )


def test_reaches_the_best_of_all_partitions() -> None:
    """Persons with two to four records, some pairs between them doubtful and some of their own unseen."""
    random = np.random.default_rng(3)
    best = 0
    for _ in range(60):
        person = np.repeat([0, 1, 2], random.choice([2, 3], 3))
        pairs: Pairs = {}
        for i, j in combinations(range(len(person)), 2):
            same = person[i] == person[j]
            if random.random() < (0.8 if same else 0.3):
                p = float(random.beta(8, 1) if same else random.beta(1, 5))
                pairs[i, j] = p, p >= 0.5
        every = list(partitions(list(range(len(person)))))
        highest = max(objective(part, pairs, 0.2) for part in every)
        reached = objective(parts(clustered(pairs, len(person)).entity), pairs, 0.2)
        assert reached <= highest + 1e-9
        best += reached > highest - 0.15  # pairs that are no links may be worth a little
    assert best >= 50


def clique(rows: range, p: float = 0.99) -> Pairs:
    return dict.fromkeys(combinations(rows, 2), (p, True))


@pytest.mark.parametrize("bridge", [0.6, 0.99, 1.0])
@pytest.mark.parametrize("size", [5, 6, 12])
def test_two_families_with_one_bridge_are_cut_at_the_bridge(size: int, bridge: float) -> None:
    pairs = {**clique(range(size)), **clique(range(size, 2 * size)), (3, size + 2): (bridge, True)}
    found = clustered(pairs, 2 * size)
    assert parts(found.entity) == [list(range(size)), list(range(size, 2 * size))]
    assert found.cut.tolist() == [False] * (len(pairs) - 1) + [True]


def test_a_chain_does_not_become_one_entity() -> None:
    order = np.random.default_rng(1).permutation(1000)
    probability = np.random.default_rng(2).uniform(0.5, 0.9, 999)
    found = cluster(order[1:], order[:-1], probability, np.ones(999, np.bool_), 1000)
    assert np.bincount(found.entity).max() <= 4


@pytest.mark.parametrize("seen", [0.4, 0.7])
def test_a_large_entity_with_pairs_that_no_pass_found_stays_whole(seen: float) -> None:
    random = np.random.default_rng(5)
    pairs = {
        pair: (float(random.uniform(0.5, 1)), True)
        for pair in combinations(range(60), 2)
        if random.random() < seen
    }
    assert parts(clustered(pairs, 60).entity) == [list(range(60))]


def test_a_source_without_duplicates_keeps_the_better_record() -> None:
    pairs: Pairs = {(0, 2): (0.9, True), (1, 2): (0.8, True), (0, 1): (0.7, True)}
    how = {"source": np.array([0, 0, 1]), "duplicate_free": (True, False)}
    found = clustered(pairs, 3, **how)
    assert found.entity.tolist() == [0, 1, 0]
    assert found.cut.tolist() == [False, True, True]


def test_pairs_that_were_not_compared_do_not_count() -> None:
    """A record of one file and its four duplicates in the other: these were not compared with each other."""
    pairs: Pairs = {(0, k): (0.9, True) for k in range(1, 5)}
    source = np.array([0, 1, 1, 1, 1])
    assert clustered(pairs, 5, support=0.6, source=source, within=False).entity.tolist() == [0] * 5
    assert clustered(pairs, 5, support=0.6).entity.tolist() == [0, 0, 1, 2, 3]


def test_other_components_do_not_matter() -> None:
    random = np.random.default_rng(4)
    pairs = {
        pair: (p, p >= 0.5)
        for pair in combinations(range(30), 2)
        if random.random() < 0.2 and (p := float(random.random())) is not None
    }
    alone = clustered(pairs, 30).entity
    more = {(a + 9, b + 9): one for (a, b), one in pairs.items()} | clique(range(9))
    assert parts(clustered(more, 39).entity[9:] - 1) == parts(alone)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probability": np.array([0.5, 1.5])}, "The probability of pair 1 is 1.5"),
        ({"probability": np.array([0.5, np.nan])}, "The probability of pair 1 is nan"),
        ({"link": np.ones(3, np.bool_)}, r"links have shape \(3,\)"),
        (
            {
                "left": np.array([0, 1, 0]),
                "right": np.array([1, 2, 1]),
                "probability": np.ones(3),
                "link": np.ones(3, np.bool_),
            },
            "rows 0 and 1 is given more than once",
        ),
        ({"support": 1.5}, "The support is 1.5"),
        ({"duplicate_free": (True,)}, "give the source of every record"),
        ({"right": np.array([1, 5])}, "row 5"),
    ],
)
def test_bad_input(change: dict[str, object], says: str) -> None:
    given = {"left": np.array([0, 1]), "right": np.array([1, 2]), "probability": np.array([0.9, 0.8])}
    given |= {"link": np.ones(2, np.bool_), "n_records": np.int64(3)} | change
    with pytest.raises(InputError, match=says):
        cluster(**given)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(graphs(), st.data())
def test_groups_to_begin_with_stay_together(graph: tuple[int, Pairs], data: st.DataObject) -> None:
    n, pairs = graph
    start = np.array(data.draw(st.lists(st.integers(0, n), min_size=n, max_size=n)))
    found = clustered(pairs, n, start=start)
    for one in np.unique(start):
        assert len(np.unique(found.entity[start == one])) == 1
    alone = clustered(pairs, n, start=np.arange(n)[::-1] + 7)
    assert alone.entity.tolist() == clustered(pairs, n).entity.tolist()


def test_a_record_joins_the_group_that_most_of_its_pairs_speak_for() -> None:
    start = np.array([0, 0, 0, 1, 1, 1, 2])
    pairs: Pairs = {(0, 6): (0.9, True), (1, 6): (0.8, True), (2, 6): (0.3, False), (3, 6): (0.95, True)}
    found = clustered(pairs, 7, start=start)
    assert found.entity.tolist() == [0, 0, 0, 1, 1, 1, 0]
    assert found.cut.tolist() == [False, False, False, True]
