"""Rows of the tables as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    false,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from tallystick.errors import InputError
from tallystick.review.cases import RecordKey
from tallystick.review.filters import Filters
from tallystick.review.standing import TaskRow
from tallystick.review.tables import DECISIONS, TASKS, WORKLISTS
from tallystick.review.tasks import Decision, Task

_UNDO = DECISIONS.alias("taken_back")
_OF_TASK = tuple(TASKS.c[column.name].label(f"t_{column.name}") for column in TASKS.c)
_OF_DECISION = tuple(DECISIONS.c[column.name].label(f"d_{column.name}") for column in DECISIONS.c)
_WORKLIST = WORKLISTS.c.name.label("w_name")

STANDS = and_(
    DECISIONS.c.kind != "undo",
    ~select(_UNDO.c.number).where(_UNDO.c.undoes == DECISIONS.c.number).exists(),
)
"""That a decision is neither an undo nor undone."""


def select_tasks() -> Select[Any]:
    """Tasks with the names of their worklists."""
    return select(*_OF_TASK, _WORKLIST).join(WORKLISTS, WORKLISTS.c.number == TASKS.c.worklist)


def select_decisions(*, seen: bool = True) -> Select[Any]:
    """Decisions with their tasks, in the order of time; with what was on the page, which is large, or not."""
    unseen = literal("").label("d_seen")
    columns = [one if seen or one.name != "d_seen" else unseen for one in _OF_DECISION]
    return (
        select(*columns, *_OF_TASK, _WORKLIST)
        .join(TASKS, TASKS.c.number == DECISIONS.c.task)
        .join(WORKLISTS, WORKLISTS.c.number == TASKS.c.worklist)
        .order_by(DECISIONS.c.number)
    )


def key_of(source: str | None, id_: str | None) -> RecordKey | None:
    """The name of a record; None where the columns are empty."""
    return RecordKey(source, id_) if source and id_ is not None else None


def task_of(row: Row[Any]) -> Task:
    """The task in a row of `select_tasks` or `select_decisions`."""
    return Task(
        kind=row.t_kind,
        left=RecordKey(row.t_left_source, row.t_left_id),
        right=key_of(row.t_right_source, row.t_right_id),
        weight=row.t_weight,
        posterior=row.t_posterior,
        information=row.t_information,
        place=row.t_place,
        stratum=row.t_stratum,
    )


def decision_of(row: Row[Any]) -> Decision:
    """The decision in a row of `select_decisions`."""
    return Decision(
        number=row.d_number,
        worklist=row.w_name,
        task=task_of(row),
        reviewer=row.d_reviewer,
        at=row.d_at,
        kind=row.d_kind,
        verdict=row.d_verdict,
        chosen=key_of(row.d_chosen_source, row.d_chosen_id),
        undoes=row.d_undoes,
        comment=row.d_comment,
        seen=json.loads(row.d_seen) if row.d_seen else {},
        run=row.d_run,
        model=row.d_model,
        imported_by=row.d_imported_by,
    )


def standing_decisions(connection: Connection, task: int) -> list[Decision]:
    """The decisions about a task that stand, in the order of time."""
    return [
        decision_of(row)
        for row in connection.execute(select_decisions().where(DECISIONS.c.task == task, STANDS))
    ]


def kept_decision(connection: Connection, number: int) -> Decision:
    """A decision by its number."""
    return decision_of(connection.execute(select_decisions().where(DECISIONS.c.number == number)).one())


def task_row(row: Row[Any], now: datetime, decisions: Iterable[Decision]) -> TaskRow:
    """A task as a store has it, from a row of `select_tasks`."""
    claimed = row.t_claimed_by is not None and row.t_claimed_until > now
    return TaskRow(
        number=row.t_number,
        worklist=row.w_name,
        task=task_of(row),
        state="claimed" if claimed and row.t_state == "open" else row.t_state,
        wanted=row.t_wanted,
        verdict=row.t_verdict,
        chosen=key_of(row.t_chosen_source, row.t_chosen_id),
        claimed_by=row.t_claimed_by if claimed else None,
        decisions=tuple(decisions),
    )


def known_task(connection: Connection, number: int, *, lock: bool = False) -> Row[Any]:
    """A task by its number, which nobody else changes until the transaction ends where it is locked.

    `InputError` where there is none.
    """
    query = select_tasks().where(TASKS.c.number == number)
    if lock:  # SQLite locks the whole file at the start of the transaction, and leaves the clause out
        query = query.with_for_update(of=TASKS)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise InputError(f"there is no task {number}: look for it in the list of tasks.")
    return row


def give_back(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Let nobody be on the tasks that meet all conditions."""
    connection.execute(update(TASKS).where(*which).values(claimed_by=None, claimed_until=None))


