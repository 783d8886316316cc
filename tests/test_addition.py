"""A file added to entities: only its pairs are compared, ids stay, and what changed is listed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_files import call

import tallystick as ts
from tallystick.errors import InputError, TallystickWarning
from tallystick.linkage.addition import Added
from tallystick.quality.evaluate import entity_rates

FIELDS = ("name", "born", "town")


def drawn(seed: int, persons: np.ndarray, start: int) -> pl.DataFrame:
    """A record for each of some persons, with errors."""
    rng = np.random.default_rng(7)
    names = rng.integers(0, 400, 2000)
    born = rng.integers(0, 3000, 2000)
    towns = rng.integers(0, 60, 2000)
    random = np.random.default_rng(seed)
    columns = {}
    for field, values, size in zip(FIELDS, (names, born, towns), (400, 3000, 60), strict=True):
        own = values[persons].copy()
        wrong = random.random(len(own)) < 0.08
        own[wrong] = random.integers(0, size, wrong.sum())
        columns[field] = [f"{field}{k}" for k in own]
    return pl.DataFrame(
        {"id": [f"r{start + k}" for k in range(len(persons))], **columns, "person": persons.astype(str)}
    )


def linkage() -> ts.Linkage:
    return ts.Linkage(
        comparisons=[ts.comparison(field, ts.exact()) for field in FIELDS],
        passes=[
            ts.blocking_key("name"),
            ts.blocking_key("born"),
            ts.blocking_key("town", ts.first("name", 5)),
        ],
        kind="dedupe",
    )


OLD = drawn(1, np.concatenate([np.arange(600), np.arange(400), np.arange(200)]), 0)
NEW = drawn(2, np.concatenate([np.arange(100, 500), np.arange(1000, 1100), np.arange(1000, 1050)]), 10_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("addition")
    OLD.write_csv(folder / "old.csv")
    NEW.write_csv(folder / "new.csv")
    source = '[[sources]]\nname = "old"\npath = "old.csv"\nid = "id"\ntruth = ["person"]\n'
    golden = '[entities.golden]\nrule = "most_frequent"\n'
    (folder / "s.toml").write_text("\n".join([linkage().to_toml(), source, golden]), "utf-8")
    assert call("link", folder / "s.toml", "--out", folder / "run", "-q").exit_code == 0
    return folder


@pytest.fixture(scope="module")
def before() -> ts.Links:
    old = ts.Source(name="old", table=OLD, id="id", truth=("person",))
    return linkage().fit(old).link(old)


@pytest.fixture(scope="module")
def added(before: ts.Links) -> Added:
    return before.add(ts.Source(name="new", table=NEW, id="id", truth=("person",)))


@pytest.fixture(scope="module")
def whole(before: ts.Links) -> ts.Links:
    """Both files linked at once, with the same m and u."""
    spec = before.model.spec.model_copy(update={"kind": "link_and_dedupe"})
    return ts.Model(spec, before.model.parameters).link(
        *(ts.Source(name=name, table=table, id="id") for name, table in (("old", OLD), ("new", NEW)))
    )


def members(entities: pl.DataFrame) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for entity, source, id in entities.iter_rows():
        found.setdefault(entity, set()).add((source, id))
    return found


def test_only_pairs_with_a_new_record_are_compared(before: ts.Links, added: Added, whole: ts.Links) -> None:
    assert set(added.new.pairs["source_right"]) == {"new"}
    of_old = whole.counts.counts[whole.counts.source_pair == 0].sum()
    assert added.new.counts.n_pairs == whole.counts.n_pairs - of_old > 0
    key = ["source_left", "id_left", "source_right", "id_right"]
    same = added.new.pairs.join(whole.pairs, on=key)
    assert len(same) > 400
    assert same["weight"].to_numpy() == pytest.approx(same["weight_right"].to_numpy(), abs=1e-9)
    old = added.links.filter(pl.col("source_right") == "old")
    assert old.select(before.pairs.columns).equals(before.pairs)
    assert len(added.links) == len(old) + len(added.new.pairs)


def test_entities_stay_and_what_changed_is_listed(before: ts.Links, added: Added) -> None:
    old, now = members(before.entities), members(added.entities)
    assert sum(map(len, now.values())) == len(OLD) + len(NEW)
    changes = {row["entity_id"]: row for row in added.changes.iter_rows(named=True)}
    absorbed = [one for row in changes.values() for one in row["absorbed"]]
    assert set(old) - set(now) == set(absorbed)
    whose = {record: one for one, records in now.items() for record in records}
    for one, records in old.items():
        assert len({whose[record] for record in records}) == 1
        if one not in changes and one not in absorbed:
            assert now[one] == records
    for one, row in changes.items():
        new = {record for record in now[one] if record[0] == "new"}
        assert (len(now[one]), len(new)) == (row["records"], row["added"])
        if row["change"] == "new":
            assert one not in old
            assert new == now[one]
        else:
            assert (row["change"] == "merged") == bool(row["absorbed"])
            assert all(len(old[gone]) <= len(old[one]) for gone in row["absorbed"])
    assert {"joined", "new"} <= set(added.changes["change"])
    assert added.changes["added"].sum() == len(NEW)


def test_about_as_good_as_both_files_linked_at_once(added: Added, whole: ts.Links) -> None:
    truth = pl.concat([OLD, NEW])["person"]
    found, expected = (entity_rates(one.entities["entity_id"], truth).f1 for one in (added, whole))
    assert found is not None
    assert expected is not None
    assert found > max(0.85, expected - 0.03)


def test_commands_once_and_once_again(folder: Path, before: ts.Links) -> None:
    result = call("add", folder / "run", folder / "new.csv", "--out", folder / "more")
    assert result.exit_code == 0, result.output
    assert "550 records of new:" in result.stdout
    for name in ("links", "entities", "clusters", "changes", "residuals", "review", "curve", "golden"):
        assert (folder / "more" / f"{name}.parquet").is_file(), name
    entities = pl.read_parquet(folder / "more" / "entities.parquet")
    residuals = pl.read_parquet(folder / "more" / "residuals.parquet")
    links = pl.read_parquet(folder / "more" / "links.parquet").filter(pl.col("decision") == "link")
    linked = {
        pair
        for side in ("left", "right")
        for pair in links.select(f"source_{side}", f"id_{side}").iter_rows()
    }
    assert (
        set(residuals.select("source", "id").iter_rows())
        == set(entities.select("source", "id").iter_rows()) - linked
    )
    facts = json.loads((folder / "more" / "run.json").read_text("utf-8"))
    assert [one["name"] for one in facts["inputs"]] == ["old", "new"]
    assert facts["added"] == ["new"]
    assert call("evaluate", folder / "more", "--truth", "person").exit_code == 0
    assert call("thresholds", folder / "more").exit_code == 0
    assert call("export", folder / "more", "--out", folder / "linked.csv").exit_code == 0

    again = call("add", folder / "more", folder / "new.csv", "--name", "third", "--out", folder / "twice")
    assert again.exit_code == 2
    assert "this is source 'new', byte for byte" in again.stderr
    assert not (folder / "twice").exists()
    same = call("add", folder / "run", folder / "new.csv", "--out", folder / "run", "--force")
    assert same.exit_code == 2
    assert "give another directory" in same.stderr
    third = drawn(3, np.arange(50, 150), 50_000)
    third.write_csv(folder / "third.csv")
    result = call("add", folder / "more", folder / "third.csv", "--out", folder / "most")
    assert result.exit_code == 0, result.output
    last = pl.read_parquet(folder / "most" / "entities.parquet")
    assert last["source"].unique(maintain_order=True).to_list() == ["old", "new", "third"]
    changes = pl.read_parquet(folder / "most" / "changes.parquet")
    gone = {one for ids in changes["absorbed"].to_list() for one in ids}
    assert set(entities["entity_id"]) - set(last["entity_id"]) == gone


def test_one_record_and_the_merger_that_it_makes() -> None:
    """Two entities that one new record links to: the larger keeps its id."""
    table = pl.DataFrame({"id": ["1", "2", "3"], "name": ["ann", "ann", "ann"], "born": ["1", "1", "2"]})
    how = ts.Linkage(
        comparisons=[
            ts.comparison("name", ts.exact(), m=0.9, u=0.1), ts.comparison("born", ts.exact(), m=0.9, u=0.05)
        ],
        passes=[ts.all_pairs()],
        kind="dedupe",
        scale="weight",
        upper=2.1,
        lower=0.0,
    )  # fmt: skip
    old = how.model().link(ts.Source(name="t", table=table, id="id"))
    ids = old.entities["entity_id"].to_list()
    assert ids[0] == ids[1] != ids[2]
    one = pl.DataFrame({"id": ["9"], "name": ["ann"], "born": [None]}, schema_overrides={"born": pl.String})
    added = old.add(ts.Source(name="u", table=one, id="id"))
    assert set(added.entities["entity_id"]) == {ids[0]}
    assert added.changes.to_dicts() == [
        {"entity_id": ids[0], "change": "merged", "records": 4, "added": 1, "absorbed": [ids[2]]}
    ]
    more = added.add(ts.Source(name="v", table=one.with_columns(name=pl.lit("zoe")), id="id"))
    assert more.changes["change"].to_list() == ["new"]


def test_what_is_refused(before: ts.Links) -> None:
    with pytest.raises(InputError, match="already a source called 'old'"):
        before.add(ts.Source(name="old", table=NEW, id="id"))
    with pytest.raises(InputError, match="this is source 'old', byte for byte"):
        before.add(ts.Source(name="new", table=OLD, id="id"))


def test_rates_of_all_pairs_of_sources_stand_in_the_model(before: ts.Links, added: Added) -> None:
    model = added.model.parameters
    assert [(one.left, one.right) for one in model.pairs] == [("old", "old"), ("old", "new"), ("new", "new")]
    old, new = before.model.parameters, added.new.model.parameters
    assert model.pairs == (*old.pairs, *new.pairs)
    assert model.comparisons == old.comparisons
    kept = [one.uncertainty for one in (model, old, new)]
    assert all(kept)
    errors, of_old, of_new = (one.errors for one in kept if one is not None)
    assert errors == (*of_new[:-2], of_old[-1], *of_new[-2:])
    assert ts.Model.from_dict(json.loads(json.dumps(added.model.to_dict()))) == added.model


def test_connected_components_are_added_to_as_such() -> None:
    how = ts.Linkage(spec=linkage().spec.model_copy(update={"entities": ts.Entities(method="components")}))
    old = ts.Source(name="old", table=OLD[:800], id="id")
    links = how.fit(old).link(old)
    added = links.add(ts.Source(name="new", table=NEW[:200], id="id"))
    whole = added.links.filter(pl.col("decision") == "link")
    row = {key: k for k, key in enumerate(added.entities.select("source", "id").iter_rows())}
    sides = [
        np.array([row[key] for key in whole.select(f"source_{side}", f"id_{side}").iter_rows()])
        for side in ("left", "right")
    ]
    expected = ts.connected_components(sides[0], sides[1], len(row))
    found = added.entities["entity_id"]
    both = pl.DataFrame({"found": found, "expected": expected})
    assert both.unique().height == found.n_unique() == both["expected"].n_unique()
    assert added.clustering.cut.sum() == 0


@pytest.mark.parametrize("kind", ["link", "dedupe"])
def test_what_is_said_of_the_old_files_alone(tmp_path: Path, kind: str) -> None:
    """A table of their pairs without their names finds none of the new file; none covers another any more."""
    tables = [drawn(seed, np.arange(*span), 1000 * seed) for seed, span in ((1, (0, 300)), (2, (50, 300)))]
    if kind == "dedupe":
        tables = [pl.concat(tables)]
    path = tmp_path / "pairs.csv"
    ids = [tables[0]["id"], tables[-1]["id"][::-1]]
    pl.DataFrame({"id_left": ids[0].head(120), "id_right": ids[1].head(120)}).write_csv(path)
    passes = [ts.pair_table(str(path)), *linkage().spec.passes]
    how = ts.Linkage(linkage().spec.comparisons, passes, one_to_one=kind == "link")
    sources = [
        ts.Source(name="ab"[k], table=table, id="id", covers_other=kind == "link" and k == 0)
        for k, table in enumerate(tables)
    ]
    links = how.fit(*sources).link(*sources)
    new = ts.Source(name="c", table=drawn(3, np.arange(20, 200), 9000), id="id")
    with pytest.warns(TallystickWarning, match="is a table of pairs without source_left and source_right"):
        added = links.add(new)
    found = added.new.counts
    assert not (found.pass_number == 0).any()
    assert found.n_pairs > 100
    assert added.changes.filter(pl.col("change") != "new")["added"].sum() > 150
    assert not any(one.covers_other for one in added.new.prepared.spec.sources)
    # A table that names the sources may have pairs of the new file.
    old = {"source_left": "ab"[0], "source_right": "ab"[len(tables) - 1]}
    listed = pl.read_csv(path, infer_schema=False).with_columns(pl.lit(v).alias(k) for k, v in old.items())
    more = {"id_left": tables[0]["id"][7], "id_right": "r9100", "source_left": "a", "source_right": "c"}
    pl.concat([listed, pl.DataFrame(more).select(listed.columns)]).write_csv(path)
    assert (links.add(new).new.counts.pass_number == 0).sum() == 1


def test_a_third_file_where_links_are_one_to_one() -> None:
    """Records of one file are not compared, and an entity has one of each."""
    tables = [drawn(seed, np.arange(*span), 1000 * seed) for seed, span in ((1, (0, 300)), (2, (50, 350)))]
    third = drawn(3, np.arange(20, 380), 9000)
    how = ts.Linkage(linkage().spec.comparisons, linkage().spec.passes, one_to_one=True)
    sources = [ts.Source(name="ab"[k], table=table, id="id") for k, table in enumerate(tables)]
    links = how.fit(*sources).link(*sources)
    added = links.add(ts.Source(name="c", table=third, id="id"))
    assert {(one.left, one.right) for one in added.new.model.parameters.pairs} == {("a", "c"), ("b", "c")}
    assert added.entities.group_by("entity_id", "source").len()["len"].max() == 1
    rates = entity_rates(added.entities["entity_id"], pl.concat([*tables, third])["person"])
    assert rates.f1 is not None
    assert rates.f1 > 0.93
    assert added.golden()["records"].sum() == 960
