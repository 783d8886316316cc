"""A run in its directory: what it holds, that it is the same again, and that it can be taken up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tallystick as ts
from tallystick.errors import InputError, RunError
from tallystick.linkage import run as run_module
from tallystick.linkage.folder import OUTPUTS, WORK
from tallystick.linkage.links import Links
from tallystick.linkage.prepare import read_records
from tallystick.linkage.run import run, shown_spec
from tallystick.preparation.source import Source
from tallystick.spec import Spec, load_spec, resolved
from tests.small_files import DATA_FILES, SPEC, call, command, hashes, people, tree, write_csv, write_small

PASSWORD = "geheim7391"


def spec_of(folder: Path, text: str = SPEC) -> Spec:
    return resolved(load_spec(write_small(folder, text)), folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Links]:
    folder = tmp_path_factory.mktemp("made")
    return folder / "out", run(spec_of(folder), folder / "out", threads=2)


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


def test_the_directory(made: tuple[Path, Links]) -> None:
    out, links = made
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUTS)
    assert out.stat().st_mode & 0o777 == 0o700
    for name in ("links", "entities", "residuals", "review"):
        frame = pl.read_parquet(out / f"{name}.parquet")
        assert frame.equals(getattr(links, name if name != "links" else "pairs"))
    assert read(out, "quality.json") == links.quality_dict()
    assert ts.Model.load(out) == links.model


def test_columns_of_the_tables(made: tuple[Path, Links]) -> None:
    _, links = made
    columns = ["id_left", "id_right", "weight", "posterior", "posterior_pair", "pattern", "pass", "decision"]
    assert links.pairs.columns == columns
    assert links.entities.columns == ["entity_id", "source", "id"]
    assert links.review.columns[: len(columns)] == columns
    assert {"left_given", "right_given", "level_given", "weight_given"} <= set(links.review.columns)
    possible = links.pairs.filter(pl.col("decision") == "possible")
    assert links.review.height == possible.height > 0
    assert links.review["weight"].is_sorted(descending=True)
    # What a reviewer sees are the values of these very records.
    first = {row[0]: row for row in people()[0]}
    for row in links.review.iter_rows(named=True):
        assert row["left_surname"] == first[row["id_left"]][2]
        parts = [row[f"weight_{name}"] for name in ("given", "surname", "born")]
        assert sum(parts) == pytest.approx(row["weight"])


def test_run_json(made: tuple[Path, Links]) -> None:
    out, links = made
    facts = read(out, "run.json")
    assert facts["format"] == "tallystick-run/1"
    assert facts["seed"] == 1
    assert facts["threads"] == 2
    assert facts["versions"]["tallystick"] == ts.__version__
    assert {"python", "numba", "numpy", "polars", "scipy", "pydantic"} <= facts["versions"].keys()
    stages = ["read", "prepare", "count", "estimate", "score", "decide", "write"]
    assert list(facts["timings"]) == stages
    assert all(seconds >= 0 for seconds in facts["timings"].values())
    assert [one["rows"] for one in facts["inputs"]] == [40, 40]
    done = subprocess.run(["sha256sum", out.parent / "a.csv"], capture_output=True, text=True, check=True)
    assert facts["inputs"][0]["sha256"] == done.stdout.split()[0]
    assert facts["spec"]["sources"][0] == {
        "name": "a",
        "path": str(out.parent / "a.csv"),
        "id": "id",
        "truth": ["person"],
    }
    rebuilt = Spec.model_validate(facts["spec"])
    assert rebuilt.comparisons == links.prepared.spec.comparisons


def test_counts_agree_with_the_tables(made: tuple[Path, Links]) -> None:
    out, links = made
    counts, quality = read(out, "run.json")["counts"], read(out, "quality.json")
    decisions = dict(links.pairs.group_by("decision").len().iter_rows())
    assert (counts["links"], counts["possible"]) == (decisions["link"], decisions["possible"])
    assert counts["kept"] == links.pairs.height
    assert counts["pairs_allowed"] == 1600
    for key, total in (
        ("pairs", "candidates"),
        ("kept", "kept"),
        ("links", "links"),
        ("possible", "possible"),
    ):
        assert sum(one[key] for one in counts["passes"]) == counts[total]
    # A pair belongs to the first pass that finds it; it is looked for by every pass.
    given = [
        {(row[0], other[0]) for row in people()[0] for other in people()[1] if row[k] == other[k] != ""}
        for k in (4, 2)
    ]
    assert [one["found"] for one in counts["passes"]] == [len(given[0]), len(given[1])]
    assert [one["pairs"] for one in counts["passes"]] == [len(given[0]), len(given[1] - given[0])]
    assert counts["unlinked"] == dict(links.residuals.group_by("source").len().sort("source").iter_rows())
    assert counts["entities"] == links.entities["entity_id"].n_unique() == 80 - counts["links"]
    assert sum(quality["histogram"]["candidates"]) == counts["candidates"]
    assert sum(quality["histogram"]["links"]) == counts["links"]
    second = people()[1]
    assert quality["completeness"]["b"]["born"] == pytest.approx(1 - sum(not row[3] for row in second) / 40)
    assert {one["decision"] for one in quality["examples"]} == set(decisions)
    for example in quality["examples"]:
        assert sum(part["weight"] for part in example["parts"]) == pytest.approx(example["weight"])


def test_residuals_against_all_pairs(tmp_path: Path, made: tuple[Path, Links]) -> None:
    """The best candidate of an unlinked record, found anew among all candidate pairs."""
    _, links = made
    every = call_all(tmp_path)
    assert every.height == read(made[0], "run.json")["counts"]["candidates"]
    kept = {row[:2]: row[2] for row in links.pairs.select("id_left", "id_right", "decision").iter_rows()}
    linked = {one for pair, decision in kept.items() if decision == "link" for one in pair}
    taken = {one for pair, decision in kept.items() if decision != "non-link" for one in pair}
    reasons = set()
    for row in links.residuals.iter_rows(named=True):
        left = row["source"] == "a"
        own, other = ("id_left", "id_right") if left else ("id_right", "id_left")
        candidates = every.filter(pl.col(own) == row["id"])
        reasons.add(row["reason"])
        assert row["id"] not in linked
        if candidates.height == 0:
            assert row["reason"] == "no candidate"
            assert row["id_candidate"] is None
            assert row["weight"] is None
            continue
        assert row["weight"] == candidates["weight"].max()
        best = candidates.filter(pl.col("weight") == row["weight"])[other].to_list()
        assert row["id_candidate"] in best
        assert row["source_candidate"] == ("b" if left else "a")
        pair = (row["id"], row["id_candidate"]) if left else (row["id_candidate"], row["id"])
        if kept.get(pair) == "possible":
            assert row["reason"] in ("possible link", "tie")
        elif pair in kept and row["id_candidate"] in taken:
            assert row["reason"] == "lost the assignment"
        else:
            assert row["reason"] == "below threshold"
    assert {"below threshold", "lost the assignment", "possible link"} <= reasons


def call_all(folder: Path) -> pl.DataFrame:
    """All candidate pairs with their weights, by the same model with no floor."""
    text = SPEC.replace(
        "one_to_one = true", 'one_to_one = false\nscale = "weight"\nlower = -1000.0\nupper = 1000.0'
    )
    return run(spec_of(folder, text), folder / "all").pairs


def test_the_same_again_with_any_number_of_threads(tmp_path: Path) -> None:
    spec = write_small(tmp_path, n=900)
    for threads in (1, 2):
        done = command(
            "link",
            spec,
            "--out",
            tmp_path / str(threads),
            "--threads",
            threads,
            POLARS_MAX_THREADS=str(threads),
        )
        assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    assert pl.read_parquet(tmp_path / "1" / "links.parquet").height > 100


def test_what_is_complete_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(tmp_path)
    expected = run(spec, tmp_path / "whole")

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    stages = [
        ("count_patterns", "counts.parquet"),
        ("fit_counts", "model.json"),
        ("write_report", "report.html"),
    ]
    out = tmp_path / "out"
    for number, (name, _) in enumerate(stages):
        with monkeypatch.context() as patch:
            # Stages before the one that was stopped last must not be called any more.
            for earlier, _ in stages[: max(0, number - 1)]:
                patch.setattr(run_module, earlier, lambda *_, **__: pytest.fail("done again"))
            patch.setattr(run_module, name, stop)
            with pytest.raises(KeyboardInterrupt):
                run(spec, out)
        assert out.exists() == (number > 0), "nothing is made before there are pairs"
        assert not (out / "run.json").exists()
    with monkeypatch.context() as patch:
        for earlier in ("count_patterns", "fit_counts", "score_prepared"):
            patch.setattr(run_module, earlier, lambda *_, **__: pytest.fail("done again"))
        links = run(spec, out)
    assert links.pairs.equals(expected.pairs)
    assert hashes(out) == hashes(tmp_path / "whole")
    assert not (out / WORK).exists()


@pytest.mark.parametrize("change", ["spec", "input", "pairs", "version"])
def test_another_run_does_not_take_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (tmp_path / "pairs.csv").write_text("id_left,id_right\n" + "".join(f"a{k},b{k}\n" for k in range(39)))
    text = SPEC + '\n[[passes]]\ntype = "pair_table"\npath = "pairs.csv"\n'
    spec, out = spec_of(tmp_path, text), tmp_path / "out"

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_report", stop)
        with pytest.raises(KeyboardInterrupt):
            run(spec, out)
    if change == "spec":
        spec = spec.model_copy(update={"seed": 5})
    elif change == "input":
        write_csv(tmp_path / "a.csv", people()[0][:-1])
    elif change == "pairs":
        (tmp_path / "pairs.csv").write_text("id_left,id_right\na1,b1\na5,b7\n")
    else:
        monkeypatch.setattr(run_module, "__version__", "0.0.1")
    before = tree(out)
    with pytest.raises(
        InputError, match="unfinished run of another specification, of other inputs or of another"
    ):
        run(spec, out)
    assert tree(out) == before
    run(spec, tmp_path / "fresh")
    run(spec, out, force=True)
    assert hashes(out) == hashes(tmp_path / "fresh")


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(tmp_path)
    before = tree(tmp_path)

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    for name in ("mkdir", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            with pytest.raises(RunError, match=r"out: the directory could not be made \(Permission denied\)"):
                run(spec, tmp_path / "out")
        assert tree(tmp_path) == before


def test_no_password_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(tmp_path)
    encoded = read_records(spec, spec.sources)
    uri = f"postgresql://reader:{PASSWORD}@db.example.org/persons?sslpassword={PASSWORD}"
    sources = tuple(Source(name=name, uri=uri, table=name, id="id") for name in "ab")
    monkeypatch.setattr(run_module, "read_records", lambda *_: encoded)
    links = run(spec.model_copy(update={"sources": sources}), tmp_path / "out")
    links.report(tmp_path / "out" / "more.html")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == len(OUTPUTS) + 1
    assert not [path.name for path in files if PASSWORD.encode() in path.read_bytes()]
    facts = read(tmp_path / "out", "run.json")
    assert facts["inputs"][0]["path"].startswith("postgresql://reader:***@db.example.org/persons")
    assert PASSWORD not in json.dumps(shown_spec(links.prepared.spec))


def test_the_report_names_nobody(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    for name, rows in zip("ab", people(), strict=True):
        changed = [[row[0], *(value and f"{value}qxv" for value in row[1:3]), *row[3:]] for row in rows]
        write_csv(tmp_path / f"{name}.csv", changed)
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    values = {
        value
        for rows in people()
        for row in rows
        for value in (f"{row[1]}qxv", f"{row[2]}qxv", row[3])
        if value
    }
    assert not [value for value in values if value in page]
    assert "qxv" not in page
    assert "small" in page, "the name that the specification gives"
    links = ts.Linkage.from_toml(spec).fit().link(tmp_path / "a.csv", tmp_path / "b.csv")
    links.report(tmp_path / "open.html", show_values=True)
    assert "qxv" in (tmp_path / "open.html").read_text("utf-8")


def test_tables_in_memory(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    assert call("link", spec, "--out", tmp_path / "files").exit_code == 0
    sources = [
        Source(name=name, table=pl.read_csv(tmp_path / f"{name}.csv", infer_schema=False), id="id")
        for name in "ab"
    ]
    linkage = ts.Linkage.from_toml(spec)
    links = linkage.run(tmp_path / "out", *sources)
    for name in DATA_FILES[:4]:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "files" / name).read_bytes()
    result = call("export", tmp_path / "out", "-o", tmp_path / "x.csv")
    assert result.exit_code == 2
    assert "source 'a' was a table in memory: use Links.join" in result.stderr
    joined = links.join("born", decisions=["link", "possible"])
    assert joined.columns[-2:] == ["born_left", "born_right"]
    assert joined.height == links.pairs.filter(pl.col("decision") != "non-link").height
    assert Path(shutil.move(tmp_path / "out", tmp_path / "moved")).is_dir()


def test_a_saved_model_in_another_process(tmp_path: Path, made: tuple[Path, Links]) -> None:
    out, links = made
    code = (
        "import sys, tallystick as ts; out, a, b, to = sys.argv[1:]\n"
        "model = ts.Model.load(out)\n"
        "sources = (ts.Source(name=n, path=p, id='id') for n, p in (('a', a), ('b', b)))\n"
        "model.link(*sources).pairs.write_parquet(to)"
    )
    folder, to = out.parent, tmp_path / "pairs.parquet"
    subprocess.run([sys.executable, "-c", code, out, folder / "a.csv", folder / "b.csv", to], check=True)
    assert pl.read_parquet(to).equals(links.pairs)
