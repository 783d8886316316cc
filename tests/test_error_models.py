"""Error models against the matrix Q of their definition, and against permutations drawn or counted out."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate_links import Floats, dense, exchanged, exchanged_by_record, permutations_with
from statsmodels.stats.meta_analysis import combine_effects

from tallystick.analysis import (
    ErrorModel,
    Incomplete,
    LinkPrecision,
    audited,
    audited_precision,
    exchangeable,
    incomplete,
    record_level,
    weighted,
)
from tallystick.analysis.error_models.blocks import blocks_of
from tallystick.analysis.error_models.conventions import correct_from_reshuffled, reshuffled_from_correct
from tallystick.analysis.error_models.shares import shares
from tallystick.errors import InputError, TallystickWarning

SIZES, Q = (3, 5, 8), (0.7, 0.9, 0.6)


def in_blocks(sizes: tuple[int, ...]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def dense_by_record(sizes: tuple[int, ...], w: Floats) -> Floats:
    """Diag(1 - w) + w w' / sum w, block by block."""
    found, begin = np.diag(1 - w), 0
    for size in sizes:
        part = slice(begin, begin + size)
        if w[part].sum():
            found[part, part] += np.outer(w[part], w[part]) / w[part].sum()
        begin += size
    return found


def matrix_of(model: ErrorModel) -> Floats:
    return model.expected(np.eye(model.n_register))


