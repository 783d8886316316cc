"""Tasks as a table that people judge without the application: records, candidates, room for an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.read import open_source
from tallystick.preparation.source import Source
from tallystick.preparation.write import check_suffix, write_table
from tallystick.review.cases import Casebook, RecordKey
from tallystick.review.decision_file import FileRow
from tallystick.review.formulas import guarded, unguarded
from tallystick.review.standing import TaskRow
from tallystick.review.tasks import Verdict
from tallystick.review.views import (
    OtherRecord,
    PairView,
    RecordView,
    Sight,
    seen,
    show_found,
    show_task,
    texts,
)

FIRST = ("task", "row", "answer", "comment", "source", "id")
"""Columns before those of the fields."""
NEEDED = ("task", "row", "answer", "run")
"""Columns that are read back; of the others only the names, which tell what was shown."""
RECORD = "record"
"""What stands in the column ``row`` beside the record that is asked about; its candidates have numbers."""
NONE, UNSURE = "0", "?"
"""Answers besides the number of a candidate."""
_WEIGHTS = ("weight", "posterior")


def sheet(tasks: Iterable[TaskRow], casebook: Casebook, sight: Sight) -> pl.DataFrame:
    """Tasks with the values of their records, to be answered in the column ``answer``.

    A task is a row with the record, and one for each record that it may be: its candidates in the order in
    which the application shows them, or the other record of a pair.

    Parameters
    ----------
    tasks : iterable of TaskRow
        What is to be judged.
    casebook : Casebook
        Records and pairs.
    sight : Sight
        What the one who judges may see.

    Returns
    -------
    polars.DataFrame
        Texts; the columns `FIRST`, a column a field, weight and posterior unless they are kept back,
        and ``run``, by which the table is known when it is read.
    """
    names = {name: _column(name) for name in sight.shown(casebook.fields)}
    shown = [*FIRST, *names.values(), *(_WEIGHTS if sight.weights else ()), "run"]
    own = _run(casebook)
    rows: list[dict[str, str | None]] = []
    for task in tasks:
        for n, one in enumerate(_records(show_task(task.task, casebook, sight))):
            row = {names[field]: value for field, value in texts(tuple(names), one.cells).items()}
            row |= {"task": str(task.number), "row": str(n) if n else RECORD, "run": own}
            row |= {"source": one.key.source, "id": one.key.id}
            if sight.weights:
                row |= {name: _number(getattr(one, name)) for name in _WEIGHTS}
            rows.append(row)
    return pl.DataFrame(rows, schema=dict.fromkeys(shown, pl.String))


def write_sheet(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a table of tasks as CSV or Parquet; spreadsheets read it as it is and calculate nothing."""
    csv = check_suffix(path) == ".csv"
    if csv:
        frame = frame.with_columns(guarded(pl.all()))
    write_table(frame, path, private=True, mark=csv)


def is_sheet(path: str | Path) -> bool:
    """Whether a file is a table of tasks, not one of decisions."""
    columns = open_source(Source(name="answers", path=Path(path))).columns
    return "answer" in columns and "verdict" not in columns


def read_sheet(
    path: str | Path,
    tasks: Mapping[int, TaskRow],
    casebook: Casebook,
    reviewer: str,
    *,
    blind: Mapping[str, bool],
) -> tuple[list[FileRow], int]:
    """The answers of a table of tasks.

    Only the number of a task, its answer and its comment are taken from the file: a spreadsheet may have
    changed ids and values. Rows may be sorted, and candidates taken out.

    Parameters
    ----------
    path : path
        The file.
    tasks : mapping of int to TaskRow
        Tasks of the store by number.
    casebook : Casebook
        Records and pairs of the run.
    reviewer : str
        Who has judged.
    blind : mapping of str to bool
        Of each worklist, whether what the machine thinks is kept back.

    Returns
    -------
    rows : list of FileRow
        The answers, as decisions to be imported.
    unanswered : int
        Tasks of the file without an answer.

    Raises
    ------
    InputError
        Where a column is missing, or an answer cannot be one: the message names the row.
    """
    path = Path(path)
    opened = open_source(Source(name="answers", path=path))
    for name in NEEDED:
        if name not in opened.columns:
            raise InputError(
                f"{path}: there is no column {name!r}: a table of tasks has the columns {', '.join(NEEDED)}, "
                "as tallystick audit export writes them."
            )
    masked = frozenset(name for name in casebook.fields if _column(name) not in opened.columns)
    wanted = [name for name in (*NEEDED, "comment") if name in opened.columns]
    frame = opened.read(wanted, None).select(pl.col(wanted).cast(pl.String).str.strip_chars())
    if path.suffix.lower() != ".parquet":
        frame = frame.with_columns(unguarded(pl.all()))
    rows, unanswered = [], 0
    for line, values in enumerate(frame.iter_rows(named=True), 1):
        try:
            task = _task(values, tasks, casebook)
            if task is None:
                continue
            weights = all(name in opened.columns for name in _WEIGHTS)
            sight = Sight(masked, blind[task.worklist] or not weights, casebook.weighed)
            found = _answer(values, task, casebook, sight)
        except (ValueError, InputError) as error:
            raise InputError(f"{path}: row {line} {str(error).rstrip('.')}. Nothing was imported.") from None
        if found is None:
            unanswered += 1
            continue
        verdict, chosen, kept = found
        rows.append(
            FileRow(
                line=line,
                worklist=task.worklist,
                left=task.task.left,
                right=task.task.right,
                kind="import",
                verdict=verdict,
                chosen=chosen,
                comment=values.get("comment") or "",
                reviewer=reviewer,
                at=None,
                seen=kept,
                number=None,
                undoes=None,
            )
        )
    return rows, unanswered


