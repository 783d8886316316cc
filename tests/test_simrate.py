"""Chances of patterns and SimRate, against all patterns written out."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tallystick as ts
from tallystick.errors import InputError
from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.weighed import weighed
from tallystick.quality.model_patterns import model_patterns
from tallystick.quality.pattern_chances import plain_chances, seen_patterns
from tallystick.quality.simrate import simrate

LEVELS = (2, 3, 2)


def parameters(related: bool, together: bool) -> Parameters:
    """Three comparisons of 2, 3 and 2 levels; the first two may come together, and pairs be related."""
    random = np.random.default_rng(9)
    joint = {which: random.dirichlet(np.ones(6)).reshape(2, 3) for which in "mur"}
    last = {"m": np.array([0.1, 0.9]), "u": np.array([0.8, 0.2]), "r": np.array([0.4, 0.6])}
    made = []
    for k, n in enumerate(LEVELS):
        own = {w: joint[w].sum(axis=1 - k) if k < 2 else last[w] for w in "mur"}
        labels = tuple(str(level) for level in range(n))
        made.append(
            ComparisonParameters(
                str(k), labels, tuple(own["m"]), tuple(own["u"]), "given", "given",
                tuple(own["r"]) if related else None, 0.5 if related else None,
            )
        )  # fmt: skip
    tables = {which: tuple(joint[which].ravel()) for which in ("mur" if related else "mu")}
    interactions = (Interaction((0, 1), ("0", "1"), (2, 3), **tables),) if together else ()
    return Parameters(tuple(made), related_share=0.2 if related else 0.0, interactions=interactions)


def written_out(own: Parameters, which: str, missing: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Chance and weight of every pattern, by the definition."""
    digits, chances = [], []
    for levels in product(*(range(n) for n in LEVELS)):
        chance = 1.0
        for k, level in enumerate(levels):
            if own.interactions and k == 1:
                continue
            if own.interactions and k == 0:
                chance *= own.interactions[0].table(which)[levels[0], levels[1]]
            else:
                chance *= getattr(own.comparisons[k], which)[level]
        shown = [LEVELS[k] if missing[k] else level for k, level in enumerate(levels)]
        digits.append(shown)
        chances.append(chance)
    return np.array(chances), own.weights(np.array(digits, np.uint8))


@pytest.mark.parametrize("related", [False, True])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("missing", [(False, False, False), (False, True, False), (True, False, True)])
def test_exact_rates_are_sums_over_all_patterns(
    related: bool, together: bool, missing: tuple[bool, ...]
) -> None:
    own = parameters(related, together)
    chances = model_patterns(own, missing)
    share = own.related_share
    for t in (-3.0, -0.5, 0.0, 0.7, 2.0):
        found = {}
        for which in "mur" if related else "mu":
            chance, weight = written_out(own, which, missing)
            found[which] = chance[weight >= t - 1e-9].sum()
        expected = (1 - share) * found["u"] + (share * found["r"] if related else 0.0)
        assert np.isclose(chances.rate(t, matches=True), found["m"])
        assert np.isclose(chances.rate(t, matches=False), expected)


@pytest.mark.parametrize("which", ["m", "u"])
def test_draws_above_a_floor_have_their_chances(which: str) -> None:
    own = parameters(False, True)
    chances = model_patterns(own)
    floor = 0.0
    drawn = chances.draw(40_000, which, np.random.default_rng(1), floor)
    assert drawn.weight.min() >= floor - 1e-9
    chance, weight = written_out(own, which, (False,) * 3)
    kept = chance * (weight >= floor - 1e-9)
    patterns = chances.digits(drawn.cells)
    seen = np.bincount(np.ravel_multi_index(patterns.T, LEVELS), minlength=len(chance)) / len(patterns)
    expected = kept / kept.sum()
    assert (np.abs(seen - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / 40_000) + 1e-12).all()
    assert np.allclose(drawn.weight, own.weights(patterns))


