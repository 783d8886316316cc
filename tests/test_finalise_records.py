"""Decisions about records: one that has no match has none, and what is learnt of them is not biased."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from kinds_of_runs import MANY, made
from reviewed import by_truth, judged, standing, truth_of
from small_files import SPEC, call, people, write_csv, write_small

from tallystick.errors import InputError
from tallystick.linkage.model import Model
from tallystick.linkage.reviews.casebook import RunCasebook
from tallystick.linkage.reviews.finalise import finalise, fixed_pairs
from tallystick.linkage.reviews.tasks import review_tasks
from tallystick.linkage.reviews.verdicts import read_verdicts
from tallystick.linkage.saved_run import SavedRun, open_run
from tallystick.linking.decide import DecidedPairs
from tallystick.review.cases import RecordKey
from tallystick.review.standing import Standing
from tallystick.review.tasks import Task

CANDIDATES = 25  # more than a reviewer is shown


def pairs(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "links.parquet")


def of_record(number: int, left: str, right: str | None) -> Standing:
    """A record of source a that is judged to be one of source b, or none."""
    task = Task("record", RecordKey("a", left), None, None, None)
    if right is None:
        return standing(number, task, "non-link", None, "audit")
    return standing(number, task, "link", RecordKey("b", right), "audit")


@pytest.fixture(scope="module", params=[SPEC, MANY], ids=["one_to_one", "many_to_many"])
def crowded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which the record ax has many candidates that are alike."""
    folder = tmp_path_factory.mktemp("crowded")
    path = write_small(folder, request.param, 300)
    same = {"given": "zebedee", "surname": "quortle", "zip": "1000"}
    own = {
        "id": ["ax"],
        **{name: [value] for name, value in same.items()},
        "born": "1950-01-01",
        "person": "x",
    }
    other = {"id": [f"bx{k}" for k in range(CANDIDATES)], "person": [f"y{k}" for k in range(CANDIDATES)]}
    for name, more in (("a", own), ("b", {**other, **same, "born": None})):
        table = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        rows = pl.DataFrame(more, schema_overrides=table.schema).select(table.columns)
        pl.concat([table, rows]).write_csv(folder / f"{name}.csv")
    done = call("link", path, "--out", folder / "out", "-q")
    assert done.exit_code == 0, done.output
    return folder / "out"


def test_a_record_that_has_no_match_is_in_no_link(crowded: Path, tmp_path: Path) -> None:
    opened, truth = open_run(crowded), truth_of(crowded.parent)
    assert (pairs(crowded)["id_left"] == "ax").sum() == CANDIDATES
    queue = [one for one in review_tasks(opened) if one.left.id != "ax"]
    none, more = of_record(1000, "ax", None), by_truth(queue[:40], truth)
    for name, said, re_estimate in (("f", [none], False), ("g", [none, *more], True)):
        finalise(crowded, tmp_path / name, said, re_estimate=re_estimate, opened=opened)
        own = pairs(tmp_path / name).filter(pl.col("id_left") == "ax")
        assert len(own) == CANDIDATES
        assert (own["decision"] == "non-link").all()
        assert (own["decided_by"] == "reviewer").all()
    # That it has none is kept, for pairs too that later parameters bring in.
    facts = json.loads((tmp_path / "f" / "run.json").read_text("utf-8"))["finalised"]
    assert facts["records"] == [{"source": "a", "id": "ax", "match": False}]
    finalise(tmp_path / "f", tmp_path / "h", more, re_estimate=True)
    own = pairs(tmp_path / "h").filter(pl.col("id_left") == "ax")
    assert (own["decided_by"] == "reviewer").all()
    assert (own["posterior"] == 0.0).all()
    # Unless it is decided anew.
    finalise(tmp_path / "f", tmp_path / "i", judged([(RecordKey("a", "ax"), RecordKey("b", "bx3"), "link")]))
    own = pairs(tmp_path / "i").filter(pl.col("id_left") == "ax")
    assert own.filter(pl.col("decision") == "link")["id_right"].to_list() == ["bx3"]


