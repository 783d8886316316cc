"""Covariates of both files: the moments by dense matrices, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from simulate_links import dense, exchanged
from test_regression import SIZES

from tallystick.analysis import (
    audited,
    exchangeable,
    fit,
    fit_both_files,
    incomplete,
    regression_of_both_files,
    weighted,
)
from tallystick.errors import InputError, RunError

Floats = NDArray[np.float64]
BLOCKS, N = np.repeat(np.arange(len(SIZES)), SIZES), sum(SIZES)


def linked(seed: int = 1) -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(seed)
    own = random.normal(size=N)
    other = np.column_stack([0.6 * own + 0.8 * random.normal(size=N), random.random(N)])
    X = np.column_stack([np.ones(N), own])
    y = X @ [1.0, 1.0] + other @ [2.0, -1.0] + random.normal(size=N)
    return y, X, other[exchanged(random, SIZES, [2] * len(SIZES))]


def by_matrices(y: Floats, X: Floats, Z: Floats, Q: Floats, Qy: Floats) -> tuple[Floats, Floats]:
    """Estimate and covariance as section 2.5 of the specification writes them."""
    W, z = np.linalg.solve(Q, Z), np.linalg.solve(Qy, y)
    S = np.block([[X.T @ X, X.T @ W], [W.T @ X, Z.T @ Z]])
    beta = np.linalg.solve(S, np.concatenate([X.T @ z, W.T @ z]))
    a, b = beta[:2], beta[2:]
    psi = np.column_stack([X * (z - X @ a - W @ b)[:, None], W * (z - X @ a)[:, None] - Z * (Z @ b)[:, None]])
    scores = np.array([psi[block == BLOCKS].sum(axis=0) for block in range(len(SIZES))])
    left, m = np.linalg.inv(S), len(SIZES)
    return beta, left @ scores.T @ scores @ left * m / (m - 1)


def test_moments_are_those_of_the_definition() -> None:
    y, X, Z = linked()
    model = exchangeable(BLOCKS, 0.85)
    found = fit_both_files(y, X, Z, model)
    beta, covariance = by_matrices(y, X, Z, dense(BLOCKS, 0.85), np.eye(N))
    np.testing.assert_allclose(found.coefficients, beta)
    np.testing.assert_allclose(found.covariance, covariance)
    assert (found.df, found.variance) == (len(SIZES) - 1, "block")
    naive = np.linalg.lstsq(np.column_stack([X, Z]), y, rcond=None)[0]
    np.testing.assert_allclose(found.naive, naive)


def test_moments_of_three_files() -> None:
    y, X, Z = linked()
    outcome = exchangeable(BLOCKS, 0.9)
    found = fit_both_files(y, X, Z, exchangeable(BLOCKS, 0.85), outcome_model=outcome)
    beta, covariance = by_matrices(y, X, Z, dense(BLOCKS, 0.85), dense(BLOCKS, 0.9))
    np.testing.assert_allclose(found.coefficients, beta)
    np.testing.assert_allclose(found.covariance, covariance)


def test_blocks_of_two_linkages_are_joined() -> None:
    """Where one linkage blocks by pairs of the other's blocks, these pairs are what is independent."""
    y, X, Z = linked()
    wide = fit_both_files(y, X, Z, exchangeable(BLOCKS, 0.85), outcome_model=exchangeable(BLOCKS // 2, 0.9))
    assert wide.n_blocks == len(SIZES) // 2


def test_without_errors_it_is_ordinary_least_squares() -> None:
    y, X, Z = linked()
    model = exchangeable(BLOCKS, 1.0)
    found, plain = fit_both_files(y, X, Z, model), fit(y, np.column_stack([X, Z]), model, method="naive")
    np.testing.assert_allclose(found.coefficients, plain.coefficients)
    np.testing.assert_allclose(found.covariance, plain.covariance)
    assert found.scale == pytest.approx(plain.scale)


def test_sensitivity_is_the_slope_over_q_on_average() -> None:
    """The derivative of the expected equations: equal to the slope but for noise."""
    random = np.random.default_rng(3)
    n = 20_000
    blocks = np.arange(n) // 50
    own = random.normal(size=n)
    other = 0.6 * own + 0.8 * random.normal(size=n)
    X, model = np.column_stack([np.ones(n), own]), exchangeable(blocks, 0.8)
    y = X @ [1.0, 1.0] + 2 * other + 0.1 * random.normal(size=n)
    z = other[exchanged(random, [50] * 400, [10] * 400)][:, None]
    found = fit_both_files(y, X, z, model)
    up, down = (fit_both_files(y, X, z, model.at(0.8 + h)).coefficients for h in (1e-4, -1e-4))
    assert found.sensitivity is not None
    np.testing.assert_allclose(found.sensitivity[1:], ((up - down) / 2e-4)[1:], rtol=0.15)


def test_a_pooled_audit_widens_the_errors() -> None:
    y, X, Z = linked()
    pooled = audited(BLOCKS, 42.0, 50.0, pooled=True)
    sure, found = fit_both_files(y, X, Z, pooled.at(pooled.q)), fit_both_files(y, X, Z, pooled)
    assert (found.standard_errors[1:] > sure.standard_errors[1:]).all()


def frame() -> pl.DataFrame:
    y, X, Z = linked()
    return pl.DataFrame({"y": y, "own": X[:, 1], "a": Z[:, 0], "b": Z[:, 1]})


def test_a_formula_puts_linked_columns_anywhere() -> None:
    y, X, Z = linked()
    model = exchangeable(BLOCKS, 0.85)
    found = regression_of_both_files("y ~ a + own + b", frame(), model, linked=["a", "b"])
    expected = fit_both_files(y, X, Z, model)
    assert list(found.params.index) == ["Intercept", "a", "own", "b"]
    np.testing.assert_allclose(found.params[["Intercept", "own", "a", "b"]], expected.coefficients)
    np.testing.assert_allclose(found.bse[["Intercept", "own", "a", "b"]], expected.standard_errors)
    np.testing.assert_allclose(found.naive[["Intercept", "own", "a", "b"]], expected.naive)
    assert "Moments of both files" in str(found.summary())


@pytest.mark.parametrize(
    ("formula", "change", "message"),
    [
        ("y ~ own * a", {"linked": ["a"]}, "the term 'own:a' is of columns of both files"),
        ("y ~ own + a", {"linked": ["b"]}, "'b' is no covariate"),
        ("y ~ own", {"linked": []}, "no covariate of the formula is linked"),
        ("y ~ a - 1", {"linked": ["a"]}, "there is no constant"),
        ("y ~ own + a", {"linked": "a"}, "give a list"),
        ("y ~ own + a", {"linked": ["a"], "family": "logistic"}, "joint multiple imputation"),
    ],
)
def test_what_has_no_estimator_is_refused(formula: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        regression_of_both_files(formula, frame(), exchangeable(BLOCKS, 0.85), **change)


def test_bad_links_fail_loudly() -> None:
    y, X, Z = linked()
    with pytest.raises(RunError, match="not positive definite"):
        fit_both_files(y, X, Z, exchangeable(BLOCKS, 0.32))
    with pytest.raises(InputError, match="there is one"):
        fit_both_files(y, X, Z, exchangeable(np.zeros(N, int), 0.8))
    with pytest.raises(InputError, match="complete linkage"):
        fit_both_files(y, X, Z, incomplete(np.zeros(N + 1, int), 0.8, np.arange(N)))
    y[3] = np.nan
    with pytest.raises(InputError, match="y has 1 missing"):
        fit_both_files(y, X, Z, exchangeable(BLOCKS, 0.8))


def test_weighted_links_are_no_complete_linkage() -> None:
    y, X, Z = linked()
    model = weighted(BLOCKS, 0.85, np.full(N, 1.5))
    with pytest.raises(InputError, match="weighted links"):
        fit_both_files(y, X, Z, model)
    with pytest.raises(InputError, match="weighted links"):
        fit_both_files(y, X, Z, exchangeable(BLOCKS, 0.85), outcome_model=model)
    with pytest.raises(InputError, match="complete linkage"):
        fit(y, X, model, method="scheuren-winkler")


def test_an_audit_of_the_third_file_adds_its_derivative() -> None:
    y, X, Z = linked()
    model, audit = exchangeable(BLOCKS, 0.85), audited(BLOCKS, 34, 40, pooled=True)

    def at(q: float) -> Any:
        return fit_both_files(y, X, Z, model, outcome_model=exchangeable(BLOCKS, q))

    found = fit_both_files(y, X, Z, model, outcome_model=audit)
    slope = (at(0.85 + 1e-5).coefficients - at(0.85 - 1e-5).coefficients) / 2e-5
    added = np.outer(slope, slope) * audit.precision.standard_errors[0] ** 2
    np.testing.assert_allclose(found.covariance - at(0.85).covariance, added, rtol=1e-4, atol=1e-9)
