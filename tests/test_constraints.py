"""What links may not do: every constraint and assignment against all sets of links that it allows."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import greedy_outcomes

import tallystick as ts
from tallystick.blocking.constraint import Constraint, constraint
from tallystick.blocking.plan import source_pairs
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linking.constraints import competing, constraint_of, zero_slope, zero_weight
from tallystick.linking.decide import DecidedPairs, Verdict, decide, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.resolve import needed_floors, resolve
from tallystick.linking.score import ScoredPairs

NAME = ComparisonParameters("name", ("else", "exact"), (0.1, 0.9), (0.9, 0.1), "given", "given")
PAIR = PairOfSources("a", "b", 20, 30, 600, 600, 10.0, -4.0)
LINKS = ("one_to_one", "one_to_many", "many_to_one", "many_to_many")
SWAPPED = {"one_to_many": "many_to_one", "many_to_one": "one_to_many"}
TIE = 1e-9


def scored(left: list[int], right: list[int], weight: list[float]) -> ScoredPairs:
    none = np.zeros(len(left), np.int64)
    return ScoredPairs(
        np.array(left, np.int32), np.array(right, np.int32), np.array(weight), none, none, none
    )


def model(pair: PairOfSources = PAIR) -> Parameters:
    return Parameters((NAME,), (pair,))


def words(found: DecidedPairs) -> list[str]:
    return [Verdict(code).label for code in found.verdict]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], list[int], list[float]]:
    cells = draw(st.lists(st.integers(0, 15), min_size=1, max_size=8, unique=True))
    numbers = st.integers(-2, 12).map(float) if draw(st.booleans()) else st.floats(-2, 12)
    return [one // 4 for one in cells], [20 + one % 4 for one in cells], [draw(numbers) for _ in cells]


def allowed_sets(left: list[int], right: list[int], limits: Constraint) -> list[tuple[int, ...]]:
    """Every set of pairs in which no record that may have one link has two."""
    found = []
    for bits in product((False, True), repeat=len(left)):
        chosen = tuple(k for k, one in enumerate(bits) if one)
        sides = [(limits.left_once, left), (limits.right_once, right)]
        if all(not once or len({side[k] for k in chosen}) == len(chosen) for once, side in sides):
            found.append(chosen)
    return found


def best_sets(
    sets: list[tuple[int, ...]], gain: list[float], tolerance: float = TIE
) -> tuple[set[int], set[int]]:
    """Pairs that no allowed set near the best is without, and other pairs of such sets."""
    total = [math.fsum(gain[k] for k in chosen) for chosen in sets]
    near = [set(c) for c, one in zip(sets, total, strict=True) if max(total) - one < tolerance]
    eligible = {k for k, one in enumerate(gain) if one > 0}
    return set.intersection(*near) & eligible, (set.union(*near) - set.intersection(*near)) & eligible


def check_decided(graph: tuple[list[int], list[int], list[float]], rule: Decision) -> None:
    left, right, weight = graph
    limits = constraint(rule.links)
    found = decide(scored(left, right, weight), model(), rule)
    gain = [one - zero_weight(PAIR, limits) for one in weight]
    sets = allowed_sets(left, right, limits)
    # The posterior sums over all sets that the constraint allows, whatever the assignment is.
    chance = [math.exp(math.fsum(gain[k] for k in chosen)) for chosen in sets]
    expected = [
        sum(p for p, c in zip(chance, sets, strict=True) if k in c) / sum(chance) for k in range(len(left))
    ]
    np.testing.assert_allclose(found.posterior, expected, atol=1e-9)
    lower = weight_thresholds(model(), rule)[0][0]
    links = {k for k, word in enumerate(words(found)) if word == "link"}
    possible = {k for k, word in enumerate(words(found)) if word == "possible"}
    # Whatever the assignment, links keep the constraint, and are worth a link.
    assert tuple(sorted(links)) in sets
    assert all(gain[k] > 0 and found.posterior[k] >= rule.upper for k in links)
    assert all(weight[k] >= lower for k in possible)

    def rivals(k: int) -> set[int]:
        same = [(limits.left_once, left), (limits.right_once, right)]
        return {j for j in range(len(left)) if j != k and any(o and s[j] == s[k] for o, s in same)}

    if rule.assignment == "optimal":
        sure, tied = best_sets(sets, gain)
        assert set(np.flatnonzero(found.tie).tolist()) == tied
        assert links == {k for k in sure if found.posterior[k] >= rule.upper}
        assert {k for k in tied if weight[k] >= lower} <= possible
    elif rule.assignment == "unique":
        alone = {k for k in range(len(left)) if not any(weight[j] >= lower for j in rivals(k))}
        assert links == {k for k in alone if gain[k] > 0 and found.posterior[k] >= rule.upper}
        assert {k for k in range(len(left)) if weight[k] >= lower and k not in alone} <= possible
    else:
        ends = (left if limits.left_once else list(range(len(left)))), right
        if not limits.right_once:
            ends = left, list(range(20, 20 + len(left)))
        in_all = frozenset.intersection(*greedy_outcomes(*ends, gain))
        assert links == {k for k in in_all if found.posterior[k] >= rule.upper and not found.tie[k]}
        assert not any(found.tie[k] for k in in_all if not rivals(k))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from([(0.5, 0.1), (0.9, 0.5), (0.3, 0.01)]))
@pytest.mark.parametrize("assignment", ["optimal", "greedy", "unique"])
@pytest.mark.parametrize("links", LINKS[:3])
def test_decisions_against_all_allowed_sets(
    links: Any, assignment: Any, graph: tuple[list[int], list[int], list[float]], cuts: tuple[float, float]
) -> None:
    # gains nearer to 0 or to each other than rounding can tell are not for this test
    rule = Decision(links=links, assignment=assignment, upper=cuts[0], lower=cuts[1])
    left, right, weight = graph
    sets = allowed_sets(left, right, constraint(links))
    gain = [one - zero_weight(PAIR, constraint(links)) for one in weight]
    if best_sets(sets, gain, TIE / 2) != best_sets(sets, gain, 2 * TIE):
        return
    check_decided(graph, rule)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
@pytest.mark.parametrize("assignment", ["optimal", "greedy", "unique"])
@pytest.mark.parametrize("links", LINKS)
def test_any_order_and_either_side_first(
    links: Any, assignment: Any, graph: tuple[list[int], list[int], list[float]], random: Any
) -> None:
    left, right, weight = graph
    weight = [round(one, 6) for one in weight]
    rule = Decision(links=links, assignment=assignment)
    found = decide(scored(left, right, weight), model(), rule)
    order = list(range(len(left)))
    random.shuffle(order)
    picked = [[one[k] for k in order] for one in (left, right, weight)]
    other = decide(scored(picked[0], picked[1], picked[2]), model(), rule)
    assert words(other) == [words(found)[k] for k in order]
    np.testing.assert_allclose(other.posterior, found.posterior[order], atol=1e-9)
    # The files swapped, and with them which side has one link at most.
    swapped = replace(PAIR, left="b", right="a", n_left=30, n_right=20)
    mirrored = rule.model_copy(update={"links": SWAPPED.get(links, links)})
    other = decide(scored(picked[1], picked[0], picked[2]), model(swapped), mirrored)
    assert words(other) == [words(found)[k] for k in order]


def test_the_weight_of_none_of_each_side() -> None:
    """log(n1 (n2 - n12) / n12), guarded: one_to_many normalises the later file's records by themselves."""
    zero = {links: zero_weight(PAIR, constraint(links)) for links in LINKS}  # type: ignore[arg-type]
    assert zero["one_to_many"] == pytest.approx(math.log(20 * 20.5 / 10.5))
    assert zero["many_to_one"] == pytest.approx(math.log(30 * 10.5 / 10.5))
    assert zero["many_to_many"] == 4.0
    # A left record may have several partners: there may be as many matches as right records.
    many = replace(PAIR, expected_matches=28.0)
    assert zero_weight(many, constraint("one_to_many")) == pytest.approx(math.log(20 * 2.5 / 28.5))
    for links in LINKS:
        limits = constraint(links)  # type: ignore[arg-type]
        if limits.competes:
            step = 1e-6
            up, down = (replace(PAIR, expected_matches=10 * math.exp(s)) for s in (step, -step))
            slope = (zero_weight(down, limits) - zero_weight(up, limits)) / (2 * step)
            assert zero_slope(PAIR, limits) == pytest.approx(slope, rel=1e-6)


