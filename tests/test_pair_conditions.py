"""A user's own condition on pairs, against a loop over every pair; pairs from a query of a database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import naive_pairs as naive
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_persons import encoded

import tallystick as ts
from tallystick.blocking.plan import Kind, plan_blocking
from tallystick.blocking.user_condition import fields_of_condition, pairs_where
from tallystick.errors import InputError
from tallystick.linkage.identify import pair_source, pairs_sha256, read_pair_table
from tallystick.linkage.prepare import as_sources, prepare
from tallystick.preparation.read import Table
from tallystick.records.encode import encode
from tallystick.spec import dump_spec, parse_spec, plain

Row = naive.Record
Holds = Callable[[Row, Row], bool]


def same(a: str | None, b: str | None) -> bool:
    return a is not None and a == b


CONDITIONS: dict[str, Holds] = {
    "l.x = r.x": lambda a, b: same(a["x"], b["x"]),
    "L.x = R.y and l.y = r.x": lambda a, b: same(a["x"], b["y"]) and same(a["y"], b["x"]),
    "l.x = r.x AND abs(CAST(l.n AS INT) - CAST(r.n AS INT)) <= 1": lambda a, b: (
        same(a["x"], b["x"])
        and None not in (a["n"], b["n"])
        and abs(int(a["n"] or 0) - int(b["n"] or 0)) <= 1
    ),
    "l.x = r.x OR (l.y = r.y AND l.n < r.n)": lambda a, b: (
        same(a["x"], b["x"]) or (same(a["y"], b["y"]) and None not in (a["n"], b["n"]) and a["n"] < b["n"])  # type: ignore[operator]
    ),
    "substr(l.x, 1, 1) = substr(r.\"x\", 1, 1) AND r.y <> 'l.x'": lambda a, b: (
        None not in (a["x"], b["x"]) and a["x"][0] == b["x"][0] and b["y"] not in (None, "l.x")  # type: ignore[index]
    ),
    "l.n < r.n": lambda a, b: None not in (a["n"], b["n"]) and a["n"] < b["n"],  # type: ignore[operator]
    "l.x = r.x AND l.y = 'p'": lambda a, b: same(a["x"], b["x"]) and a["y"] == "p",
}
rows = st.fixed_dictionaries(
    {
        "x": st.sampled_from([None, "p", "pq", "q"]),
        "y": st.sampled_from([None, "p", "q", "l.x"]),
        "n": st.sampled_from([None, "1", "2", "3"]),
    }
)


@pytest.mark.parametrize("where", CONDITIONS)
@given(st.lists(rows, min_size=2, max_size=12), st.integers(1, 11), st.sampled_from(["link", "dedupe"]))
@settings(max_examples=25)
def test_a_condition_finds_the_pairs_for_which_it_holds(
    where: str, records: list[Row], cut: int, kind: Kind
) -> None:
    sizes = [len(records)] if kind == "dedupe" else [cut, len(records) - cut]
    if min(sizes) < 1:
        return
    plan = plan_blocking(encoded(records, sizes), [ts.condition(where)], kind)
    holds = CONDITIONS[where]
    expected = {
        (i, j)
        for i, j in naive.allowed(sizes, kind)
        if holds(records[i], records[j]) or (kind == "dedupe" and holds(records[j], records[i]))
    }
    found = [plan.pairs(unit) for unit in plan.units()]  # type: ignore[arg-type]
    pairs = [pair for a, b in found for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert sorted(pairs) == sorted(expected)


def test_equalities_do_not_make_all_pairs() -> None:
    """20,000 records have 200 million pairs; each value of x is of two."""
    n = 20_000
    records = encoded([{"x": str(k // 2), "y": str(k % 7)} for k in range(n)], [n])
    for where in ("l.x = r.x", "l.x = r.x OR (l.y = r.y AND l.x = r.x)", "l.x = r.x AND l.y <> r.y"):
        assert len(pairs_where(records, where, [(0, 0)])[0]) == n // 2


def test_what_cannot_be_worked_out_is_refused() -> None:
    records = encoded([{"x": "a", "n": "kurtis"}, {"x": "a", "n": "2"}], [2])
    for where, reason in (
        (
            "l.x = r.x AND CAST(l.n AS INT) = CAST(r.n AS INT)",
            "some values of [lr].n cannot be converted: write TRY_CAST",
        ),
        (
            "l.x = r.x AND DATE(l.n) = DATE(r.n)",
            "(one of l.x, r.x, l.n, r.n|[lr].n) is text, of which not every value is a date",
        ),
        ("l.n > 3 AND l.n < r.n", "l.n is text, as all fields are, and is used as something else"),
        ("l.n AND r.n", "it is neither true nor false of a pair"),
        ("l.x = r.x AND l.n RLIKE '(a'", "a regular expression in it cannot be read"),
    ):
        start = re.escape(f"Pass numbers: the condition {where!r} cannot be worked out, since ")
        with pytest.raises(InputError) as raised:
            pairs_where(records, where, [(0, 0)], "numbers")
        assert re.fullmatch(rf"{start}{reason}[^\n]*", str(raised.value)), raised.value
        assert "kurtis" not in str(raised.value)  # no value of a record
        with pytest.raises(InputError, match=r"^The condition"):
            pairs_where(records, where, [(0, 0)], where)


def test_what_cannot_be_read_is_refused_as_it_was_written() -> None:
    for where, reason in (
        ("l.x = r.x AND", "something is missing in it"),
        ("near(l.x, r.x)", "unsupported function 'near'"),
        ("l.x LIKE r.x", "LIKE/ILIKE pattern must be a string literal; found r.x"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"{where!r} cannot be read as SQL: {reason}")):
            fields_of_condition(where)


def test_fields_of_a_condition() -> None:
    assert fields_of_condition("l.\"given name\" = r.town AND l.town <> 'r.other'") == ("given name", "town")


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "pairs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE likely (id_left TEXT, id_right TEXT, score REAL)")
        connection.executemany(
            "INSERT INTO likely VALUES (?, ?, ?)",
            [("1", "2", 0.9), ("1", "3", 0.8), ("2", "3", 0.1), ("1", "2", 0.7)],
        )
    return f"sqlite:///{path}"


def test_pairs_of_a_query(database: str) -> None:
    records = encode([Table("a", pl.Series(["1", "2", "3"]), {}, sha256="")])
    good = ts.pair_table(uri=database, query="SELECT id_left, id_right FROM likely WHERE score > 0.5")
    _, left, right = read_pair_table(pair_source(good), records, "dedupe")
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (0, 1), (0, 2)]
    digest = pairs_sha256(pair_source(good))
    turned = f"{good.query} ORDER BY score"
    assert pairs_sha256(pair_source(good.model_copy(update={"query": turned}))) == digest
    fewer = ts.pair_table(uri=database, query="SELECT id_left, id_right FROM likely WHERE score > 0.75")
    assert pairs_sha256(pair_source(fewer)) != digest
    wrong = ts.pair_table(uri=database, query="SELECT id_left AS a, id_right FROM likely")
    with pytest.raises(InputError, match="the query gives no column 'id_left'"):
        read_pair_table(pair_source(wrong), records, "dedupe")


def test_a_linkage_takes_the_pairs_of_a_query(database: str) -> None:
    table = pl.DataFrame({"id": ["1", "2", "3"], "x": ["a", "a", "b"]})
    one = ts.pair_table(uri=database, query="SELECT id_left, id_right FROM likely WHERE score > 0.5")
    exact = ts.comparison("x", ts.exact(), m=(0.1, 0.9), u=(0.9, 0.1))
    linkage = ts.Linkage([exact], [one], scale="weight", upper=0.0, lower=-9.0)
    spec = parse_spec(dump_spec(linkage.spec))
    prepared = prepare(spec, as_sources([ts.Source(name="a", table=table, id="id")]))
    assert ts.count_patterns(prepared.plan).n_pairs == 2


def test_a_password_is_not_shown() -> None:
    one = ts.pair_table(uri="postgresql://me:secret@host/db", query="SELECT 1")
    spec = ts.Spec(comparisons=[ts.comparison("x", ts.exact())], passes=[one])
    assert "secret" not in f"{one} {plain(spec)} {one.model_dump_json()} {one.label}"
