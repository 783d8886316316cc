"""Who is on which task: a claim is a lease of one task to one person at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, tuple_, union_all, update

from tallystick.errors import InputError
from tallystick.review.connect import Database
from tallystick.review.filters import Filters
from tallystick.review.people import role_of
from tallystick.review.rows import (
    give_back,
    known_task,
    meets,
    standing_decisions,
    task_row,
    worklist_number,
)
from tallystick.review.standing import TaskRow
from tallystick.review.tables import PARTICIPANTS, TASKS
from tallystick.review.tasks import Order
from tallystick.review.worklists import ORDERS

LEASE = 600.0
"""Seconds for which a task is a reviewer's own."""


def next_task(
    database: Database,
    worklist: str,
    reviewer: str,
    *,
    order: Order,
    filters: Filters,
    after: int | None,
    lease: float,
) -> TaskRow | None:
    """Hand out the next task (see `tallystick.review.store.Store.next`)."""
    if filters.state != "open":
        raise InputError(
            f"only open tasks are handed out, not those in the state {filters.state!r}: look for these in "
            "the list of tasks."
        )
    with database.writing() as connection:
        number = worklist_number(connection, worklist)
        within = [TASKS.c.worklist == number, TASKS.c.state == "open", *meets(filters)]
        start = None
        if after is not None:
            last = known_task(connection, after, lock=True)
            if last.t_worklist == number:
                start = (getattr(last, f"t_{ORDERS[order].name}"), after)
            if last.t_claimed_by == reviewer:
                give_back(connection, TASKS.c.number == after)
        own = [TASKS.c.claimed_by == reviewer, *([] if after is None else [TASKS.c.number != after])]
        found = _first(connection, [*within, *own], order)
        if found is None:
            found = _best(database, connection, number, reviewer, within, order, start)
        if found is None:
            return None
        _take(database, connection, found, reviewer, lease)
        return _own_row(database, connection, found)


def _first(connection: Connection, conditions: Sequence[ColumnElement[bool]], order: Order) -> int | None:
    column = ORDERS[order]
    query = select(TASKS.c.number).where(*conditions).order_by(column, TASKS.c.number).limit(1)
    # Tasks that another process is taking at this moment are passed over, not waited for.
    found = connection.execute(query.with_for_update(skip_locked=True)).scalar()
    return None if found is None else int(found)


def _best(
    database: Database,
    connection: Connection,
    worklist: int,
    reviewer: str,
    within: list[ColumnElement[bool]],
    order: Order,
    start: tuple[Any, int] | None,
) -> int | None:
    """The first free task after `start`, else from the beginning, that the reviewer has not judged."""
    free = or_(TASKS.c.claimed_by.is_(None), TASKS.c.claimed_until <= database.now(connection))
    # Tasks that wait for a second person are looked up by who the first was: to walk past all of one's
    # own in the order of the queue would take longer the more one has done.
    judged = select(PARTICIPANTS.c.reviewer).where(
        PARTICIPANTS.c.worklist == worklist, PARTICIPANTS.c.reviewer != reviewer
    )
    firsts = ["", *connection.execute(judged).scalars()]
    key = tuple_(ORDERS[order], TASKS.c.number)
    stretches: list[list[ColumnElement[bool]]] = [[]]
    if start is not None:
        stretches = [[key > tuple_(*start)], [key < tuple_(*start)]]
    for stretch in stretches:
        conditions = [*within, free, *stretch]
        for first in firsts if len(firsts) == 1 else _by_head(connection, conditions, firsts, order):
            found = _first(connection, [*conditions, TASKS.c.first_by == first], order)
            if found is not None:
                return found
    return None


def _by_head(
    connection: Connection, conditions: list[ColumnElement[bool]], firsts: list[str], order: Order
) -> list[str]:
    """Who judged first, in the order of the first task of each that waits."""
    column = ORDERS[order]
    heads = [
        select(TASKS.c.first_by, column, TASKS.c.number)
        .where(*conditions, TASKS.c.first_by == first)
        .order_by(column, TASKS.c.number)
        .limit(1)
        .subquery()
        for first in firsts
    ]
    found = connection.execute(union_all(*(select(head) for head in heads))).all()
    return [row[0] for row in sorted(found, key=lambda row: row[1:])]


def claim(database: Database, number: int, reviewer: str, lease: float, *, settle: bool) -> TaskRow:
    """Take a named task (see `tallystick.review.store.Store.claim`)."""
    with database.writing() as connection:
        row = known_task(connection, number, lock=True)
        if settle:
            check_may_settle(connection, row, reviewer)
        elif row.t_state != "open":  # the same whether its reviewers agree or not
            raise InputError(f"task {number} is judged: it can be taken again when its decision is undone.")
        check_free(database, connection, row, reviewer)
        if not settle and row.t_first_by == reviewer:
            raise InputError(
                f"task {number} waits for the judgement of another person: you have given yours; undo it to "
                "change it."
            )
        _take(database, connection, number, reviewer, lease)
        return _own_row(database, connection, number)


