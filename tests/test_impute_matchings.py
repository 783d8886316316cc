"""Imputation over matchings: the exact posterior of small files, recovered coefficients, bad input."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from typing import Any

import naive_matchings
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from simulate_imputation import Blocks, compared_blocks, matching_results

from tallystick.analysis import impute_matchings
from tallystick.analysis.imputation import matchings
from tallystick.analysis.imputation.conditional_models import fit_parts
from tallystick.analysis.imputation.convergence import effective_draws, r_hat
from tallystick.analysis.imputation.frames import two_files
from tallystick.analysis.imputation.marginals import log_kernel_density, log_marginal
from tallystick.analysis.imputation.matching_graph import matching_graph
from tallystick.analysis.imputation.outcome_models import family_of
from tallystick.analysis.imputation.pair_likelihood import pair_likelihood
from tallystick.errors import InputError, RunError, TallystickWarning

Floats = NDArray[np.float64]
FAST: dict[str, Any] = {"chains": 2, "n_imputations": 6, "burn_in": 20, "thin": 30}


def small_files(rng: np.random.Generator, *, complete: bool) -> Blocks:
    """Two blocks of 3 and 3 records; where linkage is incomplete one, and 4 records with a sure partner."""
    blocks = np.repeat([0, 1], 3) if complete else np.r_[0, 0, 0, 1, 2, 3, 4]
    n = len(blocks)
    i, j = np.nonzero(blocks[:, None] == blocks)
    x = rng.normal(size=n)
    sure = np.bincount(blocks)[blocks[i]] == 1
    return Blocks(
        {"id": np.arange(n), "y": 1 + 2 * x + rng.normal(size=n)},
        {"id": np.arange(n), "x": x},
        {"id_left": i, "id_right": j, "gain": np.where(sure, 30.0, rng.normal(size=len(i)))},
        np.arange(n),
        np.arange(n),
    )


def exact_posterior(data: Blocks, *, complete: bool, log_g: Floats) -> dict[tuple[int, ...], float]:
    """P(C | data) with beta and the variance integrated out (flat, and 1 / sigma^2).

    The density of n outcomes is then proportional to pi^(-m) gamma(m) |X'X|^(-1/2) RSS^(-m), m = (n - p) / 2.
    """
    i, j = data.pairs["id_left"], data.pairs["id_right"]
    sets = naive_matchings.set_weights(
        j.tolist(), i.tolist(), (data.pairs["gain"] - log_g[i]).tolist(), complete=complete
    )
    found = {}
    for chosen, weight in sets.items():
        rows = list(chosen)
        if len(rows) <= 2:
            continue  # such files have no regression; sure partners make them next to impossible
        y = data.left["y"][i[rows]]
        x = np.column_stack((np.ones(len(rows)), data.right["x"][j[rows]]))
        beta = np.linalg.lstsq(x, y, rcond=None)[0]
        m = (len(rows) - 2) / 2
        rss = float(np.sum((y - x @ beta) ** 2))
        log = math.lgamma(m) - m * math.log(math.pi * rss) - 0.5 * np.linalg.slogdet(x.T @ x)[1]
        found[chosen] = weight * math.exp(log)
    total = math.fsum(found.values())
    return {chosen: value / total for chosen, value in found.items()}


@pytest.mark.parametrize("most_cells", [4096, 0])
@pytest.mark.parametrize("complete", [True, False])
def test_matchings_have_their_posterior(
    complete: bool, most_cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Total variation from the enumerated posterior, beside what as many independent draws would have."""
    data = small_files(np.random.default_rng(8), complete=complete)
    y = data.left["y"]
    log_g = np.zeros(len(y))
    if not complete:
        log_g = log_kernel_density(y)
    monkeypatch.setattr(
        matchings,
        "matching_graph",
        lambda *given, complete: matching_graph(*given, complete=complete, most_cells=most_cells),
    )
    wanted = exact_posterior(data, complete=complete, log_g=log_g)
    draws = 2000
    found = impute_matchings(
        "y ~ x",
        data.left,
        data.right,
        data.pairs,
        complete=complete,
        n_imputations=draws,
        thin=2,
        steps=3,
        seed=1,
    )
    number = {
        pair: k for k, pair in enumerate(zip(data.pairs["id_left"], data.pairs["id_right"], strict=True))
    }
    counts = Counter(
        tuple(sorted(number[pair] for pair in zip(*one, strict=True))) for one in found.matchings
    )
    keys = list(wanted)
    p = np.array([wanted[key] for key in keys])
    shares = np.array([counts[key] / draws for key in keys])
    distance = 0.5 * float(np.abs(shares - p).sum()) + 0.5 * (1 - shares.sum())
    independent = 0.5 * float(np.sqrt(2 / np.pi * p * (1 - p) / draws).sum())
    assert distance < 3 * independent
    assert p.max() < 0.9


