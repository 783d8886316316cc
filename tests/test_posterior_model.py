"""Posterior matching probabilities: what a row is expected to show, and regressions on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import posterior as one_to_one_sets
from simulate_links import Compared, Floats, compared

import tallystick as ts
from tallystick.analysis import (
    LinkPrecision,
    MatchingProbabilities,
    Posterior,
    audited_precision,
    calibration,
    listed_probabilities,
    matching_probabilities,
    posterior,
)
from tallystick.errors import InputError, TallystickWarning
from tallystick.linking import bipartite


def probabilities(rng: np.random.Generator, n_right: int, n_left: int) -> MatchingProbabilities:
    """Random ones; some rows without a candidate."""
    full = rng.random((n_right, n_left)) * (rng.random((n_right, n_left)) < 0.5)
    full /= np.maximum(full.sum(axis=1, keepdims=True), 1) * rng.uniform(1, 2, (n_right, 1))
    right, left = np.nonzero(full)
    return MatchingProbabilities(left, right, full[right, left], n_left, n_right, np.ones(len(left), bool))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_the_model_is_its_matrix(n_right: int, n_left: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = probabilities(rng, n_right, n_left)
    strata = rng.integers(0, 2, n_left)
    own = rng.choice(strata, n_right)
    model = posterior(found, strata=(own, strata))
    full = np.zeros((n_right, n_left))
    full[found.right, found.left] = found.probability
    none = 1 - full.sum(axis=1)
    spread = np.array([(strata == stratum) / (strata == stratum).sum() for stratum in own])
    full += none[:, None] * spread
    values, weights = rng.normal(size=n_left), rng.normal(size=(n_right, 2))
    np.testing.assert_allclose(model.expected(np.eye(n_left)), full, atol=1e-12)
    np.testing.assert_allclose(model.none, none, atol=1e-12)
    variance = full @ values**2 - (full @ values) ** 2
    np.testing.assert_allclose(model.variance(values), variance, atol=1e-10)
    np.testing.assert_allclose(
        model.noise(weights, values), weights.T @ (variance[:, None] * weights), atol=1e-9
    )
    assert not model.uncertainty(weights, values).any()
    chosen = np.flatnonzero(rng.random(n_right) < 0.5)
    if len(chosen):
        part = model.some(chosen)
        np.testing.assert_allclose(part.expected(values), model.expected(values)[chosen], atol=1e-12)
        assert part.n_groups == len(np.unique(part.groups))


def damped_messages(weight: Floats, slack: float = 1.0, sweeps: int = 400) -> Floats:
    """Belief propagation with slack as the specification has it: V = 1 / (s + sum w U), U = 1 / (1 + sum w
    V)."""
    u, v = np.ones_like(weight), np.ones_like(weight)
    for _ in range(sweeps):
        for messages, other, axis, s in ((v, u, 1, slack), (u, v, 0, 1.0)):
            part = weight * other
            fresh = 1 / (s + part.sum(axis=axis, keepdims=True) - part)
            messages[:] = np.sqrt(messages * np.clip(fresh, 1e-15, 1e15))
    found: Floats = weight * u * v / (1 + weight * u * v)
    return found


def test_messages_with_slack_are_near_the_sums_over_one_to_one_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 8 of which a part matches: the total variation of a row is 0.003 on average."""
    rng = np.random.default_rng(9)
    files = compared(rng, 25, fields=5, coverage=0.7)
    n, blocks = 200, np.repeat(np.arange(25), 8)
    arguments = (files.left, files.right, files.weight, n, n)
    exact = matching_probabilities(*arguments, blocks=(blocks, blocks), match_rate=0.7)
    assert exact.exact.all()
    monkeypatch.setattr(bipartite, "_MAX_WIDTH", 0)
    loopy = matching_probabilities(*arguments, blocks=(blocks, blocks), match_rate=0.7)
    assert not loopy.exact.any()
    off = np.bincount(files.right, np.abs(exact.probability - loopy.probability), n)
    off = (off + np.abs(exact.none("right") - loopy.none("right"))) / 2
    assert off.mean() < 0.006
    assert off.max() < 0.15
    constant = np.log(0.3 / 0.7 * (8 - 5.6 + 0.5))
    first = files.right < 8
    weight = np.zeros((8, 8))
    weight[files.right[first], files.left[first]] = np.exp(files.weight[first] - constant)
    np.testing.assert_allclose(
        damped_messages(weight)[files.right[first], files.left[first]], loopy.probability[first], atol=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_probabilities_by_brute_force(n_left: int, n_right: int, rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = (one.ravel() for one in np.meshgrid(np.arange(n_left), np.arange(n_right)))
    weight = rng.normal(0, 3, len(left))
    found = matching_probabilities(left, right, weight, n_left, n_right, match_rate=rate)
    matches = min(rate * n_right, n_left, n_right)
    gain = weight - np.log((1 - rate) / rate * (n_left - matches + 0.5))
    expected = one_to_one_sets(left.tolist(), right.tolist(), gain.tolist())
    np.testing.assert_allclose(found.probability, expected, atol=1e-9)
    rows = matching_probabilities(left, right, weight, n_left, n_right, match_rate=rate, rule="row")
    odds = np.exp(weight) / n_left * rate / (1 - rate)
    np.testing.assert_allclose(rows.probability, odds / (1 + np.bincount(right, odds)[right]), atol=1e-9)
    two = matching_probabilities(left, right, weight, n_left, n_right, match_rate=rate, rule="top-2")
    assert np.bincount(right, two.probability > 0).max() <= 2
    np.testing.assert_allclose(two.none("right"), rows.none("right"), atol=1e-9)


def test_a_match_for_everybody_leaves_none_out() -> None:
    rng = np.random.default_rng(2)
    left, right = (one.ravel() for one in np.meshgrid(np.arange(4), np.arange(4)))
    weight = rng.normal(0, 2, 16)
    found = matching_probabilities(left, right, weight, 4, 4, match_rate=1.0)
    np.testing.assert_allclose(found.none("right"), 0, atol=1e-9)
    np.testing.assert_allclose(found.none("left"), 0, atol=1e-9)


def test_the_match_rate_agrees_with_the_probabilities() -> None:
    files = compared(np.random.default_rng(3), 60, fields=6, coverage=0.7)
    n, blocks = 480, np.repeat(np.arange(60), 8)
    for rule in ("exact", "row"):
        found = matching_probabilities(
            files.left, files.right, files.weight, n, n, rule=rule, blocks=(blocks, blocks)
        )
        assert found.probability.sum() / n == pytest.approx((files.match >= 0).mean(), abs=0.04)


Rules = dict[str, Callable[[Posterior, Floats], Floats]]


def regressions(rng: np.random.Generator, repetitions: int, coverage: float) -> dict[str, Floats]:
    """Slopes less 2 and their standard errors by component, of y on posterior means by several rules."""
    found: dict[str, list[tuple[float, float]]] = {}
    n, blocks = 800, np.repeat(np.arange(100), 8)

    def fitted(name: str, w: Floats, y: Floats) -> None:
        design = np.column_stack((np.ones(len(w)), w))
        bread = np.linalg.inv(design.T @ design)
        estimate = bread @ design.T @ y
        scores = np.array(
            [one.sum(axis=0) for one in np.split(design * (y - design @ estimate)[:, None], 100)]
        )
        cov = bread @ scores.T @ scores @ bread * 100 / 99
        found.setdefault(name, []).append((estimate[1] - 2, cov[1, 1] ** 0.5))

    for _ in range(repetitions):
        files: Compared = compared(rng, 100, coverage=coverage)
        x = rng.normal(size=n)
        own = np.where(files.match >= 0, x[files.match], rng.normal(size=n))
        y = 1 + 2 * own + rng.normal(size=n)
        for rule in ("exact", "row", "top-2"):
            model = posterior(
                matching_probabilities(
                    files.left,
                    files.right,
                    files.weight,
                    n,
                    n,
                    rule=rule,
                    blocks=(blocks, blocks),
                    match_rate=coverage,
                ),
                blocks=files.block,
            )
            fitted(rule, model.expected(x), y)
            if rule == "exact":
                fitted("shared out", (model.matrix @ x) / np.maximum(1 - model.none, 1e-9), y)
                at = model.has_link
                found.setdefault("naive", []).append(
                    (float(np.polyfit(model.as_linked(x)[at], y[at], 1)[0]) - 2, 1.0)
                )
    return {name: np.array(rows) for name, rows in found.items()}


def covered(rows: Floats) -> float:
    return float((np.abs(rows[:, 0]) < 1.984 * rows[:, 1]).mean())


def check_everybody_matched(repetitions: int, tolerance: float) -> None:
    """T9: blocks of 8, 3 fields of 4 values; MAP right for 86 %."""
    found = regressions(np.random.default_rng(10), repetitions, 1.0)
    bias = {name: rows[:, 0].mean() for name, rows in found.items()}
    slack = {name: 4 * rows[:, 0].std() / np.sqrt(repetitions) for name, rows in found.items()}
    for rule in ("exact", "row"):
        assert abs(bias[rule]) < max(tolerance, slack[rule])
        share = covered(found[rule])
        assert (
            0.92 - 4 * np.sqrt(0.05 / repetitions) < share <= min(1, 0.97 + 4 * np.sqrt(0.05 / repetitions))
        )
    assert -0.20 - slack["top-2"] < bias["top-2"] < -0.13 + slack["top-2"]
    assert -0.34 < bias["naive"] < -0.24
    if repetitions > 100:
        assert found["row"][:, 0].std() > 1.1 * found["exact"][:, 0].std()


def check_none_is_kept(repetitions: int, tolerance: float) -> None:
    """s23: 30 % of the records are in the one file alone; sharing that out among candidates biases."""
    found = regressions(np.random.default_rng(23), repetitions, 0.7)
    slack = 4 * found["exact"][:, 0].std() / np.sqrt(repetitions)
    assert abs(found["exact"][:, 0].mean()) < max(tolerance, slack)
    assert found["shared out"][:, 0].mean() < -0.38


def test_regression_on_posterior_means() -> None:
    check_everybody_matched(25, 0.0)


def test_the_mass_on_no_match_is_kept() -> None:
    check_none_is_kept(12, 0.045)


@pytest.mark.long
def test_regression_on_posterior_means_long() -> None:
    check_everybody_matched(1000, 0.012)


@pytest.mark.long
def test_the_mass_on_no_match_is_kept_long() -> None:
    check_none_is_kept(1000, 0.012)


def test_links_and_rows_without_any() -> None:
    found = MatchingProbabilities(
        np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([0.3, 0.5, 0.4]), 3, 3, np.ones(3, bool)
    )
    model = posterior(found)
    assert model.linked.tolist() == [1, -1, -1]
    shown = model.as_linked(np.array([1.0, 2.0, 3.0]))
    assert shown[0] == 2
    assert np.isnan(shown[1:]).all()
    assert sorted(model.groups.tolist()) == [0, 1, 2]
    linked = model.some(model.has_link)
    assert linked.n_links == 1
    left = posterior(found, outcome="left")
    assert left.matrix.shape == (3, 3)
    np.testing.assert_allclose(left.none, [0.7, 0.5, 0.6])


def linked_persons(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two files of 400 persons, of whom 320 are in both, with errors in what they are compared by."""
    values = {
        name: rng.integers(0, size, 400) for name, size in (("a", 12), ("b", 8), ("c", 6), ("area", 25))
    }
    left = pl.DataFrame({"id": [f"l{k}" for k in range(400)], **values}).with_columns(
        pl.col("a", "b", "c", "area").cast(pl.String)
    )
    right = left.with_columns(id="r" + pl.col("id").str.slice(1))
    others = pl.DataFrame(
        {name: rng.integers(0, size, 400) for name, size in (("a", 12), ("b", 8), ("c", 6))}
    )
    for name in ("a", "b", "c"):
        share = np.where(np.arange(400) < 320, 0.1, 1.0)
        drawn = pl.Series(rng.random(400) < share)
        right = right.with_columns(
            pl.when(drawn).then(others[name].cast(pl.String)).otherwise(right[name]).alias(name)
        )
    return left, right.sample(fraction=1.0, shuffle=True, seed=1)


def test_posteriors_of_a_linkage_of_this_product() -> None:
    """From links to the model by ids, rows in the order of the given files; the sums are the linkage's
    own."""
    left, right = linked_persons(np.random.default_rng(8))
    sources = [
        ts.Source(name=name, table=table, id="id") for name, table in (("left", left), ("right", right))
    ]
    linkage = ts.Linkage(
        comparisons=[ts.comparison(name, ts.exact()) for name in ("a", "b", "c")],
        passes=[ts.blocking_key("area")],
        one_to_one=True,
    )
    links = linkage.fit(*sources).link(*sources)
    found = listed_probabilities(links.pairs, left["id"], right["id"])
    model = posterior(found, index=right["id"], register_index=left["id"])
    assert model.n_links == len(right)
    assert model.matrix.sum() == pytest.approx(links.pairs["posterior"].sum())
    one = links.pairs.row(0, named=True)
    at = right["id"].to_list().index(one["id_right"]), left["id"].to_list().index(one["id_left"])
    assert model.matrix[at] == pytest.approx(one["posterior"])
    decided = links.pairs.filter(pl.col("decision") == "link")
    best = dict(zip(right["id"], model.linked.tolist(), strict=True))
    agree = [
        left["id"][best[b]] == a for a, b in decided.select("id_left", "id_right").iter_rows() if best[b] >= 0
    ]
    assert len(agree) > 100
    assert np.mean(agree) > 0.95
    again = listed_probabilities(links.pairs.to_pandas(), left["id"].to_list(), right["id"].to_numpy())
    np.testing.assert_array_equal(again.probability, found.probability)


def test_pairs_that_are_none_of_the_files_are_refused() -> None:
    pairs = pl.DataFrame({"id_left": ["a"], "id_right": ["x"], "posterior": [0.9]})
    for changed, left, message in (
        (pairs, ["b"], "'a' is no record of the left file"),
        (pairs, ["a", "a"], "occur again"),
        (pairs.drop("posterior"), ["a"], "no column 'posterior'"),
        (pairs.with_columns(posterior=None), ["a"], "no probability from 0 to 1"),
        (pl.concat([pairs, pairs]), ["a"], "occur twice"),
    ):
        with pytest.raises(InputError, match=message):
            listed_probabilities(changed, left, ["x"])


def test_calibration_against_an_audit() -> None:
    rng = np.random.default_rng(5)
    chance = rng.uniform(0.8, 1, 4000)
    right = rng.random(4000) < chance
    bands = np.where(chance > 0.9, "sure", "less sure")
    judged = rng.random(4000) < 0.2
    labels = ["less sure", "sure"]
    counts = [
        [int((judged & (bands == one) & which).sum()) for one in labels] for which in (right, right | ~right)
    ]
    links = {one: int((bands == one).sum()) for one in labels}
    audit = audited_precision(links, *counts, shrink=False)
    found = calibration(chance, audit, bands)
    assert not found.differs
    np.testing.assert_allclose(found.expected, [0.85, 0.95], atol=0.01)
    with pytest.warns(TallystickWarning, match="not calibrated"):
        assert calibration(chance / 1.1, audit, bands).differs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda pairs: matching_probabilities(*pairs, np.array([1.0, np.nan]), 2, 2), "no finite numbers"),
        (lambda pairs: matching_probabilities(*pairs, np.ones(3), 2, 2), "2 and 2 rows and 3 weights"),
        (lambda pairs: matching_probabilities(*pairs, np.ones(2), 1, 2), "rows are from 0 to 0"),
        (lambda pairs: matching_probabilities(*pairs, np.ones(2), 2, 2, rule="sinkhorn"), "is none of"),
        (lambda pairs: matching_probabilities(*pairs, np.ones(2), 2, 2, match_rate=1.5), "no share"),
        (
            lambda pairs: matching_probabilities(*pairs, np.ones(2), 2, 2, blocks=(["a", "b"], ["a", "a"])),
            "1 of 2 pairs are between",
        ),
        (lambda pairs: matching_probabilities(pairs[0], pairs[0] * 0, np.ones(2), 2, 2, blocks=None), None),
        (
            lambda pairs: posterior(
                MatchingProbabilities(*pairs, np.array([0.7, 0.6]), 2, 2, np.ones(2, bool))
            ).inverse(np.ones(2)),
            "lahiri-larsen",
        ),
        (
            lambda pairs: posterior(
                MatchingProbabilities(pairs[0], pairs[1] * 0, np.array([0.7, 0.6]), 2, 2, np.ones(2, bool))
            ),
            "sum to 1.3",
        ),
        (
            lambda pairs: posterior(
                MatchingProbabilities(np.zeros(2, int), pairs[1], np.full(2, 0.4), 2, 2, np.ones(2, bool)),
                blocks=["a", "b"],
            ),
            "another block",
        ),
        (
            lambda pairs: posterior(
                MatchingProbabilities(*pairs, np.full(2, 0.4), 2, 2, np.ones(2, bool)), linked=[0, 2]
            ),
            "0 to 1 or -1",
        ),
        (
            lambda pairs: posterior(
                MatchingProbabilities(*pairs, np.full(2, 0.4), 2, 2, np.ones(2, bool)),
                strata=(["x", "y"], ["x", "x"]),
            ),
            "no record of 'y'",
        ),
        (lambda pairs: calibration([0.9, 1.1], LinkPrecision(np.array(["a"]), np.ones(1))), "from 0 to 1"),
    ],
)
def test_bad_input_is_said(make: Callable[..., object], message: str | None) -> None:
    pairs = np.array([0, 1]), np.array([0, 1])
    if message is None:
        make(pairs)
        return
    with pytest.raises(InputError, match=message):
        make(pairs)
