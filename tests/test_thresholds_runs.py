"""Thresholds asked for in a specification: settings, runs, the command, and errors against known truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from simulate import Field, two_files

import tallystick as ts
import tallystick.linking.floors as floors_module
from tallystick.errors import SpecError
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.linkage.forecast import forecast_run, forecast_text
from tallystick.linking.decision import Decision
from tallystick.linking.rules import Capacity, Costs, ErrorBounds, Targets, ThresholdRule
from tallystick.spec import Spec, dump_spec, json_schema, parse_spec
from tests.small_files import SPEC, call, write_small

# --- known truth --------------------------------------------------------------------------------------

FIELDS = (
    Field("given", 60, 0.5, redrawn=0.1),
    Field("surname", 200, 0.5, redrawn=0.1),
    Field("birth", 100, redrawn=0.1),
    Field("town", 30, 0.5, redrawn=0.15),
)


@pytest.fixture(scope="module")
def simulated() -> tuple[ts.Links, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Links of two simulated files, and whether each candidate pair is a match."""
    files = two_files(FIELDS, 1500, 1500, 700, seed=11)
    linkage = ts.Linkage(
        [ts.comparison(one.name, ts.exact()) for one in FIELDS],
        [ts.all_pairs()],
        lower=-100,
        upper=100,
        scale="weight",
    )
    links = linkage.fit(*files.tables).link(*files.tables)
    entity = np.concatenate(files.entities)
    pairs = links.decided.pairs
    return links, entity[pairs.left] == entity[pairs.right]


@pytest.mark.parametrize(
    "rule",
    [
        ErrorBounds(type1=1e-4, type2=0.05),
        ErrorBounds(type1=1e-5, type2=0.02),
        Targets(precision=0.95),
        Targets(recall=0.9),
        Capacity(pairs=400),
        Costs(false_link=5, missed=2, review=0.3),
    ],
)
def test_expected_errors_are_the_true_ones(simulated: Any, rule: ThresholdRule) -> None:
    """Within four standard errors of a count of pairs that are not quite independent."""
    links, is_match = simulated
    expected = links.thresholds(rule).before
    found = links.thresholds(rule)
    (lower, upper), *_ = found.weights
    weight = links.decided.pairs.weight
    link, non_link = weight >= upper, weight < lower
    assert expected.links == link.sum()
    assert expected.possible == (~link & ~non_link).sum()
    false, missed = (link & ~is_match).sum(), (non_link & is_match).sum()
    assert abs(expected.false_links - false) < 4 * math.sqrt(2 * expected.false_links + 1) + 2
    assert abs(expected.missed - missed) < 4 * math.sqrt(2 * expected.missed + 1) + 2
    if isinstance(rule, ErrorBounds):
        assert expected.type1 <= rule.type1 * (1 + 1e-6)
        assert expected.type2 <= rule.type2 * (1 + 1e-6)
    if isinstance(rule, Capacity):
        assert 0 < expected.possible <= 400


def test_the_applied_rule_does_what_was_forecast(simulated: Any) -> None:
    links, _ = simulated
    for rule in (Targets(precision=0.95, recall=0.97), Costs(false_link=5, missed=2, review=0.3)):
        model = links.model
        decision = Decision(thresholds=rule)
        ruled = ts.Model(model.spec.model_copy(update={"decision": decision}), model.parameters)
        tables = [source.table for source in links.prepared.spec.sources]
        done = ruled.link(*tables)
        before = links.thresholds(rule).before
        assert done.decided.links.sum() == before.links
        assert done.decided.possible.sum() == before.possible
        assert done.quality().false_links == pytest.approx(before.false_links)
        assert done.thresholds().before == before


# --- settings -----------------------------------------------------------------------------------------