def test_s17_short() -> None:
    found, oracle = matching_results(6, 25, **FAST)
    away = found.estimates - oracle.estimates  # what the linkage adds, without what both share
    error = away.std(axis=0, ddof=1) / np.sqrt(len(away))
    assert np.all(np.abs(away.mean(axis=0)) < 4 * error)
    assert np.all(4 * error < 0.1)
    harmed, _ = matching_results(3, 25, linkage_only=True, **FAST)
    assert -0.45 < harmed.bias[1] < -0.15


@pytest.mark.long
def test_s17() -> None:
    found, oracle = matching_results(120, 100)
    assert found.held is not None
    assert np.all(np.abs(found.bias) < 0.012)
    spread, least = (one.estimates.std(axis=0, ddof=1) for one in (found, oracle))
    assert np.all(spread < 1.1 * least)
    assert np.all((found.held.mean(axis=0) > 0.92) & (found.held.mean(axis=0) < 0.985))
    harmed, _ = matching_results(30, 100, linkage_only=True)
    assert harmed.held is not None
    assert harmed.bias[1] == pytest.approx(-0.29, abs=0.02)
    assert harmed.held[:, 1].mean() == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "design",
    [
        {"common": 6},
        {"both": True},
        {"both": True, "common": 6},
        {"family": "logistic", "common": 6},
        {"family": "poisson", "both": True},
    ],
)
def test_other_designs(design: dict[str, Any]) -> None:
    found, oracle = matching_results(80, 50, **design)
    assert found.held is not None
    assert found.errors is not None
    away = found.estimates - oracle.estimates
    assert np.all(np.abs(away.mean(axis=0)) < 4 * away.std(axis=0, ddof=1) / np.sqrt(len(away)) + 0.01)
    ratio = found.errors.mean(axis=0) / found.estimates.std(axis=0, ddof=1)
    assert np.all((ratio > 0.75) & (ratio < 1.6))
    assert np.all(found.held.mean(axis=0) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 80))


