"""The cases of a run: pairs and records as the tables of the run have them, and records found by words."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from kinds_of_runs import STEPS, made, made_by_households
from small_files import SPEC

from tallystick.errors import InputError
from tallystick.linkage.reviews.casebook import MOST_CANDIDATES, RunCasebook, open_casebook
from tallystick.review.cases import Casebook, RecordKey


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("casebook"), SPEC)


@pytest.fixture(scope="module")
def book(run: Path) -> RunCasebook:
    return open_casebook(run)


def test_it_is_what_the_review_asks_for(book: Casebook) -> None:
    assert book.title == "small"
    assert book.sources == ("a", "b")
    assert set(book.fields) == {"given", "surname", "born", "zip"}
    assert book.partners("a") == ("b",)
    assert len(book.model) == 64


def test_pairs_are_as_the_tables_have_them(book: RunCasebook, run: Path) -> None:
    links = pl.read_parquet(run / "links.parquet")
    for row in links.sample(40, seed=2).to_dicts():
        left, right = RecordKey("a", row["id_left"]), RecordKey("b", row["id_right"])
        case = book.pair(left, right)
        assert (case.left.key, case.right.key) == (left, right)
        assert case.decision == row["decision"]
        assert case.weight == pytest.approx(row["weight"])
        assert case.posterior == row["posterior"]
        assert sum(part.weight for part in case.parts) == pytest.approx(row["weight"])
        own = links.filter(
            (pl.col("id_left") == row["id_left"]) & (pl.col("id_right") != row["id_right"])
        ).sort("weight", descending=True)
        shown = [one.record.key.id for one in case.left_candidates]
        assert set(shown) <= set(own["id_right"])
        assert len(shown) == min(len(own), len(shown) if len(own) >= MOST_CANDIDATES - 1 else len(own))
        weights = [one.weight for one in case.left_candidates]
        assert weights == sorted(weights, reverse=True)  # type: ignore[type-var] # all have one
        # The other way round it is the same pair.
        turned = book.pair(right, left)
        assert (turned.left.key, turned.right.key) == (right, left)
        assert turned.weight == pytest.approx(row["weight"])


def test_the_entity_that_a_pair_would_be_in(book: RunCasebook, run: Path) -> None:
    entities = pl.read_parquet(run / "entities.parquet")
    row = pl.read_parquet(run / "links.parquet").filter(pl.col("decision") == "non-link").row(0, named=True)
    case = book.pair(RecordKey("a", row["id_left"]), RecordKey("b", row["id_right"]))
    own = entities.filter(
        ((pl.col("source") == "a") & (pl.col("id") == row["id_left"]))
        | ((pl.col("source") == "b") & (pl.col("id") == row["id_right"]))
    )["entity_id"]
    expected = entities.filter(pl.col("entity_id").is_in(own.to_list()))
    names = {(one.key.source, one.key.id) for one in case.entity}
    assert names == set(expected.select("source", "id").rows()) - {
        ("a", row["id_left"]),
        ("b", row["id_right"]),
    }


def test_a_pair_that_was_never_kept_has_a_weight_and_no_posterior(book: RunCasebook, run: Path) -> None:
    links = pl.read_parquet(run / "links.parquet")
    left = links["id_left"][0]
    kept = set(links.filter(pl.col("id_left") == left)["id_right"])
    other = next(one for one in pl.read_csv(run.parent / "b.csv")["id"] if one not in kept)
    case = book.pair(RecordKey("a", left), RecordKey("b", other))
    assert case.weight is not None
    assert case.posterior is None
    assert case.decision == "non-link"


def test_a_record_and_its_candidates(book: RunCasebook, run: Path) -> None:
    links = pl.read_parquet(run / "links.parquet")
    for name in links["id_right"].unique().sort()[:20]:
        case = book.record(RecordKey("b", name))
        own = links.filter(pl.col("id_right") == name)
        assert {one.record.key.id for one in case.candidates} <= set(own["id_left"])
        assert len(case.candidates) == min(MOST_CANDIDATES, len(own))
        best = own.sort("weight", descending=True).row(0, named=True)
        assert case.candidates[0].weight == pytest.approx(best["weight"])


def test_what_does_not_exist_is_said(book: RunCasebook, run: Path) -> None:
    with pytest.raises(InputError, match="no record with the id 'zz'"):
        book.record(RecordKey("a", "zz"))
    with pytest.raises(InputError, match="no source 'c'"):
        book.record(RecordKey("c", "a1"))
    with pytest.raises(InputError, match="not compared"):
        book.pair(RecordKey("a", "a1"), RecordKey("a", "a2"))
    with pytest.raises(InputError, match="no field 'surnam'"):
        book.search({"surnam": "x"}, ("a",), 5)
    with pytest.raises(InputError, match=r"column 'borne' \(did you mean 'born'\?\)"):
        open_casebook(run, ["borne"])
    with pytest.raises(InputError, match="truth"):
        open_casebook(run, ["person"])


def test_search(book: RunCasebook, run: Path) -> None:
    rows = pl.read_csv(run.parent / "a.csv", infer_schema=False)
    wanted = rows.row(7, named=True)
    found = book.search({"given": wanted["given"], "surname": wanted["surname"]}, ("a",), 300)
    both = rows.filter((pl.col("given") == wanted["given"]) & (pl.col("surname") == wanted["surname"]))
    assert {one.key.id for one in found[: len(both)]} == set(both["id"])
    assert all(one.key.source == "a" for one in found)
    # Any field, any case, and a value that is a little off.
    text = f"{wanted['surname'].upper()[:-1]} {wanted['born']} {wanted['given']}"
    assert book.search({"": text}, ("a", "b"), 3)[0].values["born"] == wanted["born"]
    spelt = wanted["surname"][:-1] + "z"
    assert wanted["surname"] in {
        one.values["surname"] for one in book.search({"surname": spelt}, ("a",), 500)
    }
    assert book.search({"": wanted["id"]}, ("a",), 1)[0].key.id == wanted["id"]
    assert book.search({"": "qqqq"}, ("a", "b"), 5) == ()
    assert book.search({"": ""}, ("a", "b"), 5) == ()


def test_further_columns_are_shown_and_searched(tmp_path: Path) -> None:
    out = made(tmp_path, SPEC.replace('[[passes]]\ntype = "blocking_key"\nparts = ["zip"]\n', "", 1))
    book = open_casebook(out, ["zip"])
    assert book.fields[-1] == "zip"
    rows = pl.read_csv(tmp_path / "b.csv", infer_schema=False)
    for row in rows.head(10).to_dicts():
        assert book.record(RecordKey("b", row["id"])).record.values["zip"] == row["zip"]
    zip_ = next(one for one in rows["zip"] if one)
    assert book.search({"zip": zip_}, ("b",), 1)[0].values["zip"] == zip_


@pytest.mark.parametrize("by_households", [False, True])
def test_linkages_by_steps_and_by_households(tmp_path: Path, by_households: bool) -> None:
    out = made_by_households(tmp_path) if by_households else made(tmp_path, STEPS)
    book = open_casebook(out)
    links = pl.read_parquet(out / "links.parquet")
    left, right = book.sources
    for row in links.sample(min(30, len(links)), seed=3).to_dicts():
        case = book.pair(RecordKey(left, row["id_left"]), RecordKey(right, row["id_right"]))
        assert case.parts
        assert case.reason.startswith("Stage" if by_households else "Step")
    if by_households:
        homes = [book.record(RecordKey(left, one)) for one in links["id_left"].unique()]
        assert any(one.household for one in homes)
        for one in homes:
            assert one.record.key not in {other.key for other in one.household}
            own = [one.record.values[name] for name in ("street", "number")]
            assert all(
                [other.values[name] for name in ("street", "number")] == own for other in one.household
            )


def test_parts_of_a_weight_name_the_fields_that_they_read(tmp_path: Path) -> None:
    """Those of comparisons that were estimated together, too: a mask hides what reads a masked field."""
    out = made(tmp_path, SPEC + 'interactions = [["given", "surname"]]\n')
    book = open_casebook(out)
    row = pl.read_parquet(out / "links.parquet").row(0, named=True)
    case = book.pair(RecordKey("a", row["id_left"]), RecordKey("b", row["id_right"]))
    read = {part.comparison: (part.left, part.right) for part in case.parts}
    both = ("given", "surname")
    assert read["given × surname together"] == (both, both)
    assert all(left and right for left, right in read.values())
    assert {name for sides in read.values() for names in sides for name in names} == book.weighed
