"""Regression over posterior matching probabilities: against matrices, with rows that have no link."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulate_links import compared

from tallystick.analysis import MatchingProbabilities, exchangeable, fit, matching_probabilities, posterior
from tallystick.analysis.regressions.scheuren_winkler import adjusted_outcomes
from tallystick.errors import InputError

Floats = NDArray[np.float64]
# Three records of the register, four rows; the last row has no candidate, the third is likelier nobody's.
LEFT, RIGHT = np.array([0, 1, 0, 1, 2]), np.array([0, 0, 1, 1, 2])
CHANCE = np.array([0.6, 0.3, 0.25, 0.7, 0.4])
Q = np.array([[0.6, 0.3, 0.0], [0.25, 0.7, 0.0], [0.0, 0.0, 0.4], [0.0, 0.0, 0.0]])
X = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 5.0]])
Y = np.array([3.0, 1.0, 4.0, 1.5])


def made() -> MatchingProbabilities:
    return MatchingProbabilities(LEFT, RIGHT, CHANCE, 3, 4, np.ones(5, bool))


def test_lahiri_larsen_regresses_on_the_posterior_means() -> None:
    model = posterior(made())
    W = Q @ X + np.outer(1 - Q.sum(axis=1), X.mean(axis=0))
    found = fit(Y, X, model, method="lahiri-larsen", variance="block")
    np.testing.assert_allclose(found.coefficients, np.linalg.lstsq(W, Y, rcond=None)[0])
    np.testing.assert_allclose(found.naive, np.linalg.lstsq(X[[0, 1]], Y[[0, 1]], rcond=None)[0])
    residual = Y - W @ found.coefficients
    scores = np.array([W[g].T @ residual[g] for g in ([0, 1], [2], [3])])
    left = np.linalg.inv(W.T @ W)
    np.testing.assert_allclose(found.covariance, left @ scores.T @ scores @ left * 3 / 2)
    assert found.n_links == 4


def test_rows_without_a_link_are_not_in_what_goes_by_links() -> None:
    model = posterior(made())
    x = X[:, 1:]  # two links tell one coefficient
    W = Q @ x + np.outer(1 - Q.sum(axis=1), x.mean(axis=0))
    ratio = fit(Y, x, model, method="ratio").coefficients
    G = np.array([x[0], x[1], [0], [0]])
    np.testing.assert_allclose(ratio, np.linalg.solve(G.T @ W, G.T @ Y))
    naive = fit(Y, x, model, method="naive", variance="centred")
    assert naive.n_links == 2
    with pytest.raises(InputError, match="no inverse"):
        fit(Y, x, model, method="inverse")
    with pytest.raises(InputError, match="as many columns as there are links"):
        fit(Y, X, model, method="naive", variance="centred")


def test_scheuren_winkler_is_of_two_candidates() -> None:
    """B = (q_1 - 1) y_1 + q_2 y_2, of pairs of records that may be mistaken for each other."""
    adjusted = adjusted_outcomes(posterior(made()), Y)
    np.testing.assert_allclose(
        adjusted, [3 - ((0.6 - 1) * 3 + 0.25 * 1), 1 - ((0.7 - 1) * 1 + 0.3 * 3), np.nan, np.nan]
    )
    random = np.random.default_rng(1)
    x = random.normal(size=200)
    twice = np.arange(200)
    chance = np.tile([0.8, 0.15], 200)
    right = np.column_stack([twice, twice ^ 1]).ravel()
    made_of = MatchingProbabilities(np.repeat(twice, 2), right, chance, 200, 200, np.ones(400, bool))
    y = x + random.normal(size=200)
    found = fit(y, np.column_stack([np.ones(200), x]), posterior(made_of), method="scheuren-winkler")
    expected = y - ((0.8 - 1) * y + 0.15 * y[twice ^ 1])
    by_hand = np.linalg.lstsq(np.column_stack([np.ones(200), x]), expected, rcond=None)[0]
    np.testing.assert_allclose(found.coefficients, by_hand)
    with pytest.raises(InputError, match='take "block" or "jackknife"'):
        fit(
            y,
            np.column_stack([np.ones(200), x]),
            posterior(made_of),
            method="scheuren-winkler",
            variance="centred",
        )
    with pytest.raises(InputError, match="one adjustment"):
        fit(y, np.column_stack([np.ones(200), x]), posterior(made_of), method="scheuren-winkler", times=2)


def drawn(random: np.random.Generator, n_blocks: int) -> dict[str, Floats]:
    """Estimates and standard errors of one pair of files."""
    files = compared(random, n_blocks)
    n = len(files.match)
    X = np.column_stack([np.ones(n), random.normal(size=n)])
    y = X[files.match] @ [1.0, 2.0] + random.normal(size=n)
    chances = matching_probabilities(
        files.left, files.right, files.weight, n, n, blocks=(files.block, files.block), match_rate=1.0
    )
    model = posterior(chances, blocks=files.block)
    found = fit(y, X, model, method="lahiri-larsen")
    return {
        "estimate": found.coefficients,
        "error": found.standard_errors,
        "naive": found.naive,
        "ratio": fit(y, X, model).coefficients,
    }


def test_posterior_means_are_unbiased_and_covered() -> None:
    random = np.random.default_rng(3)
    runs = [drawn(random, 40) for _ in range(12)]
    slopes = np.array([run["estimate"][1] for run in runs])
    chance = slopes.std(ddof=1) / np.sqrt(len(runs))
    assert abs(slopes.mean() - 2) < 4 * chance
    ratio = np.array([run["ratio"][1] for run in runs])
    assert abs(ratio.mean() - 2) < 4 * ratio.std(ddof=1) / np.sqrt(len(runs))
    assert np.mean([run["naive"][1] for run in runs]) < 2 - 4 * chance
    inside = [abs(run["estimate"][1] - 2) < 2.02 * run["error"][1] for run in runs]
    assert np.sum(inside) >= 9


def test_without_doubt_it_is_ordinary_least_squares() -> None:
    random = np.random.default_rng(2)
    x, rows = random.normal(size=50), np.arange(50)
    X, y = np.column_stack([np.ones(50), x]), random.normal(size=50)
    sure = posterior(MatchingProbabilities(rows, rows[::-1].copy(), np.ones(50), 50, 50, np.ones(50, bool)))
    for method in ("lahiri-larsen", "ratio", "eblue"):
        found = fit(y, X, sure, method=method, variance="published")
        plain = fit(y, X[::-1], exchangeable(np.zeros(50, int), 1.0), variance="published")
        np.testing.assert_allclose(found.coefficients, plain.coefficients)
        np.testing.assert_allclose(found.covariance, plain.covariance)
