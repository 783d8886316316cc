"""Quality by a sample: drawn from a run, judged by people, estimated from what they found."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tallystick._files import write_json
from tallystick.errors import InputError
from tallystick.linkage.audits.estimate import estimated, now
from tallystick.linkage.audits.frame import AuditFrame, By, audit_frame, run_and_model
from tallystick.linkage.audits.judged import draw_tasks
from tallystick.linkage.run_folder import read_facts, read_figures
from tallystick.quality.audit_design import design_table, usual_sizes
from tallystick.review.tasks import AUDIT

if TYPE_CHECKING:
    from tallystick.review.store import Store

FILE = "audit.json"
FORMAT = "tallystick-audit/1"
PRECISION_WIDTH = 0.01
RECALL_WIDTH = 0.02
"""Widths that are wanted by default: one point and two points of per cent."""
BELOW = "expected by the model among the pairs that the run has not kept, and judged by nobody"


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

    @property
    def too_wide(self) -> tuple[str, ...]:
        """Rates whose intervals are expected to stay wider than wanted, although everything is judged."""
        return tuple(
            name
            for name, limit in self.wanted.items()
            if limit is not None and ((width := self.widths[name]) is None or width > limit)
        )

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
                "counted": frame.beyond,
                "origin": "model",
                "label": BELOW,
            },
        }


def design_audit(
    run: str | Path,
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
    run = Path(run)
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
    wanted: dict[str, float | None] = {}
    if not given:
        widths = {"precision": PRECISION_WIDTH, "recall": RECALL_WIDTH}
    plan = frame.plan(widths["precision"] or inf, widths["recall"] or inf)
    if reviews is None:
        wanted = widths
        if not frame.links:
            wanted = {**wanted, "precision": None}
        reviews = plan.smallest(wanted["precision"], wanted["recall"])
    taken = plan.allocate(reviews)
    sizes = design_table(plan, usual_sizes(plan.units, int(taken.sum())))
    return AuditDesign(frame, taken, plan.widths(taken), wanted, sizes)


def draw_audit(
    run: str | Path, store: Store, design: AuditDesign, *, seed: int = 1, double: float = 0.0
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
        Where another sample has been drawn before, or no sample gives intervals as narrow as wanted.
    """
    run = Path(run)
    if design.too_wide:
        raise InputError(
            f"{run}: no sample makes the interval of {' and '.join(design.too_wide)} as narrow as wanted, "
            "since matches that nobody can judge are in it: give the number of --reviews instead, or another "
            "width."
        )
    drawn = {
        "format": FORMAT,
        "run": design.frame.run,
        "model": design.frame.model,
        "seed": seed,
        "double": double,
        **design.to_dict(),
    }
    before = _read(run)
    if before is not None and not _is_of(before, design.frame.run, design.frame.model):
        raise InputError(
            f"{run / FILE}: this is the audit of another run, or of another model: move the file away, and "
            "draw a sample of this one."
        )
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
    drawn["drawn_at"] = now()
    write_json(run / FILE, drawn)
    return drawn


def _sample(drawn: dict[str, Any]) -> list[Any]:
    """What makes a sample the same: not the widths that are expected of it."""
    strata = [(one["name"], one["size"], one["drawn"]) for one in drawn["strata"]]
    return [drawn["by"], drawn["sources"], drawn["seed"], drawn["double"], strata]


def _read(run: Path) -> dict[str, Any] | None:
    """What ``audit.json`` holds, of whichever run it is; None where there is none."""
    if not (run / FILE).exists():
        return None
    found = read_figures(run / FILE)
    if found.get("format") != FORMAT or "run" not in found:
        raise InputError(
            f"{run / FILE}: it is no audit of this version: move it away and draw a sample anew."
        )
    return found


def _is_of(drawn: dict[str, Any], run: str, model: str) -> bool:
    return bool((drawn["run"], drawn["model"]) == (run, model))


def estimate_audit(run: str | Path, store: Store) -> dict[str, Any]:
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
    run = Path(run)
    path = run / FILE
    design = check_drawn(run)
    sources = design["sources"]
    frame = audit_frame(run, by=design["by"], source=sources[0] if len(sources) == 1 else None)
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


def check_drawn(run: Path) -> dict[str, Any]:
    """What ``audit.json`` of a run holds; `InputError` where none was drawn, or the run has changed since."""
    path, design = run / FILE, _read(run)
    if design is None:
        raise InputError(f"{path}: no sample has been drawn: tallystick audit draw {run} does so.")
    if not _is_of(design, *run_and_model(run, read_facts(run))):
        raise InputError(
            f"{path}: the sample was drawn from another run or by another model, so it says nothing of this "
            "one: move the file away and draw a sample anew."
        )
    return design