def test_q_algebra_by_the_numbers() -> None:
    """T1 of the specification."""
    model = exchangeable(in_blocks(SIZES), np.array(Q))
    np.testing.assert_allclose(model.a, [0.55, 0.875, 0.542857], atol=5e-7)
    full = dense(in_blocks(SIZES), Q)
    np.testing.assert_allclose(matrix_of(model), full, atol=1e-12)
    assert np.linalg.det(full) == pytest.approx(0.0024635, abs=5e-8)
    assert np.prod(model.a ** (np.array(SIZES) - 1)) == pytest.approx(np.linalg.det(full), rel=1e-12)
    inverse = model.inverse(np.eye(16))
    np.testing.assert_allclose(inverse, np.linalg.inv(full), atol=1e-12)
    np.testing.assert_allclose(inverse.sum(axis=1), 1, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 6), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_every_model_is_its_matrix(sizes: list[int], seed: int) -> None:
    """Expected values, inverses and variances from the entries of Q, and derivatives from differences."""
    rng = np.random.default_rng(seed)
    shape, n = tuple(sizes), sum(sizes)
    blocks = in_blocks(shape)
    q = np.array([rng.uniform(min(1.6 / size, 0.95), 1.0) for size in sizes])
    values, weights = rng.normal(size=n), rng.normal(size=(n, 2))
    linked = np.sort(rng.choice(n, int(rng.integers(1, n + 1)), replace=False))
    bands = rng.integers(0, 3, n)
    by_band = {0: 1.0, 1: rng.uniform(0.7, 1), 2: rng.uniform(0.55, 1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)
        banded = record_level(blocks, by_band, bands=bands)
        shuffled = record_level(blocks, by_band, bands=bands, convention="reshuffled")
    complete = exchangeable(blocks, q)
    part = incomplete(blocks, q, linked)
    models: list[tuple[ErrorModel, Floats]] = [
        (complete, dense(blocks, q)),
        (part, dense(blocks, q)[linked]),
        (banded, dense_by_record(shape, banded.w)),
        (shuffled, dense_by_record(shape, 1 - shuffled.q)),
    ]
    for model, full in models:
        np.testing.assert_allclose(matrix_of(model), full, atol=1e-11)
        np.testing.assert_allclose(full.sum(axis=1), 1, atol=1e-11)
        mean, square = full @ values, full @ values**2
        np.testing.assert_allclose(model.expected(values), mean, atol=1e-11)
        if (full >= 0).all():  # rows that are distributions
            np.testing.assert_allclose(model.variance(values), square - mean**2, atol=1e-10)
        assert model.groups.max() + 1 == model.n_groups == len(np.unique(model.groups))
        g = weights[: model.n_links]
        noise = model.noise(g, values)
        np.testing.assert_allclose(noise, noise.T, atol=1e-10)
        # a shift of the weights of a whole block, or of values, changes nothing: C and C' keep sums
        if model.n_links == n:
            np.testing.assert_allclose(model.noise(g + blocks[:, None], values), noise, atol=1e-9)
        np.testing.assert_allclose(model.noise(g, values + 3), noise, atol=1e-9)
        assert model.uncertainty(g, values).tolist() == [[0, 0], [0, 0]]
    for model, full in (models[0], models[2], models[3]):
        if np.linalg.cond(full) < 1e3 and np.abs(1 - getattr(model, "w", np.zeros(1))).min() > 0.05:
            np.testing.assert_allclose(model.inverse(full @ weights), weights, atol=1e-8)


@pytest.mark.parametrize("maker", ["exchangeable", "incomplete", "weighted", "bands", "reshuffled"])
def test_derivatives_by_q(maker: str) -> None:
    rng = np.random.default_rng(5)
    sizes = (9, 14, 20)
    blocks, n = in_blocks(sizes), sum(sizes)
    q = np.array([0.7, 0.8, 0.9])
    model: ErrorModel
    if maker in ("bands", "reshuffled"):
        convention = "correct" if maker == "bands" else maker
        bands = rng.integers(0, 3, n)
        model = record_level(blocks, dict(enumerate(q.tolist())), bands=bands, convention=convention)
    elif maker == "weighted":
        model = weighted(blocks, q, rng.uniform(1, 3, n))
    elif maker == "incomplete":
        model = incomplete(blocks, q, np.arange(0, n, 2))
    else:
        model = exchangeable(blocks, q)
    values, weights = rng.normal(size=model.n_register), rng.normal(size=(model.n_links, 2))
    found = model.gradient(weights, values)
    step = 1e-6
    for k in range(3):
        up, down = q.copy(), q.copy()
        up[k] += step
        down[k] -= step
        slope = weights.T @ (model.at(up).expected(values) - model.at(down).expected(values)) / (2 * step)
        np.testing.assert_allclose(found[k], slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("n", "wrong"), [(2, 2), (3, 2), (3, 3), (4, 3), (5, 2), (6, 4), (7, 3), (7, 7)])
def test_covariances_with_a_given_number_of_wrong_links_are_exact(n: int, wrong: int) -> None:
    """All permutations with that many out of place, one after the other."""
    rng = np.random.default_rng(n + wrong)
    values, weights = rng.normal(size=n), rng.normal(size=(n, 2))
    weights[:, 1] += values
    shown = values[np.array(list(permutations_with(n, wrong)))]
    model = exchangeable(["a"] * n, 1 - wrong / n) if wrong < n else None
    if model is None:  # below random links: not to be used, but the formulas hold
        known = LinkPrecision(np.array(["a"]), np.zeros(1))
        model = type(exchangeable(["a"] * 2, 0.9))(blocks_of(["a"] * n), known)
    np.testing.assert_allclose(shown.mean(axis=0), model.expected(values), atol=1e-12)
    np.testing.assert_allclose(shown.var(axis=0), model.variance(values), atol=1e-12)
    np.testing.assert_allclose(
        np.cov((shown @ weights).T, bias=True), model.noise(weights, values), atol=1e-10
    )


def ratio_of_noise(model: ErrorModel, draws: Floats, weights: Floats, values: Floats) -> Floats:
    """Variance of G' C v over draws of C v, by the model's."""
    return (draws @ weights).var(axis=0) / np.diag(model.noise(weights, values))


def test_a_share_of_wrong_links_that_is_not_whole() -> None:
    """0.6 of the links on average: two wrong ones in 30 of 100 draws, else none."""
    rng = np.random.default_rng(3)
    values, weights = rng.normal(size=6), rng.normal(size=(6, 2))
    draws = np.array([values[exchanged(rng, [6], [2 if rng.random() < 0.3 else 0])] for _ in range(8000)])
    ratio = ratio_of_noise(exchangeable(["a"] * 6, 0.9), draws, weights, values)
    np.testing.assert_allclose(ratio, 1, atol=0.1)


def test_noise_of_missed_links() -> None:
    """Rows of linked records of a permutation of the whole register; weights in place of the register."""
    rng = np.random.default_rng(4)
    sizes = [40, 60]
    blocks = in_blocks(tuple(sizes))
    values = rng.normal(size=100) + blocks
    chance = np.where(values > 0.5, 0.8, 0.5)
    linked = np.flatnonzero(rng.random(100) < chance)
    weights = np.column_stack((np.ones(len(linked)), values[linked], rng.normal(size=len(linked))))
    draws = np.array([values[exchanged(rng, sizes, [12, 12])][linked] for _ in range(4000)])
    model = incomplete(blocks, np.array([0.7, 0.8]), linked)
    np.testing.assert_allclose(draws.mean(axis=0), model.expected(values), atol=0.1)
    np.testing.assert_allclose(ratio_of_noise(model, draws, weights, values), 1, atol=0.1)
    estimated = weighted(
        blocks[linked], np.array([0.7, 0.8]), 1 / chance[linked], n_register=np.array([40.0, 60])
    )
    ratio = ratio_of_noise(estimated, draws, weights, values[linked])
    np.testing.assert_allclose(ratio, 1, atol=0.3)  # the means of this register are not known here


def test_weights_of_one_are_complete_linkage() -> None:
    rng = np.random.default_rng(6)
    blocks, q = in_blocks((6, 9)), np.array([0.7, 0.8])
    model, whole = weighted(blocks, q, np.ones(15)), exchangeable(blocks, q)
    values, weights = rng.normal(size=15), rng.normal(size=(15, 3))
    for name in ("expected", "inverse", "variance"):
        np.testing.assert_allclose(getattr(model, name)(values), getattr(whole, name)(values), atol=1e-12)
    for name in ("noise", "gradient"):
        np.testing.assert_allclose(
            getattr(model, name)(weights, values), getattr(whole, name)(weights, values), atol=1e-12
        )


def test_equal_chances_by_record_are_exchangeable_errors() -> None:
    rng = np.random.default_rng(7)
    blocks = in_blocks((2, 5, 40))
    values, weights = rng.normal(size=47), rng.normal(size=(47, 2))
    model, whole = record_level(blocks, np.full(47, 0.8)), exchangeable(blocks, 0.8)
    for name in ("expected", "inverse", "variance"):
        np.testing.assert_allclose(getattr(model, name)(values), getattr(whole, name)(values), atol=1e-10)
    np.testing.assert_allclose(model.correct, 0.8, atol=1e-12)
    banded = record_level(blocks, {"x": 0.8}, bands=["x"] * 47)
    np.testing.assert_allclose(
        banded.gradient(weights, values),
        whole.gradient(weights, values).sum(axis=0, keepdims=True),
        rtol=1e-9,
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=7))
def test_chances_by_record_are_met_where_a_permutation_can_have_them(e: list[float]) -> None:
    doubt = np.array(e)
    found = shares(doubt, blocks_of([1] * len(e)))
    w = found.s * found.total[0]
    wrong = w * (1 - found.s)
    others = doubt.sum() - doubt.max()
    if doubt.max() == 0:
        assert not w.any()
    elif not found.raised[0]:
        np.testing.assert_allclose(wrong, doubt, atol=1e-9)
        assert others >= doubt.max() - 1e-9
    else:
        assert (wrong >= doubt - 1e-9).all()
        assert wrong[doubt.argmax()] == pytest.approx(doubt.max())
        assert others < 1.06 * doubt.max()