@given(
    st.lists(st.tuples(st.floats(0.5, 0.99), st.floats(0.001, 0.5)), min_size=1, max_size=9),
    st.floats(-5, 15),
)
@settings(max_examples=30)
def test_rates_of_independent_comparisons(pairs: list[tuple[float, float]], t: float) -> None:
    m, u = zip(*pairs, strict=True)
    chances = plain_chances(m, u)
    total = {True: 0.0, False: 0.0}
    for agree in product((False, True), repeat=len(m)):
        yes = np.array(agree)
        weight = np.where(yes, np.log(m) - np.log(u), np.log1p(-np.array(m)) - np.log1p(-np.array(u))).sum()
        if abs(weight - t) < 1e-7:
            return
        for matches, of in ((True, np.array(m)), (False, np.array(u))):
            total[matches] += (weight >= t) * np.where(yes, of, 1 - of).prod()
    for matches, expected in total.items():
        assert np.isclose(chances.rate(t, matches), expected, rtol=1e-9, atol=1e-300)


def test_simulated_rates_are_the_exact_ones() -> None:
    chances = model_patterns(parameters(True, True))
    at = np.array([-1.0, 0.0, 1.0])
    found = simrate(chances, at, match_rate=0.1, draws=40_000, seed=3)
    for k, t in enumerate(at):
        assert abs(found.fnmr[k] - (1 - chances.rate(t, True))) <= 4.5 * found.fnmr_error[k] + 1e-12
        assert abs(found.fmr[k] - chances.rate(t, False)) <= 4.5 * found.fmr_error[k] + 1e-12
    assert found.fdr is not None
    expected = 0.9 * found.fmr / (0.9 * found.fmr + 0.1 * (1 - found.fnmr))
    assert np.allclose(found.fdr, expected)


def test_another_weight_function_is_applied_to_the_levels() -> None:
    chances = plain_chances([0.9, 0.8], [0.1, 0.2])
    found = simrate(chances, [1.5], weigh=lambda digits: digits.sum(axis=1).astype(float), draws=40_000)
    assert abs(found.fmr[0] - 0.02) < 4.5 * found.fmr_error[0]
    assert abs(found.fnmr[0] - 0.28) < 4.5 * found.fnmr_error[0]


def test_independence_hides_what_comes_together() -> None:
    """Two fields of which non-matches share both or none, as households do: joint patterns see it."""
    weight = np.array([0.0, 2.0, 4.0])
    joint = seen_patterns(weight, [0.1, 0.2, 0.7], [0.9, 0.0, 0.1])
    apart = seen_patterns(weight, [0.1, 0.2, 0.7], [0.81, 0.18, 0.01])
    assert joint.rate(3.0, matches=False) > 5 * apart.rate(3.0, matches=False)


def test_agreement_by_value_keeps_m_and_u_and_spreads_weights() -> None:
    by_value = {"by": "value", "table": {"smith": 0.3, "jones": 0.1, "otto": 0.02}}
    name = ts.comparison("name", ts.exact(), frequencies=by_value)
    m = (0.1, *(0.9 / (name.n_levels - 1),) * (name.n_levels - 1))
    u = (0.88, *(0.12 / (name.n_levels - 1),) * (name.n_levels - 1))
    own = weighed(ComparisonParameters("name", name.labels, m, u, "given", "given"), name)
    plain, valued = (model_patterns(Parameters((own,)), comparisons=of) for of in (None, [name]))
    assert len(valued.parts[0].m) > len(plain.parts[0].m)
    for level in range(name.n_levels):
        here = valued.parts[0].digits[:, 0] == level
        assert np.isclose(valued.parts[0].m[here].sum(), m[level])
        assert np.isclose(valued.parts[0].u[here].sum(), u[level])
    rare = replace(valued, parts=valued.parts).parts[0]
    assert rare.weight.max() > max(own.weights)


@pytest.mark.parametrize(
    ("m", "u", "message"),
    [
        ([0.9], [0.1, 0.2], "same number"),
        ([1.0], [0.1], "above 0"),
        ([[0.5, 0.5]], [[0.2, 0.3, 0.5]], "levels"),
        ([[0.5, 0.4]], [[0.5, 0.5]], "sum to 1"),
    ],
)
def test_chances_that_cannot_be(m: list[object], u: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plain_chances(m, u)


def test_a_match_rate_is_a_share() -> None:
    with pytest.raises(InputError, match="match_rate"):
        simrate(plain_chances([0.9], [0.1]), [0.0], match_rate=1.5)
