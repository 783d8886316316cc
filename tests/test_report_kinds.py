"""The report of every kind of run: what it cannot have is left out, and nothing breaks."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.linkage.report_again import report_of_run
from tallystick.quality.charts.draw import standalone
from tallystick.quality.report.content import section_of
from tallystick.quality.report.drawn import drawings
from tests.kinds_of_runs import STEPS, made, made_by_households
from tests.sample_report import full_sample
from tests.small_files import SPEC, call, people, write_small
from tests.test_report import Page

DEDUPE = re.sub(r'\[\[sources\]\]\nname = "b".*?\n\n', "", SPEC, flags=re.S).replace("one_to_one = true", "")
KEYS_FIRST = SPEC + '\n[match]\nkeys = [{ parts = ["given", "surname", "born"] }]\n'
BY_VALUE = SPEC.replace('field = "surname"\n', 'field = "surname"\nfrequencies = { by = "value" }\n', 1)
SPECS = {"at once": SPEC, "steps": STEPS, "dedupe": DEDUPE, "keys first": KEYS_FIRST, "by value": BY_VALUE}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for kind, spec in SPECS.items():
        folder = tmp_path_factory.mktemp(kind.replace(" ", "-"))
        found[kind] = made(folder, spec)
    found["households"] = made_by_households(tmp_path_factory.mktemp("households"))
    folder = tmp_path_factory.mktemp("match")
    done = call("match", write_small(folder, KEYS_FIRST), "--out", folder / "out", "-q")
    assert done.exit_code == 0, done.output
    found["keys alone"] = folder / "out"
    return found


KINDS = [*SPECS, "households", "keys alone"]


@pytest.mark.parametrize("kind", KINDS)
def test_report_of_every_kind(runs: dict[str, Path], kind: str) -> None:
    run = runs[kind]
    done = call("report", run)
    assert done.exit_code == 0, done.output
    content = json.loads((run / "report.json").read_text(encoding="utf-8"))
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    assert content == report_of_run(run)
    ids = page.attribute("id")
    assert len(ids) == len(set(ids))
    for name in ("href", "aria-labelledby"):
        assert {value.removeprefix("#") for value in page.attribute(name)} <= set(ids)
    for section in content["sections"]:
        assert section["content"] is not None
    import vl_convert

    for one in drawings(content):
        svg = vl_convert.vegalite_to_svg(standalone(one.alone or one.spec, one.title))
        assert "NaN" not in svg, one.id


def _keys(run: Path) -> set[str]:
    return {section["key"] for section in report_of_run(run)["sections"]}


def test_what_kinds_of_runs_have(runs: dict[str, Path]) -> None:
    of_all = {
        "quality",
        "inputs",
        "pairs",
        "parameters",
        "weights",
        "entities",
        "unlinked",
        "missed",
    }
    for kind in ("at once", "steps", "dedupe", "households", "by value"):
        assert of_all <= _keys(runs[kind]), kind
    for kind in ("at once", "steps", "households"):
        assert "thresholds" in _keys(runs[kind]), kind
    assert "values" in _keys(runs["by value"])
    assert "values" not in _keys(runs["at once"])
    keys = _keys(runs["keys alone"])
    assert not {"parameters", "em", "weights", "thresholds", "examples"} & keys
    assert {"pairs", "unlinked", "completeness"} <= keys


@pytest.mark.parametrize("kind", KINDS)
def test_no_item_of_the_statement_is_empty(runs: dict[str, Path], kind: str) -> None:
    content = report_of_run(runs[kind])
    for item in section_of(content, "statement")["items"]:
        assert item["answers"] or item["blank"], item["key"]
        assert all(text.strip().endswith((".", ":")) for text in item["answers"]), item
        assert all(len(row) == len(table["heads"]) for table in item["tables"] for row in table["rows"])
        assert "1 links" not in " ".join(item["answers"])
    flow = section_of(content, "pairs")["flow"]
    assert [flow[0]["name"], flow[-1]["name"]] == ["Records", "Outcome"]
    linked = {box["name"]: box["value"] for box in flow[-1]["boxes"] if box["name"].startswith("Linked")}
    decided = pl.read_parquet(runs[kind] / "links.parquet")
    if "decision" in decided.columns:
        decided = decided.filter(pl.col("decision") == "link")
    if "source_left" not in decided.columns:
        names = [one["name"] for one in section_of(content, "inputs")]
        both = zip(("source_left", "source_right"), (names[0], names[-1]), strict=True)
        decided = decided.with_columns(pl.lit(name).alias(side) for side, name in both)
    sides = [decided.select(source=f"source_{side}", id=f"id_{side}") for side in ("left", "right")]
    for source, own in pl.concat(sides).unique().group_by("source"):
        assert linked[f"Linked in {source[0]}"] == len(own)


def test_match_keys_are_stated_with_their_rule(runs: dict[str, Path]) -> None:
    run = runs["keys alone"]
    content = report_of_run(run)
    counts = json.loads((run / "run.json").read_text(encoding="utf-8"))["counts"]
    items = {item["key"]: item for item in section_of(content, "statement")["items"]}
    (table,) = items["methods"]["tables"]
    (key,) = counts["keys"]
    assert table["rows"] == [
        ["given + surname + born", "given, surname and born", f"{key['pairs']:,}", f"{key['links']:,}"]
    ]
    said = " ".join(items["thresholds"]["answers"])
    assert "the only one that agrees with the other on the key" in said
    assert f"{counts['ambiguous_records']:,} record" in said
    assert items["variables"]["answers"] == ["The matching variables are given, surname and born."]


def test_how_many_links_a_record_may_have_is_stated(runs: dict[str, Path]) -> None:
    def said(kind: str) -> str:
        items = {item["key"]: item for item in section_of(report_of_run(runs[kind]), "statement")["items"]}
        return " ".join(items["thresholds"]["answers"])

    assert "Links are one-to-one" in said("at once")
    assert "optimal assignment" in said("at once")
    assert "from a posterior probability of" in said("at once")
    assert "Links are many-to-many" in said("dedupe")
    assert "assignment" not in said("dedupe")
    # Steps that ask for the same are not said one by one.
    assert said("steps").count("from a posterior probability of") == 1


def test_steps_have_figures_of_their_own(runs: dict[str, Path]) -> None:
    content = report_of_run(runs["steps"])
    steps = [one["step"] for one in section_of(content, "weights")]
    assert len(steps) == 2
    assert all(steps)
    assert [one["step"] for one in section_of(content, "em")] == steps
    assert [one["step"] for one in section_of(content, "unlinked")["reach"]] == steps
    titles = [one.title for one in drawings(content) if one.id.startswith("weights")]
    assert all(step in title for step, title in zip(steps, titles, strict=True))


def test_values_are_counted_by_how_many_records_have_them(runs: dict[str, Path]) -> None:
    (one,) = section_of(report_of_run(runs["by value"]), "values")
    rows = [row[2] for part in people(300) for row in part if row[2]]
    held = Counter(rows)
    assert sum(band["values"] for band in one["bands"]) == len(held)
    assert sum(band["records"] for band in one["bands"]) == len(rows)
    for band in one["bands"]:
        own = [n for n in held.values() if band["first"] <= n <= band["last"]]
        assert len(own) == band["values"]
        assert band["share"] == pytest.approx(sum(own) / len(own) / len(rows))
        assert band["low"] <= band["weight"] <= band["high"]


def test_a_finalised_run_says_what_reviewers_did(runs: dict[str, Path], tmp_path: Path) -> None:
    from tallystick._files import file_sha256
    from tallystick.linkage.reviews.finalise import finalise
    from tallystick.linkage.reviews.tasks import review_tasks
    from tallystick.linkage.saved_run import open_run
    from tallystick.review.store import Store

    opened = open_run(runs["at once"])
    store = Store.open(
        tmp_path / "review.sqlite", run=opened.fingerprint, model=file_sha256(runs["at once"] / "model.json")
    )
    store.fill("possible", review_tasks(opened)[:3])
    store.add_reviewer("ann", "reviewer", password=None)
    decided = 0
    while (row := store.next("possible", "ann")) is not None:
        store.decide(row.number, "ann", "link" if decided else "non-link", seen={})
        decided += 1
    audited = {**(full_sample().audit or {}), "run": opened.fingerprint}
    (runs["at once"] / "audit.json").write_text(json.dumps(audited), encoding="utf-8")
    finalise(runs["at once"], tmp_path / "final", store.standing(), store.worklists())
    (runs["at once"] / "audit.json").unlink()
    store.close()
    content: dict[str, Any] = json.loads((tmp_path / "final" / "report.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row["value"] for row in section_of(content, "review")["rows"]}
    assert rows["Reviewers"] == 1
    assert rows["Judged a link"] + rows["Judged a non-link"] == decided
    answers = {item["key"]: item["answers"] for item in section_of(content, "statement")["items"]}
    assert answers["review"][0].startswith(f"{decided} of 3 pairs and records to judge were judged by 1 rev")
    assert len(answers["review"]) == 3, "what was decided, what changed, the sample"
    # The audit of the run before is not lost, and stands apart.
    origins = [one["origin"] for one in section_of(content, "quality")["by_origin"]]
    assert origins == ["model", "audit before", "audit corrected"]
    assert section_of(content, "audit")["before"]
    assert "judged on the links before the decisions" in " ".join(section_of(content, "limits"))
    tiles = {one["name"]: one["value"] for one in content["headline"]["tiles"]}
    assert tiles["Precision, by the audit, errors put right"] == 0.9985
    assert opened.fingerprint in " ".join(answers["reproducibility"])
