"""Decisions are made: each is a new row, and what follows from it changes in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection, Row, insert, select, update

from tallystick.errors import InputError
from tallystick.review.cases import RecordKey
from tallystick.review.claims import (
    check_free,
    check_may_judge,
    check_may_settle,
    participate,
    take_if_free,
)
from tallystick.review.connect import Database
from tallystick.review.people import role_of
from tallystick.review.rows import (
    STANDS,
    checked_text,
    kept_decision,
    known_task,
    select_decisions,
    standing_decisions,
)
from tallystick.review.standing import Judgement, judge
from tallystick.review.tables import DECISIONS, TASKS
from tallystick.review.tasks import Decision, Verdict

_ABOVE = DECISIONS.alias("above")
_GONE = DECISIONS.alias("gone")
_SETTLED = (
    select(_ABOVE.c.number)
    .where(
        _ABOVE.c.task == DECISIONS.c.task,
        _ABOVE.c.kind == "adjudication",
        _ABOVE.c.number > DECISIONS.c.number,
        ~select(_GONE.c.number).where(_GONE.c.undoes == _ABOVE.c.number).exists(),
    )
    .exists()
)
"""That an adjudication rests on a decision."""


def decide(
    database: Database,
    number: int,
    reviewer: str,
    verdict: Verdict,
    *,
    chosen: RecordKey | None,
    comment: str,
    seen: Mapping[str, Any],
    replace: bool,
    run: str,
    model: str,
) -> Decision:
    """Judge a task (see `tallystick.review.store.Store.decide`)."""
    with database.writing() as connection:
        task = known_task(connection, number, lock=True)
        check_verdict(task, verdict, chosen)
        stand = standing_decisions(connection, number)
        own = [one for one in stand if one.reviewer == reviewer]
        if own:
            # The answer to the same request may have been lost on its way, and the request be sent again.
            last = own[-1]
            if (last.verdict, last.chosen, last.comment) == (verdict, chosen, comment):
                return last
            if not replace:
                raise InputError(
                    f"task {number} has your judgement already ({last.verdict}): undo that to change it."
                )
            if last.kind == "adjudication":
                raise InputError(f"task {number} was settled by you: settle it anew to change that.")
            check_may_take_back(connection, task, stand, last)
            check_free(database, connection, task, reviewer)
        else:
            check_may_judge(task, reviewer)
        values = decision_values(database, connection, task, reviewer, verdict, chosen, comment, seen)
        if own:
            _take_back(database, connection, task, own[-1], run=run, model=model)
        made = add_decision(connection, kind="review", run=run, model=model, **values)
        if task.t_wanted > 1:
            participate(database, connection, task.t_worklist, reviewer)
        settle(connection, number)
        return kept_decision(connection, made)


def adjudicate(
    database: Database,
    number: int,
    reviewer: str,
    verdict: Verdict,
    *,
    chosen: RecordKey | None,
    comment: str,
    seen: Mapping[str, Any],
    run: str,
    model: str,
) -> Decision:
    """Settle a task (see `tallystick.review.store.Store.adjudicate`)."""
    with database.writing() as connection:
        task = known_task(connection, number, lock=True)
        check_verdict(task, verdict, chosen)
        stand = standing_decisions(connection, number)
        settled = [one for one in stand if one.kind == "adjudication"]
        last = settled[-1] if settled else None
        if last is not None and (last.reviewer, last.verdict, last.chosen, last.comment) == (
            reviewer,
            verdict,
            chosen,
            comment,
        ):
            return last
        check_may_settle(connection, task, reviewer)
        check_free(database, connection, task, reviewer)
        own = last is not None and last.reviewer == reviewer
        if last is not None and not own and task.t_claimed_by != reviewer:
            raise InputError(f"task {number} was settled by {last.reviewer}: take it first, to see why.")
        judged = judge(task.t_wanted, [one for one in stand if one.kind != "adjudication"])
        if needs_reason(judged, last, reviewer) and not comment.strip():
            raise InputError(
                f"task {number} is judged already ({task.t_verdict}): say in the comment why that is to be "
                "changed."
            )
        values = decision_values(database, connection, task, reviewer, verdict, chosen, comment, seen)
        if last is not None and own:
            _take_back(database, connection, task, last, run=run, model=model)
        made = add_decision(connection, kind="adjudication", run=run, model=model, **values)
        settle(connection, number)
        return kept_decision(connection, made)


def needs_reason(judged: Judgement, settled: Decision | None, reviewer: str) -> bool:
    """Whether an adjudication has to say why: where it changes what is neither in dispute nor in doubt.

    `settled` is the last adjudication that stands; a reviewer may correct his own without a word.
    """
    others = settled is not None and settled.reviewer != reviewer
    return others or judged.verdict in ("link", "non-link")


def undo(
    database: Database, reviewer: str, number: int | None, *, run: str, model: str, lease: float
) -> Decision | None:
    """Take a decision back (see `tallystick.review.store.Store.undo`)."""
    with database.writing() as connection:
        if number is not None:
            known_task(connection, number, lock=True)
        mine = select(DECISIONS.c.number).where(DECISIONS.c.reviewer == reviewer, STANDS)
        mine = mine.where(~_SETTLED) if number is None else mine.where(DECISIONS.c.task == number)
        # The number alone is looked for: rows with their tasks would all be joined before the last is taken.
        last_one = mine.order_by(DECISIONS.c.number.desc()).limit(1).scalar_subquery()
        row = connection.execute(select_decisions().where(DECISIONS.c.number == last_one)).one_or_none()
        if row is None:
            return None
        task = known_task(connection, row.t_number, lock=True)
        stand = standing_decisions(connection, row.t_number)
        last = next((one for one in stand if one.number == row.d_number), None)
        if last is None:
            raise InputError("that decision was undone at the same moment: look again.")
        check_may_take_back(connection, task, stand, last)
        made = _take_back(database, connection, task, last, run=run, model=model)
        settle(connection, row.t_number)
        take_if_free(database, connection, task, reviewer, lease)
        return kept_decision(connection, made)


def check_may_take_back(
    connection: Connection, task: Row[Any], stand: Sequence[Decision], decision: Decision
) -> None:
    """`InputError` where a decision is not to be changed by who made it."""
    number = task.t_number
    above = [one for one in stand if one.kind == "adjudication" and one.number > decision.number]
    if above:
        raise InputError(f"task {number} was settled by {above[-1].reviewer}: that has to be undone first.")
    judged = [one for one in stand if one.kind != "adjudication"]
    complete = task.t_wanted > 1 and len(judged) >= task.t_wanted
    if complete and role_of(connection, decision.reviewer) == "reviewer":
        raise InputError(
            f"task {number} has both judgements, each made without knowing the other: they stay as they are. "
            "Tell an adjudicator, who can settle the task anew."
        )


def _take_back(
    database: Database, connection: Connection, task: Row[Any], decision: Decision, *, run: str, model: str
) -> int:
    """Add the row that takes a decision back; its number."""
    return add_decision(
        connection,
        kind="undo",
        run=run,
        model=model,
        worklist=task.t_worklist,
        task=task.t_number,
        reviewer=decision.reviewer,
        at=database.now(connection),
        undoes=decision.number,
    )


def check_verdict(task: Row[Any], verdict: str, chosen: RecordKey | None) -> None:
    """`InputError` where a verdict cannot be one about a task."""
    if verdict not in get_args(Verdict):
        raise InputError(f"the verdict is {verdict!r}: it is one of {', '.join(get_args(Verdict))}.")
    if task.t_kind == "record" and verdict == "link":
        if chosen is None:
            raise InputError(f"task {task.t_number} is about a record: a link has to say with which one.")
        if chosen == (task.t_left_source, task.t_left_id):
            raise InputError(f"task {task.t_number}: a record is not linked with itself.")
    elif chosen is not None:
        raise InputError(f"task {task.t_number}: only a link of a record says with which one.")


def decision_values(
    database: Database,
    connection: Connection,
    task: Row[Any],
    reviewer: str,
    verdict: str,
    chosen: RecordKey | None,
    comment: str,
    seen: Mapping[str, Any],
) -> dict[str, Any]:
    """The columns of a decision that is made now."""
    if not reviewer.strip():
        raise InputError("a decision needs the name of who makes it.")
    return {
        "worklist": task.t_worklist,
        "task": task.t_number,
        "reviewer": checked_text(reviewer, "the name of the reviewer"),
        "at": database.now(connection),
        "verdict": verdict,
        "chosen": chosen,
        "comment": checked_text(comment, "the comment"),
        "seen": json.dumps(dict(seen), ensure_ascii=False),
    }


def add_decision(
    connection: Connection,
    *,
    kind: str,
    run: str,
    model: str,
    worklist: int,
    task: int,
    reviewer: str,
    at: datetime,
    verdict: str | None = None,
    chosen: RecordKey | None = None,
    undoes: int | None = None,
    comment: str = "",
    seen: str = "",
    imported_by: str | None = None,
    imported_at: datetime | None = None,
) -> int:
    """Add a row to the decisions; its number."""
    key = connection.execute(
        insert(DECISIONS).values(
            worklist=worklist,
            task=task,
            reviewer=reviewer,
            at=at,
            kind=kind,
            verdict=verdict,
            chosen_source=None if chosen is None else checked_text(chosen.source, "the chosen record"),
            chosen_id=None if chosen is None else checked_text(chosen.id, "the chosen record"),
            undoes=undoes,
            comment=comment,
            seen=seen,
            run=run,
            model=model,
            imported_by=imported_by,
            imported_at=imported_at,
        )
    ).inserted_primary_key
    assert key is not None
    return int(key[0])


def settle(connection: Connection, number: int) -> None:
    """Let the columns of a task follow from its decisions; who has nothing to do there is on it no more."""
    wanted, claimed_by = connection.execute(
        select(TASKS.c.wanted, TASKS.c.claimed_by).where(TASKS.c.number == number)
    ).one()
    decisions = standing_decisions(connection, number)
    found = judge(wanted, decisions)
    values: dict[str, Any] = {
        "state": found.state,
        "verdict": found.verdict,
        "chosen_source": None if found.chosen is None else found.chosen.source,
        "chosen_id": None if found.chosen is None else found.chosen.id,
        "first_by": decisions[0].reviewer if found.state == "open" and decisions else "",
    }
    if found.state != "open" or claimed_by == values["first_by"]:
        values |= {"claimed_by": None, "claimed_until": None}
    connection.execute(update(TASKS).where(TASKS.c.number == number).values(**values))
