"""Standard errors and intervals: against plain sums, formulas, and the spread of simulated estimates."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulate import Field, two_files

import tallystick as ts
import tallystick.linking.floors as floors_module
from tallystick.estimation.error_curve import ErrorCurve
from tallystick.estimation.parameters import PairOfSources, Parameters, logit_interval
from tallystick.estimation.posteriors import Posteriors
from tallystick.estimation.uncertainty import Doubtful, shared_records
from tallystick.linkage.links import Links
from tallystick.linkage.model import Model
from tallystick.linking.expected import Expected, expected_matches, gradient, shared_doubt
from tallystick.linking.floors import deep_floors
from tallystick.quality.rates import EstimatedRates

EVEN = (
    Field("given", 100, redrawn=0.12),
    Field("surname", 400, redrawn=0.08),
    Field("sex", 2, redrawn=0.1),
    Field("birth", 80, redrawn=0.1),
    Field("house", 60, redrawn=0.2),
)
SKEWED = Field("surname", 500, 1.0, redrawn=0.1)


def fitted(fields: tuple[Field, ...], sizes: tuple[int, int, int], seed: int) -> Model:
    files = two_files(fields, *sizes, seed)
    comparisons = [ts.comparison(one.name, ts.exact()) for one in fields]
    return ts.Linkage(comparisons, [ts.all_pairs()], estimation=ts.Estimation(related="none")).fit(
        *files.tables
    )


def spread_of(
    fields: tuple[Field, ...], sizes: tuple[int, int, int], runs: int
) -> dict[str, NDArray[np.float64]]:
    """Estimate, its true value, and its standard error, by name and run: arrays of shape (runs, 3)."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(runs):
        parameters = fitted(fields, sizes, 900 + seed).parameters
        assert parameters.uncertainty is not None
        for number, (field, one) in enumerate(zip(fields, parameters.comparisons, strict=True)):
            errors = parameters.errors_of(number)
            assert errors is not None
            for name, p, true, error in (
                ("m", one.m[-1], field.m[-1], errors[0][-1]),
                ("u", one.u[-1], field.u[-1], errors[1][-1]),
            ):
                found.setdefault(f"{name} {field.name}", []).append((p, float(true), float(error)))
        log_e = float(np.log(parameters.pairs[0].expected_matches))
        own = (log_e, float(np.log(sizes[2])), parameters.uncertainty.errors[-1])
        found.setdefault("log matches", []).append(own)
    return {name: np.array(rows) for name, rows in found.items()}


def check_spread(found: dict[str, NDArray[np.float64]], least: float, most: float, covered: float) -> None:
    for name, rows in found.items():
        ratio = float(np.sqrt((rows[:, 2] ** 2).mean()) / rows[:, 0].std(ddof=1))
        # Where all values are as frequent records hardly differ, and noise makes u seem less sure than it is.
        assert least < ratio < most * (1.5 if name[0] == "u" else 1), (name, ratio)
        if name[0] in "mu":
            limits = np.array([logit_interval(p, error) for p, _, error in rows])
        else:
            limits = rows[:, :1] + 1.96 * rows[:, 2:] * np.array([-1, 1])
        inside = (limits[:, 0] <= rows[:, 1]) & (rows[:, 1] <= limits[:, 1])
        assert inside.mean() >= covered, (name, inside.mean())


def test_errors_are_the_spread_of_estimates() -> None:
    check_spread(spread_of(EVEN, (1500, 1800, 900), 40), 0.7, 1.45, 0.82)


@pytest.mark.long
def test_errors_are_the_spread_of_many_estimates() -> None:
    check_spread(spread_of(EVEN, (2000, 2400, 1200), 600), 0.88, 1.15, 0.92)


def test_skewed_values_make_u_far_less_sure() -> None:
    """Against the variance of a U-statistic, worked out from the true frequencies."""
    n_left, n_right = 3000, 4000
    fields = (SKEWED, *EVEN[2:])
    parameters = fitted(fields, (n_left, n_right, 1500), 5).parameters
    errors = parameters.errors_of(0)
    assert errors is not None
    f = SKEWED.stems
    of_record = float((f**3).sum() - (f**2).sum() ** 2)
    own = of_record * (1 / n_left + 1 / n_right)
    together = (
        2 * 1500 * SKEWED.m[-1] * of_record / (n_left * n_right)
    )  # both records of an entity hold the value
    expected = np.sqrt(own + together)
    independent = np.sqrt(SKEWED.u[-1] / (n_left * n_right))
    assert errors[1][-1] == pytest.approx(expected, rel=0.25)
    assert expected > 5 * independent


