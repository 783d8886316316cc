"""JSON: tasks are handed out, judged, undone and settled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse

from tallystick.errors import InputError
from tallystick.review.access import may
from tallystick.review.admit import AtDesk, Me
from tallystick.review.cases import RecordKey
from tallystick.review.conflicts import contradicted
from tallystick.review.deciding import needs_reason
from tallystick.review.desk import MOST_FOUND, Desk, finite
from tallystick.review.filters import Filters
from tallystick.review.messages import (
    ASKED,
    PROBLEMS,
    CaseAnswer,
    ClaimMessage,
    DecidedAnswer,
    DoneAnswer,
    FilterMessage,
    FoundAnswer,
    MeAnswer,
    NextMessage,
    PageMessage,
    SearchMessage,
    TaskAnswer,
    TaskNumber,
    VerdictMessage,
    WorklistAnswer,
    WorklistName,
)
from tallystick.review.people import Reviewer
from tallystick.review.standing import TaskRow, judge
from tallystick.review.tasks import Decision, Order
from tallystick.review.views import OtherRecord, PairView, RecordView, Sight, seen, show_found

_MOST_UNSURE = 1000
"""Unsure tasks among which those are looked for that no adjudicator has settled."""

router = APIRouter(prefix="/api", responses=PROBLEMS)


@router.get("/me", response_model=MeAnswer)
def me(reviewer: Me) -> MeAnswer:
    """Who asks."""
    return MeAnswer(reviewer.name, reviewer.role, reviewer.masked)


@router.get("/worklists", response_model=list[WorklistAnswer])
def worklists(desk: AtDesk, reviewer: Me) -> list[WorklistAnswer]:
    """All worklists and how far they are; a reviewer is told nothing of what others judged."""
    return [
        WorklistAnswer(one.name, one.blind, one.reviews, desk.known_to(reviewer, one.name, one.progress))
        for one in desk.worklists()
    ]


@router.post("/worklists/{worklist}/next", response_model=CaseAnswer)
def next_task(worklist: WorklistName, message: NextMessage, desk: AtDesk, reviewer: Me) -> JSONResponse:
    """Hand out the next open task that nobody is on."""
    listed = desk.worklist(worklist)
    order = order_in(desk, listed.blind, message.order)
    filters = filters_in(desk.sight(reviewer, worklist), message.filters)
    row = desk.store.next(worklist, reviewer.name, order=order, filters=filters, after=message.after)
    if row is None:
        figures = desk.known_to(reviewer, worklist, desk.store.progress(worklist))  # as it is now
        html = None
        if message.page:
            filtered = filters != Filters()
            html = _filled(desk, "nothing.html.j2", progress=figures, worklist=worklist, filtered=filtered)
        return _json(CaseAnswer(None, None, figures, html=html))
    return _json(case_answer(desk, row, reviewer, message.page))


@router.post("/worklists/{worklist}/undo", response_model=CaseAnswer)
def undo_last(worklist: WorklistName, message: PageMessage, desk: AtDesk, reviewer: Me) -> JSONResponse:
    """Take back the last own decision in a worklist, and hand its task out again."""
    desk.worklist(worklist)
    last = desk.store.history(reviewer.name, worklist, most=1)
    if not last:
        return _json(CaseAnswer(None, None, desk.progress(worklist, reviewer)))
    return _undone(desk, last[0].number, reviewer, message.page)


@router.post("/tasks/{number}/claim", response_model=CaseAnswer)
def claim(number: TaskNumber, message: ClaimMessage, desk: AtDesk, reviewer: Me) -> JSONResponse:
    """Hand out a named task; one that was judged by who asks is shown with that verdict.

    A task that is to be settled is shown with the verdicts of all, once all that are wanted are there.
    """
    row = desk.task(number, reviewer)
    if message.settle:
        if not may(reviewer.role, "adjudicator"):
            raise HTTPException(403, "Adjudicators and administrators settle what is judged.")
        row = desk.store.claim(number, reviewer.name, settle=True)
        return _json(case_answer(desk, row, reviewer, message.page, settle=True))
    if own_decision(row, reviewer) is None:
        row = desk.store.claim(number, reviewer.name)
    return _json(case_answer(desk, row, reviewer, message.page))


@router.post("/tasks/{number}/renew", response_model=DoneAnswer)
def renew(number: TaskNumber, desk: AtDesk, reviewer: Me) -> DoneAnswer:
    """Keep a task for some minutes more."""
    desk.task(number, reviewer)
    desk.store.renew(number, reviewer.name)
    return DoneAnswer()


@router.post("/tasks/{number}/release", response_model=DoneAnswer)
def release(number: TaskNumber, desk: AtDesk, reviewer: Me) -> DoneAnswer:
    """Give a task back without a verdict."""
    desk.task(number, reviewer)
    desk.store.release(number, reviewer.name)
    return DoneAnswer()


@router.post("/tasks/{number}/decide", response_model=DecidedAnswer, responses=ASKED)
def decide(number: TaskNumber, message: VerdictMessage, desk: AtDesk, reviewer: Me) -> DecidedAnswer:
    """Judge a task: the answer comes when the decision is kept. Another verdict replaces an own one."""
    row = desk.task(number, reviewer)
    if message.ask and message.verdict == "link":
        _ask(desk, row, reviewer, message.key)
    made = desk.store.decide(
        number,
        reviewer.name,
        message.verdict,
        chosen=message.key,
        comment=message.comment,
        seen=seen_by(desk, row, reviewer, message),
        replace=True,
    )
    return DecidedAnswer(made.number, number, made.verdict)


@router.post("/tasks/{number}/undo", response_model=CaseAnswer)
def undo_task(number: TaskNumber, message: PageMessage, desk: AtDesk, reviewer: Me) -> JSONResponse:
    """Take back the own decision about a task, and hand it out again."""
    return _undone(desk, number, reviewer, message.page)


@router.post("/tasks/{number}/search", response_model=FoundAnswer)
def search(number: TaskNumber, message: SearchMessage, desk: AtDesk, reviewer: Me) -> JSONResponse:
    """Search for the record that that of a task may be, in fields that are not masked."""
    row = desk.task(number, reviewer)
    left = row.task.left
    partners = desk.casebook.partners(left.source)
    found = desk.search(message.words, partners, reviewer, row.worklist, MOST_FOUND + 2)
    sight = desk.sight(reviewer, row.worklist)
    records = [one for one in found if one.key != left]  # one more than is shown tells that there are more
    more = len(records) > MOST_FOUND
    shown = show_found(records[:MOST_FOUND], desk.record(left), desk.casebook.fields, sight)
    fields = sight.shown(desk.casebook.fields)
    html = _filled(desk, "found.html.j2", found=shown, fields=fields, more=more) if message.page else None
    return _json(FoundAnswer(fields, shown, html, more))


@router.post("/tasks/{number}/adjudicate", response_model=DecidedAnswer, responses=ASKED)
def adjudicate(number: TaskNumber, message: VerdictMessage, desk: AtDesk, reviewer: Me) -> DecidedAnswer:
    """Settle a task: the answer comes when the decision is kept."""
    row = desk.task(number, reviewer)
    if row.state in ("done", "disagreement"):
        row = desk.store.task(number)
    if message.ask and message.verdict == "link":
        _ask(desk, row, reviewer, message.key)
    made = desk.store.adjudicate(
        number,
        reviewer.name,
        message.verdict,
        chosen=message.key,
        comment=message.comment,
        seen=seen_by(desk, row, reviewer, message, row.decisions),
    )
    left = to_settle(desk, row.worklist, most=1)
    return DecidedAnswer(made.number, number, made.verdict, left[0].number if left else None)


def _ask(desk: Desk, row: TaskRow, reviewer: Reviewer, chosen: RecordKey | None) -> None:
    """428 with a question where a link would be the second one of a record that has one at most."""
    other = row.task.right or chosen
    if other is None or desk.worklist(row.worklist).blind:
        return
    question = contradicted(
        desk.linked(reviewer, row.task.left, other), desk.casebook, row.task.left, other, row.number
    )
    if question is not None:
        raise HTTPException(428, question)


def to_settle(desk: Desk, worklist: str, most: int) -> tuple[TaskRow, ...]:
    """Disagreements, then tasks that were judged unsure and that no adjudicator has looked at."""
    rows = desk.store.tasks(worklist, Filters(state="disagreement"), most=most, order="plan")
    unsure = desk.store.tasks(worklist, Filters(state="unsure"), most=_MOST_UNSURE, order="plan")
    new = (row for row in unsure if all(one.kind != "adjudication" for one in row.decisions))
    return (*rows, *new)[:most]


def order_in(desk: Desk, blind: bool, order: Order | None) -> Order:
    """The order of a queue; in a blind worklist the weight must not tell itself by the order."""
    return "plan" if blind else order or desk.settings.order


def filters_in(sight: Sight, message: FilterMessage) -> Filters:
    """Filters of a queue; `InputError` where they would tell what a reviewer is not shown."""
    if sight.blind and message != FilterMessage():
        raise InputError("In a blind worklist nothing is filtered by weight or stratum.")
    if not sight.weights and (message.low, message.high) != (None, None):
        raise InputError("Weights depend on fields that are masked for you: nothing is filtered by them.")
    return Filters(weight_low=message.low, weight_high=message.high, strata=tuple(message.strata))


def own_decision(row: TaskRow, reviewer: Reviewer) -> Decision | None:
    """The decision of a reviewer about a task that stands."""
    own = [one for one in row.decisions if one.reviewer == reviewer.name]
    return own[-1] if own else None


def case_answer(
    desk: Desk, row: TaskRow, reviewer: Reviewer, as_page: bool, *, settle: bool = False
) -> CaseAnswer:
    """A task with its case, as a reviewer may see it; to be settled, with what all have judged."""
    view = desk.view(row, reviewer)
    verdicts = row.decisions if settle else ()
    own = None if settle else own_decision(row, reviewer)
    reason = False
    if settle:
        judged = judge(row.wanted, [one for one in verdicts if one.kind != "adjudication"])
        settled = [one for one in verdicts if one.kind == "adjudication"]
        reason = needs_reason(judged, settled[-1] if settled else None, reviewer.name)
    task = TaskAnswer(
        row.number,
        row.worklist,
        row.task.kind,
        own is not None,
        None if own is None else own.verdict,
        _stamp(_kept(view, None, verdicts)),
        reason,
    )
    html = case_page(desk, row, view, own, verdicts, reason, reviewer) if as_page else None
    comment = "" if own is None else own.comment
    return CaseAnswer(task, view, desk.progress(row.worklist, reviewer), comment, html)


def case_page(
    desk: Desk,
    row: TaskRow,
    view: PairView | RecordView,
    own: Decision | None,
    verdicts: tuple[Decision, ...],
    reason: bool,
    reviewer: Reviewer,
) -> str:
    """The part of the page that shows a case."""
    template = "pair.html.j2" if isinstance(view, PairView) else "record.html.j2"
    said = {"own": own, "verdicts": verdicts, "reason": reason}
    keys = (view.left, view.right) if isinstance(view, PairView) else (view.record,)
    found = {} if view.blind else desk.linked(reviewer, *keys)
    linked = {
        pair: f"{one.task.kind} {one.number}" for pair, one in found.items() if one.number != row.number
    }
    return _filled(desk, template, view=view, task=row, largest=_largest(view), linked=linked, **said)


def seen_by(
    desk: Desk,
    row: TaskRow,
    reviewer: Reviewer,
    message: VerdictMessage,
    verdicts: tuple[Decision, ...] = (),
) -> dict[str, Any]:
    """What was on the page of a task, as it is kept with the decision.

    `InputError` where the verdict says what it was given on, and that is not what would be shown now: fields
    may have been masked since, columns added, or a verdict taken back.
    """
    chosen = message.key
    if chosen is not None and row.task.kind == "pair":
        raise InputError("Two records are judged here: the verdict names no third.")
    view = desk.view(row, reviewer)
    if message.shown is not None and message.shown != _stamp(_kept(view, None, verdicts)):
        raise InputError("What is shown of this task has changed meanwhile: load it again, then judge it.")
    return _kept(view, None if chosen is None else desk.shown(row, view, chosen, reviewer), verdicts)


def _kept(
    view: PairView | RecordView, chosen: OtherRecord | None, verdicts: tuple[Decision, ...]
) -> dict[str, Any]:
    kept = finite(seen(view, chosen))
    assert isinstance(kept, dict)
    return kept | ({"verdicts": [one.number for one in verdicts]} if verdicts else {})


def _stamp(kept: dict[str, Any]) -> str:
    """Another one for anything else that is shown."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _undone(desk: Desk, number: int, reviewer: Reviewer, as_page: bool) -> JSONResponse:
    row = desk.task(number, reviewer)
    if own_decision(row, reviewer) is None:
        return _json(CaseAnswer(None, None, desk.progress(row.worklist, reviewer)))
    desk.store.undo(reviewer.name, number)
    comment = row.decisions[-1].comment
    row = desk.task(number, reviewer)
    return _json(replace(case_answer(desk, row, reviewer, as_page), comment=comment))


def _largest(view: PairView | RecordView) -> float:
    """The largest weight of a part, which fills a bar."""
    if isinstance(view, RecordView):
        return 0.0
    parts = (*(part for row in view.rows for part in row.parts), *view.parts)
    weights = [abs(part.weight) for part in parts if part.weight is not None]
    return max((one for one in weights if one < float("inf")), default=0.0)


def _filled(desk: Desk, template: str, **content: Any) -> str:
    return desk.pages.get_template(template).render(**content)


def _json(answer: Any) -> JSONResponse:
    return JSONResponse(finite(asdict(answer)))