def test_pairs_that_are_kept_later_are_refused_too(crowded: Path) -> None:
    """What is refused follows from the record, not from the pairs that were kept when it was judged."""
    opened = open_run(crowded)
    book, all_pairs = RunCasebook(opened), opened.decided.pairs
    row = book.row(RecordKey("a", "ax"))
    one = np.flatnonzero(all_pairs.left == row)[0]
    fewer = replace(opened, decided=all_but(opened.decided, int(one)))
    found = read_verdicts(RunCasebook(fewer), [of_record(1, "ax", None)])
    assert len(found) == CANDIDATES - 1
    assert fixed_pairs(all_pairs, found, opened.prepared.records.n_records).refused[one]


def all_but(decided: DecidedPairs, at: int) -> DecidedPairs:
    rest = np.arange(len(decided.pairs)) != at
    arrays = (decided.posterior, decided.posterior_pair, decided.verdict, decided.tie)
    return DecidedPairs(decided.pairs.chosen(rest), *(one[rest] for one in arrays))


SEEDS = (11, 12, 13, 14)
N = 2000
MATCHES = N // 3


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs of files that share `MATCHES` people."""
    folders = []
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp("several")
        for name, rows in zip("ab", people(N, seed), strict=True):
            write_csv(folder / f"{name}.csv", rows)
        (folder / "spec.toml").write_text(SPEC, "utf-8")
        assert call("link", folder / "spec.toml", "--out", folder / "out", "-q").exit_code == 0
        folders.append(folder)
    return folders


@cache
def opened_once(folder: Path) -> SavedRun:
    return open_run(folder)


def expected(model: object) -> float:
    assert isinstance(model, Model)
    return sum(pair.expected_matches for pair in model.parameters.pairs)


def records_judged(folder: Path, share: float, seed: int) -> list[Standing]:
    """Records of source a, drawn at random whether they have a match or not."""
    truth = truth_of(folder)
    match = {person: key.id for key, person in truth.items() if key.source == "b"}
    own = sorted(key for key in truth if key.source == "a")
    drawn = np.random.default_rng(seed).choice(len(own), int(share * len(own)), replace=False)
    return [
        of_record(number, own[k].id, match.get(truth[own[k]])) for number, k in enumerate(np.sort(drawn), 1)
    ]


@pytest.mark.parametrize("how", ["records", "information"])
def test_what_is_learnt_of_decisions_is_not_biased(several: list[Path], tmp_path: Path, how: str) -> None:
    found = []
    for number, folder in enumerate(several):
        opened = opened_once(folder / "out")
        if how == "records":
            said = records_judged(folder, 0.3, number)
        else:
            queue = sorted(review_tasks(opened), key=lambda one: -one.information)
            said = by_truth(queue[:250], truth_of(folder))
        done = finalise(folder / "out", tmp_path / str(number), said, re_estimate=True, opened=opened)
        found.append(expected(done.links.model))
    assert abs(np.mean(found) - MATCHES) < 0.025 * MATCHES


def test_records_that_may_have_several_matches_label_nothing(tmp_path: Path) -> None:
    run = made(tmp_path, MANY)
    opened, truth = open_run(run), truth_of(tmp_path)
    found = records_judged(tmp_path, 0.5, 1)
    with pytest.raises(InputError, match=r"needs decisions that are links.*may have several matches"):
        finalise(run, tmp_path / "f", found, re_estimate=True, opened=opened)
    judged_pairs = by_truth(review_tasks(opened)[:60], truth)
    alone = finalise(run, tmp_path / "g", judged_pairs, re_estimate=True, opened=opened)
    decided = {(one.task.left, one.task.right) for one in judged_pairs}
    rest = [one for one in found if (one.task.left, one.chosen) not in decided]
    both = finalise(run, tmp_path / "h", [*judged_pairs, *rest], re_estimate=True, opened=opened)
    assert expected(both.links.model) == pytest.approx(expected(alone.links.model), rel=1e-9)
    # The same where the records were judged in a review before.
    finalise(run, tmp_path / "i", rest, opened=opened)
    later = finalise(tmp_path / "i", tmp_path / "j", judged_pairs, re_estimate=True)
    assert expected(later.links.model) == pytest.approx(expected(alone.links.model), rel=1e-9)
    # In such a linkage nothing can be displaced, whatever parameters that were estimated anew make of it.
    links = alone.figures["links"]
    assert links["displaced"] == 0
    lost = alone.changes.filter(pl.col("before") == "link", pl.col("reason").str.starts_with("decided anew"))
    assert links["lost_by_consequence"] == len(lost)
