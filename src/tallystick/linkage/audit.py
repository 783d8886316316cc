"""Quality by a sample: drawn from a run, judged by people, estimated from what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tallystick._files import write_json
from tallystick.errors import InputError
from tallystick.linkage.audit_frame import AuditFrame, By, audit_frame
from tallystick.linkage.audit_judged import Answer, draw_tasks, judged_strata
from tallystick.linkage.run_folder import read_figures
from tallystick.quality.audit_design import AuditPlan, design_table, usual_sizes
from tallystick.quality.audit_rates import LEVEL, AuditRates, audit_rates
from tallystick.quality.audit_strata import JudgedStratum
from tallystick.quality.audit_wald import wald_intervals
from tallystick.review.tasks import AUDIT

if TYPE_CHECKING:
    from tallystick.review.standing import Standing
    from tallystick.review.store import Store

FILE = "audit.json"
FORMAT = "tallystick-audit/1"
PRECISION_WIDTH = 0.01
RECALL_WIDTH = 0.02
"""Widths that are wanted by default: one point and two points of per cent."""
BELOW = "expected by the model among the pairs that the run has not kept: not judged by anybody"


@dataclass(frozen=True)
class AuditDesign:
    """How many units of each stratum are judged, and what that is expected to give.

    Attributes
    ----------
    frame : AuditFrame
        What is drawn from.
    taken : int64 array, shape (n_strata,)
        Numbers of units.
    widths : dict of str to (float or None)
        Expected widths of the intervals of ``precision`` and ``recall``.
    wanted : dict of str to (float or None)
        Widths that were asked for; empty where the number of reviews was.
    sizes : list of dict
        Other sizes of the sample and what they are expected to give (see `design_table`).
    """

    frame: AuditFrame
    taken: NDArray[np.int64]
    widths: dict[str, float | None]
    wanted: dict[str, float | None]
    sizes: list[dict[str, float | int | None]]

    @property
    def reviews(self) -> int:
        """Size of the sample."""
        return int(self.taken.sum())

    def to_dict(self) -> dict[str, Any]:
        """For ``audit.json``, without what is known only once a sample is drawn."""
        frame = self.frame
        return {
            "by": frame.by,
            "sources": list(frame.sources),
            "reviews": self.reviews,
            "wanted_widths": self.wanted,
            "expected_widths": self.widths,
            "sizes": self.sizes,
            "links": frame.links,
            "allowed_pairs": frame.allowed_pairs,
            "strata": [
                {
                    "name": one.name,
                    "label": one.label,
                    "kind": one.kind,
                    "low": one.low,
                    "high": one.high,
                    "size": int(size),
                    "drawn": int(n),
                    "expected_errors": one.errors,
                    "origin": "audit",
                }
                for one, size, n in zip(frame.strata, frame.sizes, self.taken, strict=True)
            ],
            "below": {
                "expected_matches": frame.below,
                "origin": "model",
                "counted": frame.by == "pair",
                "label": BELOW,
            },
        }


def design_audit(
    run: Path,
    *,
    reviews: int | None = None,
    precision_width: float | None = None,
    recall_width: float | None = None,
    by: By | None = None,
    source: str | None = None,
) -> AuditDesign:
    """Plan a sample of a run: its strata, how many of each are judged, how narrow the intervals become.

    Parameters
    ----------
    run : path
        Directory of a run.
    reviews : int, optional
        Size of the sample.
    precision_width, recall_width : float, optional
        Instead, how wide the intervals of 95 % may be; one of them alone leaves the other open. By default
        0.01 and 0.02.
    by, source
        As of `audit_frame`.

    Returns
    -------
    AuditDesign

    Raises
    ------
    InputError
        Where the run cannot be audited so, or a number is none that can be meant.
    """
    widths = {"precision": precision_width, "recall": recall_width}
    given = [one for one in widths.values() if one is not None]
    if reviews is not None and given:
        raise InputError("audit: a number of reviews and widths are both given: give one of the two.")
    if reviews is not None and reviews < 1:
        raise InputError(f"audit: the number of reviews is {reviews}, but at least 1 is needed.")
    if any(not 0 < one < 1 for one in given):
        raise InputError("audit: a width of an interval lies between 0 and 1, such as 0.01 for one point.")
    frame = audit_frame(run, by=by, source=source)
    if not len(frame.units):
        raise InputError(
            f"{run}: the run has neither links nor records without one: there is nothing to judge."
        )
    plan = frame.plan(precision_width or PRECISION_WIDTH, recall_width or RECALL_WIDTH)
    wanted: dict[str, float | None] = {}
    if reviews is None:
        wanted = widths if given else {"precision": PRECISION_WIDTH, "recall": RECALL_WIDTH}
        if not frame.links:
            wanted = {**wanted, "precision": None}
        reviews = plan.smallest(wanted["precision"], wanted["recall"])
    taken = plan.allocate(reviews)
    return AuditDesign(frame, taken, plan.widths(taken), wanted, _sizes(plan, int(taken.sum())))


def _sizes(plan: AuditPlan, around: int) -> list[dict[str, float | int | None]]:
    return design_table(plan, usual_sizes(plan.units, around))


def draw_audit(
    run: Path, store: Store, design: AuditDesign, *, seed: int = 1, double: float = 0.0
) -> dict[str, Any]:
    """Draw the sample of a design, put it into the store as the worklist ``audit``, and write ``audit.json``.

    Parameters
    ----------
    run : path
        Directory of the run.
    store : Store
        Where it is judged.
    design : AuditDesign
        What is drawn.
    seed : int
        The same run, design and seed give the same sample.
    double : float
        Share of the tasks that two people judge.

    Returns
    -------
    dict
        What ``audit.json`` holds.

    Raises
    ------
    InputError
        Where another sample has been drawn before.
    """
    drawn = {
        "format": FORMAT,
        "run": design.frame.run,
        "model": design.frame.model,
        "seed": seed,
        "double": double,
        **design.to_dict(),
    }
    before = _before(run, design.frame)
    if before is not None and _sample(before) != _sample(drawn):
        raise InputError(
            f"{run / FILE}: a sample of {before['reviews']:,} has been drawn already, and what was judged of "
            "it counts: go on with it (tallystick review, tallystick audit estimate), or move this file away "
            "and give another --store for a new one."
        )
    tasks = draw_tasks(design.frame, design.taken.tolist(), seed)
    store.fill(AUDIT, tasks, blind=True, reviews=2 if double else 1, share=double or 1.0, seed=seed)
    if before is not None:
        return before
    drawn["drawn_at"] = _now()
    write_json(run / FILE, drawn)
    return drawn


def _sample(drawn: dict[str, Any]) -> list[Any]:
    """What makes a sample the same: not the widths that are expected of it."""
    strata = [(one["name"], one["size"], one["drawn"]) for one in drawn["strata"]]
    return [drawn["by"], drawn["sources"], drawn["seed"], drawn["double"], strata]


def _before(run: Path, frame: AuditFrame) -> dict[str, Any] | None:
    """What ``audit.json`` of this very run holds; None where there is none, or it is of another run."""
    if not (run / FILE).is_file():
        return None
    found = read_figures(run / FILE)
    if found.get("format") != FORMAT or "run" not in found:
        raise InputError(
            f"{run / FILE}: it is no audit of this version: move it away and draw a sample anew."
        )
    return found if (found["run"], found["model"]) == (frame.run, frame.model) else None


def estimate_audit(run: Path, store: Store) -> dict[str, Any]:
    """Estimate the rates of a run from what people found in its sample, and write them into ``audit.json``.

    Parameters
    ----------
    run : path
        Directory of the run.
    store : Store
        Where the sample was judged.

    Returns
    -------
    dict
        What ``audit.json`` holds: the design, and under ``estimate`` what `estimated` gives.

    Raises
    ------
    InputError
        Where no sample was drawn or none of it judged, or the run has changed since.
    """
    path = run / FILE
    frame = check_drawn(run)
    design = read_figures(path)
    drawn = {one["name"]: (one["size"], one["drawn"]) for one in design["strata"]}
    there = {one.name: int(size) for one, size in zip(frame.strata, frame.sizes, strict=True)}
    standing = store.standing(AUDIT)
    tasks = {name: sum(one.task.stratum == name for one in standing) for name in drawn}
    if there != {name: size for name, (size, _) in drawn.items()} or tasks != {
        name: n for name, (_, n) in drawn.items()
    }:
        raise InputError(
            f"{path}: the strata or the tasks are not those that were drawn: the tables of the run or the "
            "worklist have changed since; draw a sample anew with another --store."
        )
    result = {**design, "estimate": estimated(frame, standing, seed=int(design["seed"]))}
    write_json(path, result)
    return result


def check_drawn(run: Path) -> AuditFrame:
    """What the sample of a run was drawn from; `InputError` where none was, or the run has changed since."""
    path = run / FILE
    if not path.is_file():
        raise InputError(f"{path}: no sample has been drawn: tallystick audit draw {run} does so.")
    design = read_figures(path)
    frame = audit_frame(run, by=design.get("by"), source=_source_of(design))
    if _before(run, frame) is None:
        raise InputError(
            f"{path}: the sample was drawn from another run or by another model, so it says nothing of this "
            "one: move the file away and draw a sample anew."
        )
    return frame


def _source_of(design: dict[str, Any]) -> str | None:
    sources = design.get("sources") or []
    return str(sources[0]) if len(sources) == 1 else None


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
        ``model_missed``, the matches that the model adds, with ``origin``; ``notes``.

    Raises
    ------
    InputError
        Where nothing is judged.
    """
    answers = [Answer(one.task, one.verdict if one.state == "done" else None, one.chosen) for one in standing]
    strata = judged_strata(frame, answers)
    judged = sum(one.judged for one in strata)
    if not judged:
        raise InputError(
            "nothing of the audit is judged yet: judge the worklist audit (tallystick review), then estimate."
        )
    rates = audit_rates(strata, frame.allowed_pairs, model_missed=frame.model_missed, seed=seed)
    corrected = audit_rates(
        strata, frame.allowed_pairs, model_missed=frame.model_missed, corrected=True, seed=seed
    )
    people = {decision.reviewer for one in standing for decision in one.decisions}
    disagreements = sum(one.state == "disagreement" for one in standing)
    return {
        "made_at": _now(),
        "reviewers": len(people),
        "drawn": len(standing),
        "judged": judged,
        "unsure": sum(one.unsure for one in strata),
        "open": sum(one.open for one in strata),
        "disagreements": disagreements,
        "level": LEVEL,
        "strata": [_stratum(one, label.label) for one, label in zip(strata, frame.strata, strict=True)],
        **rates.to_dict(),
        "wald": _wald(rates.collapsed.strata, frame),
        "corrected": {name: value for name, value in corrected.to_dict().items() if name != "ranges"},
        "model_missed": {"matches": frame.model_missed, "origin": "model", "label": BELOW},
        "notes": _notes(frame, strata, rates, disagreements),
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


def _wald(strata: Sequence[JudgedStratum], frame: AuditFrame) -> dict[str, list[float]] | None:
    links = sum(one.size for one in strata if one.kind == "link")
    if not links or any(one.judged < min(2, one.size) for one in strata):
        return None
    found = wald_intervals(strata, frame.allowed_pairs, model_missed=frame.model_missed)
    return {name: [one.low, one.high] for name, one in found.items()}


def _notes(
    frame: AuditFrame, strata: Sequence[JudgedStratum], rates: AuditRates, disagreements: int
) -> list[str]:
    """What a reader of the figures has to know."""
    notes = []
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
            f"{frame.below:,.1f} matches are {BELOW}; they are added to the missed ones, although some of "
            "them may be pairs of unlinked records, whose matches the sample finds by itself."
        )
        notes.append(
            "A record without a link that is found to belong to an entity counts as missed with each member "
            "of it; where it has matches in several entities, only the one that was chosen counts."
        )
    return notes


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
