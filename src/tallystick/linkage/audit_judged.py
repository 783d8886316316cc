"""From the verdicts of people to what they say of the links: right, wrong, or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tallystick.errors import InputError
from tallystick.linkage.audit_frame import AuditFrame
from tallystick.quality.audit_strata import FOUND, NONE, JudgedStratum, Outcome, StratumKind
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Task, Verdict

UNSURE, OPEN = "unsure", "open"


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
    def number(value: object) -> float | None:
        return float(value) if isinstance(value, float) and np.isfinite(value) else None

    is_pair = row["task"] == "pair"
    return Task(
        kind="pair" if is_pair else "record",
        left=RecordKey(str(row["source_left"]), str(row["id_left"])),
        # Whom a record is linked with is what its reviewer must not know.
        right=RecordKey(str(row["source_right"]), str(row["id_right"])) if is_pair else None,
        weight=number(row["weight"]),
        posterior=number(row["posterior"]),
        place=place,
        stratum=stratum,
    )


def judged_strata(frame: AuditFrame, answers: Sequence[Answer]) -> list[JudgedStratum]:
    """Count what was found, stratum by stratum.

    Parameters
    ----------
    frame : AuditFrame
        What was drawn from.
    answers : sequence of Answer
        Of every task that was drawn.

    Returns
    -------
    list of JudgedStratum
        In the order of the strata of the frame.

    Raises
    ------
    InputError
        Where a task is none of this frame.
    """
    number = {one.name: h for h, one in enumerate(frame.strata)}
    partners = frame.partners
    shares = _Shares(frame)
    found: list[list[Outcome | Literal["unsure", "open"]]] = [[] for _ in frame.strata]
    for one in answers:
        h = number.get(one.task.stratum or "", -1)
        if h < 0 or (one.task.kind == "record" and one.task.left not in partners):
            raise InputError(
                "the worklist of the audit has tasks that are not of this sample: the run or the worklist "
                "has changed since the draw; draw again with another --store."
            )
        found[h].append(_found(frame.strata[h].outcomes, one, partners, shares))
    outcomes = _outcomes(frame, found)
    return [
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
    ]


def _found(
    outcomes: tuple[Outcome, ...],
    answer: Answer,
    partners: Mapping[RecordKey, RecordKey | None],
    shares: _Shares,
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
        found = answer.verdict == "link"
        return shares.missed(answer.task.left, answer.chosen) if found else outcomes[0]
    if answer.verdict == "non-link":
        return outcomes[1]
    return outcomes[0] if answer.chosen == partner else outcomes[2]


class _Shares:
    """How many missed pairs one finding of an unlinked record stands for.

    By record it is one. By pair a record that is found to belong to an entity is missed with every member of
    it that it may be linked with; and where the record that was found is itself one of those that could
    have been drawn, the pair could have been found twice, and counts half.
    """

    def __init__(self, frame: AuditFrame) -> None:
        self._by_pair = frame.by == "pair"
        self._between = frame.kind == "link"
        if not self._by_pair:
            return
        self._drawable = {key for key, partner in frame.partners.items() if partner is None}
        self._entity = {
            RecordKey(source, id_): entity
            for source, id_, entity in frame.entities.select("source", "id", "entity_id").iter_rows()
        }
        self._members: dict[str, list[RecordKey]] = {}
        for key, entity in self._entity.items():
            self._members.setdefault(entity, []).append(key)

    def missed(self, record: RecordKey, chosen: RecordKey | None) -> Outcome:
        """What is missed where a record is found to be another one."""
        if not self._by_pair or chosen is None:
            return FOUND
        if chosen in self._drawable:
            return Outcome(_name(0.5), missed=0.5)
        members = self._members.get(self._entity.get(chosen, ""), [chosen])
        allowed = [one for one in members if not self._between or one.source != record.source]
        return Outcome(_name(len(allowed)), missed=float(max(1, len(allowed))))


def _name(pairs: float) -> str:
    return FOUND.name if pairs == 1 else f"{FOUND.name} ({pairs:g} pairs)"


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
