"""Regressions of linked data: every estimator against the matrices of its definition, and other libraries."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import root
from scipy.special import expit
from simulate_links import dense, exchanged

from tallystick.analysis import ErrorModel, Estimate, audited, exchangeable, fit, incomplete, regression
from tallystick.analysis.regressions.scheuren_winkler import adjusted_outcomes
from tallystick.errors import InputError, TallystickWarning

Floats = NDArray[np.float64]
METHODS = ("naive", "scheuren-winkler", "lahiri-larsen", "ratio", "eblue", "inverse")
FAMILIES = ("linear", "logistic", "poisson")
SIZES = [4, 7, 12, 9, 5, 6, 8, 11, 10, 6, 7, 5]


def mean_of(family: str, eta: Floats) -> Floats:
    return {"linear": eta, "logistic": expit(eta), "poisson": np.exp(np.minimum(eta, 50))}[family]


def slope_of(family: str, mu: Floats) -> Floats:
    return {"linear": np.ones_like(mu), "logistic": mu * (1 - mu), "poisson": mu}[family]


def linked(family: str = "linear", seed: int = 3, q: float = 0.8) -> tuple[Floats, Floats, Any, Floats]:
    """Outcome, covariates, blocks and q by block of one generated file."""
    random = np.random.default_rng(seed)
    blocks, n = np.repeat(np.arange(len(SIZES)), SIZES), sum(SIZES)
    X = np.column_stack([np.ones(n), random.normal(size=n), random.random(n)])
    mean = mean_of(family, X @ [0.2, 0.7, -0.5])
    y = {
        "linear": lambda: mean + random.normal(size=n),
        "logistic": lambda: (random.random(n) < mean).astype(float),
        "poisson": lambda: random.poisson(mean).astype(float),
    }[family]()
    wrong = [0 if size < 5 else max(2, round(size * (1 - q))) for size in SIZES]
    return y[exchanged(random, SIZES, wrong)], X, blocks, 1 - np.array(wrong) / SIZES


def variance_of(family: str, Q: Floats, mu: Floats, scale: float) -> tuple[Floats, Floats]:
    """Var(y*_i) and V_i from the law of what a row shows."""
    by_linkage = Q @ mu**2 - (Q @ mu) ** 2
    shown = Q @ mu
    if family == "linear":
        return scale + by_linkage, by_linkage
    return (shown * (1 - shown) if family == "logistic" else shown + by_linkage), by_linkage


def solved(method: str, family: str, y: Floats, X: Floats, Q: Floats) -> Floats:
    """The root of the estimating equations by another solver, matrices and all."""
    n, p = X.shape
    start = np.zeros(p)
    if family == "linear":
        start = np.linalg.lstsq(Q @ X, y, rcond=None)[0]

    def sigma2(beta: Floats) -> float:
        mu = X @ beta
        u2 = np.diag(Q @ (mu[:, None] - mu) ** 2)  # E (mu_shown - mu_i)^2
        return float((((y - mu) ** 2).sum() - u2.sum()) / (n - p))

    def equations(beta: Floats) -> Floats:
        mu = mean_of(family, X @ beta)
        D = slope_of(family, mu)[:, None] * X
        if method == "naive":
            return X.T @ (y - mu)
        if method == "scheuren-winkler":
            return X.T @ (y - (Q @ y - y) - mu)
        if method == "eblue":
            varying = variance_of(family, Q, mu, sigma2(beta) if family == "linear" else 1.0)[0]
            G = Q @ D / varying[:, None]
        else:
            G = {"ratio": X, "lahiri-larsen": Q @ X, "inverse": np.linalg.inv(Q).T @ X}[method]
        return np.asarray(G.T @ (y - Q @ mu))

    found = root(equations, start, tol=1e-12)
    assert np.abs(equations(found.x)).max() < 1e-7
    return np.asarray(found.x)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_estimates_solve_their_equations(method: str, family: str) -> None:
    y, X, blocks, q = linked(family)
    found = fit(y, X, exchangeable(blocks, q), method=method, family=family)
    assert found.converged
    np.testing.assert_allclose(found.coefficients, solved(method, family, y, X, dense(blocks, q)), atol=2e-7)
    np.testing.assert_allclose(found.naive, solved("naive", family, y, X, np.eye(len(y))), atol=2e-7)


def middles(family: str, G: Floats, y: Floats, Q: Floats, mu: Floats, blocks: Any, scale: float) -> Any:
    varying, by_linkage = variance_of(family, Q, mu, scale)
    scores = np.array([G[blocks == b].T @ (y - Q @ mu)[blocks == b] for b in np.unique(blocks)])
    return {
        "published": (G.T * varying) @ G,
        "own": (G.T * (varying - by_linkage)) @ G,
        "block": scores.T @ scores * len(scores) / (len(scores) - 1),
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["lahiri-larsen", "ratio", "eblue", "inverse"])
def test_variances_are_those_of_the_definition(method: str, family: str) -> None:
    y, X, blocks, q = linked(family)
    model, Q = exchangeable(blocks, q), dense(blocks, q)
    found = fit(y, X, model, method=method, family=family, variance="published")
    mu = mean_of(family, X @ found.coefficients)
    D = slope_of(family, mu)[:, None] * X
    varying = variance_of(family, Q, mu, found.scale)[0]
    G = {
        "ratio": X,
        "lahiri-larsen": Q @ X,
        "inverse": np.linalg.solve(Q, X),
        "eblue": Q @ D / varying[:, None],
    }[method]
    middle = middles(family, G, y, Q, mu, blocks, found.scale)
    middle["centred"] = middle.pop("own") + model.noise(G, mu)
    left = np.linalg.inv(G.T @ Q @ D)
    for variance, expected in middle.items():
        one = fit(y, X, model, method=method, family=family, variance=variance)
        np.testing.assert_allclose(one.covariance, left @ expected @ left.T, rtol=1e-6)
    if family == "linear":
        u2 = (mu - np.array([mu[blocks == b].mean() for b in blocks])) ** 2
        a = np.array([(SIZES[b] * q[b] - 1) / (SIZES[b] - 1) for b in blocks])
        expected = (((y - mu) ** 2).sum() - 2 * ((1 - a) * u2).sum()) / (len(y) - 3)
        assert found.scale == pytest.approx(expected)


def test_scheuren_winkler_variance_is_that_of_its_weights() -> None:
    """The adjusted outcomes are P y*, so that the score is (P X)'y*."""
    y, X, blocks, q = linked()
    model, Q = exchangeable(blocks, q), dense(blocks, q)
    P = 2 * np.eye(len(y)) - Q
    for variance in ("published", "centred"):
        found = fit(y, X, model, method="scheuren-winkler", variance=variance)
        mu, G, left = X @ found.coefficients, P.T @ X, np.linalg.inv(X.T @ X)
        varying, by_linkage = variance_of("linear", Q, mu, found.scale)
        middle = (G.T * varying) @ G
        if variance == "centred":
            middle = (G.T * (varying - by_linkage)) @ G + model.noise(G, mu)
        np.testing.assert_allclose(found.covariance, left @ middle @ left, rtol=1e-6)