def test_noise_by_record() -> None:
    """Links wrong one by one with chances of their own, exchanging outcomes; to the order 1 / n."""
    rng = np.random.default_rng(8)
    n = 120
    x = rng.normal(size=n)
    doubt = np.where(x > 0, 0.08, 0.4)
    weights = np.column_stack((x, rng.normal(size=n)))
    draws = np.array([x[exchanged_by_record(rng, [n], doubt)] for _ in range(3000)])
    model = record_level(["a"] * n, 1 - doubt, convention="reshuffled")
    np.testing.assert_allclose(draws.mean(axis=0), model.expected(x), atol=0.15)
    np.testing.assert_allclose(draws.var(axis=0).mean(), model.variance(x).mean(), rtol=0.05)
    # The number of wrong links varies in these draws and is given in the formula: that adds to the first.
    ratio = ratio_of_noise(model, draws, weights, x)
    assert 0.9 < ratio[1] < 1.1
    assert 0.95 < ratio[0] < 1.35


def slopes_by_record(rng: np.random.Generator, repetitions: int) -> Floats:
    """T8 (s25): links of x > 0 are right with 0.95, others with 0.6; slopes of OLS of y on Q x."""
    sizes, found = [100] * 10, []
    blocks = in_blocks(tuple(sizes))
    for _ in range(repetitions):
        x = rng.normal(size=1000)
        doubt = np.where(x > 0, 0.05, 0.4)
        y = (1 + 2 * x + rng.normal(size=1000))[exchanged_by_record(rng, sizes, doubt)]
        constant = exchangeable(blocks, float(1 - doubt.mean()))
        own = record_level(blocks, {0: 0.6, 1: 0.95}, bands=(x > 0).astype(int), convention="reshuffled")
        designs = (x, constant.expected(x), own.expected(x))
        found.append([np.polyfit(one, y, 1)[0] for one in designs])
    return np.array(found) - 2