@given(st.integers(0, 10**6))
def test_doubt_of_pairs_that_share_records(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    pairs = np.unique(np.column_stack([random.integers(0, 5, n), random.integers(5, 10, n)]), axis=0)
    left, right = pairs.T.astype(np.int32)
    p = random.random(len(left))
    q = p * (1 - p)
    plain = sum(
        q[a] * q[b] * ((left[a] == left[b]) + (right[a] == right[b]))
        for a in range(len(q))
        for b in range(len(q))
        if a != b
    )
    assert shared_doubt(p, left, right) == pytest.approx(plain)


@given(st.integers(0, 10**6))
def test_covariance_of_pairs_that_share_records(seed: int) -> None:
    """Of all two pairs with a record in common the products of what they add to the sums by cell."""
    random = np.random.default_rng(seed)
    n = int(random.integers(0, 20))
    pairs = np.column_stack([random.integers(0, 5, n), random.integers(5, 10, n)])
    pairs = np.unique(pairs, axis=0).astype(np.int32).reshape(-1, 2)
    cells = np.column_stack([random.integers(0, 3, 4), random.integers(3, 6, 4)]).astype(np.int32)
    counts = SimpleNamespace(source_pair=np.zeros(4, np.int64))
    table: Any = SimpleNamespace(starts=np.array([0, 3, 6]), cells=cells, counts=counts)
    pattern, chance = random.integers(0, 4, len(pairs)), random.random(4)
    known = Posteriors(chance, np.zeros(4))
    doubtful = Doubtful(pairs[:, 0], pairs[:, 1], pattern)
    found = shared_records(table, known, doubtful, 10, 1)
    for own, weight in zip(found, (chance, chance * (1 - chance)), strict=True):
        rows = np.zeros((len(pairs), 7))
        for k, g in enumerate(pattern):
            rows[k, [*cells[g], 6]] = weight[g]
        plain = np.zeros((7, 7))
        for a in range(len(pairs)):
            for b in range(len(pairs)):
                if a != b:
                    plain += (pairs[a] == pairs[b]).sum() * np.outer(rows[a], rows[b])
        assert own == pytest.approx(plain)


@pytest.fixture(scope="module")
def small() -> tuple[Model, Links, list[pl.DataFrame]]:
    files = two_files(EVEN, 500, 600, 300, 3)
    comparisons = [ts.comparison(one.name, ts.exact()) for one in EVEN]
    model = ts.Linkage(comparisons, [ts.all_pairs()], one_to_one=True).fit(*files.tables)
    return model, model.link(*files.tables), list(files.tables)


@pytest.mark.parametrize("one_to_one", [False, True])
def test_gradient_against_differences(one_to_one: bool) -> None:
    """Without competitors the log odds of a pair are its weight less the prior, or less the constant."""
    model = fitted(EVEN, (500, 600, 300), 3)
    parameters = model.parameters
    digits = np.array([[1, 1, 1, 0, 1], [1, 0, 1, 1, 2], [0, 1, 1, 1, 1]], np.uint8)
    source = np.zeros(3, np.int64)
    pair = parameters.pairs[0]

    def chances(one: Parameters, log_e: float) -> NDArray[np.float64]:
        matches = float(np.exp(log_e))
        rate = (
            -ts.no_link_constant(pair.n_left, pair.n_right, matches)
            if one_to_one
            else log_e - np.log(pair.expected_matches) + pair.log_prior_odds
        )
        return np.asarray(1 / (1 + np.exp(-(one.weights(digits, source) + rate))))

    at = float(np.log(pair.expected_matches))
    expected = expected_matches(parameters, digits, source, chances(parameters, at))
    moved = gradient(parameters, expected, "one_to_one" if one_to_one else "many_to_many")
    step, found = 1e-6, []
    for which in ("m", "u"):
        for number, one in enumerate(parameters.comparisons):
            for level in range(len(one.labels)):
                values = list(getattr(one, which))
                values[level] += step
                changed = list(parameters.comparisons)
                changed[number] = replace(one, **{which: tuple(values)})
                after = chances(replace(parameters, comparisons=tuple(changed)), at)
                found.append((after.sum() - expected.matches) / step)
    found.append((chances(parameters, at + step).sum() - expected.matches) / step)
    assert moved == pytest.approx(np.array(found), rel=1e-3, abs=1e-4)


def test_a_part_taken_from_the_whole() -> None:
    one = Expected(3.0, 2.0, 0.5, np.ones((2, 3)), np.ones(1))
    both = Expected(6.0, 4.0, 1.0, 2 * np.ones((2, 3)), 2 * np.ones(1))
    assert (both - one).matches == one.matches
    assert (both - one).by_level.tolist() == one.by_level.tolist()


def test_a_saved_model_keeps_its_errors(small: tuple[Model, Links, list[pl.DataFrame]]) -> None:
    model, links, tables = small
    again = Model.from_dict(model.to_dict())
    assert again.parameters.uncertainty == model.parameters.uncertainty
    shown = model.to_dict()["comparisons"][0]
    for p, limits in zip(shown["m"], shown["m_intervals"], strict=True):
        assert 0 < limits[0] < p < limits[1] < 1
    assert links.quality().to_dict()["intervals"] == again.link(*tables).quality().to_dict()["intervals"]
    # Other files: errors of m and u are those of the model, that of the matches is theirs.
    other = again.link(tables[0], tables[1][:400]).model.parameters.uncertainty
    known = model.parameters.uncertainty
    assert other is not None
    assert known is not None
    assert other.errors[:-1] == known.errors[:-1]
    assert other.errors[-1] != known.errors[-1]


def test_what_is_given_is_certain() -> None:
    files = two_files(EVEN, 500, 600, 300, 3)
    comparisons = [ts.comparison(one.name, ts.exact()) for one in EVEN[1:]]
    held = ts.comparison("given", ts.exact(), m=0.88, u=0.01)
    parameters = ts.Linkage([held, *comparisons], [ts.all_pairs()]).fit(*files.tables).parameters
    errors = parameters.errors_of(0)
    assert errors is not None
    assert np.abs(errors).max() < 1e-12
    assert (np.concatenate(parameters.errors_of(1) or []) > 0).all()


def test_errors_that_come_together_are_noticed() -> None:
    """With fields enough to tell matches that are wrong in several of them."""
    fields = (*EVEN, Field("place", 500, redrawn=0.1), Field("phone", 900, redrawn=0.1))
    spared = np.random.default_rng(1).random(5000) < 0.5
    worse = tuple(replace(one, redrawn=2 * one.redrawn) for one in fields)
    together = two_files(worse, 2000, 2400, 1200, 7, spared=spared)
    apart = two_files(fields, 2000, 2400, 1200, 7)
    found = []
    for files in (together, apart):
        comparisons = [ts.comparison(one.name, ts.exact()) for one in fields]
        linkage = ts.Linkage(comparisons, [ts.all_pairs()], estimation=ts.Estimation(related="none"))
        unsure = linkage.fit(*files.tables).parameters.uncertainty
        assert unsure is not None
        found.append(unsure.dispersion)
    assert found[0] > 4
    assert found[1] < 2


def test_intervals_of_whole_numbers() -> None:
    none = EstimatedRates(100, 99.99, 0.01, 0.02, 10_000, true_links_error=0.1, missed_error=0.14)
    assert none.intervals["precision"].high == 1
    assert none.intervals["recall"].high == 1
    assert none.intervals["precision"].low == pytest.approx(0.99)
    some = EstimatedRates(1000, 990, 10, 25, 10**6, true_links_error=4, missed_error=6)
    low, high = some.intervals["precision"].low, some.intervals["precision"].high
    assert low < some.precision < high  # type: ignore[operator]
    assert (1 - high) * 1000 == pytest.approx(round((1 - high) * 1000))
    random = np.random.default_rng(4)
    counts = random.poisson(10, 20_000)
    exact = EstimatedRates(1000, 990, 10, 25, 10**6, true_links_error=10**0.5, missed_error=5)
    inside = (1 - counts / 1000 >= exact.intervals["precision"].low - 1e-12) & (
        1 - counts / 1000 <= exact.intervals["precision"].high + 1e-12
    )
    assert 0.95 <= inside.mean() < 0.99
    assert EstimatedRates(100, 99, 1, 2, 10_000).intervals == {}


def test_not_too_many_doubtful_pairs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = PairOfSources("a", "b", 1000, 1000, 10**6, 10**6, 500.0, -8.0)
    parameters = Parameters((), (pair,))
    low = np.array([5.0, 2.0, -1.0, -2.0, -3.0, -9.0])
    curve = ErrorCurve(low, low, np.array([500.0, 10, 20, 30, 40, 10**6]), np.ones(6), np.ones(6))
    floors = np.array([8.0 + 1.0])  # log odds of 1
    deep = deep_floors(parameters, [curve], floors, "many_to_many")
    assert deep[0] == pytest.approx(8.0 + np.log(0.001 / 0.999))
    monkeypatch.setattr(floors_module, "MOST_DEEP", 55)
    after = deep_floors(parameters, [curve], floors, "many_to_many")[0]  # pairs of weight 5 would be too many
    assert 5.0 < after < 5.001
    monkeypatch.setattr(floors_module, "MOST_DEEP", 5)
    assert 7.0 < deep_floors(parameters, [curve], floors, "many_to_many")[0] < 7.001
