"""A connection to the database of a store, whose every failure is one plain sentence."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from tallystick.errors import InputError, RunError, TallystickError

WAIT = 10.0
"""Seconds that a lock or a server is waited for."""
_NOTHING_LOST = "every decision that was confirmed before is kept"
_OF_PLACE = ("host", "hostaddr", "port", "dbname", "service")
"""Options of a URL that say which database it is."""
_OF_POSTGRES = {
    "28P01": "the user or the password is wrong: check the URL",
    "28000": "the server does not let this user in: check the URL and the server's pg_hba.conf",
    "3D000": "there is no such database: make one with createdb, or check the URL",
    "42501": "the user may not do this: grant all rights on the database's schema to the user",
    "25006": "it is read-only: use a server that can be written to",
    "53100": "the disk of the server is full",
    "53300": "the server has too many connections: try again, or raise its max_connections",
    "55P03": "it is locked by another program: try again when that has ended",
    "40P01": "another process changed the same tasks at the same moment: try again",
    "P0001": "it refuses to change a decision that was made",
}
"""What to say of a failure by its SQLSTATE."""
_OF_SQLITE = {
    "database is locked": "it is locked by another program: try again when that has ended",
    "database table is locked": "it is locked by another program: try again when that has ended",
    "attempt to write a readonly database": "it is read-only: check the permissions of the file and of its "
    "folder",
    "file is not a database": "it is no SQLite file: name another, or put it back from a backup",
    "database disk image is malformed": "the file is damaged: put it back from a backup",
    "unable to open database file": "it cannot be opened: check that the folder is there and may be "
    "written to",
    "disk I/O error": "the disk cannot be read or written",
    "database or disk is full": "the disk is full",
    "decisions": "it refuses to change a decision that was made",
}
"""What to say of a failure by how its message begins."""


class StoreFailed(RunError):
    """A store that was in use fails.

    Attributes
    ----------
    reason : str
        What is the matter, without where the store is, which is not for everybody who uses it.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}.")
        self.reason = reason


class Database:
    """A database that is asked and changed in transactions.

    Attributes
    ----------
    engine : Engine
        Of SQLAlchemy.
    place : str
        Where it is, without a password.
    where : str
        The same for all who use it: the whole path of a file, else a URL without a user.
    file : path or None
        The file, where it is one.
    """

    def __init__(self, url: str | Path, *, wait: float = WAIT) -> None:
        address = _address(url)
        self.place = _shown(address)
        self.file = _file(address)
        self.where = _shown(_without_user(address)) if self.file is None else str(self.file.resolve())
        self._identity: tuple[int, int] | None = None
        if self.file is not None and not self.file.parent.is_dir():
            raise InputError(f"{self.place}: the folder {self.file.parent} is not there: check the path.")
        if self.file is not None and self.file.is_dir():
            raise InputError(f"{self.place}: it is a folder, not a file: name the file in it.")
        self.engine = _engine(address, wait)
        self._writing = self.engine.execution_options(writes=True)

    def opened(self) -> None:
        """From now on a failure is one in the middle of work, and the file has to stay what it is."""
        self._identity = self._identify() or (0, 0)

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with self._spoken():
            self._same_file()
            with self.engine.begin() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: what it did is on the disk when it ends without an error."""
        with self._spoken():
            self._same_file()
            with self._writing.begin() as connection:
                yield connection
            # A file that was deleted meanwhile still takes what is written to it, for nobody to read.
            self._same_file()

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock, which all who work with it share."""
        if self.is_postgres:
            moment = connection.execute(text("select clock_timestamp()")).scalar_one()
            assert isinstance(moment, datetime)
            return moment.astimezone(UTC)
        return datetime.now(UTC)

    @property
    def is_postgres(self) -> bool:
        """Whether rows are locked one by one."""
        return self.engine.dialect.name == "postgresql"

    def _identify(self) -> tuple[int, int] | None:
        if self.file is None:
            return None
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _same_file(self) -> None:
        if self.file is None or self._identity is None:
            return
        found = self._identify()
        if found is None:
            raise StoreFailed(
                self.place,
                "the file is gone: put it back from a backup and start again; what was decided last is not "
                "kept",
            )
        if found != self._identity:
            raise StoreFailed(self.place, "another file took its place while it was in use: start again")

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise self._sentence(error) from None

    def _sentence(self, error: Exception) -> TallystickError:
        """What a driver's error means; never its own words, which may hold values."""
        reason = _reason(error)
        if self._identity is None:
            return InputError(f"{self.place}: {reason}.")
        return StoreFailed(self.place, f"{reason}; {_NOTHING_LOST}")


