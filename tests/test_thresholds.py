"""Thresholds from bounds, targets, capacity, costs and labels: against enumeration and known truth."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simulate import Field, two_files

import tallystick as ts
from tallystick.errors import InputError, SpecError
from tallystick.estimation.error_curve import ErrorCurve, error_curves, joined
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linkage.forecast import expect_after, forecast_run, forecast_text
from tallystick.linking.decide import Verdict, constant_of, decide, logit, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.labelled import from_labelled
from tallystick.linking.resolve import assigned_curve, floors_for, resolve
from tallystick.linking.rules import Capacity, Costs, ErrorBounds, Targets, ThresholdRule
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import (
    Thresholds,
    from_capacity,
    from_costs,
    from_error_bounds,
    from_targets,
)
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts
from tallystick.spec import Spec, dump_spec, json_schema, parse_spec
from tests.small_files import SPEC, call, write_small

SHARES = st.floats(1e-4, 0.9)
TOO_GOOD = 1e-9


def curve_of(
    m: list[float],
    u: list[float],
    n_matches: float,
    n_others: float,
    missed: float = 0.0,
    others: float = 0.0,
) -> ErrorCurve:
    """Patterns with probabilities m and u among so many matches and non-matches; `others` no pass finds."""
    matches, non_matches = (np.array(one) / sum(one) * n for one, n in ((m, n_matches), (u, n_others)))
    score = np.log(matches) - np.log(non_matches)
    order = np.argsort(-score, kind="stable")
    columns = (score, score, matches + non_matches, matches, non_matches)
    return joined([ErrorCurve(*(column[order] for column in columns), missed, missed + others)])


@st.composite
def curves(draw: st.DrawFn, most: int = 6) -> ErrorCurve:
    n = draw(st.integers(1, most))
    number = st.integers(1, 20).map(float) if draw(st.booleans()) else st.floats(1e-3, 1)
    m, u = (draw(st.lists(number, min_size=n, max_size=n)) for _ in range(2))
    missed, others = draw(st.sampled_from([0.0, 2.0])), draw(st.sampled_from([0.0, 1000.0]))
    return curve_of(m, u, draw(st.floats(1, 100)), draw(st.floats(1, 1e6)), missed, others)


def reached(curve: ErrorCurve, found: Thresholds) -> tuple[int, int]:
    """Numbers of rows that are links, and that are links or possible links."""
    i, j = (int(np.count_nonzero(curve.low >= threshold)) for threshold in (found.upper, found.lower))
    assert i <= j
    return i, j


# --- the curve ----------------------------------------------------------------------------------------

NAMES = ("name", "town", "born")
PAIRS = (
    PairOfSources("a", "b", 300, 400, 120_000, 0, 250.0, -6.0, 30.0, 0.002),
    PairOfSources("a", "c", 300, 50, 15_000, 0, 40.0, -4.5, 10.0, 0.01),
)


def some_parameters(random: np.random.Generator, related: bool, n_pairs: int) -> Parameters:
    comparisons = []
    for name in NAMES:
        m, u, r = (random.dirichlet(np.ones(3)) for _ in range(3))
        comparisons.append(
            ComparisonParameters(
                name, ("else", "near", "same"), tuple(m), tuple(u), "given", "given", tuple(r), 0.5
            )
        )
    pairs = PAIRS[:n_pairs] if related else tuple(replace(one, related_share=0.0) for one in PAIRS[:n_pairs])
    return Parameters(
        tuple(comparisons), pairs, selected_matches=0.9, related_share=0.003 if related else 0.0
    )


def some_counts(random: np.random.Generator, n_pairs: int) -> PatternCounts:
    coding = PatternCoding((3, 3, 3))
    rows = [(k, pattern) for k in range(n_pairs) for pattern in range(coding.size)]
    chosen = sorted(random.choice(len(rows), min(len(rows), 40), replace=False).tolist())
    source, pattern = (np.array([rows[at][k] for at in chosen], np.int64) for k in (0, 1))
    return PatternCounts(
        coding, source, np.zeros(len(source), np.int64), pattern, random.integers(1, 300, len(source))
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 2))
def test_the_curve_is_the_sum_over_patterns(seed: int, related: bool, n_pairs: int) -> None:
    """Every count and error at thresholds of each pair of sources, by summing pattern for pattern."""
    random = np.random.default_rng(seed)
    parameters, counts = some_parameters(random, related, n_pairs), some_counts(random, n_pairs)
    curve = joined(error_curves(parameters, counts))
    lower, upper = sorted(random.uniform(-8, 4, 2))
    found = curve.forecast(lower, upper)
    links = possible = false = reviewed = unlinked = 0.0
    of_pair = [0.0, 0.0]
    for source, pattern, count in zip(counts.source_pair, counts.patterns, counts.counts, strict=True):
        pair = parameters.pairs[source]
        weight = log_u = log_r = 0.0
        digits, rest = [], int(pattern)
        for _ in NAMES:
            rest, digit = divmod(rest, 4)
            digits.append(digit)
        for one, digit in zip(parameters.comparisons, digits, strict=True):
            if digit < 3:
                assert one.r is not None
                weight += math.log(one.m[digit])
                log_u += math.log(one.u[digit])
                log_r += math.log(one.r[digit])
        rho = pair.related_share
        weight -= math.log((1 - rho) * math.exp(log_u) + rho * math.exp(log_r))
        p = 1 / (1 + math.exp(-weight - pair.log_prior_odds))
        score = logit(p)
        of_pair[source] += count * p
        if score >= upper:
            links, false = links + count, false + count * (1 - p)
        elif score >= lower:
            possible, reviewed = possible + count, reviewed + count * p
        else:
            unlinked += count * p
    allowed = sum(pair.pairs for pair in parameters.pairs)
    # What is expected of all pairs and not found in the candidates is missed, for each pair of sources.
    whole = sum(max(pair.expected_matches, of_pair[number]) for number, pair in enumerate(parameters.pairs))
    assert found.links == links
    assert found.possible == possible
    assert found.non_links == allowed - links - possible
    matches = sum(of_pair)
    assert found.matches == pytest.approx(whole)
    assert found.non_matches == pytest.approx(allowed - whole)
    assert found.false_links == pytest.approx(false)
    assert found.matches_possible == pytest.approx(reviewed, abs=1e-9)
    assert found.missed == pytest.approx(unlinked + whole - matches, abs=1e-9)
    assert found.type1 == pytest.approx(false / (allowed - whole))
    assert found.type2 == pytest.approx((unlinked + whole - matches) / whole)
    everything = replace(parameters, selected_matches=1.0)
    assert joined(error_curves(everything, counts)).all_matches == pytest.approx(matches)


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_many_weights_are_taken_together_and_nothing_is_lost(seed: int, most: int) -> None:
    random = np.random.default_rng(seed)
    parameters, counts = some_parameters(random, True, 2), some_counts(random, 2)
    whole, short = (joined(error_curves(parameters, counts, n)) for n in (10**6, most))
    assert len(short.low) <= 2 * most
    for name in ("pairs", "matches", "non_matches"):
        assert getattr(short, name).sum() == pytest.approx(getattr(whole, name).sum())
    assert (short.low <= short.high).all()
    cells = np.ptp(np.concatenate([whole.low, whole.high])) / (most - 1)
    assert (short.high - short.low <= cells * (1 + 1e-9)).all()
    assert (np.diff(short.thresholds) < 0).all()
    # Between its rows the short curve is the whole one.
    for k, threshold in enumerate(short.thresholds):
        at = whole.rows_at(threshold)
        assert whole.pairs_above[at] == short.pairs_above[k]
        assert whole.matches_above[at] == pytest.approx(short.matches_above[k])


def test_weights_that_differ_by_rounding_are_one() -> None:
    one = 0.1 + 0.2 + 0.3
    other = 0.3 + 0.2 + 0.1
    assert one != other
    score = np.array([max(one, other), min(one, other), -1.0])
    curve = joined([ErrorCurve(score, score, *(np.array([1.0, 2, 3]) for _ in range(3)))])
    assert curve.pairs.tolist() == [3.0, 3.0]


def test_at_a_threshold_is_above_it() -> None:
    score = np.array([3.0, 1.0, -1.0])
    curve = ErrorCurve(score, score, *(np.array([1.0, 2, 4]) for _ in range(3)))
    at = curve.forecast(-1.0, 1.0)
    assert (at.links, at.possible, at.non_links) == (3, 4, 0)


def test_a_curve_without_pairs() -> None:
    none = np.zeros(0)
    curve = ErrorCurve(none, none, none, none, none, 0.0, 100.0)
    assert curve.forecast(-1, 1).to_dict()["non_links"] == 100
    assert curve.forecast(-1, 1).precision is None
    assert curve.forecast(-1, 1).recall is None
    found = from_capacity(curve, 5)
    assert found.lower == found.upper


# --- the theorem of Fellegi and Sunter ----------------------------------------------------------------


def rule_errors(curve: ErrorCurve, verdicts: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Type 1, type 2, and the shares of matches and non-matches that are reviewed (2 link, 1 review)."""
    verdict = np.array(verdicts)
    return (
        curve.non_matches[verdict == 2].sum() / curve.all_non_matches,
        (curve.matches[verdict == 0].sum() + curve.blocking_missed) / curve.all_matches,
        curve.matches[verdict == 1].sum(),
        curve.non_matches[verdict == 1].sum(),
    )


