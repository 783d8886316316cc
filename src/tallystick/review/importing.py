"""Decisions of a file are added to a store: all of them, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from tallystick.errors import InputError
from tallystick.review.cases import RecordKey
from tallystick.review.claims import participate
from tallystick.review.connect import Database
from tallystick.review.deciding import add_decision, check_verdict, settle
from tallystick.review.decision_file import FileRow, read_decision_file
from tallystick.review.people import role_of
from tallystick.review.rows import (
    checked_text,
    chunks,
    decision_of,
    kept_decision,
    select_decisions,
    select_tasks,
)
from tallystick.review.standing import judge
from tallystick.review.tables import DECISIONS, TASKS
from tallystick.review.tasks import Decision

_Pair = tuple[RecordKey, RecordKey | None]


@dataclass(frozen=True)
class Imported:
    """What came of a file of decisions.

    Attributes
    ----------
    added : int
        Rows that are new.
    there : int
        Rows that the store had already.
    unanswered : int
        Rows without a verdict.
    """

    added: int
    there: int
    unanswered: int


def import_decisions(
    database: Database, path: str | Path, importer: str, *, run: str, model: str
) -> Imported:
    """Add the decisions of a file (see `tallystick.review.store.Store.import_file`)."""
    rows, unanswered = read_decision_file(path, run=run, model=model)
    return import_rows(database, rows, path, importer, unanswered=unanswered, run=run, model=model)


def import_rows(
    database: Database,
    rows: Sequence[FileRow],
    path: str | Path,
    importer: str,
    *,
    unanswered: int,
    run: str,
    model: str,
) -> Imported:
    """Add the decisions that were read from a file, all or none (see `import_decisions`)."""
    with database.writing() as connection:
        if role_of(connection, importer) != "administrator":
            raise InputError(f"{importer} is no administrator: only these import what others decided.")
        places = _tasks(connection)
        work = _Work(database, connection, importer, run, model)
        try:
            asked = [_task_of(row, places) for row in rows]
            work.lock({int(task.t_number) for task in asked})
            for row, task in zip(rows, asked, strict=True):
                work.add(row, task)
        except _RowError as error:
            raise InputError(f"{path}: {error}. Nothing was imported.") from None
        work.settle()
        return Imported(work.added, len(rows) - work.added, unanswered)


class _RowError(ValueError):
    """What is wrong with a row."""


def _tasks(connection: Connection) -> dict[_Pair, list[Row[Any]]]:
    """Tasks by what they are about."""
    found: dict[_Pair, list[Row[Any]]] = {}
    for row in connection.execute(select_tasks()):
        right = RecordKey(row.t_right_source, row.t_right_id) if row.t_right_source else None
        found.setdefault((RecordKey(row.t_left_source, row.t_left_id), right), []).append(row)
    return found


def _task_of(row: FileRow, places: dict[_Pair, list[Row[Any]]]) -> Row[Any]:
    found = list(places.get((row.left, row.right), ()))
    if row.right is not None:
        # A pair is the same whichever of its records is named first.
        found += places.get((row.right, row.left), ())
    what = f"the record {_shown(row.left)}"
    if row.right is not None:
        what = f"the pair of {_shown(row.left)} and {_shown(row.right)}"
    if row.worklist is not None:
        found = [task for task in found if task.w_name == row.worklist]
    if not found:
        where = "no worklist" if row.worklist is None else f"no worklist {row.worklist!r}"
        raise _RowError(f"row {row.line}: {what} is in {where} of this store")
    if len(found) > 1:
        names = " and ".join(repr(task.w_name) for task in found)
        raise _RowError(f"row {row.line}: {what} is in {names}: say which in the column worklist")
    return found[0]


def _shown(key: RecordKey) -> str:
    return f"{key.source}:{key.id}"


class _Work:
    """The decisions about the tasks of a file, as they become row by row."""

    def __init__(
        self, database: Database, connection: Connection, importer: str, run: str, model: str
    ) -> None:
        self.added = 0
        self._database, self._connection = database, connection
        self._importer, self._run, self._model = checked_text(importer, "the name"), run, model
        self._now = database.now(connection)
        self._all: dict[int, list[Decision]] = {}
        self._line: dict[int, int] = {}
        self._number: dict[int, int] = {}
        self._changed: set[int] = set()

    def lock(self, tasks: set[int]) -> None:
        """Let nobody else change the tasks, and read what was decided about them."""
        for some in chunks(sorted(tasks)):
            query = select(TASKS.c.number).where(TASKS.c.number.in_(some)).order_by(TASKS.c.number)
            self._connection.execute(query.with_for_update()).all()
            for row in self._connection.execute(select_decisions().where(DECISIONS.c.task.in_(some))):
                self._all.setdefault(row.t_number, []).append(decision_of(row))

    def add(self, row: FileRow, task: Row[Any]) -> None:
        """Add a row, unless the store has it."""
        number = int(task.t_number)
        reviewer = row.reviewer or self._importer
        before = self._all.setdefault(number, [])
        known = self._known(row, reviewer, before)
        if known is None:
            try:
                known = self._add(row, task, reviewer, before)
            except InputError as error:
                raise _RowError(f"row {row.line}: {str(error).rstrip('.')}") from None
        if row.number is not None:
            self._number[row.number] = known

    def settle(self) -> None:
        """Let the columns of the tasks follow."""
        for number in sorted(self._changed):
            settle(self._connection, number)

    def _known(self, row: FileRow, reviewer: str, before: Sequence[Decision]) -> int | None:
        """The number of the very same decision, which an earlier import or this store itself has made."""
        if row.kind == "undo":
            undone = self._number.get(row.undoes or 0)
            return next((one.number for one in before if undone and one.undoes == undone), None)
        alike = [
            one
            for one in before
            if one.reviewer == reviewer
            and one.kind != "undo"
            and (one.kind == "adjudication") == (row.kind == "adjudication")
            and (one.verdict, one.chosen) == (row.verdict, row.chosen)
        ]
        # A spreadsheet may have rounded the time: what stands is the same decision all the same.
        exact = [one.number for one in alike if one.at == row.at]
        standing = {one.number for one in _standing(before)}
        return next(iter(exact + [one.number for one in alike if one.number in standing]), None)

    def _add(self, row: FileRow, task: Row[Any], reviewer: str, before: list[Decision]) -> int:
        standing = list(_standing(before))
        undoes = None
        if row.kind == "undo":
            undoes = self._number.get(row.undoes or 0)
            if all((one.number, one.reviewer) != (undoes, reviewer) for one in standing):
                raise _RowError(
                    f"row {row.line} undoes decision {row.undoes}, which no row before has, or which "
                    f"is not {reviewer}'s"
                )
        else:
            check_verdict(task, str(row.verdict), row.chosen)
            self._contradicts(row, task, reviewer, standing)
        made = add_decision(
            self._connection,
            kind=row.kind,
            run=self._run,
            model=self._model,
            worklist=task.t_worklist,
            task=task.t_number,
            reviewer=checked_text(reviewer, "the name of the reviewer"),
            at=row.at or self._now,
            verdict=row.verdict,
            chosen=row.chosen,
            undoes=undoes,
            comment=checked_text(row.comment, "the comment"),
            seen=json.dumps(dict(row.seen), ensure_ascii=False) if row.seen else "",
            imported_by=self._importer,
            imported_at=self._now,
        )
        before.append(kept_decision(self._connection, made))
        if task.t_wanted > 1:
            participate(self._database, self._connection, task.t_worklist, reviewer)
        self._line[made] = row.line
        self._changed.add(task.t_number)
        self.added += 1
        return made

    def _contradicts(self, row: FileRow, task: Row[Any], reviewer: str, standing: list[Decision]) -> None:
        """Refuse a row that cannot stand beside what stands."""
        mine = [one for one in standing if one.reviewer == reviewer and one.kind != "adjudication"]
        others = [one for one in standing if (one.verdict, one.chosen) != (row.verdict, row.chosen)]
        settled = [one for one in standing if one.kind == "adjudication"]
        if row.kind == "adjudication":
            found = judge(task.t_wanted, standing)
            if settled and (row.at or self._now) <= settled[-1].at:
                self._refuse(row, settled[-1])
            if found.state == "open":
                raise _RowError(
                    f"row {row.line} settles the task about {_shown(row.left)}, which is no disagreement but "
                    f"{found.state}"
                )
            return
        if mine:
            self._refuse(row, mine[-1])
        if settled:
            self._refuse(row, settled[-1])
        if others and len(standing) >= task.t_wanted:
            self._refuse(row, others[0])

    def _refuse(self, row: FileRow, other: Decision) -> None:
        what = f"{row.verdict} by {row.reviewer or self._importer} about {_shown(row.left)}"
        where = f"decision {other.number}, which stands"
        if other.number in self._line:
            where = f"row {self._line[other.number]}"
        raise _RowError(f"row {row.line} ({what}) contradicts {where} ({other.verdict} by {other.reviewer})")


def _standing(decisions: Sequence[Decision]) -> Iterator[Decision]:
    undone = {one.undoes for one in decisions}
    return (one for one in decisions if one.kind != "undo" and one.number not in undone)
