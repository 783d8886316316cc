"""Databases that cannot be used, processes that are killed: one sentence, nothing confirmed is lost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from postgres import PASSWORD, Server
from review_stores import MODEL, RUN, Stores, pair, stores
from small_files import process_environment
from sqlalchemy import text

from tallystick.errors import InputError, RunError
from tallystick.review.store import Store

__all__ = ["stores"]


def fails(url: str | Path, **options: Any) -> str:
    """What is said of a store that cannot be opened."""
    with pytest.raises(InputError) as error:
        Store.open(url, **{"run": RUN, "model": MODEL, "wait": 0.1, **options})
    message = str(error.value)
    assert PASSWORD not in message
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"run": "e" * 64}, "decisions of another run (ffffffffffff, not eeeeeeeeeeee)"),
        ({"model": "1" * 64}, "made with another model (000000000000, not 111111111111)"),
    ],
)
def test_of_another_run_or_model(stores: Stores, options: dict[str, str], expected: str) -> None:
    stores().fill("possible", [pair(1)])
    assert expected in fails(stores.url, **options)
    assert stores().progress("possible").tasks == 1


def test_of_another_version(stores: Stores) -> None:
    with stores()._database.engine.begin() as connection:
        connection.execute(text("update about set version = 99"))
    assert "tables are of version 99, this tallystick has version 1" in fails(stores.url)


def test_tables_of_another_program(stores: Stores, tmp_path: Path) -> None:
    if isinstance(stores.url, Path):
        with sqlite3.connect(stores.url) as connection:
            connection.execute("create table decisions (x)")
    else:
        with stores()._database.engine.begin() as other:
            other.execute(text("drop table about cascade"))
    assert "tables of another program (decisions" in fails(stores.url)


def test_nothing_is_made_where_nothing_is_to_be(stores: Stores) -> None:
    assert "nothing has been decided yet" in fails(stores.url, create=False)
    if isinstance(stores.url, Path):
        assert not stores.url.exists()
    stores().fill("possible", [pair(1)])
    with Store.open(stores.url, run=RUN, model=MODEL, create=False) as store:
        assert len(store.worklists()) == 1


def test_files_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "review.sqlite"
    file.write_text("these are no pages of a database" * 100)
    assert "no SQLite file" in fails(file)
    assert "is a folder, not a file" in fails(tmp_path)
    assert "the folder" in fails(tmp_path / "gone" / "review.sqlite")
    assert "decisions are kept in a file" in fails("sqlite://")
    assert "kept by SQLite or PostgreSQL" in fails(f"mysql://me:{PASSWORD}@host/db")
    assert "cannot be read" in fails(f"postgresql://me:{PASSWORD}@host:port/db")
    assert file.read_text().startswith("these are no pages")


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "review.sqlite"
    with Store.open(file, run=RUN, model=MODEL) as store:
        store.fill("possible", [pair(k) for k in range(500)])
    content = file.read_bytes()
    file.write_bytes(content[:100] + bytes(len(content) - 100))
    assert "damaged" in fails(file)


def test_a_file_that_is_locked(tmp_path: Path) -> None:
    file = tmp_path / "review.sqlite"
    with Store.open(file, run=RUN, model=MODEL, wait=0.1) as store:
        store.fill("possible", [pair(1)])
        row = store.next("possible", "ann")
        assert row is not None
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("begin immediate")
        assert "locked by another program" in fails(file)
        with pytest.raises(RunError, match=r"locked by another program.* every decision that was confirmed"):
            store.decide(row.number, "ann", "link", seen={})
        assert store.progress("possible").done == 0  # others still read
        other.execute("rollback")
        other.close()
        store.decide(row.number, "ann", "link", seen={})


def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    file = tmp_path / "review.sqlite"
    with Store.open(file, run=RUN, model=MODEL) as store:
        store.fill("possible", [pair(1)])
    assert "read-only" in fails(f"sqlite:///file:{file}?mode=ro&uri=true")
    file.chmod(0o400)
    if os.geteuid() != 0:  # to whom no file is read-only
        assert "read-only" in fails(file)


def test_the_file_is_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "review.sqlite"
    with Store.open(file, run=RUN, model=MODEL) as store:
        store.fill("possible", [pair(1)])
        beside = sorted(tmp_path.iterdir())
        assert [one.name for one in beside] == ["review.sqlite", "review.sqlite-shm", "review.sqlite-wal"]
        assert not any(one.stat().st_mode & 0o077 for one in beside)
        for suffix in ("csv", "parquet"):
            (tmp_path / f"decisions.{suffix}").touch(0o644)
            store.export(tmp_path / f"decisions.{suffix}")
            assert (tmp_path / f"decisions.{suffix}").stat().st_mode & 0o077 == 0
        for one in beside:
            one.chmod(0o644)
        with Store.open(file, run=RUN, model=MODEL):
            assert not any(one.stat().st_mode & 0o077 for one in beside)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_goes_away(tmp_path: Path, replaced: bool) -> None:
    file = tmp_path / "review.sqlite"
    with Store.open(file, run=RUN, model=MODEL) as store:
        store.fill("possible", [pair(1)])
        row = store.next("possible", "ann")
        assert row is not None
        file.rename(tmp_path / "moved.sqlite")
        if replaced:
            shutil.copy(tmp_path / "moved.sqlite", file)
        with pytest.raises(RunError, match="another file took its place" if replaced else "the file is gone"):
            store.decide(row.number, "ann", "link", seen={})
        with pytest.raises(RunError):
            store.progress("possible")


def test_servers_that_do_not_answer(postgres: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = fails(f"postgresql://tally:{PASSWORD}@127.0.0.1:{port}/postgres")
    assert "the server cannot be reached" in message
    assert f"postgresql://tally:***@127.0.0.1:{port}/postgres" in message
    assert "the user or the password is wrong" in fails(postgres.uri(password="another"))
    secrets = f"?sslpassword={PASSWORD}x&sslmode=disable&passfile=/a/pgpass"
    message = fails(f"postgresql://tally:{PASSWORD}@127.0.0.1:{port}/postgres{secrets}")
    assert PASSWORD not in message
    assert "sslmode=disable" in message
    assert "pgpass" in message
    assert "no such database" in fails(postgres.uri() + "_that_is_not_there")
    message = fails(
        postgres.uri(password="another").replace("tally:another@", "tally@") + "?password=another"
    )
    assert "another" not in message


def test_a_user_who_may_not(postgres: Server) -> None:
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    postgres.execute(
        f"create role reads_{name} login password '{PASSWORD}'",
        f"alter role reads_{name} set default_transaction_read_only = on",
    )
    user = url.replace("tally:", f"reads_{name}:")
    assert "read-only" in fails(user) or "may not do this" in fails(user)
    postgres.execute(f"alter role reads_{name} set default_transaction_read_only = off")
    assert "may not do this" in fails(user)


def test_a_server_that_ends_the_connection(postgres: Server) -> None:
    url = postgres.new_database()
    with Store.open(url, run=RUN, model=MODEL) as store:
        store.fill("possible", [pair(k) for k in range(3)])
        row = store.next("possible", "ann")
        assert row is not None
        end = text(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        )
        # In the middle of a transaction; the next one has a new connection.
        with (
            pytest.raises(RunError, match=r"the server has ended the connection|cannot be reached"),
            store._database.writing() as connection,
        ):
            connection.execute(end)
        store.decide(row.number, "ann", "link", seen={})
        name = url.rpartition("/")[2]
        store._database.engine.dispose()
        postgres.execute(f"drop database {name} with (force)")
        with pytest.raises(RunError, match="no such database"):
            store.progress("possible")


_LOOP = """
import sys
from pathlib import Path
from tallystick.review.store import Store
store = Store.open(sys.argv[1], run="f" * 64, model="0" * 64)
print("begun", flush=True)
while row := store.next("possible", sys.argv[2]):
    made = store.decide(row.number, sys.argv[2], "link", comment="x" * 2000, seen={"weight": row.task.weight})
    print(made.number, flush=True)
