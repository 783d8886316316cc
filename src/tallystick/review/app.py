"""The review application, put together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from tallystick.errors import InputError, RunError
from tallystick.review import routes_pages, routes_people, routes_session, routes_tasks
from tallystick.review.admit import NotActive, SignInNeeded, StalePage, admit, check_active, page
from tallystick.review.cases import Casebook
from tallystick.review.connect import StoreFailed
from tallystick.review.desk import Desk, NotFound
from tallystick.review.security import Guard
from tallystick.review.settings import Settings
from tallystick.review.store import Store

LARGEST_BODY = 256 * 1024
"""Bytes of a request; no form of the application is near it."""
_HEADINGS = {403: "Not for you", 404: "Not there", 405: "Not possible", 503: "The store cannot be reached"}


class ReviewApp:
    """The application behind its guard: what a server serves.

    Attributes
    ----------
    api : FastAPI
        The application itself.
    """

    def __init__(self, api: FastAPI, settings: Settings) -> None:
        self.api = api
        self._guard = Guard(api, settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        await self._guard(scope, receive, send)


def make_app(store: Store, casebook: Casebook, settings: Settings) -> ReviewApp:
    """Put the review application together.

    Parameters
    ----------
    store : Store
        Worklists, decisions and people.
    casebook : Casebook
        Records and pairs of the run.
    settings : Settings
        How it is served, and to whom.

    Returns
    -------
    ReviewApp
        An ASGI application.

    Raises
    ------
    InputError
        Where store and casebook are of different runs, or who works at this machine was deactivated.
    """
    if (store.run, store.model) != (casebook.run, casebook.model):
        raise InputError("The store is of another run than the cases: open both from the same run directory.")
    if settings.reviewer is not None:
        check_active(store.reviewer(settings.reviewer))
    api = FastAPI(
        title="tallystick review",
        summary="Pairs and records of a linkage, judged by people.",
        version=version("tallystick"),
        openapi_url=None,  # served by a route of our own, which asks for a role
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
        redirect_slashes=False,
        max_body_size=LARGEST_BODY,
        telemetry={  # traces hold addresses and messages, and would leave the machine
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    api.state.desk = Desk(store, casebook, settings)
    for routes in (routes_session, routes_pages, routes_tasks, routes_people):
        api.include_router(routes.router)

    def description(request: Request) -> JSONResponse:
        """Describe the application in the OpenAPI format."""
        return JSONResponse(api.openapi())

    api.add_api_route("/openapi.json", description, include_in_schema=False)
    api.openapi()  # makes what routes need now, and not at the first requests, of which many come at once
    api.add_exception_handler(SignInNeeded, _sign_in)
    api.add_exception_handler(InputError, _input_error)
    api.add_exception_handler(RunError, _run_error)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(StalePage, _stale)
    api.add_exception_handler(RequestValidationError, _not_understood)
    return ReviewApp(api, settings)


def _sign_in(request: Request, error: Exception) -> Response:
    if _wants_json(request):
        headers = {"WWW-Authenticate": "Bearer"}
        return JSONResponse({"detail": "Sign in, or send a token."}, status_code=401, headers=headers)
    return RedirectResponse("/sign-in", status_code=303)


def _input_error(request: Request, error: Exception) -> Response:
    if isinstance(error, NotFound):
        return _answer(request, 404, str(error))
    if isinstance(error, NotActive):
        return _answer(request, 403, str(error))
    return _answer(request, 409 if _wants_json(request) else 400, str(error))


def _run_error(request: Request, error: Exception) -> Response:
    """The log says where the store is, which reviewers are not told."""
    logging.getLogger("tallystick.review").error("%s", error)
    reason = error.reason if isinstance(error, StoreFailed) else "the log of the server says why"
    return _answer(request, 503, f"The store of decisions cannot be used: {reason}.")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = "There is no such page." if error.status_code == 404 else str(error.detail)
    return _answer(request, error.status_code, sentence, dict(error.headers or {}))


def _stale(request: Request, error: Exception) -> Response:
    if request.url.path != "/sign-in":
        return _http_error(request, error)
    sentence = "The page was no longer valid: sign in on this one."
    return page(request, "sign_in.html.j2", status=403, sentence=sentence)


def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, 422, _sentence(error.errors()))


def _sentence(errors: Sequence[Any]) -> str:
    """What is wrong with a message; never what it said."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return "What was sent is not valid JSON: correct it, and send it again."
    where = ".".join(str(one) for one in first["loc"] if isinstance(one, str)) or "the message"
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}."


def _answer(request: Request, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    if _wants_json(request):
        return JSONResponse({"detail": sentence}, status_code=status, headers=headers)
    sentence = f"{sentence[0].upper()}{sentence[1:]}" if sentence else "This is not possible."
    heading = _HEADINGS.get(status, "Not possible")
    answer = page(request, "error.html.j2", status=status, heading=heading, sentence=sentence)
    answer.headers.update(headers or {})
    return answer


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/openapi.json"))
