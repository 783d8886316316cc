"""Errors of finalised runs: what a reviewer has decided is not told as the model's."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from kinds_of_runs import MANY, STEPS, made, made_by_households
from reviewed import judged
from small_files import SPEC

from tallystick.linkage.evaluation.error_files import list_errors
from tallystick.linkage.evaluation.error_list import FALSE, MISSED
from tallystick.linkage.evaluation.truth import RunTruth, truth_of_run
from tallystick.linkage.reviews.finalise import finalise
from tallystick.review.cases import RecordKey

KEYS = STEPS + '\n[match]\n[[match.keys]]\nparts = ["given", "surname", "born", "zip"]\n'
KINDS = {
    "link": SPEC,
    "many": MANY,
    "both": MANY.replace('name = "small"', 'name = "small"\nkind = "link_and_dedupe"'),
    "steps": STEPS,
    "after keys": KEYS,
    "households": "",
}


def ends(found: RunTruth, at: int) -> tuple[RecordKey, RecordKey]:
    frame = found.records.frame
    one, other = (
        RecordKey(*frame.select("source", "id").row(int(side[at]))) for side in (found.left, found.right)
    )
    return one, other


@pytest.mark.parametrize("kind", KINDS)
def test_what_reviewers_decided_is_told_as_theirs(kind: str, tmp_path: Path) -> None:
    run = made_by_households(tmp_path) if kind == "households" else made(tmp_path, KINDS[kind])
    before = truth_of_run(run, "person")
    right = (before.pairs["decision"] == "link").to_numpy() & before.records.match(before.left, before.right)
    if "weight" in before.pairs.columns:  # not those of match keys: they weigh nothing
        right &= before.pairs["weight"].is_not_null().to_numpy()
    first, second = (int(at) for at in right.nonzero()[0][:2])
    refused, displaced = ends(before, first), ends(before, second)
    linked = (before.pairs["decision"] == "link").to_numpy()
    taken = {*before.left[linked].tolist(), *before.right[linked].tolist()}
    codes = before.records.codes
    sources = list(before.records.frame["source"])
    stranger = next(
        row
        for row in range(len(codes))
        if row not in taken
        and sources[row] == displaced[1].source
        and codes[row] != codes[before.left[second]]
    )
    wrong = (displaced[0], RecordKey(*before.records.frame.select("source", "id").row(stranger)))
    finalise(run, tmp_path / "f", judged([(*refused, "non-link"), (*wrong, "link")]))
    table = list_errors(truth_of_run(tmp_path / "f", "person")).table

    def told(error: str, pair: tuple[RecordKey, RecordKey]) -> tuple[str, str] | None:
        found = table.filter(error=error, id_left=pair[0].id, id_right=pair[1].id)
        return found.select("reason", "explanation").row(0) if found.height else None

    answer = told(MISSED, refused)
    assert answer is not None
    assert answer[0] == "refused in review"
    assert answer[1].startswith("A reviewer has judged that the two are no match")
    answer = told(FALSE, wrong)
    assert answer is not None
    assert answer[0] == "linked by a reviewer"
    assert answer[1].startswith("A reviewer has linked the two")
    assert "match key" not in answer[1]
    answer = told(MISSED, displaced)
    if kind in ("many", "both"):
        assert answer is None  # a record may have both links
    else:
        assert answer is not None
        assert answer[0] == "displaced by a link of a reviewer"
        assert f"{wrong[0].id} is linked to {wrong[1].id} (wrongly, by a reviewer" in answer[1]
        assert f"({answer[0]})" in str(told(FALSE, wrong))
    others = table.filter(~pl.col("reason").str.contains("review"))
    assert not others["explanation"].str.starts_with("A reviewer").any()