"""


def _killed(url: str | Path, who: str, after: int) -> list[int]:
    """Decisions that a process said were made before it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LOOP, str(url), who],
        env=process_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.strip().isdigit():
            said.append(int(line))
        if len(said) == after:
            process.send_signal(signal.SIGKILL)
            break
    said += [int(line) for line in process.stdout if line.strip().isdigit()]
    process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    return said


def test_killed_between_two_decisions(stores: Stores) -> None:
    store = stores()
    store.fill("possible", [pair(k) for k in range(2000)])
    said: list[int] = []
    for after in (1, 30):
        said += _killed(stores.url, "ann", after)
    with Store.open(stores.url, run=RUN, model=MODEL) as again:
        made = again.decisions()
        # What was confirmed is there; of each process one more may be, whose confirmation nobody heard.
        assert set(said) <= {one.number for one in made}
        assert len(made) <= len(said) + 2
        assert len({one.task for one in made}) == len(made)
        assert {one.number for one in again.standing() if one.state == "done"} == {
            row.number for row in again.history("ann", "possible", most=5000)
        }
        assert again.progress("possible").done == len(made)
        # The one that it was on when it was killed is still its reviewer's.
        row = again.next("possible", "ann")
        assert row is not None
        again.decide(row.number, "ann", "link", seen={})


_CHANGE = """
import os, signal, sys
from tallystick.review import deciding
from tallystick.review.store import Store
store = Store.open(sys.argv[1], run="f" * 64, model="0" * 64)
add = deciding.add_decision
def killed(connection, **values):
    if values["kind"] == "review":
        os.kill(os.getpid(), signal.SIGKILL)
    return add(connection, **values)
deciding.add_decision = killed
store.decide(1, "ann", "non-link", seen={}, replace=True)
"""


def test_killed_while_a_verdict_is_changed(stores: Stores) -> None:
    """Between the undo and the new verdict: the first one, which was confirmed, stands."""
    store = stores()
    store.fill("possible", [pair(1)])
    store.claim(1, "ann")
    made = store.decide(1, "ann", "link", seen={})
    command = [sys.executable, "-c", _CHANGE, str(stores.url)]
    process = subprocess.run(command, env=process_environment(), timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert stores().decisions() == (made,)
    assert store.task(1).verdict == "link"


def test_begun_by_many_at_once(stores: Stores) -> None:
    code = _LOOP + "\nprint('ended')"
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code.replace("while", "store.fill('possible', [])\nwhile"),
             str(stores.url), f"r{k}"],
            env=process_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for k in range(3)
    ]  # fmt: skip
    for process in many:
        out, error = process.communicate(timeout=120)
        assert out.split() == ["begun", "ended"], error
    assert len(stores().worklists()) == 1
