"""Pages of the administrator: people, and the decisions as a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from tallystick.errors import InputError
from tallystick.review.admit import AtDesk, Me, page
from tallystick.review.desk import Desk
from tallystick.review.masks import checked_masks
from tallystick.review.messages import PROBLEMS, Text
from tallystick.review.tasks import Role

router = APIRouter(responses=PROBLEMS, default_response_class=HTMLResponse)

Name = Annotated[Text, Form(max_length=200)]
Secret = Annotated[Text, Form(max_length=1000)]
_LATEST = 100
_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@router.get("/people")
def people(request: Request, desk: AtDesk) -> HTMLResponse:
    """Who may review."""
    return _page(request, desk, None)


@router.post("/people")
def add(
    request: Request,
    desk: AtDesk,
    name: Name,
    role: Annotated[Role, Form()],
    password: Secret = "",
    masked: Annotated[list[Text], Form()] = [],  # noqa: B006 (FastAPI copies it)
) -> HTMLResponse:
    """Add a person."""

    def work() -> str:
        fields = checked_masks(masked, desk.casebook.fields)
        desk.store.add_reviewer(name, role, password=password or None, masked=fields)
        return f"{name} was added as {role}."

    return _done(request, desk, work)


@router.post("/people/change")
def change(
    request: Request,
    desk: AtDesk,
    me: Me,
    name: Name,
    role: Annotated[Role, Form()],
    masked: Annotated[list[Text], Form()] = [],  # noqa: B006 (FastAPI copies it)
) -> HTMLResponse:
    """Give a person another role or other masks."""

    def work() -> str:
        fields = checked_masks(masked, desk.casebook.fields)
        known = desk.store.reviewer(name)
        # What is not shown in this review cannot be ticked in its form, and stays masked.
        fields += tuple(one for one in known.masked if one not in desk.casebook.fields) if known else ()
        if desk.settings.login and name == me.name and role != me.role:
            raise InputError("You cannot take your own role away: another administrator can.")
        desk.store.set_role(name, role)
        desk.store.set_masked(name, fields)
        return f"{name} is {role}; masked: {', '.join(fields) or 'nothing'}."

    return _done(request, desk, work)


@router.post("/people/password")
def password(request: Request, desk: AtDesk, name: Name, password: Secret) -> HTMLResponse:
    """Give a person another password."""

    def work() -> str:
        desk.store.set_password(name, password)
        return f"{name} has a new password; sessions with the old one have ended."

    return _done(request, desk, work)


@router.post("/people/token")
def token(
    request: Request, desk: AtDesk, name: Name, days: Annotated[int, Form(ge=1, le=366)] = 30
) -> HTMLResponse:
    """Make a token, which is shown once."""
    try:
        text = desk.store.new_token(name, days)
    except InputError as error:
        return _page(request, desk, str(error), failed=True)
    return _page(request, desk, f"A token for {days} days was made.", token={"name": name, "text": text})


@router.post("/people/revoke")
def revoke(request: Request, desk: AtDesk, name: Name) -> HTMLResponse:
    """Make all tokens of a person void."""

    def work() -> str:
        return f"{desk.store.revoke_tokens(name)} tokens of {name} were made void."

    return _done(request, desk, work)


@router.post("/people/deactivate")
def deactivate(
    request: Request, desk: AtDesk, me: Me, name: Name, active: Annotated[bool, Form()] = False
) -> HTMLResponse:
    """Let a person in no longer, or again."""

    def work() -> str:
        if active:
            desk.store.activate(name)
            return f"{name} may work again."
        if desk.settings.login and name == me.name:
            raise InputError("You cannot deactivate yourself: another administrator can.")
        desk.store.deactivate(name)
        return f"{name} was deactivated: sessions and tokens have ended; decisions stay."

    return _done(request, desk, work)


@router.get("/decisions")
def decisions(request: Request, desk: AtDesk) -> HTMLResponse:
    """The latest decisions."""
    rows = desk.store.decisions()
    latest = rows[: -_LATEST - 1 : -1]
    return page(request, "decisions.html.j2", here="decisions", rows=latest, total=len(rows))


@router.post("/decisions/export", response_class=Response)
def export(desk: AtDesk, format: Annotated[Literal["csv", "parquet"], Form()] = "csv") -> Response:
    """All decisions as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"decisions.{format}"
        desk.store.export(path)
        content = path.read_bytes()
    headers = {"content-disposition": f'attachment; filename="decisions.{format}"'}
    return Response(content, media_type=_TYPES[format], headers=headers)


def _done(request: Request, desk: Desk, work: Any) -> HTMLResponse:
    try:
        return _page(request, desk, work())
    except InputError as error:
        return _page(request, desk, str(error), failed=True)


def _page(
    request: Request,
    desk: Desk,
    sentence: str | None,
    *,
    failed: bool = False,
    token: dict[str, str] | None = None,
) -> HTMLResponse:
    return page(
        request,
        "people.html.j2",
        here="people",
        status=400 if failed else 200,
        sentence=None if not sentence else sentence[0].upper() + sentence[1:],
        failed=failed,
        token=token,
        people=desk.store.reviewers(),
        roles=get_args(Role),
        fields=desk.casebook.fields,
    )