RULES: tuple[ThresholdRule, ...] = (
    ErrorBounds(),
    ErrorBounds(type1=1e-7),
    Targets(precision=0.99),
    Targets(recall=0.9, precision=0.999),
    Capacity(pairs=500),
    Capacity(hours=8, pairs_per_hour=60),
    Costs(false_link=10, missed=1, review=0.2),
)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_toml_and_model_bring_a_rule_back(rule: ThresholdRule) -> None:
    spec = Spec(
        comparisons=({"field": "a", "comparator": {"type": "exact"}},),
        passes=({"type": "all_pairs"},),
        decision=Decision(thresholds=rule),
    )
    assert parse_spec(dump_spec(spec)) == spec
    parameters = Parameters(
        (ComparisonParameters("a", ("different", "equal"), (0.1, 0.9), (0.9, 0.1), "given", "given"),)
    )
    model = ts.Model(spec, parameters)
    assert ts.Model.from_dict(json.loads(json.dumps(model.to_dict()))) == model


def test_a_rule_in_a_table_of_its_own() -> None:
    text = SPEC.replace(
        "[estimation]", '[decision.thresholds]\ntype = "error_bounds"\ntype2 = 0.1\n\n[estimation]'
    )
    assert parse_spec(text).decision == Decision(one_to_one=True, thresholds=ErrorBounds(type2=0.1))
    names = json_schema()["$defs"]
    assert {"ErrorBounds", "Targets", "Capacity", "Costs"} <= names.keys()
    assert names["Costs"]["required"] == ["type", "false_link", "missed", "review"]
    parts = [ts.comparison("a", ts.exact())], [ts.all_pairs()]
    linkage = ts.Linkage(*parts, thresholds=Capacity(pairs=3))
    assert linkage.spec.decision.thresholds == Capacity(pairs=3)
    for more in ({"upper": 0.5}, {"lower": 0.1}, {"scale": "weight"}):
        with pytest.raises(SpecError, match="and thresholds are both given"):
            ts.Linkage(*parts, thresholds=Capacity(pairs=3), **more)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('type = "error_bounds"\ntype1 = 0', r"decision\.thresholds\.type1: found 0, expected .*above 0"),
        (
            'type = "error_bounds"\ntype2 = 1.0',
            r"decision\.thresholds\.type2: found 1\.0, expected .*below 1",
        ),
        ('type = "targets"', r"decision\.thresholds: found no target, expected precision, recall or both"),
        ('type = "targets"\nprecison = 0.9', r"thresholds\.precison: found an unknown key.*\"precision\""),
        ('type = "capacity"', r"thresholds: expected either pairs, or hours and pairs_per_hour"),
        ('type = "capacity"\npairs = 5\nhours = 2\npairs_per_hour = 3', r"thresholds: expected either pairs"),
        ('type = "capacity"\nhours = 2', r"thresholds: expected either pairs, or hours and pairs_per_hour"),
        ('type = "costs"\nfalse_link = 2\nmissed = 1', r"thresholds\.review: found nothing"),
        ('type = "cost"', r"decision\.thresholds\.type: found \"cost\".*did you mean \"costs\""),
        ("type2 = 0.1", r"decision\.thresholds\.?.*type"),
    ],
)
def test_a_wrong_rule_is_one_clear_sentence(table: str, message: str) -> None:
    text = SPEC.replace("[estimation]", f"[decision.thresholds]\n{table}\n\n[estimation]")
    with pytest.raises(SpecError, match=message) as caught:
        parse_spec(text)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("key", ["upper = 0.5", "lower = 0.3", 'scale = "posterior"'])
def test_a_rule_and_thresholds_exclude_each_other(key: str) -> None:
    text = SPEC.replace("one_to_one = true", f'{key}\nthresholds = {{ type = "capacity", pairs = 5 }}')
    with pytest.raises(SpecError, match=f"{key.split()[0]} and thresholds are both given"):
        parse_spec(text)


# --- runs and the command -----------------------------------------------------------------------------


FORMS = {
    "one-to-one": "one_to_one = true",
    "one-to-one, more kept": "one_to_one = true\nlower = 0.01",
    "each pair": "one_to_one = false",
}