def test_one_record_of_the_other_side_may_have_several() -> None:
    pairs = scored([0, 0, 1, 2, 2], [20, 21, 21, 22, 23], [9.0, 9.0, 6.0, 9.0, 9.0])
    expected = {
        "one_to_many": ["link", "link", "non-link", "link", "link"],
        "many_to_one": ["possible", "possible", "link", "possible", "possible"],
        "many_to_many": ["link"] * 5,
    }
    for links, verdicts in expected.items():
        found = decide(pairs, model(), Decision(links=links, lower=0.4))  # type: ignore[arg-type]
        assert words(found) == verdicts


def test_posteriors_of_one_side_tell_the_number_of_matches() -> None:
    """Events of persons: a person has several or none, an event one at most (simulated, m and u known)."""
    rng = np.random.default_rng(12)
    n_left, n_right, dimensions, m, u = 250, 600, 10, 0.9, 0.25
    owner = np.where(rng.random(n_right) < 0.6, rng.integers(0, n_left, n_right), -1)
    left, right = np.tile(np.arange(n_left), n_right), np.repeat(np.arange(n_right), n_left)
    match = owner[right] == left
    agree = rng.binomial(dimensions, np.where(match, m, u))
    weight = agree * math.log(m / u) + (dimensions - agree) * math.log((1 - m) / (1 - u))
    n_pairs = n_left * n_right
    expected = float(0.6 * n_right)
    odds = math.log(expected / (n_pairs - expected))
    pair = PairOfSources("a", "b", n_left, n_right, n_pairs, n_pairs, expected, odds)
    none = np.zeros(n_pairs, np.int64)
    pairs = ScoredPairs(left.astype(np.int32), (n_left + right).astype(np.int32), weight, none, none, none)
    found = decide(pairs, model(pair), Decision(links="one_to_many"))
    assert found.posterior.sum() == pytest.approx(match.sum(), rel=0.03)
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        own = (found.posterior >= low) & (found.posterior < high)
        spread = math.sqrt((found.posterior[own] * (1 - found.posterior[own])).sum())
        assert abs(match[own].sum() - found.posterior[own].sum()) < 4 * spread
    # It knows more than the pattern does, whose posterior takes every pair for itself.
    assert ((found.posterior - match) ** 2).sum() < 0.9 * ((found.posterior_pair - match) ** 2).sum()
    assert np.bincount(right[found.links]).max() == 1
    assert np.bincount(left[found.links]).max() > 2


