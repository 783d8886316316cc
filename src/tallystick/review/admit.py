"""Who asks: a session, a token or the one who works at this machine; and whether they may."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from tallystick.errors import InputError
from tallystick.review.access import ROUTES, UNATTENDED, may
from tallystick.review.desk import Desk
from tallystick.review.people import Reviewer
from tallystick.review.security import form_token


class SignInNeeded(Exception):
    """A route needs a name, and nobody has signed in."""


class NotActive(InputError):
    """Who works at this machine was deactivated."""


class StalePage(HTTPException):
    """A form was sent by a page that was made for another session or visit, or by no page."""

    def __init__(self) -> None:
        super().__init__(403, "The page is no longer valid: load it again, then repeat this.")


def cookie_name(desk: Desk, what: str) -> str:
    """Name of a cookie: one a port, since browsers do not keep ports apart; bound to the host over https."""
    settings = desk.settings
    return f"{'__Host-' if settings.secure else ''}tallystick-{what}-{settings.port}"


def set_cookie(response: Any, desk: Desk, what: str, value: str) -> None:
    """Have a browser keep a value that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(desk, what),
        value,
        httponly=True,
        samesite="strict",
        secure=desk.settings.secure,
        path="/",
    )


def desk_of(request: Request) -> Desk:
    """What the application works with."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


def secret_of(request: Request, desk: Desk) -> str | None:
    """The cookie that forms are bound to: that of the session, else that of the visit."""
    session = request.cookies.get(cookie_name(desk, "session")) if desk.settings.login else None
    return session or request.cookies.get(cookie_name(desk, "visit"))


async def sent_token(request: Request) -> str | None:
    """The token that a request brings along, in a header or in its form."""
    if request.method != "POST":
        return None
    header = request.headers.get("x-csrf-token")
    if header is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        value = (await request.form()).get("csrf")
        header = value if isinstance(value, str) else None
    return header


def admit(
    request: Request,
    desk: Annotated[Desk, Depends(desk_of)],
    sent: Annotated[str | None, Depends(sent_token)],
) -> None:
    """Let a request in whose sender may use the route (see `tallystick.review.access.ROUTES`)."""
    route = request.method, request.scope["route"].path
    least = ROUTES.get(route)
    if least is None:
        raise HTTPException(403, "Nobody may use this route.")
    reviewer, by_token = (None, False) if least == "anyone" else _who(request, desk, route not in UNATTENDED)
    request.state.reviewer = reviewer
    if not may(None if reviewer is None else reviewer.role, least):
        if reviewer is None:
            raise SignInNeeded
        raise HTTPException(403, f"This is for the role {least} and above; you are {reviewer.role}.")
    if request.method == "POST" and not by_token:
        secret = secret_of(request, desk)
        if secret is None or sent is None or not _equal(sent, form_token(secret)):
            raise StalePage


def _who(request: Request, desk: Desk, prolong: bool) -> tuple[Reviewer | None, bool]:
    """Who asks, and whether a token says so, which no browser sends by itself."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return desk.store.check_token(token.strip()), True
    if desk.settings.reviewer is not None:
        name = desk.settings.reviewer
        known = desk.store.reviewer(name)
        check_active(known)
        return Reviewer(name, "administrator", () if known is None else known.masked), False
    session = request.cookies.get(cookie_name(desk, "session"))
    return (None if session is None else desk.store.session(session, prolong=prolong)), False


def check_active(reviewer: Reviewer | None) -> None:
    """`NotActive` where who is to work at this machine was deactivated."""
    if reviewer is not None and not reviewer.active:
        raise NotActive(
            f"{reviewer.name} was deactivated and cannot work here: name another one with --reviewer, or let "
            "this one in again with tallystick reviewers change --activate."
        )


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def me_of(request: Request) -> Reviewer:
    """Who asks."""
    reviewer = request.state.reviewer
    assert isinstance(reviewer, Reviewer)
    return reviewer


AtDesk = Annotated[Desk, Depends(desk_of)]
Me = Annotated[Reviewer, Depends(me_of)]


def page(
    request: Request, template: str, *, here: str = "", status: int = 200, **content: Any
) -> HTMLResponse:
    """A page for whoever asks."""
    desk = desk_of(request)
    secret = secret_of(request, desk)
    fresh = None if secret else secrets.token_urlsafe(32)
    text = desk.pages.get_template(template).render(
        csrf=form_token(secret or fresh or ""),
        linkage=desk.casebook.title,
        login=desk.settings.login,
        me=getattr(request.state, "reviewer", None),
        worklists=desk.names,
        here=here,
        **content,
    )
    response = HTMLResponse(text, status_code=status)
    if fresh is not None:
        set_cookie(response, desk, "visit", fresh)
    return response
