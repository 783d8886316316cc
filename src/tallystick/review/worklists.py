"""Worklists: filled once, looked at often."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, text

from tallystick.errors import InputError
from tallystick.review.compared import first_answers
from tallystick.review.connect import Database
from tallystick.review.filters import Filters
from tallystick.review.rows import (
    STANDS,
    checked_text,
    chunks,
    decision_of,
    in_state,
    known_task,
    meets,
    select_decisions,
    select_tasks,
    task_of,
    task_row,
    worklist_number,
)
from tallystick.review.standing import Listed, Progress, Standing, TaskRow, Worklist, judge
from tallystick.review.tables import DECISIONS, NO_WEIGHT, TASKS, WORKLISTS
from tallystick.review.tasks import Decision, Order, Task

ORDERS = {"weight": TASKS.c.by_weight, "information": TASKS.c.by_information, "plan": TASKS.c.by_plan}
"""The column that ascends in each order."""


def fill(
    database: Database,
    worklist: str,
    tasks: Sequence[Task],
    *,
    blind: bool,
    reviews: int,
    share: float,
    seed: int,
) -> None:
    """Put tasks into a new worklist (see `tallystick.review.store.Store.fill`)."""
    if reviews not in (1, 2):
        raise InputError(f"reviews is {reviews}: a task is judged by 1 or by 2 people.")
    if not 0 <= share <= 1:
        raise InputError(f"share is {share}: it is a share of the tasks, between 0 and 1.")
    if not worklist.strip():
        raise InputError("a worklist needs a name.")
    _check(tasks)
    digest = _digest(tasks)
    settings = {"blind": blind, "reviews": reviews, "share": float(share), "seed": seed}
    with database.writing() as connection:
        if database.is_postgres:
            connection.execute(select(func.pg_advisory_xact_lock(7_102_455)))
        found = connection.execute(select(WORKLISTS).where(WORKLISTS.c.name == worklist)).one_or_none()
        if found is not None:
            if found.digest != digest:
                raise InputError(
                    f"the worklist {worklist!r} is there already, with {found.tasks:,} other tasks: give the "
                    "new one another name, or use another store."
                )
            for name, value in settings.items():
                if getattr(found, name) != value:
                    raise InputError(
                        f"the worklist {worklist!r} was filled with {name} = {getattr(found, name)}, not "
                        f"{value}: leave it as it was, or use another store."
                    )
            return
        row = insert(WORKLISTS).values(
            name=checked_text(worklist, "the name of the worklist"),
            tasks=len(tasks),
            digest=digest,
            filled_at=database.now(connection),
            **settings,
        )
        key = connection.execute(row).inserted_primary_key
        assert key is not None
        twice = _judged_twice(tasks, share, seed) if reviews == 2 else set()
        rows = [_row(task, key[0], 2 if place in twice else 1) for place, task in enumerate(tasks)]
        if rows:
            connection.execute(insert(TASKS), rows)
        if database.is_postgres:
            # The server would look at so many new rows in some minutes only, and plan badly until then.
            connection.execute(text("analyze tasks"))


def _check(tasks: Sequence[Task]) -> None:
    seen = set()
    for task in tasks:
        names = f"{task.left.source}:{task.left.id}"
        if (task.kind == "pair") != (task.right is not None):
            raise InputError(
                f"the task about {names} is of the kind {task.kind!r}: a pair has a right record."
            )
        for key in (task.left, task.right):
            if key is not None:
                if not key.source:
                    raise InputError(f"the task about {names} has a record without a source.")
                checked_text(key.source + key.id, f"the task about {names}")
        numbers = (task.weight, task.posterior, task.information)
        if any(number is not None and not math.isfinite(number) for number in numbers):
            raise InputError(f"the task about {names} has a figure that is not finite.")
        if (task.left, task.right) in seen:
            raise InputError(f"the task about {names} is there twice: a worklist has each once.")
        seen.add((task.left, task.right))


def _digest(tasks: Sequence[Task]) -> str:
    """The same for the same tasks, in whatever order."""
    lines = sorted(json.dumps(astuple(task)) for task in tasks)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _judged_twice(tasks: Sequence[Task], share: float, seed: int) -> set[int]:
    """Places of the tasks that two people judge: the same ones in whatever order the tasks are given."""
    places = sorted(range(len(tasks)), key=lambda place: (tasks[place].left, tasks[place].right or ("", "")))
    return set(random.Random(seed).sample(places, round(share * len(places))))


def _row(task: Task, worklist: int, wanted: int) -> dict[str, object]:
    right = task.right or ("", "")
    return {
        "worklist": worklist,
        "kind": task.kind,
        "left_source": task.left.source,
        "left_id": task.left.id,
        "right_source": right[0],
        "right_id": right[1],
        "weight": task.weight,
        "posterior": task.posterior,
        "information": task.information,
        "place": task.place,
        "stratum": task.stratum,
        "by_weight": NO_WEIGHT if task.weight is None else -task.weight,
        "by_information": -task.information,
        "by_plan": task.place,
        "wanted": wanted,
        "state": "open",
        "first_by": "",
    }


def worklists(database: Database) -> tuple[Worklist, ...]:
    """All worklists, in the order in which they were filled."""
    with database.reading() as connection:
        return tuple(
            Worklist(**_settings(row), progress=_progress(database, connection, row.number))
            for row in _all(connection)
        )


def listed(database: Database) -> tuple[Listed, ...]:
    """All worklists, without counting how far they are."""
    with database.reading() as connection:
        return tuple(Listed(**_settings(row)) for row in _all(connection))


def _all(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(WORKLISTS).order_by(WORKLISTS.c.number)).all()


def _settings(row: Row[Any]) -> dict[str, Any]:
    return {one.name: getattr(row, one.name) for one in fields(Listed)}


def progress(database: Database, worklist: str) -> Progress:
    """How far a worklist is."""
    with database.reading() as connection:
        return _progress(database, connection, worklist_number(connection, worklist))


def _progress(database: Database, connection: Connection, number: int) -> Progress:
    mine = TASKS.c.worklist == number
    counted = select(TASKS.c.state, TASKS.c.verdict, func.count()).where(mine)
    states: Counter[str] = Counter()
    unsure = 0
    for state, verdict, n in connection.execute(counted.group_by(TASKS.c.state, TASKS.c.verdict)):
        states[state] += n
        unsure += n if verdict == "unsure" else 0
    claimed = select(func.count()).where(mine, TASKS.c.claimed_until > database.now(connection))
    # People take back only what is their own.
    made = func.sum(case((DECISIONS.c.kind == "undo", -1), else_=1))
    people = (
        select(DECISIONS.c.reviewer, made)
        .where(DECISIONS.c.worklist == number)
        .group_by(DECISIONS.c.reviewer)
        .having(made > 0)
    )
    return Progress(
        tasks=states.total(),
        done=states["done"],
        unsure=unsure,
        disagreements=states["disagreement"],
        claimed=connection.execute(claimed).scalar_one(),
        by_reviewer={name: int(n) for name, n in sorted(tuple(row) for row in connection.execute(people))},
    )


def tasks(
    database: Database,
    worklist: str,
    filters: Filters,
    *,
    offset: int,
    most: int,
    order: Order,
    reviewer: str | None,
) -> tuple[TaskRow, ...]:
    """Tasks of a worklist, a page at a time."""
    with database.reading() as connection:
        number = worklist_number(connection, worklist)
        # Numbers first: they are sorted within an index, whole rows would be read one by one for it.
        query = (
            select(TASKS.c.number)
            .where(TASKS.c.worklist == number, *in_state(filters), *meets(filters))
            .order_by(ORDERS[order], TASKS.c.number)
            .offset(offset)
            .limit(most)
        )
        numbers = list(connection.execute(query).scalars())
        rows = {
            row.t_number: row
            for some in chunks(numbers)
            for row in connection.execute(select_tasks().where(TASKS.c.number.in_(some)))
        }
        return with_decisions(database, connection, [rows[one] for one in numbers], reviewer)


def strata(database: Database, worklist: str) -> tuple[str, ...]:
    """Strata to which tasks of a worklist belong."""
    with database.reading() as connection:
        mine = TASKS.c.worklist == worklist_number(connection, worklist)
        query = select(TASKS.c.stratum).where(mine, TASKS.c.stratum.is_not(None)).distinct()
        return tuple(sorted(connection.execute(query).scalars()))


def count(database: Database, worklist: str, filters: Filters) -> int:
    """How many tasks of a worklist meet filters."""
    with database.reading() as connection:
        number = worklist_number(connection, worklist)
        query = select(func.count()).where(TASKS.c.worklist == number, *in_state(filters), *meets(filters))
        return int(connection.execute(query).scalar_one())


def with_decisions(
    database: Database, connection: Connection, rows: Sequence[Row[Any]], reviewer: str | None
) -> tuple[TaskRow, ...]:
    """Rows of `select_tasks` with the decisions about them that stand, of all or of one reviewer."""
    now = database.now(connection)
    about: dict[int, list[Decision]] = {row.t_number: [] for row in rows}
    for some in chunks(list(about)):
        query = select_decisions(seen=False).where(DECISIONS.c.task.in_(some), STANDS)
        # The reviewer is looked at here: SQLite would go through all that he or she ever decided.
        for row in connection.execute(query):
            if reviewer in (None, row.d_reviewer):
                about[row.t_number].append(decision_of(row))
    return tuple(task_row(row, now, about[row.t_number]) for row in rows)


def one_task(database: Database, number: int, reviewer: str | None) -> TaskRow:
    """A task with the decisions about it that stand."""
    with database.reading() as connection:
        row = known_task(connection, number)
        return with_decisions(database, connection, [row], reviewer)[0]


def standing(database: Database, worklist: str | None) -> tuple[Standing, ...]:
    """The verdict that counts of every task, by number of the task."""
    with database.reading() as connection:
        query, decided = select_tasks(), select_decisions(seen=False).where(STANDS)
        number = None
        if worklist is not None:
            number = worklist_number(connection, worklist)
            query, decided = (one.where(TASKS.c.worklist == number) for one in (query, decided))
        answers = first_answers(connection, number)
        about: dict[int, list[Decision]] = {}
        for row in connection.execute(decided):
            about.setdefault(row.t_number, []).append(decision_of(row))
        found = []
        for row in connection.execute(query.order_by(TASKS.c.number)):
            decisions = tuple(about.get(row.t_number, ()))
            judged = judge(row.t_wanted, decisions)
            found.append(
                Standing(
                    number=row.t_number,
                    worklist=row.w_name,
                    task=task_of(row),
                    state=judged.state,
                    verdict=judged.verdict,
                    chosen=judged.chosen,
                    how=judged.how,
                    decisions=decisions,
                    compared=answers.get(row.t_number),
                )
            )
        return tuple(found)
