"""Decisions written to files and read from them, all of them or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from review_stores import MODEL, RUN, Stores, pair, record, stores
from sqlalchemy import text

from tallystick.errors import InputError
from tallystick.review.cases import RecordKey
from tallystick.review.store import Store

__all__ = ["stores"]


def _worked(store: Store) -> None:
    """A worklist with everything that can happen."""
    store.fill("possible", [pair(k) for k in range(6)], reviews=2, share=0.5)
    store.fill("audit", [record(k) for k in range(3)])
    verdicts = iter(["link", "non-link", "unsure"] * 10)
    for name in ("ann", "bea"):
        while row := store.next("possible", name):
            store.decide(row.number, name, next(verdicts), comment='it\'s, "so"\n2', seen={"w": 1})  # type: ignore[arg-type]
    row = store.next("audit", "ann")
    assert row is not None
    store.decide(row.number, "ann", "link", chosen=RecordKey("b", "7"), seen={})
    store.undo("bea")
    for row in store.disagreements("possible"):
        store.adjudicate(row.number, "cem", "link", seen={})
        store.adjudicate(row.number, "cem", "unsure", seen={})
        store.claim(row.number, "dan", settle=True)
        store.adjudicate(row.number, "dan", "link", comment="the register says so", seen={})


def _content(store: Store) -> list[tuple[Any, ...]]:
    return [
        (one.worklist, one.task, one.reviewer, one.at, one.verdict, one.chosen, one.comment, one.seen)
        for one in store.decisions()
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_there_and_back(stores: Stores, tmp_path: Path, suffix: str) -> None:
    store = stores()
    _worked(store)
    file = tmp_path / f"decisions.{suffix}"
    assert store.export(file, seen=True) == len(store.decisions())
    with Store.open(tmp_path / "other.sqlite", run=RUN, model=MODEL) as other:
        for name, tasks, options in (
            ("possible", [pair(k) for k in range(6)], {"reviews": 2, "share": 0.5}),
            ("audit", [record(k) for k in range(3)], {}),
        ):
            other.fill(name, tasks, **options)  # type: ignore[arg-type]
        done = other.import_file(file, "dan")
        assert (done.added, done.there, done.unanswered) == (len(store.decisions()), 0, 0)
        assert _content(other) == _content(store)
        strip = [(one.task, one.state, one.verdict, one.chosen, one.how) for one in store.standing()]
        assert [(one.task, one.state, one.verdict, one.chosen, one.how) for one in other.standing()] == strip
        assert {one.imported_by for one in other.decisions()} == {"dan"}
        assert {one.kind for one in other.decisions()} == {"import", "adjudication", "undo"}
        # Again, and into the store that they are from: they are there.
        assert other.import_file(file, "dan").added == 0
        other.export(file)
    before = store.decisions()
    assert store.import_file(file, "dan").there == len(before)
    assert store.decisions() == before


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_no_spreadsheet_calculates_what_people_wrote(tmp_path: Path, suffix: str) -> None:
    written = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "'=1", "''+1", "'tis she", "a=b"]
    tasks = [pair(k) for k in range(len(written))]
    file = tmp_path / f"decisions.{suffix}"
    with Store.open(tmp_path / "one.sqlite", run=RUN, model=MODEL) as store:
        store.fill("possible", tasks)
        for words in written:
            row = store.next("possible", "=ann", order="plan")
            assert row is not None
            store.decide(row.number, "=ann", "link", comment=words, seen={})
        store.export(file)
        if suffix == "csv":
            table = pl.read_csv(file, infer_schema=False)
            for one in (*table["comment"], *table["reviewer"]):
                assert one[0] not in "=+-@\t\r＝"
        assert store.import_file(file, "dan").there == len(written)
    with Store.open(tmp_path / "other.sqlite", run=RUN, model=MODEL) as other:
        other.fill("possible", tasks)
        assert other.import_file(file, "-dan").added == len(written)
        assert [one.comment for one in other.decisions()] == written
        assert {one.reviewer for one in other.decisions()} == {"=ann"}


def _file(path: Path, *rows: dict[str, Any]) -> Path:
    given = {"left_source": "a", "right_source": "b", "verdict": "link", "run": RUN, "model": MODEL}
    full = [
        {**given, "left_id": str(k), "right_id": str(k), "reviewer": "ann", **row}
        for k, row in enumerate(rows)
    ]
    pl.DataFrame(full).write_csv(path)
    return path


def test_a_file_that_people_filled_in(stores: Stores, tmp_path: Path) -> None:
    store = stores()
    store.fill("possible", [pair(k) for k in range(4)])
    file = tmp_path / "open.csv"
    assert store.export(file, still_open=True) == 4
    frame = pl.read_csv(file, infer_schema=False)
    assert frame["verdict"].null_count() == 4
    answers = {"0": "Link", "1": "non-link", "2": " unsure", "3": None}
    frame = frame.with_columns(
        verdict=pl.col("left_id").replace_strict(answers, return_dtype=pl.String),
        reviewer=pl.when(pl.col("left_id") == "0").then(pl.lit("Öz")),
        at=pl.when(pl.col("left_id") == "0").then(pl.lit("2026-05-04 09:30")),
    )
    frame.write_csv(file)
    done = store.import_file(file, "dan")
    assert (done.added, done.unanswered) == (3, 1)
    made = {one.task.left.id: one for one in store.decisions()}
    assert (made["0"].reviewer, made["0"].at.isoformat()) == ("Öz", "2026-05-04T09:30:00+00:00")
    assert (made["1"].reviewer, made["2"].verdict) == ("dan", "unsure")
    with store._database.reading() as connection:
        (by,) = set(connection.execute(text("select imported_by from decisions")).scalars())
    assert by == "dan"
    assert store.import_file(file, "dan").there == 3


def test_a_pair_may_be_named_the_other_way_round(stores: Stores, tmp_path: Path) -> None:
    store = stores()
    store.fill("possible", [pair(0)])
    swapped = {"left_source": "b", "right_source": "a"}
    assert store.import_file(_file(tmp_path / "d.csv", swapped), "dan").added == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{}, {"right_id": "99"}], r"row 2: the pair of a:1 and b:99 is in no worklist of this store"),
        ([{"worklist": "audit"}], r"row 1: the pair of a:0 and b:0 is in no worklist 'audit'"),
        (
            [{}, {"left_id": "0", "right_id": "0", "verdict": "non-link"}],
            r"row 2 .* contradicts row 1 \(link by ann",
        ),
        (
            [{}, {"left_id": "0", "right_id": "0", "verdict": "non-link", "reviewer": "bea"}],
            r"row 2 \(non-link by bea about a:0\) contradicts row 1",
        ),
        (
            [{}, {}, {}, {"verdict": "non-link"}],
            r"row 4 .* contradicts decision 1, which stands \(link by eve\)",
        ),
        ([{}, {"run": "e" * 64}], r"row 2 has another run \(eeeeeeeeeeee, not ffffffffffff\)"),
        ([{}, {"model": ""}], r"row 2 has no model"),
        ([{}, {"verdict": "yes!"}], r"row 2 has the verdict 'yes!'"),
        ([{}, {"left_id": "", "left_source": ""}], r"row 2 names no record"),
        ([{}, {"left_source": ""}], r"row 2 has only one of left_source and left_id"),
        ([{"at": "May"}, {"at": ""}], r"row 1 has 'May' in the column at"),
        ([{"at": "9999-01-01"}], r"row 1 is of 9999-01-01, which is yet to come"),
        ([{"kind": "guess"}], r"row 1 has the kind 'guess'"),
        ([{"kind": "adjudication"}], r"row 1 settles the task about a:0, which is no disagreement but open"),
        (
            [{"kind": "undo", "verdict": "", "undoes": "4", "number": "5"}],
            r"row 1 undoes decision 4, which no row",
        ),
        ([{"kind": "undo", "undoes": "4"}], r"row 1 is an undo with a verdict"),
        ([{"undoes": "4"}], r"row 1 is an undo without a number in the column undoes, or the other way"),
        ([{"number": "x"}], r"row 1 has 'x' in the column number"),
        ([{"seen": "[]"}], r"row 1 has no JSON object"),
        ([{}, {"chosen_source": "b", "chosen_id": "4"}], r"row 2: task \d+: only a link of a record"),
        ([{}, {"reviewer": "x\x00"}], r"row 2: the name of the reviewer has characters"),
    ],
)
def test_nothing_is_imported_where_a_row_is_wrong(
    stores: Stores, tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    store = stores()
    store.fill("possible", [pair(k) for k in range(4)])
    row = store.next("possible", "eve", order="weight")
    assert row is not None
    store.decide(row.number, "eve", "link", seen={})
    names = {name for one in rows for name in one}
    rows = [{**dict.fromkeys(names - {"left_id", "right_id", "left_source", "right_source", "run", "model",
                                      "verdict", "reviewer"}), **one} for one in rows]  # fmt: skip
    before = store.decisions(), store.standing()
    with pytest.raises(InputError, match=message) as error:
        store.import_file(_file(tmp_path / "d.csv", *rows), "dan")
    assert str(error.value).endswith("Nothing was imported.")
    assert (store.decisions(), store.standing()) == before


def test_a_pair_of_two_worklists_has_to_say_which(stores: Stores, tmp_path: Path) -> None:
    store = stores()
    store.fill("possible", [pair(0)])
    store.fill("again", [pair(0)])
    with pytest.raises(InputError, match="is in 'possible' and 'again': say which"):
        store.import_file(_file(tmp_path / "d.csv", {}), "dan")
    assert store.import_file(_file(tmp_path / "d.csv", {"worklist": "again"}), "dan").added == 1


def test_other_files(stores: Stores, tmp_path: Path) -> None:
    store = stores()
    store.fill("possible", [pair(0)])
    with pytest.raises(InputError, match="no such file"):
        store.import_file(tmp_path / "gone.csv", "dan")
    (tmp_path / "no.csv").write_text("left_source,left_id\na,0\n")
    with pytest.raises(InputError, match="no column 'right_source'"):
        store.import_file(tmp_path / "no.csv", "dan")
    store.add_reviewer("ann", "reviewer")
    with pytest.raises(InputError, match="ann is no administrator"):
        store.import_file(_file(tmp_path / "d.csv", {}), "ann")
    with pytest.raises(InputError, match=r"as .parquet or .csv"):
        store.export(tmp_path / "d.txt")


def test_whoever_is_on_a_task_that_a_file_decides_is_told(stores: Stores, tmp_path: Path) -> None:
    store = stores()
    store.fill("possible", [replace(pair(0), weight=1.0)])
    row = store.next("possible", "eve")
    assert row is not None
    store.import_file(_file(tmp_path / "d.csv", {}), "dan")
    with pytest.raises(InputError, match="has been judged meanwhile"):
        store.decide(row.number, "eve", "link", seen={})
