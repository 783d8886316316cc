"""Mixture regression: against other libraries, numerical derivatives, and data of known links."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.optimize import approx_fprime
from scipy.special import expit

from tallystick.analysis import MixtureEstimate, fit_mixture_regression, mixture_regression
from tallystick.analysis.mixture.components import log_marginal
from tallystick.analysis.mixture.em import fit_mixture
from tallystick.analysis.mixture.likelihood import Data, Parameters, evaluate, gradient, hessian, moved
from tallystick.analysis.mixture.matches import Matches
from tallystick.analysis.regressions.families import family_of
from tallystick.errors import InputError, TallystickWarning

Floats = NDArray[np.float64]


def linked(
    rng: np.random.Generator,
    n: int = 1000,
    alpha: float = 0.2,
    beta: Any = (1.0, 2.0),
    *,
    family: str = "linear",
    errors: str = "normal",
    safe: int = 0,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Outcomes as linked, covariates and which links are known to be right: the first ones."""
    X = np.column_stack([np.ones(n), rng.normal(size=(n, len(beta) - 1))])
    eta = X @ np.asarray(beta)
    if family == "linear":
        y = eta + (rng.normal(size=n) if errors == "normal" else rng.standard_t(4, n) / np.sqrt(2))
    elif family == "poisson":
        y = rng.poisson(np.exp(eta) * (1 if errors == "normal" else rng.gamma(4, 0.25, n))).astype(float)
    else:
        y = (rng.random(n) < expit(eta)).astype(float)
    wrong = rng.permutation(np.arange(safe, n))[: round(alpha * (n - safe))]
    y[wrong] = y[np.roll(wrong, 1)]
    return y, X, np.arange(n) < safe


def quietly(*args: Any, **kwargs: Any) -> MixtureEstimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)
        return fit_mixture_regression(*args, **kwargs)


@pytest.mark.parametrize(
    ("family", "beta"), [("linear", (1, 2)), ("poisson", (0.3, 0.5)), ("logistic", (0, 1))]
)
@pytest.mark.parametrize("variance", ["information", "sandwich"])
def test_with_no_link_wrong_it_is_the_model_of_statsmodels(family: str, beta: Any, variance: str) -> None:
    y, X, _ = linked(np.random.default_rng(1), 300, 0.0, beta, family=family)
    found = quietly(y, X, family=family, mismatch_rate=0.0, variance=variance)
    kind = "nonrobust" if variance == "information" else "HC0"
    if family == "linear":
        wanted = sm.OLS(y, X).fit(cov_type=kind)
        # OLS divides by n - p, the likelihood by n.
        factor = 298 / 300 if variance == "information" else 1.0
        assert found.scale == pytest.approx(wanted.ssr / 300, rel=1e-6)
        # Scores of log sigma mix with those of the slopes in the sandwich of a likelihood.
        rtol = 1e-6 if variance == "information" else 0.02
    else:
        make = sm.families.Poisson() if family == "poisson" else sm.families.Binomial()
        wanted = sm.GLM(y, X, family=make).fit(cov_type=kind)
        factor, rtol = 1.0, 1e-5
    np.testing.assert_allclose(found.coefficients, wanted.params, rtol=1e-6)
    np.testing.assert_allclose(np.diag(found.covariance), factor * np.diag(wanted.cov_params()), rtol=rtol)
    np.testing.assert_allclose(found.naive, wanted.params, rtol=1e-6)
    assert found.converged
    assert found.mismatch_rate == 0


@pytest.mark.parametrize("family", ["linear", "poisson", "logistic"])
@pytest.mark.parametrize("prior", [None, (3.0, 20.0)])
def test_derivatives_are_those_of_the_likelihood(family: str, prior: Any) -> None:
    rng = np.random.default_rng(2)
    y, X, safe = linked(rng, 60, 0.2, (0.3, 0.5), family=family, safe=15)
    z = np.column_stack([np.ones(60), rng.normal(size=60)])
    fam = family_of(family)
    data = Data(fam, y, X, Matches(z, safe, prior=prior), log_marginal(fam, y))
    at = Parameters(np.array([0.2, 0.6]), 1.3 if family == "linear" else 1.0, np.array([1.0, -0.4]))
    zero = np.zeros(4 + (family == "linear"))
    value = approx_fprime(zero, lambda step: evaluate(data, moved(data, at, step)).penalised, 1e-6)
    np.testing.assert_allclose(gradient(data, at), value, rtol=1e-4, atol=1e-4)
    second = [
        (gradient(data, moved(data, at, e)) - gradient(data, moved(data, at, -e))) / 2e-5
        for e in 1e-5 * np.eye(len(zero))
    ]
    np.testing.assert_allclose(hessian(data, at), second, rtol=1e-4, atol=1e-4)