@settings(max_examples=60, deadline=None)
@given(curves(), SHARES, SHARES)
def test_no_other_rule_with_the_same_errors_sends_fewer_pairs_to_review(
    curve: ErrorCurve, type1: float, type2: float
) -> None:
    """Of all 3^n rules that divide no pattern, monotone or not: no fewer matches, no fewer others."""
    assume(curve.blocking_missed < type2 * curve.all_matches)
    found = from_error_bounds(curve, type1, type2)
    i, j = reached(curve, found)
    n = len(curve.low)
    own = rule_errors(curve, (2,) * i + (1,) * (j - i) + (0,) * (n - j))
    assert own[0] <= type1 * (1 + 1e-6)
    assert own[1] <= type2 * (1 + 1e-6)
    for verdicts in itertools.product((0, 1, 2), repeat=n):
        other = rule_errors(curve, verdicts)
        if other[0] <= own[0] and other[1] <= own[1]:
            assert other[2] >= own[2] - 1e-9 * curve.all_matches
            assert other[3] >= own[3] - 1e-9 * curve.all_non_matches


@settings(max_examples=100)
@given(curves(), SHARES, SHARES)
def test_no_other_thresholds_within_the_bounds_send_fewer_pairs_to_review(
    curve: ErrorCurve, type1: float, type2: float
) -> None:
    assume(curve.blocking_missed < type2 * curve.all_matches)
    found = from_error_bounds(curve, type1, type2)
    i, j = reached(curve, found)
    n = len(curve.low)
    every = {
        (a, b): rule_errors(curve, (2,) * a + (1,) * (b - a) + (0,) * (n - b))
        for a in range(n + 1)
        for b in range(a, n + 1)
    }
    within = [
        key for key, one in every.items() if one[0] <= type1 * (1 - 1e-6) and one[1] <= type2 * (1 - 1e-6)
    ]
    own = curve.pairs[i:j].sum()
    assert all(curve.pairs[a:b].sum() >= own - TOO_GOOD for a, b in within)
    # Where they cross: of the thresholds that do without review, the one with the fewest errors.
    if any("no clerical region" in note for note in found.notes):
        assert i == j
        errors = {a: curve.non_matches[:a].sum() + curve.matches[a:].sum() for a, b in within if a == b}
        least = curve.non_matches[:i].sum() + curve.matches[i:].sum()
        assert all(error >= least * (1 - 1e-9) for error in errors.values())


