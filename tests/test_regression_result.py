"""What a regression gives prints and behaves like statsmodels' results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from simulate_links import exchanged

from tallystick.analysis import RegressionResult, audited, exchangeable, regression
from tallystick.errors import InputError

BLOCKS = np.repeat(np.arange(15), 20)


def frame(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, kind = random.normal(size=300), random.choice(["a", "b", "c"], 300)
    y = 1 + 2 * x + (kind == "b") + random.normal(size=300)
    rows = exchanged(random, [20] * 15, [4] * 15)
    return pd.DataFrame({"y": y[rows], "high": (y > 1)[rows], "x": x, "kind": kind})


def fitted(formula: str = "y ~ x + kind", q: float = 0.8, **settings: object) -> RegressionResult:
    return regression(formula, frame(), exchangeable(BLOCKS, q), **settings)  # type: ignore[arg-type]


def test_without_errors_everything_is_that_of_statsmodels() -> None:
    formula = "y ~ kind + x"
    ours, theirs = fitted(formula, q=1.0, variance="centred"), smf.ols(formula, frame()).fit()
    assert list(ours.params.index) == list(theirs.params.index)
    for name in ("params", "bse", "tvalues", "pvalues", "fittedvalues", "resid"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-9)
    np.testing.assert_allclose(ours.conf_int(0.1), theirs.conf_int(0.1))
    pd.testing.assert_frame_equal(ours.cov_params(), theirs.cov_params())
    assert (ours.nobs, ours.df_resid, ours.df_model) == (theirs.nobs, theirs.df_resid, theirs.df_model)
    assert ours.scale == pytest.approx(theirs.scale)
    for restriction in ("x = 2", "x = 2, kind[T.b] = 1", np.eye(4)[1:3]):
        np.testing.assert_allclose(
            ours.t_test(restriction).pvalue, theirs.t_test(restriction).pvalue, rtol=1e-6
        )
        mine, other = ours.wald_test(restriction), theirs.wald_test(restriction, scalar=True)
        assert (mine.df_num, mine.df_denom) == (other.df_num, other.df_denom)
        assert float(mine.pvalue) == pytest.approx(float(other.pvalue))
    new = pd.DataFrame({"x": [0.0, 1.0], "kind": ["c", "a"]}, index=["p", "q"])
    pd.testing.assert_series_equal(ours.predict(new), theirs.predict(new))
    pd.testing.assert_series_equal(ours.predict(), ours.fittedvalues)


def test_generalised_models_have_normal_intervals() -> None:
    ours = fitted("high ~ x", q=1.0, family="logistic", variance="published")
    theirs = smf.glm("high ~ x", frame().astype({"high": float}), family=sm.families.Binomial()).fit()
    np.testing.assert_allclose(ours.conf_int(), theirs.conf_int(), rtol=1e-5)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-4)
    assert not ours.use_t
    new = pl.DataFrame({"x": [0.0, 2.0]})
    np.testing.assert_allclose(ours.predict(new), theirs.predict(new.to_pandas()), rtol=1e-6)


def test_blocks_give_t_with_one_degree_less() -> None:
    ours = fitted()
    assert (ours.cov_type, ours.df_resid_inference, ours.n_blocks) == ("block", 14, 15)
    width = (ours.conf_int()[1] - ours.conf_int()[0]) / ours.bse
    np.testing.assert_allclose(width, 2 * 2.144787, rtol=1e-6)
    assert ours.t_test("x = 0").df_denom == ours.wald_test("x = 0").df_denom == 14
    assert fitted(variance="centred").df_resid_inference == 296


def test_the_summary_says_what_linkage_adds() -> None:
    ours = fitted(method="eblue")
    text = str(ours.summary())
    for said in (
        "Regression of Linked Data",
        "EBLUE",
        "By block",
        "No. Blocks:                         15",
        "Range of a:             0.789 to 0.789",
        "kind[T.b]",
        "[0.025      0.975]",
        "naive",
        f"{ours.naive['x']:.4f}",
        "q + 0.01",
    ):
        assert said in text, said
    assert str(ours) == text
    assert "kind[T.b]" in ours.summary().as_html()
    assert ours.summary().as_latex().startswith("\\begin{center}")
    assert "[0.05       0.95]" in str(ours.summary(alpha=0.1))
    assert "Links are taken as right" in str(fitted(method="naive").summary())
    assert "leaves a bias" in str(fitted(method="scheuren-winkler").summary())
    with pytest.raises(InputError, match="alpha"):
        ours.summary(alpha=5)


def test_an_estimated_q_is_said() -> None:
    model = audited(BLOCKS, 80.0, 100.0, pooled=True)
    text = str(regression("y ~ x", frame(), model).summary())
    assert "0.7" in text
    assert "q is estimated" in text
    assert "q is taken as known" in str(fitted().summary())


def test_sensitivity_is_named() -> None:
    ours = fitted()
    assert list(ours.sensitivity.index) == list(ours.params.index)
    assert ours.sensitivity["x"] < 0
    assert fitted(method="naive").sensitivity is None


@pytest.mark.parametrize("test", ["t_test", "wald_test"])
@pytest.mark.parametrize("restrictions", ["age = 0.4", "x = ", np.eye(2)])
def test_restrictions_that_cannot_be_read_are_refused(test: str, restrictions: object) -> None:
    with pytest.raises(InputError, match="the coefficients are Intercept, x, "):
        getattr(fitted(), test)(restrictions)


def test_limits_of_no_confidence_are_refused() -> None:
    with pytest.raises(InputError, match="alpha"):
        fitted().conf_int(alpha=2)


def test_the_result_says_itself_in_a_line() -> None:
    assert repr(fitted()) == "<RegressionResult: y ~ x + kind, Ratio type, 300 links>"
    with pytest.raises(AttributeError):
        fitted().estimate = None  # type: ignore[misc,assignment]
