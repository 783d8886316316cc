"""Decisions of people about small runs, made up or read off the truth."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tallystick.review.cases import RecordKey
from tallystick.review.standing import Standing
from tallystick.review.tasks import Decision, Task, Verdict


def pair_task(left: RecordKey, right: RecordKey) -> Task:
    return Task("pair", left, right, 1.0, 0.5)


def standing(
    number: int,
    task: Task,
    verdict: Verdict | None,
    chosen: RecordKey | None = None,
    worklist: str = "possible",
) -> Standing:
    """A verdict that counts, of a decision with the number of the task."""
    made = Decision(
        number, worklist, task, "ann", datetime(2026, 1, 1, tzinfo=UTC), "review", verdict, chosen, None, "",
        {}, "run", "model",
    )  # fmt: skip
    return Standing(number, worklist, task, "done" if verdict else "open", verdict, chosen, "single", (made,))


def judged(pairs: Iterable[tuple[RecordKey, RecordKey, Verdict]]) -> list[Standing]:
    """Verdicts on pairs, numbered from 1."""
    return [
        standing(number, pair_task(left, right), verdict)
        for number, (left, right, verdict) in enumerate(pairs, start=1)
    ]


def truth_of(folder: Path, files: tuple[str, ...] = ("a.csv", "b.csv")) -> dict[RecordKey, str]:
    """Who each record of the small files is."""
    return {
        RecordKey(Path(name).stem, row["id"]): row["person"]
        for name in files
        for row in pl.read_csv(folder / name, infer_schema=False).to_dicts()
    }


def by_truth(tasks: Iterable[Task], truth: dict[RecordKey, str]) -> list[Standing]:
    """What somebody who knows the truth says of pairs."""
    made = []
    for number, task in enumerate(tasks, start=1):
        assert task.right is not None
        same = truth[task.left] == truth[task.right]
        made.append(standing(number, task, "link" if same else "non-link"))
    return made
