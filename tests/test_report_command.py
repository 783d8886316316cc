"""``tallystick report``: the report of a run made again, of every kind of run, with what came since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick import Linkage
from tallystick.linkage.evaluation.truth import truth_of_run
from tallystick.linkage.report_again import report_of_run
from tallystick.quality.report.content import FORMAT, section_of
from tests.sample_report import full_sample
from tests.small_files import call, people, write_small


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_small(folder)
    done = call("link", str(folder / "spec.toml"), "--out", str(folder / "run"), "--quiet")
    assert done.exit_code == 0, done.stderr
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def _content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_run_writes_the_page_and_the_same_as_json(made: Path) -> None:
    content = _content(made / "report.json")
    assert content["format"] == FORMAT
    assert content == report_of_run(made)
    page = (made / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{content['title']['name']}</h1>" in page


def test_figures_of_charts_are_those_of_the_run(made: Path) -> None:
    content = _content(made / "report.json")
    quality = _content(made / "quality.json")
    histogram = quality["histogram"]
    matches = sum(histogram["matches"])
    links = pl.read_parquet(made / "links.parquet")
    assert matches == pytest.approx(links["posterior_pair"].sum(), rel=0.05)
    sizes = dict(quality["entities"]["sizes"])
    entities = pl.read_parquet(made / "entities.parquet")
    assert sizes == dict(entities.group_by("entity_id").len().group_by("len").len("n").iter_rows())
    points = quality["curve"]["points"]
    assert [one["weight"] for one in points] == sorted(one["weight"] for one in points)
    recalls = [one["recall"] for one in points]
    assert recalls == sorted(recalls, reverse=True)
    reach = quality["reach"]["sources"]
    for source, own in reach.items():
        assert (
            sum(own["counts"]) == own["records"] == _content(made / "run.json")["counts"]["records"][source]
        )
    assert (
        section_of(content, "unlinked")["reach"][0]["sources"][0]["records"]
        == next(iter(reach.values()))["records"]
    )


def test_pairs_of_one_pass_alone(made: Path) -> None:
    """Counted by brute force over the keys of two passes: zip and surname."""
    first, second = people()
    both = [(x, y) for x in first for y in second]
    by_zip, by_surname = ({(x[0], y[0]) for x, y in both if x[k] and x[k] == y[k]} for k in (4, 2))
    passes = _content(made / "run.json")["counts"]["passes"]
    assert [one["unique"] for one in passes] == [len(by_zip - by_surname), len(by_surname - by_zip)]
    assert [one["found"] for one in passes] == [len(by_zip), len(by_surname)]


def test_distinct_values_are_counted_by_source(made: Path) -> None:
    quality, facts = _content(made / "quality.json"), _content(made / "run.json")
    for source, read in zip(quality["distinct"].values(), facts["inputs"], strict=True):
        assert all(1 <= one["distinct"] <= read["rows"] for one in source.values())
        assert all(0 < one["commonest"] <= 1 for one in source.values())


def test_the_report_takes_in_what_came_since(run: Path) -> None:
    facts = _content(run / "run.json")
    sample = full_sample()
    audit = {**sample.audit, "run": facts["fingerprint"]} if sample.audit else {}
    (run / "audit.json").write_text(json.dumps(audit), encoding="utf-8")
    (run / "review.json").write_text(json.dumps(sample.review), encoding="utf-8")
    (run / "truth.json").write_text(json.dumps(sample.truth), encoding="utf-8")
    (run / "statement.toml").write_text('purpose = "A test."\n', encoding="utf-8")
    done = call("report", str(run))
    assert done.exit_code == 0, done.stderr
    content = _content(run / "report.json")
    assert [one["origin"] for one in section_of(content, "quality")["by_origin"]] == [
        "model",
        "audit",
        "truth",
    ]
    assert section_of(content, "review")["worklists"][0]["agreement"]["kappa"] == 0.875
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "A test." in text
    assert "Origin: known truth" in text


def test_an_audit_of_another_run_is_left_out_and_said(run: Path) -> None:
    audit = {**full_sample().audit, "run": "another"} if full_sample().audit else {}
    (run / "audit.json").write_text(json.dumps(audit), encoding="utf-8")
    content = report_of_run(run)
    assert [one["origin"] for one in section_of(content, "quality")["by_origin"]] == ["model"]
    assert "audit.json is of another run" in " ".join(content["checks"]["warnings"])


def test_files_that_are_asked_for(run: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.toml"
    texts.write_text('access = "Write to us."\n', encoding="utf-8")
    before = (run / "report.html").read_bytes()
    done = call(
        "report", str(run), "--out", str(tmp_path / "page.html"), "--json", str(tmp_path / "page.json"),
        "--charts", str(tmp_path / "charts"), "--format", "svg",
        "--statement", str(tmp_path / "statement.md"), "--statement-text", str(texts),
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert (run / "report.html").read_bytes() == before, "the report of the run is another file"
    assert "Write to us." in (tmp_path / "statement.md").read_text(encoding="utf-8")
    assert _content(tmp_path / "page.json")["format"] == FORMAT
    charts = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert {"weights-chart.svg", "levels-0.svg", "pair-1.svg", "reach-0.svg"} <= set(charts)
    assert f"{len(charts)} charts as SVG" in done.stdout
    again = call("report", str(run), "--out", str(tmp_path / "page.html"))
    assert again.exit_code == 2
    assert "the file exists" in again.stderr
    html = call("report", str(run), "--quiet", "--statement", str(tmp_path / "statement.html"))
    assert (html.exit_code, html.stdout) == (0, "")


def test_values_are_shown_only_in_a_page_of_its_own(run: Path, tmp_path: Path) -> None:
    refused = call("report", str(run), "--show-values")
    assert refused.exit_code == 2
    assert "asks for --out" in refused.stderr
    example = _content(run / "quality.json")["examples"][0]["left"]
    value = max((str(one) for one in example.values() if one), key=len)
    assert value not in (run / "report.html").read_text(encoding="utf-8")
    assert value not in (run / "report.json").read_text(encoding="utf-8")
    done = call("report", str(run), "--show-values", "--out", str(tmp_path / "shown.html"))
    assert done.exit_code == 0, done.stderr
    assert value in (tmp_path / "shown.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "run.json").unlink(), "there is no run.json"),
        (lambda run: (run / "quality.json").unlink(), "there is no quality.json"),
        (lambda run: (run / "model.json").write_text("{", encoding="utf-8"), "cannot be read as JSON"),
        (lambda run: (run / "truth.json").write_text("x", encoding="utf-8"), "cannot be read as JSON"),
        (lambda run: (run / "statement.toml").write_text("a = 1", encoding="utf-8"), "no item 'a'"),
    ],
)
def test_a_directory_that_cannot_be_reported(run: Path, spoil: Any, message: str) -> None:
    before = (run / "report.html").read_bytes()
    spoil(run)
    done = call("report", str(run))
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert (run / "report.html").read_bytes() == before


def test_wrong_endings_and_folders(run: Path, tmp_path: Path) -> None:
    done = call("report", str(run), "--statement", str(tmp_path / "statement.pdf"))
    assert (done.exit_code, "as .html or .md" in done.stderr) == (2, True)
    done = call("report", str(run), "--out", str(tmp_path / "absent" / "page.html"))
    assert (done.exit_code, "does not exist" in done.stderr) == (2, True)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    done = call("report", str(run), "--charts", str(blocked))
    assert (done.exit_code, "cannot be made" in done.stderr) == (1, True)


def test_from_python(made: Path, tmp_path: Path) -> None:
    links = Linkage.from_toml(made.parent / "spec.toml").run(tmp_path / "run")
    links.report(tmp_path / "report.html")
    files = links.charts(tmp_path / "charts", "svg")
    assert {"weights-chart", "completeness-chart"} <= {path.stem for path in files}
    assert links.report_content()["format"] == FORMAT


def test_truth_of_a_run_is_read_as_it_is_written(run: Path) -> None:
    figures = truth_of_run(run, "person").figures
    (run / "truth.json").write_text(json.dumps(figures), encoding="utf-8")
    content = report_of_run(run)
    truth = section_of(content, "truth")
    assert {row["decision"] for row in truth["matrix"]} >= {"Link", "Non-link"}
    origins = {one["origin"]: one for one in section_of(content, "quality")["by_origin"]}
    by_key = {row["key"]: row["value"] for row in origins["truth"]["rows"]}
    assert by_key["precision"] == figures["rates"]["precision"]
