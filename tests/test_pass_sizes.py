"""Pairs of passes: exact where they are few, and otherwise in intervals that hold as often as they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import naive_indexes as plain
import naive_pairs as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from small_files import SPEC, call, write_small
from small_persons import encoded
from test_indexes import Drawn, linkages, owned, planned

import tallystick as ts
from tallystick.blocking import pass_sizes as module
from tallystick.blocking import units as units_module
from tallystick.blocking.limits import check_pairs
from tallystick.blocking.pass_sizes import found_sizes, pass_sizes
from tallystick.blocking.plan import BlockingPlan, plan_blocking
from tallystick.blocking.sampled_sizes import Size, counted, drawn_units, size_from_units, total_size
from tallystick.errors import InputError


@given(linkages())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_few_pairs_are_counted(linkage: Drawn) -> None:
    rows, sizes, passes, kind, listed = linkage
    plan = planned(linkage)
    everyone = list(naive.allowed(sizes, kind))
    finders = [plain.finder(rows, one, listed.get(k, frozenset())) for k, one in enumerate(passes)]
    first = list(owned(everyone, finders).values())
    for most in (10**9, 0):  # so few units are all looked at
        found = pass_sizes(plan, threads=1, most=most)
        assert found.exact
        assert [one.n_pairs for one in found.found] == [sum(map(finds, everyone)) for finds in finders]
        assert [one.n_pairs for one in found.new] == [first.count(k) for k in range(len(passes))]
        assert found.together.n_pairs == len(first)
        assert found_sizes(plan, threads=1, most=most) == found.found


N = 700
KEPT = (ts.difference("age", 6),)
PASSES = (
    ts.blocking_key("town"),
    ts.qgram_index("name", threshold=0.7),
    ts.minhash("name", bands=6, rows=2, within=("sex",), filters=KEPT),
    ts.sorted_neighbourhood(("name",), ("age", "town"), window=3),
    ts.blocking_key("sex", "age"),  # a key whose new pairs depend on the indexes before it
    ts.canopy("name", loose=0.3, tight=0.6),
    ts.blocking_key(ts.each("aka", ";")),
    ts.blocking_key("town", filters=(ts.difference("age", 40),)),  # finds nothing new
    ts.all_pairs(filters=(ts.difference("age", 2),)),
)


@pytest.fixture(scope="module")
def plan() -> BlockingPlan:
    random = np.random.default_rng(8)
    names = ["".join(random.choice(list("abcde"), random.integers(3, 7))) for _ in range(120)]
    rows = [
        {
            "name": names[min(119, int(random.exponential(25)))],
            "town": f"t{min(60, int(random.exponential(9)))}",
            "sex": "fm"[k % 2],
            "age": str(20 + int(random.exponential(15))),
            "aka": ";".join(names[one] for one in random.integers(0, 120, random.integers(0, 3))),
        }
        for k in range(N)
    ]
    return plan_blocking(encoded(rows, [N]), PASSES, "dedupe")


def test_intervals_hold_the_number_as_often_as_they_say(
    plan: BlockingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every finder, with filters and without: units are counted once, and drawn again and again."""
    whole = pass_sizes(plan)
    monkeypatch.setattr(units_module, "CHUNK", 32)
    pairs = {k: np.array([plan.count_unit(unit) for unit in plan.units_of(k)]) for k in range(len(PASSES))}
    shares = []
    for number, own in pairs.items():
        sizes = np.array([unit.n_pairs for unit in plan.units_of(number)])
        for column, truth in enumerate((whole.found[number].n_pairs, whole.new[number].n_pairs)):
            assert own[:, column].sum() == truth
            runs = []
            for seed in range(400):
                draws = drawn_units(sizes, 150, seed)
                runs.append(size_from_units(draws, own[np.unique(draws), column], sizes))
            held = np.mean([one.low <= truth <= one.high for one in runs])
            assert all(one.n_pairs == truth for one in runs if one.exact)
            error = np.std([one.n_pairs for one in runs]) / np.sqrt(400)
            assert abs(np.mean([one.n_pairs for one in runs]) - truth) <= 4 * error + 2e-4 * truth
            shares.append(held)
            assert held > 0.88, (number, column, held)
    assert 0.93 < np.mean(shares) < 0.99