def _reason(error: Exception) -> str:
    if isinstance(error, NoConnectionLeft):
        return "all connections are busy: try again in a moment"
    if not isinstance(error, DBAPIError):
        return f"it cannot be used ({type(error).__name__})"
    driver = error.orig
    state = getattr(driver, "sqlstate", None)
    if state in _OF_POSTGRES:
        return _OF_POSTGRES[state]
    words = str(driver)
    for beginning, meaning in _OF_SQLITE.items():
        if words.startswith(beginning):
            return meaning
    if type(driver).__module__.startswith("psycopg") and state is None:
        # What fails before there is a connection has no state, only the words of libpq.
        for mark, code in (
            ("password authentication failed", "28P01"),
            ("no password supplied", "28P01"),
            ("no pg_hba.conf entry", "28000"),
            ("does not exist", "3D000"),
            ("too many clients", "53300"),
        ):
            if mark in words:
                return _OF_POSTGRES[code]
        return "the server cannot be reached: check that it runs, and the host and port of the URL"
    if state is not None and state[:2] in ("57", "08"):
        return "the server has ended the connection: check that it runs, then try again"
    if isinstance(error, IntegrityError):
        return "another process changed the same rows at the same moment: try again"
    return f"the database says no ({state or type(driver).__name__})"


def _address(url: str | Path) -> URL:
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(url))
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError(
            "the URL of the store cannot be read: it looks like postgresql://user@host/database or "
            "sqlite:///path."
        ) from None
    name = address.drivername.partition("+")[0]
    if name in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    if name == "sqlite":
        if address.database in (None, "", ":memory:"):
            raise InputError(f"{url}: decisions are kept in a file: name one.")
        return address.set(drivername="sqlite")
    raise InputError(
        f"{_shown(address)}: a store is kept by SQLite or PostgreSQL: use a path, or postgresql://..."
    )


def _shown(address: URL) -> str:
    if address.drivername == "sqlite":
        return str(address.database)
    # Passwords may stand among the options, too: password, sslpassword.
    secret = [name for name in address.query if "password" in name.casefold() or "secret" in name.casefold()]
    hidden = address.difference_update_query(secret).render_as_string(hide_password=True)
    return hidden.replace("+psycopg", "", 1)


def _without_user(address: URL) -> URL:
    place = {name: value for name, value in address.query.items() if name in _OF_PLACE}
    return URL.create(
        "postgresql", host=address.host, port=address.port, database=address.database, query=place
    )


def _file(address: URL) -> Path | None:
    if address.drivername != "sqlite" or address.database is None:
        return None
    return Path(address.database.removeprefix("file:"))


def _engine(address: URL, wait: float) -> Engine:
    if address.drivername == "sqlite":
        engine = create_engine(
            address,
            connect_args={"timeout": wait, "check_same_thread": False, "isolation_level": None},
            hide_parameters=True,
        )

        @event.listens_for(engine, "connect")
        def _settle(connection: Any, _: Any) -> None:
            _settle_sqlite(connection, wait)

        # The driver would begin transactions by itself, and late; ours say at once whether they write.
        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("begin immediate" if writes else "begin")

        return engine
    engine = create_engine(
        address,
        connect_args={"connect_timeout": max(2, round(wait))},
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=20,
        pool_timeout=wait,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _settle_postgres(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            # A server may confirm before it has written; here a confirmed decision is on the disk.
            cursor.execute(
                "select set_config('synchronous_commit', 'on', false) "
                "where current_setting('synchronous_commit') = 'off'"
            )
            cursor.execute(f"set lock_timeout = '{max(1, round(wait * 1000))}ms'")
        connection.commit()

    return engine


def _settle_sqlite(connection: Any, wait: float) -> None:
    """Make a connection durable; the switch to the write-ahead log is not waited for by SQLite itself."""
    import sqlite3

    deadline = time.monotonic() + wait
    while True:
        try:
            mode = connection.execute("pragma journal_mode").fetchone()[0]
            if mode != "wal":
                connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")  # what is emptied is overwritten
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma recursive_triggers = on")


def make_private(file: Path) -> None:
    """Make an empty file where there is none, which only the owner reads: it will hold values of records.

    SQLite gives the mode of the file to the log that it keeps beside it, so that this is closed, too.
    """
    with suppress(OSError):  # it is there, or cannot be made, which SQLite then says
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def protect(file: Path) -> None:
    """Only the owner reads a file that was there before, and what SQLite keeps beside it."""
    if os.name == "nt":
        return
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{file}{end}").chmod(0o600)
