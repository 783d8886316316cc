"""Samples and possible links judged in a table instead of the application."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from reviewed import truth_of
from small_files import SPEC, outcome, people, write_csv, write_small

import tallystick as ts
from tallystick.linkage.reviews.casebook import open_casebook
from tallystick.linkage.reviews.store import open_store
from tallystick.review.by_table import import_sheet
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import AUDIT, POSSIBLE

Truth = dict[RecordKey, str]


def ok(*arguments: object) -> str:
    status, output = outcome(*arguments)
    assert status == 0, output
    return output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files, one of whose names a spreadsheet would calculate, and their run."""
    folder = tmp_path_factory.mktemp("by_table")
    spec = write_small(folder, SPEC, 300)
    second = people(300)[1]
    second[0][1] = second[1][1] = "=1+1"
    write_csv(folder / "b.csv", second)
    ts.Linkage.from_toml(spec).run(folder / "run")
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TALLYSTICK_STORE", raising=False)
    return shutil.copytree(made / "run", tmp_path / "run")


@pytest.fixture(scope="module")
def sample(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with a sample, and beside it the sample as a table."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(made / "run", folder / "run")
    ok("audit", "draw", folder / "run", "--reviews", "60")
    assert "60 tasks to be judged" in ok("audit", "export", folder / "run", "--out", folder / "sample.csv")
    return folder


@pytest.fixture
def drawn(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TALLYSTICK_STORE", raising=False)
    return shutil.copytree(sample, tmp_path / "sample") / "run"


def answered(table: pl.DataFrame, answer: Callable[[RecordKey, list[RecordKey]], str]) -> pl.DataFrame:
    """The table with an answer beside each record, given the record and its candidates."""
    keys: dict[str, list[RecordKey]] = {}
    for row in table.to_dicts():
        keys.setdefault(row["task"], []).append(RecordKey(row["source"], row["id"]))
    answers = [
        answer(keys[row["task"]][0], keys[row["task"]][1:]) if row["row"] == "record" else None
        for row in table.to_dicts()
    ]
    return table.with_columns(pl.Series("answer", answers, pl.String))


def by(truth: Truth) -> Callable[[RecordKey, list[RecordKey]], str]:
    def answer(record: RecordKey, candidates: list[RecordKey]) -> str:
        same = [one for one, who in truth.items() if who == truth[record] and one.source != record.source]
        for n, one in enumerate(candidates, 1):
            if one in same:
                return str(n)
        return f"{same[0].source}:{same[0].id}" if same else "0"

    return answer


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def test_a_sample_judged_in_a_table_is_as_one_judged_in_the_application(made: Path, drawn: Path) -> None:
    file = drawn.parent / "sample.csv"
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    table = read(file)
    assert not {"weight", "posterior", "decision"} & set(table.columns)
    truth = truth_of(made)
    # A spreadsheet may write semicolons, sort rows, take candidates out and change ids.
    filled = answered(table, by(truth)).with_columns(id=pl.lit("1"), given=pl.lit("x"))
    filled.filter(pl.col("row") == "record").sort("answer").write_csv(file, separator=";", include_bom=True)
    assert "60 decisions added" in ok("audit", "import", drawn, file, "--reviewer", "ann")
    with open_store(drawn) as store:
        for one in store.standing(AUDIT):
            same = [
                key
                for key, who in truth.items()
                if who == truth[one.task.left] and key.source != one.task.left.source
            ]
            assert (one.verdict, one.chosen) == (("link", same[0]) if same else ("non-link", None))
        for decision in store.decisions(AUDIT):
            assert (decision.reviewer, decision.kind) == ("ann", "import")
            assert decision.seen["blind"]
            assert decision.seen["values"]["given"] != "x"
    assert "60 were there already" in ok("audit", "import", drawn, file, "--reviewer", "ann")
    assert "precision" in ok("audit", "estimate", drawn)


def test_nothing_in_it_is_calculated(run: Path) -> None:
    file = run.parent / "all.csv"
    ok("audit", "draw", run, "--reviews", "400")
    ok("audit", "export", run, "--out", file)
    given = read(file)["given"].drop_nulls().to_list()
    assert "'=1+1" in given
    assert not any(one.startswith(("=", "+", "-", "@")) for one in given)


def test_unsure_blank_and_comments(drawn: Path) -> None:
    file = drawn.parent / "sample.csv"
    table = answered(read(file), lambda *_: "")
    answers = ["?", "0"] + [None] * (len(table) - 2)
    first = table.filter(pl.col("row") == "record")
    first = first.with_columns(
        answer=pl.Series(answers[: len(first)]), comment=pl.Series(["'=why", *[None] * (len(first) - 1)])
    )
    first.write_csv(file)
    done = ok("audit", "import", drawn, file)
    assert "2 decisions added; 58 tasks have no answer" in done
    with open_store(drawn) as store:
        made = {one.verdict: one for one in store.decisions(AUDIT)}
        assert set(made) == {"unsure", "non-link"}
        assert made["unsure"].comment == "=why"
    ok("audit", "export", drawn, "--out", file, "--force")
    assert read(file)["task"].n_unique() == 58


WRONG = [
    ({"answer": "99"}, "row 1 has the answer 99, but the task has"),
    ({"answer": "yes"}, "row 1 has the answer 'yes': expected the number of a candidate, 0 for none, ?"),
    ({"answer": "OWN:nobody"}, "row 1 has the answer 'OWN:nobody', which is no other record of OTHER"),
    ({"answer": "OTHER:nobody"}, "row 1 Source 'OTHER' has no record with the id 'nobody'"),
    ({"task": "99999", "answer": "0"}, "row 1 is of task '99999', which the store does not have"),
    ({"run": "another", "answer": "0"}, "row 1 is of another run"),
    ({"row": "2", "answer": "0"}, "row 1 answers beside candidate 2 of task"),
    ({"row": "two", "answer": "0"}, "row 1 has 'two' in the column row"),
    ({"answer": "", "comment": "hm"}, "row 1 has a comment without an answer"),
]


def test_a_row_that_is_wrong(drawn: Path) -> None:
    file = drawn.parent / "sample.csv"
    table = read(file).filter(pl.col("row") == "record").with_columns(answer=pl.lit("0"))
    own = table["source"][0]
    named = {"OWN": own, "OTHER": "ab".replace(own, "")}
    cases = open_casebook(drawn)
    with open_store(drawn) as store:
        for change, told in WRONG:
            for word, source in named.items():
                change = {name: text.replace(word, source) for name, text in change.items()}
                told = told.replace(word, source)
            first = table.head(1).with_columns(pl.lit(value).alias(name) for name, value in change.items())
            pl.concat([first, table.slice(1)]).write_csv(file)
            with pytest.raises(ts.TallystickError) as error:
                import_sheet(store, cases, file, "ann", "ann", AUDIT)
            assert told in str(error.value)
            assert "Nothing was imported" in str(error.value)
            assert not store.decisions()


def test_the_queue_needs_no_server_and_masks_hold(made: Path, run: Path) -> None:
    file = run.parent / "queue.csv"
    with open_store(run) as store:
        store.add_reviewer("rita", "reviewer", password=None, masked=("zip",))
        store.add_reviewer("gone", "reviewer", password=None)
        store.deactivate("gone")
    assert (
        "gone is not active" in outcome("decisions", "export", run, file, "--values", "--reviewer", "gone")[1]
    )
    ok("decisions", "export", run, file, "--values", "--reviewer", "rita")
    table = read(file)
    assert "zip" not in table.columns
    assert set(table["row"]) == {"record", "1"}
    truth = truth_of(made)
    filled = answered(table, lambda one, others: "1" if truth[one] == truth[others[0]] else "0")
    filled.write_csv(file)
    ok("decisions", "import", run, file, "--reviewer", "rita")
    with open_store(run) as store:
        found = store.standing(POSSIBLE)
        assert len(found) == table["task"].n_unique()
        for one in found:
            assert one.task.right is not None
            assert one.verdict == ("link" if truth[one.task.left] == truth[one.task.right] else "non-link")
            assert one.chosen is None
        for decision in store.decisions(POSSIBLE):
            assert decision.seen["masked"] == ["zip"]
            assert "zip" not in decision.seen["left"]
    assert "possible links are judged already" in ok("audit", "draw", run, "--reviews", "60")


def test_open_tasks_of_a_fresh_run(run: Path) -> None:
    file = run.parent / "open.csv"
    assert "decisions export --values" in outcome("decisions", "list", run)[1]
    ok("decisions", "export", run, file, "--open")
    assert len(read(file)) > 0
    assert "leave --open and --seen out" in outcome("decisions", "export", run, file, "--open", "--values")[1]
