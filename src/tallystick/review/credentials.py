"""Tokens and sessions: secrets that stand for a person, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from tallystick.errors import InputError
from tallystick.review.connect import Database
from tallystick.review.people import Reviewer, known, reviewer_of
from tallystick.review.tables import REVIEWERS, SESSIONS, TOKENS

LONGEST_SESSION = 12.0
"""Hours after which a session ends however busy it is."""


def new_token(database: Database, name: str, days: int) -> str:
    """Make a token (see `tallystick.review.store.Store.new_token`)."""
    if not 1 <= days <= 3650:
        raise InputError(f"a token is good for 1 to 3,650 days, not for {days:,}.")
    token = "tally_" + secrets.token_urlsafe(32)
    with database.writing() as connection:
        _check_active(connection, name)
        now = database.now(connection)
        connection.execute(
            insert(TOKENS).values(
                hash=_hash(token), name=name, made_at=now, expires_at=now + timedelta(days=days)
            )
        )
    return token


def check_token(database: Database, token: str) -> Reviewer | None:
    """The person for whom a token stands; None where it is none, or too old."""
    with database.reading() as connection:
        now = database.now(connection)
        row = connection.execute(
            select(REVIEWERS)
            .join(TOKENS, TOKENS.c.name == REVIEWERS.c.name)
            .where(TOKENS.c.hash == _hash(token), TOKENS.c.expires_at > now, REVIEWERS.c.active.is_(True))
        ).one_or_none()
        return None if row is None else reviewer_of(row)


def revoke_tokens(database: Database, name: str) -> int:
    """Make all tokens of a person void; how many there were."""
    with database.writing() as connection:
        known(connection, name)
        return connection.execute(delete(TOKENS).where(TOKENS.c.name == name)).rowcount


def start_session(database: Database, name: str, minutes: float, hours: float) -> str:
    """Begin a session (see `tallystick.review.store.Store.start_session`)."""
    token = secrets.token_urlsafe(32)
    with database.writing() as connection:
        _check_active(connection, name)
        now = database.now(connection)
        connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
        connection.execute(
            insert(SESSIONS).values(
                hash=_hash(token),
                name=name,
                minutes=minutes,
                expires_at=now + timedelta(minutes=minutes),
                ends_at=now + timedelta(hours=hours),
            )
        )
    return token


def session(database: Database, token: str, prolong: bool) -> Reviewer | None:
    """The person whose session it is (see `tallystick.review.store.Store.session`)."""
    with database.reading() as connection:
        now = database.now(connection)
        row = _session(connection, token)
        if row is None or row.expires_at <= now or row.ends_at <= now or not row.active:
            return None
        person = reviewer_of(row)
    span = timedelta(minutes=row.minutes)
    # Not at every request: a session that began its time a moment ago need not be written.
    if prolong and row.expires_at - now < span * 0.9:
        with database.writing() as connection:
            connection.execute(
                update(SESSIONS)
                .where(SESSIONS.c.hash == _hash(token))
                .values(expires_at=min(now + span, row.ends_at))
            )
    return person


def end_session(database: Database, token: str) -> None:
    """End a session."""
    with database.writing() as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.hash == _hash(token)))


def _session(connection: Connection, token: str) -> Row[Any] | None:
    return connection.execute(
        select(REVIEWERS, SESSIONS.c.minutes, SESSIONS.c.expires_at, SESSIONS.c.ends_at)
        .join(SESSIONS, SESSIONS.c.name == REVIEWERS.c.name)
        .where(SESSIONS.c.hash == _hash(token))
    ).one_or_none()


def _check_active(connection: Connection, name: str) -> None:
    if not known(connection, name).active:
        raise InputError(f"{name!r} is not active: make the person active first.")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
