"""Best candidates of records against brute force, and why an unlinked record has no link."""

from __future__ import annotations

from collections.abc import Sequence

import naive_pairs as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_patterns import PASSES, Case, cases, plan_of
from test_score import parameters_of, weights_of

from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass, all_pairs, blocking_key
from tallystick.comparisons.comparison import comparison
from tallystick.comparisons.equality import exact
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linkage.prepare import as_sources, prepare
from tallystick.linkage.tables import residuals_table
from tallystick.linking import residuals as residuals_module
from tallystick.linking.decide import decide
from tallystick.linking.decision import Decision
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import score
from tallystick.spec import Spec


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.integers(0, 99), st.data(), st.sampled_from([1, 2]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_best_candidates_are_those_of_brute_force(
    monkeypatch: pytest.MonkeyPatch,
    passes: Sequence[AnyPass],
    case: Case,
    seed: int,
    data: st.DataObject,
    threads: int,
) -> None:
    for module in (units_module, residuals_module):
        monkeypatch.setattr(module, "TILE_LEFT", 3)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(case.rows), max_size=len(case.rows))))
    parameters = parameters_of(case, seed)
    found = best_candidates(plan_of(case, passes), parameters, wanted, threads)
    where = naive.candidates(case.rows, case.sizes, passes, case.kind)
    weights = weights_of(case, passes, parameters)
    patterns = naive.patterns(case.rows, where, case.comparisons, case.kind)
    for row in range(len(case.rows)):
        best = naive.best(weights, where, row) if wanted[row] else None
        if best is None:
            assert (found.row[row], found.pass_number[row]) == (-1, -1)
            assert np.isnan(found.weight[row])
            continue
        top, rows = best
        chosen = int(found.row[row])
        assert found.weight[row] == pytest.approx(top, abs=1e-9)
        assert (chosen, found.pass_number[row]) in rows
        alike = patterns[min(row, chosen), max(row, chosen)]
        same = [one for one, _ in rows if patterns[min(row, one), max(row, one)] == alike]
        assert chosen == min(same)  # of one pattern the lower row counts


def test_the_better_pass_counts_and_not_the_later() -> None:
    rows: list[naive.Record] = [{"x": x, "y": y} for x, y in (("a", "1"), ("a", "2"), ("b", "1"))]
    case = Case(rows, [3], "dedupe", [comparison("x", exact()), comparison("y", exact())])
    known = Parameters(
        (
            ComparisonParameters("x", ("0", "1"), (0.1, 0.9), (0.9, 0.1), "", ""),
            ComparisonParameters("y", ("0", "1"), (0.4, 0.6), (0.6, 0.4), "", ""),
        )
    )
    for order in (("x", "y"), ("y", "x")):
        plan = plan_of(case, [blocking_key(one) for one in order])
        found = best_candidates(plan, known, np.ones(3, bool))
        assert found.row.tolist() == [1, 0, 0]
        assert [order[k] for k in found.pass_number] == ["x", "x", "y"]


WEIGHTS = {"x": 5.0, "y": 2.0, "z": 2.0}
# Agreement weighs so much, disagreement as much less than nothing.
LEFT = {
    "best": ("0", "a", "b", "c"),  # agrees with "one" in all: link
    "second": ("0", "a", "b", "-"),  # also fits "one", but less well
    "weak": ("1", "a", "-", "-"),
    "middling": ("2", "a", "b", "-"),
    "twin 1": ("3", "a", "b", "c"),
    "twin 2": ("3", "a", "b", "c"),
    "alone": (None, "a", "b", "c"),
    "outdone": ("4", "a", "b", "-"),
    "better": ("4", "a", "b", None),
}
RIGHT = {
    "one": ("0", "a", "b", "c"),
    "weak": ("1", "a", "b", "c"),
    "middling": ("2", "a", "b", "c"),
    "twin": ("3", "a", "b", "c"),
    "contested": ("4", "a", "b", "c"),
}
EXPECTED = {
    "left second": ("one", "lost the assignment", 5.0),
    "left weak": ("weak", "below threshold", 1.0),
    "left middling": ("middling", "possible link", 5.0),
    "left twin 1": ("twin", "tie", 9.0),
    "left twin 2": ("twin", "tie", 9.0),
    "left alone": (None, "no candidate", None),
    "left outdone": ("contested", "lost the assignment", 5.0),
    "left better": ("contested", "possible link", 7.0),
    "right weak": ("weak", "below threshold", 1.0),
    "right middling": ("middling", "possible link", 5.0),
    "right twin": ("twin 1", "tie", 9.0),
    "right contested": ("better", "possible link", 7.0),
}


def test_reasons() -> None:
    frames = [
        pl.DataFrame([(name, *row) for name, row in side.items()], schema=["id", "b", *WEIGHTS], orient="row")
        for side in (LEFT, RIGHT)
    ]
    spec = Spec(
        comparisons=tuple(comparison(field, exact()) for field in WEIGHTS),
        passes=(blocking_key("b", name="by b"),),
        decision=Decision(one_to_one=True, scale="weight", upper=8.0, lower=2.0),
    )
    sources = tuple(
        one.model_copy(update={"id": "id", "name": name})
        for one, name in zip(as_sources(frames), ("left", "right"), strict=True)
    )
    prepared = prepare(spec, sources)
    odds = np.exp(list(WEIGHTS.values()))
    parameters = Parameters(
        tuple(
            # m / u is e ** w for agreement and e ** -w for disagreement.
            ComparisonParameters(
                name, ("0", "1"), (1 / (1 + o), o / (1 + o)), (o / (1 + o), 1 / (1 + o)), "given", "given"
            )
            for name, o in zip(WEIGHTS, odds.tolist(), strict=True)
        ),
        (PairOfSources("left", "right", 9, 5, 45, 9, 3.0, -1.0),),
    )
    decided = decide(score(prepared.plan, parameters, np.array([2.0])), parameters, spec.decision)
    unlinked = ~decided.records_of(decided.links, prepared.records.n_records)
    table = residuals_table(prepared, decided, best_candidates(prepared.plan, parameters, unlinked))
    found = {
        f"{row['source']} {row['id']}": (row["id_candidate"], row["reason"], row["weight"])
        for row in table.iter_rows(named=True)
    }
    assert found == {
        key: (candidate, reason, None if weight is None else pytest.approx(weight))
        for key, (candidate, reason, weight) in EXPECTED.items()
    }
    none = table.filter(pl.col("reason") == "no candidate").select("source_candidate", "pass").row(0)
    assert none == (None, None)
    others = table.filter(pl.col("reason") != "no candidate")
    assert (others["source"] != others["source_candidate"]).all()
    assert others["pass"].unique().to_list() == ["by b"]


def test_nobody_wanted() -> None:
    case = Case([{"x": "a"}] * 2, [1, 1], "link", [comparison("x", exact())])
    found = best_candidates(plan_of(case, [all_pairs()]), parameters_of(case, 1), np.zeros(2, bool))
    assert found.row.tolist() == [-1, -1]