def test_an_analysis_of_many_pairs_is_estimated(plan: BlockingPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pass_sizes(plan)
    monkeypatch.setattr(units_module, "CHUNK", 64)
    monkeypatch.setattr(module, "DRAWN", 150)
    plan = replace(plan)  # forgets how large its units were
    inside = []
    for seed in range(12):
        sampled = pass_sizes(plan, most=1_000, seed=seed)
        assert not sampled.exact
        for number in (0, 4):  # exact keys stay exact, and new pairs of what comes before any index
            assert sampled.found[number] == whole.found[number]
        assert sampled.new[0] == whole.new[0]
        assert sampled.found[1].error > 0
        known = (*whole.found, *whole.new, whole.together)
        for own, true in zip((*sampled.found, *sampled.new, sampled.together), known, strict=True):
            assert 0 <= own.low <= own.n_pairs <= own.high
            inside.append(own.low <= true.n_pairs <= own.high)
        assert found_sizes(plan, most=1_000, seed=seed)[0] == whole.found[0]
    assert np.mean(inside) > 0.93
    assert pass_sizes(plan, most=1_000, seed=3, threads=1) == pass_sizes(plan, most=1_000, seed=3, threads=2)


def test_what_follows_on_all_pairs_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": f"n{k % 40:02d}"} for k in range(300)]
    passes = (
        ts.qgram_index("name", q=1, threshold=0.8),
        ts.all_pairs(),
        ts.sorted_neighbourhood("name", window=2),
    )
    plan = plan_blocking(encoded(rows, [300]), passes, "dedupe")
    whole = pass_sizes(replace(plan))
    assert whole.new[1].n_pairs == 300 * 299 // 2 - whole.new[0].n_pairs
    monkeypatch.setattr(units_module, "CHUNK", 64)
    monkeypatch.setattr(module, "DRAWN", 100)
    sampled = pass_sizes(plan, most=100)
    assert sampled.together == counted(300 * 299 // 2)
    assert sampled.new[2] == counted(0)
    assert sampled.new[1].low <= whole.new[1].n_pairs <= sampled.new[1].high
    assert sampled.new[0].n_pairs + sampled.new[1].n_pairs == pytest.approx(sampled.together.n_pairs)


def test_sums_and_words() -> None:
    one, other = Size(2e9, 1e8, 1.8e9, 2.2e9), Size(1e9, 1e8, 0.8e9, 1.2e9)
    both = total_size([counted(5), one, other])
    assert both.n_pairs == 3e9 + 5
    assert both.error == pytest.approx(np.sqrt(2) * 1e8)
    assert both.text == "about 3.00 billion (2.74 to 3.29)"
    assert total_size([counted(5), one]).low == 1.8e9 + 5
    assert Size(0, 10, 0, 20_432).text == "about 0 (0 to 20,400)"
    assert total_size([one, other], most=1_000) == Size(1_000, both.error, 1_000, 1_000)


def test_the_limit_on_pairs_counts_what_an_index_finds(plan: BlockingPlan) -> None:
    rows = [{"name": f"n{k % 40:02d}", "age": str(k)} for k in range(300)]
    records = encoded(rows, [300])
    passes = (ts.all_pairs(filters=(ts.difference("age", 1),)),)
    few = plan_blocking(records, passes, "dedupe")
    assert few.pairs_to_visit() == 300 * 299 // 2 == 44_850
    check_pairs(few, records, 4_485, 1.0)
    with pytest.raises(InputError) as refused:
        check_pairs(few, records, 4_000, 1.0)
    said = str(refused.value)
    assert "The passes make 299 pairs out of 44,850 that they look at, which take as long as 4,485," in said
    assert "--most-pairs 4485" in said


def test_the_command_tells_estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = '[[passes]]\ntype = "minhash"\nparts = ["surname"]\nbands = 40\nrows = 1\n\n[decision]'
    spec = write_small(tmp_path, SPEC.replace("[decision]", index), 300)
    exact = json.loads(call("blocks", spec, "--json").stdout)
    index_pass = exact["passes"][-1]
    assert index_pass["pairs"] == index_pass["pairs_low"] == index_pass["pairs_high"]
    assert index_pass["blocks"][0]["pairs"] > 0
    assert "estimated from a sample" not in call("blocks", spec).stdout
    monkeypatch.setattr(units_module, "CHUNK", 64)
    monkeypatch.setattr(module, "DRAWN", 50)
    monkeypatch.setattr(pass_sizes, "__defaults__", (None, 1_000, 1))
    found = json.loads(call("blocks", spec, "--json").stdout)
    sampled = found["passes"][-1]
    assert sampled["pairs_low"] < sampled["pairs"] < sampled["pairs_high"]
    assert sampled["pairs_low"] <= index_pass["pairs"] <= sampled["pairs_high"]
    assert found["pairs_low"] <= exact["pairs"] <= found["pairs_high"]
    assert found["passes"][0]["pairs"] == exact["passes"][0]["pairs"]
    assert "estimated from a sample of pairs, with intervals of 95 %:" in call("blocks", spec).stdout
    assert "finds about" in call("link", spec, "--explain").stdout
