"""A purged run holds no value of a record any more, in no byte of no file, and keeps its figures."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from kinds_of_runs import STEPS, made, made_by_households
from postgres import PASSWORD, Server
from small_files import SPEC, call, hash_of, outcome, tree

from tallystick.linkage.reviews.purge import FILES
from tallystick.linkage.reviews.store import open_store
from tallystick.linkage.reviews.tasks import review_tasks
from tallystick.linkage.saved_run import open_run

FREQUENT = SPEC.replace(
    'field = "surname"\n', 'field = "surname"\nfrequencies = true\n'
) + '\n[entities.golden]\nrule = "most_frequent"\n'  # fmt: skip
DOCS = Path(__file__).resolve().parent.parent / "docs" / "guide" / "finalise.md"
SECRET = "she told me on the telephone"


def reviewed(run: Path) -> Path:
    """The run with some decisions, that hold what was seen and a comment."""
    tasks = review_tasks(open_run(run))
    names = open_run(run).prepared.records
    with open_store(run) as store:
        store.fill("possible", tasks)
        for number in range(min(5, len(tasks))):
            row = store.next("possible", "ann")
            assert row is not None
            seen = {"left": {name: column.values[0][1 + number] for name, column in names.columns.items()}}
            store.decide(row.number, "ann", "unsure" if number else "link", comment=SECRET, seen=seen)
    return run


def values(folder: Path, files: tuple[str, ...], fields: tuple[str, ...]) -> set[str]:
    """Values of records that nothing but a record can hold: those of some length."""
    found: set[str] = {SECRET}
    for name in files:
        table = pl.read_parquet(folder / name) if name.endswith("parquet") else pl.read_csv(
            folder / name, infer_schema=False
        )  # fmt: skip
        for field in fields:
            found |= {one.lower() for one in table[field].drop_nulls().to_list() if len(one) >= 5}
    return found


def words_in(path: Path, wanted: set[str]) -> set[str]:
    """Which values stand in the bytes of a file, or in the columns or the schema of a compressed one."""
    text = path.read_bytes().decode("latin-1").lower()
    if path.suffix == ".parquet":
        table = pl.read_parquet(path)
        text += table.write_ndjson().lower()
        for column in table.select(pl.col(pl.Categorical, pl.Enum)):  # with what no row holds any more
            text += " ".join(column.cat.get_categories()).lower()
        for schema in pl.read_parquet_metadata(path).values():
            text += base64.b64decode(schema.encode() + b"==").decode("latin-1").lower()
    words = set(re.findall(r"[\w-]+", text))
    return {one for one in wanted if one in (words if re.fullmatch(r"[\w-]+", one) else text)}


def labels(run: Path) -> set[str]:
    """Names of groups of at least ten records of which rates are told: figures, which stay."""
    missed = json.loads((run / "quality.json").read_text("utf-8")).get("missed") or {}
    found = {
        group["group"]
        for source in missed.get("sources", ())
        for subgroup in source["subgroups"]
        for group in subgroup["groups"]
        if group["records"] >= 10
    }
    return {str(one) for one in found}


def check(run: Path, wanted: set[str]) -> None:
    if (run / "quality.json").exists():
        wanted = wanted - labels(run)
    held = {one.name for one in run.iterdir() if words_in(one, wanted)}
    assert held, "the run has held values before"
    assert {one.name for one in run.iterdir()} - {"review.sqlite-wal", "review.sqlite-shm"} <= set(FILES)
    before = {one.name: hash_of(one) for one in run.iterdir()}
    status, text = outcome("purge", run, "--yes")
    assert status == 0, text
    for name in held - {"report.html", "review.sqlite-wal"}:
        assert f"  {name}: " in text
    for one in run.iterdir():
        assert not words_in(one, wanted), one
    for name, (what, _) in FILES.items():
        if what == "kept" and (run / name).exists():
            assert hash_of(run / name) == before[name], name
    noted = json.loads((run / "run.json").read_text("utf-8"))["purged"]
    assert set(noted["removed"]) >= held - {"report.html", "review.sqlite-wal"}
    after = tree(run)
    assert outcome("purge", run, "--yes")[1].strip().endswith("there is nothing to remove.")
    assert tree(run) == after


def test_a_run_that_was_reviewed(tmp_path: Path) -> None:
    run = reviewed(made(tmp_path))
    figures = json.loads((run / "quality.json").read_text("utf-8"))
    check(run, values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born")))
    review = pl.read_parquet(run / "review.parquet")
    assert {"id_left", "weight", "level_given", "weight_given"} <= set(review.columns)
    assert not any(name.startswith(("left_", "right_")) for name in review.columns)
    now = json.loads((run / "quality.json").read_text("utf-8"))
    assert now["estimated"] == figures["estimated"]
    assert [one["weight"] for one in now["examples"]] == [one["weight"] for one in figures["examples"]]
    with open_store(run) as store:
        decisions = store.decisions()
        assert len(decisions) == 5
        assert all(not one.seen and not one.comment and one.reviewer == "ann" for one in decisions)
    # The sources are still there, so that what needs them works.
    assert call("why", run, "a50", "b5").exit_code in (0, 2)
    assert call("export", run, "--out", tmp_path / "linked.csv").exit_code == 0
    assert call("finalise", run, "--out", tmp_path / "final", "-q").exit_code == 0


def test_a_store_on_a_server(tmp_path: Path, postgres: Server) -> None:
    run = made(tmp_path)
    url = postgres.new_database()
    task = review_tasks(open_run(run))[0]
    with open_store(run, url) as store:
        store.fill("possible", [task])
        row = store.next("possible", "ann")
        assert row is not None
        store.decide(row.number, "ann", "unsure", comment=SECRET, seen={"left": {"given": "anna"}})
    status, text = outcome("purge", run, "--store", url, "--yes")
    assert status == 0, text
    assert "(1 decisions)" in text
    assert PASSWORD not in text
    assert PASSWORD not in (run / "run.json").read_text("utf-8")
    with open_store(run, url, create=False) as store:
        (decision,) = store.decisions()
    assert (decision.comment, dict(decision.seen), decision.reviewer) == ("", {}, "ann")
    assert "nothing to remove" in outcome("purge", run, "--store", url, "--yes")[1]
    assert "Not emptied" not in outcome("purge", run, "--yes")[1]


def test_a_store_elsewhere_is_told(tmp_path: Path, postgres: Server) -> None:
    """Not told of it, a purge does not say that all is gone; nor does it miss the one in the directory."""
    run = reviewed(made(tmp_path))
    file, url = tmp_path / "elsewhere.sqlite", postgres.new_database()
    for place in (str(file), url):
        with open_store(run, place) as store:
            store.fill("possible", review_tasks(open_run(run))[:1])
            row = store.next("possible", "ann")
            assert row is not None
            store.decide(row.number, "ann", "unsure", comment=SECRET, seen={"left": {"given": "anna"}})
    where = url.replace(f"tally:{PASSWORD}@", "")
    untold = f"Not emptied, although decisions of the run are kept there: {where}."
    status, text = outcome("purge", run, "--store", file, "--yes")
    assert status == 0, text
    assert "review.sqlite: what reviewers saw" in text
    assert f"{file}: what reviewers saw" in text
    assert untold in text
    assert f"purged of values of records, but not the decisions in {where}" in text
    assert PASSWORD not in text
    for one in (file, run / "review.sqlite"):
        assert not words_in(one, {SECRET}), one
    assert where in (run / "stores.json").read_text("utf-8")
    assert "tally" not in (run / "stores.json").read_text("utf-8")
    assert untold in outcome("purge", run, "--yes")[1]
    status, text = outcome("purge", run, "--store", url, "--yes")
    assert status == 0, text
    assert "Not emptied" not in text
    assert "Not emptied" not in outcome("purge", run, "--yes")[1]


def test_a_file_that_is_read_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever still reads what was emptied keeps it in the log: then it is not said to be gone."""
    monkeypatch.setattr("tallystick.linkage.reviews.purge_stores.WAIT", 0.1)
    run = reviewed(made(tmp_path))
    reader = sqlite3.connect(run / "review.sqlite", isolation_level=None)
    reader.execute("begin")
    reader.execute("select comment from decisions").fetchall()
    status, text = outcome("purge", run, "--yes")
    assert status == 1
    assert "close the review and purge again" in text
    reader.close()
    status, text = outcome("purge", run, "--yes")
    assert status == 0, text
    assert "(0 decisions)" in text
    for one in run.glob("review.sqlite*"):
        assert not words_in(one, {SECRET}), one
    assert "nothing to remove" in outcome("purge", run, "--yes")[1]
    # Who goes on reviewing has it purged again.
    with open_store(run) as store:
        row = store.next("possible", "ann")
        if row is not None:
            store.decide(row.number, "ann", "unsure", comment=SECRET, seen={})
    assert "(1 decisions)" in outcome("purge", run, "--yes")[1]
    for one in run.glob("review.sqlite*"):
        assert not words_in(one, {SECRET}), one


