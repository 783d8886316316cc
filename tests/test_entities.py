"""Entities of a linkage: their ids, what is said of each, and a source without duplicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import entities as joined

import tallystick as ts
from tallystick.errors import RunError, SpecError
from tallystick.linkage import entities as entities_module
from tallystick.linkage.entities import entity_ids
from tallystick.linking.kernels_bridges import bridges_of
from tallystick.linking.kernels_graph import incidence
from tallystick.records.records import records_of


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 10), st.data())
def test_bridges_are_the_links_whose_loss_splits_something(n: int, data: st.DataObject) -> None:
    every = [(a, b) for a in range(n) for b in range(a + 1, n)]
    pairs = data.draw(st.lists(st.sampled_from(every), unique=True, max_size=14)) if every else []
    first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    found = bridges_of(first, second, *incidence(first, second, n))

    def parts(kept: list[tuple[int, int]]) -> int:
        return max(joined([a for a, _ in kept], [b for _, b in kept], n))

    assert found.tolist() == [parts([p for p in pairs if p != one]) > parts(pairs) for one in pairs]


def test_a_long_path_is_all_bridges() -> None:
    first, second = np.arange(100_000), np.arange(1, 100_001)
    assert bridges_of(first, second, *incidence(first, second, 100_001)).all()


PERSONS = pl.DataFrame(
    {
        "id": [str(k) for k in range(12)],
        "name": ["ann"] * 3 + ["bob"] * 4 + ["cid", "dan", "eve", "fay", "gil"],
        "born": ["1990"] * 3 + ["1985"] * 2 + ["1986"] * 2 + ["1977", "1966", "1955", "1944", "1933"],
    }
)


def linkage(kind: str, **entities: object) -> ts.Linkage:
    return ts.Linkage(
        comparisons=[
            ts.comparison("name", ts.exact(), m=0.95, u=0.1),
            ts.comparison("born", ts.levenshtein(1), m=(0.01, 0.09, 0.9), u=(0.9, 0.05, 0.05)),
        ],
        passes=[ts.all_pairs()],
        kind=kind,  # type: ignore[arg-type]
        scale="weight",
        upper=4.0,
        lower=0.0,
        entities=ts.Entities(**entities),  # type: ignore[arg-type]
    )


def linked(kind: str, *tables: pl.DataFrame, **entities: object) -> ts.Links:
    sources = [ts.Source(name="ab"[k], table=table, id="id") for k, table in enumerate(tables)]
    return linkage(kind, **entities).model().link(*sources)


def members(links: ts.Links) -> dict[str, list[str]]:
    return dict(links.entities.group_by("entity_id").agg(pl.col("id").sort()).iter_rows())


def test_ids_do_not_depend_on_order_or_on_other_entities() -> None:
    before = members(linked("dedupe", PERSONS))
    assert len(before) == PERSONS.select("name", "born").n_unique()
    shuffled = PERSONS.sample(fraction=1, shuffle=True, seed=4)
    assert members(linked("dedupe", shuffled)) == before
    more = pl.concat([pl.DataFrame({"id": ["00"], "name": ["zoe"], "born": ["1811"]}), PERSONS[:-1]])
    after = members(linked("dedupe", more))
    assert {one: after[one] for one in before if before[one] != ["11"]} == {
        one: ids for one, ids in before.items() if ids != ["11"]
    }


def test_two_entities_of_one_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    records = records_of(("a",), pl.Series(["1", "2"]), [2], {})
    assert entity_ids(records, np.array([0, 1])).n_unique() == 2
    monkeypatch.setattr(entities_module, "id_of", lambda *_: "e0")
    with pytest.raises(RunError, match="the same hash"):
        entity_ids(records, np.array([0, 1]))


def test_what_is_said_of_each_cluster() -> None:
    links = linked("dedupe", PERSONS)
    table = links.clusters
    ann = table.row(by_predicate=pl.col("entity_id") == links.entities["entity_id"][0], named=True)
    assert (ann["records"], ann["pairs"], ann["links"], ann["bridges"], ann["cut_links"]) == (3, 3, 3, 0, 0)
    own = links.pairs.filter(pl.col("id_left").is_in(["0", "1", "2"]) & (pl.col("decision") == "link"))
    assert ann["weakest_link"] == own["weight"].min()
    assert ann["mean_posterior"] == pytest.approx(own["posterior"].mean())
    assert table["mean_posterior"].is_sorted()
    for row in table.iter_rows(named=True):
        assert row["links"] + row["possible"] + row["conflicts"] + row["unseen"] == row["pairs"]


def test_support_and_components() -> None:
    whole = linked("dedupe", PERSONS, method="components")
    assert whole.clustering.cut.sum() == 0
    assert whole.quality_dict()["entities"]["method"] == "components"
    assert linked("dedupe", PERSONS).quality_dict()["entities"]["support"] == 0.2


def test_a_source_without_duplicates_has_one_record_an_entity() -> None:
    left = pl.DataFrame({"id": ["1", "2"], "name": ["ann", "ann"], "born": ["1990", "1991"]})
    right = pl.DataFrame({"id": ["1", "2"], "name": ["ann", "bob"], "born": ["1990", "1970"]})
    sources = [
        ts.Source(name="a", table=left, id="id", duplicate_free=True),
        ts.Source(name="b", table=right, id="id"),
    ]
    links = linkage("link_and_dedupe").model().link(*sources)
    sizes = links.entities.group_by("entity_id", "source").len()
    assert sizes.filter(pl.col("source") == "a")["len"].max() == 1
    table = links.entities
    assert table["entity_id"][0] == table["entity_id"][2] != table["entity_id"][1]


def test_three_files_one_to_one_have_one_record_each_in_an_entity() -> None:
    """a1 - b1 - c1 - a2 is a chain of links, each between two files; a1 and a2 cannot both be in it."""
    tables = [
        pl.DataFrame({"id": ["1", "2"], "name": ["ann", "ann"], "born": ["1990", "1991"]}),
        pl.DataFrame({"id": ["1"], "name": ["ann"], "born": ["1990"]}),
        pl.DataFrame({"id": ["1"], "name": ["ann"], "born": ["1991"]}),
    ]
    how = linkage("link").spec
    decided = {**how.decision.model_dump(exclude_unset=True), "one_to_one": True, "upper": 2.0}
    how = how.model_copy(update={"decision": ts.Decision(**decided)})
    sources = [ts.Source(name="abc"[k], table=table, id="id") for k, table in enumerate(tables)]
    links = ts.Linkage(spec=how).model().link(*sources)
    assert len(links.pairs.filter(pl.col("decision") == "link")) == 3
    assert links.clustering.cut.sum() == 1
    entity = links.entities["entity_id"].to_list()
    assert entity[0] == entity[2] != entity[1] == entity[3]  # the weakest link went


def test_settings_in_toml_and_what_does_not_fit(tmp_path: Path) -> None:
    how = linkage("dedupe", support=0.35, golden={"fields": {"name": {"rule": "most_complete"}}})
    (tmp_path / "s.toml").write_text(how.to_toml(), "utf-8")
    assert ts.load_spec(tmp_path / "s.toml") == how.spec
    with pytest.raises(SpecError, match='support is given, but method = "components" does not read it'):
        ts.Entities(method="components", support=0.5)
    with pytest.raises(SpecError, match="support"):
        ts.Entities(support=1.5)


def test_persons_with_more_than_fifty_records_stay_whole() -> None:
    """Three such among 900 records of others, 8 values in 100 wrong; with one right field it is lost."""
    random = np.random.default_rng(6)
    large = {600: 60, 601: 80, 602: 55}
    person = np.concatenate([np.arange(600), np.arange(300), *(np.full(n, k) for k, n in large.items())])
    columns = {}
    for field, size in (("name", 400), ("born", 3000), ("town", 60)):
        values = random.integers(0, size, 603)[person]
        wrong = random.random(len(person)) < 0.08
        values[wrong] = random.integers(0, size, wrong.sum())
        columns[field] = [f"{field}{value}" for value in values]
    table = pl.DataFrame({"id": [str(k) for k in range(len(person))], **columns})
    source = ts.Source(name="t", table=table, id="id")
    passes = [ts.blocking_key("name"), ts.blocking_key("born"), ts.blocking_key("town", "name")]
    how = ts.Linkage([ts.comparison(field, ts.exact()) for field in columns], passes, kind="dedupe")
    entity = how.fit(source).link(source).entities["entity_id"].to_numpy()
    for one, n in large.items():
        names, sizes = np.unique(entity[person == one], return_counts=True)
        assert sizes.max() >= 0.94 * n
        assert set(person[entity == names[sizes.argmax()]]) == {one}
