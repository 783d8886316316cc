"""From the verdicts of people to what they say of the links: right, wrong, or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tallystick.errors import InputError
from tallystick.linkage.audits.frame import AuditFrame
from tallystick.linkage.audits.shares import Shares, Verdicts
from tallystick.quality.audit_strata import FOUND, NONE, JudgedStratum, Outcome, StratumKind
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Task, Verdict


@dataclass(frozen=True)
class Answer:
    """What became of a task of the sample.

    Attributes
    ----------
    task : Task
        The task.
    verdict : {"link", "non-link", "unsure"} or None
        The verdict that counts; None while there is none, or people disagree.
    chosen : RecordKey or None
        Of a record that is linked, with whom.
    """

    task: Task
    verdict: Verdict | None
    chosen: RecordKey | None = None


def draw_tasks(frame: AuditFrame, taken: Sequence[int], seed: int) -> tuple[Task, ...]:
    """Draw a sample: in each stratum at random without replacement, all of it in random order.

    Parameters
    ----------
    frame : AuditFrame
        What is drawn from.
    taken : sequence of int
        Numbers of units, stratum by stratum.
    seed : int
        The same one gives the same sample.

    Returns
    -------
    tuple of Task
        Their `place` is the random order.
    """
    random = np.random.default_rng([seed, 5])
    stratum = frame.units["stratum"].to_numpy()
    chosen = [
        np.sort(random.choice(np.flatnonzero(stratum == h), int(n), replace=False))
        for h, n in enumerate(taken)
    ]
    rows = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    rows = rows[random.permutation(len(rows))]
    return tuple(
        _task(row, place, frame.strata[row["stratum"]].name)
        for place, row in enumerate(frame.units[rows].iter_rows(named=True))
    )


def _task(row: Mapping[str, object], place: int, stratum: str) -> Task:
    is_pair = row["task"] == "pair"
    return Task(
        kind="pair" if is_pair else "record",
        left=RecordKey(str(row["source_left"]), str(row["id_left"])),
        # Neither with whom a record is linked, nor a weight: no list or file of the sample may tell.
        right=RecordKey(str(row["source_right"]), str(row["id_right"])) if is_pair else None,
        weight=None,
        posterior=None,
        place=place,
        stratum=stratum,
    )


@dataclass(frozen=True)
class Judged:
    """What a sample found.

    Attributes
    ----------
    strata : tuple of JudgedStratum
        In the order of the strata of the frame.
    further : float
        By pair: further matches that the model expects of the records that were found to have one, beside
        those that follow from what people said, since a reviewer names one alone; for all records, not for
        those of the sample.
    """

    strata: tuple[JudgedStratum, ...]
    further: float


def judged_strata(frame: AuditFrame, answers: Sequence[Answer]) -> Judged:
    """Count what was found, stratum by stratum.

    Parameters
    ----------
    frame : AuditFrame
        What was drawn from.
    answers : sequence of Answer
        Of every task that was drawn.

    Returns
    -------
    Judged

    Raises
    ------
    InputError
        Where a task is none of this frame.
    """
    number = {one.name: h for h, one in enumerate(frame.strata)}
    partners = frame.partners(one.task.left for one in answers if one.task.kind == "record")
    verdicts = _verdicts(answers)
    shares = frame.shares(verdicts) if frame.by == "pair" and verdicts.findings else None
    found: list[list[Outcome | Literal["unsure", "open"]]] = [[] for _ in frame.strata]
    further = np.zeros(len(frame.strata))
    for one in answers:
        h = number.get(one.task.stratum or "", -1)
        if h < 0 or (one.task.kind == "record" and one.task.left not in partners):
            raise InputError(
                "the worklist of the audit has tasks that are not of this sample: the run or the worklist "
                "has changed since the draw; draw again with another --store."
            )
        found[h].append(_found(frame.strata[h].outcomes, one, partners, shares))
        if shares is not None and one.task.kind == "record" and one.chosen is not None:
            further[h] += shares.further(one.task.left, one.chosen)
    outcomes = _outcomes(frame, found)
    strata = tuple(
        JudgedStratum(
            stratum.name,
            stratum.kind,
            int(size),
            outcomes[stratum.kind],
            tuple(own.count(outcome) for outcome in outcomes[stratum.kind]),
            unsure=own.count("unsure"),
            open=own.count("open"),
        )
        for stratum, size, own in zip(frame.strata, frame.sizes, found, strict=True)
    )
    raised = [one.size / one.judged if one.judged else 0.0 for one in strata]
    return Judged(strata, float(further @ np.array(raised)) if strata else 0.0)


def _verdicts(answers: Sequence[Answer]) -> Verdicts:
    records = [one for one in answers if one.task.kind == "record"]
    return Verdicts(
        [(one.task.left, one.chosen) for one in records if one.verdict == "link" and one.chosen is not None],
        [one.task.left for one in records if one.verdict == "non-link"],
        {
            (one.task.left, one.task.right): one.verdict == "link"
            for one in answers
            if one.task.right is not None and one.verdict in ("link", "non-link")
        },
    )


def _found(
    outcomes: tuple[Outcome, ...],
    answer: Answer,
    partners: Mapping[RecordKey, RecordKey | None],
    shares: Shares | None,
) -> Outcome | Literal["unsure", "open"]:
    if answer.verdict is None:
        return "open"
    if answer.verdict == "unsure":
        return "unsure"
    if answer.task.kind == "pair":
        right = (answer.verdict == "link") == (outcomes[0].true_links > 0)
        return outcomes[0] if right else outcomes[1]
    partner = partners[answer.task.left]
    if partner is None:
        if answer.verdict == "non-link":
            return NONE
        return (
            FOUND
            if shares is None or answer.chosen is None
            else shares.missed(answer.task.left, answer.chosen)
        )
    if answer.verdict == "non-link":
        return outcomes[1]
    return outcomes[0] if answer.chosen == partner else outcomes[2]


def _outcomes(
    frame: AuditFrame, found: Sequence[Sequence[Outcome | str]]
) -> dict[StratumKind, tuple[Outcome, ...]]:
    """What units of each kind can be: as planned, and for records without a link whatever was found."""
    result: dict[StratumKind, tuple[Outcome, ...]] = {}
    for stratum, own in zip(frame.strata, found, strict=True):
        known = result.get(stratum.kind, stratum.outcomes)
        new = {one for one in own if isinstance(one, Outcome)} - set(known)
        result[stratum.kind] = (
            (NONE, *sorted({*known[1:], *new}, key=lambda one: one.missed)) if new else known
        )
    return result
