"""The command line, as a person and as a script meet it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer

import tallystick
from tallystick.cli import app
from tallystick.cli.progress import LINE_EVERY, PATIENCE, Reporter
from tallystick.spec import json_schema, load_spec
from tests.small_files import SPEC, call, command, hashes, people, process_environment, write_csv, write_small

COMMANDS = ("init", "link", "score", "export", "thresholds", "evaluate", "gold", "why", "schema")
CHAPTER = "".join(
    f'[[comparisons]]\nfield = "{name}"\ncomparator = {{ type = "exact" }}\nm = {m}\nu = {u}\n'
    for name, m, u in (
        ("first_name", 0.9, 0.05),
        ("last_name", 0.9, 0.05),
        ("birth_year", 0.9, 0.05),
        ("house_number", 0.8, 0.1),
        ("street", 0.8, 0.1),
        ("gender", 0.8, 0.1),
    )
)
ALIKE = """
import os
import signal
import time

started = []

def alike(left, right):
    if not started:
        started.append(True)
        if os.environ.get("INTERRUPT"):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(float(os.environ.get("SLEEP", 0)))
    return 1.0 if left[:3] == right[:3] else 0.0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the two files, the specification and a run ``out``."""
    folder = tmp_path_factory.mktemp("run")
    assert call("link", write_small(folder), "--out", folder / "out").exit_code == 0
    return folder


SLOW = {"SLEEP": str(PATIENCE + 0.5)}
"""For a linkage by ``ALIKE`` that takes long enough to say how far it is."""


def write_alike(folder: Path) -> Path:
    """A linkage by a function of a module beside the specification."""
    (folder / "alike_names.py").write_text(ALIKE)
    kind = '{ type = "function", path = "alike_names:alike", thresholds = [0.5] }'
    spec = SPEC.replace('{ type = "jaro_winkler", thresholds = [0.9, 0.8] }', kind, 1)
    return write_small(folder, spec)


@pytest.fixture(scope="module")
def slow_link(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What the slow linkage said, run beside modules that have the names of libraries."""
    folder = tmp_path_factory.mktemp("slow")
    for name in ("json", "jinja2", "random"):
        (folder / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    return command("link", write_alike(folder), "--out", folder / "out", **SLOW)


def test_help_and_version() -> None:
    text = command("--help")
    assert text.returncode == 0
    assert all(name in text.stdout for name in COMMANDS)
    for name in COMMANDS:
        assert call(name, "--help").exit_code == 0
    version = call("--version")
    assert (version.exit_code, version.stdout) == (0, f"tallystick {tallystick.__version__}\n")


def test_link(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    done = call("link", spec, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    counts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]
    first, second, last = [line for line in done.stdout.splitlines() if not line.startswith("warning: ")]
    assert first == (
        f"{counts['links']} links, {counts['possible']} possible links, "
        f"{counts['entities']} entities of 80 records"
    )
    assert re.fullmatch(
        r"estimated precision 0\.\d{4} \(0\.\d{4} to [01]\.\d{4}\), "
        r"recall 0\.\d{4} \(0\.\d{4} to [01]\.\d{4}\) "
        "by the model itself, with 95 per cent intervals",
        second,
    )
    assert last == f"results in {tmp_path / 'out'}; open {tmp_path / 'out' / 'report.html'}"


def test_quiet_says_nothing(tmp_path: Path, run: Path) -> None:
    done = call("link", run / "spec.toml", "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    arguments = ("score", run / "out", run / "a.csv", run / "b.csv", "--id", "id", "-q")
    scored = call(*arguments, "--out", tmp_path / "scored")
    assert (scored.exit_code, scored.output) == (0, "")
    assert call(*arguments, "--out", tmp_path / "scored").exit_code == 2
    assert call(*arguments, "--out", tmp_path / "scored").stderr.startswith("tallystick: ")


def test_progress_is_plain_lines_where_there_is_no_terminal(
    slow_link: subprocess.CompletedProcess[str],
) -> None:
    done = slow_link
    assert done.returncode == 0, done.stderr
    assert "results in" in done.stdout
    assert re.search(r"^[a-z ]+: 100% of [\d,]+, \d+ s$", done.stderr, re.MULTILINE), done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert "%" not in done.stdout


def on_a_terminal(*arguments: object) -> tuple[int, str]:
    """Exit status, and what a terminal of 120 columns shows of the standard error."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick", *map(str, arguments)],
        env=process_environment() | SLOW | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.DEVNULL,
        stderr=there,
    )
    os.close(there)
    shown = b""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if select.select([here], [], [], 0.2)[0]:
            try:
                shown += os.read(here, 65536)
            except OSError:  # the other side is closed
                break
    os.close(here)
    return process.wait(60), shown.decode()


def test_progress_is_bars_on_a_terminal(tmp_path: Path) -> None:
    slow_spec = write_alike(tmp_path)
    status, shown = on_a_terminal("link", slow_spec, "--out", tmp_path / "out")
    assert status == 0, shown
    assert "━" in shown
    assert "\x1b[2K" in shown, "the bar is taken away"
    assert not re.search(r"\d+% of \d+", shown), "plain lines are for files"
    status, shown = on_a_terminal("link", slow_spec, "--out", tmp_path / "quiet", "--quiet")
    assert (status, shown) == (0, "")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_when_lines_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = Reporter(clock=clock)

    def said(stage: str, done: int, after: float) -> str:
        clock.now += after
        report(stage, done, 2000)
        return capsys.readouterr().err

    assert said("reading", 0, 0) == ""
    assert said("reading", 2000, 0.9 * PATIENCE) == "", "over within a second"
    assert said("comparing", 0, 5) == "", "a stage begins with its first call"
    assert said("comparing", 10, 0.5 * LINE_EVERY) == ""
    assert said("comparing", 500, 0.6 * LINE_EVERY) == "comparing: 25% of 2,000, 11 s\n"
    assert said("comparing", 600, 0.9 * LINE_EVERY) == ""
    assert said("comparing", 1000, 0.2 * LINE_EVERY) == "comparing: 50% of 2,000, 22 s\n"
    assert said("comparing", 2000, PATIENCE) == "comparing: 100% of 2,000, 23 s\n"
    assert said("reading", 0, 0) == ""
    assert said("reading", 2000, PATIENCE) == "reading: 100% of 2,000, 1 s\n"
    report.close()
    quiet = Reporter(quiet=True, clock=clock)
    quiet("comparing", 0, 1)
    clock.now += 100
    quiet("comparing", 1, 1)
    assert capsys.readouterr().err == ""


def test_a_bar_leaves_results_on_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    report = Reporter()
    report("writing", 0, 1)
    time.sleep(PATIENCE + 0.3)
    sys.stdout.write("results\n")
    report.close()
    out, err = capsys.readouterr()
    assert out == "results\n"
    assert "writing" in err
    assert "results" not in err


def test_ctrl_c(tmp_path: Path) -> None:
    spec = write_alike(tmp_path)
    done = command("link", spec, "--out", tmp_path / "out", INTERRUPT="1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "tallystick: interrupted; the same command goes on from the last complete stage."
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    again = call("link", spec, "--out", tmp_path / "out")
    assert again.exit_code == 0, again.output
    assert call("link", spec, "--out", tmp_path / "whole").exit_code == 0
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


def test_a_module_beside_the_specification_replaces_no_library(
    slow_link: subprocess.CompletedProcess[str],
) -> None:
    assert slow_link.returncode == 0, slow_link.stderr


def test_the_pattern_of_the_chapter(tmp_path: Path) -> None:
    spec = tmp_path / "chapter.toml"
    spec.write_text(CHAPTER)
    result = call("score", spec, "--pattern", "1-1-0-1-0-0")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "pattern 1-1-0-1-0-0: weight 2.6007 (natural log), 1.1295 (base 10), 3.7521 (base 2)\n"
    )
    agreeing = call("score", spec, "--pattern", "1-.-.-.-.-.")
    assert "weight 2.8904 (natural log)" in agreeing.stdout  # log(0.9 / 0.05); missing says nothing


def test_score_new_files(tmp_path: Path, run: Path) -> None:
    same = call(
        "score",
        run / "out" / "model.json",
        run / "a.csv",
        run / "b.csv",
        "--id",
        "id",
        "-o",
        tmp_path / "same",
    )
    assert same.exit_code == 0, same.output
    assert hashes(tmp_path / "same") == hashes(run / "out")
    for name, rows in zip("ab", people(n=150, seed=8), strict=True):
        write_csv(tmp_path / f"{name}.csv", rows)
    new = call(
        "score", run / "out", tmp_path / "a.csv", tmp_path / "b.csv", "--id", "id", "--out", tmp_path / "new"
    )
    assert new.exit_code == 0, new.output
    known, now = (
        json.loads((folder / "model.json").read_text("utf-8")) for folder in (run / "out", tmp_path / "new")
    )
    assert now["comparisons"] == known["comparisons"]
    assert [pair["n_left"] for pair in now["match_rates"]] == [100]
    links = pl.read_parquet(tmp_path / "new" / "links.parquet").filter(pl.col("decision") == "link")
    assert links.height > 20
    result = call("export", tmp_path / "new", "-o", tmp_path / "linked.csv")
    assert result.exit_code == 0, result.output


def test_score_with_given_parameters(tmp_path: Path) -> None:
    write_small(tmp_path)
    spec = tmp_path / "given.toml"
    spec.write_text(
        "".join(
            f'[[comparisons]]\nfield = "{name}"\ncomparator = {{ type = "exact" }}\nm = 0.9\nu = {u}\n'
            for name, u in (("given", 0.1), ("surname", 0.1), ("born", 0.001))
        )
        + '[[passes]]\ntype = "all_pairs"\n'
    )
    arguments = ("score", spec, tmp_path / "a.csv", tmp_path / "b.csv", "--id", "id")
    result = call(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    links = pl.read_parquet(tmp_path / "out" / "links.parquet").filter(pl.col("decision") == "link")
    first, second = ({row[0]: row[5] for row in rows} for rows in people())
    right = [first[row["id_left"]] == second[row["id_right"]] for row in links.iter_rows(named=True)]
    assert sum(right) >= 12
    spec.write_text(spec.read_text().replace('[[passes]]\ntype = "all_pairs"\n', ""))
    none = call(*arguments, "--out", tmp_path / "none")
    assert none.exit_code == 2
    assert "add [[passes]]" in none.stderr


def pairs_of(values: list[str]) -> set[tuple[int, int]]:
    return {
        (i, j)
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if values[i] == values[j] and values[i]
    }


def test_evaluate_a_link(run: Path) -> None:
    links = pl.read_parquet(run / "out" / "links.parquet").filter(pl.col("decision") == "link")
    first, second = ({row[0]: row[5] for row in rows} for rows in people())
    right = sum(first[row["id_left"]] == second[row["id_right"]] for row in links.iter_rows(named=True))
    true = len(set(first.values()) & set(second.values()))
    precision, recall = right / links.height, right / true
    result = call("evaluate", run / "out", "--truth", "person")
    assert result.exit_code == 0
    assert result.stdout.startswith(
        f"precision {precision:.4f}  recall {recall:.4f}  F1 {2 * right / (links.height + true):.4f}  "
        f"({links.height} links, {true} true)\n"
    )
    assert true == 20
    assert right > 10


def test_evaluate_a_deduplication(tmp_path: Path) -> None:
    first, second = people()
    rows = first + second
    write_small(tmp_path)
    write_csv(tmp_path / "a.csv", rows)
    one_source = SPEC[: SPEC.index('[[sources]]\nname = "b"')] + SPEC[SPEC.index("[[comparisons]]") :]
    spec = tmp_path / "dedupe.toml"
    spec.write_text(one_source.replace("one_to_one = true", ""), "utf-8")
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    result = call("evaluate", tmp_path / "out", "--truth", "person")
    assert result.exit_code == 0
    entity = dict(
        pl.read_parquet(tmp_path / "out" / "entities.parquet").select("id", "entity_id").iter_rows()
    )
    found = pairs_of([str(entity[row[0]]) for row in rows])
    true = pairs_of([row[5] for row in rows])
    right = len(found & true)
    assert right > 5
    entities, links = result.stdout.splitlines()[:2]
    assert entities == (
        f"entities: precision {right / len(found):.4f}  recall {right / len(true):.4f}  "
        f"F1 {2 * right / (len(found) + len(true)):.4f}  ({len(found)} pairs, {len(true)} true)"
    )
    assert re.fullmatch(r"links: precision .* \(\d+ links, 20 true\)", links)


def test_truth_may_have_a_name_of_its_own_in_each_file(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    b = tmp_path / "b.csv"
    b.write_text(b.read_text().replace("person", "who", 1))
    changed = SPEC.replace(
        'path = "b.csv"\nid = "id"\ntruth = ["person"]', 'path = "b.csv"\nid = "id"\ntruth = ["who"]'
    )
    spec.write_text(
        changed.replace('truth = ["who"]', 'truth = ["who"]\ncolumns = { person = "who" }'), "utf-8"
    )
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    result = call("evaluate", tmp_path / "out", "--truth", "person")
    assert "20 true" in result.stdout, result.output


def test_init_writes_paths_as_seen_from_the_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "specs").mkdir()
    write_small(tmp_path / "data", n=300)
    monkeypatch.chdir(tmp_path)
    result = call("init", "data/a.csv", "data/b.csv", "--out", "specs/new.toml")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("specs/new.toml: read it")
    assert [str(one.path) for one in load_spec("specs/new.toml").sources] == [
        "../data/a.csv",
        "../data/b.csv",
    ]
    for folder in (tmp_path, tmp_path / "specs"):
        monkeypatch.chdir(folder)
        spec = os.path.relpath(tmp_path / "specs" / "new.toml")
        done = call("link", spec, "--out", folder / "out")
        assert done.exit_code == 0, done.output
        assert call("evaluate", folder / "out", "--truth", "person").exit_code == 0
    assert hashes(tmp_path / "out") == hashes(tmp_path / "specs" / "out")
    monkeypatch.chdir(tmp_path / "data")
    assert call("init", "a.csv").exit_code == 0
    assert [str(one.path) for one in load_spec("linkage.toml").sources] == ["a.csv"]
    assert call("init", tmp_path / "data" / "a.csv", "--force").exit_code == 0
    assert [one.path for one in load_spec("linkage.toml").sources] == [tmp_path / "data" / "a.csv"]


def test_init_tells_files_of_one_name_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_small(tmp_path / name)
    spec = tmp_path / "x.toml"
    assert call("init", tmp_path / "one" / "a.csv", tmp_path / "two" / "a.csv", "-o", spec).exit_code == 0
    assert [one.name for one in load_spec(spec).sources] == ["a", "a_2"]


def test_schema() -> None:
    result = call("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json_schema()


def test_output_that_nobody_reads_on_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m tallystick schema | head -n 1",
        shell=True,
        env=process_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_a_refusal_of_the_system_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write_small(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("tallystick.linkage.run.run", refuse)
    result = call("link", spec, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr == (
        "tallystick: somewhere: the system says Permission denied: check the place and its permissions.\n"
    )


def test_memory_that_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tallystick.linkage.run.run", refuse)
    result = call("link", write_small(tmp_path), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "the memory of this machine is not enough: use more selective passes" in result.stderr


def test_a_run_is_called_one_way_in_all_commands() -> None:
    def commands(group: Any) -> Iterator[Any]:
        for one in getattr(group, "commands", {}).values():
            yield from commands(one)
        yield group

    asked = [
        one
        for command_ in commands(typer.main.get_command(app))
        for one in command_.params
        if one.param_type_name == "argument" and one.name == "run"
    ]
    assert len(asked) >= 15
    assert {one.metavar for one in asked} == {"RUN_DIR"}
