"""Golden records against the rules written out record by record."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tallystick as ts
from tallystick.errors import InputError, SpecError
from tallystick.linkage.golden import golden_records

CENSUS = pl.DataFrame(
    {
        "no": ["1", "2", "3", "4"],
        "last": ["Smith", "Smyth", None, "Brown"],
        "town": ["York", "York", "Leeds", None],
        "changed": [date(2020, 1, 1), date(2021, 5, 1), None, None],
        "person": ["p", "p", "p", "q"],
    }
)
SURVEY = pl.DataFrame({"id": [7, 8], "surname": ["Smythe", "Brown"], "phone": [555, None]})
SOURCES = (
    ts.Source(name="census", table=CENSUS, id="no", truth=("person",), columns={"surname": "last"}),
    ts.Source(name="survey", table=SURVEY, id="id"),
)
ENTITIES = pl.DataFrame(
    {
        "entity_id": ["e1", "e1", "e1", "e2", "e1", "e2"],
        "source": ["census"] * 4 + ["survey"] * 2,
        "id": ["1", "2", "3", "4", "7", "8"],
    }
)


def row(golden: ts.Golden, entity: str = "e1") -> dict[str, Any]:
    return golden_records(ENTITIES, SOURCES, golden).row(
        by_predicate=pl.col("entity_id") == entity, named=True
    )


def test_by_default_the_most_frequent_value_and_of_these_the_longest() -> None:
    table = golden_records(ENTITIES, SOURCES, ts.Golden())
    own = ["surname", "surname_source", "surname_id", "surname_records"]
    assert table.columns[:6] == ["entity_id", "records", *own]
    assert "person" not in table.columns
    first = row(ts.Golden())
    assert (first["records"], first["surname"], first["surname_source"], first["surname_id"]) == (
        4, "Smythe", "survey", "7",
    )  # fmt: skip
    assert (first["town"], first["town_id"], first["town_records"]) == ("York", "1", 2)
    assert (first["phone"], first["phone_source"]) == (555, "survey")
    second = row(ts.Golden(), "e2")
    assert (second["surname"], second["surname_records"], second["surname_source"]) == ("Brown", 2, "census")
    assert (second["town"], second["town_id"], second["town_records"]) == (None, None, None)


def test_the_other_rules() -> None:
    recent = ts.Golden(rule="most_recent", date="changed")
    assert row(recent)["surname"] == "Smyth"
    assert row(recent)["phone"] == 555  # nobody dated has one
    assert row(ts.Golden(rule="by_source", sources=("survey",)))["surname"] == "Smythe"
    assert row(ts.Golden(rule="by_source", sources=("survey",)))["town"] == "York"
    assert row(ts.Golden(rule="most_complete"))["surname"] == "Smith"  # of two with three fields each
    one = ts.Golden(fields={"surname": {"rule": "by_source", "sources": ["census"]}})
    assert (row(one)["surname"], row(one)["town"]) == ("Smith", "York")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_the_rules_written_out(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    value = st.sampled_from([None, "a", "b", "bb", "ab"])
    day = st.sampled_from([None, "2020-01-01", "2020-02-01 10:00", "2021-01-01", "unknown"])
    table = pl.DataFrame(
        {
            "id": [str(k) for k in range(n)],
            "x": data.draw(st.lists(value, min_size=n, max_size=n)),
            "y": data.draw(st.lists(value, min_size=n, max_size=n)),
            "d": data.draw(st.lists(day, min_size=n, max_size=n)),
        },
        schema={"id": pl.String, "x": pl.String, "y": pl.String, "d": pl.String},
    )
    entity = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    entities = pl.DataFrame({"entity_id": [f"e{k}" for k in entity], "source": "t", "id": table["id"]})
    rule = data.draw(st.sampled_from(["most_frequent", "most_complete", "most_recent"]))
    golden = ts.Golden(rule=rule, date="d" if rule == "most_recent" else None)
    found = golden_records(entities, [ts.Source(name="t", table=table, id="id")], golden)
    records = list(table.iter_rows(named=True))
    for one in found.iter_rows(named=True):
        own = [records[k] for k in range(n) if f"e{entity[k]}" == one["entity_id"]]
        assert one["records"] == len(own)
        filled = [record for record in own if record["x"] is not None]
        if not filled:
            assert one["x"] is one["x_id"] is None
            continue

        def preference(record: dict[str, Any]) -> Any:
            if rule == "most_complete":
                return sum(record[key] is not None for key in "xyd")
            if rule == "most_recent":
                return "" if record["d"] in (None, "unknown") else record["d"]
            return 0

        def count(record: dict[str, Any], among: list[dict[str, Any]] = filled) -> int:
            return sum(other["x"] == record["x"] for other in among)

        best = max(map(preference, filled))
        left = [record for record in filled if preference(record) == best]
        left = [record for record in left if count(record) == max(map(count, left))]
        longest = max(len(record["x"]) for record in left)
        text = min(record["x"] for record in left if len(record["x"]) == longest)
        origin = min(record["id"] for record in left if record["x"] == text)
        assert (one["x"], one["x_id"]) == (text, origin)
        assert one["x_records"] == count({"x": text})


@pytest.mark.parametrize(
    ("golden", "says"),
    [
        (ts.Golden(fields={"surnam": {}}), r"which no source has \(did you mean 'surname'\?\)"),
        (
            ts.Golden(rule="most_recent", date="person"),
            "golden.date: found 'person', a field that no source has",
        ),
        (ts.Golden(rule="by_source", sources=("cens",)), "golden.sources: found 'cens', which is no source"),
    ],
)
def test_what_no_source_has(golden: ts.Golden, says: str) -> None:
    with pytest.raises(InputError, match=says):
        golden_records(ENTITIES, SOURCES, golden)


def test_a_field_in_the_way_of_the_columns_that_are_made() -> None:
    table = pl.DataFrame({"id": ["1"], "name": ["a"], "name_id": ["x"]})
    with pytest.raises(InputError, match="field called 'name_id'"):
        golden_records(
            pl.DataFrame({"entity_id": ["e"], "source": ["t"], "id": ["1"]}),
            [ts.Source(name="t", table=table, id="id")],
            ts.Golden(),
        )


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"rule": "most_recent"}, "needs date"),
        ({"date": "d"}, "reads no date"),
        ({"rule": "by_source"}, "needs sources"),
        ({"sources": ["a"]}, "does not read them"),
        ({"rule": "best"}, 'found "best"'),
    ],
)
def test_rules_that_do_not_fit(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        ts.Golden(**keys)


def test_a_run_writes_them_where_they_are_asked_for(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "id": ["1", "2", "3", "4", "5", "6"],
            "name": ["ann", "ann", "bob", "bob", "cid", "dan"],
            "born": ["1990", "1990", "1985", "1985", "1977", "1966"],
            "town": ["York", None, "Hull", "Hull", "Bath", "Ely"],
        }
    )
    linkage = ts.Linkage(
        comparisons=[
            ts.comparison("name", ts.exact(), m=0.95, u=0.1), ts.comparison("born", ts.exact(), m=0.9, u=0.05)
        ],
        passes=[ts.all_pairs()],
        entities=ts.Entities(golden=ts.Golden()),
    )  # fmt: skip
    assert ts.Linkage(spec=ts.load_spec(_written(linkage, tmp_path))).spec == linkage.spec
    links = linkage.run(tmp_path / "out", ts.Source(name="t", table=table, id="id"))
    written = pl.read_parquet(tmp_path / "out" / "golden.parquet")
    assert written.equals(links.golden())
    assert links.golden(ts.Golden(rule="most_complete")).columns == written.columns
    assert written["records"].sum() == 6
    assert set(written["town"]) == {"York", "Hull", "Bath", "Ely"}


def _written(linkage: ts.Linkage, folder: Path) -> Path:
    (folder / "s.toml").write_text(linkage.to_toml(), "utf-8")
    return folder / "s.toml"
