"""Weights in the order of the levels: against general optimisers, by properties, and in EM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from test_em import PURE, counts_of
from test_related import ingredients

from tallystick.estimation.cells import level_sums
from tallystick.estimation.em import Fit, fit_em
from tallystick.estimation.factors import Factor
from tallystick.estimation.monotone import in_order, isotonic, ordered_levels
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

counts = st.lists(st.floats(0.5, 1000), min_size=2, max_size=6)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 100)), min_size=1, max_size=30))
def test_isotonic_is_that_of_scipy(rows: list[tuple[float, float]]) -> None:
    values, weights = (np.array(one) for one in zip(*rows, strict=True))
    wanted = isotonic_regression(values, weights=weights).x
    np.testing.assert_allclose(isotonic(values, weights), wanted, atol=1e-9)


def objective(
    m: NDArray[np.float64], u: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> float:
    return float(a @ np.log(m) + b @ np.log(u))


def by_optimiser(a: NDArray[np.float64], b: NDArray[np.float64], u: NDArray[np.float64] | None) -> float:
    """The constrained maximum by sequential quadratic programming over logarithms."""
    n = len(a)

    def split(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        log_m, log_u = x[:n], np.log(u) if u is not None else x[n:]
        return log_m, log_u

    start = np.log(np.concatenate([np.full(n, 1 / n), np.full(n if u is None else 0, 1 / n)]))
    if u is not None:
        start = np.log(u)  # feasible: all weights are 0
    constraints = [
        {"type": "eq", "fun": lambda x: np.exp(split(x)[0]).sum() - 1},
        {"type": "ineq", "fun": lambda x: np.diff(split(x)[0] - split(x)[1])},
    ]
    if u is None:
        constraints.append({"type": "eq", "fun": lambda x: np.exp(split(x)[1]).sum() - 1})
    total = a.sum() + b.sum()
    found = minimize(
        lambda x: -float(a @ split(x)[0] + b @ split(x)[1]) / total,
        start,
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return -float(found.fun) * total


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(1, 200), st.floats(1, 200)), min_size=2, max_size=5), st.booleans())
def test_no_optimiser_finds_more(rows: list[tuple[float, float]], held: bool) -> None:
    a, b = (np.array(one) for one in zip(*rows, strict=True))
    fixed = b / b.sum() if held else None
    m, u = ordered_levels(a, b, fixed)
    assert m.sum() == pytest.approx(1)
    assert u.sum() == pytest.approx(1)
    assert (np.diff(m / u) >= -1e-9 * (m / u).max()).all()
    own, best = objective(m, u, a, b), by_optimiser(a, b, fixed)
    assert own == pytest.approx(best, rel=1e-5)
    assert own >= best - 1e-5 * abs(best)


@given(counts, counts)
def test_levels_in_order_are_left_alone(a: list[float], b: list[float]) -> None:
    n = min(len(a), len(b))
    ratio = np.sort(np.array(a[:n]))
    others = np.array(b[:n])
    matches = ratio * others
    m, u = ordered_levels(matches, others)
    np.testing.assert_allclose(m, matches / matches.sum())
    np.testing.assert_allclose(u, others / others.sum())


def test_bands_of_frequency_are_no_part_of_the_order() -> None:
    """Agreement on a common value may weigh less than a near miss on any."""
    factor = Factor(0, (), 4, edges=(0.03,))  # disagreement, near, agreement on a common and on a rare value
    matches = np.array([5.0, 3.0, 20.0, 10.0, 0.0])
    others = np.array([50.0, 40.0, 900.0, 10.0, 0.0])
    m, u = in_order(factor, matches, others, matches / 38, others / 1000, False)
    weights = np.log(m[:4] / u[:4])
    assert weights[0] == pytest.approx(weights[1])
    np.testing.assert_allclose(m[2:], matches[2:] / 38)
    np.testing.assert_allclose(u[2:], others[2:] / 1000)
    assert m.sum() == pytest.approx(1)
    assert u.sum() == pytest.approx(1)


def test_key_bits_keep_their_shares_within_a_level() -> None:
    factor = Factor(0, (0,), 2)
    matches = np.array([6.0, 1.0, 0.0, 2.0, 1.0, 0.0])
    others = np.array([3.0, 4.0, 0.0, 1.0, 2.0, 0.0])
    m, u = in_order(factor, matches, others, matches / 10, others / 10, False)
    assert level_sums(factor, m) / level_sums(factor, u) == pytest.approx(np.array([1.0, 1.0]))
    assert m[0] / m[3] == pytest.approx(3.0)
    assert u[1] / u[4] == pytest.approx(2.0)


def table_out_of_order() -> PatternCounts:
    """Patterns in which a near miss is likelier among non-matches than disagreement is."""
    coding = PatternCoding((3, 2, 2, 2))
    digits = coding.decode(np.arange(coding.size))
    digits = digits[(digits < np.array([3, 2, 2, 2])).all(axis=1)]
    m = [(0.2, 0.01, 0.79), (0.1, 0.9), (0.15, 0.85), (0.2, 0.8)]
    others = [(0.8, 0.15, 0.05), (0.9, 0.1), (0.95, 0.05), (0.9, 0.1)]
    share = [
        np.prod([np.array(one)[digits[:, k]] for k, one in enumerate(levels)], axis=0)
        for levels in (m, others)
    ]
    return counts_of(coding, digits, 5e4 * share[0] + 1e6 * share[1])


def fitted(monotone: bool, u: str) -> Fit:
    estimation = PURE.model_copy(update={"monotone": monotone, "u": u, "related": "none", "tolerance": 1e-10})
    return fit_em(*ingredients(table_out_of_order()), np.array([4e4]), estimation)  # type: ignore[arg-type]


@pytest.mark.parametrize("u", ["non_matches", "all_pairs"])
def test_em_under_the_constraint(u: str) -> None:
    free, ordered = fitted(False, u), fitted(True, u)
    assert np.diff(np.log(free.m[0][:3] / free.u[0][:3]))[0] < -0.1
    rise = np.diff(np.log(ordered.m[0][:3] / ordered.u[0][:3]))
    pooled = np.log(0.79 / 0.05) - np.log(0.21 / 0.95)
    assert rise == pytest.approx([0, pooled], abs=0.01 if u == "non_matches" else 0.3)
    np.testing.assert_allclose(ordered.m[1], free.m[1], atol=0.01)
    assert ordered.matches[0] == pytest.approx(free.matches[0], rel=0.02)
    if u == "non_matches":  # EM climbs towards the constrained maximum, which is below the free one
        assert (np.diff(ordered.log_likelihood) >= -1e-12 * abs(ordered.log_likelihood[0])).all()
        assert ordered.log_likelihood[-1] < free.log_likelihood[-1]


def test_what_is_given_by_hand_stays_as_it_is() -> None:
    """m by hand is not put in order, and where u is by hand m alone is."""
    table, selection, given = ingredients(table_out_of_order())
    by_hand = np.array([0.2, 0.01, 0.79])
    estimation = PURE.model_copy(update={"monotone": True})
    start = np.array([4e4])
    fit = fit_em(table, selection, replace(given, m=(by_hand, None, None, None)), start, estimation)  # type: ignore[arg-type, type-var]
    np.testing.assert_allclose(fit.m[0][:3], by_hand)
    u = np.array([0.8, 0.15, 0.05])
    fit = fit_em(table, selection, replace(given, u=(u, None, None, None)), start, estimation)  # type: ignore[arg-type, type-var]
    np.testing.assert_allclose(fit.u[0][:3], u)
    assert np.diff(fit.m[0][:3] / u) == pytest.approx([0, 0.79 / 0.05 - 0.21 / 0.95], abs=0.1)
