"""A PostgreSQL server that the tests start themselves, one for each process that runs tests."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.preparation.source import Source

PASSWORD = "s3cret"
_NUMBERS = itertools.count()
_MADE: set[int] = set()
"""Ports of servers that have the database that is emptied."""


def server_binaries() -> Path | None:
    """Folder of initdb and pg_ctl: Debian keeps them off the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0])
    )
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    for folder in reversed(folders):
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root: the command that changes to its own user then."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@dataclass(frozen=True)
class Server:
    port: int

    def uri(self, user: str = "tally", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        driver: Any = importlib.import_module("adbc_driver_postgresql.dbapi")

        with driver.connect(self._of(database), autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def new_database(self) -> str:
        """The URI of an empty database."""
        name = f"fresh_{next(_NUMBERS)}"
        self.execute(f"create database {name} strategy file_copy")
        return self._of(name)

    def emptied_database(self) -> str:
        """The URI of a database that is emptied for each who asks: quicker than a new one."""
        name = "emptied"
        if self.port in _MADE:
            self.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
            self.execute("drop schema public cascade", "create schema public", database=name)
        else:
            self.execute(f"create database {name} strategy file_copy")
            _MADE.add(self.port)
        return self._of(name)

    def _of(self, database: str) -> str:
        return self.uri().removesuffix("postgres") + database

    def source(self, **settings: Any) -> Source:
        return Source.model_validate({"name": "a", "uri": self.uri(), "id": "id", **settings})


@contextmanager
def running_server(binaries: Path, *, durable: bool = False) -> Iterator[Server]:
    """A new server; one that is not durable does not wait for the disk."""
    # A path of its own: the folders that pytest makes are closed to others, and socket paths must be short.
    folder = Path(tempfile.mkdtemp(prefix="tally-pg-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:
        for place in (folder, secret):
            shutil.chown(place, "postgres", "postgres")
    data = str(folder / "data")
    options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1"
    if not durable:
        options += " -c fsync=off"

    def run(*command: str) -> None:
        done = subprocess.run(
            [*_as_user(), *command], cwd=folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(str(binaries / "initdb"), "-D", data, "-U", "tally", "-A", "scram-sha-256", "--no-sync",
            "-E", "UTF8", "--pwfile", str(secret))  # fmt: skip
        log = str(folder / "log")
        # Started without pipes: the server would hold them open and the call never end.
        run("sh", "-c", 'exec "$0" -D "$1" -o "$2" -l "$3" -w start >"$3.start" 2>&1',
            str(binaries / "pg_ctl"), data, options, log)  # fmt: skip
        try:
            yield Server(port)
        finally:
            run(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