@pytest.mark.parametrize("times", [1, 2, 40])
def test_repeated_adjustment_is_the_neumann_series(times: int) -> None:
    y, X, blocks, q = linked(q=0.85)
    model, Q = exchangeable(blocks, q), dense(blocks, q)
    series = sum(np.linalg.matrix_power(np.eye(len(y)) - Q, j) for j in range(times + 1))
    np.testing.assert_allclose(adjusted_outcomes(model, y, times), series @ y)
    found = fit(y, X, model, method="scheuren-winkler", times=times)
    np.testing.assert_allclose(found.coefficients, np.linalg.lstsq(X, series @ y, rcond=None)[0])
    if times == 40:
        np.testing.assert_allclose(
            found.coefficients, fit(y, X, model, method="inverse").coefficients, rtol=1e-4
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_without_errors_all_are_those_of_statsmodels(method: str, family: str) -> None:
    y, X, blocks, _ = linked(family)
    model = exchangeable(blocks, 1.0)
    kind = {
        "linear": sm.families.Gaussian(),
        "logistic": sm.families.Binomial(),
        "poisson": sm.families.Poisson(),
    }
    theirs = sm.OLS(y, X) if family == "linear" else sm.GLM(y, X, family=kind[family])
    plain = theirs.fit()
    for variance in ("centred", "published"):
        ours = fit(y, X, model, method=method, family=family, variance=variance)
        np.testing.assert_allclose(ours.coefficients, plain.params, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(ours.standard_errors, plain.bse, rtol=1e-5)
    assert ours.scale == pytest.approx(plain.scale)
    m = len(SIZES)
    clustered = theirs.fit(cov_type="cluster", cov_kwds={"groups": blocks, "use_correction": False})
    ours = fit(y, X, model, method=method, family=family)
    assert (ours.variance, ours.df) == ("block", m - 1)
    np.testing.assert_allclose(ours.standard_errors, clustered.bse * np.sqrt(m / (m - 1)), rtol=1e-5)
    rows = np.arange(len(y))
    by_row = fit(y, X, exchangeable(rows, 1.0), method=method, family=family)
    robust = theirs.fit(cov_type="HC0")
    np.testing.assert_allclose(by_row.standard_errors, robust.bse * np.sqrt(len(y) / (len(y) - 1)), rtol=1e-5)


def test_weights_without_errors_are_those_of_statsmodels() -> None:
    y, X, blocks, _ = linked()
    weights = np.random.default_rng(1).uniform(0.5, 3, len(y))
    ours = fit(y, X, exchangeable(blocks, 1.0), weights=weights)
    theirs = sm.WLS(y, X, weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": blocks, "use_correction": False}
    )
    np.testing.assert_allclose(ours.coefficients, theirs.params)
    np.testing.assert_allclose(ours.standard_errors, theirs.bse * np.sqrt(12 / 11))
    doubled = fit(y, X, exchangeable(blocks, 0.9), weights=2 * weights)
    np.testing.assert_allclose(
        doubled.standard_errors, fit(y, X, exchangeable(blocks, 0.9), weights=weights).standard_errors
    )


@pytest.mark.parametrize("method", ["naive", "ratio", "lahiri-larsen", "inverse"])
def test_jackknife_is_fitting_anew_without_each_block(method: str) -> None:
    y, X, blocks, q = linked()
    found = fit(y, X, exchangeable(blocks, q), method=method, variance="jackknife")
    left = []
    for b in range(len(SIZES)):
        keep = blocks != b
        model = exchangeable(blocks[keep], np.delete(q, b))
        left.append(fit(y[keep], X[keep], model, method=method).coefficients)
    moved = np.array(left) - np.mean(left, axis=0)
    np.testing.assert_allclose(found.covariance, moved.T @ moved * 11 / 12, rtol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_step_jackknife_is_near_that_of_fitting_anew(family: str) -> None:
    y, X, blocks, q = linked(family)
    model = exchangeable(blocks, q)
    for method in ("ratio", "eblue"):
        jackknifed = fit(y, X, model, method=method, family=family, variance="jackknife")
        by_block = fit(y, X, model, method=method, family=family, variance="block")
        ratio = jackknifed.standard_errors / by_block.standard_errors
        assert ((ratio > 0.95) & (ratio < 1.3)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METHODS), st.floats(0.55, 1.0))
def test_estimates_follow_units_order_and_shift(seed: int, method: str, q: float) -> None:
    """Other units of covariates and outcome, rows in another order: the same regression."""
    y, X, blocks, _ = linked(seed=seed)
    plain = fit(y, X, exchangeable(blocks, q), method=method)
    units = np.array([[1.0, 4.0, 0.0], [0.0, 1e5, 0.0], [0.0, 0.0, 1e-3]])
    order = np.random.default_rng(seed).permutation(len(y))
    other = fit(7 + 100 * y[order], (X @ units)[order], exchangeable(blocks[order], q), method=method)
    back = units @ other.coefficients
    back[0] -= 7
    np.testing.assert_allclose(back, 100 * plain.coefficients, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        np.sqrt(np.diag(units @ other.covariance @ units.T)), 100 * plain.standard_errors, rtol=1e-4
    )


def test_ratio_type_of_one_block_is_pseudo_ols() -> None:
    """(I - (1 - a)(I - psi))^-1 b with psi = (X'X/n)^-1 xbar xbar' (Zhang and Tuoto 2021)."""
    random = np.random.default_rng(2)
    n, q = 80, 0.7
    X = np.column_stack([np.ones(n), random.normal(size=(n, 2))])
    y = X @ [1.0, 2.0, 3.0] + random.normal(size=n)
    naive = np.linalg.lstsq(X, y, rcond=None)[0]
    bar = X.mean(axis=0)
    psi = np.linalg.solve(X.T @ X / n, np.outer(bar, bar))
    a = (n * q - 1) / (n - 1)
    pseudo = np.linalg.solve(np.eye(3) - (1 - a) * (np.eye(3) - psi), naive)
    found = fit(y, X, exchangeable(np.zeros(n, int), q))
    np.testing.assert_allclose(found.coefficients, pseudo, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_sensitivity_is_the_slope_of_the_estimate_over_q(family: str) -> None:
    """Exact for the ratio type, whose weights do not move with q."""
    y, X, blocks, q = linked(family)
    model, h = exchangeable(blocks, q * 0.98), 1e-5
    found = fit(y, X, model, family=family)
    up, down = (fit(y, X, model.at(model.q + d), family=family).coefficients for d in (h, -h))
    assert found.sensitivity is not None
    np.testing.assert_allclose(found.sensitivity, (up - down) / (2 * h), rtol=1e-4)
    assert fit(y, X, model, method="naive").sensitivity is None


def test_sensitivity_in_one_block_is_known() -> None:
    """d log slope / d a = -1 / a."""
    random = np.random.default_rng(2)
    x, n = random.normal(size=100), 100
    model = exchangeable(np.zeros(n, int), 0.75)
    found = fit(2 * x + random.normal(size=n), np.column_stack([np.ones(n), x]), model)
    assert found.sensitivity is not None
    assert found.sensitivity[1] / found.coefficients[1] == pytest.approx(-(n / (n - 1)) / model.a[0])


def test_missed_links_by_dense_matrices() -> None:
    random = np.random.default_rng(4)
    blocks = np.repeat(np.arange(12), 10)
    X = np.column_stack([np.ones(120), random.normal(size=120)])
    rows = np.sort(random.choice(120, 70, replace=False))
    y = random.normal(size=70) + 2 * X[rows, 1]
    Q = dense(blocks, 0.7)[rows]
    model = incomplete(blocks, 0.7, rows)
    ratio = fit(y, X, model).coefficients
    np.testing.assert_allclose(ratio, np.linalg.solve(X[rows].T @ Q @ X, X[rows].T @ y))
    lahiri = fit(y, X, model, method="lahiri-larsen").coefficients
    np.testing.assert_allclose(lahiri, np.linalg.lstsq(Q @ X, y, rcond=None)[0])
    np.testing.assert_allclose(fit(y, X, model).naive, np.linalg.lstsq(X[rows], y, rcond=None)[0])
    with pytest.raises(InputError, match="needs a link of every record"):
        fit(y, X, model, method="inverse")
    with pytest.raises(InputError, match="complete linkage"):
        fit(y, X, model, method="scheuren-winkler")


def test_the_uncertainty_of_an_audit_is_in_the_variance_once() -> None:
    y, X, blocks, _ = linked()
    checked = np.array(SIZES) // 2
    per_block = audited(blocks, np.maximum(checked - 1, 1), checked, shrink=False)
    pooled = audited(blocks, 40.0, 50.0, pooled=True)
    for model in (per_block, pooled):
        known = model.at(model.q)
        for variance in ("centred", "block", "jackknife"):
            sure = fit(y, X, known, variance=variance)
            found = fit(y, X, model, variance=variance)
            J = np.linalg.inv(X.T @ dense(blocks, model.q) @ X)
            added = J @ model.uncertainty(X, X @ found.coefficients) @ J.T
            if model is per_block and variance != "centred":
                added = np.zeros_like(J)  # the scores of the blocks have it in them
            np.testing.assert_allclose(found.covariance, sure.covariance + added, rtol=1e-8, atol=1e-14)


class TestFailures:
    """What cannot be estimated is refused, or says so."""

    def test_columns_that_say_the_same_are_named(self) -> None:
        y, X, blocks, q = linked()
        X = np.column_stack([X, X[:, 1] + 2 * X[:, 2]])
        with pytest.raises(InputError, match=r"singular: the column '.' is a combination of '.', '.'"):
            fit(y, X, exchangeable(blocks, q), names=list("abcd"))
        data = pl.DataFrame({"y": y, "a": X[:, 1], "b": 2 * X[:, 1]})
        with pytest.raises(InputError, match=r"singular: the column '[ab]' is a combination of '[ab]'"):
            regression("y ~ a + b", data, exchangeable(blocks, q))
        with pytest.raises(InputError, match="column 'b' is 0"):
            fit(y, np.column_stack([X[:, 0], 0 * y]), exchangeable(blocks, q), names=["a", "b"])

    def test_no_root_gives_no_estimate(self) -> None:
        """Outcomes that are more extreme than such links could show."""
        x = np.repeat([-1.0, 1.0], 50)
        X, y = np.column_stack([np.ones(100), x]), (x > 0).astype(float)
        with pytest.warns(TallystickWarning, match="did not converge"):
            found = fit(y, X, exchangeable(np.zeros(100, int), 0.6), family="logistic", method="ratio")
        assert not found.converged
        assert np.isnan(found.coefficients).all()
        assert np.isnan(found.standard_errors).all()
        with pytest.warns(TallystickWarning, match="did not converge"):
            result = regression(
                "y ~ x", {"x": x, "y": y}, exchangeable(np.zeros(100, int), 0.6), family="logistic"
            )
        assert "did NOT converge" in str(result.summary())
        assert result.conf_int().isna().all().all()
        with pytest.raises(InputError, match="no estimate to test"):
            result.wald_test("x = 0")
        with pytest.warns(TallystickWarning, match="all outcomes are 1, which no coefficients give"):
            fit(np.ones(100), X, exchangeable(np.zeros(100, int), 0.9), family="logistic")

    def test_links_that_say_nothing_are_what_is_named(self) -> None:
        y, X, *_ = linked()
        with pytest.raises(InputError, match="links say nothing of the covariates"):
            fit(y, X, exchangeable(np.zeros(len(y), int), 1 / len(y)))

    def test_a_variance_that_is_not_above_0_is_replaced_and_said(self) -> None:
        y, X, blocks, _ = linked(seed=8)
        y = X @ [0.0, 1.0, 0.0]  # no error at all, though links are said to be bad
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = fit(y, X, exchangeable(blocks, 0.6))
        assert found.scale_replaced
        assert found.scale > 0
        data = {"x": X[:, 1], "z": X[:, 2], "y": y}
        said = str(regression("y ~ x + z", data, exchangeable(blocks, 0.6)).summary())
        assert "half" in said

    def test_exact_outcomes_are_exact(self) -> None:
        _, X, blocks, _ = linked()
        for method in ("ratio", "eblue", "lahiri-larsen", "inverse"):
            found = fit(X @ [1.0, 2.0, 3.0], X, exchangeable(blocks, 1.0), method=method)
            np.testing.assert_allclose(found.coefficients, [1, 2, 3])
            assert found.scale == pytest.approx(0, abs=1e-20)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"method": "magic"}, "method: 'magic' is none of"),
            ({"family": "gamma"}, "family: 'gamma' is none of"),
            ({"variance": "robust"}, "variance: 'robust' is none of"),
            ({"times": 2}, "has no such setting"),
            ({"times": 0}, "times: 0 is below 1"),
            ({"weights": [-1.0] * 90}, "none below 0"),
            ({"family": "logistic"}, "neither 0 nor 1"),
            ({"family": "poisson"}, "below 0"),
        ],
    )
    def test_settings_are_checked(self, change: dict[str, Any], message: str) -> None:
        y, X, blocks, q = linked()
        with pytest.raises(InputError, match=message):
            fit(y, X, exchangeable(blocks, q), **change)

    def test_shapes_and_missing_values(self) -> None:
        y, X, blocks, q = linked()
        model: ErrorModel = exchangeable(blocks, q)
        with pytest.raises(InputError, match="90 links and 90 records, y has 89"):
            fit(y[:-1], X, model)
        with pytest.raises(InputError, match="y has 1 missing"):
            fit(np.where(np.arange(90) == 4, np.nan, y), X, model)
        with pytest.raises(InputError, match="needs two blocks"):
            fit(y, X, exchangeable(np.zeros(90, int), 0.8), variance="block")
        assert fit(y, X, exchangeable(np.zeros(90, int), 0.8)).variance == "centred"

    def test_the_inverse_is_refused_where_links_say_nothing(self) -> None:
        y, X, blocks, _ = linked()
        q = np.full(len(SIZES), 0.9)
        q[3] = 1 / SIZES[3] + 0.01
        with pytest.raises(InputError, match=r"\|a\| below 0.05"):
            fit(y, X, exchangeable(blocks, q), method="inverse")
        assert fit(y, X, exchangeable(blocks, q)).converged

    def test_a_block_that_alone_tells_a_coefficient_has_no_jackknife(self) -> None:
        y, X, blocks, q = linked()
        X = np.column_stack([X[:, :2], blocks == 2]).astype(float)
        with pytest.raises(InputError, match="without one of the blocks"):
            fit(y, X, exchangeable(blocks, q), variance="jackknife")


