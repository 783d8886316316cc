"""Calibration: totals met, against a linear programme and direct minimisation, T13, input that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from simulate_rates import linked_survey

from tallystick.errors import InputError, TallystickError
from tallystick.quality.calibrate import Calibrated, calibrate


def simulated(n_rep: int) -> dict[str, tuple[float, float, float]]:
    """Mean error, its Monte Carlo error and coverage of the mean of y, by method."""
    random = np.random.default_rng(13)
    off: dict[str, list[float]] = {"naive": [], "greg": [], "raking": [], "logit": []}
    hits = dict.fromkeys(off, 0)
    for _ in range(n_rep):
        x, y, linked = linked_survey(2000, random)
        truth = float(y.mean())
        off["naive"].append(float(y[linked].mean()) - truth)
        for method in ("greg", "raking", "logit"):
            bounds = (0.1, 8.0) if method == "logit" else None
            found = calibrate(x[linked], x.sum(axis=0), method=method, bounds=bounds)  # type: ignore[arg-type]
            mean, error = found.mean(y[linked])
            off[method].append(mean - truth)
            hits[method] += abs(mean - truth) < 1.96 * error
    return {
        name: (float(np.mean(one)), float(np.std(one)) / n_rep**0.5, hits[name] / n_rep)
        for name, one in off.items()
    }


def test_calibration_takes_the_bias_of_missed_links_off() -> None:
    found = simulated(60)
    assert found["naive"][0] > 0.08
    for method in ("greg", "raking", "logit"):
        off, error, cover = found[method]
        # GREG is unbiased to first order only where the chances are linear in x; so it is allowed 0.006.
        assert abs(off) < 0.006 + 4 * error
        assert cover > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.long
def test_t13_calibration() -> None:
    found = simulated(2000)
    print(found)  # noqa: T201
    for method in ("greg", "raking", "logit"):
        assert abs(found[method][0]) < 0.006
        assert 0.93 <= found[method][2] <= 0.97


def distance(method: str, g: np.ndarray, bounds: tuple[float, float]) -> float:
    if method == "greg":
        return float(((g - 1) ** 2).sum() / 2)
    if method == "raking":
        return float((g * np.log(g) - g + 1).sum())
    low, high = bounds
    a = (high - low) / ((1 - low) * (high - 1))
    part = (g - low) * np.log((g - low) / (1 - low)) + (high - g) * np.log((high - g) / (high - 1))
    return float(part.sum() / a)


@pytest.mark.parametrize("method", ["greg", "raking", "logit"])
def test_weights_are_the_nearest_ones_by_their_distance(method: str) -> None:
    """Deville and Sarndal's own definition, minimised directly."""
    random = np.random.default_rng(3)
    x = np.column_stack([np.ones(12), random.normal(1, 1, 12)])
    totals = np.array([14.0, 11.0])
    bounds = (0.4, 2.5)
    given = bounds if method == "logit" else None
    found = calibrate(x, totals, method=method, bounds=given)  # type: ignore[arg-type]
    answer = minimize(
        lambda g: distance(method, g, bounds),
        np.full(12, 14 / 12),
        constraints={"type": "eq", "fun": lambda g: x.T @ g - totals},
        bounds=[(0.401, 2.499) if method == "logit" else (1e-6, 10)] * 12,
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert np.abs(x.T @ found.weights - totals).max() < 1e-6
    assert np.abs(found.g - answer.x).max() < 2e-4


def test_a_classification_is_poststratified() -> None:
    group = np.repeat([0, 1, 2], [5, 10, 20])
    x = (group[:, None] == np.arange(3)).astype(float)
    for method in ("greg", "raking"):
        found = calibrate(x, [10, 15, 60], method=method)  # type: ignore[arg-type]
        assert np.allclose(found.weights, np.array([2, 1.5, 3])[group])


def test_variance_is_that_of_poststratified_groups() -> None:
    """With one group of n of N: (N / n)^2 (1 - n / N) sum of (y - mean)^2."""
    y = np.random.default_rng(1).normal(size=40)
    found = calibrate(np.ones(40), 100.0)
    total, error = found.total(y)
    assert np.isclose(total, 100 * y.mean())
    assert np.isclose(error**2, 2.5**2 * (1 - 0.4) * ((y - y.mean()) ** 2).sum())


def test_residuals_are_those_of_the_calibrated_weights() -> None:
    """By statsmodels' weighted regression, where weights differ within what the variables tell apart."""
    random = np.random.default_rng(4)
    x = np.column_stack([np.ones(50), random.normal(1, 1, 50)])
    y, d = random.normal(size=50) + x[:, 1] ** 2, random.uniform(2, 6, 50)
    found = calibrate(x, [220.0, 240.0], d, method="raking")
    residual = sm.WLS(y, x, found.weights).fit().resid
    expected = ((found.weights * residual) ** 2 * (1 - 1 / found.weights)).sum()
    assert found.weights.min() > 1
    assert np.isclose(found.total(y)[1] ** 2, expected)


def test_negative_weights_are_told() -> None:
    x = np.column_stack([np.ones(4), [0.0, 0, 0, 10]])
    found = calibrate(x, [4.0, -5.0])
    assert found.negative == 1
    assert "negative" in found.summary()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": [[1.0], [np.nan]], "totals": [3]}, "missing"),
        ({"x": np.ones((5, 2)), "totals": [6, 6]}, "follows from"),
        ({"x": [1.0, 2], "totals": [3, 4]}, "totals"),
        ({"x": {"a": [1.0, 2]}, "totals": {"b": 3}}, "same names"),
        ({"x": [1.0, 2], "totals": [-3], "method": "raking"}, "no weights above 0"),
        (
            {"x": np.ones(5), "totals": [50], "method": "logit", "bounds": (0.5, 2)},
            "between 0.5 and 2",
        ),
        ({"x": np.ones(5), "totals": [6], "method": "logit", "bounds": (1.5, 2)}, "bounds"),
        ({"x": np.ones(5), "totals": [6], "bounds": (0.5, 2)}, "bounds"),
        ({"x": np.ones(5), "totals": [6], "weights": [1, 1, 1, 1, 0]}, "weight"),
        ({"x": np.ones(5), "totals": [6], "method": "other"}, "none of"),
    ],
)
def test_what_cannot_be_is_said(given: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(TallystickError, match=message):
        calibrate(**given)


def test_a_value_per_record() -> None:
    found: Calibrated = calibrate(np.ones(5), 6.0)
    with pytest.raises(InputError, match="5 records"):
        found.total([1.0, 2.0])
