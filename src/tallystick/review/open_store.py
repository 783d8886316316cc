"""Tables are made where there are none; those that are there have to belong to the run."""

from __future__ import annotations

from importlib.metadata import version

from sqlalchemy import func, insert, inspect, select, update

from tallystick.errors import InputError, NothingDecided
from tallystick.review.connect import Database, make_private, protect
from tallystick.review.tables import ABOUT, METADATA, SCHEMA_VERSION

BEGIN = (
    "begin with tallystick review, tallystick audit draw, or, without the application, tallystick decisions "
    "export --values"
)
"""What to do where nothing was done yet."""


def check_or_make(database: Database, *, run: str, model: str, create: bool) -> None:
    """Check that a database is the store of a run, and make it one where it is empty.

    Parameters
    ----------
    database : Database
        Where it is.
    run, model : str
        Fingerprint of the run and SHA-256 of its model.
    create : bool
        Whether to make it where there is none.

    Raises
    ------
    InputError
        Where it cannot be used, or not for this run.
    """
    if database.file is not None and not create and not database.file.exists():
        raise NothingDecided(_nothing(database))
    if database.file is not None and create:
        make_private(database.file)
    with database.writing() as connection:
        if database.is_postgres:
            # Two processes that begin at once make the tables once.
            connection.execute(select(func.pg_advisory_xact_lock(7_102_454)))
        there = set(inspect(connection).get_table_names())
        if not {"about", "decisions"} <= there:
            foreign = there if database.file is not None else there & METADATA.tables.keys()
            if foreign:
                raise InputError(
                    f"{database.place}: it has tables of another program ({', '.join(sorted(foreign)[:3])}): "
                    "name a database that is empty."
                )
            if not create:
                raise NothingDecided(_nothing(database))
            METADATA.create_all(connection)
            connection.execute(
                insert(ABOUT).values(
                    number=1,
                    version=SCHEMA_VERSION,
                    run=run,
                    model=model,
                    made_by="tallystick " + version("tallystick"),
                    made_at=database.now(connection),
                )
            )
            there = set(METADATA.tables)
        found = connection.execute(select(ABOUT.c.version)).scalar()
        if found != SCHEMA_VERSION or not METADATA.tables.keys() <= there:
            raise InputError(
                f"{database.place}: its tables are of version {found}, this tallystick has version "
                f"{SCHEMA_VERSION}: use the version of tallystick that made it, or another store."
            )
        row = connection.execute(select(ABOUT)).one()
        if row.run != run:
            raise InputError(
                f"{database.place}: it has the decisions of another run ({row.run[:12]}, not {run[:12]}): "
                "name the directory of that run, or another store."
            )
        if row.model != model:
            raise InputError(
                f"{database.place}: its decisions were made with another model ({row.model[:12]}, not "
                f"{model[:12]}), since model.json has changed: put that file back, or use another store."
            )
        # A transaction may begin on a database that is read-only: only a write tells.
        connection.execute(update(ABOUT).values(number=1))
    if database.file is not None:
        protect(database.file)
    database.opened()


def _nothing(database: Database) -> str:
    return f"{database.place}: nothing has been decided yet: {BEGIN}."
