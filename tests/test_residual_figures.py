"""Residuals checked: reasons, completeness, what passes need, and who could not be linked by anybody."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from kinds_of_runs import STEPS
from small_files import SPEC, call, people, write_csv, write_small

import tallystick as ts
from tallystick.linkage.saved_run import open_run
from tallystick.linking.attainable import attainable_weights, has_key
from tallystick.linking.decide import weight_thresholds
from tallystick.linking.score import weigh_pairs
from tallystick.patterns.plan import PairPlan

KEYS = (
    SPEC[: SPEC.index("[[comparisons]]")] + '[match]\n[[match.keys]]\nparts = ["given", "surname", "born"]\n'
)
FREQUENCIES = SPEC.replace('field = "surname"\n', 'field = "surname"\nfrequencies = true\n')


def run(folder: Path, spec: str, *, command: str = "link") -> Path:
    """A run in which some records have nothing to be linked by."""
    path = write_small(folder, spec, 120)
    first, second = people(120)
    for row in (first[1], first[2], second[4]):
        row[2] = row[4] = ""  # neither pass finds it
    for row in (first[7], second[9]):
        row[1:4] = ["", "", ""]  # nothing to compare
    write_csv(folder / "a.csv", first)
    write_csv(folder / "b.csv", second)
    done = call(command, path, "--out", folder / "out")
    assert done.exit_code == 0, done.output
    return folder / "out"


def figures(out: Path) -> list[dict[str, object]]:
    return json.loads((out / "quality.json").read_text("utf-8"))["residuals"]["sources"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("spec", [SPEC, STEPS, KEYS, FREQUENCIES], ids=["link", "steps", "keys", "frequent"])
def test_residuals_are_counted(tmp_path: Path, spec: str) -> None:
    out = run(tmp_path, spec, command="match" if spec is KEYS else "link")
    residuals = pl.read_parquet(out / "residuals.parquet")
    for number, own in enumerate(figures(out)):
        name = "ab"[number]
        table = pl.read_csv(tmp_path / f"{name}.csv", infer_schema_length=0)
        free = residuals.filter(pl.col("source") == name)
        assert own["records"] == table.height
        assert own["unlinked"] == free.height
        counted = {row["reason"]: row["records"] for row in own["reasons"]}  # type: ignore[attr-defined]
        assert counted == dict(free["reason"].value_counts().iter_rows())
        for row in own["completeness"]:  # type: ignore[attr-defined]
            for which, ids in (("unlinked", set(free["id"])), ("linked", set(table["id"]) - set(free["id"]))):
                values = table.filter(pl.col("id").is_in(list(ids)))[row["field"]]
                expected = (values.is_not_null() & (values != "")).mean()
                assert row[which] == pytest.approx(expected)
            for reason, share in row["by_reason"].items():
                ids = free.filter(pl.col("reason") == reason)["id"].to_list()
                values = table.filter(pl.col("id").is_in(ids))[row["field"]]
                assert share == pytest.approx((values.is_not_null() & (values != "")).mean())
        if spec is KEYS:
            assert (own["passes"], own["unlinkable"], own["best"]) == ([], None, None)
            continue
        best = own["best"]
        assert sum(best["counts"]) == free["weight"].drop_nulls().len()  # type: ignore[index]
        middle = free["weight"].drop_nulls().median()
        assert best["quantiles"]["50 %"] == pytest.approx(middle)  # type: ignore[index]


def test_what_passes_need_and_who_cannot_be_linked(tmp_path: Path) -> None:
    out = run(tmp_path, SPEC)
    residuals = set(pl.read_parquet(out / "residuals.parquet").select("source", "id").iter_rows())
    for own, lacking, empty in zip(figures(out), (["a1", "a2"], ["b4"]), (["a7"], ["b9"]), strict=True):
        name = str(own["source"])
        table = pl.read_csv(tmp_path / f"{name}.csv", infer_schema_length=0)
        unlinked = {id for source, id in residuals if source == name}
        assert set(lacking + empty) <= unlinked
        for row, field in zip(own["passes"], ("zip", "surname"), strict=True):  # type: ignore[call-overload]
            without = set(table.filter(pl.col(field).is_null() | (pl.col(field) == ""))["id"])
            assert row["unlinked"] == len(without & unlinked)
            assert row["linked"] == len(without - unlinked)
        both = table.filter(pl.col("zip").fill_null("").eq("") & pl.col("surname").fill_null("").eq(""))["id"]
        assert own["unlinkable"]["no_pass"] == len(both)  # type: ignore[index]
        assert own["unlinkable"]["too_little"] >= len(empty)  # type: ignore[index]
        assert own["unlinkable"]["either"] == (  # type: ignore[index]
            own["unlinkable"]["no_pass"] + own["unlinkable"]["too_little"]  # type: ignore[index]
        )


@pytest.mark.parametrize("spec", [SPEC, FREQUENCIES], ids=["plain", "frequencies"])
def test_no_pair_weighs_more_than_its_records_can(tmp_path: Path, spec: str) -> None:
    opened = open_run(run(tmp_path, spec))
    prepared, parameters = opened.prepared, opened.model.parameters  # type: ignore[union-attr]
    plan: PairPlan = prepared.plan
    n_left, n = int(prepared.records.offsets[1]), prepared.records.n_records
    left = np.repeat(np.arange(n_left), n - n_left).astype(np.int32)
    right = np.tile(np.arange(n_left, n), n_left).astype(np.int32)
    weights = weigh_pairs(plan, parameters, left, right, 0)[0].reshape(n_left, -1)
    most = []
    for number, best in enumerate((weights.max(1), weights.max(0))):
        own = prepared.records.rows(number)
        rows = np.arange(own.start, own.stop, dtype=np.int32)
        found = attainable_weights(prepared.records, prepared.spec.comparisons, plan, parameters, rows, 0)
        assert (best <= found + 1e-9).all()
        assert (best > found - 1).mean() > 0.2  # and it is nearly reached
        most.append(found)
    upper = weight_thresholds(parameters, opened.rule)[0][1]
    told = opened.quality["residuals"]["sources"]
    for number, found in enumerate(most):
        rows = np.array(prepared.records.rows(number), np.int32)
        keyed = np.logical_or.reduce([has_key(finder, rows) for finder in plan.blocking.finders])
        assert told[number]["unlinkable"]["of_all_records"] == int((~keyed | (found < upper)).sum())
        attainable = told[number]["attainable"]
        at = len(attainable["weights"]) // 2
        assert attainable["below"][at] == pytest.approx((found < attainable["weights"][at]).mean())
        assert attainable["below"][-1] <= 1.0


def test_fields_compared_across(tmp_path: Path) -> None:
    """A name compared with another field: what counts is whether a record has any."""
    columns = {"name": ["x", None, "z"], "alias": ["q", "r", None], "born": ["1", "2", "3"]}
    a, b = (pl.DataFrame({"id": ids, **columns}) for ids in (["1", "2", "3"], ["4", "5", "6"]))
    shares = {"m": [0.1, 0.9], "u": [0.9, 0.1], "comparator": {"type": "exact"}}
    across = {"left": ["name"], "right": ["alias"], "name": "across", **shares}
    linkage = ts.Linkage(comparisons=[across, {"field": "born", **shares}], passes=[ts.all_pairs()])
    sources = (ts.Source(name=name, table=table, id="id") for name, table in (("a", a), ("b", b)))
    links = linkage.model().link(*sources)
    prepared, nine = links.prepared, np.log(9)
    for first, expected in ((0, [2 * nine, nine, 2 * nine]), (3, [2 * nine, 2 * nine, nine])):
        rows = np.arange(first, first + 3, dtype=np.int32)
        found = attainable_weights(
            prepared.records, prepared.spec.comparisons, prepared.plan, links.model.parameters, rows, 0
        )
        assert found == pytest.approx(expected)
