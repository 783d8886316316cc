"""What the answer to a pair tells, against all one-to-one sets gone through one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.blocking.constraint import Constraint, constraint
from tallystick.linking.bipartite import bipartite_posterior
from tallystick.linking.constraints import competing
from tallystick.linking.decide import DecidedPairs, Verdict
from tallystick.linking.information import component_gain, expected_gain
from tallystick.linking.score import ScoredPairs

Pair = tuple[int, int]


def decided(pairs: list[Pair], gain: list[float], limits: Constraint, cut: float = 0.5) -> DecidedPairs:
    """Pairs that are links from the cut on."""
    left, right = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    none = np.zeros(len(pairs), np.int64)
    weight = np.array(gain)
    p = 1 / (1 + np.exp(-weight))
    if limits.competes:
        p = bipartite_posterior(*competing(left, right, limits), weight).probability
    verdict = np.where(p >= cut, Verdict.LINK, Verdict.NON_LINK).astype(np.int8)
    return DecidedPairs(
        ScoredPairs(left, right, weight, none, none, none), p, p, verdict, np.zeros(len(pairs), bool)
    )


def plain_gain(pairs: list[Pair], gain: list[float], limits: Constraint, cut: float) -> list[float]:
    """The same by definition: expected errors now, less those after the answer, over all allowed sets."""
    sets = []
    for held in itertools.product((False, True), repeat=len(pairs)):
        chosen = [pair for pair, is_in in zip(pairs, held, strict=True) if is_in]
        lefts, rights = [left for left, _ in chosen], [right for _, right in chosen]
        if limits.left_once and len(set(lefts)) < len(lefts):
            continue
        if limits.right_once and len(set(rights)) < len(rights):
            continue
        sets.append((held, math.exp(sum(w for w, is_in in zip(gain, held, strict=True) if is_in))))

    def chances(known: dict[int, bool]) -> tuple[float, list[float]]:
        own = [(held, w) for held, w in sets if all(held[k] == truth for k, truth in known.items())]
        total = sum(w for _, w in own)
        if not total:
            return 0.0, [0.0] * len(pairs)
        return total, [sum(w for held, w in own if held[k]) / total for k in range(len(pairs))]

    def error(p: float) -> float:
        return 1 - p if p >= cut else p

    whole, now = chances({})
    result = []
    for k in range(len(pairs)):
        after = 0.0
        for answer in (True, False):
            share, then = chances({k: answer})
            after += share / whole * sum(error(p) for f, p in enumerate(then) if f != k)
        result.append(sum(map(error, now)) - after)
    return result


PAIRS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(10, 13)), min_size=1, max_size=7, unique=True
).flatmap(
    lambda pairs: st.tuples(
        st.just(pairs), st.lists(st.floats(-4, 6), min_size=len(pairs), max_size=len(pairs))
    )
)


@settings(max_examples=120, deadline=None)
@given(PAIRS, st.sampled_from(["one_to_one", "one_to_many", "many_to_many"]), st.sampled_from([0.5, 0.8]))
def test_gain_is_that_of_the_definition(made: tuple[list[Pair], list[float]], links: str, cut: float) -> None:
    pairs, gain = made
    limits = constraint(links)  # type: ignore[arg-type] # a sampled text
    # An answer near the cut may fall on either side of it by rounding.
    found = expected_gain(decided(pairs, gain, limits, cut), [limits], cut=cut, gain=np.array(gain))
    expected = np.maximum(plain_gain(pairs, gain, limits, cut), 0)
    assert found == pytest.approx(expected, abs=2e-3)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_a_perfect_answer_never_harms_where_links_are_the_likelier(
    made: tuple[list[Pair], list[float]],
) -> None:
    pairs, gain = made
    ends = [np.array([pair[side] for pair in pairs]) for side in (0, 1)]
    p = bipartite_posterior(*ends, np.array(gain)).probability
    found = component_gain(ends[0], ends[1], np.array(gain), p >= 0.5)
    assert (found >= -1e-9).all()
    assert (found >= np.minimum(p, 1 - p) - 1e-9).all()


def test_without_competition_only_the_pair_itself_counts() -> None:
    limits = constraint("many_to_many")
    pairs = decided([(0, 10), (0, 11)], [0.4, -0.4], limits)
    assert expected_gain(pairs, [limits]) == pytest.approx([1 - pairs.posterior[0], pairs.posterior[1]])


def test_a_tie_is_worth_more_than_a_doubtful_pair_alone() -> None:
    limits = constraint("one_to_one")
    found = expected_gain(decided([(0, 10), (0, 11), (1, 12)], [4.0, 4.0, 0.0], limits), [limits])
    assert found[0] == pytest.approx(found[1])
    assert found[0] > 0.9 > found[2] == pytest.approx(0.5)