def test_bounds_that_are_not_used_up_leave_room_for_a_rule_that_is_no_threshold() -> None:
    """What the theorem does not say: errors are those reached, not the bounds: nothing is randomised."""
    curve = curve_of([60.0, 30, 10], [1.0, 60, 39], 100, 100)
    found = from_error_bounds(curve, 0.45, 0.05)
    i, j = reached(curve, found)
    assert (i, j) == (1, 3)
    assert curve.forecast(found.lower, found.upper).type1 == pytest.approx(0.01)
    # Linking the first and the third pattern holds the bound, too, and reviews fewer non-matches.
    other = rule_errors(curve, (2, 1, 2))
    assert other[0] <= 0.45
    assert other[3] < 99
    assert "not divided at a boundary but go to review" in found.explanation


def test_a_worked_case() -> None:
    """Four patterns with m = .7, .2, .07, .03 and u = .001, .01, .1, .889, 100 matches of 100,100 pairs."""
    curve = curve_of([0.7, 0.2, 0.07, 0.03], [0.001, 0.01, 0.1, 0.889], 100, 100_000)
    found = from_error_bounds(curve, 0.002, 0.05)
    at = curve.forecast(found.lower, found.upper)
    assert at.links == pytest.approx(170)
    assert at.possible == pytest.approx(20 + 1000 + 7 + 10_000)
    assert (at.type1, at.type2) == (pytest.approx(0.001), pytest.approx(0.03))
    assert at.precision == pytest.approx(70 / 170)
    assert at.recall == pytest.approx(0.7)
    crossed = from_error_bounds(curve, 0.2, 0.5)
    assert crossed.lower == crossed.upper
    assert any("no clerical region" in note for note in crossed.notes)
    # Of the thresholds after 1, 2 and 3 patterns the first leaves 100 + 30 errors, the second 1100 + 10.
    assert reached(curve, crossed) == (1, 1)


def test_no_link_at_all_is_said() -> None:
    curve = curve_of([0.9, 0.1], [0.1, 0.9], 100, 1000)
    found = from_error_bounds(curve, 1e-6, 0.2)
    assert reached(curve, found) == (0, 1)
    assert any("there is no link" in note for note in found.notes)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, math.nan])
def test_impossible_bounds(bad: float) -> None:
    curve = curve_of([0.9, 0.1], [0.1, 0.9], 100, 1000)
    with pytest.raises(InputError, match=r"type1 is .* between 0 and 1"):
        from_error_bounds(curve, bad, 0.1)
    with pytest.raises(InputError, match=r"type2 is .* between 0 and 1"):
        from_error_bounds(curve, 0.1, bad)
    with pytest.raises(InputError, match=r"recall is .* between 0 and 1"):
        from_targets(curve, recall=bad)
    with pytest.raises(InputError, match=r"precision is .* between 0 and 1"):
        from_targets(curve, precision=bad)


def test_a_bound_beyond_what_the_passes_find() -> None:
    curve = curve_of([0.9, 0.1], [0.1, 0.9], 96, 1000, missed=4.0)
    with pytest.raises(InputError, match=r"passes miss 4\.00% of the matches.*type 2 error of 0\.03"):
        from_error_bounds(curve, 0.1, 0.03)
    with pytest.raises(InputError, match=r"passes miss 4\.00% of the matches.*recall of 0\.97: ask for less"):
        from_targets(curve, recall=0.97)
    assert reached(curve, from_error_bounds(curve, 0.5, 0.05))[1] == 2


# --- targets, capacity, costs -------------------------------------------------------------------------


@settings(max_examples=100)
@given(curves(), SHARES, SHARES)
def test_targets_are_reached_and_no_better_threshold_does(
    curve: ErrorCurve, precision: float, recall: float
) -> None:
    n = len(curve.low)
    matches = [curve.matches[:k].sum() for k in range(n + 1)]
    precise = [k for k in range(1, n + 1) if matches[k] >= precision * curve.pairs[:k].sum() * (1 - 1e-9)]
    if precise:
        assert reached(curve, from_targets(curve, precision=precision)) == (precise[-1], precise[-1])
    else:
        with pytest.raises(InputError, match=r"No threshold reaches a precision of .*highest weight \d"):
            from_targets(curve, precision=precision)
    whole = [k for k in range(n + 1) if matches[k] >= recall * curve.all_matches * (1 - 1e-9)]
    if not whole:
        with pytest.raises(InputError, match="passes miss"):
            from_targets(curve, recall=recall)
    else:
        assert reached(curve, from_targets(curve, recall=recall)) == (whole[0], whole[0])
    if precise and whole:
        found = from_targets(curve, precision, recall)
        i, j = reached(curve, found)
        if whole[0] >= precise[-1]:
            assert (i, j) == (precise[-1], whole[0])
        else:
            assert i == j
            assert whole[0] <= i <= precise[-1]
            assert any("no clerical region" in note for note in found.notes)


def test_targets_need_one() -> None:
    with pytest.raises(InputError, match="neither a precision nor a recall"):
        from_targets(curve_of([1.0], [1.0], 1, 1))


@settings(max_examples=100)
@given(curves(), st.integers(0, 3000))
def test_the_capacity_is_kept_and_no_other_region_removes_more_errors(curve: ErrorCurve, most: int) -> None:
    found = from_capacity(curve, most)
    i, j = reached(curve, found)
    assert curve.pairs[i:j].sum() <= most + TOO_GOOD
    n = len(curve.low)
    left = {
        (a, b): curve.non_matches[:a].sum() + curve.matches[b:].sum()
        for a in range(n + 1)
        for b in range(a, n + 1)
        if curve.pairs[a:b].sum() <= most
    }
    own = curve.non_matches[:i].sum() + curve.matches[j:].sum()
    assert own <= min(left.values()) + 1e-9 * (curve.all_matches + curve.all_non_matches)


def test_capacity_zero_and_capacity_for_all() -> None:
    curve = curve_of([0.7, 0.2, 0.1], [0.01, 0.1, 0.89], 100, 1000)
    none = from_capacity(curve, 0)
    assert none.lower == none.upper
    assert reached(curve, from_capacity(curve, 10**6)) == (0, 3)
    with pytest.raises(InputError, match="capacity is -1"):
        from_capacity(curve, -1)
    # 80 matches and 70 non-matches of one weight: more than can be reviewed.
    doubt = curve_of([0.15, 0.8, 0.05], [0.001, 0.07, 0.929], 100, 1000)
    assert any("least sure are 150 of one weight" in note for note in from_capacity(doubt, 149).notes)
    assert from_capacity(doubt, 150).notes == ()
    assert reached(doubt, from_capacity(doubt, 150)) == (1, 2)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(1e-6, 1 - 1e-6))