def worklist_number(connection: Connection, name: str) -> int:
    """The number of a worklist; `InputError` where there is none of this name."""
    number = connection.execute(select(WORKLISTS.c.number).where(WORKLISTS.c.name == name)).scalar()
    if number is None:
        names = connection.execute(select(WORKLISTS.c.name).order_by(WORKLISTS.c.number)).scalars().all()
        there = ", ".join(map(repr, names)) or "none yet"
        raise InputError(f"there is no worklist {name!r}; there are: {there}.")
    return int(number)


def meets(filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions of filters, but for the state."""
    conditions: list[ColumnElement[bool]] = []
    # On the column that is indexed; a task without a weight stands beyond both ends.
    if filters.weight_low is not None:
        conditions.append(TASKS.c.by_weight <= -filters.weight_low)
    if filters.weight_high is not None:
        conditions += [TASKS.c.by_weight >= -filters.weight_high, TASKS.c.weight.is_not(None)]
    if filters.strata:
        conditions.append(TASKS.c.stratum.in_(filters.strata))
    if filters.verdict is not None:
        counts = TASKS.c.verdict == filters.verdict
        own = filters.as_seen_by
        conditions.append(counts if own is None else _judged_by(own, filters.verdict))
    if filters.records:
        keys = [tuple(key) for key in filters.records]
        conditions.append(
            or_(
                tuple_(TASKS.c.left_source, TASKS.c.left_id).in_(keys),
                tuple_(TASKS.c.right_source, TASKS.c.right_id).in_(keys),
            )
        )
    return conditions


def in_state(filters: Filters) -> list[ColumnElement[bool]]:
    """The condition that filters put on the state."""
    if filters.state == "all":
        return []
    if filters.as_seen_by is None or filters.state == "open":
        if filters.state == "unsure":
            return [TASKS.c.state == "done", TASKS.c.verdict == "unsure"]
        return [TASKS.c.state == filters.state]
    if filters.state == "disagreement":
        return [false()]
    judged = [TASKS.c.state != "open"]
    return [*judged, _judged_by(filters.as_seen_by, "unsure")] if filters.state == "unsure" else judged


def _judged_by(reviewer: str, verdict: str) -> ColumnElement[bool]:
    """That a decision of a reviewer that stands says so."""
    own = select(DECISIONS.c.task).where(
        DECISIONS.c.reviewer == reviewer, DECISIONS.c.verdict == verdict, STANDS
    )
    return TASKS.c.number.in_(own)


def chunks(numbers: Sequence[int], most: int = 5000) -> Iterator[Sequence[int]]:
    """Numbers in portions that a query can name."""
    return (numbers[start : start + most] for start in range(0, len(numbers), most))


def can_be_kept(value: str) -> bool:
    """Whether any database can keep a text."""
    return not any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)


def checked_text(value: str, what: str) -> str:
    """A text that any database can keep; `InputError` where it is none."""
    if not can_be_kept(value):
        raise InputError(
            f"{what} has characters that no database keeps (null or half a pair): leave them out."
        )
    return value
