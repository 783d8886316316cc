"""Pages: the overview, the desk, the list, the history, disagreements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse

from tallystick import _formats as formats
from tallystick.errors import InputError
from tallystick.review.admit import AtDesk, Me, page
from tallystick.review.agreement import Band, Kappa
from tallystick.review.cases import RecordKey
from tallystick.review.desk import Desk, then_of
from tallystick.review.filters import Filters, Wanted
from tallystick.review.messages import (
    LARGEST_NUMBER,
    PROBLEMS,
    FilterMessage,
    TaskNumber,
    Text,
    WorklistName,
)
from tallystick.review.people import Reviewer
from tallystick.review.routes_tasks import filters_in, order_in, own_decision, to_settle
from tallystick.review.standing import TaskRow
from tallystick.review.tasks import AUDIT, POSSIBLE, Decision
from tallystick.review.views import show_found

router = APIRouter(responses=PROBLEMS, default_response_class=HTMLResponse)

_ROWS = 25
"""Tasks on a page of the list."""
_MOST_RECORDS = 200
"""Records whose tasks the list shows when words are searched for."""
_STATES = (
    ("open", "open"),
    ("done", "judged"),
    ("unsure", "judged unsure"),
    ("disagreement", "disagreement"),
    ("all", "all"),
)
_WHAT = {
    POSSIBLE: "Possible links, which the linkage leaves to people, and pairs whose answer tells much.",
    AUDIT: "A sample that the quality of the linkage is estimated from, blind to what the machine decided.",
}


@router.get("/")
def overview(request: Request, desk: AtDesk, reviewer: Me) -> HTMLResponse:
    """Worklists, and how far they are."""
    lists = []
    for one in desk.worklists():
        figures = desk.known_to(reviewer, one.name, one.progress)
        people = sorted(figures.by_reviewer.items(), key=lambda item: (-item[1], item[0]))
        lists.append(
            {
                "name": one.name,
                "what": _WHAT.get(one.name, ""),
                "then": then_of(one.name),
                "progress": figures,
                "reviews": one.reviews,
                "open": figures.open,
                "by_reviewer": people,
                "agreement": _agreement(desk, one.name) if reviewer.role != "reviewer" else (),
            }
        )
    return page(request, "overview.html.j2", here="overview", lists=lists, sources=desk.casebook.sources)


@router.get("/worklists/{worklist}")
def review(
    request: Request,
    worklist: WorklistName,
    desk: AtDesk,
    reviewer: Me,
    task: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
    low: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    high: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    stratum: Annotated[Text | None, Query()] = None,
) -> HTMLResponse:
    """The desk, where tasks come one after the other."""
    if task is not None and desk.task(task, reviewer).worklist != worklist:
        raise InputError("This task belongs to another worklist.")
    filters = FilterMessage(low=low, high=high, strata=[] if stratum is None else [stratum])
    filters_in(desk.sight(reviewer, worklist), filters)
    said = [
        None if low is None else f"a weight of at least {low:g}",
        None if high is None else f"a weight of at most {high:g}",
        None
        if stratum is None
        else f"the stratum \N{FIRST STRONG ISOLATE}{stratum}\N{POP DIRECTIONAL ISOLATE}",
    ]
    return _desk(
        request,
        desk,
        worklist,
        reviewer,
        mode="review",
        start=task,
        filters=filters.model_dump_json(),
        filtered=formats.sentence_list([words for words in said if words]),
    )


@router.get("/worklists/{worklist}/tasks")
def tasks(request: Request, worklist: WorklistName, desk: AtDesk, reviewer: Me) -> HTMLResponse:
    """All tasks of a worklist."""
    return _list(request, worklist, desk, reviewer, _Form())


@router.post("/worklists/{worklist}/tasks")
def found_tasks(
    request: Request,
    worklist: WorklistName,
    desk: AtDesk,
    reviewer: Me,
    state: Annotated[Wanted, Form()] = "all",
    verdict: Annotated[Literal["", "link", "non-link", "unsure"], Form()] = "",
    low: Annotated[Text, Form(max_length=30)] = "",
    high: Annotated[Text, Form(max_length=30)] = "",
    stratum: Annotated[Text, Form()] = "",
    words: Annotated[Text, Form(max_length=200)] = "",
    field: Annotated[Text, Form()] = "",
    page: Annotated[int, Form(ge=0, le=1_000_000)] = 0,
) -> HTMLResponse:
    """Tasks of a worklist, filtered; words come by POST, so that no address holds them."""
    form = _Form(state, verdict, low, high, stratum, words, field, page)
    return _list(request, worklist, desk, reviewer, form)


@router.get("/worklists/{worklist}/history")
def history(request: Request, worklist: WorklistName, desk: AtDesk, reviewer: Me) -> HTMLResponse:
    """What a reviewer has judged."""
    desk.worklist(worklist)
    rows = [
        {"number": row.number, "kind": row.task.kind, "own": own, "settle": _may_settle(row, own, reviewer)}
        for row in desk.store.history(reviewer.name, worklist, most=200)
        if (own := own_decision(row, reviewer)) is not None
    ]
    return page(request, "history.html.j2", here=worklist, worklist=worklist, rows=rows)


@router.get("/worklists/{worklist}/disagreements")
def disagreements(request: Request, worklist: WorklistName, desk: AtDesk) -> HTMLResponse:
    """Tasks whose two reviewers disagree, and those that were judged unsure."""
    desk.worklist(worklist)
    rows = [
        {"number": row.number, "kind": row.task.kind, "decisions": row.decisions}
        for row in to_settle(desk, worklist, most=500)
    ]
    return page(request, "disagreements.html.j2", here=worklist, worklist=worklist, rows=rows)


@router.get("/worklists/{worklist}/disagreements/{number}")
def disagreement(
    request: Request, worklist: WorklistName, number: TaskNumber, desk: AtDesk, reviewer: Me
) -> HTMLResponse:
    """A task that is judged, and that an adjudicator settles."""
    row = desk.task(number, reviewer)
    if row.worklist != desk.worklist(worklist).name:
        raise InputError("This task belongs to another worklist.")
    if row.state not in ("done", "disagreement"):
        raise InputError("This task still waits for a judgement: nothing is to be settled.")
    return _desk(
        request, desk, worklist, reviewer, mode="adjudicate", start=number, filters="{}", filtered=""
    )


@dataclass(frozen=True)
class _Form:
    """The form of the list, as it was sent."""

    state: Wanted = "all"
    verdict: Literal["", "link", "non-link", "unsure"] = ""
    low: str = ""
    high: str = ""
    stratum: str = ""
    words: str = ""
    field: str = ""
    page: int = 0


def _desk(request: Request, desk: Desk, worklist: str, reviewer: Reviewer, **content: Any) -> HTMLResponse:
    blind = desk.worklist(worklist).blind
    return page(
        request,
        "review.html.j2",
        here=worklist,
        worklist=worklist,
        blind=blind,
        progress=desk.progress(worklist, reviewer),
        order=order_in(desk, blind, None),
        **content,
    )


def _list(request: Request, worklist: str, desk: Desk, reviewer: Reviewer, form: _Form) -> HTMLResponse:
    listed = desk.worklist(worklist)
    sight = desk.sight(reviewer, worklist)
    fields = sight.shown(desk.casebook.fields)
    sentence: str | None = None
    rows: tuple[TaskRow, ...] = ()
    try:
        filters = _filters(desk, form, worklist, reviewer)
        if filters is not None:
            rows = desk.store.tasks(
                worklist,
                filters,
                offset=form.page * _ROWS,
                most=_ROWS + 1,
                order="plan" if listed.blind else "weight",
                reviewer=reviewer.name,
            )
    except InputError as error:
        sentence = str(error)
    shown = [_row(desk, row, reviewer, fields) for row in rows[:_ROWS]]
    return page(
        request,
        "tasks.html.j2",
        here=worklist,
        status=200 if sentence is None else 400,
        worklist=worklist,
        blind=listed.blind,
        weights=sight.weights,
        form=form,
        sentence=sentence,
        states=_states(reviewer),
        strata=() if listed.blind else desk.store.strata(worklist),
        fields=fields,
        rows=shown,
        page=form.page,
        first=form.page * _ROWS + min(1, len(shown)),
        last=form.page * _ROWS + len(shown),
        further=len(rows) > _ROWS,
        judged=_address(worklist, form) if not listed.blind and not form.words and sentence is None else None,
    )


def _filters(desk: Desk, form: _Form, worklist: str, reviewer: Reviewer) -> Filters | None:
    """What the form asks for; None where its words find no record."""
    asked = filters_in(
        desk.sight(reviewer, worklist),
        FilterMessage(
            low=_number(form.low, "The least weight"),
            high=_number(form.high, "The largest weight"),
            strata=[form.stratum] if form.stratum else [],
        ),
    )
    records: tuple[RecordKey, ...] = ()
    if form.words.strip():
        words = {form.field: form.words}
        found = desk.search(words, desk.casebook.sources, reviewer, worklist, most=_MOST_RECORDS)
        if not found:
            return None
        records = tuple(one.key for one in found)
    return replace(
        asked,
        state=form.state,
        verdict=form.verdict or None,
        records=records,
        as_seen_by=reviewer.name if reviewer.role == "reviewer" else None,
    )


def _states(reviewer: Reviewer) -> tuple[tuple[str, str], ...]:
    """States that tasks can be listed by; a reviewer is not to know whether the other one agreed."""
    if reviewer.role != "reviewer":
        return _STATES
    return tuple(
        (state, "judged unsure by you" if state == "unsure" else words)
        for state, words in _STATES
        if state != "disagreement"
    )


def _may_settle(row: TaskRow, own: Decision | None, reviewer: Reviewer) -> bool:
    """Whether somebody may settle a task."""
    if reviewer.role == "reviewer" or row.state not in ("done", "disagreement"):
        return False
    return reviewer.role == "administrator" or own is None or own.kind == "adjudication"


def _number(text: str, what: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.replace(formats.MINUS, "-"))
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise InputError(f"{what} is not a number: write it like 2.5 or -1.")
    return value


def _row(desk: Desk, row: TaskRow, reviewer: Reviewer, fields: tuple[str, ...]) -> dict[str, Any]:
    """A task in the list; of what others judged there is no more than the state, if that."""
    states = {"claimed": "being judged", "done": "judged"}
    if reviewer.role == "reviewer":
        states["disagreement"] = "judged"
    sight = desk.sight(reviewer, row.worklist)
    task, own = row.task, own_decision(row, reviewer)
    left = desk.record(task.left)
    records = show_found([left], None, fields, sight)
    if task.right is not None:
        records += show_found([desk.record(task.right)], left, fields, sight)
    return {
        "number": row.number,
        "kind": task.kind,
        "state": states.get(row.state, row.state),
        "settle": _may_settle(row, own, reviewer),
        "verdict": None if own is None else own.verdict,
        "weight": task.weight if sight.weights else None,
        "stratum": None if sight.blind else task.stratum,
        "records": records,
    }


def _address(worklist: str, form: _Form) -> str | None:
    """Where the open tasks of these filters are judged."""
    query = {"low": form.low, "high": form.high, "stratum": form.stratum}
    kept = {name: value.strip() for name, value in query.items() if value.strip()}
    if not kept or form.state not in ("open", "all") or form.verdict:
        return None
    return f"/worklists/{worklist}?{urlencode(kept)}"


def _agreement(desk: Desk, worklist: str) -> tuple[dict[str, Any], ...]:
    """Rows of the table of agreement: in all, and by band of weight, which a blind worklist keeps back."""
    found = desk.agreement(worklist)
    if found is None:
        return ()
    bands = [] if desk.worklist(worklist).blind else [(_band(one), one.agreement) for one in found.bands]
    return tuple(
        {"label": label, "n": one.n, "observed": one.observed, "kappa": _kappa(one)}
        for label, one in (("in all", found.overall), *bands)
        if one.n
    )


def _band(band: Band) -> str:
    if band.low is None or band.high is None:
        return (
            f"from {formats.weight(band.low)}" if band.high is None else f"below {formats.weight(band.high)}"
        )
    return f"{formats.weight(band.low)} to {formats.weight(band.high)}"


def _kappa(one: Kappa) -> str:
    if one.kappa is None:
        return formats.NOTHING
    if one.low is None or one.high is None:
        return f"{one.kappa:.2f}"
    return f"{one.kappa:.2f} ({one.low:.2f} to {one.high:.2f})".replace("-", formats.MINUS)