def test_costs_decide_as_bayes_does(false_link: float, missed: float, review: float, p: float) -> None:
    found = from_costs(false_link, missed, review)
    assert found.scale == "posterior"
    assert 0 < found.lower <= found.upper < 1
    cost = {"link": (1 - p) * false_link, "possible": review, "non-link": p * missed}
    chosen = "link" if p >= found.upper else "possible" if p >= found.lower else "non-link"
    assert cost[chosen] <= min(cost.values()) * (1 + 1e-9) + 1e-12
    gain = false_link * missed / (false_link + missed) / review
    if abs(gain - 1) > 1e-6:
        assert (gain > 1) == (found.lower < found.upper) == (not found.notes)


@pytest.mark.parametrize("costs", [(0, 1, 1), (1, -1, 1), (1, 1, math.inf), (1, 1, math.nan)])
def test_impossible_costs(costs: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="a cost is a finite number above 0"):
        from_costs(*costs)


# --- labelled pairs -----------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.integers(1, 4)), min_size=2, max_size=30),
    SHARES,
    SHARES,
)
def test_labelled_pairs_by_their_empirical_distributions(
    rows: list[tuple[int, bool, int]], type1: float, type2: float
) -> None:
    weight, match, times = (np.array(column) for column in zip(*rows, strict=True))
    assume(match.any() and not match.all())
    found = from_labelled(weight, match, type1, type2, times)
    # A pair that stands for several is as good as several.
    apart = from_labelled(np.repeat(weight, times), np.repeat(match, times), type1, type2)
    assert (found.lower, found.upper, found.scale) == (apart.lower, apart.upper, "weight")
    others = times[~match].sum()
    matches = times[match].sum()

    def false_share(t: float) -> float:
        return float(times[~match & (weight >= t)].sum() / others)

    def missed_share(t: float) -> float:
        return float(times[match & (weight < t)].sum() / matches)

    assert false_share(found.upper) <= type1 + TOO_GOOD
    assert missed_share(found.lower) <= type2 + TOO_GOOD
    candidates = [-5.5 + k for k in range(12)]
    upper = min(t for t in candidates if false_share(t) <= type1 + TOO_GOOD)
    lower = max(t for t in candidates if missed_share(t) <= type2 + TOO_GOOD)
    if (weight >= lower).sum() >= (weight >= upper).sum():
        for t, own in ((upper, found.upper), (lower, found.lower)):
            assert (weight >= t).tolist() == (weight >= own).tolist()
    else:
        assert found.lower == found.upper
        assert any("no clerical region" in note for note in found.notes)


def test_labelled_pairs_that_cannot_be_used() -> None:
    with pytest.raises(InputError, match="0 matches and 2 non-matches, but both are needed"):
        from_labelled([1, 2], [False, False], 0.1, 0.1)
    with pytest.raises(InputError, match="found 2 weights, 1 labels and 2 sampling weights"):
        from_labelled([1, 2], [False], 0.1, 0.1, [1, 1])
    with pytest.raises(InputError, match="sampling weights above 0"):
        from_labelled([1, 2], [False, True], 0.1, 0.1, [1, 0])
    notes = from_labelled([1, 2], [False, True], 0.1, 0.9).notes
    assert any("1 labelled non-matches are too few to tell a share of 0.1" in note for note in notes)


# --- several pairs of sources -------------------------------------------------------------------------


def test_pairs_of_sources_are_ranked_by_log_odds() -> None:
    """No thresholds for each pair of sources have more matches at as few false links."""
    random = np.random.default_rng(5)
    parameters, counts = some_parameters(random, True, 2), some_counts(random, 2)
    single = error_curves(parameters, counts)
    whole = joined(single)
    for type1 in (1e-3, 3e-3, 1e-2, 0.1):
        found = from_error_bounds(whole, type1, 0.5)
        i = whole.rows_at(found.upper)
        for a, b in itertools.product(*(range(len(curve.low) + 1) for curve in single)):
            if single[0].non_matches_above[a] + single[1].non_matches_above[b] <= whole.non_matches_above[i]:
                true = single[0].matches_above[a] + single[1].matches_above[b]
                assert true <= whole.matches_above[i] + 1e-9


def test_thresholds_on_log_odds_as_weights_and_in_decisions() -> None:
    random = np.random.default_rng(7)
    parameters, counts = some_parameters(random, False, 2), some_counts(random, 2)
    decision = Decision(thresholds=ErrorBounds(type1=0.01, type2=0.7))
    found = resolve(decision, parameters, error_curves(parameters, counts))
    assert isinstance(found, Thresholds)
    assert found.scale == "log_odds"
    weights = weight_thresholds(parameters, found)
    assert weights == [
        (found.lower - pair.log_prior_odds, found.upper - pair.log_prior_odds) for pair in parameters.pairs
    ]
    n = 200
    rows = np.arange(n, dtype=np.int32)
    source = random.integers(0, 2, n)
    none = np.zeros(n, np.int64)
    pairs = ScoredPairs(rows, rows + n, random.uniform(-5, 12, n), none, none, source)
    decided = decide(pairs, parameters, found)
    odds = pairs.weight + np.array([pair.log_prior_odds for pair in parameters.pairs])[source]
    expected = np.where(
        odds >= found.upper, Verdict.LINK, np.where(odds >= found.lower, Verdict.POSSIBLE, Verdict.NON_LINK)
    )
    assert decided.verdict.tolist() == expected.tolist()
    single = replace(parameters, pairs=parameters.pairs[:1])
    alone = resolve(decision, single, error_curves(single, some_counts(random, 1)))
    assert alone.scale == "weight"
    with pytest.raises(ValueError, match="not worked out yet"):
        weight_thresholds(parameters, decision)
    # Pairs are kept down to the lower threshold, and at least as by default.
    curves = error_curves(parameters, counts)
    default = [lower for lower, _ in weight_thresholds(parameters, Decision())]
    for rule in (ErrorBounds(type1=0.01, type2=0.7), Targets(precision=0.1)):
        asked = Decision(thresholds=rule)
        lowest = [lower for lower, _ in weight_thresholds(parameters, resolve(asked, parameters, curves))]
        assert floors_for(asked, parameters, curves).tolist() == np.minimum(default, lowest).tolist()
    given_lower = Decision(lower=0.4)
    assert floors_for(given_lower, parameters, ()).tolist() == [
        lower for lower, _ in weight_thresholds(parameters, given_lower)
    ]