def check_slopes_by_record(repetitions: int, tolerance: float) -> None:
    errors = slopes_by_record(np.random.default_rng(25), repetitions)
    bias, mcse = errors.mean(axis=0), errors.std(axis=0) / np.sqrt(repetitions)
    slack = 4 * mcse
    assert -0.31 - slack[0] < bias[0] < -0.24 + slack[0]
    assert 0.18 - slack[1] < bias[1] < 0.27 + slack[1]
    assert abs(bias[2]) < max(tolerance, slack[2])


def test_chances_by_record_correct_what_one_for_all_does_not() -> None:
    check_slopes_by_record(40, 0.0)


@pytest.mark.long
def test_chances_by_record_correct_what_one_for_all_does_not_long() -> None:
    check_slopes_by_record(2000, 0.012)


def slopes_of_missed_links(rng: np.random.Generator, repetitions: int) -> Floats:
    """s04: half are linked, more of them with large x; slope and intercept of OLS of y on Q x, less the
    truth."""
    sizes, wrong = [100] * 20, [25] * 20
    blocks = in_blocks(tuple(sizes))
    found = []
    for _ in range(repetitions):
        x = rng.normal(size=2000)
        y = (1 + 2 * x + rng.normal(size=2000))[exchanged(rng, sizes, wrong)]
        chance = 1 / (1 + np.exp(-0.2 - x))
        at = np.flatnonzero(rng.random(2000) < chance)
        whole = incomplete(blocks, 0.75, at).expected(x)
        only = exchangeable(blocks[at], 0.75).expected(x[at])
        n_register = np.full(20, 100.0)
        by_weight = weighted(blocks[at], 0.75, 1 / chance[at], n_register=n_register).expected(x[at])
        found.append([np.polyfit(one, y[at], 1) for one in (x[at], only, whole, by_weight)])
    return np.array(found) - [2.0, 1.0]


def check_missed_links(repetitions: int) -> None:
    errors = slopes_of_missed_links(np.random.default_rng(4), repetitions)
    bias, slack = errors.mean(axis=0), 4 * errors.std(axis=0) / np.sqrt(repetitions)
    assert bias[0, 0] < -0.3
    assert bias[1, 1] < -0.15
    assert (np.abs(bias[2]) < np.maximum(slack[2], 0.01 if repetitions > 500 else 0)).all()
    assert (np.abs(bias[3]) < slack[3] + 0.02).all()  # weighted means are biased to the order 1 / n


def test_missed_links_need_the_means_of_the_register() -> None:
    check_missed_links(60)


@pytest.mark.long
def test_missed_links_need_the_means_of_the_register_long() -> None:
    check_missed_links(1000)


def test_audits_by_hand() -> None:
    blocks = ["a"] * 100 + ["b"] * 50 + ["c"] * 10
    model = audited(blocks, {"a": 18, "b": 16, "c": 10}, {"a": 20, "b": 20, "c": 10}, shrink=False)
    np.testing.assert_allclose(model.q, [0.9, 0.8, 1.0])
    assert model.precision.own is not None
    np.testing.assert_allclose(model.precision.own, [0.09 / 19 * 0.8, 0.16 / 19 * 0.6, 0.0])
    pooled = audited(blocks, 34, 40, pooled=True)
    assert pooled.precision.standard_errors[0] ** 2 == pytest.approx(0.85 * 0.15 / 39 * (1 - 40 / 160))
    assert audited(blocks, [18, 16, 0], [20, 20, 0], pooled=True).q.tolist() == pooled.q.tolist()
    # stratified within blocks: shares weighted by links, variances by their squares
    strata = (["low"] * 25 + ["high"] * 75) * 2
    by_both = audited(
        ["a"] * 100 + ["b"] * 100,
        {("a", "low"): 6, ("a", "high"): 9, ("b", "low"): 8, ("b", "high"): 9},
        {("a", "low"): 10, ("a", "high"): 10, ("b", "low"): 10, ("b", "high"): 10},
        strata=strata,
        shrink=False,
    )
    np.testing.assert_allclose(by_both.q, [0.25 * 0.6 + 0.75 * 0.9, 0.25 * 0.8 + 0.75 * 0.9])
    assert by_both.precision.own is not None
    first = 0.0625 * 0.24 / 9 * (1 - 10 / 25) + 0.5625 * 0.09 / 9 * (1 - 10 / 75)
    assert by_both.precision.own[0] == pytest.approx(first)


