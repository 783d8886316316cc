"""The decisions of people applied to a run: fixed links, refused pairs, and everything else decided anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick import __version__
from tallystick._files import write_json
from tallystick._progress import Progress, silent
from tallystick.blocking.constraint import Constraint
from tallystick.errors import InputError
from tallystick.estimation.error_curve import error_curves
from tallystick.estimation.labelled import first_pass
from tallystick.linkage.entities import free_of_duplicates
from tallystick.linkage.folder import abandon, check_folder, check_resumable, open_folder
from tallystick.linkage.household_links import HouseholdLinks
from tallystick.linkage.links import fit_counts
from tallystick.linkage.merged import pass_labels
from tallystick.linkage.model import Model
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.reviews.audited import audit_of
from tallystick.linkage.reviews.casebook import RunCasebook
from tallystick.linkage.reviews.changes import changes_table, review_figures
from tallystick.linkage.reviews.finalised import (
    Final,
    FinalHouseholdLinks,
    FinalLinks,
    FinalSequentialLinks,
    Settled,
    with_pairs,
)
from tallystick.linkage.reviews.labels import with_review_labels
from tallystick.linkage.reviews.verdicts import Verdicts, check_verdicts, read_verdicts
from tallystick.linkage.run import Clock, write_run
from tallystick.linkage.saved_run import SavedRun, limits_of, open_run
from tallystick.linking.constraints import constraint_of
from tallystick.linking.fixed import Fixed, decide_fixed
from tallystick.linking.resolve import resolve
from tallystick.linking.score import ScoredPairs, weigh_pairs
from tallystick.patterns.count import count_patterns
from tallystick.preparation.write import write_table
from tallystick.review.standing import Standing, Worklist

REVIEW = "review.json"
"""Figures of the review, in the directory of a finalised run."""
CHANGES = "changes.parquet"
"""Pairs and entities that the decisions have changed."""


@dataclass(frozen=True)
class Finalised:
    """A run with the decisions of people in it.

    Attributes
    ----------
    links : FinalLinks, FinalSequentialLinks or FinalHouseholdLinks
        The decided pairs.
    changes : polars.DataFrame
        Pairs and entities that changed (see `tallystick.linkage.reviews.changes.changes_table`).
    figures : dict
        What ``review.json`` holds.
    """

    links: Final
    changes: pl.DataFrame
    figures: dict[str, Any]


def finalise(
    run: str | Path,
    out: str | Path,
    standing: Sequence[Standing],
    worklists: Sequence[Worklist] = (),
    *,
    re_estimate: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
    opened: SavedRun | None = None,
) -> Finalised:
    """Apply what people decided to a run, and write the run that comes of it to a directory of its own.

    Parameters
    ----------
    run : path
        Directory of a complete run; it stays as it is.
    out : path
        Directory for the results; it must not exist.
    standing : sequence of Standing
        The verdicts that count, of all worklists.
    worklists : sequence of Worklist
        The worklists that they are from, for the figures.
    re_estimate : bool
        Estimate m, u and the match rate anew with the decisions as labelled pairs.
    force : bool
        Replace a run that is there.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.
    opened : SavedRun, optional
        The run where it is open already.

    Returns
    -------
    Finalised

    Raises
    ------
    InputError
        Where decisions contradict each other, nothing is decided, or a directory cannot be used; nothing
        is written then.
    """
    run, out, clock = Path(run), Path(out), Clock()
    if out.absolute() == run.absolute():
        raise InputError(f"{out}: this is the run that was reviewed, which stays: give another directory.")
    check_folder(out, force)
    with clock.stage("read"):
        opened = opened or open_run(run, threads=threads, progress=progress)
    if opened.facts.get("added"):
        raise InputError(
            f"{run}: files were added to this run, and what was decided before them stays: finalise the run "
            "without them first and link all files anew where they are needed."
        )
    book = RunCasebook(opened)
    found = read_verdicts(book, standing)
    if not len(found) and not found.without:
        raise InputError(
            f"{run}: nothing is decided yet, neither a link nor a non-link: review some pairs with "
            "tallystick review, then finalise."
        )
    limits = limits_of(opened)
    check_verdicts(found, book, limits, free_of_duplicates(opened.prepared))
    fingerprint = _fingerprint(opened, book, found, re_estimate)
    check_resumable(out, fingerprint, force)
    with clock.stage("decide"):
        links: Final
        if isinstance(opened.model, Model):
            links = _at_once(opened, opened.model, found, limits, re_estimate, threads, progress)
        else:
            links = _by_steps(opened, found, limits, re_estimate, threads)
    changes = changes_table(opened, links, found, re_estimate)
    figures = review_figures(opened, links, found, standing, worklists, changes, re_estimate)
    if audited := audit_of(run):
        figures["audit"] = audited
    open_folder(out, fingerprint)
    try:
        links.model.save(out / "model.json")
        write_table(changes, out / CHANGES)
        write_json(out / REVIEW, figures)
        further = {
            "finalised": {
                "run": str(run.absolute()),
                "fingerprint": opened.fingerprint,
                "model": opened.model_version,
                "decided_pairs": len(found),
                "re_estimated": re_estimate,
                "records": [
                    {**book.key(row)._asdict(), "match": match}
                    for row, match in sorted(found.records.items())
                ],
            }
        }
        carried: dict[str, Any] = {}
        if isinstance(links, FinalLinks) and not re_estimate:
            # The neighbours and the rule are of the pairs as the model saw them, which is as it was.
            carried = {key: opened.quality[key] for key in ("neighbours", "rule") if key in opened.quality}
        if isinstance(links, FinalLinks):
            with clock.stage("write"):
                links = replace(links, best=links.find_best())
        write_run(out, fingerprint, links, clock, threads, progress, further=further, carried=carried)
    except InputError:
        abandon(out)
        raise
    return Finalised(links, changes, figures)


def _at_once(
    opened: SavedRun,
    model: Model,
    found: Verdicts,
    limits: Sequence[Constraint],
    re_estimate: bool,
    threads: int | None,
    progress: Progress,
) -> FinalLinks:
    """A linkage at once: all other pairs are decided with the constraints, as exactly as before."""
    prepared = opened.prepared
    counts = count_patterns(prepared.plan, threads, progress)
    parameters, rule, scored = model.parameters, opened.rule, opened.decided.pairs
    curves = error_curves(parameters, counts)
    if re_estimate:
        labelled = with_review_labels(opened, found, limits)
        knowledge = read_knowledge(labelled, threads, progress)
        fitted = fit_counts(labelled, counts, threads, progress, knowledge=knowledge)
        parameters, scored = fitted.parameters, fitted.scored
        curves = error_curves(parameters, counts)
        rule = resolve(prepared.spec.decision, parameters, curves, scored)
        model = Model(prepared.spec.model_copy(update={"kind": prepared.kind, "sources": ()}), parameters)
    new = _not_kept(scored, found, prepared)
    more = _weighed(prepared, model, found.left[new], found.right[new])
    pairs, _ = with_pairs(scored, more)
    fixed = fixed_pairs(pairs, found, prepared.records.n_records)
    decided = decide_fixed(pairs, parameters, rule, fixed)
    settled = Settled(fixed, more, tuple(constraint_of(rule, pair) for pair in parameters.pairs))
    return FinalLinks(model, prepared, decided, counts, rule, curves, threads, settled=settled)


def _by_steps(
    opened: SavedRun, found: Verdicts, limits: Sequence[Constraint], re_estimate: bool, threads: int | None
) -> FinalSequentialLinks | FinalHouseholdLinks:
    """A linkage by steps: what people decided takes its place among what the steps did, which stays."""
    steps = opened.steps
    assert steps is not None
    if re_estimate:
        raise InputError(
            f"{opened.folder}: --re-estimate needs a linkage that decides all pairs at once; with steps, "
            "keys or households each estimates from what the ones before it leave: finalise without it, or "
            'run the linkage with mode = "union" first.'
        )
    before, prepared, coding = steps.merged.decided.pairs, steps.whole, steps.coding
    new = _not_kept(before, found, prepared)
    left, right = found.left[new], found.right[new]
    digits = prepared.plan.digits.of(left, right)[: len(coding.n_levels)]
    more = ScoredPairs(
        left,
        right,
        np.full(len(left), np.nan),
        coding.encode(digits.T) if len(left) else np.zeros(0, np.int64),
        np.full(len(left), len(pass_labels(prepared)), np.int64),
        prepared.plan.blocking.source_pair_of(left, right),
    )
    pairs, _ = with_pairs(before, more)
    settled = Settled(fixed_pairs(pairs, found, prepared.records.n_records), more, tuple(limits))
    if isinstance(steps, HouseholdLinks):
        return FinalHouseholdLinks(
            steps.model, steps.prepared, steps.steps, threads, steps.stages, settled=settled
        )
    return FinalSequentialLinks(steps.model, steps.prepared, steps.steps, threads, settled=settled)


def _not_kept(pairs: ScoredPairs, found: Verdicts, prepared: Prepared) -> NDArray[np.bool_]:
    n = prepared.records.n_records
    kept = pairs.left.astype(np.int64) * n + pairs.right
    return np.asarray(~np.isin(found.left.astype(np.int64) * n + found.right, kept))


def fixed_pairs(pairs: ScoredPairs, found: Verdicts, n_records: int) -> Fixed:
    """Which pairs people have decided: those that they settle, and all of records that have no match.

    Parameters
    ----------
    pairs : ScoredPairs
        The pairs, which may be more than those that were kept when people decided.
    found : Verdicts
        What people decided; all that it settles are among the pairs.
    n_records : int
        Number of records.

    Returns
    -------
    Fixed
    """
    number = pairs.left.astype(np.int64) * n_records + pairs.right
    said = found.left.astype(np.int64) * n_records + found.right
    without = np.array(sorted(found.without), np.int64)
    refused = np.isin(number, said[~found.match])
    return Fixed(
        np.isin(number, said[found.match]),
        refused | np.isin(pairs.left, without) | np.isin(pairs.right, without),
    )


def _weighed(
    prepared: Prepared,
    model: Model,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
) -> ScoredPairs:
    """Pairs that the linkage had not kept, weighed by its model."""
    blocking, n = prepared.plan.blocking, len(left)
    pair = blocking.source_pair_of(left, right)
    weight, pattern = np.zeros(n), np.zeros(n, np.int64)
    for number in np.unique(pair):
        own = np.flatnonzero(pair == number)
        rows = np.ascontiguousarray(left[own]), np.ascontiguousarray(right[own])
        weight[own], pattern[own] = weigh_pairs(prepared.plan, model.parameters, *rows, int(number))
    first = first_pass(blocking, left, right) if n else np.zeros(0, np.int64)
    return ScoredPairs(left, right, weight, pattern, np.where(first < 0, len(blocking.passes), first), pair)


def _fingerprint(opened: SavedRun, book: RunCasebook, found: Verdicts, re_estimate: bool) -> str:
    """What a finalised run depends on: the run, what was decided, and how."""
    said = sorted(
        [*book.key(int(a)), *book.key(int(b)), bool(match)]
        for a, b, match in zip(found.left, found.right, found.match, strict=True)
    )
    records = sorted([*book.key(row), match] for row, match in found.records.items())
    facts = [__version__, opened.fingerprint, opened.model_version, said, records, re_estimate]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