# --- one-to-one ---------------------------------------------------------------------------------------


@st.composite
def one_to_one_pairs(draw: st.DrawFn) -> tuple[ScoredPairs, Parameters]:
    """Up to 30 pairs of 12 by 12 records that reach the floor, all weights different."""
    cells = draw(st.lists(st.integers(0, 143), min_size=1, max_size=30, unique=True))
    n_left, n_matches = draw(st.sampled_from([(12, 4.0), (12, 11.0), (500, 8.0)]))
    pair = PairOfSources("a", "b", n_left, 12, n_left * 12, len(cells), n_matches, -4.0)
    parameters = Parameters((BORN,), (pair,), selected_matches=draw(st.sampled_from([1.0, 0.9])))
    floor = float(floors_for(Decision(one_to_one=True, thresholds=Capacity(pairs=1)), parameters, ())[0])
    weights = draw(st.lists(st.floats(floor, floor + 15), min_size=len(cells), max_size=len(cells)))
    cell, none = np.sort(np.array(cells)), np.zeros(len(cells), np.int64)
    weight = np.array(weights) + np.arange(len(cells)) * 1e-4
    rows = (cell // 12).astype(np.int32), (12 + cell % 12).astype(np.int32)
    return ScoredPairs(*rows, weight, none, none, none), parameters


def n_allowed(parameters: Parameters) -> int:
    return sum(pair.pairs for pair in parameters.pairs)


BORN = ComparisonParameters("born", ("different", "equal"), (0.1, 0.9), (0.9, 0.1), "given", "given")


@settings(max_examples=80, deadline=None)
@given(one_to_one_pairs(), st.floats(0.3, 0.99), st.integers(0, 10), st.floats(1e-4, 0.1))
def test_one_to_one_thresholds_are_those_of_the_assigned_pairs(
    made: tuple[ScoredPairs, Parameters], precision: float, most: int, type1: float
) -> None:
    """What the decision makes of them holds what the rule asks for, by the posterior that it decides with."""
    pairs, parameters = made
    floors = floors_for(Decision(one_to_one=True, thresholds=Capacity(pairs=1)), parameters, ())
    curve, least = assigned_curve(pairs, parameters, floors)
    decided = decide(pairs, parameters, Thresholds(least, least, "posterior", "", one_to_one=True))
    assert curve.pairs.sum() == (decided.links | decided.possible).sum()
    assert curve.all_matches == pytest.approx(
        max(decided.posterior.sum() / parameters.selected_matches, curve.matches.sum())
    )
    if not decided.tie.any() and (decided.posterior[decided.possible] >= least).all():
        assert curve.all_non_matches == pytest.approx(n_allowed(parameters) - curve.all_matches)
    for rule in (Targets(precision=precision), Capacity(pairs=most), ErrorBounds(type1=type1, type2=0.9)):
        asked = Decision(one_to_one=True, thresholds=rule)
        try:
            found = resolve(asked, parameters, (), pairs) if not isinstance(rule, ErrorBounds) else None
        except InputError:
            links = np.cumsum(curve.matches + curve.non_matches)
            assert (np.cumsum(curve.matches) < precision * links).all()
            continue
        if found is None:
            if curve.blocking_missed > 0.9 * curve.all_matches:
                continue
            found = from_error_bounds(curve, type1, 0.9)
            chance = [max(least, 1 / (1 + math.exp(-x))) for x in (found.lower, found.upper)]
            found = Thresholds(*chance, "posterior", "", one_to_one=True)
        assert isinstance(found, Thresholds)
        assert found.scale == "posterior"
        assert (np.array(weight_thresholds(parameters, found))[:, 0] >= floors - 1e-9).all()
        after = expect_after(decide(pairs, parameters, found), parameters)
        if isinstance(rule, Targets) and found.upper > 0.5:
            assert after.precision is None or after.precision >= precision - 1e-9
        if isinstance(rule, ErrorBounds):
            assert after.false_links <= type1 * curve.all_non_matches * (1 + 1e-6) + 1e-12
        if isinstance(rule, Capacity) and after.possible > most:
            assert any(f"are {after.possible:,.0f} possible links, more" in note for note in found.notes)
            none = resolve(Decision(one_to_one=True, thresholds=Capacity(pairs=0)), parameters, (), pairs)
            assert decide(pairs, parameters, none).possible.sum() > most
        if found.upper < 0.5 and not isinstance(rule, ErrorBounds):
            assert any("below 0.5" in note for note in found.notes)


def test_ties_are_no_links_of_the_curve() -> None:
    """Rows 100 and 101 are as good for row 0; whatever the thresholds, they are at most possible links."""
    pair = PairOfSources("a", "b", 100, 100, 10_000, 3, 50.0, -4.0)
    parameters = Parameters((BORN,), (pair,))
    none = np.zeros(3, np.int64)
    rows = np.array([0, 0, 1], np.int32), np.array([100, 101, 102], np.int32)
    c = constant_of(pair)
    pairs = ScoredPairs(*rows, np.array([c + 10, c + 10, c + 5]), none, none, none)
    curve, _ = assigned_curve(pairs, parameters, np.zeros(1))
    assert curve.low.tolist() == pytest.approx([10, 5])
    assert curve.pairs.tolist() == [2, 1]
    assert curve.matches.tolist() == pytest.approx([1, 1 / (1 + math.exp(-5))], abs=1e-4)
    assert curve.non_matches[0] == 0
    # They stand in the way of no target, and take up the capacity.
    found = resolve(Decision(one_to_one=True, thresholds=Targets(precision=0.95)), parameters, (), pairs)
    assert decide(pairs, parameters, found).verdict.tolist() == [1, 1, 2]
    for most, verdict in ((2, [1, 1, 2]), (3, [1, 1, 1])):
        found = resolve(Decision(one_to_one=True, thresholds=Capacity(pairs=most)), parameters, (), pairs)
        assert decide(pairs, parameters, found).verdict.tolist() == verdict
        assert not any("more than the" in note for note in found.notes)
    found = resolve(Decision(one_to_one=True, thresholds=Capacity(pairs=1)), parameters, (), pairs)
    assert any("There are 2 possible links, more than the 1" in note for note in found.notes)


def test_more_pairs_are_kept_where_a_rule_needs_them() -> None:
    random = np.random.default_rng(9)
    parameters, counts = some_parameters(random, False, 2), some_counts(random, 2)
    parameters = replace(parameters, selected_matches=1.0)
    curves = error_curves(parameters, counts)
    whole = joined(curves)
    default = [low for low, _ in weight_thresholds(parameters, Decision(one_to_one=True))]
    for rule in (ErrorBounds(type2=0.02), Targets(recall=0.98)):
        floors = floors_for(Decision(one_to_one=True, thresholds=rule), parameters, curves)
        lower = from_targets(whole, recall=0.98).lower
        expected = [
            min(low, lower - pair.log_prior_odds) for low, pair in zip(default, parameters.pairs, strict=True)
        ]
        assert floors.tolist() == expected
        assert (floors < default).any()
    for rule in (Capacity(pairs=10), Targets(precision=0.9), ErrorBounds(type2=0.99)):
        floors = floors_for(Decision(one_to_one=True, thresholds=rule), parameters, curves)
        assert (floors <= default).all()
        assert isinstance(rule, ErrorBounds) or floors.tolist() == default


def test_an_assignment_that_misses_too_much() -> None:
    """Two candidates as good as one another: half of the match is lost, and no pass is to blame."""
    pair = PairOfSources("a", "b", 100, 100, 10_000, 2, 50.0, -4.0)
    parameters = Parameters((BORN,), (pair,))
    none = np.zeros(2, np.int64)
    rows = np.array([0, 0], np.int32), np.array([100, 101], np.int32)
    pairs = ScoredPairs(*rows, np.array([20.0, 8.0]), none, none, none)
    curve, _ = assigned_curve(pairs, parameters, np.zeros(1))
    assert curve.pairs.tolist() == [1.0]
    asked = Decision(one_to_one=True, thresholds=Targets(recall=1 - 1e-9))
    curves = (replace(curve, blocking_missed=0.0),)
    with pytest.raises(InputError, match=r"The passes and the assignment miss .* of the matches"):
        resolve(asked, parameters, curves, pairs)


# --- known truth --------------------------------------------------------------------------------------

FIELDS = (
    Field("given", 60, 0.5, redrawn=0.1),
    Field("surname", 200, 0.5, redrawn=0.1),
    Field("birth", 100, redrawn=0.1),
    Field("town", 30, 0.5, redrawn=0.15),
)


@pytest.fixture(scope="module")
def simulated() -> tuple[ts.Links, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Links of two simulated files, and whether each candidate pair is a match."""
    files = two_files(FIELDS, 1500, 1500, 700, seed=11)
    linkage = ts.Linkage(
        [ts.comparison(one.name, ts.exact()) for one in FIELDS],
        [ts.all_pairs()],
        lower=-100,
        upper=100,
        scale="weight",
    )
    links = linkage.fit(*files.tables).link(*files.tables)
    entity = np.concatenate(files.entities)
    pairs = links.decided.pairs
    return links, entity[pairs.left] == entity[pairs.right]


@pytest.mark.parametrize(
    "rule",
    [
        ErrorBounds(type1=1e-4, type2=0.05),
        ErrorBounds(type1=1e-5, type2=0.02),
        Targets(precision=0.95),
        Targets(recall=0.9),
        Capacity(pairs=400),
        Costs(false_link=5, missed=2, review=0.3),
    ],
)
def test_expected_errors_are_the_true_ones(simulated: Any, rule: ThresholdRule) -> None:
    """Within four standard errors of a count of pairs that are not quite independent."""
    links, is_match = simulated
    expected = links.thresholds(rule).before
    found = links.thresholds(rule)
    (lower, upper), *_ = found.weights
    weight = links.decided.pairs.weight
    link, non_link = weight >= upper, weight < lower
    assert expected.links == link.sum()
    assert expected.possible == (~link & ~non_link).sum()
    false, missed = (link & ~is_match).sum(), (non_link & is_match).sum()
    assert abs(expected.false_links - false) < 4 * math.sqrt(2 * expected.false_links + 1) + 2
    assert abs(expected.missed - missed) < 4 * math.sqrt(2 * expected.missed + 1) + 2
    if isinstance(rule, ErrorBounds):
        assert expected.type1 <= rule.type1 * (1 + 1e-6)
        assert expected.type2 <= rule.type2 * (1 + 1e-6)
    if isinstance(rule, Capacity):
        assert 0 < expected.possible <= 400


def test_the_applied_rule_does_what_was_forecast(simulated: Any) -> None:
    links, _ = simulated
    for rule in (Targets(precision=0.95, recall=0.97), Costs(false_link=5, missed=2, review=0.3)):
        model = links.model
        decision = Decision(thresholds=rule)
        ruled = ts.Model(model.spec.model_copy(update={"decision": decision}), model.parameters)
        tables = [source.table for source in links.prepared.spec.sources]
        done = ruled.link(*tables)
        before = links.thresholds(rule).before
        assert done.decided.links.sum() == before.links
        assert done.decided.possible.sum() == before.possible
        assert done.quality().false_links == pytest.approx(before.false_links)
        assert done.thresholds().before == before


# --- settings -----------------------------------------------------------------------------------------

RULES: tuple[ThresholdRule, ...] = (
    ErrorBounds(),
    ErrorBounds(type1=1e-7),
    Targets(precision=0.99),
    Targets(recall=0.9, precision=0.999),
    Capacity(pairs=500),
    Capacity(hours=8, pairs_per_hour=60),
    Costs(false_link=10, missed=1, review=0.2),
)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_toml_and_model_bring_a_rule_back(rule: ThresholdRule) -> None:
    spec = Spec(
        comparisons=({"field": "a", "comparator": {"type": "exact"}},),
        passes=({"type": "all_pairs"},),
        decision=Decision(thresholds=rule),
    )
    assert parse_spec(dump_spec(spec)) == spec
    parameters = Parameters(
        (ComparisonParameters("a", ("different", "equal"), (0.1, 0.9), (0.9, 0.1), "given", "given"),)
    )
    model = ts.Model(spec, parameters)
    assert ts.Model.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def test_a_rule_in_a_table_of_its_own() -> None:
    text = SPEC.replace(
        "[estimation]", '[decision.thresholds]\ntype = "error_bounds"\ntype2 = 0.1\n\n[estimation]'
    )
    assert parse_spec(text).decision == Decision(one_to_one=True, thresholds=ErrorBounds(type2=0.1))
    names = json_schema()["$defs"]
    assert {"ErrorBounds", "Targets", "Capacity", "Costs"} <= names.keys()
    assert names["Costs"]["required"] == ["type", "false_link", "missed", "review"]
    parts = [ts.comparison("a", ts.exact())], [ts.all_pairs()]
    linkage = ts.Linkage(*parts, thresholds=Capacity(pairs=3))
    assert linkage.spec.decision.thresholds == Capacity(pairs=3)
    for more in ({"upper": 0.5}, {"lower": 0.1}, {"scale": "weight"}):
        with pytest.raises(SpecError, match="and thresholds are both given"):
            ts.Linkage(*parts, thresholds=Capacity(pairs=3), **more)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('type = "error_bounds"\ntype1 = 0', r"decision\.thresholds\.type1: found 0, expected .*above 0"),
        (
            'type = "error_bounds"\ntype2 = 1.0',
            r"decision\.thresholds\.type2: found 1\.0, expected .*below 1",
        ),
        ('type = "targets"', r"decision\.thresholds: found no target, expected precision, recall or both"),
        ('type = "targets"\nprecison = 0.9', r"thresholds\.precison: found an unknown key.*\"precision\""),
        ('type = "capacity"', r"thresholds: expected either pairs, or hours and pairs_per_hour"),
        ('type = "capacity"\npairs = 5\nhours = 2\npairs_per_hour = 3', r"thresholds: expected either pairs"),
        ('type = "capacity"\nhours = 2', r"thresholds: expected either pairs, or hours and pairs_per_hour"),
        ('type = "costs"\nfalse_link = 2\nmissed = 1', r"thresholds\.review: found nothing"),
        ('type = "cost"', r"decision\.thresholds\.type: found \"cost\".*did you mean \"costs\""),
        ("type2 = 0.1", r"decision\.thresholds\.?.*type"),
    ],
)
def test_a_wrong_rule_is_one_clear_sentence(table: str, message: str) -> None:
    text = SPEC.replace("[estimation]", f"[decision.thresholds]\n{table}\n\n[estimation]")
    with pytest.raises(SpecError, match=message) as caught:
        parse_spec(text)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("key", ["upper = 0.5", "lower = 0.3", 'scale = "posterior"'])
def test_a_rule_and_thresholds_exclude_each_other(key: str) -> None:
    text = SPEC.replace("one_to_one = true", f'{key}\nthresholds = {{ type = "capacity", pairs = 5 }}')
    with pytest.raises(SpecError, match=f"{key.split()[0]} and thresholds are both given"):
        parse_spec(text)


# --- runs and the command -----------------------------------------------------------------------------


FORMS = {
    "one-to-one": "one_to_one = true",
    "one-to-one, more kept": "one_to_one = true\nlower = 0.01",
    "each pair": "one_to_one = false",
}


@pytest.fixture(scope="module", params=FORMS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ts.Links]:
    folder = tmp_path_factory.mktemp("run")
    text = SPEC.replace("one_to_one = true", FORMS[request.param])
    linkage = ts.Linkage.from_toml(write_small(folder, text, 300))
    return folder / "out", linkage.run(folder / "out")


APPLIED: tuple[ThresholdRule, ...] = (
    ErrorBounds(type1=1e-4, type2=0.2),
    Targets(precision=0.95, recall=0.85),
    Capacity(pairs=40),
    Costs(false_link=4, missed=3, review=0.4),
    Capacity(pairs=100_000),
)


@pytest.mark.parametrize("rule", APPLIED)
def test_a_run_by_every_rule(run: tuple[Path, ts.Links], tmp_path: Path, rule: ThresholdRule) -> None:
    """Forecast from a run by other thresholds, in Python and from its files, then done."""
    out, links = run
    python = links.thresholds(rule)
    _, files = forecast_run(out, links.model, rule)
    assert files.before == python.before
    assert files.weights == python.weights
    decision = Decision(one_to_one=links.decision.one_to_one, thresholds=rule)
    folder = out.parent
    spec = ts.load_spec(folder / "spec.toml").model_copy(update={"decision": decision})
    done = ts.Linkage(spec=spec, folder=folder).run(tmp_path / "out")
    assert done.thresholds().before == python.before
    counts = done.counts_dict()
    if decision.one_to_one:
        assert python.after is not None
        assert (counts["links"], counts["possible"]) == (python.after.links, python.after.possible)
        estimated = done.quality()
        assert estimated.false_links == pytest.approx(python.after.false_links)
        assert estimated.matches == pytest.approx(python.after.matches)
        posterior = done.decided.posterior[done.decided.links | done.decided.possible]
        assert python.after.missed == pytest.approx(estimated.matches - posterior.sum())
        assert files.after is not None
        assert files.after.to_dict() == pytest.approx(python.after.to_dict())
        if isinstance(rule, Targets):
            assert (python.after.precision or 0) >= 0.95
        if isinstance(rule, Capacity):
            assert 0 < python.after.possible <= rule.most or "more than the" in python.decision.notes[-1]
    else:
        assert (counts["links"], counts["possible"]) == (python.before.links, python.before.possible)
    quality = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    assert quality["rule"]["type"] == rule.type
    assert quality["rule"]["explanation"] == done.decision.explanation
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Thresholds by " + done.decision.explanation.split(":")[0] in report
    assert ts.Model.load(tmp_path / "out").spec.decision == decision
    shown = call("thresholds", tmp_path / "out")
    assert shown.exit_code == 0
    assert f"thresholds by {done.decision.explanation}" in shown.stdout
    # A saved model works its thresholds out anew for the pairs that it links.
    again = ts.Model.load(tmp_path / "out").link(folder / "a.csv", folder / "b.csv")
    assert again.decision.lower == pytest.approx(done.decision.lower, rel=0.5)


def test_given_thresholds_have_no_rule(run: tuple[Path, ts.Links]) -> None:
    out, links = run
    assert json.loads((out / "quality.json").read_text("utf-8"))["rule"] is None
    table = pl.read_parquet(out / "curve.parquet")
    assert table["pairs"].sum() == links.counts.n_pairs
    done = call("thresholds", out)
    assert done.exit_code == 0
    assert "to apply it" not in done.stdout
    before = links.thresholds().before
    row = next(line for line in done.stdout.splitlines() if line.startswith("links"))
    assert row.split()[1] == f"{before.links:,.0f}"


OPTIONS = {
    "error_bounds": ("--type1", "1e-4", "--type2", "0.2"),
    "targets": ("--precision", "0.95", "--recall", "0.85"),
    "capacity": ("--hours", "2", "--per-hour", "20"),
    "costs": ("--false-link", "4", "--missed", "3", "--review", "0.4"),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_command_says_what_applies_it(run: tuple[Path, ts.Links], kind: str) -> None:
    out, links = run
    done = call("thresholds", out, *OPTIONS[kind])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    toml = "\n".join(lines[lines.index("[decision.thresholds]") :])
    spec = parse_spec(SPEC.replace("[estimation]", toml + "\n\n[estimation]"))
    rule = spec.decision.thresholds
    assert rule is not None
    assert rule.type == kind
    found = links.thresholds(rule)
    assert forecast_text([("x", found)]).splitlines()[3].split()[-1] in done.stdout
    titles = lines[0].split()
    assert titles.count(kind) == (2 if links.decision.one_to_one else 1)
    assert any(line.startswith("type 2 error") for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--type1", "0.1", "--recall", "0.9"), "--type1 and --recall belong to different rules"),
        (("--false-link", "1", "--review", "1"), "--missed is missing: give all three"),
        (("--hours", "1"), "either --capacity, or --hours and --per-hour together"),
        (("--capacity", "1", "--hours", "1"), "either --capacity, or --hours and --per-hour together"),
        (("--type2", "1"), "type2: found 1.0, expected a number below 1"),
        (("--type2", "1e-9"), "no lower threshold reaches a type 2 error of 1e-09"),
        (("--precision", "0.99999999"), "No threshold reaches a precision of 1"),
        (("--review", "-1", "--missed", "1", "--false-link", "2"), "review: found -1.0"),
    ],
)
def test_options_that_cannot_be(run: tuple[Path, ts.Links], options: tuple[str, ...], message: str) -> None:
    done = call("thresholds", run[0], *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_pairs_that_the_run_has_not_kept(tmp_path: Path) -> None:
    text = SPEC.replace("one_to_one = true", "one_to_one = true\nlower = 0.45")
    links = ts.Linkage.from_toml(write_small(tmp_path, text, 300)).run(tmp_path / "out")
    options = ("thresholds", tmp_path / "out", "--capacity", "60")
    done = call(*options)
    assert done.exit_code == 2
    assert "these thresholds take those from" in done.stderr
    assert "use --score-again" in done.stderr
    expected = links.thresholds(Capacity(pairs=60))
    assert expected.after is not None
    lines = call(*options, "--score-again").stdout.splitlines()
    for name, value in (("links", expected.after.links), ("possible links", expected.after.possible)):
        row = next(line for line in lines if line.startswith(name))
        assert row.split()[-1] == f"{value:,.0f}"
    decision = Decision(one_to_one=True, thresholds=Capacity(pairs=60))
    spec = ts.load_spec(tmp_path / "spec.toml").model_copy(update={"decision": decision})
    counts = ts.Linkage(spec=spec, folder=tmp_path).run(tmp_path / "done").counts_dict()
    assert (counts["links"], counts["possible"]) == (expected.after.links, expected.after.possible)
    assert counts["kept"] > links.counts_dict()["kept"]
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + "x,x,x,1900-01-01,1000,\n")
    assert "has changed since the run" in call(*options, "--score-again").stderr


@pytest.mark.parametrize("one_to_one", ["true", "false"])
def test_a_rule_that_cannot_be_kept_leaves_nothing_behind(tmp_path: Path, one_to_one: str) -> None:
    rule = 'thresholds = { type = "error_bounds", type2 = 1e-9 }'
    spec = write_small(tmp_path, SPEC.replace("one_to_one = true", f"one_to_one = {one_to_one}\n{rule}"), 300)
    done = call("link", spec, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "of the matches, so no lower threshold reaches a type 2 error of 1e-09" in done.stderr
    assert not (tmp_path / "out").exists()
    # What is not the run's stays.
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert call("link", spec, "--out", tmp_path / "out", "--force").exit_code == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_a_directory_without_a_curve(run: tuple[Path, ts.Links], tmp_path: Path) -> None:
    assert "no run.json" in call("thresholds", tmp_path).stderr
    for name in ("run.json", "model.json", "links.parquet"):
        (tmp_path / name).write_bytes((run[0] / name).read_bytes())
    done = call("thresholds", tmp_path)
    assert done.exit_code == 2
    assert "curve.parquet: the table cannot be read" in done.stderr
    assert "run the linkage again" in done.stderr
