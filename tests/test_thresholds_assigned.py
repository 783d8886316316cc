"""Thresholds where links are one-to-one: those of the pairs that the assignment chooses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.estimation.error_curve import error_curves, joined
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linkage.forecast import expect_after
from tallystick.linking.decide import constant_of, decide, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.resolve import assigned_curve, needed_floors, resolve
from tallystick.linking.rules import Capacity, ErrorBounds, Targets
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import (
    Thresholds,
    from_error_bounds,
    from_targets,
)
from tests.some_patterns import some_counts, some_parameters


@st.composite
def one_to_one_pairs(draw: st.DrawFn) -> tuple[ScoredPairs, Parameters]:
    """Up to 30 pairs of 12 by 12 records that reach the floor, all weights different."""
    cells = draw(st.lists(st.integers(0, 143), min_size=1, max_size=30, unique=True))
    n_left, n_matches = draw(st.sampled_from([(12, 4.0), (12, 11.0), (500, 8.0)]))
    pair = PairOfSources("a", "b", n_left, 12, n_left * 12, len(cells), n_matches, -4.0)
    parameters = Parameters((BORN,), (pair,), selected_matches=draw(st.sampled_from([1.0, 0.9])))
    floor = float(needed_floors(Decision(one_to_one=True, thresholds=Capacity(pairs=1)), parameters, ())[0])
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
    floors = needed_floors(Decision(one_to_one=True, thresholds=Capacity(pairs=1)), parameters, ())
    curve, least = assigned_curve(pairs, parameters, floors)
    decided = decide(pairs, parameters, Thresholds(least, least, "posterior", "", links="one_to_one"))
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
            found = Thresholds(*chance, "posterior", "", links="one_to_one")
        assert isinstance(found, Thresholds)
        assert found.scale == "posterior"
        assert (np.array(weight_thresholds(parameters, found))[:, 0] >= floors - 1e-9).all()
        after = expect_after(decide(pairs, parameters, found), parameters, 0.0)
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
        floors = needed_floors(Decision(one_to_one=True, thresholds=rule), parameters, curves)
        lower = from_targets(whole, recall=0.98).lower
        expected = [
            min(low, lower - pair.log_prior_odds) for low, pair in zip(default, parameters.pairs, strict=True)
        ]
        assert floors.tolist() == expected
        assert (floors < default).any()
    for rule in (Capacity(pairs=10), Targets(precision=0.9), ErrorBounds(type2=0.99)):
        floors = needed_floors(Decision(one_to_one=True, thresholds=rule), parameters, curves)
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
