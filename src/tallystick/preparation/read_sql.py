"""Tables and queries of SQLite and PostgreSQL, through ADBC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.opened import Opened, need
from tallystick.preparation.source import Source

Run = Callable[[str], pl.DataFrame]

# PostgreSQL types that arrive as they are; all others are turned into text by the server.
_PLAIN = frozenset(
    (
        *(
            "smallint",
            "integer",
            "bigint",
            "real",
            "double precision",
            "boolean",
            "text",
            "character varying",
        ),
        *("date", "timestamp without time zone", "timestamp with time zone"),
    )
)
# SQLite's columns have no type: the driver tells it from the rows of one batch, so there must be only one.
_ONE_BATCH = {"adbc.sqlite.query.batch_rows": str(2**31 - 2)}


def open_sql(source: Source) -> Opened:
    """A table or query of a database.

    Only the columns asked for are selected. Rows come in the order of their ids as text, since a database
    promises no order of its own.

    Parameters
    ----------
    source : Source
        Its `uri` is ``postgresql://...`` or ``sqlite:///relative.db`` (``sqlite:////absolute.db``).

    Returns
    -------
    Opened
        Dates, numbers and truth values keep their types. PostgreSQL's arrays are joined with "|"; what
        has no plain type arrives as the server's text.

    Raises
    ------
    InputError
        If the driver is not installed, there is no connection, or the table or query is refused.
    """
    uri = source.uri or ""
    lite = uri.startswith("sqlite:")
    rows_of = _quoted_table(source.table) if source.query is None else f"({source.query.strip().rstrip(';')})"
    origin = f"{rows_of} AS tallystick_source"
    with _connected(source, uri, lite) as run:
        names = _sqlite_columns(run, origin) if lite else _postgres_columns(run, origin)

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        with _connected(source, uri, lite) as run:
            types = {} if lite else _postgres_types(run, origin, columns)
            wanted = ", ".join(f"{_as_plain(c, types.get(c))} AS {_quoted(c)}" for c in columns)
            rows = "" if limit is None else f" LIMIT {limit:d}"
            return run(f"SELECT {wanted} FROM {origin}{rows}")

    return Opened(names, read)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted_table(table: str) -> str:
    return ".".join(_quoted(part) for part in table.split("."))


def _sqlite_columns(run: Run, origin: str) -> tuple[str, ...]:
    return tuple(run(f"SELECT * FROM {origin} LIMIT 0").columns)


def _postgres_columns(run: Run, origin: str) -> tuple[str, ...]:
    # Not every type of PostgreSQL can be fetched, so its columns are asked for by name. Where there is no
    # row, there is no name either.
    keys = run(
        f"SELECT k FROM (SELECT row_to_json(tallystick_source) AS r FROM {origin} LIMIT 1) AS one, "
        "json_object_keys(r) WITH ORDINALITY AS keys(k, n) ORDER BY n"
    )
    return tuple(keys["k"].to_list())


def _postgres_types(run: Run, origin: str, columns: Sequence[str]) -> dict[str, str]:
    asked = ", ".join(f"pg_typeof({_quoted(c)})::text AS {_quoted(c)}" for c in columns)
    return {c: str(t) for c, t in run(f"SELECT {asked} FROM {origin} LIMIT 1").row(0, named=True).items()}


def _as_plain(column: str, kind: str | None) -> str:
    if kind is None or kind in _PLAIN:
        return _quoted(column)
    if kind.endswith("[]"):
        return f"array_to_string({_quoted(column)}, '|')"
    return f"CAST({_quoted(column)} AS text)"


@contextmanager
def _connected(source: Source, uri: str, lite: bool) -> Iterator[Run]:
    kind = "sqlite" if lite else "postgresql"
    driver: Any = need(f"adbc_driver_{kind}.dbapi", source.shown, "reading a database", "sql")
    target = _sqlite_file(source, uri) if lite else uri
    try:
        connection = driver.connect(target) if lite else driver.connect(target, autocommit=True)
    except driver.Error as error:
        raise InputError(
            f"{source.shown}: no connection to the database ({_reason(error, uri)}); check the uri, "
            "percent-encoding special characters of a password."
        ) from None

    def run(statement: str) -> pl.DataFrame:
        with connection.cursor() as cursor:
            if lite:
                cursor.adbc_statement.set_options(**_ONE_BATCH)
            cursor.execute(statement)
            frame: pl.DataFrame = cursor.fetch_polars()
            return frame

    try:
        yield run
    except (driver.Error, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{source.shown}: the database refused the query ({_reason(error, uri)}); check table, query and "
            "permissions."
        ) from None
    finally:
        connection.close()


def _sqlite_file(source: Source, uri: str) -> str:
    """The database as a URI that SQLite opens for reading only; it would make a missing file."""
    name = uri.removeprefix("sqlite://").partition("?")[0]
    # As in SQLAlchemy three slashes begin a relative path. Some tools mean an absolute one by them.
    paths = [Path(unquote(name.removeprefix("/"))), Path(unquote(name))]
    for path in paths:
        if path.is_file():
            return path.resolve().as_uri() + "?mode=ro"
    raise InputError(f"{source.shown}: there is no database file {paths[0]}; check the path.")


def _reason(error: Exception, uri: str) -> str:
    """First line of a driver's message, unless it could hold a part of the password."""
    text = (str(error).splitlines() or [""])[0].strip()
    inside = re.match(r"^\w+://[^:/?#@]*:(.*)@", uri)
    secrets = [inside.group(1)] if inside else []
    secrets += re.findall(r"password=([^&]*)", uri, re.IGNORECASE)
    for secret in secrets:
        if not re.fullmatch(r"[\w.~%-]*", secret):
            return "its password holds characters that must be percent-encoded"
        for form in (secret, unquote(secret)):
            if form:
                text = text.replace(form, "***")
    return text
