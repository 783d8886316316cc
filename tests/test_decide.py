"""Decisions against the definition, and one-to-one ones against every set of links of small graphs."""

from __future__ import annotations

import math
from dataclasses import replace

import naive_graphs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linking.decide import DecidedPairs, Verdict, constant_of, decide, logit, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs

NAME = ComparisonParameters("name", ("else", "exact"), (0.1, 0.9), (0.9, 0.1), "given", "given")
PAIR = PairOfSources("a", "b", 20, 30, 600, 600, 10.0, -4.0)


def model(*pairs: PairOfSources) -> Parameters:
    return Parameters((NAME,), pairs or (PAIR,))


def scored(
    left: list[int], right: list[int], weight: list[float], source: list[int] | None = None
) -> ScoredPairs:
    n = len(left)
    return ScoredPairs(
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(weight, np.float64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.array(source if source is not None else [0] * n, np.int64),
    )


def words(decided: DecidedPairs) -> list[str]:
    return [Verdict(code).label for code in decided.verdict]


def test_labels() -> None:
    assert [one.label for one in Verdict] == ["non-link", "possible", "link"]


def test_the_no_link_constant() -> None:
    """c = log((n1 - n12 + 1/2)(n2 - n12 + 1/2) / (n12 + 1/2)), n12 within what can be (Sadinle 2017)."""
    assert constant_of(PAIR) == pytest.approx(math.log(10.5 * 20.5 / 10.5))
    assert constant_of(replace(PAIR, expected_matches=1e9)) == pytest.approx(math.log(0.5 * 10.5 / 20.5))


def test_thresholds_as_weights() -> None:
    rule = Decision(upper=0.8, lower=0.2)
    assert weight_thresholds(model(), rule) == [pytest.approx((4 - math.log(4), 4 + math.log(4)))]
    c = constant_of(PAIR)
    one = Decision(one_to_one=True, upper=0.8, lower=0.2)
    assert weight_thresholds(model(), one) == [pytest.approx((c - math.log(4), c + math.log(4)))]
    plain = Decision(scale="weight", upper=7.0, lower=-1.0)
    assert weight_thresholds(model(PAIR, PAIR), plain) == [(-1.0, 7.0)] * 2


def test_edges_of_the_thresholds() -> None:
    """At a threshold is above it, whether links are one-to-one or not."""
    weights = [5.0, 5.0 - 1e-7, 2.0, 2.0 - 1e-7]
    for one_to_one in (False, True):
        rule = Decision(scale="weight", one_to_one=one_to_one, upper=5.0, lower=2.0)
        found = decide(scored([0, 1, 2, 3], [4, 5, 6, 7], weights), model(), rule)
        assert words(found) == ["link", "possible", "possible", "non-link"]
    rule = Decision(upper=0.5, lower=0.5)
    found = decide(scored([0, 1], [2, 3], [4.0, 4.0 - 1e-9]), model(), rule)
    assert words(found) == ["link", "non-link"]


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=10), st.sampled_from(["posterior", "weight"]))
def test_not_one_to_one_each_pair_counts_alone(weights: list[float], scale: str) -> None:
    upper, lower = (0.7, 0.3) if scale == "posterior" else (6.0, 3.0)
    rule = Decision(scale=scale, upper=upper, lower=lower)  # type: ignore[arg-type]
    pairs = scored([0] * len(weights), list(range(1, len(weights) + 1)), weights)
    found = decide(pairs, model(), rule)
    for k, weight in enumerate(weights):
        posterior = 1 / (1 + math.exp(4 - weight))
        assert found.posterior[k] == found.posterior_pair[k] == pytest.approx(posterior)
        score = found.posterior[k] if scale == "posterior" else weight
        assert words(found)[k] == ("link" if score >= upper else "possible" if score >= lower else "non-link")
    assert not found.tie.any()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], list[int], list[float]]:
    cells = draw(st.lists(st.integers(0, 15), min_size=1, max_size=9, unique=True))
    numbers = st.integers(-3, 12).map(float) if draw(st.booleans()) else st.floats(-3, 12)
    weights = [draw(numbers) for _ in cells]
    return [cell // 4 for cell in cells], [20 + cell % 4 for cell in cells], weights


TIE = 1e-9


def check_one_to_one(left: list[int], right: list[int], weight: list[float], rule: Decision) -> None:
    found = decide(scored(left, right, weight), model(), rule)
    c = constant_of(PAIR)
    ((lower, _),) = weight_thresholds(model(), rule)
    gain = [one - c for one in weight]
    posterior = naive_graphs.posterior(left, right, gain)
    np.testing.assert_allclose(found.posterior, posterior, atol=1e-9)
    score = weight if rule.scale == "weight" else found.posterior.tolist()
    best, without = naive_graphs.best_without(left, right, gain)
    # What every best set holds, with a margin, is a link where it reaches the upper threshold.
    sure = [best - one >= TIE for one in without]
    links = {k for k in range(len(left)) if sure[k] and score[k] >= rule.upper}
    assert {k for k, word in enumerate(words(found)) if word == "link"} == links
    assert all(weight[k] > c for k in links)
    assert not any(found.tie[k] and sure[k] for k in range(len(left)))
    tied = set(np.flatnonzero(found.tie).tolist())
    chosen = [k for k in range(len(left)) if sure[k] or k in tied]
    assert math.fsum(gain[k] for k in chosen) == pytest.approx(best, abs=1e-8)

    rest = [
        k
        for k in range(len(left))
        if left[k] not in {left[j] for j in links}
        and right[k] not in {right[j] for j in links}
        and weight[k] >= lower
    ]
    second = ([left[k] for k in rest], [right[k] for k in rest], [weight[k] - lower + 1e-9 for k in rest])
    best, without = naive_graphs.best_without(*second)
    possible = {k for k, word in enumerate(words(found)) if word == "possible"}
    assert possible <= set(rest)
    for k, other in zip(rest, without, strict=True):
        if best - other >= 2 * TIE and (score[k] >= rule.lower or k in tied):
            assert k in possible
        if best - other >= 2 * TIE and score[k] < rule.lower and k not in tied:
            assert k not in possible
    for side in (left, right):
        used = [side[k] for k in (*links, *possible)]
        assert len(used) == len(set(used))


@settings(max_examples=300)
@given(graphs())
def test_one_to_one_equals_enumeration(graph: tuple[list[int], list[int], list[float]]) -> None:
    check_one_to_one(*graph, Decision(one_to_one=True, upper=0.5, lower=0.1))


@settings(max_examples=200)
@given(graphs(), st.sampled_from([(4.0, 1.0), (8.0, 3.5), (0.0, -2.0), (5.0, 5.0)]))
def test_one_to_one_by_weight_equals_enumeration(
    graph: tuple[list[int], list[int], list[float]], thresholds: tuple[float, float]
) -> None:
    upper, lower = thresholds
    check_one_to_one(*graph, Decision(one_to_one=True, scale="weight", upper=upper, lower=lower))


def test_at_or_below_the_no_link_constant_is_no_link() -> None:
    """However low the upper threshold."""
    c = constant_of(PAIR)
    rule = Decision(one_to_one=True, scale="weight", upper=-10.0, lower=-20.0)
    found = decide(scored([0, 1, 2], [5, 6, 7], [c, c - 1, c + 1]), model(), rule)
    assert words(found) == ["possible", "possible", "link"]


def test_a_tie_is_a_possible_link() -> None:
    rule = Decision(one_to_one=True)
    found = decide(scored([0, 0], [5, 6], [12.0, 12.0]), model(), rule)
    assert sorted(words(found)) == ["non-link", "possible"]
    assert found.tie.sum() == 1
    # Two records a side, all alike: whichever two are proposed, none is a link.
    found = decide(scored([0, 0, 1, 1], [5, 6, 5, 6], [12.0] * 4), model(), rule)
    assert sorted(words(found)) == ["non-link", "non-link", "possible", "possible"]
    assert not found.links.any()


def test_the_best_set_may_leave_the_best_pair() -> None:
    rule = Decision(one_to_one=True, scale="weight", upper=4.0, lower=4.0)
    c = constant_of(PAIR)
    found = decide(scored([0, 0, 1], [5, 6, 5], [c + 6.0, c + 5.0, c + 5.0]), model(), rule)
    assert words(found) == ["non-link", "link", "link"]


def test_possible_links_are_a_second_assignment_of_what_is_left() -> None:
    rule = Decision(one_to_one=True, scale="weight", upper=9.0, lower=1.0)
    # Row 0 is linked; its other candidate is no possible link, and row 1 gets the next best.
    found = decide(scored([0, 0, 1, 1, 2], [5, 6, 5, 6, 6], [12.0, 6.0, 8.0, 3.0, 2.5]), model(), rule)
    assert words(found) == ["link", "non-link", "non-link", "possible", "non-link"]


@pytest.mark.parametrize("one_to_one", [False, True])
def test_each_pair_of_sources_is_decided_by_itself(one_to_one: bool) -> None:
    random = np.random.default_rng(3)
    rule = Decision(one_to_one=one_to_one, upper=0.6, lower=0.2)
    sides = [(0, 10), (0, 20), (10, 20)]
    models = [
        replace(PAIR, expected_matches=matches, log_prior_odds=prior)
        for matches, prior in ((1.0, -6.0), (10.0, -4.0), (18.0, -1.0))
    ]
    parts = []
    for number, (first, other) in enumerate(sides):
        cells = random.choice(64, 20, replace=False)
        left, right = (first + cells // 8).tolist(), (other + cells % 8).tolist()
        parts.append((left, right, random.normal(4, 4, 20).tolist(), [number] * 20))
    columns = ([value for part in parts for value in part[k]] for k in range(4))
    together = decide(scored(*columns), model(*models), rule)
    seen = set()
    for number, (left, right, weight, _) in enumerate(parts):
        alone = decide(scored(left, right, weight), model(models[number]), rule)
        own = slice(20 * number, 20 * number + 20)
        assert together.verdict[own].tolist() == alone.verdict.tolist()
        assert together.posterior[own].tolist() == alone.posterior.tolist()
        seen.add(tuple(alone.verdict.tolist()))
    assert len(seen) == 3


def test_no_pairs() -> None:
    found = decide(scored([], [], []), model(), Decision(one_to_one=True))
    assert len(found.verdict) == len(found.posterior) == 0


def test_logit() -> None:
    assert logit(0.8) == pytest.approx(math.log(4))