def test_uncertainty_of_audits_is_summed_by_block_or_all_at_once() -> None:
    rng = np.random.default_rng(9)
    blocks = in_blocks((30, 40, 50))
    values, weights = rng.normal(size=120), rng.normal(size=(120, 2))
    own = audited(blocks, [24, 20, 25], [30, 25, 28], shrink=False)
    n, q, r = np.array([30, 40, 50]), np.array([24 / 30, 20 / 25, 25 / 28]), np.array([30, 25, 28])
    products = np.array(
        [weights[blocks == k].T @ (values - values[blocks == k].mean())[blocks == k] for k in range(3)]
    )
    slopes = (n / (n - 1))[:, None] * products
    v = q * (1 - q) / (r - 1) * (1 - r / n)
    np.testing.assert_allclose(own.uncertainty(weights, values), (slopes * v[:, None]).T @ slopes)
    pooled = audited(blocks, 69, 83, pooled=True)
    total = slopes.sum(axis=0)
    q1 = 69 / 83
    v1 = q1 * (1 - q1) / 82 * (1 - 83 / 120)
    np.testing.assert_allclose(pooled.uncertainty(weights, values), v1 * np.outer(total, total))


def test_shrunk_audits() -> None:
    """Equal blocks become one audit, their doubt included; blocks that differ are left; no audit is the
    mean."""
    n, links = 40, 500
    names = [f"b{k:02d}" for k in range(n)]
    size = dict.fromkeys(names, links)
    alike = audited_precision(size, [24] * n, [30] * n)
    np.testing.assert_allclose(alike.q, 0.8)
    pooled = audited_precision({"all": n * links}, [24 * n], [30 * n])
    np.testing.assert_allclose(alike.standard_errors, pooled.standard_errors[0], rtol=0.01)
    rng = np.random.default_rng(10)
    share = rng.uniform(0.5, 0.95, n)
    right = rng.hypergeometric((share * links).astype(int), links - (share * links).astype(int), 200)
    apart = audited_precision(size, right, [200] * n)
    assert np.abs(apart.q - right / 200).max() < 0.02
    raw = audited_precision(size, right, [200] * n, shrink=False)
    squares = [
        (one.standard_errors**2).mean() for one in (apart, raw)
    ]  # one variance for all, right on average
    assert squares[0] == pytest.approx(squares[1], rel=0.3)
    checked = np.full(n, 200)
    checked[0] = right[0] = 0
    unseen = audited_precision(size, right, checked)
    assert unseen.q[0] == pytest.approx((right[1:] / 200).mean(), abs=0.01)
    assert unseen.standard_errors[0] > 4 * unseen.standard_errors[1]


def test_shrinkage_is_by_the_variance_of_paule_and_mandel() -> None:
    """That of statsmodels, with the variance of the mean share in each audit."""
    rng = np.random.default_rng(19)
    n, checked = 40, rng.integers(20, 60, 40)
    right = rng.hypergeometric(
        *np.round(np.array([q := rng.beta(12, 3, n), 1 - q]) * 500).astype(int), checked
    )
    links = np.round(q * 500).astype(int) + np.round((1 - q) * 500).astype(int)
    found = audited_precision(dict(enumerate(links.tolist())), right, checked)
    overall = (right.sum() + 1 / 3) / (checked.sum() + 2 / 3)
    s2 = overall * (1 - overall) / checked * (1 - checked / links) * links / (links - 1)
    by_them = combine_effects(right / checked, s2, method_re="iterated", atol=1e-12)
    tau2, precision = by_them.tau2, 1 / (by_them.tau2 + s2)
    mean = precision @ (right / checked) / precision.sum()
    kept = tau2 * precision
    assert 0.1 < kept.min() < kept.max() < 0.9
    np.testing.assert_allclose(found.q, mean + kept * (right / checked - mean), atol=1e-6)
    np.testing.assert_allclose(
        found.standard_errors**2, kept * s2 + (1 - kept) ** 2 / precision.sum(), rtol=1e-4
    )