def test_covariates_on_both_files_tell_who_belongs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without their density ratio, which is the fault, more links are wrong."""
    data = compared_blocks(np.random.default_rng(1), 30, both=True)
    files = (data.left, data.right, data.pairs)
    whole = impute_matchings("y ~ x + u", *files, complete=True, **FAST)
    pooled = whole.regression()
    assert np.all(np.abs(pooled.estimate - [1, 2, 1]) < 4 * pooled.bse)
    right = np.mean([data.share_right(one) for one in whole.matchings])
    from tallystick.analysis.imputation import pair_likelihood

    monkeypatch.setattr(
        pair_likelihood, "log_density", lambda variables, parts, values, given: np.zeros(len(values))
    )
    monkeypatch.setattr(
        pair_likelihood, "log_marginal_density", lambda variables, values: np.zeros(len(values))
    )
    faulty = impute_matchings("y ~ x + u", *files, complete=True, **FAST)
    assert right > np.mean([data.share_right(one) for one in faulty.matchings]) + 0.01


def test_covariates_on_both_files_weigh_by_both_density_ratios() -> None:
    """log f(y | x, u) - log g(y | u) + log h(x | u) - log h(x), the normal densities by scipy."""
    rng = np.random.default_rng(9)
    u, x = rng.normal(size=40), rng.normal(size=40)
    y, n = 1 + u + rng.normal(size=40), np.arange(40)
    pairs = {"id_left": n, "id_right": rng.permutation(40), "gain": np.zeros(40)}
    files = two_files(
        {"id": n, "y": y, "u": u}, {"id": n, "x": x}, pairs, left_id="id", right_id="id", value="gain"
    )
    model = family_of("linear")
    known = pair_likelihood("y ~ x + u", files, model, False)
    at, by = files.left_row, files.right_row
    linked = fit_parts(known.variables, known.values, known.given)
    beta = dict(zip(known.names, [0.9, 1.1, 1.9], strict=True))
    found = known.log_ratio(np.array(list(beta.values())), 1.3, linked)
    mean = beta["Intercept"] + beta["x"] * x[by] + beta["u"] * u[at]
    f = stats.norm.logpdf(y[at], mean, 1.3**0.5)
    g = log_marginal(model, y, np.column_stack([np.ones(40), u]))[at]
    line = np.polyfit(u[at], x[by], 1)
    near = stats.norm.logpdf(x[by], np.polyval(line, u[at]), linked[0].scale ** 0.5)
    anybody = stats.norm.logpdf(x[by], x.mean(), x.std(ddof=1))
    np.testing.assert_allclose(found, f - g + near - anybody, atol=1e-6)


@pytest.mark.parametrize("family", ["logistic", "poisson"])
def test_parameters_are_drawn_from_their_posterior(family: str) -> None:
    """Mean and variance of one coefficient, against the likelihood integrated over a grid."""
    rng = np.random.default_rng(2)
    model = family_of(family)
    x = rng.normal(size=(30, 1))
    y = (
        (x[:, 0] + rng.logistic(size=30) > 0).astype(np.float64)
        if family == "logistic"
        else rng.poisson(np.exp(x[:, 0]))
    )
    y = y.astype(np.float64)
    fit = model.fit(y, x)
    draws = np.empty(4000)
    beta = fit.beta
    for k in range(len(draws)):
        beta, _ = model.draw(y, x, fit, beta, rng)
        draws[k] = beta[0]

    def moment(power: int) -> float:
        height = float(np.sum(model.log_likelihood(y, x[:, 0] * fit.beta[0], 1.0)))
        found, _ = integrate.quad(
            lambda b: b**power * math.exp(float(np.sum(model.log_likelihood(y, x[:, 0] * b, 1.0))) - height),
            fit.beta[0] - 5,
            fit.beta[0] + 8,
        )
        return float(found)

    mean = moment(1) / moment(0)
    sd = math.sqrt(moment(2) / moment(0) - mean**2)
    size = float(effective_draws(draws[None, :, None])[0])
    assert size > 1000
    assert abs(draws.mean() - mean) < 4 * sd / math.sqrt(size)
    assert draws.std() == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("family", ["linear", "logistic", "poisson"])
def test_estimates_are_those_of_statsmodels(family: str) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = np.column_stack((np.ones(200), rng.normal(size=(200, 2))))
    linear = x @ [0.2, 0.5, -0.3]
    y = {
        "linear": lambda: linear + rng.normal(size=200),
        "logistic": lambda: (linear + rng.logistic(size=200) > 0).astype(np.float64),
        "poisson": lambda: rng.poisson(np.exp(linear)).astype(np.float64),
    }[family]()
    theirs = {
        "linear": lambda: sm.OLS(y, x).fit(),
        "logistic": lambda: sm.Logit(y, x).fit(disp=0),
        "poisson": lambda: sm.Poisson(y, x).fit(disp=0),
    }[family]()
    ours = family_of(family).fit(y, x)
    np.testing.assert_allclose(ours.beta, theirs.params, atol=1e-5)
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-4, atol=1e-9)
    scale = ours.scale * (197 / 200) if family == "linear" else 1.0
    assert float(np.sum(family_of(family).log_likelihood(y, x @ ours.beta, scale))) == pytest.approx(
        theirs.llf
    )


def test_the_density_of_outcomes_whoever_is_linked() -> None:
    rng = np.random.default_rng(5)
    y = np.r_[rng.normal(size=300), 4.0]
    width = 0.9 * min(y.std(), (np.percentile(y, 75) - np.percentile(y, 25)) / 1.349) * 301**-0.2
    plain = np.log(stats.norm.pdf(y[:, None], y[None, :], width).mean(axis=1))
    np.testing.assert_allclose(log_kernel_density(y), plain, atol=2e-3)
    assert np.all(log_kernel_density(np.ones(4)) == 0)
    counts = rng.poisson(3.0, 200).astype(np.float64)
    one = np.ones((200, 1))
    shares = np.exp(log_marginal(family_of("poisson"), counts, one))
    assert shares[0] == pytest.approx(np.mean(counts == counts[0]))
    given = np.column_stack((one, rng.normal(size=200)))
    wide = rng.poisson(np.exp(1 + 0.3 * given[:, 1] + rng.normal(size=200))).astype(np.float64)
    fit = family_of("poisson").fit(wide, given)
    thin = family_of("poisson").log_likelihood(wide, given @ fit.beta, 1.0)
    assert log_marginal(family_of("poisson"), wide, given).sum() > thin.sum() + 50


def test_r_hat_and_effective_draws() -> None:
    rng = np.random.default_rng(6)
    free = rng.normal(size=(4, 400, 2))
    assert np.all(np.abs(r_hat(free) - 1) < 0.02)
    assert np.all(np.abs(effective_draws(free) / 1600 - 1) < 0.25)
    apart = free + np.arange(4)[:, None, None]
    assert np.all(r_hat(apart) > 1.3)
    slow = np.zeros((4, 2000, 1))
    for k in range(1, 2000):
        slow[:, k] = 0.8 * slow[:, k - 1] + rng.normal(size=(4, 1))
    assert effective_draws(slow)[0] == pytest.approx(8000 * 0.2 / 1.8, rel=0.3)
    assert r_hat(np.ones((2, 10, 1)))[0] == 1


def test_chains_that_do_not_agree_give_no_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    data = compared_blocks(np.random.default_rng(1), 5)
    monkeypatch.setattr(matchings, "r_hat", lambda draws: np.full(draws.shape[2], 1.3))
    with pytest.warns(TallystickWarning, match=r"do not agree \(R-hat up to 1.30"):
        found = impute_matchings("y ~ x", data.left, data.right, data.pairs, complete=True, **FAST)
    assert not found.converged
    pooled = found.regression()
    assert not pooled.converged
    assert np.isnan(pooled.estimate).all()
    assert np.isnan(pooled.bse).all()
    assert "Not converged" in str(pooled)
    assert np.isnan(found.regression("y ~ x + I(x**2)").estimate).all()


def test_linkage_alone_warns() -> None:
    data = compared_blocks(np.random.default_rng(1), 5)
    with pytest.warns(TallystickWarning, match="drawn towards 0"):
        impute_matchings("y ~ x", data.left, data.right, data.pairs, complete=True, linkage_only=True, **FAST)


def test_seeds_tables_and_other_analyses() -> None:
    data = compared_blocks(np.random.default_rng(1), 8, common=6)
    files = (data.left, data.right, data.pairs)
    settings = {**FAST, "chains": 3, "burn_in": 40, "thin": 80}
    once = impute_matchings("y ~ x", *files, seed=3, **settings)
    again = impute_matchings("y ~ x", *files, seed=3, **settings)
    assert np.array_equal(once.trace, again.trace)
    assert not np.array_equal(once.trace, impute_matchings("y ~ x", *files, seed=4, **settings).trace)
    frames = (pl.DataFrame(one) for one in files)
    assert np.array_equal(impute_matchings("y ~ x", *frames, seed=3, **settings).trace, once.trace)
    swapped = {
        "id_left": data.pairs["id_right"],
        "id_right": data.pairs["id_left"],
        "gain": data.pairs["gain"],
    }
    turned = impute_matchings("y ~ x", data.right, data.left, swapped, seed=3, **settings)
    np.testing.assert_allclose(turned.regression().estimate, once.regression().estimate, atol=0.3)
    for left, right in once.matchings:
        assert len(set(left.tolist())) == len(left) == len(set(right.tolist()))
    table = once.table(1)
    assert list(table.columns) == ["id_left", "y", "u", "id_right", "x"]
    assert table["x"].tolist() == data.right["x"][once.matchings[1][1]].tolist()
    import statsmodels.formula.api as smf

    pooled = once.regression()
    np.testing.assert_allclose(once.analyse(lambda t: smf.ols("y ~ x", t).fit()).params, pooled.params)
    np.testing.assert_allclose(once.regression("y ~ x", "linear").total, pooled.total)
    with pytest.warns(TallystickWarning, match="'u': not in the model"):
        once.regression("y ~ x + u")
    with pytest.raises(InputError, match="outcome 'u'"):
        once.regression("u ~ x")


def test_impossible_pairs_are_never_linked() -> None:
    data = compared_blocks(np.random.default_rng(2), 6, common=6)
    wrong = data.person_left[data.pairs["id_left"]] != data.person_right[data.pairs["id_right"]]
    data.pairs["gain"] = np.where(wrong, -np.inf, 3.0)
    found = impute_matchings("y ~ x", data.left, data.right, data.pairs, **FAST)
    assert all(data.share_right(one) == 1 for one in found.matchings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.right.update(y=d.left["y"]), "'y' is a column of both files"),
        (lambda d: d.right.pop("x"), "names 'x', which neither file has"),
        (lambda d: d.left.update(x=d.right.pop("x")), "are in the left file: it needs no linkage"),
        (lambda d: d.left["y"].__setitem__(0, np.nan), "left: column 'y' has 1 missing"),
        (lambda d: d.pairs["gain"].__setitem__(0, np.nan), "pairs: column 'gain' has 1 missing"),
        (lambda d: d.pairs["gain"].__setitem__(0, np.inf), "infin"),
        (lambda d: d.pairs.pop("gain"), "pairs has no column 'gain'"),
        (lambda d: d.pairs["id_left"].__setitem__(0, -1), "id_left -1 is no record of the left file"),
    ],
)
def test_bad_input_is_said(change: Any, said: str) -> None:
    data = compared_blocks(np.random.default_rng(1), 4)
    change(data)
    with pytest.raises(InputError, match=said):
        impute_matchings("y ~ x", data.left, data.right, data.pairs, **FAST)


def test_settings_and_outcomes_that_make_no_sense_are_refused() -> None:
    data = compared_blocks(np.random.default_rng(1), 4)
    files = (data.left, data.right, data.pairs)
    for settings, said in (
        ({"family": "probit"}, "'probit' is none of"),
        ({"family": "logistic"}, "0 or 1"),
        ({"family": "poisson"}, "whole number"),
        ({"chains": 1}, "chains"),
        ({"thin": 1, "n_imputations": 4}, "too few to tell"),
    ):
        with pytest.raises(InputError, match=said):
            impute_matchings("y ~ x", *files, **settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="write outcome, tilde, covariates"):
        impute_matchings("x", *files)
    with pytest.raises(InputError, match=r"'scale\(x\)' depends on all rows at once"):
        impute_matchings("y ~ scale(x)", *files)
    with pytest.raises(InputError, match="columns of both files"):
        impute_matchings("y + x ~ u", *files)
    data.right["x"][:] = 1.0
    with pytest.raises(RunError, match="depend on each other"):
        impute_matchings("y ~ x", *files)


def test_covariates_that_separate_outcomes_are_said() -> None:
    data = compared_blocks(np.random.default_rng(1), 4)
    data.left["y"] = np.zeros(32)
    with pytest.raises(RunError, match="no finite estimates"):
        impute_matchings("y ~ x", data.left, data.right, data.pairs, family="logistic", complete=True)


def test_nothing_warns_where_all_is_well() -> None:
    data = compared_blocks(np.random.default_rng(7), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        impute_matchings("y ~ x", data.left, data.right, data.pairs, complete=True)
