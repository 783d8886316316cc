"""Contingency tables of linked data: against matrices, permutations, published figures, other libraries."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.stats import chi2_contingency
from simulate_links import dense, exchanged, permutations_with
from statsmodels.stats.contingency_tables import StratifiedTable

from tallystick.analysis import (
    ContingencyTable,
    audited,
    bootstrap_table,
    contingency_table,
    exchangeable,
    incomplete,
    independence_test,
    record_level,
    weighted,
)
from tallystick.analysis.tables.counts import BlockCounts
from tallystick.analysis.tables.estimates import near_independence, shrinkage
from tallystick.analysis.tables.raking import rake
from tallystick.analysis.tables.variances import finite, sampling_by_block
from tallystick.errors import InputError, TallystickWarning

Floats = NDArray[np.float64]
STRONG = np.array([[0.25, 0.05, 0.03], [0.05, 0.2, 0.05], [0.02, 0.05, 0.3]])
OTHER = np.array([[0.05, 0.1, 0.1], [0.1, 0.2, 0.05], [0.05, 0.05, 0.3]])


def dummies(values: Any) -> Floats:
    return (np.asarray(values)[:, None] == np.unique(values)).astype(float)


def records(rng: np.random.Generator, sizes: list[int], shares: list[Floats]) -> tuple[Any, Any, Any]:
    """Rows, columns and blocks of records drawn within blocks."""
    cells = [rng.choice(p.size, n, p=p.ravel()) for n, p in zip(sizes, shares, strict=True)]
    cell = np.concatenate(cells)
    return *np.divmod(cell, shares[0].shape[1]), np.repeat(np.arange(len(sizes)), sizes)


@st.composite
def files(draw: st.DrawFn) -> tuple[Any, Any, Any, Any]:
    """Rows, columns, blocks and q of small linked files."""
    sizes = draw(st.lists(st.integers(2, 8), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    q = np.array([draw(st.floats(1 / n + 0.2 * (1 - 1 / n), 1)) for n in sizes])
    n = sum(sizes)
    return rng.integers(0, 3, n), rng.integers(0, 2, n), np.repeat(np.arange(len(sizes)), sizes), q


@settings(max_examples=40, deadline=None)
@given(files())
def test_every_estimate_is_what_the_matrices_give(file: tuple[Any, Any, Any, Any]) -> None:
    x, y, blocks, q = file
    X, Y, Q = dummies(x), dummies(y), dense(blocks, q)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)  # some of these tables cannot be raked
        table = contingency_table(x, y, exchangeable(blocks, q))
    np.testing.assert_allclose(table.naive, X.T @ Y)
    np.testing.assert_allclose(table.unbiased, X.T @ np.linalg.solve(Q, Y), atol=1e-8)
    np.testing.assert_allclose(table.biased, X.T @ Q @ Y, atol=1e-10)
    independent = sum(
        X[blocks == b].sum(axis=0)[:, None] * Y[blocks == b].sum(axis=0) / (blocks == b).sum()
        for b in np.unique(blocks)
    )
    np.testing.assert_allclose(
        table.shrunk, independent + table.k * (table.unbiased - independent), atol=1e-8
    )
    assert 0 <= table.k <= 1
    for name in ("naive", "unbiased", "biased", "shrunk", *(["raked"] if table.raked_converged else [])):
        np.testing.assert_allclose(table.estimate(name).sum(axis=1), X.sum(axis=0), atol=1e-6)
        np.testing.assert_allclose(table.estimate(name).sum(axis=0), Y.sum(axis=0), atol=1e-6)
    assert not (table.raked < 0).any()


def test_of_one_block_the_estimates_are_a_family() -> None:
    rng = np.random.default_rng(0)
    x, y, blocks = records(rng, [80], [STRONG])
    model = exchangeable(blocks, 0.7)
    table = contingency_table(x, y, model)
    independent = table.rows[:, None] * table.columns / 80
    for name, k in (("naive", 1), ("unbiased", 1 / model.a[0]), ("biased", model.a[0])):
        np.testing.assert_allclose(table.estimate(name), independent + k * (table.naive - independent))


def test_with_right_links_there_is_nothing_to_correct() -> None:
    rng = np.random.default_rng(1)
    x, y, blocks = records(rng, [60, 40, 1, 1, 1], [STRONG, OTHER, OTHER, OTHER, OTHER])
    table = contingency_table(x, y, exchangeable(blocks, 1.0), sampling="simple")
    for name in ("unbiased", "biased", "shrunk", "raked"):
        np.testing.assert_allclose(table.estimate(name), table.naive, atol=1e-9)
    assert table.k == 1
    np.testing.assert_allclose(table.se_finite, 0, atol=1e-7)
    share = table.naive / 103
    np.testing.assert_allclose(table.se_superpopulation**2, 103 * share * (1 - share) * 103 / 102)


@pytest.mark.parametrize(("n", "wrong"), [(5, 2), (7, 3), (7, 4)])
def test_the_finite_variance_has_the_mean_that_all_permutations_give(n: int, wrong: int) -> None:
    """Its mean over all sets of wrong links is the variance of the unbiased table over the same, exactly."""
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 2, n), rng.integers(0, 3, n)
    x[:2], y[:3] = (0, 1), (0, 1, 2)
    X, Y = dummies(x), dummies(y)
    q = np.array([1 - wrong / n])
    a = (n * q - 1) / (n - 1)
    tables, estimated = [], []
    for permutation in permutations_with(n, wrong):
        counts = BlockCounts((X.T @ Y[list(permutation)])[None])
        table = counts.independent + (counts.counts - counts.independent) / a
        tables.append(table[0])
        estimated.append(finite(counts, table, a, q, given=True)[0])
    np.testing.assert_allclose(np.mean(tables, axis=0), X.T @ Y, atol=1e-10)
    np.testing.assert_allclose(np.mean(estimated, axis=0), np.var(tables, axis=0), atol=1e-10)


@pytest.mark.parametrize("wrong_links", ["given", "random"])
def test_the_superpopulation_variance_is_the_published_one_of_a_large_block(wrong_links: Any) -> None:
    """n Var(pi) of section 3 of the specification, at the true chances of a block of a million."""
    n, q = 1_000_000, 0.7
    a = (n * q - 1) / (n - 1)
    row, column = STRONG.sum(axis=1)[:, None], STRONG.sum(axis=0)[None, :]
    tau = STRONG - row * column
    v = row * (1 - row) * column * (1 - column)
    var_h = column**2 * row * (1 - row) + row**2 * column * (1 - column) + 2 * row * column * tau
    cov = tau * (column * (1 - 2 * row) + row * (1 - 2 * column))
    var_product = (1 - 2 * row) * (1 - 2 * column) * tau + v - tau**2
    published = var_h + 2 * q * cov / a + (q * var_product + (1 - q) * v) / a**2 + tau**2 / ((n - 1) * a**2)
    if wrong_links == "random":
        published = published + q * (1 - q) * tau**2 / a**2
    counts = BlockCounts(n * (row * column + a * tau)[None])
    ours = finite(counts, n * STRONG[None], np.array([a]), np.array([q]), given=wrong_links == "given")[0]
    ours = ours / n + STRONG * (1 - STRONG)
    np.testing.assert_allclose(ours, published, rtol=1e-4)


def test_drawing_records_adds_n_pi_of_the_rest_in_small_blocks_too() -> None:
    """Tables of six records seen with an error of known variance: the error is not taken for association."""
    rng, n, times = np.random.default_rng(21), 6, 20_000
    true = rng.multinomial(n, STRONG.ravel(), times).reshape(-1, 3, 3).astype(float)
    seen = true + rng.normal(0, 1.5, true.shape)
    found = sampling_by_block(BlockCounts(true), seen, np.full(true.shape, 1.5**2)) / times
    squares = (n * seen - seen**2 + 1.5**2) / (n - 1)
    error = squares.std(axis=0) / np.sqrt(times)
    assert (np.abs(found - n * STRONG * (1 - STRONG)) < 4 * error).all()
    assert (4 * error < 1.5**2 / (n - 1)).all()


def test_the_shrunk_table_heeds_the_noise_of_the_unbiased_one() -> None:
    """Under independence cells vary as 1 / a^2 times those of perfect links; noise is no association."""
    rng, n, wrong = np.random.default_rng(22), 200, 60
    shares = np.outer(STRONG.sum(axis=1), STRONG.sum(axis=0))
    found = simulate(rng, n, 1 - wrong / n, shares, 150, redraw=True)
    spread = np.var([t.unbiased - t.blocks.independent.sum(axis=0) for t, _ in found], axis=0, ddof=1)
    a = 1 - wrong / (n - 1)
    stated = np.mean([near_independence(t.blocks, np.array([a])) for t, _ in found], axis=0)
    assert stated.sum() == pytest.approx((1 - a**2) * spread.sum(), rel=0.2)
    flat, noise = np.zeros((2, 2)), np.full((2, 2), 4.0)
    assert shrinkage(flat + 1.9, flat, noise) == 0
    assert shrinkage(flat + 4.0, flat, noise) == pytest.approx(12 / 16)


def test_the_variance_of_the_thesis_of_transpositions_is_that_of_its_chain_and_near_ours() -> None:
    """Eikenhout (2023), equation 14: T* of a cell under a Poisson number of random transpositions.

    As a chain of birth and death its exact variance follows without that equation. Transpositions leave more
    to vary than a given, or a binomial, number of wrong links: the more, the stronger the association.
    """
    n, q = 300, 0.7
    table = np.array([[75, 15, 9], [15, 60, 15], [6, 15, 90]])
    rate = (n - 1) / 2 * (np.log(n - 1) - np.log(n * q - 1))
    a = (n * q - 1) / (n - 1)
    counts = BlockCounts(table[None].astype(float))
    ours, random = (
        finite(counts, counts.counts, np.array([a]), np.array([q]), given=given)[0] for given in (True, False)
    )
    ratios: list[tuple[float, float]] = []
    for i, j in itertools.product(range(3), range(3)):
        f, r, s = int(table[i, j]), int(table[i].sum()), int(table[:, j].sum())
        states = np.arange(max(0, r + s - n), min(r, s) + 1)
        up = 2 * (r - states) * (s - states) / (n * (n - 1))
        down = 2 * states * (n - r - s + states) / (n * (n - 1))
        step = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
        step -= np.diag(step.sum(axis=1))
        chance = expm(rate * step)[f - states[0]]
        mean = chance @ states
        exact = chance @ (states - mean) ** 2
        assert mean == pytest.approx(a * f + (1 - a) * r * s / n)
        e, both = (1 - q) / (n - 1), ((n * q - 1) / (n - 1)) ** (2 - 2 / n)
        pairs = (r - 1) * (s - 1) - (f - 1)
        thesis = (
            q * (1 - q) * f
            + e * (1 - e) * (r * s - f)
            - 2 * q * e * f * (r + s - 2)
            + (2 * q / (n - 1) + (1 - 2 / (n - 1)) * both - q**2 - e**2) * f * (f - 1)
            + ((n - 3) / (n - 1) * (q**2 - both) + e**2) / (n - 2) * 2 * f * pairs
            - e**2 * (r * s - 2 * f) * (r + s - 2)
            + ((both - q**2) / (n - 1) + e**2)
            / (n - 2)
            * (r * s * (r - 1) * (s - 1) - 2 * f * (2 * (r - 1) * (s - 1) - (f - 1)))
        )
        assert thesis == pytest.approx(exact, rel=0.01)
        ratios.append((ours[i, j] * a**2 / exact, random[i, j] * a**2 / exact))
    of_given, of_random = zip(*ratios, strict=True)
    assert (min(of_given), max(of_given)) == pytest.approx((0.64, 0.95), abs=0.01)
    assert (min(of_random), max(of_random)) == pytest.approx((0.78, 0.97), abs=0.01)


def test_hospital_and_medicare_records_give_the_published_shares() -> None:
    """HRS and CMS: 59 of 359 links wrong; the figures are those of section 8 of the specification (O2)."""
    counts = np.array([[327, 8], [9, 15]])
    x = np.repeat([0, 0, 1, 1], counts.ravel())
    y = np.repeat([0, 1, 0, 1], counts.ravel())
    shares = contingency_table(x, y, exchangeable(np.zeros(359), 1 - 59 / 359)).shares()
    np.testing.assert_allclose(shares.ravel(), [0.91826, 0.01488, 0.01767, 0.04918], atol=1e-5)
    a = 1 - 59 / 359  # where a wrong link may fall on the record itself
    shares = contingency_table(x, y, exchangeable(np.zeros(359), a + (1 - a) / 359)).shares()
    np.testing.assert_allclose(shares.ravel(), [0.91824, 0.01491, 0.01769, 0.04916], atol=1e-5)


def test_an_audit_adds_what_the_derivative_says() -> None:
    rng = np.random.default_rng(4)
    x, y, blocks = records(rng, [100, 60], [STRONG, OTHER])
    known = contingency_table(x, y, exchangeable(blocks, [0.8, 0.75]))

    def derivative(step: list[float]) -> Floats:
        up, down = (
            contingency_table(x, y, exchangeable(blocks, np.array([0.8, 0.75]) + sign * np.array(step)))
            for sign in (1, -1)
        )
        return (up.unbiased - down.unbiased) / (2 * max(step))

    each = audited(blocks, {0: 16, 1: 15}, {0: 20, 1: 20}, shrink=False)
    first, second = derivative([1e-5, 0]), derivative([0, 1e-5])
    v = each.precision.standard_errors**2
    expected = known.se_finite**2 + first**2 * v[0] + second**2 * v[1]
    found = contingency_table(x, y, each)
    np.testing.assert_allclose(found.se_finite**2, expected, rtol=1e-6)
    added = found.se_superpopulation**2 - known.se_superpopulation**2
    np.testing.assert_allclose(added, expected - known.se_finite**2, rtol=1e-5)

    pooled = audited(blocks, 31, 40, pooled=True)
    same = contingency_table(x, y, exchangeable(blocks, 0.775))
    up, down = (contingency_table(x, y, exchangeable(blocks, 0.775 + d)).unbiased for d in (1e-5, -1e-5))
    expected = same.se_finite**2 + ((up - down) / 2e-5) ** 2 * pooled.precision.standard_errors[0] ** 2
    np.testing.assert_allclose(contingency_table(x, y, pooled).se_finite ** 2, expected, rtol=1e-6)


def test_chances_by_record_give_what_their_matrix_gives() -> None:
    rng = np.random.default_rng(5)
    x, y, blocks = records(rng, [30, 20], [STRONG, OTHER])
    bands = rng.choice(["sure", "less"], 50)
    model = record_level(blocks, {"sure": 0.95, "less": 0.6}, bands=bands)
    Q = model.expected(np.eye(50))
    table = contingency_table(x, y, model)
    np.testing.assert_allclose(table.unbiased, dummies(x).T @ np.linalg.inv(Q) @ dummies(y), atol=1e-9)
    np.testing.assert_allclose(table.unbiased.sum(axis=0), table.naive.sum(axis=0))
    assert table.approximate
    assert (table.se_finite > 0).all()
    assert "only where few links are wrong" in str(table)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_raked_tables_meet_their_margins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.gamma(1.0, 10, (3, 4)) + 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)
        raked = rake(true + rng.normal(0, 3, (3, 4)), true.sum(axis=1), true.sum(axis=0))
    if raked.converged:
        np.testing.assert_allclose(raked.table.sum(axis=1), true.sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(raked.table.sum(axis=0), true.sum(axis=0), rtol=1e-6)
        assert (raked.table >= 0).all()


def test_a_table_that_cannot_be_raked_says_so() -> None:
    with pytest.warns(TallystickWarning, match="could not be raked"):
        raked = rake(np.array([[3.0, -1], [-1, 3]]), np.array([3.0, 1]), np.array([1.0, 3]), max_steps=50)
    assert not raked.converged
    assert np.isnan(raked.table).all()
    with pytest.raises(InputError, match="one sum"):
        rake(np.eye(2), np.array([1.0, 1]), np.array([1.0, 2]))


def test_pearson_of_one_block_is_scipys_and_mantel_haenszel_that_of_statsmodels() -> None:
    rng = np.random.default_rng(6)
    x, y, blocks = records(rng, [200], [STRONG])
    table = contingency_table(x, y, exchangeable(blocks, 0.8))
    found, wanted = independence_test(table), chi2_contingency(table.naive, correction=False)
    assert (found.statistic, found.df) == pytest.approx((wanted.statistic, wanted.dof))
    assert found.pvalue == pytest.approx(wanted.pvalue)
    again = independence_test(table, method="mantel-haenszel")
    assert again.statistic == pytest.approx(wanted.statistic * 199 / 200)

    x, y, blocks = rng.integers(0, 2, 150), rng.integers(0, 2, 150), np.repeat([0, 1, 2, 3], [90, 30, 20, 10])
    table = contingency_table(x, y, exchangeable(blocks, 0.8))
    test = StratifiedTable(np.moveaxis(table.blocks.counts, 0, 2)).test_null_odds()
    assert independence_test(table).statistic == pytest.approx(test.statistic)
    assert independence_test(table).pvalue == pytest.approx(test.pvalue)


def test_mantel_haenszel_has_the_covariance_of_all_pairings() -> None:
    x = np.array([0, 0, 1, 2, 2, 0, 1, 1, 2])
    y = np.array([0, 1, 2, 2, 1, 0, 0, 1, 2])
    blocks = np.array([0] * 5 + [1] * 4)
    table = contingency_table(x, y, exchangeable(blocks, 0.9))
    away, v = np.zeros(9), np.zeros((9, 9))
    for b in (0, 1):
        X, Y = dummies(x)[blocks == b], dummies(y)[blocks == b]
        every = np.array([(X.T @ Y[list(p)]).ravel() for p in itertools.permutations(range(len(X)))])
        away += (X.T @ Y).ravel() - every.mean(axis=0)
        v += np.cov(every.T, bias=True)
    found = independence_test(table)
    assert found.statistic == pytest.approx(away @ np.linalg.pinv(v, rcond=1e-9) @ away)
    assert found.df == 4


def test_only_the_naive_table_of_unweighted_rows_is_tested() -> None:
    rng = np.random.default_rng(7)
    x, y, blocks = records(rng, [100], [STRONG])
    table = contingency_table(x, y, exchangeable(blocks, 0.8))
    for name in ("unbiased", "biased", "shrunk", "raked"):
        with pytest.raises(InputError, match="is no test"):
            independence_test(table, estimate=name)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none of"):
        independence_test(table, estimate="best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="neither"):
        independence_test(table, method="fisher")  # type: ignore[arg-type]
    rows = contingency_table(x, y, exchangeable(blocks, 0.8), weights=np.full(100, 2.0))
    with pytest.raises(InputError, match="weighted rows"):
        independence_test(rows)
    one = contingency_table(np.zeros(100), y, exchangeable(blocks, 0.8))
    with pytest.raises(InputError, match="nothing to test"):
        independence_test(one)
    few = contingency_table(x[:9], y[:9], exchangeable(blocks[:9], 0.8))
    with pytest.warns(TallystickWarning, match="below 5"):
        independence_test(few, method="pearson")
    assert "1 / a" in str(independence_test(table))


def test_rows_go_by_name_and_frames_of_any_kind_are_read() -> None:
    rng = np.random.default_rng(8)
    x, y, blocks = records(rng, [60, 40], [STRONG, OTHER])
    names = np.array([f"r{k}" for k in range(100)])
    model = exchangeable(blocks, [0.7, 0.9], index=names)
    wanted = contingency_table(x, y, exchangeable(blocks, [0.7, 0.9])).unbiased
    order = rng.permutation(100)
    data = {"id": names[order], "x": x[order], "y": y[order]}
    for table in (
        contingency_table("x", "y", model, data=pl.DataFrame(data), index="id"),
        contingency_table("x", "y", model, data=pd.DataFrame(data).set_index("id")),
        contingency_table("x", "y", model, data=pl.DataFrame(data).to_arrow(), index="id"),
        contingency_table(pd.Series(x[order], names[order]), pd.Series(y[order], names[order]), model),
        contingency_table(data["x"], data["y"], model, index=names[order]),
    ):
        np.testing.assert_allclose(table.unbiased, wanted)
    with pytest.raises(InputError, match="not in it"):
        contingency_table("x", "y", model, data=pl.DataFrame(data)[1:], index="id")
    with pytest.raises(InputError, match="names its rows"):
        contingency_table(x, y, model)
    with pytest.raises(InputError, match="different indexes"):
        contingency_table(pd.Series(x, names), pd.Series(y, names[order]), model)


def test_categories_keep_their_order() -> None:
    levels = ["low", "middle", "high"]
    values = ["high", "low", "high", "low"]
    blocks = exchangeable(np.zeros(4), 1.0)
    for column in (pd.Categorical(values, levels), pl.Series(values, dtype=pl.Enum(levels))):
        table = contingency_table(column, [1, 2, 1, 2], blocks)
        assert table.row_labels.tolist() == ["low", "high"]
    assert contingency_table(values, [1, 2, 1, 2], blocks).row_labels.tolist() == ["high", "low"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [None, "a", "a", "b"]}, "missing"),
        ({"columns": [np.nan, 1, 1, 2]}, "missing"),
        ({"rows": ["a", "b"]}, "differ in their number"),
        ({"rows": ["a"] * 5, "columns": [1] * 5}, "5 rows and the error model is of 4"),
        ({"rows": "a"}, "no data="),
        ({"weights": [1, 1, -1, 1]}, "negative"),
        ({"weights": [0, 0, 0, 0]}, "all of them are 0"),
        ({"weights": ["a", 0, 0, 0]}, "no numbers"),
        ({"sampling": "cluster"}, "sampling"),
        ({"wrong_links": "many"}, "wrong_links"),
        ({"model": exchangeable(np.zeros(4), 0.26)}, "no inverse"),
        ({"model": incomplete(np.zeros(6), 0.9, [0, 1, 2, 3])}, "linked rows themselves"),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong(change: dict[str, Any], message: str) -> None:
    call = {"rows": ["a", "a", "b", "b"], "columns": [1, 2, 1, 2], "model": exchangeable(np.zeros(4), 0.9)}
    with pytest.raises(InputError, match=message):
        contingency_table(**(call | change))


def test_a_column_beside_itself_is_no_linked_table() -> None:
    data = {"a": ["x", "y", "x", "y"]}
    with pytest.raises(InputError, match="rows and columns are both 'a'"):
        contingency_table("a", "a", exchangeable(np.zeros(4), 0.9), data=data)


def test_weights_that_are_all_alike_change_nothing_but_the_unit() -> None:
    rng = np.random.default_rng(9)
    x, y, blocks = records(rng, [600, 400], [STRONG, OTHER])
    model = exchangeable(blocks, [0.7, 0.9])
    plain = contingency_table(x, y, model)
    double = contingency_table(x, y, model, weights=np.full(1000, 2.0))
    for name in ("naive", "unbiased", "biased"):
        np.testing.assert_allclose(double.estimate(name), 2 * plain.estimate(name))
    # The delta method takes the pairs of row and column as drawn.
    ratio = (double.se_superpopulation**2 / 4).sum() / (plain.se_superpopulation**2).sum()
    assert 0.95 < ratio < 1.15
    with pytest.raises(InputError, match="superpopulation"):
        double.se("finite")
    with pytest.raises(InputError, match="has weights already"):
        contingency_table(x, y, weighted(blocks, 0.8, np.full(1000, 2.0)), weights=np.ones(1000))
    with pytest.raises(InputError, match="exchangeable errors"):
        contingency_table(x, y, record_level(blocks, 0.9 * np.ones(1000)), weights=np.ones(1000))


def test_it_prints_its_cells_margins_and_errors() -> None:
    rng = np.random.default_rng(10)
    x, y, blocks = records(rng, [60, 40], [STRONG, OTHER])
    table = contingency_table(
        pd.Series(np.array(["low", "middle", "high"])[x], name="income"),
        pd.Series(y, name="region"),
        exchangeable(blocks, [0.7, 0.9]),
    )
    text = str(table)
    for part in ("income by region: 100 links in 2 blocks, a from", "biased towards independence", "total"):
        assert part in text
    assert "DID NOT CONVERGE" in str(replace(table, raked_converged=False))
    frame = table.to_polars()
    assert frame.columns[:4] == ["income", "region", "naive", "unbiased"]
    assert frame["unbiased"].to_numpy() == pytest.approx(table.unbiased.ravel())
    low, high = table.conf_int(0.1, "superpopulation")
    np.testing.assert_allclose((high - low) / 2, 1.644854 * table.se_superpopulation, rtol=1e-6)
    crossed = table.to_pandas("naive")
    assert crossed.loc["All", "All"] == 100
    wanted = pd.crosstab(np.array(["low", "middle", "high"])[x], y)
    np.testing.assert_allclose(table.to_pandas("naive", margins=False).to_numpy(), wanted.to_numpy())


@pytest.mark.parametrize("kind", ["records", "linkage"])
def test_bootstraps_give_the_same_errors(kind: Any) -> None:
    rng = np.random.default_rng(14)
    x, y, blocks = records(rng, [400, 300], [STRONG, OTHER])
    y = y[exchanged(rng, [400, 300], [80, 90])]
    model = audited(blocks, {0: 80, 1: 70}, {0: 100, 1: 100}, shrink=False)
    table = contingency_table(x, y, model)
    found = bootstrap_table(table, model, kind=kind, times=400)
    ratio = found.se / table.se_superpopulation
    assert abs(ratio.mean() - 1) < 0.08
    assert (np.abs(ratio - 1) < 0.3).all()
    np.testing.assert_allclose(found.tables.mean(axis=0), table.unbiased, atol=8)
    low, high = found.conf_int()
    assert (low < table.unbiased).all()
    assert (table.unbiased < high).all()


def test_a_bootstrap_refuses_what_it_cannot_resample() -> None:
    rng = np.random.default_rng(15)
    x, y, blocks = records(rng, [60], [STRONG])
    model = exchangeable(blocks, 0.8)
    table = contingency_table(x, y, model)
    for change, message in (
        ({"kind": "pairs"}, "neither"),
        ({"times": 1}, "times"),
        ({"model": record_level(blocks, 0.9 * np.ones(60))}, "exchangeable errors"),
    ):
        with pytest.raises(InputError, match=message):
            bootstrap_table(**({"table": table, "model": model} | change))  # type: ignore[arg-type]
    small = audited(blocks, {0: 1}, {0: 3})
    with pytest.warns(TallystickWarning, match="too small"):
        bootstrap_table(contingency_table(x, y, small), small, times=50)


def test_tests_keep_their_size_where_margins_of_blocks_differ() -> None:
    """Independent within blocks of other margins: Mantel-Haenszel has its size, the table of all has not."""
    rng, times, sizes = np.random.default_rng(16), 160, [40] * 15
    rows = rng.dirichlet(np.ones(3), len(sizes))
    columns = 0.5 * rows + 0.5 * rng.dirichlet(np.ones(3), len(sizes))
    shares = [np.outer(r, c) for r, c in zip(rows, columns, strict=True)]
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    model, size, pooled = exchangeable(blocks, 0.75), [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)
        for _ in range(times):
            x, y, _ = records(rng, sizes, shares)
            table = contingency_table(x, y[exchanged(rng, sizes, [10] * 15)], model)
            size.append(independence_test(table).pvalue < 0.05)
            pooled.append(chi2_contingency(table.naive, correction=False).pvalue < 0.05)
    assert abs(np.mean(size) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / times)
    assert np.mean(pooled) > 0.5


def simulate(
    rng: np.random.Generator, n: int, q: float, shares: Floats, times: int, *, redraw: bool
) -> list[tuple[ContingencyTable, Floats]]:
    """Tables with a given number of wrong links, each with the table under perfect linkage."""
    blocks, wrong = np.zeros(n), round((1 - q) * n)
    model = exchangeable(blocks, 1 - wrong / n)
    x, y, _ = records(rng, [n], [shares])
    found = []
    for _ in range(times):
        if redraw:
            x, y, _ = records(rng, [n], [shares])
        source = exchanged(rng, [n], [wrong])
        found.append((contingency_table(x, y[source], model), dummies(x).T @ dummies(y)))
    return found


def check_bias_and_variance(seed: int, times: int) -> dict[str, float]:
    """T7, the fixed table: largest bias, ratio of variances; margins exact."""
    found = simulate(np.random.default_rng(seed), 300, 0.7, STRONG, times, redraw=False)
    true = found[0][1]
    tables = {
        name: np.array([t.estimate(name) for t, _ in found]) for name in ("naive", "unbiased", "biased")
    }
    for table, _ in found:
        np.testing.assert_allclose(table.unbiased.sum(axis=0), true.sum(axis=0))
        np.testing.assert_allclose(table.unbiased.sum(axis=1), true.sum(axis=1))
    variance = np.mean([t.se_finite**2 for t, _ in found], axis=0)
    ratio = tables["unbiased"].var(axis=0, ddof=1) / variance
    figures = {name: float(np.abs(t.mean(axis=0) - true).max()) for name, t in tables.items()}
    error = float(np.sqrt(variance.max() / times))
    return figures | {"mc": error, "low": float(ratio.min()), "high": float(ratio.max())}


def check_coverage(seed: int, times: int) -> dict[str, Floats]:
    """T7, records drawn anew: coverage of every cell."""
    found = simulate(np.random.default_rng(seed), 1000, 0.7, STRONG, times, redraw=True)
    limits = [t.conf_int(target="superpopulation") for t, _ in found]
    truth = 1000 * STRONG
    covered = np.mean([(low < truth) & (truth < high) for low, high in limits], axis=0)
    share = [t.naive / 1000 for t, _ in found]
    half = [1.96 * np.sqrt(p * (1 - p) / 1000) for p in share]
    naive = np.mean([np.abs(p - STRONG) < h for p, h in zip(share, half, strict=True)], axis=0)
    return {"unbiased": covered, "naive": naive}


def check_size(seed: int, times: int) -> dict[str, float]:
    """T7, independent rows and columns: how often a test of 5 % rejects."""
    shares = np.outer(STRONG.sum(axis=1), STRONG.sum(axis=0))
    found = simulate(np.random.default_rng(seed), 300, 0.7, shares, times, redraw=True)
    right = np.mean([independence_test(t).pvalue < 0.05 for t, _ in found])
    wrong = np.mean([chi2_contingency(t.unbiased, correction=False).pvalue < 0.05 for t, _ in found])
    return {"naive": float(right), "unbiased": float(wrong)}


def test_tables_are_unbiased_and_their_errors_right_in_short() -> None:
    times = 150
    found = check_bias_and_variance(1, times)
    assert found["unbiased"] < 4 * found["mc"]
    assert 10 < found["naive"] < 20
    assert 18 < found["biased"] < 33
    width = 4 * np.sqrt(2 / times)
    assert 1 - width < found["low"]
    assert found["high"] < 1 + width
    cover = check_coverage(2, times)
    width = 4 * np.sqrt(0.95 * 0.05 / times)
    assert (np.abs(cover["unbiased"] - 0.95) < width).all()
    # Of nine cells with margins that sum to one at least three are as good as independent.
    assert abs(cover["unbiased"].mean() - 0.95) < width / np.sqrt(3)
    assert (cover["naive"] < 0.7 + width).all()
    size = check_size(3, times)
    assert abs(size["naive"] - 0.05) < width
    assert size["unbiased"] > 0.2


@pytest.mark.long
def test_tables_meet_the_tolerances_of_the_specification() -> None:
    found = check_bias_and_variance(11, 2000)
    assert found["unbiased"] < 0.5
    assert found["naive"] == pytest.approx(15, rel=0.15)
    assert found["biased"] == pytest.approx(26, rel=0.15)
    assert found["low"] > 0.93
    assert found["high"] < 1.08
    cover = check_coverage(12, 1000)
    assert ((cover["unbiased"] > 0.92) & (cover["unbiased"] < 0.97)).all()
    assert (cover["naive"] < 0.7).all()
    size = check_size(13, 2000)
    assert 0.03 < size["naive"] < 0.065
    assert size["unbiased"] > 0.25


def test_weighted_links_give_the_table_of_the_whole_register() -> None:
    """Linked with a chance that depends on the row, wrong links from the whole block: weights 1 / chance."""
    rng, times, n = np.random.default_rng(20), 120, 1000
    chance = np.array([0.9, 0.6, 0.4])
    blocks = np.repeat([0, 1], n // 2)
    tables, naive, unweighted, covered = [], [], [], []
    truth = n / 2 * (STRONG + OTHER)
    for _ in range(times):
        x, y, _ = records(rng, [n // 2, n // 2], [STRONG, OTHER])
        shown = y[exchanged(rng, [n // 2, n // 2], [n // 8, n // 8])]
        linked = rng.random(n) < chance[x]
        w = 1 / chance[x[linked]]
        model = weighted(blocks[linked], 0.75, w, n_register={0: n // 2, 1: n // 2})
        table = contingency_table(x[linked], shown[linked], model)
        tables.append(table.unbiased)
        naive.append(table.naive)
        low, high = table.conf_int(target="superpopulation")
        covered.append((low < truth) & (truth < high))
        alone = contingency_table(x[linked], shown[linked], exchangeable(blocks[linked], 0.75))
        unweighted.append(alone.unbiased / alone.total * n)
    error = np.std(tables, axis=0).max() / np.sqrt(times)
    assert np.abs(np.mean(tables, axis=0) - truth).max() < 4 * error
    assert np.abs(np.mean(naive, axis=0) - truth).max() > 20
    assert np.abs(np.mean(unweighted, axis=0) - truth).max() > 50
    cover = np.mean(covered, axis=0)
    assert (np.abs(cover - 0.95) < 4 * np.sqrt(0.95 * 0.05 / times)).all()


if __name__ == "__main__":
    print(check_bias_and_variance(11, 2000), check_coverage(12, 1000), check_size(13, 2000))  # noqa: T201
