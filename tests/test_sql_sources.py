"""Tables and queries of SQLite and of a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import socket
import sqlite3
import sys
from pathlib import Path

import polars as pl
import pytest
from postgres import PASSWORD, Server

from tallystick.errors import InputError
from tallystick.preparation.detect import describe
from tallystick.preparation.read import ID_COLUMN, read_columns, read_source
from tallystick.preparation.source import Source, mask_password


@pytest.fixture(scope="session")
def persons(postgres: Server) -> Server:
    postgres.execute(
        """create table persons (
            id int, "Last ""Name""\" text, code char(5), zip varchar(8), born date, seen timestamp,
            zone timestamptz, amount numeric(10, 2), score float8, alive boolean, aliases text[],
            numbers int[], mark uuid, extra jsonb, wait interval, blob bytea, answer text)""",
        """insert into persons values
            (2, ' Müller', 'ab', '00123', '1980-01-02', '1980-01-02 10:00', '1980-01-02 23:30-05', 12.00, 12,
             true, '{Bob,ROB}', '{1,2}', '6f9619ff-8b86-d011-b42d-00c04fc964ff', '{"a": 1}', '1 day', 'x',
             'T1'),
            (10, 'SMITH', null, '07', null, null, null, 1.50, 1.5,
             false, '{}', null, null, null, null, null, 'T2')""",
        "create schema other",
        'create table other."Odd Table" as select id, answer from persons',
        "create table nobody (id int, x text)",
    )
    return postgres


def test_every_type_of_postgres(persons: Server) -> None:
    columns = {"name": 'Last "Name"'}
    fields = ["name", "code", "zip", "born", "seen", "zone", "amount", "score", "alive", "aliases", "numbers",
              "mark", "extra", "wait"]  # fmt: skip
    table = read_source(persons.source(table="persons", columns=columns, truth=("answer",)), fields)
    # A database has no order, so rows come by id, as text.
    assert table.ids.to_list() == ["10", "2"]
    assert {name: series.to_list() for name, series in table.fields.items()} == {
        "name": ["smith", "müller"],
        "code": [None, "ab"],
        "zip": ["07", "00123"],
        "born": [None, "1980-01-02"],
        "seen": [None, "1980-01-02"],
        "zone": [None, "1980-01-03"],
        "amount": ["1.50", "12"],
        "score": ["1.5", "12"],
        "alive": ["false", "true"],
        "aliases": [None, "bob|rob"],
        "numbers": [None, "1|2"],
        "mark": [None, "6f9619ff-8b86-d011-b42d-00c04fc964ff"],
        "extra": [None, '{"a": 1}'],
        "wait": [None, "1 day"],
    }


def test_a_query_and_a_schema(persons: Server) -> None:
    query = persons.source(query="select id, upper(zip) as z from persons where id < 10;")
    assert read_source(query, ["z"]).fields["z"].to_list() == ["00123"]
    other = persons.source(table="other.Odd Table")
    assert read_columns(other, ["answer"])["answer"].to_list() == ["T2", "T1"]


def test_read_columns_keeps_types(persons: Server) -> None:
    frame = read_columns(persons.source(table="persons"), ["born", "score", "id"])
    assert frame.schema == {ID_COLUMN: pl.String, "born": pl.Date, "score": pl.Float64, "id": pl.Int32}
    assert frame["id"].to_list() == [10, 2]


def test_truth_is_not_read(persons: Server) -> None:
    source = persons.source(table="persons", truth=("answer",))
    for read in (lambda: read_source(source, ["answer"]), lambda: read_columns(source, ["answer"])):
        with pytest.raises(InputError, match="truth"):
            read()
    assert read_columns(source, ["answer"], allow_truth=True)["answer"].to_list() == ["T2", "T1"]


def test_fingerprint_is_of_the_columns_read(persons: Server) -> None:
    source = persons.source(table="persons")
    before = read_source(source, ["zip"]).sha256
    assert read_source(source, ["zip"]).sha256 == before
    assert read_source(source, ["score"]).sha256 != before
    # The same values under another address are the same input.
    assert read_source(persons.source(query="select id, zip from persons"), ["zip"]).sha256 == before


def test_describe_postgres(persons: Server) -> None:
    found = {c.name: c.n_distinct for c in describe(persons.source(table="persons", truth=("answer",)))}
    assert found["zip"] == 2
    assert "answer" not in found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "nowhere"}, "nowhere"),
        ({"query": "selec 1"}, "syntax error"),
        ({"table": "nobody"}, "no rows"),
    ],
)
def test_postgres_refuses(persons: Server, settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_source(persons.source(**settings), ["x"])
    assert PASSWORD not in str(error.value)


def test_absent_column_of_postgres(persons: Server) -> None:
    with pytest.raises(InputError, match="did you mean 'zip'"):
        read_source(persons.source(table="persons"), ["zipp"])


@pytest.mark.parametrize("password", ["wrong-pass", "p@ss:w/rd", "with space", "x%zz", "a#b?c"])
def test_no_password_in_errors(persons: Server, password: str) -> None:
    source = Source(name="a", uri=persons.uri(password=password), table="persons", id="id")
    with pytest.raises(InputError) as error:
        read_source(source, ["zip"])
    shown = str(error.value)
    for piece in (password, *password.replace("@", " ").replace("/", " ").replace(":", " ").split()):
        if len(piece) > 2:
            assert piece not in shown
    assert error.value.__cause__ is None
    assert "***" in shown


def test_no_server() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = Source(name="a", uri=f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/db", table="t", id="id")
    with pytest.raises(InputError, match="no connection") as error:
        read_source(source, ["x"])
    assert PASSWORD not in str(error.value)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "persons.db"
    with sqlite3.connect(path) as connection:
        connection.execute('create table persons (id text, "last name" text, zip text, n, answer text)')
        connection.executemany(
            "insert into persons values (?, ?, ?, ?, ?)",
            # The last row's n is text where thousands of integers come before.
            [(f"{i:04d}", f" NAME {i}", f"0{i}", i if i < 2999 else "x", "T") for i in range(3000)],
        )
    connection.close()
    return path


def test_sqlite(database: Path) -> None:
    source = Source(
        name="a",
        uri=f"sqlite:///{database}",
        table="persons",
        id="id",
        truth=("answer",),
        columns={"last": "last name"},
    )
    table = read_source(source, ["last", "zip", "n"])
    assert table.n_rows == 3000
    assert [table.fields[f][7] for f in ("last", "zip", "n")] == ["name 7", "07", "7"]
    assert table.fields["n"][2999] == "x"
    assert table.ids[7] == "0007"
    with pytest.raises(InputError, match="truth"):
        read_source(source, ["answer"])


def test_sqlite_paths(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(database.parent)
    for uri in (
        "sqlite:///persons.db",
        "sqlite:///./persons.db",
        f"sqlite:///{database}",
        f"sqlite://{database}",
    ):
        query = Source(name="a", uri=uri, query="select id, zip from persons limit 2", id="id")
        assert read_source(query, ["zip"]).n_rows == 2


def test_sqlite_errors(database: Path, tmp_path: Path) -> None:
    absent = tmp_path / "absent.db"
    with pytest.raises(InputError, match="no database file"):
        read_source(Source(name="a", uri=f"sqlite:///{absent}", table="persons", id="id"), ["zip"])
    assert not absent.exists()
    for table, message in (("nowhere", "no such table"), ("persons", "no column 'zap'")):
        with pytest.raises(InputError, match=message):
            read_source(Source(name="a", uri=f"sqlite:///{database}", table=table, id="id"), ["zap"])
    no_rows = Source(name="a", uri=f"sqlite:///{database}", query="select * from persons where 0", id="id")
    with pytest.raises(InputError, match="no rows"):
        read_source(no_rows, ["zip"])
    drop = Source(name="a", uri=f"sqlite:///{database}", query="drop table persons", id="id")
    with pytest.raises(InputError, match="refused"):
        read_source(drop, ["zip"])
    junk = tmp_path / "junk.db"
    junk.write_text("this is no database, only some text of a good length" * 20)
    with pytest.raises(InputError, match="not a database"):
        read_source(Source(name="a", uri=f"sqlite:///{junk}", table="persons", id="id"), ["zip"])


def test_missing_driver(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite.dbapi", None)
    with pytest.raises(InputError, match=r'pip install "tallystick\[sql\]"'):
        read_source(Source(name="a", uri=f"sqlite:///{database}", table="persons", id="id"), ["zip"])


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@x:y/z@h:5/d", "postgresql://u:***@h:5/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://h/d?password=p&sslpassword=q", "postgresql://h/d?password=***&sslpassword=***"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_mask(uri: str, shown: str) -> None:
    assert mask_password(uri) == shown
    source = Source(name="a", uri=uri, table="t", id="id")
    assert source.shown == f"{shown}, table t"
    assert uri == shown or uri not in f"{source!r} {source.model_dump()} {source.model_dump_json()}"
    # Whoever needs the whole source back says so.
    assert Source.model_validate(source.model_dump(context={"secrets": True})) == source
