"""What two people said of the same tasks before either could know of the other."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, func, select

from tallystick.review.connect import Database
from tallystick.review.rows import key_of, worklist_number
from tallystick.review.standing import Answer, first_judgements
from tallystick.review.tables import DECISIONS, TASKS


def compared(database: Database, worklist: str) -> list[tuple[float | None, Answer, Answer]]:
    """Of each task of a worklist that two people have judged: its weight, and their first answers."""
    with database.reading() as connection:
        number = worklist_number(connection, worklist)
        answers = first_answers(connection, number)
        weighed = select(TASKS.c.number, TASKS.c.weight).where(TASKS.c.worklist == number, TASKS.c.wanted > 1)
        rows = connection.execute(weighed).all() if answers else ()
        return [(weight, *answers[task]) for task, weight in rows if task in answers]


def first_answers(connection: Connection, worklist: int | None) -> dict[int, tuple[Answer, Answer]]:
    """What two people said of a task when both had judged it for the first time, by number of the task."""
    within = [TASKS.c.wanted > 1, *([] if worklist is None else [TASKS.c.worklist == worklist])]
    rows = select(
        DECISIONS.c.task,
        DECISIONS.c.number,
        DECISIONS.c.kind,
        DECISIONS.c.undoes,
        DECISIONS.c.verdict,
        DECISIONS.c.chosen_source,
        DECISIONS.c.chosen_id,
        TASKS.c.wanted,
    ).join(TASKS, TASKS.c.number == DECISIONS.c.task)
    by_two = (
        select(DECISIONS.c.task)
        .join(TASKS, TASKS.c.number == DECISIONS.c.task)
        .where(*within)
        .group_by(DECISIONS.c.task)
        .having(func.count(DECISIONS.c.reviewer.distinct()) > 1)
    )
    rows = rows.where(DECISIONS.c.task.in_(by_two)).order_by(DECISIONS.c.task, DECISIONS.c.number)
    found: dict[int, tuple[Answer, Answer]] = {}
    for task, of_task in groupby(connection.execute(rows), key=attrgetter("task")):
        made = list(of_task)
        first = first_judgements(made[0].wanted, made)
        if len(first) == 2:
            one, other = ((row.verdict, key_of(row.chosen_source, row.chosen_id)) for row in first)
            found[task] = (one, other)
    return found