def test_rows_of_safe_links_are_in_the_hessian() -> None:
    """Without the rows of safe links, as another library has it, the Hessian is another."""
    rng = np.random.default_rng(3)
    y, X, safe = linked(rng, 60, 0.2, safe=30)
    fam = family_of("linear")
    data = Data(fam, y, X, Matches(np.ones((60, 1)), safe), log_marginal(fam, y))
    at = Parameters(np.array([1.0, 2.0]), 1.0, np.array([1.4]))
    rest = Data(fam, y[30:], X[30:], Matches(np.ones((30, 1)), safe[30:]), data.log_marginal[30:])
    assert hessian(rest, at)[1, 1] / hessian(data, at)[1, 1] < 0.7


def test_the_marginal_is_a_density_with_the_variance_of_the_outcomes() -> None:
    y = np.random.default_rng(4).normal(3, 2, 4000)
    found = np.exp(log_marginal(family_of("linear"), y))
    true = np.exp(-0.5 * ((y - 3) / 2) ** 2) / (2 * np.sqrt(2 * np.pi))
    assert np.mean(np.log(found) - np.log(true)) == pytest.approx(0, abs=0.01)
    counts = np.array([0.0, 0, 1, 3])
    np.testing.assert_allclose(np.exp(log_marginal(family_of("poisson"), counts)), [0.5, 0.5, 0.25, 0.25])
    assert (log_marginal(family_of("linear"), np.ones(5)) == 0).all()


def test_em_rises_and_several_starts_come_to_one_top() -> None:
    y, X, safe = linked(np.random.default_rng(5))
    fam = family_of("linear")
    data = Data(fam, y, X, Matches(np.ones((1000, 1)), safe), log_marginal(fam, y))
    found = fit_mixture(data, 6, 0)
    assert found is not None
    assert found.monotone
    assert len(found.starts) == 6
    assert found.starts[0] - found.starts[-1] < 0.01
    assert found.loglik >= found.starts[0]
    np.testing.assert_allclose(gradient(data, found.parameters), 0, atol=1e-3)