def _task(
    values: Mapping[str, str | None], tasks: Mapping[int, TaskRow], casebook: Casebook
) -> TaskRow | None:
    """The task of a row; None where the row is that of a candidate."""
    number, row = (_whole(values[name]) for name in ("task", "row"))
    if values["run"] != _run(casebook):
        raise ValueError("is of another run: take the table of this one")
    if number is None or not number.isdecimal() or int(number) not in tasks:
        raise ValueError(f"is of task {number!r}, which the store does not have")
    if row == RECORD:
        return tasks[int(number)]
    if row is None or not row.isdecimal():
        raise ValueError(f"has {row!r} in the column row: expected {RECORD!r} or the number of a candidate")
    if values["answer"]:
        raise ValueError(
            f"answers beside candidate {row} of task {number}: write the number beside the record"
        )
    if values.get("comment"):
        raise ValueError(f"has a comment beside candidate {row} of task {number}: write it beside the record")
    return None


def _answer(
    values: Mapping[str, str | None], row: TaskRow, casebook: Casebook, sight: Sight
) -> tuple[Verdict, RecordKey | None, dict[str, Any]] | None:
    """Verdict, chosen record and what was seen; None where there is no answer."""
    answer, task = _whole(values["answer"]), row.task
    if not answer:
        if values.get("comment"):
            raise ValueError("has a comment without an answer: answer ? where you are unsure")
        return None
    view = show_task(task, casebook, sight)
    if answer in (NONE, UNSURE):
        return "non-link" if answer == NONE else "unsure", None, _seen(view, None)
    candidates = _records(view)[1:]
    if answer.isdecimal():
        if int(answer) > len(candidates):
            raise ValueError(f"has the answer {answer}, but the task has {_many(len(candidates))}")
        other = None if task.right else candidates[int(answer) - 1]
        return "link", None if other is None else other.key, _seen(view, other)
    source, colon, id_ = answer.partition(":")
    if not colon or task.right is not None:
        raise ValueError(
            f"has the answer {answer!r}: expected the number of a candidate, 0 for none, ? for unsure"
            + ("" if task.right else ", or source:id of another record")
        )
    key = RecordKey(source, id_)
    if source not in casebook.partners(task.left.source) or key == task.left:
        sources = ", ".join(casebook.partners(task.left.source))
        raise ValueError(f"has the answer {answer!r}, which is no other record of {sources}")
    known = {one.key: one for one in candidates}
    if key not in known:
        found, record = casebook.record(key).record, casebook.record(task.left).record
        known[key] = show_found([found], record, casebook.fields, sight)[0]
    return "link", key, _seen(view, known[key])


def _records(view: PairView | RecordView) -> list[OtherRecord]:
    """The record that is asked about, then those that it may be, in the order of the numbers."""
    if isinstance(view, PairView):
        left = OtherRecord(view.left, tuple(row.left for row in view.rows))
        cells = tuple(row.right for row in view.rows)
        return [left, OtherRecord(view.right, cells, view.weight, view.posterior, view.decision)]
    return [OtherRecord(view.record, view.cells), *view.candidates]


def _seen(view: PairView | RecordView, chosen: OtherRecord | None) -> dict[str, Any]:
    """What was in the table."""
    kept = seen(view, chosen)
    return {name: value for name, value in kept.items() if name not in _NOT_SHOWN}


_NOT_SHOWN = ("decision", "parts", "left_candidates", "right_candidates")


def _column(field: str) -> str:
    """The column of a field; one that is called like a column of the table itself says what it is."""
    return f"{field} (field)" if field in (*FIRST, *_WEIGHTS, "run") else field


def _run(casebook: Casebook) -> str:
    return f"{casebook.run[:16]}-{casebook.model[:16]}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _whole(text: str | None) -> str | None:
    """A number that a spreadsheet has written as 2.0 is 2."""
    return text.removesuffix(".0") if text and text.removesuffix(".0").isdecimal() else text


def _many(candidates: int) -> str:
    return f"{candidates} candidate{'' if candidates == 1 else 's'}" if candidates else "no candidates"
