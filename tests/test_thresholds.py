"""Thresholds from bounds, targets, capacity, costs and labels: against enumeration and known truth."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve, error_curves, joined
from tallystick.linking.decide import Verdict, decide, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.labelled import from_labelled
from tallystick.linking.resolve import needed_floors, resolve
from tallystick.linking.rules import ErrorBounds, Targets
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import (
    Thresholds,
    from_capacity,
    from_costs,
    from_error_bounds,
    from_targets,
)
from tests.some_patterns import some_counts, some_parameters

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
        assert needed_floors(asked, parameters, curves).tolist() == np.minimum(default, lowest).tolist()
    given_lower = Decision(lower=0.4)
    assert needed_floors(given_lower, parameters, ()).tolist() == [
        lower for lower, _ in weight_thresholds(parameters, given_lower)
    ]
