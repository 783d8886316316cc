"""Pages: signing in and out; and the files that all pages use."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from tallystick.review.admit import AtDesk, Me, cookie_name, page, set_cookie
from tallystick.review.messages import PROBLEMS, Text
from tallystick.review.settings import SESSION_HOURS, SESSION_MINUTES

router = APIRouter(responses=PROBLEMS, default_response_class=HTMLResponse)
_FILES = {
    "review.js": "text/javascript",
    "review.css": "text/css",
    "icon.svg": "image/svg+xml",
}


@router.get("/static/{name}", response_class=Response)
def static(name: str) -> Response:
    """A file that pages use."""
    if name not in _FILES:
        raise HTTPException(404)
    content = files("tallystick.review").joinpath("static", name).read_bytes()
    return Response(content, media_type=_FILES[name], headers={"cache-control": "no-cache"})


@router.get("/sign-in")
def sign_in_page(request: Request, desk: AtDesk) -> Response:
    """Ask for a name and a password."""
    if not desk.settings.login:
        return RedirectResponse("/", status_code=303)
    return page(request, "sign_in.html.j2", sentence=None)


@router.post("/sign-in", status_code=303, response_class=RedirectResponse)
def sign_in(
    request: Request,
    desk: AtDesk,
    name: Annotated[Text, Form(max_length=200)],
    password: Annotated[Text, Form(max_length=1000)],
) -> Response:
    """Begin a session."""
    if not desk.settings.login:
        return RedirectResponse("/", status_code=303)
    address = request.client.host if request.client else ""
    # From elsewhere a name stays usable: whoever guesses at it locks out nobody else.
    pair = f"{address} {name}"
    if not (desk.attempts_at_name.begin(pair) and desk.attempts.begin(address)):
        sentence = "Too many attempts from this address: wait five minutes, then try again."
        return page(request, "sign_in.html.j2", status=429, sentence=sentence)
    reviewer = desk.store.check_password(name, password)
    if reviewer is None:
        sentence = "Name and password do not fit; after five wrong ones there is a wait of five minutes."
        return page(request, "sign_in.html.j2", status=403, sentence=sentence)
    desk.attempts_at_name.succeeded(pair, all_before=True)
    # Who has a password of their own could otherwise go on guessing at those of others.
    desk.attempts.succeeded(address, all_before=False)
    response = RedirectResponse("/", status_code=303)
    token = desk.store.start_session(reviewer.name, SESSION_MINUTES, SESSION_HOURS)
    set_cookie(response, desk, "session", token)
    return response


@router.post("/sign-out", status_code=303, response_class=RedirectResponse)
def sign_out(request: Request, desk: AtDesk, reviewer: Me) -> Response:
    """End the session."""
    name = cookie_name(desk, "session")
    token = request.cookies.get(name)
    if token is not None:
        desk.store.end_session(token)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(name, path="/", secure=desk.settings.secure, httponly=True, samesite="strict")
    return response