def slopes_of_audits(rng: np.random.Generator, repetitions: int) -> Floats:
    """T5: blocks of 50 with 3 to 17 wrong links, 15 judged each; slopes of y on Q x, plain and weighted."""
    sizes = [50] * 20
    blocks = in_blocks(tuple(sizes))
    found = []
    for _ in range(repetitions):
        wrong = rng.integers(3, 18, 20)
        x = rng.normal(size=1000)
        y = (1 + 2 * x + rng.normal(size=1000))[exchanged(rng, sizes, wrong.tolist())]
        right = rng.hypergeometric(50 - wrong, wrong, 15)
        row = []
        for shrink in (False, True):
            model = audited(blocks, right, np.full(20, 15), shrink=shrink)
            w = model.expected(x)
            scale = 1 / np.sqrt(1 + model.variance(2 * x))
            design = np.column_stack((np.ones(1000), w)) * scale[:, None]
            row += [np.polyfit(w, y, 1)[0], np.linalg.lstsq(design, y * scale, rcond=None)[0][1]]
        found.append(row)
    return np.array(found) - 2


def check_shrinking(repetitions: int) -> None:
    errors = slopes_of_audits(np.random.default_rng(20), repetitions)
    bias, slack = errors.mean(axis=0), 4 * errors.std(axis=0) / np.sqrt(repetitions)
    assert bias[1] < -0.05 + slack[1]
    assert bias[1] < bias[3] - 0.03
    assert abs(bias[2]) < 0.02 + slack[2]
    assert abs(bias[3]) < 0.02 + slack[3]


def test_shrinking_takes_the_bias_of_small_audits() -> None:
    check_shrinking(60)


@pytest.mark.long
def test_shrinking_takes_the_bias_of_small_audits_long() -> None:
    check_shrinking(2000)


def test_conventions() -> None:
    """With probability alpha drawn anew, itself included: a is 1 - alpha."""
    assert correct_from_reshuffled(0.8, 5) == pytest.approx(0.84)
    assert reshuffled_from_correct(0.84, 5) == pytest.approx(0.8)
    model = exchangeable(["a"] * 5, float(correct_from_reshuffled(0.8, 5)))
    assert model.a[0] == pytest.approx(0.8)
    with pytest.raises(InputError, match="one record"):
        reshuffled_from_correct(0.9, 1)


