"""Who may do what: the routes of the review application, each with the least role that it asks for."""

from __future__ import annotations

from typing import Literal

from tallystick.review.tasks import Role

Least = Literal["anyone"] | Role
"""The least role; ``anyone`` needs no name."""

RANKS: dict[str, int] = {"anyone": 0, "reviewer": 1, "adjudicator": 2, "administrator": 3}
"""Each may do what those below may."""

ROUTES: dict[tuple[str, str], Least] = {
    ("GET", "/static/{name}"): "anyone",
    ("GET", "/sign-in"): "anyone",
    ("POST", "/sign-in"): "anyone",
    ("POST", "/sign-out"): "reviewer",
    # pages
    ("GET", "/"): "reviewer",
    ("GET", "/worklists/{worklist}"): "reviewer",
    ("GET", "/worklists/{worklist}/tasks"): "reviewer",
    ("POST", "/worklists/{worklist}/tasks"): "reviewer",
    ("GET", "/worklists/{worklist}/history"): "reviewer",
    ("GET", "/worklists/{worklist}/disagreements"): "adjudicator",
    ("GET", "/worklists/{worklist}/disagreements/{number}"): "adjudicator",
    ("GET", "/people"): "administrator",
    ("POST", "/people"): "administrator",
    ("POST", "/people/change"): "administrator",
    ("POST", "/people/password"): "administrator",
    ("POST", "/people/token"): "administrator",
    ("POST", "/people/revoke"): "administrator",
    ("POST", "/people/deactivate"): "administrator",
    ("GET", "/decisions"): "administrator",
    ("POST", "/decisions/export"): "administrator",
    # JSON
    ("GET", "/api/me"): "reviewer",
    ("GET", "/api/worklists"): "reviewer",
    ("POST", "/api/worklists/{worklist}/next"): "reviewer",
    ("POST", "/api/worklists/{worklist}/undo"): "reviewer",
    ("POST", "/api/tasks/{number}/claim"): "reviewer",
    ("POST", "/api/tasks/{number}/renew"): "reviewer",
    ("POST", "/api/tasks/{number}/release"): "reviewer",
    ("POST", "/api/tasks/{number}/decide"): "reviewer",
    ("POST", "/api/tasks/{number}/undo"): "reviewer",
    ("POST", "/api/tasks/{number}/search"): "reviewer",
    ("POST", "/api/tasks/{number}/adjudicate"): "adjudicator",
    ("GET", "/openapi.json"): "administrator",
}
"""Every route, by method and path. One that is not here is refused, so that none can be forgotten."""

UNATTENDED = frozenset({("POST", "/api/tasks/{number}/renew")})
"""Routes that pages ask for by themselves: they do not prolong a session."""


def may(role: str | None, least: Least) -> bool:
    """Whether somebody of a role may use a route.

    Parameters
    ----------
    role : str or None
        The role; None of somebody without a name.
    least : str
        What the route asks for.

    Returns
    -------
    bool

    Examples
    --------
    >>> may(None, "anyone"), may("reviewer", "adjudicator"), may("administrator", "reviewer")
    (True, False, True)
    """
    return RANKS[role or "anyone"] >= RANKS[least]