@pytest.fixture(scope="module", params=FORMS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ts.Links]:
    folder = tmp_path_factory.mktemp("run")
    text = SPEC.replace("one_to_one = true", FORMS[request.param])
    linkage = ts.Linkage.from_toml(write_small(folder, text, 300))
    return folder / "out", linkage.run(folder / "out")


APPLIED: tuple[ThresholdRule, ...] = (
    ErrorBounds(type1=1e-4, type2=0.2),
    Targets(precision=0.95, recall=0.85),
    Capacity(pairs=40),
    Costs(false_link=4, missed=3, review=0.4),
    Capacity(pairs=100_000),
)


@pytest.mark.parametrize("rule", APPLIED)
def test_a_run_by_every_rule(run: tuple[Path, ts.Links], tmp_path: Path, rule: ThresholdRule) -> None:
    """Forecast from a run by other thresholds, in Python and from its files, then done."""
    out, links = run
    python = links.thresholds(rule)
    _, files = forecast_run(out, links.model, rule)
    assert files.before == python.before
    assert files.weights == python.weights
    decision = Decision(one_to_one=links.decision.one_to_one, thresholds=rule)
    folder = out.parent
    spec = ts.load_spec(folder / "spec.toml").model_copy(update={"decision": decision})
    done = ts.Linkage(spec=spec, folder=folder).run(tmp_path / "out")
    assert done.thresholds().before == python.before
    counts = done.counts_dict()
    if decision.one_to_one:
        assert python.after is not None
        assert (counts["links"], counts["possible"]) == (python.after.links, python.after.possible)
        estimated = done.quality()
        assert estimated.false_links == pytest.approx(python.after.false_links)
        assert estimated.matches == pytest.approx(python.after.matches)
        posterior = done.decided.posterior[done.decided.links | done.decided.possible]
        assert python.after.missed == pytest.approx(estimated.matches - posterior.sum())
        assert files.after is not None
        assert files.after.to_dict() == pytest.approx(python.after.to_dict())
        if isinstance(rule, Targets):
            assert (python.after.precision or 0) >= 0.95
        if isinstance(rule, Capacity):
            assert 0 < python.after.possible <= rule.most or "more than the" in python.decision.notes[-1]
    else:
        assert (counts["links"], counts["possible"]) == (python.before.links, python.before.possible)
    quality = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    assert quality["rule"]["type"] == rule.type
    assert quality["rule"]["explanation"] == done.decision.explanation
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Thresholds by " + done.decision.explanation.split(":")[0] in report
    assert ts.Model.load(tmp_path / "out").spec.decision == decision
    shown = call("thresholds", tmp_path / "out")
    assert shown.exit_code == 0
    assert f"thresholds by {done.decision.explanation}" in shown.stdout
    # A saved model works its thresholds out anew for the pairs that it links.
    again = ts.Model.load(tmp_path / "out").link(folder / "a.csv", folder / "b.csv")
    assert again.decision.lower == pytest.approx(done.decision.lower, rel=0.5)


def test_given_thresholds_have_no_rule(run: tuple[Path, ts.Links]) -> None:
    out, links = run
    assert json.loads((out / "quality.json").read_text("utf-8"))["rule"] is None
    table = pl.read_parquet(out / "curve.parquet")
    assert table["pairs"].sum() == links.counts.n_pairs
    done = call("thresholds", out)
    assert done.exit_code == 0
    assert "to apply it" not in done.stdout
    before = links.thresholds().before
    row = next(line for line in done.stdout.splitlines() if line.startswith("links"))
    assert row.split()[1] == f"{before.links:,.0f}"