def test_greedy_costs_what_the_best_set_saves() -> None:
    pairs = scored([0, 0, 1], [20, 21, 20], [9.0, 8.0, 8.5])
    best = decide(pairs, model(), Decision(links="one_to_one", scale="weight", upper=3.5, lower=3.0))
    assert words(best) == ["non-link", "link", "link"]
    first = decide(
        pairs,
        model(),
        Decision(links="one_to_one", assignment="greedy", scale="weight", upper=3.5, lower=3.0),
    )
    assert words(first) == ["link", "non-link", "non-link"]
    only = decide(
        pairs,
        model(),
        Decision(links="one_to_one", assignment="unique", scale="weight", upper=3.5, lower=3.0),
    )
    assert words(only) == ["possible"] * 3
    assert only.tie.all()


def test_a_declared_source_bounds_the_other_ones_links() -> None:
    """No two records of the left source are one entity: a right record has one link at most."""
    declared = replace(PAIR, left_duplicate_free=True)
    assert constraint_of("many_to_many", declared) == constraint("one_to_many")
    assert constraint_of("many_to_one", declared) == constraint("one_to_one")
    pairs = scored([0, 0, 1], [20, 21, 21], [9.0, 9.0, 7.0])
    found, asked = (
        decide(pairs, one, Decision(links=links))  # type: ignore[arg-type]
        for one, links in ((model(declared), "many_to_many"), (model(), "one_to_many"))
    )
    assert words(found) == words(asked) == ["link", "link", "non-link"]
    assert weight_thresholds(model(declared), Decision()) == weight_thresholds(
        model(), Decision(links="one_to_many")
    )
    assert weight_thresholds(model(declared), Decision(), alone=True) == weight_thresholds(
        model(), Decision()
    )
    kept = Parameters.from_dict(model(declared).to_dict())
    assert kept.pairs == (declared,)
    assert "left_duplicate_free" not in model().to_dict()["match_rates"][0]


def test_copies_are_a_record_for_each_pair() -> None:
    left, right = np.array([3, 3, 4]), np.array([8, 9, 8])
    for limits in (Constraint(True, False), Constraint(False, True), Constraint()):
        a, b = competing(left, right, limits)
        assert (len(set(a)), len(set(b))) == (2 if limits.left_once else 3, 2 if limits.right_once else 3)
        assert not set(a) & set(b)


def test_a_source_without_duplicates_is_not_compared_with_itself() -> None:
    assert source_pairs(3, "link_and_dedupe", {1}) == ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2))
    assert source_pairs(3, "link", {1}) == source_pairs(3, "link")


@settings(max_examples=25, deadline=None)
@given(graphs(), st.sampled_from(LINKS[:3]), st.sampled_from(["optimal", "greedy", "unique"]))
def test_a_capacity_is_kept_after_every_assignment(
    graph: tuple[list[int], list[int], list[float]], links: Any, assignment: Any
) -> None:
    asked = Decision(links=links, assignment=assignment, thresholds=ts.Capacity(pairs=2))
    parameters = model()
    floors = needed_floors(asked, parameters, ())
    pairs = scored(*graph)
    pairs = pairs.chosen(pairs.weight >= floors[0])
    found = resolve(asked, parameters, (), pairs)
    assert (found.links, found.assignment) == (links, assignment)
    decided = decide(pairs, parameters, found)
    assert decided.possible.sum() <= 2 or any("more than the 2" in note for note in found.notes)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings_", "says"),
    [
        (
            {"links": "one_to_many", "one_to_one": True},
            'links is "one_to_many" but one_to_one is true, which contradict each other',
        ),
        ({"links": "one_to_one", "one_to_one": False}, "contradict each other: leave one_to_one out"),
        ({"links": "one_to_none"}, "one_to_none"),
        ({"assignment": "hungarian"}, "hungarian"),
    ],
)
def test_decisions_that_cannot_be(settings_: dict[str, Any], says: str) -> None:
    with pytest.raises(ts.SpecError, match=says):
        Decision(**settings_)


def test_the_short_form_is_the_long_one() -> None:
    assert Decision(one_to_one=True) == Decision(links="one_to_one")
    assert Decision(one_to_one=True, links="one_to_one").links == "one_to_one"
    assert Decision(one_to_one=False, links="one_to_many").links == "one_to_many"
    assert not Decision(links="one_to_many").one_to_one
