"""What every request has to pass, whatever it asks for: where it comes from, what is logged of it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tallystick.review.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    # With no-referrer browsers would send forms with the origin null, which could not be checked.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer: nothing is kept by browsers, nothing is taken from elsewhere or shown in a frame."""
ACCESS_LOG = logging.getLogger("tallystick.review.access")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Passes requests on that may be meant for the application, and logs them without what they hold.

    A request is refused where its Host is a name that the application does not go by (a foreign page whose
    name was bound to this machine's address), or where a page of another site sent it. Of each the log has
    the moment, the address of the client, the method, the route (not the path as asked for, which may hold
    anything), the status and the time taken. Of a failure it has the type and the place in the code;
    messages may hold values.

    Parameters
    ----------
    app : ASGI application
        What requests are passed on to.
    settings : Settings
        How it is served.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no other way to talk to it
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        state = {"status": 0}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                own = {name for name, _ in message.get("headers", ())}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own),
                ]
            await send(message)

        refusal = refused(scope["method"], _headers(scope), self._settings)
        try:
            if refusal is not None:
                await _plain(sending, *refusal)
            else:
                await self._app(scope, receive, sending)
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            logging.getLogger("tallystick.review").error("failed with %s at\n%s", type(error).__name__, where)
            if not state["status"]:
                await _plain(sending, 500, "Something failed in the server; its log says where.")
        finally:
            route = getattr(scope.get("route"), "path", "no such page")
            elapsed = 1000 * (time.perf_counter() - started)
            client = (scope.get("client") or ("-",))[0]
            ACCESS_LOG.info(
                "%s %s %s %s %s %.0f ms",
                datetime.now(UTC).isoformat(timespec="seconds"),
                client,
                scope["method"],
                route,
                state["status"],
                elapsed,
            )


def refused(method: str, headers: Mapping[str, str], settings: Settings) -> tuple[int, str] | None:
    """Why a request is not served, whoever asks: status and sentence; None where it is.

    Parameters
    ----------
    method : str
        Of the request.
    headers : mapping of str to str
        Its headers, names in lower case.
    settings : Settings
        How the application is served.

    Returns
    -------
    tuple of (int, str) or None

    Examples
    --------
    >>> refused("GET", {"host": "evil.example:8765"}, Settings("ann"))
    (421, 'This server is not asked for by the name evil.example: see the address that it printed.')
    >>> refused("GET", {"host": "localhost:8765"}, Settings("ann"))
    """
    host = headers.get("host", "")
    name = _without_port(host).casefold()
    if settings.known_hosts and name not in settings.known_hosts:
        shown = name if name and all(c.isalnum() or c in ".-_[]:" for c in name) else "that was given"
        return 421, f"This server is not asked for by the name {shown}: see the address that it printed."
    if not settings.login and any(one in headers for one in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return 403, "A proxy passed this request on: start the server with --login, so that people sign in."
    site = headers.get("sec-fetch-site")
    if site == "cross-site" and not (method == "GET" and headers.get("sec-fetch-mode") == "navigate"):
        return 403, "A page of another site sent this request."
    if method in _SAFE:
        return None
    origin = headers.get("origin")
    if origin is not None and origin.casefold() != f"{settings.scheme}://{host}".casefold():
        return 403, "A page of another site sent this request."
    if origin is None and site not in (None, "same-origin", "none"):
        return 403, "A page of another site sent this request."
    return None


def form_token(secret: str) -> str:
    """What a form must hold to be taken from who holds a cookie: no other site can know it.

    It is derived from the cookie, so that it holds when the server is started anew.

    Parameters
    ----------
    secret : str
        Content of the cookie.

    Returns
    -------
    str
        HMAC-SHA256 of a constant, in hexadecimal digits.

    Examples
    --------
    >>> len(form_token("a cookie"))
    64
    """
    return hmac.new(secret.encode("utf-8", "replace"), b"tallystick form", hashlib.sha256).hexdigest()


class Attempts:
    """How often somebody tried to sign in of late and failed: by address, or by address and name.

    Parameters
    ----------
    most : int
        Failures that are borne.
    seconds : float
        For how long they count.
    """

    def __init__(self, most: int, seconds: float = 300.0) -> None:
        self._most = most
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, who: str, now: float | None = None) -> bool:
        """Whether there may be one more; it counts as failed, so that many at once are no way around.

        Examples
        --------
        >>> attempts = Attempts(most=2, seconds=10)
        >>> [attempts.begin("10.0.0.1", at) for at in (0.0, 1.0, 2.0, 11.0)]
        [True, True, False, True]
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = [one for one in self._failures.pop(who, ()) if now - one < self._seconds]
            allowed = len(recent) < self._most
            self._failures[who] = [*recent, now] if allowed else recent
            while len(self._failures) > 10_000:  # no flood of addresses fills the memory
                self._failures.popitem(last=False)
            return allowed

    def succeeded(self, who: str, *, all_before: bool) -> None:
        """The last one was right: it does not count, nor do those before it, if so said."""
        with self._lock:
            recent = self._failures.get(who, [])
            del recent[0 if all_before else -1 :]


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


async def _plain(send: Send, status: int, sentence: str) -> None:
    headers: list[Any] = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
