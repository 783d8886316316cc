"""What a finalised run says of its quality: no less than is known to be missed, as sure as it is decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kinds_of_runs import MANY, STEPS
from reviewed import by_truth, judged, truth_of
from small_files import SPEC, call, write_small

from tallystick.errors import InputError
from tallystick.linkage.reviews.finalise import finalise
from tallystick.linkage.reviews.tasks import review_tasks
from tallystick.linkage.saved_run import open_run
from tallystick.review.cases import RecordKey

THIRD = """[[sources]]
name = "c"
path = "c.csv"
id = "id"
truth = ["person"]

[[comparisons]]"""


def spec_of(kind: str) -> str:
    if kind == "steps":
        return STEPS
    if kind == "three":
        return MANY.replace("[[comparisons]]", THIRD, 1)
    if kind == "link_and_dedupe":
        return MANY.replace('name = "small"', 'name = "small"\nkind = "link_and_dedupe"')
    if kind == "dedupe":
        start, end = MANY.index('[[sources]]\nname = "b"'), MANY.index("[[comparisons]]")
        return MANY[:start] + MANY[end:]
    return MANY


def true_pairs(truth: dict[RecordKey, str], kind: str) -> int:
    """Matches, by counting."""
    people: dict[str, list[str]] = {}
    for key, person in truth.items():
        people.setdefault(person, []).append(key.source)
    within = kind in ("dedupe", "link_and_dedupe")
    return sum(
        within or one != other
        for sources in people.values()
        for k, one in enumerate(sources)
        for other in sources[:k]
    )


def estimated(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "quality.json").read_text("utf-8"))["estimated"]
    return found


@pytest.mark.parametrize("kind", ["many", "three", "link_and_dedupe", "dedupe", "steps"])
def test_what_is_missed_is_told_where_all_that_was_asked_is_decided(tmp_path: Path, kind: str) -> None:
    path = write_small(tmp_path, spec_of(kind), 300)
    if kind == "dedupe":
        tables = [pl.read_csv(tmp_path / f"{name}.csv", infer_schema=False) for name in "ab"]
        pl.concat(tables).write_csv(tmp_path / "a.csv")
    if kind == "three":
        table = pl.read_csv(tmp_path / "b.csv", infer_schema=False)
        table.with_columns(id=pl.lit("c") + pl.col("id")).write_csv(tmp_path / "c.csv")
    files = {"dedupe": ("a.csv",), "three": ("a.csv", "b.csv", "c.csv")}.get(kind, ("a.csv", "b.csv"))
    done = call("link", path, "--out", tmp_path / "out", "-q")
    assert done.exit_code == 0, done.output
    opened, truth = open_run(tmp_path / "out"), truth_of(tmp_path, files)
    answers = by_truth(review_tasks(opened), truth)
    finalise(tmp_path / "out", tmp_path / "f", answers, opened=opened)
    before, after = estimated(tmp_path / "out"), estimated(tmp_path / "f")
    matches = true_pairs(truth, kind)
    for one in (before, after):
        assert one["blocking_missed"] > 0
        assert one["missed"] >= one["blocking_missed"]
        low, high = one["intervals"]["matches"]
        assert low <= matches <= high
    low, high = after["intervals"]["recall"]
    assert low <= after["links"] / matches <= high  # a perfect reviewer has left no false link
    confirmed = sum(one.verdict == "link" for one in answers)
    assert after["intervals"]["matches"][0] >= confirmed
    assert after["intervals"]["recall"][0] >= confirmed / after["intervals"]["matches"][1]
    # With all that was doubtful decided, much less is.
    widths = [one["intervals"]["matches"][1] - one["intervals"]["matches"][0] for one in (before, after)]
    assert widths[1] < widths[0] / 2


def test_one_contradiction_with_an_earlier_review_is_told_once(tmp_path: Path) -> None:
    path = write_small(tmp_path, SPEC, 300)
    assert call("link", path, "--out", tmp_path / "out", "-q").exit_code == 0
    table = pl.read_parquet(tmp_path / "out" / "links.parquet")
    links = {row["id_left"]: row for row in table.filter(pl.col("decision") == "link").to_dicts()}
    rival = next(row for row in table.to_dicts() if row["decision"] != "link" and row["id_left"] in links)

    def said(row: dict[str, str]) -> list[Any]:
        return judged([(RecordKey("a", row["id_left"]), RecordKey("b", row["id_right"]), "link")])

    finalise(tmp_path / "out", tmp_path / "f", said(links[rival["id_left"]]))
    with pytest.raises(InputError) as raised:
        finalise(tmp_path / "f", tmp_path / "g", said(rival))
    text = str(raised.value)
    assert text.startswith(
        "1 contradiction among the decisions; nothing was written:\n- decision 1 (pair 1) and an "
    )
    assert "one entity" not in text
    assert "undo the decision here, or decide it otherwise there and finalise that run anew" in text
    assert str(tmp_path / "out") in text
    assert not (tmp_path / "g").exists()
