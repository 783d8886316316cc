"""Suggested passes: the cover against all choices of keys, and what they promise against the truth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from simulate import Field, Simulated, one_file, two_files
from small_persons import encoded

import tallystick as ts
from tallystick.blocking.key_candidates import candidate_keys, useful_parts
from tallystick.blocking.key_cover import cheapest_cover
from tallystick.blocking.plan import plan_blocking
from tallystick.linkage.evaluate_blocks import true_blocks
from tallystick.linkage.links import fit_counts
from tallystick.linkage.prepare import as_sources, prepare
from tallystick.linkage.suggest import Suggestion, suggest_passes
from tallystick.patterns.count import count_patterns
from tallystick.spec import load_spec

PERSONS = [
    {"name": name, "born": f"19{k % 50 + 10}-0{k % 9 + 1}-1{k % 7}", "sex": "fm"[k % 2], "code": f"ab{k}"}
    for k, name in enumerate(["anna", "anja", "robert", "rupert", "robertson", None] * 20)
]


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_the_cover_is_near_the_best_of_all(share: float) -> None:
    ratios = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        finds = random.random((8, 30)) < random.random((8, 1))
        finds[0] = True  # one key finds everything
        weights, costs = random.random(30), np.round(random.random(8) * 20) + 1
        costs[0] = 100
        chosen = cheapest_cover(finds, weights, costs, share, [frozenset([k]) for k in range(8)], 8)
        need = share * weights.sum() - 1e-9
        assert weights[finds[chosen].any(axis=0)].sum() >= need
        best = min(
            costs[list(keys)].sum()
            for n in range(1, 9)
            for keys in combinations(range(8), n)
            if weights[finds[list(keys)].any(axis=0)].sum() >= need
        )
        ratios.append(costs[chosen].sum() / best)
        for key in chosen:  # none of them is in vain
            rest = [one for one in chosen if one != key]
            assert weights[finds[rest].any(axis=0)].sum() < need + 2e-9
    assert np.mean(ratios) < 1.05
    assert max(ratios) < 2


def test_limits_of_a_cover() -> None:
    finds = np.eye(4, dtype=bool)
    parts = [frozenset([k, k + 1]) for k in range(4)]
    weights, costs = np.array([4.0, 3, 2, 1]), np.ones(4)
    assert cheapest_cover(finds, weights, costs, 1.0, parts, 3) == [0, 1]
    assert cheapest_cover(finds, weights, costs, 1.0, parts, 16, most_keys=3) == [0, 1, 2]


def test_parts_suit_the_values_and_keys_count_their_pairs() -> None:
    records = encoded(PERSONS, [len(PERSONS)])
    given_parts = (ts.last("code", 1),)
    parts = useful_parts(records, ["name", "born", "sex", "code"], given_parts)
    assert [one.label for one in parts if one.field == "name"] == [
        "name", "first(name, 3)", "soundex(name)",
    ]  # fmt: skip
    # The first five characters tell the same names apart as the first three, and so they are left out.
    assert [one.label for one in parts if one.field == "born"] == ["born", "year(born)"]
    assert [one.label for one in parts if one.field == "sex"] == ["sex"]
    assert given_parts[0] in parts
    keys = candidate_keys(records, "dedupe", parts)
    passes = [keys.key(number) for number in range(len(keys.keys))]
    assert plan_blocking(records, passes, "dedupe").candidate_pairs().tolist() == keys.n_pairs.tolist()
    assert len({one.label for one in passes}) == len(passes)
    for one in passes:
        assert len(one.fields) == len(one.parts) <= 3


FIELDS = (
    Field("first", 80, 0.5, 4, redrawn=0.06, altered=0.1),
    Field("last", 150, 0.5, 4, redrawn=0.06, altered=0.1, missing=0.02),
    Field("town", 60, 0.4, redrawn=0.12),
    Field("street", 200, 0.3, redrawn=0.12, missing=0.05),
    Field("year", 70, 0.0, redrawn=0.05),
)


def suggested(data: Simulated, passes: list[object], share: float, kind: str) -> tuple[Suggestion, float]:
    """A suggestion, and the share of the true pairs that it finds."""
    linkage = ts.Linkage(
        comparisons=[ts.comparison(one.name, ts.exact()) for one in FIELDS],
        passes=passes,  # type: ignore[arg-type]
        estimation=ts.Estimation(random_pairs=200_000),
        kind=kind,  # type: ignore[arg-type]
    )
    prepared = prepare(linkage.spec, as_sources(data.tables))
    counts = count_patterns(prepared.plan)
    parameters = fit_counts(prepared, counts).parameters
    found = suggest_passes(prepared, parameters, counts, share)
    plan = plan_blocking(prepared.records, found.passes, prepared.kind)
    truth = np.concatenate(data.entities).astype(np.int32) + 1
    together = true_blocks(plan, truth).together
    assert together.pairs == found.n_pairs
    assert together.completeness is not None
    return found, together.completeness


@pytest.mark.parametrize("share", [0.9, 0.98])
def test_a_suggestion_reaches_what_it_says(share: float) -> None:
    data = one_file(FIELDS, 5_000, 2_500, seed=4)
    passes = [
        ts.blocking_key("last", "year"),
        ts.blocking_key("first", "town"),
        ts.blocking_key("street", "year"),
    ]
    found, true = suggested(data, passes, share, "dedupe")
    assert found.asked == share <= found.share
    assert true == pytest.approx(found.share, abs=0.02)
    assert "that these miss" in found.basis
    assert found.n_pairs < 0.05 * 7_500 * 7_499 / 2


def test_all_pairs_give_a_basis_without_bias(tmp_path: object) -> None:
    data = two_files(FIELDS, 1_200, 1_000, 700, seed=5)
    found, true = suggested(data, [ts.all_pairs()], 0.95, "link")
    assert true == pytest.approx(found.share, abs=0.02)
    assert "which are all pairs" in found.basis
    assert len(set.intersection(*(set(one.fields) for one in found.passes))) == 0


def test_a_suggestion_can_be_pasted(tmp_path: object) -> None:
    data = two_files(FIELDS, 1_200, 1_000, 700, seed=5)
    found, _ = suggested(data, [ts.blocking_key("last")], 0.95, "link")
    assert "what these miss is not known" in found.basis
    assert sum(found.added) == pytest.approx(found.share)
    assert all(0 <= new <= own for new, own in zip(found.added, found.found, strict=True))
    told = [line for line in found.text().splitlines() if "by itself" in line]
    assert told[0].startswith(
        f"# finds {found.found[0]:.1%} of the matches by itself, among {found.pairs[0]:,}"
    )
    assert f"by itself, {found.added[1]:.1%} that no earlier one finds, among" in told[1]
    head = '[[comparisons]]\nfield = "last"\ncomparator = { type = "exact" }\n\n'
    from pathlib import Path

    path = Path(str(tmp_path)) / "spec.toml"
    path.write_text(head + found.text(), "utf-8")
    assert load_spec(path).passes == found.passes
