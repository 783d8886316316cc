"""What a judged sample shows, as plain data: rates, intervals, and what a reader has to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tallystick.errors import InputError
from tallystick.linkage.audits.frame import AuditFrame
from tallystick.linkage.audits.judged import Answer, Judged, judged_strata
from tallystick.quality.audit_rates import LEVEL, AuditRates, audit_rates
from tallystick.quality.audit_strata import JudgedStratum
from tallystick.quality.audit_wald import wald_intervals

if TYPE_CHECKING:
    from tallystick.review.standing import Standing

BY_MODEL = "expected by the model and judged by nobody"


def estimated(frame: AuditFrame, standing: Sequence[Standing], *, seed: int = 1) -> dict[str, Any]:
    """The rates that a judged sample shows, for JSON.

    Parameters
    ----------
    frame : AuditFrame
        What was drawn from.
    standing : sequence of Standing
        The verdicts of the tasks that were drawn.
    seed : int
        Of the draws of the intervals.

    Returns
    -------
    dict
        ``made_at``; ``reviewers``, ``drawn``, ``judged``, ``unsure``, ``open`` (disagreements included) and
        ``disagreements``, numbers; ``level`` of the intervals; ``strata``, each with what was found;
        ``counts``, ``estimates``, ``intervals``, ``ranges`` (see `AuditRates`); ``wald``, the large-sample
        intervals, or None; ``corrected``, the same of the links once the errors found are put right;
        ``model_missed``, the ``matches`` that the model adds, with ``origin``; ``notes``.

    Raises
    ------
    InputError
        Where nothing is judged.
    """
    answers = [Answer(one.task, one.verdict if one.state == "done" else None, one.chosen) for one in standing]
    found = judged_strata(frame, answers)
    strata = found.strata
    judged = sum(one.judged for one in strata)
    unsure = sum(one.unsure for one in strata)
    if not judged and unsure:
        raise InputError(
            f"of the audit {unsure:,} are judged, and reviewers were unsure of all of them, which tells "
            "nothing: judge more of the worklist audit (tallystick review), then estimate."
        )
    if not judged:
        raise InputError(
            "nothing of the audit is judged yet: judge the worklist audit (tallystick review), then estimate."
        )
    by_model = frame.beyond + found.further
    rates = audit_rates(strata, frame.allowed_pairs, model_missed=by_model, seed=seed)
    corrected = audit_rates(strata, frame.allowed_pairs, model_missed=by_model, corrected=True, seed=seed)
    people = {decision.reviewer for one in standing for decision in one.decisions}
    disagreements = sum(one.state == "disagreement" for one in standing)
    return {
        "made_at": now(),
        "reviewers": len(people),
        "drawn": len(standing),
        "judged": judged,
        "unsure": unsure,
        "open": sum(one.open for one in strata),
        "disagreements": disagreements,
        "level": LEVEL,
        "strata": [_stratum(one, label.label) for one, label in zip(strata, frame.strata, strict=True)],
        **rates.to_dict(),
        "wald": _wald(rates.collapsed.strata, frame, by_model),
        "corrected": {name: value for name, value in corrected.to_dict().items() if name != "ranges"},
        "model_missed": {
            "matches": by_model,
            "not_kept": frame.beyond,
            "further": found.further,
            "origin": "model",
            "label": BY_MODEL,
        },
        "notes": _notes(frame, found, rates, disagreements),
    }


def _stratum(one: JudgedStratum, label: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": label,
        "kind": one.kind,
        "size": one.size,
        "judged": one.judged,
        "unsure": one.unsure,
        "open": one.open,
        "outcomes": {outcome.name: count for outcome, count in zip(one.outcomes, one.counts, strict=True)},
    }


def _wald(
    strata: Sequence[JudgedStratum], frame: AuditFrame, by_model: float
) -> dict[str, list[float]] | None:
    links = sum(one.size for one in strata if one.kind == "link")
    if not links or any(one.judged < min(2, one.size) for one in strata):
        return None
    found = wald_intervals(strata, frame.allowed_pairs, model_missed=by_model)
    return {name: [one.low, one.high] for name, one in found.items()}


def _notes(frame: AuditFrame, found: Judged, rates: AuditRates, disagreements: int) -> list[str]:
    """What a reader of the figures has to know."""
    notes, strata = [], found.strata
    labels = {one.name: one.label for one in frame.strata}
    unsure, open_ = sum(one.unsure for one in strata), sum(one.open for one in strata)
    if unsure:
        notes.append(
            f"Reviewers were unsure of {unsure:,}: these count as not judged. The range says what they could "
            "make of the figures, were the linkage right or wrong in all of them."
        )
    if open_:
        of_them = f" ({disagreements:,} of them in disagreement)" if disagreements else ""
        notes.append(
            f"{open_:,} of the sample have no verdict yet{of_them}: the estimate holds if those that are "
            "judged are a random part, as they are where the sample is judged in its own order."
        )
    for name, into in rates.collapsed.joined:
        notes.append(
            f"Nobody has judged the stratum “{labels[name]}”: it is taken to be like “{labels[into]}”."
        )
    for kind in rates.collapsed.blank:
        what = {"link": "links", "non-link": "rejected pairs", "record": "unlinked records"}[kind]
        notes.append(f"Nobody has judged any {what}: what rests on them is not estimated.")
    if frame.by == "record":
        notes.append(
            "Matches are those that a reviewer finds among the best candidates or by searching. The model "
            f"expects {frame.below:,.1f} matches among the pairs that the run has not kept; they are not "
            "added."
        )
    else:
        notes.append(
            f"{frame.beyond + found.further:,.1f} of the missed matches are {BY_MODEL}: {frame.beyond:,.1f} "
            "pairs of linked records that the run has not kept, and "
            f"{found.further:,.1f} further matches of records that were found to have one."
        )
        notes.append(
            "A record without a link that is found to be another one counts as missed with that one, and "
            "with every record that is the same by what people judged of links and other pairs."
        )
    return notes


def now() -> str:
    """The time, as text."""
    return datetime.now(UTC).isoformat(timespec="seconds")
