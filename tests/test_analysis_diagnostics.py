"""Diagnostics of an analysis: scaled errors against matrices, bands against plain fits, checks simulated."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tallystick.analysis import (
    exchangeable,
    fit,
    linked_and_unlinked,
    naive_by_band,
    residuals_by_band,
    sensitivity,
)
from tallystick.analysis.diagnostics.bands import bands_of
from tallystick.analysis.diagnostics.plain import as_plain
from tallystick.analysis.error_models.error_model import ErrorModel
from tallystick.analysis.error_models.scaled import Scaled
from tallystick.errors import InputError
from tallystick.quality.proportions import mean_difference, share_difference, shares_difference

Floats = NDArray[np.float64]


def matrix(model: ErrorModel) -> Floats:
    return model.expected(np.eye(model.n_register))


@pytest.mark.parametrize("times", [0.0, 0.4, 1.0, 1.7])
def test_scaled_exchangeable_errors_are_exchangeable(times: float) -> None:
    blocks = ["a"] * 4 + ["b"] * 6
    q = {"a": 0.8, "b": 0.9}
    scaled = Scaled(exchangeable(blocks, q), times)
    other = exchangeable(blocks, {name: 1 - times * (1 - share) for name, share in q.items()})
    np.testing.assert_allclose(matrix(scaled), matrix(other), atol=1e-14)
    values = np.random.default_rng(1).normal(size=10)
    np.testing.assert_allclose(scaled.variance(values), other.variance(values), atol=1e-12)
    assert scaled.n_links == scaled.n_register == 10


def test_scaled_variance_is_that_of_the_mixture() -> None:
    model = exchangeable([0] * 5, 0.7)
    values = np.random.default_rng(2).normal(size=5)
    chances = 0.6 * matrix(model) + 0.4 * np.eye(5)
    variance = chances @ values**2 - (chances @ values) ** 2
    np.testing.assert_allclose(Scaled(model, 0.6).variance(values), variance, atol=1e-14)
    weights = np.random.default_rng(3).normal(size=(5, 2))
    np.testing.assert_allclose(
        Scaled(model, 0.6).noise(weights, values), weights.T @ np.diag(variance) @ weights, atol=1e-14
    )


def test_scaled_errors_refuse_what_they_have_not() -> None:
    model = exchangeable([0] * 5, 0.7)
    with pytest.raises(InputError, match="give 0 or more"):
        Scaled(model, -0.1)
    with pytest.raises(InputError, match="no inverse in closed form"):
        Scaled(model, 0.5).inverse(np.ones(5))


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=200),
    st.integers(1, 60),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_bands_hold_enough_links_and_follow_q(q: list[float], fewest: int, edges: list[float]) -> None:
    chances = np.array(q)
    codes, limits = bands_of(chances, fewest, edges)
    sizes = np.bincount(codes, minlength=len(limits))
    assert sizes.sum() == len(q)
    assert len(limits) == 1 or sizes.min() >= fewest
    assert limits[0][0] == 0
    assert limits[-1][1] == 1
    assert all(one[1] == other[0] for one, other in pairwise(limits))
    for k, (low, high) in enumerate(limits):
        own = chances[codes == k]
        assert ((own >= low) & ((own < high) | (high == 1))).all()


def test_naive_by_band_is_the_plain_fit_of_its_links() -> None:
    random = np.random.default_rng(4)
    q = random.choice([0.6, 0.92, 0.97, 1.0], 800)
    x, z = random.normal(size=(2, 800))
    y = 1 + 2 * x - z + random.normal(size=800)
    X = np.column_stack([np.ones(800), x, z])
    found = naive_by_band(y, X, q, ["one", "x", "z"], shown=X @ [1, 2, -1])
    assert [band.q for band in found] == pytest.approx([0.6, 0.92, 0.97, 1.0])
    for band in found:
        at = np.isclose(q, band.q)
        plain = np.linalg.lstsq(X[at], y[at], rcond=None)[0]
        np.testing.assert_allclose(band.estimates, plain, rtol=1e-9)
        np.testing.assert_allclose(band.expected, [1, 2, -1], atol=1e-9)
        assert band.links == at.sum()
    # A category that a band lacks leaves that band out, and no other.
    dummy = np.where(q == 0.6, 0.0, random.integers(0, 2, 800))
    kept = naive_by_band(y, np.column_stack([X, dummy]), q, ["one", "x", "z", "d"])
    assert [round(band.q, 2) for band in kept] == [0.92, 0.97, 1.0]


def test_naive_slopes_fall_with_q() -> None:
    random = np.random.default_rng(5)
    block = np.repeat(np.arange(40), 50)
    x = random.normal(size=2000)
    y = 2 * x + random.normal(size=2000)
    q = np.where(block % 2, 0.95, 0.6)
    for b in range(40):
        rows = np.flatnonzero(block == b)
        wrong = rows[: round((1 - q[rows[0]]) * 50)]
        y[wrong] = y[np.roll(wrong, 1)]
    model = exchangeable(block, {b: 0.95 if b % 2 else 0.6 for b in range(40)})
    X = np.column_stack([np.ones(2000), x])
    corrected = fit(y, X, model)
    low, high = naive_by_band(y, X, q, ["one", "x"], shown=corrected.shown)
    assert low.expected is not None
    assert high.expected is not None
    for band in (low, high):
        assert abs(band.estimates[1] - band.expected[1]) < 4 * band.standard_errors[1]
    assert low.estimates[1] / high.estimates[1] == pytest.approx(0.6 / 0.95, abs=0.12)


def test_residual_check_holds_its_size_and_finds_informative_links() -> None:
    random = np.random.default_rng(6)
    q = np.repeat([0.6, 0.93, 0.999], 150)
    rejected = 0
    for _ in range(400):
        y = random.normal(size=450)
        rejected += residuals_by_band(y, np.full(450, y.mean()), q).p_value < 0.05
    error = np.sqrt(0.05 * 0.95 / 400)
    assert abs(rejected / 400 - 0.05) < 4 * error
    found = residuals_by_band(random.normal(size=450) + 0.6 * (q < 0.9), np.zeros(450), q)
    assert found.p_value < 0.001
    assert len(found.bands) == 3
    one = residuals_by_band(random.normal(size=40), np.zeros(40), np.full(40, 0.9))
    assert one.df == 0
    assert as_plain(one)["p_value"] is None


def test_linked_and_unlinked_are_the_differences_of_quality() -> None:
    random = np.random.default_rng(7)
    linked = random.random(300) < 0.7
    age = random.normal(size=300)
    values = pl.DataFrame(
        {
            "age": [*age[:-1].tolist(), None],
            "sex": random.choice(["f", "m"], 300),
            "region": random.choice(["n", "s", "w"], 300),
        }
    )
    found = {one.variable: one for one in linked_and_unlinked(values, linked, "survey")}
    there = np.arange(300) < 299
    by_hand = mean_difference(age[there & linked], age[there & ~linked])
    assert by_hand is not None
    assert (found["age"].difference, found["age"].low) == (by_hand.value, by_hand.low)
    assert found["age"].linked + found["age"].unlinked == 299
    men = (values["sex"] == "m").to_numpy()
    share = share_difference(men[linked].sum(), linked.sum(), men[~linked].sum(), (~linked).sum())
    assert share is not None
    assert found["sex"].difference == pytest.approx(share.value)
    assert found["sex"].value_linked == pytest.approx(men[linked].mean())
    counts = [
        [((values["region"] == name).to_numpy() & own).sum() for name in "nsw"] for own in (linked, ~linked)
    ]
    distance = shares_difference(np.array(counts[0]), np.array(counts[1]))
    assert distance is not None
    assert found["region"].difference == pytest.approx(distance.value)
    assert found["region"].categories == 3


def test_the_curve_of_one_block_is_the_naive_slope_over_a() -> None:
    random = np.random.default_rng(8)
    n = 400
    X = np.column_stack([np.ones(n), random.normal(size=n)])
    y = X @ [1, 2] + random.normal(size=n)
    model = exchangeable(np.zeros(n, int), 0.8)

    def estimate(errors: ErrorModel) -> tuple[Floats, Floats]:
        found = fit(y, X, errors, variance="centred")
        return found.coefficients, found.standard_errors

    naive = fit(y, X, model, method="naive", variance="centred").coefficients[1]
    points = sensitivity(estimate, model, 0.8)
    assert [point.q for point in points] == pytest.approx([1 - 0.2 * t / 4 for t in range(9)])
    for point in points:
        a = (n * point.q - 1) / (n - 1)
        assert point.estimates[1] == pytest.approx(naive / a, rel=1e-9)
    assert [point.times for point in sensitivity(estimate, model, 0.4, (0.5, 3.0))] == [0.5]
