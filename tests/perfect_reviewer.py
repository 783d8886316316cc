"""A reviewer who knows the truth, to answer an audit; the truth does nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import polars as pl

from tallystick.linkage.audits.frame import AuditFrame
from tallystick.linkage.audits.judged import Answer, draw_tasks, judged_strata
from tallystick.quality.audit_rates import MEASURES, AuditRates, Counts, audit_rates
from tallystick.quality.rates import Rates
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Task


class Reviewer:
    """Who every record is, and who else is the same.

    Parameters
    ----------
    truth : mapping of RecordKey to str
        Who each record is; records without an entry are nobody else.
    between : bool
        Whether only records of different sources are linked.
    seed : int
        Chooses among several matches of a record.
    """

    def __init__(self, truth: Mapping[RecordKey, str], *, between: bool = True, seed: int = 1) -> None:
        self._truth = truth
        self._between = between
        self._random = Random(seed)
        self._same: dict[str, list[RecordKey]] = {}
        for key, who in truth.items():
            self._same.setdefault(who, []).append(key)

    def answer(self, task: Task) -> Answer:
        """What the truth says of a task."""
        who = self._truth.get(task.left)
        if task.right is not None:
            same = who is not None and self._truth.get(task.right) == who
            return Answer(task, "link" if same else "non-link")
        others = [
            one
            for one in self._same.get(who or "", [])
            if one != task.left and not (self._between and one.source == task.left.source)
        ]
        return Answer(task, "link", self._random.choice(others)) if others else Answer(task, "non-link")

    def answers(self, tasks: Sequence[Task]) -> list[Answer]:
        """What the truth says of some tasks."""
        return [self.answer(task) for task in tasks]


def truth_of(parts: Sequence[pl.DataFrame]) -> dict[RecordKey, str]:
    """Who each record is, from what `read_truth` gives."""
    rows = pl.concat(parts).drop_nulls("truth").select("source", "id", "truth")
    return {RecordKey(source, id_): who for source, id_, who in rows.iter_rows()}


def measures(true: Rates) -> dict[str, float]:
    """The measures of counts that are known."""
    numbers = (np.array(one) for one in (true.links, true.true_links, true.false_links, true.missed))
    return {name: float(one) for name, one in Counts(*numbers, true.allowed_pairs).measures().items()}


def audit_once(
    frame: AuditFrame, taken: Sequence[int], reviewer: Reviewer, seed: int, draws: int = 4000
) -> AuditRates:
    """Draw, answer and estimate."""
    found = judged_strata(frame, reviewer.answers(draw_tasks(frame, taken, seed)))
    by_model = frame.beyond + found.further
    return audit_rates(found.strata, frame.allowed_pairs, model_missed=by_model, draws=draws, seed=seed)


def coverage(found: Sequence[AuditRates], true: Rates) -> dict[str, tuple[float, float]]:
    """Of each measure the share of the intervals that hold the truth, and their median width."""
    result = {}
    for name, value in measures(true).items():
        assert name in MEASURES
        limits = [one.intervals[name] for one in found]
        near = 1e-12 * max(1.0, abs(value))
        holds = [one.low - near <= value <= one.high + near for one in limits]
        result[name] = (float(np.mean(holds)), float(np.median([one.high - one.low for one in limits])))
    return result
