"""Comparisons that are estimated together: joint probabilities, weights and sweeps against brute force."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import naive_pairs as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_em import counts_of
from test_marginals import DESIGNS, count_all, prepared, sample
from test_patterns import PASSES, Case, cases, plan_of
from test_score import parameters_of

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import source_pairs
from tallystick.estimation import parameters as parameters_module
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Factor, selection_of
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.joint import Joint, joined
from tallystick.estimation.marginals import marginals_of_counts
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.table import table_of
from tallystick.linking import residuals as residuals_module
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import score, weigh_patterns
from tallystick.patterns.coding import PatternCoding

Floats = NDArray[np.float64]


def joint_of(random: np.random.Generator, shape: Sequence[int]) -> Floats:
    """Any joint probabilities."""
    table = random.dirichlet(np.full(int(np.prod(shape)), 0.7)) * 0.98 + 0.02 / np.prod(shape)
    return table.reshape(tuple(shape))


def with_interaction(plain: Parameters, numbers: Sequence[int], seed: int) -> Parameters:
    """Invented joint probabilities of some comparisons, whose own are then the margins."""
    random = np.random.default_rng(seed)
    comparisons = list(plain.comparisons)
    shape = tuple(len(comparisons[number].labels) for number in numbers)
    tables = {which: joint_of(random, shape) for which in ("mur" if plain.related_share else "mu")}
    for axis, number in enumerate(numbers):
        others = tuple(k for k in range(len(numbers)) if k != axis)
        own = {which: tuple(table.sum(axis=others).tolist()) for which, table in tables.items()}
        comparisons[number] = replace(comparisons[number], **own)
    flat = {which: tuple(table.ravel().tolist()) for which, table in tables.items()}
    names = tuple(comparisons[number].name for number in numbers)
    one = Interaction(tuple(numbers), names, shape, **flat)
    return replace(plain, comparisons=tuple(comparisons), interactions=(one,))


def plain_weight(parameters: Parameters, row: Sequence[int], share: float) -> float:
    """Log m - log((1 - share) u + share r), joint probabilities summed over what is missing."""
    chance = dict.fromkeys("mur", 1.0)
    together = {number for one in parameters.interactions for number in one.comparisons}
    for which in chance:
        for one in parameters.interactions:
            table = one.table(which if which != "r" or one.r else "u")
            own = [row[number] for number in one.comparisons]
            chance[which] *= sum(
                table[cell]
                for cell in product(*(range(size) for size in one.shape))
                if all(a in (b, size) for a, b, size in zip(own, cell, one.shape, strict=True))
            )
        for number, comparison in enumerate(parameters.comparisons):
            if number not in together and row[number] < len(comparison.labels):
                values = {"m": comparison.m, "u": comparison.u, "r": comparison.r or comparison.u}
                chance[which] *= values[which][row[number]]
    return math.log(chance["m"]) - math.log((1 - share) * chance["u"] + share * chance["r"])


@pytest.mark.parametrize("seed", range(8))
def test_the_weight_of_every_pattern(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    shape = [(2, 3, 2, 4), (3, 2, 2, 2)][seed % 2]
    names = [ts.comparison(name, ts.exact()) for name in "abcd"]
    case = Case([], [1], "dedupe", [])
    parameters = parameters_of(case, seed)
    random = np.random.default_rng(seed)
    comparisons = tuple(
        parameters_module.ComparisonParameters(
            one.name,
            tuple("0123"[:size]),
            *(tuple(joint_of(random, [size]).tolist()) for _ in range(2)),
            "",
            "",
            tuple(joint_of(random, [size]).tolist()) if seed % 2 else None,
            0.5 if seed % 2 else None,
        )
        for one, size in zip(names, shape, strict=True)
    )
    parameters = replace(parameters, comparisons=comparisons)
    parameters = with_interaction(parameters, [(0, 2), (1, 3), (0, 1, 3), (1, 2, 3)][seed // 2], seed)
    digits = parameters.coding.decode(np.arange(parameters.coding.size))
    wanted = [plain_weight(parameters, row, parameters.related_share) for row in digits.tolist()]
    np.testing.assert_allclose(parameters.weights(digits), wanted, atol=1e-12)
    for most in (2**20, 1):  # by a table of all patterns, and without
        monkeypatch.setattr(parameters_module, "MOST_TABLED", most)
        found = weigh_patterns(replace(parameters), np.arange(2 * len(digits)), 0)
        np.testing.assert_allclose(found, wanted * 2, atol=1e-12)
    # No sum of what sweeps look at is below the weight.
    rows = np.arange(len(shape))
    most = parameters.bounding_weights[rows, digits].sum(axis=1) + parameters.most_gained(0)
    assert (most >= np.array(wanted) - 1e-12).all()
    again = Parameters.from_dict(json.loads(json.dumps(parameters.to_dict())))
    assert again == parameters
    np.testing.assert_array_equal(again.weights(digits), parameters.weights(digits))


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.integers(0, 99), st.integers(0, 5), st.sampled_from([1, 2]))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_pairs_and_best_candidates_are_those_of_brute_force(
    monkeypatch: pytest.MonkeyPatch, passes: list[AnyPass], case: Case, seed: int, share: int, threads: int
) -> None:
    for module in (units_module, residuals_module):
        monkeypatch.setattr(module, "TILE_LEFT", 3)
    if len(case.comparisons) < 2:
        return
    numbers = [(0, 1), tuple(range(len(case.comparisons)))][seed % 2]
    parameters = with_interaction(parameters_of(case, seed), numbers, seed)
    where = naive.candidates(case.rows, case.sizes, passes, case.kind)
    patterns = naive.patterns(case.rows, where, case.comparisons, case.kind)
    wanted = {pair: plain_weight(parameters, row, parameters.related_share) for pair, row in patterns.items()}
    floor = sorted(wanted.values())[(len(wanted) - 1) * share // 5] - 1e-6 if wanted else 0.0
    plan = plan_of(case, passes)
    found = score(
        plan, parameters, np.full(len(source_pairs(len(case.sizes), case.kind)), floor), threads=threads
    )
    kept = dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.weight, strict=True))
    assert kept == pytest.approx({pair: w for pair, w in wanted.items() if w >= floor}, abs=1e-9)
    best = best_candidates(plan, parameters, np.ones(len(case.rows), bool), threads)
    for row in range(len(case.rows)):
        top = naive.best(wanted, where, row)
        if top is None:
            assert best.row[row] == -1
        else:
            # Tiles choose in single precision, in which two patterns may be equal.
            assert best.weight[row] == pytest.approx(top[0], abs=1e-4)
            assert wanted[min(row, best.row[row]), max(row, best.row[row])] == pytest.approx(
                best.weight[row], abs=1e-9
            )


# Joint probabilities of two dependent comparisons (3 and 2 levels), and three that depend on nothing.
OTHERS_M = [(0.1, 0.9), (0.05, 0.95), (0.15, 0.05, 0.8)]
OTHERS_U = [(0.99, 0.01), (0.98, 0.02), (0.9, 0.07, 0.03)]
JOINT_M = np.array([[0.06, 0.01], [0.03, 0.05], [0.05, 0.80]])
JOINT_U = np.array([[0.955, 0.005], [0.018, 0.002], [0.002, 0.018]])
APART_M = np.outer(JOINT_M.sum(axis=1), JOINT_M.sum(axis=0))
APART_U = np.outer(JOINT_U.sum(axis=1), JOINT_U.sum(axis=0))
SHAPE = (3, 2, 2, 2, 3)


def patterns_of(m: Floats, u: Floats, matches: float, n: float, missing: float = 0.1) -> ts.PatternCounts:
    """Expected counts of the patterns of all pairs, each value missing by chance."""
    coding = PatternCoding(SHAPE)
    digits = coding.decode(np.arange(coding.size))
    found = np.zeros(coding.size)
    for size, joint, others in ((matches, m, OTHERS_M), (n - matches, u, OTHERS_U)):
        whole = np.zeros((4, 3))
        whole[:3, :2] = joint * (1 - missing) ** 2
        whole[3, :2] = joint.sum(axis=0) * missing * (1 - missing)
        whole[:3, 2] = joint.sum(axis=1) * missing * (1 - missing)
        whole[3, 2] = missing**2
        chance = size * whole[digits[:, 0], digits[:, 1]]
        for k, levels in enumerate(others, start=2):
            chance *= np.append(np.array(levels) * (1 - missing), missing)[digits[:, k]]
        found += chance
    return counts_of(coding, digits, found)


def fit_of(counts: ts.PatternCounts, groups: Sequence[Sequence[int]], related: bool = False) -> Fit:
    factors = joined([Factor(k, (), size) for k, size in enumerate(SHAPE)], groups, list("abcde"))
    nothing = (None,) * len(factors)
    table = table_of(counts, factors, marginals_of_counts(counts, factors))
    selection = selection_of([ts.all_pairs()], (), factors)
    start = np.array([0.5 * counts.n_pairs * 1e-3])
    plain = ts.Estimation(prior_matches=0, max_iterations=3000, tolerance=1e-9)
    return fit_em(table, selection, Given(nothing, nothing), start, plain, related)


def levels(cells: Floats) -> Floats:
    return cells.reshape(4, 3)[:3, :2]


def test_known_joint_probabilities_are_recovered() -> None:
    counts = patterns_of(JOINT_M, JOINT_U, 1e5, 1e8)
    fit = fit_of(counts, [[0, 1]])
    np.testing.assert_allclose(levels(fit.m[0]), JOINT_M, atol=5e-5)
    np.testing.assert_allclose(levels(fit.u[0]), JOINT_U, atol=1e-6)
    assert fit.matches[0] == pytest.approx(1e5, rel=1e-4)
    for own, wanted in zip(fit.m[1:], OTHERS_M, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=5e-5)
    # Without the interaction the pairs that agree on both pass for matches.
    assert fit_of(counts, []).matches[0] > 1.1e5


def test_where_nothing_depends_weights_hardly_change() -> None:
    counts = patterns_of(APART_M, APART_U, 1e5, 1e8)
    fit, plain = fit_of(counts, [[0, 1]]), fit_of(counts, [])
    np.testing.assert_allclose(levels(fit.m[0]), np.outer(plain.m[0][:3], plain.m[1][:2]), atol=1e-4)
    assert fit.matches[0] == pytest.approx(plain.matches[0], rel=1e-4)
    table = np.log(levels(fit.m[0]) / levels(fit.u[0]))
    one, other = (np.log(plain.m[k][:-1] / plain.u[k][:-1]) for k in (0, 1))
    apart = np.add.outer(one, other)
    np.testing.assert_allclose(table, apart, atol=5e-3)


@pytest.mark.parametrize("design", DESIGNS)
def test_cells_of_random_pairs_are_unbiased(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    together = joined(factors, [(0, 1)], [one.name for one in ready.spec.comparisons])
    n, repeats = 1000, 60
    runs = [sample(ready, together, n, seed).counts for seed in range(repeats)]
    for k, wanted in enumerate(count_all(ready, together)):
        found = np.array([run[k] for run in runs])
        error = np.maximum(found.std(axis=0, ddof=1), 1e-9) / np.sqrt(repeats)
        rare = wanted * n / wanted.sum() * repeats < 25
        assert (np.abs(found.mean(axis=0) - wanted)[~rare] < 4.5 * error[~rare] + 1e-6).all()
        np.testing.assert_allclose(found.sum(axis=1), wanted.sum())
    two = sample(ready, together, n, 1, threads=2).counts
    for one, other in zip(sample(ready, together, n, 1, threads=1).counts, two, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("design", DESIGNS)
def test_pairs_with_an_equal_value_are_all_taken_where_they_are_few(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    together = joined(factors, [(0, 1)], [one.name for one in ready.spec.comparisons])
    found, every = sample(ready, together, 4000, seed=3).counts[0], count_all(ready, together)[0]
    (joint,) = [one for one in together if isinstance(one, Joint)]
    # Equal surnames are fewer than a quarter of the random pairs; equal towns may be more.
    top = joint.parts[0].level[joint.of_part[0]] == joint.parts[0].n_levels - 1
    np.testing.assert_allclose(found[top], every[top])
    assert every[top].sum() > 0