class TestPublished:
    """Figures of others, by their conventions (computed from public parts) where these are not ours."""

    def test_postlink_example(self, data_dir: Path) -> None:
        """O1: BLUE of postlink's test of glmELE, by its conventions; and by ours."""
        data = pl.read_csv(data_dir / "postlink_example.csv")
        y, X = data["y"].to_numpy(), data.select("x0", "x1", "x2").to_numpy().astype(float)
        n, q = 50, 0.9
        model = exchangeable(np.zeros(n, int), q)
        shown = model.expected(X)
        beta = fit(y, X, model, method="lahiri-larsen").coefficients

        def weighed(beta: Floats) -> tuple[Floats, Floats, float]:
            """Weights of EBLUE with q in place of a in V, and sigma^2 over n."""
            mu = X @ beta
            u2 = (mu - mu.mean()) ** 2
            by_linkage = (1 - q) * (q * u2 + u2.mean())
            sigma2 = (((y - mu) ** 2).sum() - 2 * (1 - model.a[0]) * u2.sum()) / n
            return shown / (sigma2 + by_linkage)[:, None], sigma2 + by_linkage, sigma2

        for _ in range(200):
            G = weighed(beta)[0]
            beta = np.linalg.solve(G.T @ shown, G.T @ y)
        G, varying, sigma2 = weighed(beta)
        np.testing.assert_allclose(beta, [1.4855, 0.8593, -0.5486], atol=6e-5)
        assert sigma2 == pytest.approx(0.2262, abs=1e-4)
        steps = 1e-6 * np.eye(3)
        jacobian = np.column_stack(
            [
                (
                    weighed(beta + h)[0].T @ (y - shown @ (beta + h))
                    - weighed(beta - h)[0].T @ (y - shown @ (beta - h))
                )
                / 2e-6
                for h in steps
            ]
        )
        left = np.linalg.inv(jacobian)
        errors = np.sqrt(np.diag(left @ ((G.T * varying) @ G) @ left.T))
        np.testing.assert_allclose(errors, [0.1490, 0.1030, 0.2047], rtol=0.015)

    def test_postlink_example_by_our_conventions(self, data_dir: Path) -> None:
        """V with a, sigma^2 over n - p; and the centred variance with a random number of wrong links."""
        data = pl.read_csv(data_dir / "postlink_example.csv")
        y, X = data["y"].to_numpy(), data.select("x0", "x1", "x2").to_numpy().astype(float)
        model = exchangeable(np.zeros(50, int), 0.9)
        found = fit(y, X, model, method="eblue", variance="published")
        np.testing.assert_allclose(found.coefficients, [1.4857, 0.8590, -0.5480], atol=6e-5)
        assert found.scale == pytest.approx(0.2406, abs=6e-5)
        np.testing.assert_allclose(found.standard_errors, [0.1574, 0.1032, 0.2102], atol=6e-5)
        mu, shown = X @ found.coefficients, model.expected(X)
        by_linkage = model.variance(mu)
        G = shown / (found.scale + by_linkage)[:, None]
        centred, u = G - G.mean(axis=0), mu - mu.mean()
        together = np.outer(centred.T @ u, centred.T @ u) / (50 * 49)
        left = np.linalg.inv(G.T @ shown)
        middle = found.scale * G.T @ G + (centred.T * by_linkage) @ centred + together
        errors = np.sqrt(np.diag(left @ middle @ left.T))
        np.testing.assert_allclose(errors, [0.1536, 0.1050, 0.2105], atol=6e-5)

    def test_lifem(self, data_dir: Path) -> None:
        """O3: ordinary least squares of all links, and of those made by hand."""
        data = pl.read_csv(data_dir / "lifem.csv")
        formula = "age_at_death ~ unit_yob + I(unit_yob**2) + I(unit_yob**3)"
        for rows, r2, error, df in (
            (data, 0.0936, 19.67, 3234),
            (data.filter("hndlnk"), 0.1191, 18.98, 2155),
        ):
            found = regression(formula, rows, exchangeable(np.zeros(len(rows), int), 1.0), method="naive")
            y = rows["age_at_death"].to_numpy()
            assert found.df_resid == df
            assert np.sqrt(found.scale) == pytest.approx(error, abs=0.005)
            assert 1 - found.scale * df / ((y - y.mean()) ** 2).sum() == pytest.approx(r2, abs=6e-5)


def test_memory_grows_with_the_rows() -> None:
    """No matrix of all rows by all rows, not even of a block: one block of 20,000 would take 3.2 GB."""
    random = np.random.default_rng(1)
    n = 20_000
    X = np.column_stack([np.ones(n), random.normal(size=(n, 3))])
    y, model = X.sum(axis=1) + random.normal(size=n), exchangeable(np.arange(n) % 2, 0.8)
    for method in METHODS:
        tracemalloc.start()
        fit(y, X, model, method=method, variance="centred")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 60 * n * 8


def test_the_estimate_is_of_arrays() -> None:
    y, X, blocks, q = linked()
    found = fit(y, X, exchangeable(blocks, q))
    assert isinstance(found, Estimate)
    assert found.fitted.shape == found.shown.shape == y.shape
    np.testing.assert_allclose(found.shown, dense(blocks, q) @ X @ found.coefficients)
