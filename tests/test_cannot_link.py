"""Entities and links under decisions of people: what must be together is, what must not be is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import matchings
from test_clustering import Pairs, clustered, graphs, parts, plain

from tallystick.blocking.constraint import constraint
from tallystick.linking.cannot_link import components_apart
from tallystick.linking.cluster import connected_components
from tallystick.linking.clustering import Clustering, cluster
from tallystick.linking.decide import DecidedPairs, Verdict
from tallystick.linking.fixed import Fixed, displace, rivals_of
from tallystick.linking.score import ScoredPairs

Graph = tuple[int, Pairs]


def refused(pairs: Pairs, chosen: list[bool]) -> tuple[Pairs, np.ndarray]:
    """The pairs, some of them refused: no links, no probability."""
    which = np.array(chosen[: len(pairs)], bool)
    made = {pair: (0.0, False) if out else one for (pair, one), out in zip(pairs.items(), which, strict=True)}
    return made, which


CHOSEN = st.lists(st.booleans(), min_size=60, max_size=60)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from([0.0, 0.2, 0.5]), CHOSEN, CHOSEN)
def test_clusters_equal_the_plain_twin(
    graph: Graph, support: float, one: list[bool], other: list[bool]
) -> None:
    n, pairs = graph
    pairs, apart = refused(pairs, [a and b for a, b in zip(one, other, strict=True)])
    found = clustered(pairs, n, support=support, apart=apart)
    names = frozenset(pair for pair, out in zip(pairs, apart, strict=True) if out)
    assert parts(found.entity) == plain(pairs, n, support, apart=names)


@settings(max_examples=150, deadline=None)
@given(graphs(), CHOSEN, CHOSEN, st.sampled_from(["clusters", "components"]))
def test_no_entity_holds_what_is_apart_and_all_hold_what_is_fixed(
    graph: Graph, one: list[bool], other: list[bool], method: str
) -> None:
    n, pairs = graph
    pairs, apart = refused(pairs, one)
    must = np.array(other[: len(pairs)], bool) & ~apart
    pairs = {
        pair: (1.0, True) if held else had for (pair, had), held in zip(pairs.items(), must, strict=True)
    }
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    held = connected_components(left[must], right[must], n)
    if (held[left[apart]] == held[right[apart]]).any():
        return  # a contradiction, which is refused before
    p, link = (np.array([one[k] for one in pairs.values()]) for k in (0, 1))
    found = (
        cluster(left, right, p.astype(float), link.astype(bool), n, start=held, apart=apart)
        if method == "clusters"
        else components_apart(left, right, p.astype(float), link.astype(bool), apart, n, held=must)
    )
    assert (found.entity[left[apart]] != found.entity[right[apart]]).all()
    assert (found.entity[left[must]] == found.entity[right[must]]).all()
    # Entities are still connected by links, and those that are cut are told.
    inside = link.astype(bool) & ~found.cut
    assert (connected_components(left[inside], right[inside], n) == found.entity).all()


def test_nothing_apart_changes_nothing() -> None:
    pairs = {(0, 1): (0.9, True), (1, 2): (0.8, True), (0, 2): (0.7, False), (2, 3): (0.3, True)}
    nothing = np.zeros(4, bool)
    assert (clustered(pairs, 4, apart=nothing).entity == clustered(pairs, 4).entity).all()
    found = of_components(pairs, 4, nothing)
    assert found.entity.tolist() == [0, 0, 0, 0]
    assert not found.cut.any()


def test_a_record_does_not_move_to_where_a_refused_one_stands() -> None:
    # Without the refusal record 4 goes to the group of 0, 1 and 2, where most of its pairs are.
    pairs = {
        (0, 1): (0.99, True),
        (0, 2): (0.99, True),
        (1, 2): (0.99, True),
        (3, 4): (0.995, True),
        (0, 4): (0.6, True),
        (1, 4): (0.99, True),
        (2, 4): (0.99, True),
    }
    assert parts(clustered(pairs, 5, support=0.45).entity) == [[0, 1, 2, 4], [3]]
    pairs[(0, 4)] = (0.0, False)
    apart = np.array([pair == (0, 4) for pair in pairs])
    assert parts(clustered(pairs, 5, support=0.45, apart=apart).entity) == [[0, 1, 2], [3, 4]]


def of_components(pairs: Pairs, n: int, apart: np.ndarray) -> Clustering:
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    p, link = (np.array([one[k] for one in pairs.values()]) for k in (0, 1))
    return components_apart(left, right, p.astype(float), link.astype(bool), apart, n)


@settings(max_examples=100, deadline=None)
@given(graphs(), CHOSEN)
def test_components_are_cut_where_no_stronger_link_could_be_instead(graph: Graph, one: list[bool]) -> None:
    n, pairs = graph
    pairs, apart = refused(pairs, one)
    found = of_components(pairs, n, apart)
    enemies = [pair for pair, out in zip(pairs, apart, strict=True) if out]
    links = {pair: p for pair, (p, link) in pairs.items() if link}
    for k, pair in enumerate(pairs):
        if not found.cut[k]:
            continue
        # The links at least as strong that are left, with this one, bring together what is apart.
        kept = [
            other
            for m, other in enumerate(pairs)
            if other in links and not found.cut[m] and links[other] >= links[pair]
        ]
        left, right = (np.array([other[side] for other in [*kept, pair]]) for side in (0, 1))
        entity = connected_components(left, right, n)
        assert any(entity[a] == entity[b] for a, b in enemies)


def scored(pairs: list[tuple[int, int]], weight: list[float]) -> ScoredPairs:
    none = np.zeros(len(pairs), np.int64)
    left, right = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    return ScoredPairs(left, right, np.array(weight), none, none, none)


def test_rivals_are_those_of_the_constraint() -> None:
    pairs = scored([(0, 10), (0, 11), (1, 10), (1, 12)], [5.0, 4.0, 3.0, 2.0])
    fixed = np.array([True, False, False, False])
    for links, expected in (
        ("one_to_one", [False, True, True, False]),
        ("one_to_many", [False, False, True, False]),
        ("many_to_one", [False, True, False, False]),
        ("many_to_many", [False, False, False, False]),
    ):
        assert rivals_of(pairs, fixed, [constraint(links)]).tolist() == expected  # type: ignore[arg-type]


def test_steps_keep_what_is_not_displaced() -> None:
    pairs = scored([(0, 10), (0, 11), (1, 10), (1, 12), (2, 13)], [5.0, 4.0, 3.0, 2.0, 1.0])
    verdict = np.array([Verdict.LINK, 0, 0, Verdict.LINK, Verdict.POSSIBLE], np.int8)
    p = np.array([0.9, 0.1, 0.0, 0.8, 0.3])
    before = DecidedPairs(pairs, p, p, verdict, np.zeros(5, bool))
    fixed = Fixed(np.array([False, True, False, False, False]), np.array([False, False, False, True, False]))
    found = displace(before, [constraint("one_to_one")], fixed)
    assert found.verdict.tolist() == [0, Verdict.LINK, 0, 0, Verdict.POSSIBLE]
    assert found.posterior.tolist() == [0.0, 1.0, 0.0, 0.0, 0.3]
    assert (found.posterior_pair == p).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(10, 13)), min_size=1, max_size=7, unique=True),
    st.lists(st.floats(-3, 5), min_size=7, max_size=7),
    st.lists(st.sampled_from(["", "", "link", "refused"]), min_size=7, max_size=7),
)
def test_the_posterior_is_that_of_the_sets_which_the_decisions_leave(
    pairs: list[tuple[int, int]], gain: list[float], said: list[str]
) -> None:
    from tallystick.linking.bipartite import bipartite_posterior

    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    must = [k for k, word in enumerate(said[: len(pairs)]) if word == "link"]
    if len({left[k] for k in must}) < len(must) or len({right[k] for k in must}) < len(must):
        return  # a contradiction
    never = [k for k, word in enumerate(said[: len(pairs)]) if word == "refused"]
    sets = [s for s in matchings(left, right) if set(must) <= set(s) and not set(never) & set(s)]
    weights = [math.exp(sum(gain[k] for k in s)) for s in sets]
    expected = [
        sum(w for s, w in zip(sets, weights, strict=True) if k in s) / sum(weights) for k in range(len(pairs))
    ]
    made = scored(pairs, gain[: len(pairs)])
    fixed = np.isin(np.arange(len(pairs)), must)
    out = fixed | np.isin(np.arange(len(pairs)), never) | rivals_of(made, fixed, [constraint("one_to_one")])
    found = fixed.astype(float)
    found[~out] = bipartite_posterior(made.left[~out], made.right[~out], made.weight[~out]).probability
    assert found == pytest.approx(expected, abs=1e-9)