def renew(database: Database, number: int, reviewer: str, lease: float) -> None:
    """Prolong the lease (see `tallystick.review.store.Store.renew`)."""
    with database.writing() as connection:
        check_held(known_task(connection, number, lock=True), reviewer)
        _take(database, connection, number, reviewer, lease)


def release(database: Database, number: int, reviewer: str) -> None:
    """Give a task back; nothing happens where it is not the reviewer's."""
    with database.writing() as connection:
        give_back(connection, TASKS.c.number == number, TASKS.c.claimed_by == reviewer)


def check_may_settle(connection: Connection, row: Row[Any], reviewer: str) -> None:
    """`InputError` where a task is not to be settled, or not by this person."""
    number = row.t_number
    role = role_of(connection, reviewer)
    if role == "reviewer":
        raise InputError(f"{reviewer} is a reviewer: adjudicators and administrators settle what is judged.")
    if row.t_state == "open":
        raise InputError(
            f"task {number} is open: it still waits for a judgement, so nothing is to be settled."
        )
    judged = [one for one in standing_decisions(connection, number) if one.kind != "adjudication"]
    if role != "administrator" and any(one.reviewer == reviewer for one in judged):
        raise InputError(
            f"task {number} was judged by you: another adjudicator, or an administrator, has to settle it."
        )


def check_free(database: Database, connection: Connection, row: Row[Any], reviewer: str) -> None:
    """`InputError` where another person is on a task."""
    if not _is_free(database, connection, row, reviewer):
        raise InputError(f"another reviewer is on task {row.t_number}: take the next one.")


def check_may_judge(row: Row[Any], reviewer: str) -> None:
    """`InputError` where a task is another's or judged.

    One that nobody is on may be judged by whoever was shown it, and gave it back by taking another one in a
    second tab of the browser: nobody's work is touched.
    """
    if row.t_state != "open" or row.t_claimed_by is not None:
        check_held(row, reviewer)
    if row.t_state != "open":
        raise InputError(f"task {row.t_number} is not open: an adjudicator settles a disagreement.")


def check_held(row: Row[Any], reviewer: str) -> None:
    """`InputError` where a task is not the reviewer's; a lease that ran out is good while nobody took it."""
    if row.t_claimed_by == reviewer:
        return
    if row.t_claimed_by is not None:
        why = "the time for it ran out and another reviewer took it"
    elif row.t_state == "open":
        why = (
            "you have not taken it, have taken another one since, or the time for it ran out and another "
            "reviewer had it meanwhile"
        )
    else:
        why = "it has been judged meanwhile"
    raise InputError(f"task {row.t_number} is not yours: {why}. Nothing was changed: take the next one.")


def take_if_free(
    database: Database, connection: Connection, row: Row[Any], reviewer: str, lease: float
) -> None:
    """Take a task unless another person is on it."""
    if _is_free(database, connection, row, reviewer):
        _take(database, connection, row.t_number, reviewer, lease)


def participate(database: Database, connection: Connection, worklist: int, reviewer: str) -> None:
    """Note that somebody has judged in a worklist."""
    there = select(PARTICIPANTS.c.reviewer).where(
        PARTICIPANTS.c.worklist == worklist, PARTICIPANTS.c.reviewer == reviewer
    )
    if connection.execute(there).scalar() is not None:
        return
    if database.is_postgres:
        from sqlalchemy.dialects.postgresql import insert as insert_new

        query = insert_new(PARTICIPANTS).values(worklist=worklist, reviewer=reviewer)
        connection.execute(query.on_conflict_do_nothing())
    else:
        connection.execute(insert(PARTICIPANTS).values(worklist=worklist, reviewer=reviewer))


def _is_free(database: Database, connection: Connection, row: Row[Any], reviewer: str) -> bool:
    """Whether no other person is on a task."""
    return row.t_claimed_by in (None, reviewer) or row.t_claimed_until <= database.now(connection)


def _take(database: Database, connection: Connection, number: int, reviewer: str, lease: float) -> None:
    """Let a task be the reviewer's own, and no other one: nobody keeps tasks from all others."""
    others = select(TASKS.c.number).where(TASKS.c.claimed_by == reviewer, TASKS.c.number != number)
    # One that another process has locked is being taken over there: to wait for it could be for ever.
    taken = connection.execute(others.with_for_update(skip_locked=True)).scalars().all()
    if taken:
        give_back(connection, TASKS.c.number.in_(taken))
    until = database.now(connection) + timedelta(seconds=lease)
    connection.execute(
        update(TASKS).where(TASKS.c.number == number).values(claimed_by=reviewer, claimed_until=until)
    )


def _own_row(database: Database, connection: Connection, number: int) -> TaskRow:
    """A task for the reviewer who is on it: without what others said, unless it is to be settled."""
    row = known_task(connection, number)
    decisions = [] if row.t_state == "open" else standing_decisions(connection, number)
    return task_row(row, database.now(connection), decisions)
