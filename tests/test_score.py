"""Scores: which pairs are kept, with which weight, against the sum of logarithms of every pair."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace

import naive_pairs as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_persons import encoded
from test_patterns import PASSES, Case, cases, plan_of

from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass, all_pairs, blocking_key
from tallystick.blocking.plan import source_pairs
from tallystick.comparisons.comparison import comparison
from tallystick.comparisons.equality import exact
from tallystick.errors import RunError
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import ScoredPairs, link_block, score
from tallystick.patterns import kernels_tiles
from tallystick.patterns.count import count_patterns
from tallystick.patterns.plan import plan_pairs


def parameters_of(case: Case, seed: int) -> Parameters:
    """Invented probabilities: any order of levels, weights of both signs; odd seeds have related pairs."""
    random = np.random.default_rng(seed)
    found = []
    for one in case.comparisons:
        m, u, r = (
            tuple((random.dirichlet(np.full(one.n_levels, 0.7)) * 0.99 + 0.01 / one.n_levels).tolist())
            for _ in range(3)
        )
        related = (r, 0.5) if seed % 2 else (None, None)
        found.append(ComparisonParameters(one.name, one.labels, m, u, "given", "given", *related))
    return Parameters(tuple(found), related_share=random.uniform(0.01, 0.9) if seed % 2 else 0.0)


def weights_of(case: Case, passes: Sequence[AnyPass], parameters: Parameters) -> dict[naive.Pair, float]:
    """Weight of every candidate pair, the plain way."""
    weigh = naive.weigh(
        [one.m for one in parameters.comparisons],
        [one.u for one in parameters.comparisons],
        [one.r or () for one in parameters.comparisons] if parameters.related_share else None,
        parameters.related_share,
    )
    found = naive.candidates(case.rows, case.sizes, passes, case.kind)
    return {
        pair: weigh(row)
        for pair, row in naive.patterns(case.rows, found, case.comparisons, case.kind).items()
    }


def check(
    case: Case, passes: Sequence[AnyPass], parameters: Parameters, floors: list[float], found: ScoredPairs
) -> None:
    expected = weights_of(case, passes, parameters)
    where = naive.candidates(case.rows, case.sizes, passes, case.kind)
    patterns = naive.patterns(case.rows, where, case.comparisons, case.kind)
    numbers = source_pairs(len(case.sizes), case.kind)
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    kept = {}
    for k, pair in enumerate(pairs):
        sources, number = where[pair]
        assert found.weight[k] == pytest.approx(expected[pair], abs=1e-9)
        assert numbers[found.source_pair[k]] == sources
        assert found.pass_number[k] == number
        assert tuple(parameters.coding.decode(found.pattern[k : k + 1])[0]) == patterns[pair]
        kept[pair] = found.weight[k]
    for pair, weight in expected.items():
        floor = floors[numbers.index(where[pair][0])]
        if abs(weight - floor) > 1e-9:
            assert (pair in kept) == (weight > floor)


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.integers(0, 99), st.integers(0, 5), st.sampled_from([1, 2]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_above_the_floor_are_kept(
    monkeypatch: pytest.MonkeyPatch, passes: list[AnyPass], case: Case, seed: int, share: int, threads: int
) -> None:
    monkeypatch.setattr(units_module, "TILE_LEFT", 3)
    parameters = parameters_of(case, seed)
    weights = sorted(weights_of(case, passes, parameters).values()) or [0.0]
    n_sources = len(source_pairs(len(case.sizes), case.kind))
    # Floors at weights that occur, one for each pair of sources: what is equal to the floor stays.
    floors = [weights[(len(weights) - 1) * share // 5 * (k % 2)] - 1e-6 * k for k in range(n_sources)]
    plan = plan_of(case, passes)
    check(case, passes, parameters, floors, score(plan, parameters, np.array(floors), threads=threads))


def test_a_pair_at_the_floor_is_kept() -> None:
    rows = [{"x": "a", "y": "b"}, {"x": "a", "y": "c"}]
    both = [comparison("x", exact(), m=0.9, u=0.3), comparison("y", exact(), m=0.8, u=0.1)]
    case = Case(rows, [1, 1], "link", both)
    known = Parameters(tuple(ComparisonParameters(o.name, o.labels, o.m, o.u, "", "") for o in both))  # type: ignore[arg-type]
    floor = float(np.log(3.0) + known.level_weights[1, 0])
    for passes in ([all_pairs()], [blocking_key("x")]):
        plan = plan_of(case, passes)
        (weight,) = score(plan, known, np.array([-99.0])).weight
        assert weight == pytest.approx(floor, abs=1e-12)
        assert len(score(plan, known, np.array([weight]))) == 1
        assert len(score(plan, known, np.array([np.nextafter(weight, 9)]))) == 0


def many(n: int) -> Case:
    rows: list[naive.Record] = [{"x": str(k % 7), "one": "1"} for k in range(n)]
    return Case(rows, [n // 2, n - n // 2], "link", [comparison("x", exact())])


@pytest.mark.parametrize("passes", [[all_pairs()], [blocking_key("one")]], ids=["tiles", "blocks"])
def test_more_kept_pairs_than_a_buffer_holds(passes: list[AnyPass]) -> None:
    case = many(600)
    known = Parameters((ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.8, 0.2), "", ""),))
    found = score(plan_of(case, passes), known, np.array([-99.0]))
    assert len(found) == 300 * 300
    assert (np.diff(found.left.astype(np.int64) * 600 + found.right) > 0).all()
    agree = np.array([k % 7 for k in range(600)])
    assert found.weight == pytest.approx(
        np.where(agree[found.left] == agree[found.right], np.log(4.5), np.log(0.125))
    )


@pytest.mark.parametrize("passes", [[all_pairs()], [blocking_key("one")]], ids=["tiles", "blocks"])
def test_too_many_pairs_are_refused_and_not_dropped(passes: list[AnyPass]) -> None:
    case = many(40)
    known = Parameters((ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.8, 0.2), "", ""),))
    plan = plan_of(case, passes)
    assert len(score(plan, known, np.array([-99.0]), most=400)) == 400
    with pytest.raises(
        RunError, match=r"^More than 399 pairs reach the lowest weight that is kept \(-99.00\): raise"
    ):
        score(plan, known, np.array([-99.0]), most=399)


def test_a_stretch_of_right_rows_ends_anywhere() -> None:
    """More right rows than a stretch holds, and not a multiple of it."""
    n = 2 * kernels_tiles.STRETCH + 5
    rows: list[naive.Record] = [{"x": str(k % 11)} for k in range(n + 3)]
    plan = plan_pairs(encoded(rows, [3, n]), [comparison("x", exact())], [all_pairs()], "link")
    known = Parameters((ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.8, 0.2), "", ""),))
    found = score(plan, known, np.array([0.0]))
    expected = [(a, b) for a in range(3) for b in range(3, n + 3) if a % 11 == b % 11]
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected


def test_no_candidate_no_pair() -> None:
    case = Case([{"x": "a"}, {"x": "b"}], [1, 1], "link", [comparison("x", exact())])
    known = Parameters((ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.8, 0.2), "", ""),))
    found = score(plan_of(case, [blocking_key("x")]), known, np.array([-99.0]))
    assert len(found) == 0
    assert (found.left.dtype, found.weight.dtype) == (np.int32, np.float64)


def test_a_unit_of_work_can_be_sent_to_another_process() -> None:
    case = many(30)
    known = Parameters((ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.8, 0.2), "", ""),))
    for passes in ([all_pairs()], [blocking_key("one")]):
        plan = plan_of(case, passes)
        batch = next(plan.batches())
        here = link_block(plan, batch, known, np.array([0.0]))
        there = link_block(*pickle.loads(pickle.dumps((plan, batch, known, np.array([0.0])))))
        assert here.left.tolist() == there.left.tolist()
        assert here.weight.tolist() == there.weight.tolist()


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.integers(0, 99))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_remembered_patterns_give_what_comparing_again_gives(
    monkeypatch: pytest.MonkeyPatch, passes: Sequence[AnyPass], case: Case, seed: int
) -> None:
    monkeypatch.setattr(units_module, "CHUNK", 4)
    plan, parameters = plan_of(case, passes), parameters_of(case, seed)
    counts = count_patterns(plan)
    assert (counts.remembered is None) == (plan.tiles is not None)
    floors = np.full(len(plan.blocking.source_pairs), 0.5)
    wanted = np.arange(len(case.rows)) % 3 != 0
    again = score(plan, parameters, floors), best_candidates(plan, parameters, wanted)
    memory = (
        score(plan, parameters, floors, remembered=counts.remembered),
        best_candidates(plan, parameters, wanted, remembered=counts.remembered),
    )
    for one, other in zip(again, memory, strict=True):
        for name in vars(one):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_patterns_are_remembered_only_within_the_memory() -> None:
    case = many(30)
    plan = plan_of(case, [blocking_key("x")])
    need = plan.blocking.pairs_to_visit() * (4 + 4 + np.dtype(plan.coding.smallest_type).itemsize)
    assert need > 0
    assert count_patterns(replace(plan, memory=need)).remembered is not None
    assert count_patterns(replace(plan, memory=need - 1)).remembered is None
