"""Equivocal links as missing values: recovered coefficients, weights one by one, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from simulate_imputation import Equivocal, equivocal_links, equivocal_results

from tallystick.analysis import EquivocalImputations, impute_equivocal
from tallystick.analysis.imputation.candidate_weights import Candidates, candidates_of, draw_donors
from tallystick.analysis.imputation.conditional_models import draw_values, fit_parts, log_density
from tallystick.analysis.imputation.variables import Variable
from tallystick.errors import InputError, TallystickWarning


def impute(data: Equivocal, **settings: Any) -> EquivocalImputations:
    return impute_equivocal("y ~ x + z", data.left, data.right, data.pairs, **settings)


def test_t10_short() -> None:
    found = equivocal_results(8, ("density-ratio", "no-marginal"), n_imputations=5)
    ratio = found["density-ratio"].estimates
    away = ratio - found["oracle"].estimates  # what the doubt adds, without what both data share
    error = away.std(axis=0, ddof=1) / np.sqrt(len(away))
    assert np.all(np.abs(away.mean(axis=0)) < 4 * error)
    assert np.all(4 * error < 0.06)
    assert found["naive"].bias[2] < -0.3
    more = (found["no-marginal"].estimates - ratio)[:, 2]
    assert more.mean() > 4 * more.std(ddof=1) / np.sqrt(len(more))


@pytest.mark.long
def test_t10() -> None:
    found = equivocal_results(300, ("density-ratio", "threshold", "no-marginal"))
    best = found["density-ratio"]
    assert np.all(np.abs(best.bias) < 0.015)
    assert best.rmse[2] <= 0.046
    assert 0.02 <= found["no-marginal"].bias[2] <= 0.045
    assert -0.42 <= found["naive"].bias[2] <= -0.35
    assert best.held is not None
    assert np.all((best.held.mean(axis=0) > 0.92) & (best.held.mean(axis=0) < 0.98))


def candidates(rng: np.random.Generator) -> Candidates:
    row, donor = np.array([0, 0, 1, 2, 2]), np.array([4, 5, 6, 7, 8])
    return candidates_of(row, donor, np.array([0.5, 0.3, 0.97, 0.2, 0.2]), 4, 0.95)


def test_donors_are_drawn_by_p_f_over_g_and_none_by_the_rest() -> None:
    rng = np.random.default_rng(1)
    known = candidates(rng)
    assert known.sure_donor.tolist() == [-1, 6, -1, -1]
    assert known.none.tolist() == pytest.approx([0.2, 0.6, 1.0])
    log_f, log_g = np.log([0.4, 1.5, 0.2, 0.9]), np.log([0.8, 0.5, 0.4, 0.3])
    drawn = np.array([draw_donors(known, log_f, log_g, None, rng) for _ in range(4000)])
    first = np.array([0.5 * 0.5, 0.3 * 3, 0.2])
    third = np.array([0.2 * 0.5, 0.2 * 3, 0.6])
    for place, donors, weights in ((0, [4, 5, -1], first), (1, [7, 8, -1], third)):
        shares = np.array([np.mean(drawn[:, place] == donor) for donor in donors])
        wanted = weights / weights.sum()
        assert np.all(np.abs(shares - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 4000))
    assert np.all(drawn[:, 2] == -1)


def test_the_published_rule_takes_the_best_above_its_threshold() -> None:
    rng = np.random.default_rng(1)
    known = candidates(rng)
    log_f = np.log([0.4, 0.01, 1.0, 1.0])
    zero = np.zeros(4)
    assert draw_donors(known, log_f, zero, 0.9, rng).tolist() == [4, -1, -1]
    assert draw_donors(known, log_f, zero, 0.4, rng)[0] == 4
    assert draw_donors(known, log_f, zero, 0.999, rng)[0] == -1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_numbers_one_after_the_other_are_jointly_normal(seed: int) -> None:
    """Estimates and densities against the joint normal distribution of residuals."""
    rng = np.random.default_rng(seed)
    x = np.column_stack((np.ones(50), rng.normal(size=(50, 2))))
    z = x @ rng.normal(size=(3, 2)) + rng.normal(size=(50, 2)) @ rng.normal(size=(2, 2))
    variables = (Variable("a"), Variable("b"))
    parts = fit_parts(variables, z, x)
    shift, scale = parts[1].beta[3], parts[1].scale
    mean_a = x @ parts[0].beta
    mean = np.column_stack((mean_a, x @ parts[1].beta[:3] + shift * mean_a))
    cov = parts[0].scale * np.array([[1, shift], [shift, shift**2]]) + np.diag([0, scale])
    wanted = [stats.multivariate_normal.logpdf(z[i], mean[i], cov) for i in range(50)]
    np.testing.assert_allclose(log_density(variables, parts, z, x), wanted)
    np.testing.assert_allclose(mean, x @ np.linalg.lstsq(x, z, rcond=None)[0])


def test_categories_follow_the_multinomial_logit_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    x = np.column_stack((np.ones(400), rng.normal(size=400)))
    codes = rng.integers(3, size=400)
    codes[x[:, 1] > 0.7] = 2
    variable = (Variable("a", ("p", "q", "r")),)
    z = codes[:, None].astype(np.float64)
    (part,) = fit_parts(variable, z, x)
    theirs = sm.MNLogit(codes, x).fit(disp=0)
    np.testing.assert_allclose(part.beta, theirs.params, atol=0.02)  # the weak prior
    draws = np.array([fit_parts(variable, z, x, rng)[0].beta for _ in range(400)])
    np.testing.assert_allclose(draws.std(axis=0), theirs.bse, rtol=0.2)
    shares = np.exp(log_density(variable, (part,), np.array([[0.0], [1], [2]]), np.tile(x[:1], (3, 1))))
    assert shares.sum() == pytest.approx(1)
    drawn = draw_values(variable, (part,), np.tile(x[:1], (4000, 1)), rng)[:, 0]
    for code, share in enumerate(shares):
        assert abs(np.mean(drawn == code) - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_what_is_missing_at_random_has_the_variance_of_what_is_there() -> None:
    """Half of z unknown and nothing to go by: T = 2 U; with parameters that are not drawn it were 1.5 U."""
    rng = np.random.default_rng(1)
    rows = np.arange(200)
    left = {"id": rows, "x": rng.normal(size=200)}
    pairs = {"id_left": rows[:100], "id_right": rows[:100], "posterior": np.ones(100)}
    found = impute_equivocal("z ~ x", left, {"id": rows, "z": rng.normal(size=200)}, pairs, n_imputations=400)
    pooled = found.regression()
    assert found.n_without == 100
    assert 1.7 < pooled.total[0, 0] / pooled.within[0, 0] < 2.4


def mixed_files(rng: np.random.Generator, n: int = 400) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """y in the right file depends on the region and wage of the left one; 40 % of the links are in doubt."""
    region = rng.choice(["north", "south", "west"], n)
    wage = (region == "west") + rng.normal(size=n)
    y = 1 + 2 * (region == "south") - (region == "west") + 1.5 * wage + rng.normal(size=n)
    order = rng.permutation(n)
    doubt = np.flatnonzero(rng.random(n) < 0.4)
    right_one = rng.random(len(doubt)) < 0.5
    other = (doubt + 1 + rng.integers(n - 1, size=len(doubt))) % n
    sure = np.setdiff1d(np.arange(n), doubt)
    here = np.r_[sure, doubt, doubt]
    there = np.r_[sure, np.where(right_one, doubt, other), np.where(right_one, other, doubt)]
    pairs = pl.DataFrame(
        {
            "id_left": [f"l{k}" for k in there],
            "id_right": [f"r{k}" for k in here],
            "posterior": np.r_[np.ones(len(sure)), np.full(2 * len(doubt), 0.5)],
        }
    ).unique(["id_left", "id_right"])
    left = pl.DataFrame({"person": [f"l{k}" for k in range(n)], "region": region, "wage": wage})
    right = pl.DataFrame({"id": [f"r{k}" for k in order], "y": y[order]})
    return left, right, pairs


def test_several_variables_come_from_one_record_or_from_the_model() -> None:
    left, right, pairs = mixed_files(np.random.default_rng(4))
    found = impute_equivocal(
        "y ~ region + wage", left, right, pairs, primary="right", left_id="person", n_imputations=8
    )
    assert [one.name for one in found.variables] == ["region", "wage"]
    truth = np.array([1.0, 2.0, -1.0, 1.5])
    pooled = found.regression()
    assert pooled.names == ("Intercept", "region[T.south]", "region[T.west]", "wage")
    assert np.all(np.abs(pooled.estimate - truth) < 4 * pooled.bse)
    table = found.table(3)
    assert table["id"].tolist() == right["id"].to_list()
    rows = found.donor[3]
    linked = np.flatnonzero(rows >= 0)
    assert table["wage"].to_numpy()[linked].tolist() == left["wage"].to_numpy()[rows[linked]].tolist()
    assert table["region"].astype(str)[linked].tolist() == left["region"].to_numpy()[rows[linked]].tolist()
    import statsmodels.formula.api as smf

    again = found.analyse(lambda one: smf.ols("y ~ region + wage", one).fit())
    np.testing.assert_allclose(again.params, pooled.params)
    np.testing.assert_allclose(again.cov_params(), pooled.cov_params())
    np.testing.assert_allclose(again.df, pooled.df)


def test_order_of_rows_and_kind_of_table_do_not_matter() -> None:
    data = equivocal_links(np.random.default_rng(3), n=150)
    once = impute(data, n_imputations=3, seed=5)
    assert np.array_equal(impute(data, n_imputations=3, seed=5).values, once.values)
    assert not np.array_equal(impute(data, n_imputations=3, seed=6).values, once.values)
    frame = impute_equivocal(
        "y ~ x + z",
        pl.DataFrame(data.left),
        pl.DataFrame(data.right).sample(fraction=1.0, shuffle=True, seed=1),
        pl.DataFrame(data.pairs),
        n_imputations=3,
        seed=5,
    )
    np.testing.assert_allclose(frame.values, once.values)


def test_the_imputations_must_know_the_outcome() -> None:
    data = equivocal_links(np.random.default_rng(3), n=150)
    with pytest.raises(InputError, match="outcome 'y' is not in the model of the imputations"):
        impute(data, predictors="x")
    data.left["age"] = np.arange(150.0)
    found = impute(data, n_imputations=2, predictors="y * x")
    with pytest.raises(InputError, match="outcome 'age'"):
        found.regression("age ~ z")
    with pytest.warns(TallystickWarning, match="'age': not in the model"):
        found.regression("y ~ z + age")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.left["y"].__setitem__(3, np.nan), "left: column 'y' has 1 missing values"),
        (lambda d: d.right["z"].__setitem__(3, np.inf), "'z' holds infinite"),
        (lambda d: d.right.update(x=d.left["x"]), "'x' is a column of both files"),
        (lambda d: d.right.pop("z"), "names 'z', which neither file has"),
        (lambda d: d.left.update(z=d.right.pop("z")), "nothing is to be taken from the right one"),
        (lambda d: d.pairs["posterior"].__setitem__(0, 1.5), "1.5 is no probability"),
        (lambda d: d.pairs["posterior"].__setitem__(slice(None), 0.9), "sum to more than 1"),
        (lambda d: d.pairs["posterior"].__imul__(0.3), "too few to begin with"),
        (lambda d: d.pairs["id_right"].__setitem__(0, 9999), "id_right 9999 is no record of the right file"),
        (lambda d: d.right["id"].__setitem__(0, 5), "the id 5 stands there more than once"),
        (lambda d: d.pairs.update(id_left=d.pairs["id_left"].astype(str)), "ids are object there and int64"),
        (lambda d: d.pairs.pop("posterior"), "pairs has no column 'posterior'"),
        (lambda d: d.right["z"].__setitem__(slice(None), 1.0), "does not vary"),
    ],
)
def test_bad_input_is_said(change: Any, said: str) -> None:
    data = equivocal_links(np.random.default_rng(3), n=100)
    change(data)
    with pytest.raises(InputError, match=said):
        impute(data)


def test_tables_that_are_none_are_refused() -> None:
    data = equivocal_links(np.random.default_rng(3), n=100)
    with pytest.raises(InputError, match="left: give a polars or pandas"):
        impute_equivocal("y ~ x + z", [1, 2], data.right, data.pairs)
    data.left["y"] = data.left["y"][:-1]
    with pytest.raises(InputError, match="left: its columns differ in length"):
        impute(data)


def test_settings_that_make_no_sense_are_refused() -> None:
    data = equivocal_links(np.random.default_rng(3), n=100)
    for settings_, said in (
        ({"rule": "best"}, "rule"),
        ({"primary": "up"}, "primary"),
        ({"n_imputations": 1}, "n_imputations"),
        ({"unequivocal": 0}, "unequivocal"),
        ({"categorical": ["x"]}, "categorical"),
        ({"predictors": "y ~ x"}, "predictors"),
    ):
        with pytest.raises(InputError, match=said):
            impute(data, **settings_)
    twice = {name: np.r_[values, values[:1]] for name, values in data.pairs.items()}
    with pytest.raises(InputError, match="stands there twice"):
        impute_equivocal("y ~ x + z", data.left, data.right, twice)
