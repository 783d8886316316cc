"""Who may review: names, roles, passwords."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import Connection, Row, delete, insert, select, update

from tallystick.errors import InputError
from tallystick.review.connect import Database
from tallystick.review.rows import checked_text, give_back
from tallystick.review.tables import REVIEWERS, SESSIONS, TASKS, TOKENS
from tallystick.review.tasks import Role

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1000
MOST_FAILURES = 100
"""Wrong passwords in a row after which a name is locked out, from wherever they come (NIST SP 800-63B).

So many that one address, which has to wait after five of them, is long about it; see
`tallystick.review.security.Attempts`.
"""
LOCKED_OUT = timedelta(minutes=5)


@dataclass(frozen=True)
class Reviewer:
    """A person who may review.

    Attributes
    ----------
    name : str
        By which decisions are signed.
    role : {"reviewer", "adjudicator", "administrator"}
        What the person may do: each role all that those before it may.
    masked : tuple of str
        Fields whose values the person is not shown.
    active : bool
        Whether the person may sign in.
    has_password : bool
        Whether there is a password to sign in with.
    """

    name: str
    role: Role
    masked: tuple[str, ...] = ()
    active: bool = True
    has_password: bool = False


def add(database: Database, name: str, role: Role, password: str | None, masked: Sequence[str]) -> Reviewer:
    """Add a person (see `tallystick.review.store.Store.add_reviewer`)."""
    _check_name(name)
    _check_role(role)
    hashed = None if password is None else _hashed(password)
    with database.writing() as connection:
        if _row(connection, name) is not None:
            raise InputError(f"there is a reviewer {name!r} already: change that one, or take another name.")
        connection.execute(
            insert(REVIEWERS).values(
                name=name,
                role=role,
                masked=_masked(masked),
                active=True,
                password=hashed,
                failures=0,
                added_at=database.now(connection),
            )
        )
        return reviewer_of(known(connection, name))


def change(database: Database, name: str, *, sign_out: bool = False, **values: Any) -> Reviewer:
    """Change columns of a person; `sign_out` ends the sessions."""
    with database.writing() as connection:
        known(connection, name)
        connection.execute(update(REVIEWERS).where(REVIEWERS.c.name == name).values(**values))
        if sign_out:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))
        return reviewer_of(known(connection, name))


def set_password(database: Database, name: str, password: str) -> Reviewer:
    """Give a person another password, and end the sessions."""
    return change(database, name, sign_out=True, password=_hashed(password), failures=0, locked_until=None)


def set_role(database: Database, name: str, role: Role) -> Reviewer:
    """Give a person another role."""
    _check_role(role)
    return change(database, name, role=role)


def set_masked(database: Database, name: str, masked: Sequence[str]) -> Reviewer:
    """Say anew which fields a person is not shown."""
    return change(database, name, masked=_masked(masked))


def set_active(database: Database, name: str, active: bool) -> Reviewer:
    """Let a person in again, or no longer; then sessions end, tokens are void and tasks are given back."""
    if active:
        return change(database, name, active=True, failures=0, locked_until=None)
    with database.writing() as connection:
        known(connection, name)
        connection.execute(update(REVIEWERS).where(REVIEWERS.c.name == name).values(active=False))
        for table in (SESSIONS, TOKENS):
            connection.execute(delete(table).where(table.c.name == name))
        give_back(connection, TASKS.c.claimed_by == name)
        return reviewer_of(known(connection, name))


def reviewers(database: Database) -> tuple[Reviewer, ...]:
    """All people, by name."""
    with database.reading() as connection:
        rows = connection.execute(select(REVIEWERS).order_by(REVIEWERS.c.name))
        return tuple(reviewer_of(row) for row in rows)


def reviewer(database: Database, name: str) -> Reviewer | None:
    """One person; None where there is none of this name."""
    with database.reading() as connection:
        row = _row(connection, name)
        return None if row is None else reviewer_of(row)


def role_of(connection: Connection, name: str) -> Role:
    """The role of a name; one that is not listed works alone on this machine and is the administrator."""
    row = _row(connection, name)
    role: Role = "administrator" if row is None else row.role
    return role


def check_password(database: Database, name: str, password: str) -> Reviewer | None:
    """The person, if the password is right (see `tallystick.review.store.Store.check_password`)."""
    # Counted as failed beforehand, so that many attempts at once are no way around the limit.
    with database.writing() as connection:
        now = database.now(connection)
        row = _row(connection, name)
        usable = (
            row is not None
            and row.active
            and row.password is not None
            and (row.locked_until is None or row.locked_until <= now)
        )
        if usable:
            assert row is not None
            failures = REVIEWERS.c.failures + 1
            found = connection.execute(
                update(REVIEWERS)
                .where(REVIEWERS.c.name == name)
                .values(failures=failures)
                .returning(REVIEWERS.c.failures)
            ).scalar_one()
            if found >= MOST_FAILURES:
                connection.execute(
                    update(REVIEWERS)
                    .where(REVIEWERS.c.name == name)
                    .values(failures=0, locked_until=now + LOCKED_OUT)
                )
    right = _verified(row.password if usable and row is not None else _nobodys(), password)
    if not (usable and right and row is not None):
        return None
    values: dict[str, Any] = {"failures": 0, "locked_until": None}
    if _hasher().check_needs_rehash(row.password):
        values["password"] = _hasher().hash(password)
    return change(database, name, **values)


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@functools.cache
def _nobodys() -> str:
    """A hash to check against where there is no person, so that a wrong name takes as long."""
    return _hasher().hash("nobody's password")


def _verified(hashed: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters: choose another."
        )
    return _hasher().hash(checked_text(password, "the password"))


def _check_name(name: str) -> None:
    if not name or name != name.strip() or len(name) > 100 or not name.isprintable():
        raise InputError(
            "the name of a reviewer has 1 to 100 printable characters, and no blank at either end: "
            "choose another."
        )


def _check_role(role: str) -> None:
    if role not in get_args(Role):
        raise InputError(f"the role is {role!r}: it is one of {', '.join(get_args(Role))}.")


def _masked(fields: Sequence[str]) -> str:
    return json.dumps([checked_text(field, "a masked field") for field in fields], ensure_ascii=False)


def _row(connection: Connection, name: str) -> Row[Any] | None:
    # PostgreSQL refuses to look for a name that it could not keep.
    if "\x00" in name:
        return None
    return connection.execute(select(REVIEWERS).where(REVIEWERS.c.name == name)).one_or_none()


def known(connection: Connection, name: str) -> Row[Any]:
    """The row of a person; `InputError` where there is none of this name."""
    row = _row(connection, name)
    if row is None:
        names = connection.execute(select(REVIEWERS.c.name).order_by(REVIEWERS.c.name)).scalars().all()
        raise InputError(f"there is no reviewer {name!r}; there are: {', '.join(names) or 'none yet'}.")
    return row


def reviewer_of(row: Row[Any]) -> Reviewer:
    """The person in a row."""
    return Reviewer(
        name=row.name,
        role=row.role,
        masked=tuple(json.loads(row.masked)),
        active=row.active,
        has_password=row.password is not None,
    )