def test_a_finalised_run_with_all_that_came_after(tmp_path: Path) -> None:
    first = reviewed(made(tmp_path, SPEC + '\n[entities.golden]\nrule = "most_frequent"\n'))
    run = tmp_path / "final"
    for words in (
        ("finalise", first, "--out", run, "-q"),
        ("audit", "draw", run, "--reviews", 20, "-q"),
        ("evaluate", run, "--truth", "person", "--save"),
    ):
        status, text = outcome(*words)
        assert status == 0, text
    with open_store(run) as store:
        while (row := store.next("audit", "ann")) is not None:
            store.decide(row.number, "ann", "non-link", comment=SECRET, seen={"left": {"given": "anna"}})
    for words in (("audit", "estimate", run), ("report", run)):
        status, text = outcome(*words)
        assert status == 0, text
    assert {"audit.json", "truth.json", "errors.parquet", "golden.parquet", "changes.parquet"} <= {
        one.name for one in run.iterdir()
    }
    sources = {name: hash_of(tmp_path / name) for name in ("a.csv", "b.csv")}
    before = tree(first)
    check(run, values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born")))
    assert tree(first) == before
    assert sources == {name: hash_of(tmp_path / name) for name in sources}


def test_values_with_their_frequencies_and_golden_records(tmp_path: Path) -> None:
    run = made(tmp_path, FREQUENT)
    wanted = values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born"))
    assert words_in(run / "model.json", wanted)
    golden = pl.read_parquet(run / "golden.parquet")
    check(run, wanted)
    now = pl.read_parquet(run / "golden.parquet")
    assert now["given_id"].equals(golden["given_id"])
    assert "given" not in now.columns
    status, text = outcome("why", run, "a50", "b5")
    assert status == 2
    assert "removed by tallystick purge" in text
    assert outcome("export", run, "--out", tmp_path / "linked.csv")[0] == 0


def test_steps(tmp_path: Path) -> None:
    run = reviewed(made(tmp_path, STEPS))
    check(run, values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born")))


def test_households(tmp_path: Path) -> None:
    run = made_by_households(tmp_path)
    before = pl.read_parquet(run / "households.parquet")
    check(run, values(tmp_path, ("early.parquet", "late.parquet"), ("forename", "surname", "street", "born")))
    now = pl.read_parquet(run / "households.parquet")
    assert now.drop("household_left", "household_right").equals(
        before.drop("household_left", "household_right")
    )
    for name in ("household_left", "household_right"):
        assert now[name].n_unique() == before[name].n_unique()


def test_match_keys(tmp_path: Path) -> None:
    spec = (
        SPEC[: SPEC.index("[[comparisons]]")]
        + """
[match]
sample = 10

[[match.keys]]
parts = ["given", "surname", "born"]

[[match.keys]]
parts = ["surname", "born"]
"""
    )
    from small_files import write_small

    path = write_small(tmp_path, spec, 300)
    result = call("match", path, "--out", tmp_path / "out", "-q")
    assert result.exit_code == 0, result.output
    check(tmp_path / "out", values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born")))
    assert "match" in pl.read_csv(tmp_path / "out" / "sample.csv").columns


def test_a_preparation(tmp_path: Path) -> None:
    prepare = """
[[prepare.fields]]
field = "surname"
steps = ["text", { type = "correct_spelling", least = 5, ratio = 3 }]

[[prepare.fields]]
field = "born"
steps = ["date"]

[[prepare.edits]]
name = "young"
fails_if = "born > DATE '1990-01-01'"

[[prepare.duplicates]]
fields = ["given", "surname", "born"]
"""
    check(made(tmp_path, SPEC + prepare), values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born")))


def test_it_asks_and_tells_of_other_files(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from tallystick.cli import app

    run = made(tmp_path)
    (run / "linked.csv").write_text("surname\nsmithe\n", "utf-8")
    before = tree(run)
    result = CliRunner().invoke(app, ["purge", str(run)], input="n\n")
    assert result.exit_code == 0
    assert "Nothing was removed." in result.output
    assert "linked.csv" in result.output
    assert tree(run) == before
    result = CliRunner().invoke(app, ["purge", str(run)], input="y\n")
    assert result.exit_code == 0
    assert (run / "linked.csv").exists()


def test_an_interrupted_purge_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.linkage.reviews import purge as module

    run = reviewed(made(tmp_path))
    whole = shutil.copytree(run, tmp_path / "whole")
    plan = module.plan_purge(run)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(module._CLEANERS, "quality.json", stop)
        with pytest.raises(KeyboardInterrupt):
            module.purge(plan)
    module.purge(module.plan_purge(run))
    module.purge(module.plan_purge(whole))
    for name in FILES:
        if (run / name).exists() and name not in ("run.json", "report.html", "report.json", "review.sqlite"):
            assert hash_of(run / name) == hash_of(whole / name), name
    # Whoever completes it makes the report again, too.
    wanted = values(tmp_path, ("a.csv", "b.csv"), ("given", "surname", "born"))
    assert not words_in(run / "report.html", wanted - labels(run))


def test_no_such_run(tmp_path: Path) -> None:
    assert outcome("purge", tmp_path, "--yes")[0] == 2


def test_the_docs_list_every_file() -> None:
    from tallystick.linkage.folder import MATCH_OUTPUTS, OUTPUTS, SOMETIMES

    text = DOCS.read_text("utf-8")
    for name in {*FILES, *OUTPUTS, *MATCH_OUTPUTS, *SOMETIMES}:
        assert name in FILES
        assert f"| `{name}` |" in text, name
