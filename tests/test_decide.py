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
    # What every best set holds is a link where it reaches the upper threshold, what some hold a tie.
    sure, tied = naive_graphs.sure_and_tied(left, right, gain, TIE)
    assert set(np.flatnonzero(found.tie).tolist()) == tied
    links = {k for k in sure if score[k] >= rule.upper}
    assert {k for k, word in enumerate(words(found)) if word == "link"} == links
    assert all(weight[k] > c for k in links)

    expected = {k for k in tied if weight[k] >= lower}
    settled = links | expected
    rest = [
        k
        for k in range(len(left))
        if left[k] not in {left[j] for j in settled}
        and right[k] not in {right[j] for j in settled}
        and weight[k] >= lower
    ]
    second = ([left[k] for k in rest], [right[k] for k in rest], [weight[k] - lower + 1e-9 for k in rest])
    # At the lower threshold itself a pair is worth as much as the tolerance: rounding decides.
    either = []
    for tolerance in (TIE / 2, 2 * TIE):
        sure, tied = ({rest[k] for k in found} for found in naive_graphs.sure_and_tied(*second, tolerance))
        either.append(expected | tied | {k for k in sure if score[k] >= rule.lower})
    possible = {k for k, word in enumerate(words(found)) if word == "possible"}
    assert possible >= either[0] & either[1]
    assert possible <= either[0] | either[1]
    assert possible <= expected | set(rest)


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
    assert words(found) == ["possible", "possible"]
    assert found.tie.all()
    # Two records a side, all alike: no set of two is better than the other, and none is a link.
    found = decide(scored([0, 0, 1, 1], [5, 6, 5, 6], [12.0] * 4), model(), rule)
    assert words(found) == ["possible"] * 4


def test_a_tie_settles_its_records() -> None:
    """Rows 0 and 1 are alike; what else row 1 could have, or the rivals of row 5, wait for that."""
    rule = Decision(one_to_one=True, scale="weight", upper=9.0, lower=1.0)
    found = decide(scored([0, 1, 1, 2], [5, 5, 6, 6], [12.0, 12.0, 2.5, 2.0]), model(), rule)
    assert words(found) == ["possible", "possible", "non-link", "possible"]
    assert found.tie.tolist() == [True, True, False, False]


def test_a_tie_below_the_lower_threshold_is_no_possible_link() -> None:
    rule = Decision(one_to_one=True, scale="weight", upper=9.0, lower=8.0)
    found = decide(scored([0, 1, 2], [5, 5, 6], [7.0, 7.0, 8.0]), model(), rule)
    assert words(found) == ["non-link", "non-link", "possible"]
    assert found.tie.tolist() == [True, True, False]


def test_ties_of_the_second_assignment_are_all_possible() -> None:
    """However low their posterior: forty candidates, all alike, worth less than no link."""
    rule = Decision(one_to_one=True, upper=0.5, lower=0.1)
    weight = constant_of(PAIR) - 1.0
    found = decide(scored([0] * 40, list(range(20, 60)), [weight] * 40), model(), rule)
    assert found.posterior.max() < 0.1
    assert words(found) == ["possible"] * 40
    assert not found.tie.any()


@settings(max_examples=100)
@given(graphs(), st.integers(0, 2**32 - 1), st.booleans())
def test_no_verdict_depends_on_the_order_of_rows(
    graph: tuple[list[int], list[int], list[float]], seed: int, swap: bool
) -> None:
    left, right, weight = graph
    rule = Decision(one_to_one=True, scale="weight", upper=4.0, lower=1.0)
    expected = decide(scored(left, right, weight), model(), rule)
    rng = np.random.default_rng(seed)
    # Numbers of rows 0 to 3 and 20 to 23, each file's in another order, and either file first.
    sides = (100, 0) if swap else (0, 100)
    row = {k: sides[0] + int(n) for k, n in enumerate(rng.permutation(4))}
    row |= {20 + k: sides[1] + int(n) for k, n in enumerate(rng.permutation(4))}
    first, other = [row[k] for k in left], [row[k] for k in right]
    order = rng.permutation(len(left))
    sided = (other, first) if swap else (first, other)
    one, two = ([values[k] for k in order] for values in sided)
    pair = replace(PAIR, n_left=PAIR.n_right, n_right=PAIR.n_left) if swap else PAIR
    found = decide(scored(one, two, [weight[k] for k in order]), model(pair), rule)
    assert found.verdict.tolist() == expected.verdict[order].tolist()
    assert found.tie.tolist() == expected.tie[order].tolist()


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
