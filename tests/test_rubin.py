"""Rubin's rules: published numbers, statsmodels, plain loops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tallystick.analysis import pool, pool_results
from tallystick.errors import InputError


def test_the_example_of_mianalyze() -> None:
    """Mean oxygen intake of 31 men, 5 imputations (SAS/STAT 9.1, PROC MIANALYZE, edf = 30)."""
    means = np.array([47.0120, 47.2407, 47.4995, 47.1485, 47.0042])
    errors = np.array([0.95984, 0.93540, 1.00766, 0.95439, 0.96528])
    found = pool(means[:, None], (errors**2)[:, None, None], df=30, names=["Oxygen"])
    assert found.params["Oxygen"] == pytest.approx(47.180993, abs=2e-5)
    assert found.within[0, 0] == pytest.approx(0.930853, abs=5e-6)
    assert found.between[0, 0] == pytest.approx(0.041478, abs=2e-5)
    assert found.total[0, 0] == pytest.approx(0.980626, abs=2e-5)
    assert found.bse["Oxygen"] == pytest.approx(0.990266, abs=1e-5)
    assert found.df[0] == pytest.approx(26.298, abs=2e-3)
    assert found.relative_increase["Oxygen"] == pytest.approx(0.053471, abs=2e-5)
    assert found.fraction_missing["Oxygen"] == pytest.approx(0.051977, abs=2e-5)


def test_degrees_of_freedom_without_complete_ones() -> None:
    """5 imputations and r = 10 %: 484 (SAS/STAT, details of PROC MIANALYZE, on Barnard and Rubin 1999)."""
    spread = np.sqrt(0.1 / 1.2 / 2)
    estimates = np.array([[-spread], [-spread], [spread], [spread], [0.0]])
    estimates *= np.sqrt((0.1 / 1.2) / estimates.var(ddof=1))
    assert pool(estimates, np.ones((5, 1, 1))).df[0] == pytest.approx(484)


def test_mice_of_statsmodels_pools_alike() -> None:
    import pandas as pd
    from statsmodels.imputation import mice
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(3)
    x = rng.normal(size=80)
    data = pd.DataFrame({"x": np.where(rng.random(80) < 0.2, np.nan, x), "y": x + rng.normal(size=80)})
    np.random.seed(3)  # noqa: NPY002 - its draws are from the global state
    chained = mice.MICE("y ~ x", OLS, mice.MICEData(data))
    theirs = chained.fit(1, 4)
    ours = pool_results(chained.results_list)
    np.testing.assert_allclose(ours.params, theirs.params)
    np.testing.assert_allclose(ours.cov_params(), theirs.cov_params())
    assert np.all(ours.df < 78)


def d1(estimates: Any, covariances: Any, value: Any) -> tuple[float, float]:
    """D1 and its degrees of freedom by loops (Li, Raghunathan and Rubin 1991, equations 1.17 to 1.19)."""
    d, k = estimates.shape
    mean = sum(estimates) / d
    within = sum(covariances) / d
    between = sum(np.outer(one - mean, one - mean) for one in estimates) / (d - 1)
    r = (1 + 1 / d) * sum((between @ np.linalg.inv(within))[j, j] for j in range(k)) / k
    statistic = (mean - value) @ np.linalg.inv(within) @ (mean - value) / k / (1 + r)
    t = k * (d - 1)
    if t > 4:
        return statistic, 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    return statistic, t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2


@pytest.mark.parametrize(("d", "k"), [(20, 3), (3, 2)])
def test_the_wald_test_of_several_coefficients(d: int, k: int) -> None:
    rng = np.random.default_rng(d)
    estimates = rng.normal(size=(d, 4))
    roots = rng.normal(size=(d, 4, 9))
    covariances = roots @ roots.transpose(0, 2, 1)
    found = pool(estimates, covariances, names=list("abcd"))
    chosen = slice(1, 1 + k)
    test = found.wald_test(list("abcd")[chosen], 0.5)
    statistic, df = d1(estimates[:, chosen], covariances[:, chosen, chosen], 0.5)
    assert (test.statistic, test.df_denom) == (pytest.approx(statistic), pytest.approx(df))
    assert found.wald_test(np.eye(4)[chosen], 0.5).pvalue == pytest.approx(test.pvalue)
    alone = found.wald_test("b")
    assert alone.statistic == pytest.approx(found.tvalues["b"] ** 2)
    assert alone.pvalue == pytest.approx(found.pvalues["b"])


def test_pooled_intervals_hold_the_mean_of_data_missing_at_random() -> None:
    """Means of 30 normal values of which 12 are missing, imputed from the posterior: 95 of 100 within 4 MC "
    "errors."""
    rng = np.random.default_rng(1)
    reps, held = 600, 0
    for _ in range(reps):
        seen = rng.normal(size=18)
        variance = 17 * seen.var(ddof=1) / rng.chisquare(17, 10)
        centre = seen.mean() + np.sqrt(variance / 18) * rng.normal(size=10)
        full = np.hstack(
            (np.tile(seen, (10, 1)), centre[:, None] + np.sqrt(variance)[:, None] * rng.normal(size=(10, 12)))
        )
        found = pool(full.mean(axis=1)[:, None], (full.var(axis=1, ddof=1) / 30)[:, None, None], df=29)
        low, high = found.conf_int().to_numpy()[0]
        held += low < 0 < high
    assert abs(held / reps - 0.95) < 4 * np.sqrt(0.95 * 0.05 / reps)


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(InputError, match="There is 1 imputation"):
        pool([[1.0]], [[[1.0]]])
    with pytest.raises(InputError, match="shapes"):
        pool([[1.0], [2.0]], [[1.0], [1.0]])
    with pytest.raises(InputError, match="imputation 1 has no estimates"):
        pool([[1.0], [np.nan]], np.ones((2, 1, 1)))
    with pytest.raises(InputError, match="above 0"):
        pool([[1.0], [2.0]], np.ones((2, 1, 1)), df=0)
    with pytest.raises(InputError, match="no results"):
        pool_results([])
    import pandas as pd

    fits = [
        SimpleNamespace(params=pd.Series([1.0], [name]), cov_params=lambda: np.eye(1), converged=True)
        for name in ("a", "b")
    ]
    with pytest.raises(InputError, match="different parameters"):
        pool_results(fits)
    fits[1] = SimpleNamespace(params=pd.Series([1.0], ["a"]), cov_params=lambda: np.eye(1), converged=False)
    with pytest.raises(InputError, match="imputation 1 did not converge"):
        pool_results(fits)
    found = pool([[1.0, 0], [2.0, 1]], np.tile(np.eye(2), (2, 1, 1)), names=["a", "b"])
    with pytest.raises(InputError, match="no parameter 'c'"):
        found.wald_test(["a", "c"])
    with pytest.raises(InputError, match="repeat each other"):
        found.wald_test(["a", "a"])


def test_without_variation_between_imputations_nothing_is_missing() -> None:
    found = pool(np.ones((3, 2)), np.tile(np.eye(2), (3, 1, 1)), df=10)
    assert found.fraction_missing.tolist() == [0, 0]
    assert found.df == pytest.approx(11 / 13 * 10)