def test_data_of_any_kind_make_blocks() -> None:
    values = ["b", "a", "b"]
    for given_as in (values, np.array(values), pl.Series(values), pl.Series(values).to_pandas()):
        found = blocks_of(given_as)
        assert (found.codes.tolist(), found.labels.tolist()) == ([1, 0, 1], ["a", "b"])
    assert blocks_of([3, 1, 3]).labels.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: exchangeable(["a", "b"], {"a": 1.0}), "block 'b' has none"),
        (lambda: exchangeable(["a"] * 4, 0.2), "below 1 / 4"),
        (lambda: exchangeable(["a"] * 4, 1.2), "no share"),
        (lambda: exchangeable(["a"] * 4, float("nan")), "no share"),
        (lambda: exchangeable(["a", "b", "b"], 0.9), "one record"),
        (lambda: exchangeable(["a", "a", "b", "b"], np.array([0.9, 0.8, 0.7])), "2 blocks and 3 values"),
        (lambda: exchangeable(["a", None], 0.9), "row 1 has none"),
        (lambda: exchangeable([1.0, float("nan")], 0.9), "row 1 has none"),
        (lambda: exchangeable(["a", 1], 0.9), "mixed"),
        (lambda: exchangeable([], 0.9), "one value for each row"),
        (lambda: exchangeable(["a"] * 2, 0.9, index=np.array(["x"])), "1 names for 2 rows"),
        (lambda: exchangeable(["a"] * 2, 0.9, index=np.array(["x", "x"])), "occur again"),
        (lambda: exchangeable(["a"] * 2, 0.9, single="drop"), "neither"),
        (lambda: exchangeable(["a"] * 5, 0.21).inverse(np.ones(5)), 'method="ratio"'),
        (lambda: exchangeable(["a"] * 5, 0.9).at(0.1), "below 1 / 5"),
        (lambda: incomplete(["a"] * 5, 0.9, [1, 1]), "has another one"),
        (lambda: incomplete(["a"] * 5, 0.9, [5]), "rows of the register"),
        (lambda: incomplete(["a"] * 2, 0.9, ["z"], register_index=["x", "y"]), "no record of the register"),
        (lambda: incomplete(["a"] * 5, 0.9, [1, 2]).inverse(np.ones(2)), "3 of 5 have none"),
        (lambda: weighted(["a"] * 2, 0.9, [1.0, 0.0]), "no weight above 0"),
        (lambda: weighted(["a"] * 2, 0.9, [1.0, float("nan")]), "no weight above 0"),
        (lambda: weighted(["a"] * 2, 0.9, [0.5, 0.5]), "2 links of 1 records"),
        (lambda: weighted(["a"] * 2, 0.9, [2.0]), "1 weights for 2 links"),
        (lambda: record_level(["a"] * 3, 0.9, bands=["x"]), "1 rows, but blocks have 3"),
        (lambda: record_level(["a"] * 2, {"x": 0.9}, bands=["x", "y"]), "band 'y' has none"),
        (lambda: record_level(["a"] * 2, {"x": 0.9}), "say which band"),
        (lambda: record_level(["a", "b"], 0.9), "one record"),
        (lambda: record_level(["a"] * 4, 0.27).inverse(np.ones(4)), "next to nothing"),
        (lambda: audited(["a"] * 9, [5], [4], shrink=False), "more links are right"),
        (lambda: audited(["a"] * 9, [5], [10], shrink=False), "more links were checked than there are"),
        (lambda: audited(["a", "a", "b", "b"], {"a": 1}, {"a": 2}), "'b' has none"),
        (
            lambda: audited(["a", "a", "b", "b"], [2, 0], [2, 0], shrink=False),
            "nothing was judged of block 'b'",
        ),
        (lambda: audited(["a"] * 9, 5, 6, pooled=True, shrink=True), "nothing to shrink"),
        (lambda: audited(["a"] * 9, [5], [6], shrink=True), "of 1 blocks"),
        (lambda: audited(["a"] * 9, [-1], [6], shrink=False), "no number of links"),
    ],
)
def test_bad_input_is_said(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


def test_what_cannot_be_corrected_is_warned_of() -> None:
    with pytest.warns(TallystickWarning, match="1 of 2 blocks have one record"):
        model = exchangeable(["a", "b", "b"], 0.9, single="right")
    assert model.a[0] == 1
    with pytest.warns(TallystickWarning, match="more doubtful than all others"):
        raised = record_level(["a"] * 4, np.array([0.8, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(raised.correct[0], 0.8)
    np.testing.assert_allclose(matrix_of(raised).sum(axis=0), 1)
    with pytest.warns(TallystickWarning, match="one doubtful link"):
        alone = record_level(["a"] * 4, np.array([0.8, 1.0, 1.0, 1.0]), convention="reshuffled")
    np.testing.assert_allclose(matrix_of(alone), np.eye(4))


def test_without_errors_nothing_is_changed() -> None:
    values = np.random.default_rng(1).normal(size=(6, 2))
    for model in (
        exchangeable(in_blocks((1, 2, 3)), 1.0),
        record_level(in_blocks((1, 2, 3)), 1.0 * np.ones(6)),
        weighted(in_blocks((1, 2, 3)), 1.0, np.full(6, 2.0)),
    ):
        np.testing.assert_allclose(model.expected(values), values, atol=1e-15)
        np.testing.assert_allclose(model.inverse(values), values, atol=1e-15)
        np.testing.assert_allclose(model.noise(values, values[:, 0]), 0, atol=1e-12)


def test_blocks_of_the_register_without_links_need_no_q() -> None:
    model = incomplete(["a", "a", "b", "b"], {"a": 0.8}, [0, 1])
    assert isinstance(model, Incomplete)
    assert model.n_groups == 1
    known = LinkPrecision(np.array(["a"]), np.array([0.8]), np.array([0.01]))
    again = incomplete(["a", "a", "b", "b"], known, [0])
    np.testing.assert_allclose(again.uncertainty(np.ones((1, 1)), np.array([0.0, 1, 5, 6])), 0.01)