OPTIONS = {
    "error_bounds": ("--type1", "1e-4", "--type2", "0.2"),
    "targets": ("--precision", "0.95", "--recall", "0.85"),
    "capacity": ("--hours", "2", "--per-hour", "20"),
    "costs": ("--false-link", "4", "--missed", "3", "--review", "0.4"),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_command_says_what_applies_it(run: tuple[Path, ts.Links], kind: str) -> None:
    out, links = run
    done = call("thresholds", out, *OPTIONS[kind])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    toml = "\n".join(lines[lines.index("[decision.thresholds]") :])
    spec = parse_spec(SPEC.replace("[estimation]", toml + "\n\n[estimation]"))
    rule = spec.decision.thresholds
    assert rule is not None
    assert rule.type == kind
    found = links.thresholds(rule)
    assert forecast_text([("x", found)]).splitlines()[3].split()[-1] in done.stdout
    titles = lines[0].split()
    assert titles.count(kind) == (2 if links.decision.one_to_one else 1)
    assert any(line.startswith("type 2 error") for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--type1", "0.1", "--recall", "0.9"), "--type1 and --recall belong to different rules"),
        (("--false-link", "1", "--review", "1"), "--missed is missing: give all three"),
        (("--hours", "1"), "either --capacity, or --hours and --per-hour together"),
        (("--capacity", "1", "--hours", "1"), "either --capacity, or --hours and --per-hour together"),
        (("--type2", "1"), "type2: found 1.0, expected a number below 1"),
        (("--type2", "1e-9"), "no lower threshold reaches a type 2 error of 1e-09"),
        (("--precision", "0.99999999"), "No threshold reaches a precision of 1"),
        (("--review", "-1", "--missed", "1", "--false-link", "2"), "review: found -1.0"),
    ],
)
def test_options_that_cannot_be(run: tuple[Path, ts.Links], options: tuple[str, ...], message: str) -> None:
    done = call("thresholds", run[0], *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_pairs_that_the_run_has_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floors_module, "DEEP", 0.45)  # or nearly everything would be kept
    text = SPEC.replace("one_to_one = true", "one_to_one = true\nlower = 0.45")
    links = ts.Linkage.from_toml(write_small(tmp_path, text, 300)).run(tmp_path / "out")
    options = ("thresholds", tmp_path / "out", "--capacity", "60")
    done = call(*options)
    assert done.exit_code == 2
    assert "these thresholds take those from" in done.stderr
    assert "use --score-again" in done.stderr
    expected = links.thresholds(Capacity(pairs=60))
    assert expected.after is not None
    lines = call(*options, "--score-again").stdout.splitlines()
    for name, value in (("links", expected.after.links), ("possible links", expected.after.possible)):
        row = next(line for line in lines if line.startswith(name))
        assert row.split()[-1] == f"{value:,.0f}"
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + "x,x,x,1900-01-01,1000,\n")
    assert "has changed since the run" in call(*options, "--score-again").stderr


@pytest.mark.parametrize("one_to_one", ["true", "false"])
def test_a_rule_that_cannot_be_kept_leaves_nothing_behind(tmp_path: Path, one_to_one: str) -> None:
    rule = 'thresholds = { type = "error_bounds", type2 = 1e-9 }'
    spec = write_small(tmp_path, SPEC.replace("one_to_one = true", f"one_to_one = {one_to_one}\n{rule}"), 300)
    done = call("link", spec, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "of the matches, so no lower threshold reaches a type 2 error of 1e-09" in done.stderr
    assert not (tmp_path / "out").exists()
    # What is not the run's stays.
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert call("link", spec, "--out", tmp_path / "out", "--force").exit_code == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_a_directory_without_a_curve(run: tuple[Path, ts.Links], tmp_path: Path) -> None:
    assert "no run.json" in call("thresholds", tmp_path).stderr
    for name in ("run.json", "model.json", "links.parquet"):
        (tmp_path / name).write_bytes((run[0] / name).read_bytes())
    done = call("thresholds", tmp_path)
    assert done.exit_code == 2
    assert "curve.parquet: the table cannot be read" in done.stderr
    assert "run the linkage again" in done.stderr
