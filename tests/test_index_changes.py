"""What must not change what indexes find, nor the links: order of rows and files, threads, units, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_persons import files, shuffled
from test_metamorphic import COMPARISONS, canonical, cut_work, fitted, same_links, same_model, sources

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.units import Rectangle
from tallystick.linkage.explain import explain
from tallystick.linkage.prepare import as_sources, prepare

NEAR = (ts.difference("dob", 400, part="days"),)
PASSES: dict[str, tuple[AnyPass, ...]] = {
    "windows": (ts.sorted_neighbourhood("surname", ("dob", "forename"), window=4),),
    "runs": (ts.sorted_neighbourhood("surname", similarity=0.88, filters=NEAR),),
    "canopy": (ts.canopy("surname", loose=0.4, tight=0.6, within=("sex",)),),
    "q-grams": (ts.qgram_index("surname", threshold=0.7),),
    "minhash": (ts.minhash("forename", "surname", bands=10, rows=3),),
    "lists": (ts.blocking_key(ts.each("phone", "5"), "sex"),),
    # The two sides are alike in it: else swapped files are another linkage.
    "condition": (ts.condition("l.surname = r.surname OR (l.postcode = r.postcode AND l.sex = r.sex)"),),
    "filtered all": (ts.all_pairs(filters=NEAR),),
    "mixed": (
        ts.blocking_key("postcode", filters=NEAR),
        ts.sorted_neighbourhood("surname", window=3),
        ts.blocking_key(ts.soundex("surname")),
        ts.minhash("surname", bands=8, rows=3, within=(ts.year("dob"),)),
        ts.condition("l.forename = r.surname AND l.surname = r.forename"),
    ),
}
Pairs = dict[tuple[str, str], int]


@pytest.fixture(scope="module")
def persons() -> list[pl.DataFrame]:
    return files([260, 230], shared=150, seed=4)


def found(passes: Sequence[AnyPass], frames: Sequence[pl.DataFrame], threads: int | None = None) -> Pairs:
    """The pass of each candidate pair, by ids; those within one file in the order of their ids."""
    spec = ts.Spec(comparisons=COMPARISONS, passes=passes)
    prepared = prepare(spec, as_sources(sources(*frames)), threads=threads)
    plan, ids = prepared.plan.blocking, prepared.records.ids.to_list()
    result: Pairs = {}
    for unit in plan.units():
        assert not isinstance(unit, Rectangle)
        left, right = plan.pairs(unit)
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            pair = min(ids[a], ids[b]), max(ids[a], ids[b])
            assert pair not in result
            result[pair] = unit.pass_number
    assert len(set(result.values())) == len(passes)
    return result


@pytest.mark.parametrize("name", PASSES)
def test_the_pairs_stay(name: str, persons: list[pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    passes = PASSES[name]
    expected = found(passes, persons)
    assert found(passes, [shuffled(one, 3) for one in persons]) == expected
    assert found(passes, persons[::-1]) == expected
    assert found(passes, persons, threads=1) == found(passes, persons, threads=3) == expected
    whole = pl.concat(persons)
    deduped = found(passes, [whole])
    assert found(passes, [shuffled(whole, 8)]) == deduped
    assert expected.items() <= deduped.items()
    for size in (1, 50):
        monkeypatch.setattr(units_module, "CHUNK", size)
        assert found(passes, persons) == expected
        assert found(passes, [whole]) == deduped


def test_the_links_stay(persons: list[pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    how = ts.Linkage(COMPARISONS, PASSES["mixed"])
    before = fitted(how, *persons)
    links = before.pairs.filter(pl.col("decision") == "link")
    assert (links["id_left"].str.tail(4) == links["id_right"].str.tail(4)).sum() > 120
    after = fitted(how, *(shuffled(one, 2) for one in persons))
    same_model(after.model, before.model)
    same_links(canonical(after), canonical(before))
    swapped = fitted(how, *reversed(persons))
    same_model(swapped.model, before.model)
    same_links(canonical(swapped, swap=True), canonical(before))
    threaded = fitted(how, *persons, threads=2)
    assert threaded.model.parameters == before.model.parameters
    for name in ("pairs", "entities", "residuals", "review"):
        assert getattr(threaded, name).equals(getattr(before, name)), name
    given = sources(*persons)
    little = how.fit(*given, memory=20_000).link(*given, memory=20_000)
    assert little.model.parameters == before.model.parameters
    assert little.pairs.equals(before.pairs)
    cut_work(monkeypatch, 100)
    cut = fitted(how, *persons)
    same_model(cut.model, before.model)
    same_links(canonical(cut), canonical(before))


def test_a_run_tells_of_its_passes(persons: list[pl.DataFrame], tmp_path: Path) -> None:
    """Counts of each pass, the pass of each pair, why a pair, what is planned, and a model that is saved."""
    passes = PASSES["mixed"]
    how = ts.Linkage(COMPARISONS, passes)
    links = fitted(how, *persons)
    expected = found(passes, persons)
    counted = links.counts_dict()["passes"]
    assert [row["pairs"] for row in counted] == np.bincount(list(expected.values())).tolist()
    assert [row["found"] for row in counted] == [len(found((one,), persons)) for one in passes]
    pairs = links.pairs.filter(pl.col("decision") == "link")
    for a, b, label in pairs.select("id_left", "id_right", "pass").iter_rows():
        assert passes[expected[a, b]].label == label
        assert label in links.why(a, b).reason
    text = explain(links.prepared, 0.1).text()
    for one, row in zip(passes, counted, strict=True):
        assert f"{one.label}: finds {row['found']:,}, {row['pairs']:,} of them new" in text
    links.model.save(tmp_path / "model.json")
    again = ts.Model.load(tmp_path / "model.json")
    assert again.spec.passes == passes
    assert again.link(*sources(*persons)).pairs.equals(links.pairs)
