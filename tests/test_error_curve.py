"""The error curve of the model: against the sum over single patterns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.estimation.error_curve import ErrorCurve, error_curves, joined
from tallystick.linking.decide import logit
from tallystick.linking.thresholds import (
    from_capacity,
)
from tests.some_patterns import NAMES, some_counts, some_parameters


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
