"""A fitted model away from its fit: two records, one record against a file, files to disk, new files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from small_persons import FIELDS, files
from test_metamorphic import COMPARISONS, PASSES, canonical, linkage, sources

from tallystick.blocking.passes import all_pairs, blocking_key
from tallystick.comparisons.comparison import comparison
from tallystick.comparisons.equality import exact
from tallystick.errors import InputError
from tallystick.linkage.linkage import Linkage
from tallystick.linkage.links import Links
from tallystick.linkage.model import Model

ASYMMETRIC = (*COMPARISONS, comparison(exact(), left="forename", right="surname"))
BOTH = comparison("forename", "sex", exact(), name="both")


def record_of(frame: pl.DataFrame, name: str) -> dict[str, Any]:
    return frame.filter(pl.col("id") == name).select(FIELDS).row(0, named=True)


@pytest.fixture(scope="module")
def persons() -> list[pl.DataFrame]:
    return files([120, 100], shared=70, seed=9)


@pytest.fixture(scope="module", params=["link", "dedupe", "link_and_dedupe"])
def linked(request: pytest.FixtureRequest, persons: list[pl.DataFrame]) -> tuple[list[pl.DataFrame], Links]:
    """Everything that can be compared, kept whatever its weight."""
    frames = [pl.concat(persons)] if request.param == "dedupe" else persons
    how = Linkage(
        (*ASYMMETRIC, BOTH), [all_pairs()], kind=request.param, scale="weight", upper=4.0, lower=-90.0
    )
    return frames, how.fit(*sources(*frames)).link(*sources(*frames))


def test_all_pairs_are_there(linked: tuple[list[pl.DataFrame], Links]) -> None:
    frames, links = linked
    n = [len(frame) for frame in frames]
    every = {
        "link": n[0] * n[-1],
        "dedupe": n[0] * (n[0] - 1) // 2,
        "link_and_dedupe": sum(n) * (sum(n) - 1) // 2,
    }
    assert len(links.pairs) == every[links.model.spec.kind or ""]


def test_two_records_weigh_what_their_pair_weighs(linked: tuple[list[pl.DataFrame], Links]) -> None:
    frames, links = linked
    every = pl.concat(frames)
    best = links.pairs.sort("weight", descending=True).head(20)
    others = links.pairs.sample(15, seed=1)
    for row in pl.concat([best, others]).iter_rows(named=True):
        a, b = (record_of(every, row[f"id_{side}"]) for side in ("left", "right"))
        found = links.model.compare_records(a, b)
        assert found.weight == pytest.approx(row["weight"], abs=1e-9)
        assert found.pattern == row["pattern"]
        if links.model.spec.kind != "link_and_dedupe":  # there each pair of sources has its own match rate
            assert found.posterior == pytest.approx(row["posterior_pair"], abs=1e-9)
        names = [one.name for one in (*ASYMMETRIC, BOTH)]
        related = ["related records"] if links.model.parameters.related_share else []
        assert [part["comparison"] for part in found.parts] == names + related
        assert math.fsum(part["weight"] for part in found.parts) == pytest.approx(found.weight, abs=1e-9)
        assert links.model.weight(found.pattern) == pytest.approx(found.weight, abs=1e-9)
        if links.model.spec.kind != "link":
            assert links.model.compare_records(b, a).weight == pytest.approx(found.weight, abs=1e-9)


def test_order_counts_between_files(persons: list[pl.DataFrame]) -> None:
    how = Linkage([comparison(exact(), left="forename", right="surname", m=0.9, u=0.1)], kind="link")
    a, b = {"forename": "anna", "surname": "berg"}, {"forename": "x", "surname": "Anna "}
    assert how.model().compare_records(a, b).weight == pytest.approx(math.log(9))
    assert how.model().compare_records(b, a).weight == pytest.approx(-math.log(9))


def test_a_look_up_finds_the_weights_of_the_links(linked: tuple[list[pl.DataFrame], Links]) -> None:
    frames, links = linked
    kind = links.model.spec.kind
    weights: dict[frozenset[str], tuple[float, str, float]] = {
        frozenset(pair): (row["weight"], row["pattern"], row["posterior_pair"])
        for pair, row in canonical(links).items()
    }
    index = links.model.index(sources(*frames)[-1])
    for name in frames[0]["id"].sort()[::17]:
        table = links.model.lookup(record_of(frames[0], name), index, most=1000)
        assert len(table) == len(frames[-1])
        assert table["weight"].is_sorted(descending=True)
        for row in table.iter_rows(named=True):
            if row["id"] == name:
                continue  # the record itself
            weight, pattern, posterior = weights[frozenset((name, row["id"]))]
            assert row["weight"] == pytest.approx(weight, abs=1e-9)
            assert row["pattern"] == pattern
            if kind != "link_and_dedupe":
                assert row["posterior"] == pytest.approx(posterior, abs=1e-9)
        few = links.model.lookup(record_of(frames[0], name), sources(*frames)[-1], most=3)
        assert few.equals(table[:3])


def test_of_equal_records_the_first_comes_first() -> None:
    model = Linkage([comparison("x", exact(), m=0.9, u=0.1)]).model()
    table = pl.DataFrame({"x": ["b", "a", "b", "a", None]})
    found = model.lookup({"x": "a"}, table)
    assert found["id"].to_list() == ["2", "4", "5", "1", "3"]
    assert found["weight"].to_list() == pytest.approx([math.log(9)] * 2 + [0.0] + [-math.log(9)] * 2)
    assert found.columns == ["id", "weight", "pattern"]
    assert model.compare_records({"x": "a"}, {"x": "a"}).posterior is None


def test_absent_none_and_unknown_fields() -> None:
    model = Linkage([comparison("x", exact(), m=0.9, u=0.1), comparison("y", exact(), m=0.8, u=0.2)]).model()
    assert model.compare_records({"x": "a"}, {"x": "a", "y": None}).pattern == "1-."
    assert model.compare_records({}, {}).weight == 0.0
    assert model.compare_records({"x": 12}, {"x": "12.0"}).pattern == "1-."
    with pytest.raises(
        InputError, match=r"^Record a has the field 'z', which the linkage does not use; it uses x, y.$"
    ):
        model.compare_records({"z": 1}, {})
    with pytest.raises(InputError, match=r"^Record b has the field 'z'"):
        model.compare_records({}, {"z": 1})


# Saved models and new files


@pytest.mark.parametrize("passes", list(PASSES))
def test_a_saved_model_gives_the_same_links(persons: list[pl.DataFrame], passes: str, tmp_path: Path) -> None:
    model = linkage(passes, True).fit(*sources(*persons))
    model.save(tmp_path / "model.json")
    again = Model.load(tmp_path / "model.json")
    assert again == model
    before, after = (one.link(*sources(*persons)) for one in (model, again))
    assert before.pairs.equals(after.pairs)
    assert before.residuals.equals(after.residuals)
    a, b = (record_of(frame, frame["id"][0]) for frame in persons)
    assert again.compare_records(a, b) == model.compare_records(a, b)


@pytest.mark.parametrize("passes", list(PASSES))
def test_new_files_get_a_match_rate_of_their_own(persons: list[pl.DataFrame], passes: str) -> None:
    model = linkage(passes, True).fit(*sources(*persons))
    old = model.parameters.pairs[0]
    assert model.link(*sources(*persons)).model.parameters == model.parameters
    fewer = files([150, 90], shared=20, seed=33)
    links = model.link(*sources(*fewer))
    new = links.model.parameters.pairs[0]
    assert links.model.parameters.comparisons == model.parameters.comparisons
    assert (new.n_left, new.n_right, new.pairs) == (150, 90, 150 * 90)
    assert old.expected_matches == pytest.approx(70, abs=10)
    assert new.expected_matches == pytest.approx(20, abs=6)
    right = links.pairs.filter(
        pl.col("decision") == "link", pl.col("id_left").str.tail(4) == pl.col("id_right").str.tail(4)
    )
    assert len(right) >= 14
    # As when m and u are given and nothing else.
    known = tuple(
        one.model_copy(update={"m": p.m, "u": p.u})
        for one, p in zip(model.spec.comparisons, model.parameters.comparisons, strict=True)
    )
    fixed = Linkage(known, PASSES[passes], one_to_one=True).fit(*sources(*fewer))
    assert new.expected_matches == pytest.approx(fixed.parameters.pairs[0].expected_matches, rel=1e-9)
    assert new.log_prior_odds == pytest.approx(fixed.parameters.pairs[0].log_prior_odds, abs=1e-9)


def test_files_of_other_names_count_as_new(persons: list[pl.DataFrame]) -> None:
    model = linkage("all pairs", True).fit(*sources(*persons))
    others = [
        one.model_copy(update={"name": name}) for one, name in zip(sources(*persons), "pq", strict=True)
    ]
    pair = model.link(*others).model.parameters.pairs[0]
    assert (pair.left, pair.right) == ("p", "q")
    # m and u stay, and EM of the rate alone ends where it stood.
    assert pair.expected_matches == pytest.approx(model.parameters.pairs[0].expected_matches, rel=1e-3)


def test_a_model_of_given_probabilities_learns_only_the_rate(persons: list[pl.DataFrame]) -> None:
    model = linkage("all pairs", True, given=True).model()
    assert model.parameters.pairs == ()
    links = model.link(*sources(*persons))
    assert links.model.parameters.comparisons == model.parameters.comparisons
    assert links.model.parameters.pairs[0].expected_matches == pytest.approx(70, abs=12)
    assert np.isfinite(links.pairs["posterior"].to_numpy()).all()


def test_files_that_are_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    with pytest.raises(
        InputError, match=r"there is no such file: give a model.json or the directory of a run"
    ):
        Model.load(tmp_path)
    for text, message in (
        ("{", "cannot be read as JSON"),
        ("[1]", "found JSON that is no model"),
        ('{"format": "other/1"}', "found the format 'other/1', expected 'tallystick-model/1'"),
        ('{"format": "tallystick-model/1"}', "the model is damaged"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            Model.load(path)
    model = Linkage([comparison("x", exact(), m=0.9, u=0.1)], [blocking_key("x")]).model()
    model.save(path)
    data = json.loads(path.read_text())
    del data["comparisons"][0]["m"]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"the model is damaged"):
        Model.load(path)
