"""The three-variable case: eight patterns, seven parameters, in closed form."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import fsolve
from simulate import Field, two_files

import tallystick as ts
from tallystick.errors import InputError
from tallystick.estimation.three_variables import ThreeVariables, solve_three_variables
from tallystick.patterns.coding import PatternCoding
from tests.test_em import PURE, counts_of, free_fit

Floats = NDArray[np.float64]
PATTERNS = np.array(list(product((0, 1), repeat=3)))


def shares(m: Floats, u: Floats, rate: float) -> Floats:
    """Shares of the eight patterns by the definition of the model."""
    of = [np.prod(np.where(PATTERNS == 1, p, 1 - np.asarray(p)), axis=1) for p in (m, u)]
    return np.asarray(rate * of[0] + (1 - rate) * of[1]).reshape(2, 2, 2)


def close(found: ThreeVariables, m: Floats, u: Floats, rate: float, tolerance: float) -> None:
    np.testing.assert_allclose(found.m, m, atol=tolerance)
    np.testing.assert_allclose(found.u, u, atol=tolerance)
    assert found.match_rate == pytest.approx(rate, rel=tolerance)


def triples(low: float, high: float) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(low, high), min_size=3, max_size=3)


@settings(max_examples=300)
@given(triples(0.3, 1.0), triples(0.0, 0.29), st.floats(-5, -0.02), st.booleans())
def test_exact_shares_give_exact_parameters(
    m: list[float], u: list[float], log_rate: float, most: bool
) -> None:
    """From 1 match in 100,000 pairs to nearly all of them; m of 1 and u of 0 included."""
    rate = 10**log_rate
    if most:
        rate = 1 - rate
    assume(all(a - b > 0.05 for a, b in zip(m, u, strict=True)))
    found = solve_three_variables(1e9 * shares(np.array(m), np.array(u), rate))
    rare = min(rate, 1 - rate)
    np.testing.assert_allclose(shares(found.m, found.u, found.match_rate), shares(m, u, rate), atol=1e-13)
    close(found, np.array(m), np.array(u), rate, 1e-12 / rare**1.5 + 1e-9)


@given(triples(0.4, 0.95), triples(0.05, 0.35), st.floats(0.05, 0.95), st.integers(0, 2))
def test_a_comparison_may_agree_less_among_matches(
    m: list[float], u: list[float], rate: float, k: int
) -> None:
    """The matches are the class that agrees more in two of the three."""
    m[k], u[k] = u[k], m[k]
    close(solve_three_variables(shares(np.array(m), np.array(u), rate)), np.array(m), np.array(u), rate, 1e-8)


def test_the_order_of_the_comparisons_does_not_matter() -> None:
    m, u = np.array([0.95, 0.8, 0.7]), np.array([0.01, 0.1, 0.4])
    table = shares(m, u, 0.02)
    for order in ((1, 2, 0), (2, 1, 0), (0, 2, 1)):
        close(solve_three_variables(table.transpose(order)), m[list(order)], u[list(order)], 0.02, 1e-9)


def test_another_solver_agrees() -> None:
    """Counts drawn at random, so of no known parameters: the seven equations solved by iteration."""
    random = np.random.default_rng(1)
    table = random.poisson(1e5 * shares(np.array([0.9, 0.85, 0.8]), np.array([0.1, 0.2, 0.3]), 0.2)) / 1e5
    table /= table.sum()
    found = solve_three_variables(table)
    start = [0.8, 0.8, 0.8, 0.2, 0.2, 0.2, 0.3]
    solved = fsolve(lambda x: (shares(x[:3], x[3:6], x[6]) - table).ravel()[1:], start, xtol=1e-13)
    close(found, solved[:3], solved[3:6], solved[6], 1e-7)


@settings(max_examples=25)
@given(
    triples(0.75, 0.98),
    triples(0.02, 0.25),
    st.floats(0.03, 0.4),
    st.floats(0.02, 0.8),
    st.floats(0.55, 0.97),
    st.integers(0, 1000),
)
def test_em_from_anywhere_agrees(
    m: list[float], u: list[float], rate: float, start: float, agreement: float, seed: int
) -> None:
    """On drawn counts: the solution in closed form is the maximum that EM without a prior ends at.

    All pairs are counted, so that u = (S - E m) / (N - E) is that of the expected non-matches, the M-step
    of plain EM.
    """
    random = np.random.default_rng(seed)
    n = 10_000_000
    table = random.poisson(n * shares(np.array(m), np.array(u), rate))
    solved = solve_three_variables(table)
    counts = counts_of(PatternCoding((2, 2, 2)), PATTERNS, table.ravel().astype(float))
    estimation = PURE.model_copy(update={"start_agreement": agreement, "tolerance": 1e-10})
    fit = free_fit(counts, start * n, estimation)
    assert fit.converged
    rest = 1e-6
    np.testing.assert_allclose([one[1] for one in fit.m], solved.m, atol=rest)
    np.testing.assert_allclose([one[1] for one in fit.u], solved.u, atol=rest)
    assert fit.matches[0] / table.sum() == pytest.approx(solved.match_rate, abs=rest)


def test_a_linkage_ends_there() -> None:
    """Files of records, through the public interface: EM without a prior estimates what is solved."""
    fields = [
        Field("given", 60, redrawn=0.1),
        Field("surname", 150, redrawn=0.05),
        Field("year", 90, redrawn=0.08),
    ]
    tables = two_files(fields, 300, 300, 250, 1).tables
    linkage = ts.Linkage(
        [ts.comparison(field.name, ts.exact()) for field in fields],
        [ts.all_pairs()],
        estimation=ts.Estimation(prior_matches=0, tolerance=1e-10, max_iterations=100_000, related="none"),
    )
    agree = [
        tables[0][field.name].to_numpy()[:, None] == tables[1][field.name].to_numpy()[None, :]
        for field in fields
    ]
    number = 4 * agree[0] + 2 * agree[1] + agree[2]
    solved = solve_three_variables(np.bincount(number.ravel(), minlength=8).reshape(2, 2, 2))
    model = linkage.fit(*tables).parameters
    np.testing.assert_allclose([one.m[1] for one in model.comparisons], solved.m, atol=1e-4)
    np.testing.assert_allclose([one.u[1] for one in model.comparisons], solved.u, atol=1e-6)
    assert model.pairs[0].expected_matches == pytest.approx(solved.match_rate * 90_000, rel=1e-4)


M, U = np.array([0.9, 0.8, 0.7]), np.array([0.1, 0.2, 0.3])


def odd() -> Floats:
    """Covariances with an odd number of negative ones."""
    table = np.full((2, 2, 2), 10.0)
    for pattern, sign in (((0, 1), 1), ((1, 2), 1), ((0, 2), -1)):
        agree = PATTERNS[:, pattern[0]] == PATTERNS[:, pattern[1]]
        table += sign * np.where(agree, 2.0, -2.0).reshape(2, 2, 2)
    return table


def within() -> Floats:
    """Two comparisons that depend on each other within the classes, so much that no two classes fit."""
    table = shares(np.array([0.9, 0.9, 0.55]), np.array([0.1, 0.1, 0.3]), 0.3)
    both = PATTERNS[:, 0] == PATTERNS[:, 1]
    return np.asarray(table + np.where(both, 0.5, 0.0).reshape(2, 2, 2))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((2, 2)), "eight patterns"),
        (np.zeros((2, 2, 2)), "eight patterns"),
        (shares(M, U, 0.2) - 0.1, "eight patterns"),
        (np.full((2, 2, 2), np.nan), "eight patterns"),
        (shares(M, M, 0.2), "Comparisons 1 and 2 are independent .* not identified"),
        (shares(M, U, 0.0), "Comparisons 1 and 2 are independent .* not identified"),
        (shares(np.array([0.9, 0.8, 0.3]), U, 0.2), "Comparisons 1 and 3 are independent .* not identified"),
        (
            shares(np.array([0.9, 1.0, 0.3]), np.array([0.2, 1.0, 0.1]), 0.2),
            "Comparison 2 has the same level",
        ),
        (odd(), "imaginary"),
        (within(), r"[mu] = \S+ for comparison \d, which is no probability"),
    ],
)
def test_no_solution(table: Floats, message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_three_variables(table)