def test_a_likelihood_that_falls_is_no_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault injected in the M-step: slopes that are too small."""
    from tallystick.analysis.mixture import em

    y, X, _ = linked(np.random.default_rng(6), 300)
    right = em.weighted_fit
    monkeypatch.setattr(
        em,
        "weighted_fit",
        lambda data, weights, beta: right(data, weights, beta) * (0.3 + 0.9 * weights.mean()),
    )
    with pytest.warns(TallystickWarning, match="did not converge"):
        found = fit_mixture_regression(y, X)
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.covariance).all()
    assert not found.converged
    with pytest.warns(TallystickWarning, match="did not converge"):
        result = mixture_regression("y ~ x", {"y": y, "x": X[:, 1]})
    assert "did NOT converge" in str(result).replace("\n", " ")
    assert result.params.isna().all()
    assert np.isnan(result.mismatch_rate_limits()).all()


def test_the_chance_of_a_right_link_follows_its_covariates() -> None:
    rng = np.random.default_rng(7)
    n = 3000
    x, score = rng.normal(size=n), rng.random(n)
    y = 1 + 2 * x + rng.normal(size=n)
    wrong = np.flatnonzero(rng.random(n) > expit(0.5 + 3 * score))
    y[wrong] = y[np.roll(wrong, 1)]
    data = pl.DataFrame({"id": np.arange(n) + 7, "x": x, "y": y, "score": score, "safe": score > 2})
    result = mixture_regression("y ~ x", data, matches="score", safe="safe", index="id")
    assert result.match_params.index.tolist() == ["Intercept", "score"]
    assert abs(result.match_params - [0.5, 3] < 4 * result.match_bse).all()
    assert abs(result.params["x"] - 2) < 4 * result.bse["x"]
    assert result.right.index[0] == 7
    assert result.right.iloc[wrong].mean() < result.right.mean() - 0.3
    assert "right link: score" in str(result.summary())
    bound = quietly(y, result.design.X, z=np.column_stack([np.ones(n), score]), at_most=0.05)
    assert bound.at_bound
    assert bound.mismatch_rate == pytest.approx(0.05, abs=1e-4)
    assert bound.converged


def test_what_is_known_beforehand_is_heeded() -> None:
    y, X, _ = linked(np.random.default_rng(8))
    free = fit_mixture_regression(y, X)
    share, gamma = free.mismatch_rate, free.match_covariance[0, 0]  # alpha is 1 - expit(gamma)
    assert free.mismatch_rate_error == pytest.approx(share * (1 - share) * np.sqrt(gamma))
    held = quietly(y, X, mismatch_rate=0.3)
    assert held.mismatch_rate == pytest.approx(0.3)
    assert held.mismatch_rate_error == 0
    with pytest.warns(TallystickWarning, match="at the bound"):
        bound = fit_mixture_regression(y, X, at_most=0.1)
    assert bound.mismatch_rate == pytest.approx(0.1)
    loose = fit_mixture_regression(y, X, at_most=0.9)
    np.testing.assert_allclose(loose.coefficients, free.coefficients, rtol=1e-5)
    vague = fit_mixture_regression(y, X, prior=(0.5, 0.45))
    assert vague.mismatch_rate == pytest.approx(free.mismatch_rate, abs=0.01)
    firm = quietly(y, X, prior=(0.3, 0.005))
    assert firm.mismatch_rate == pytest.approx(0.3, abs=0.01)
    assert firm.mismatch_rate_error < 0.006


def test_where_nothing_is_wrong_it_says_how_much_might_be() -> None:
    y, X, _ = linked(np.random.default_rng(9), alpha=0.0, beta=(1.0, 0.2))
    for seed in range(9, 30):
        y, X, _ = linked(np.random.default_rng(seed), alpha=0.0, beta=(1.0, 0.2))
        found = quietly(y, X)
        if found.none_wrong:
            break
    assert found.none_wrong
    assert found.mismatch_rate == 0
    np.testing.assert_allclose(found.coefficients, found.naive)
    assert 0.02 < found.mismatch_rate_limit < 1
    with pytest.warns(TallystickWarning, match="would fit nearly as well"):
        fit_mixture_regression(y, X)


def test_heavy_tails_and_spread_counts_are_said_to_look_like_wrong_links() -> None:
    y, X, _ = linked(np.random.default_rng(10), 4000, errors="t4")
    with pytest.warns(TallystickWarning, match="follow their own covariates"):
        found = fit_mixture_regression(y, X)
    assert found.check.slope > 0.05
    y, X, _ = linked(np.random.default_rng(11), 3000, beta=(1.0, 0.5), family="poisson", errors="gamma")
    with pytest.warns(TallystickWarning, match="Poisson counts"):
        fit_mixture_regression(y, X, family="poisson")
    y, X, _ = linked(np.random.default_rng(12), 4000)
    assert fit_mixture_regression(y, X).check.pvalue > 0.01


def test_what_is_not_identified_is_refused() -> None:
    y, X, safe = linked(np.random.default_rng(13), 500, family="logistic", safe=200)
    with pytest.raises(InputError, match="logistic mixture is not identified"):
        fit_mixture_regression(y, X, family="logistic")
    with pytest.raises(InputError, match="logistic mixture is not identified"):
        fit_mixture_regression(y, X, family="logistic", at_most=0.3)
    for known in ({"safe": safe}, {"mismatch_rate": 0.2}, {"prior": (0.2, 0.03)}):
        found = quietly(y, X, family="logistic", **known)
        assert np.isfinite(found.covariance).all()
    with pytest.raises(InputError, match="without covariates"):
        fit_mixture_regression(np.random.default_rng(0).normal(size=50), np.ones((50, 1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.ones((40, 2))}, "singular"),
        ({"family": "gamma"}, "family"),
        ({"y": np.full(40, 0.5), "family": "poisson", "mismatch_rate": 2.0}, "no share"),
        ({"mismatch_rate": 0.1, "prior": (0.1, 0.01)}, "goes with no bound"),
        ({"at_most": 1.0}, "at_most"),
        ({"prior": (0.1, 0.4)}, "prior"),
        ({"variance": "block"}, "variance"),
        ({"starts": 0}, "starts"),
        ({"z": np.arange(40.0)[:, None]}, "constant"),
        ({"z": np.column_stack([np.ones(40), np.arange(40)]), "mismatch_rate": 0.1}, "cannot be held"),
        ({"z": np.column_stack([np.ones(40), np.ones(40)])}, "singular"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    y, X, _ = linked(np.random.default_rng(14), 40)
    call = {"y": y, "X": X} | change
    with pytest.raises(InputError, match=message):
        fit_mixture_regression(call.pop("y"), call.pop("X"), **call)


def test_bad_columns_are_refused() -> None:
    y, X, _ = linked(np.random.default_rng(15), 40)
    data = pd.DataFrame({"y": y, "x": X[:, 1], "safe": 2, "hole": [None, *range(39)]})
    with pytest.raises(InputError, match="neither true nor false"):
        mixture_regression("y ~ x", data, safe="safe")
    with pytest.raises(InputError, match="3 values and 40 rows"):
        mixture_regression("y ~ x", data, safe=[True, False, True])
    with pytest.raises(InputError, match="missing"):
        mixture_regression("y ~ x", data, matches="hole")
    with pytest.raises(InputError, match="no column"):
        mixture_regression("y ~ x", data, safe="nobody")
    with pytest.raises(InputError, match="no rows"):
        mixture_regression("y ~ x", data[:0])


def test_the_result_is_read_as_that_of_a_regression() -> None:
    y, X, _ = linked(np.random.default_rng(16))
    result = mixture_regression("y ~ x", {"y": y, "x": X[:, 1]})
    assert result.conf_int().loc["x", 0] < 2 < result.conf_int().loc["x", 1]
    assert float(result.t_test("x = 2").pvalue) > 0.001
    low, high = result.mismatch_rate_limits()
    assert 0 < low < result.mismatch_rate < high < 1
    text = str(result)
    for part in ("Mixture Regression", "Wrong:", "naive", "It rests on the family"):
        assert part in text
    assert repr(result) == "<MixtureResult: y ~ x, linear, 1000 links>"
    np.testing.assert_allclose(result.predict({"x": [0.0, 1.0]}), np.cumsum(result.params))
    again = mixture_regression("y ~ x", {"y": y, "x": X[:, 1]})
    assert again.params.equals(result.params)
    assert np.isnan(
        replace(result, mixture=replace(result.mixture, mismatch_rate_error=0.0)).mismatch_rate_limits()[0]
    )


def simulated(seed: int, times: int, **kwargs: Any) -> dict[str, float]:
    """Slope, its errors and the mismatch rate over data drawn anew."""
    rng = np.random.default_rng(seed)
    slopes, errors, rates, checks = [], [], [], []
    beta = kwargs.get("beta", (1.0, 2.0))[-1]
    for _ in range(times):
        y, X, safe = linked(rng, **kwargs)
        found = quietly(y, X, safe=safe, family=kwargs.get("family", "linear"), starts=3)
        slopes.append(found.coefficients[1])
        errors.append(np.sqrt(found.covariance[1, 1]))
        rates.append(found.mismatch_rate)
        checks.append(found.check.pvalue < 0.01)
    covered = np.abs(np.array(slopes) - beta) < 1.96 * np.array(errors)
    sd = float(np.std(slopes, ddof=1))
    return {
        "bias": float(np.mean(slopes)) - beta,
        "sd": sd,
        "se/sd": float(np.mean(errors)) / sd,
        "cover": float(covered.mean()),
        "rate": float(np.mean(rates)),
        "checked": float(np.mean(checks)),
    }


def test_the_mixture_recovers_the_slope_in_short() -> None:
    times = 40
    found = simulated(31, times)
    assert abs(found["bias"]) < 4 * found["sd"] / np.sqrt(times)
    assert abs(found["se/sd"] - 1) < 4 / np.sqrt(2 * times)
    assert abs(found["rate"] - 0.2) < 0.015
    found = simulated(32, times, safe=400)
    assert abs(found["bias"]) < 4 * found["sd"] / np.sqrt(times)
    assert abs(found["se/sd"] - 1) < 4 / np.sqrt(2 * times)


@pytest.mark.long
def test_the_mixture_meets_the_tolerances_of_the_specification() -> None:
    found = simulated(41, 600)
    assert abs(found["bias"]) < 0.015
    assert 0.95 < found["se/sd"] < 1.1
    assert 0.19 < found["rate"] < 0.21
    assert found["checked"] < 0.03
    safe = simulated(42, 600, safe=400)
    assert 0.93 < safe["se/sd"] < 1.07
    # Where it is fragile: heavy tails, and a signal that is weak.
    tails = simulated(43, 300, errors="t4")
    assert 0.015 < tails["bias"] < 0.04
    assert 0.23 < tails["rate"] < 0.27
    assert tails["checked"] > 0.25
    weak = simulated(44, 300, beta=(1.0, 0.3))
    assert weak["cover"] < 0.8


if __name__ == "__main__":
    for label, settings in {
        "strong": {},
        "alpha .4": {"alpha": 0.4},
        "400 safe": {"safe": 400},
        "t4": {"errors": "t4"},
        "slope .5": {"beta": (1.0, 0.5)},
        "slope .3": {"beta": (1.0, 0.3)},
        "Poisson": {"beta": (0.3, 0.5), "family": "poisson"},
        "Poisson-gamma": {"beta": (0.3, 0.5), "family": "poisson", "errors": "gamma"},
        "logistic, 400 safe": {"beta": (-0.5, 2.0), "family": "logistic", "safe": 400},
    }.items():
        found = simulated(50, 400, **settings)  # type: ignore[arg-type]
        print(label, {name: round(value, 3) for name, value in found.items()}, flush=True)  # noqa: T201
