"""Sequential passes: each step links what it can, and the next one sees only the records that are left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.estimation.carried import ENOUGH, held
from tallystick.estimation.knowledge import Knowledge
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.carrying import Ledger
from tallystick.linkage.figures import estimate_rates
from tallystick.linkage.key_links import KeyLinks, link_first
from tallystick.linkage.links import Fitted, Links, assemble, fit_counts, rated
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.relatives import has_relatives
from tallystick.linkage.step_plan import StepRecords, step_records
from tallystick.linkage.trial import trial_parameters
from tallystick.linking.step import Step
from tallystick.patterns.count import PatternCounts, count_patterns
from tallystick.quality.rates import EstimatedRates, estimated_rates
from tallystick.spec.step_checks import FIRST

NO_RECORDS = "no records are left"
NO_PAIRS = "the passes find no pair"
NO_MODEL = "the model has no parameters of this step"


@dataclass(frozen=True)
class StepLinks:
    """What a step did.

    Attributes
    ----------
    step : Step
        The step.
    records : StepRecords
        What it worked on.
    links : Links or None
        Its decided pairs, as of a linkage of these records; None where there was nothing to decide.
    reason : str
        Why there was nothing to decide; else empty.
    seconds : float
        How long it took.
    keys : KeyLinks, optional
        What match keys have linked, where the step is the first pass by these.
    """

    step: Step
    records: StepRecords
    links: Links | None
    reason: str
    seconds: float
    keys: KeyLinks | None = None

    @property
    def parameters(self) -> Parameters | None:
        """What was estimated, or given."""
        return self.links.model.parameters if self.links else None

    @cached_property
    def estimated(self) -> tuple[EstimatedRates, float] | None:
        """Estimated rates among its records, and the matches that its passes do not find."""
        one = self.links
        if self.keys is not None:
            whole = self.records.prepared
            allowed = float(whole.plan.blocking.allowed_pairs().sum())
            true = float(self.keys.posterior.sum())
            rates = estimated_rates(self.keys.posterior, true, allowed)
            return replace(rates, true_links_error=rates.false_links**0.5, missed_error=0.0), 0.0
        if one is None:
            return None
        return estimate_rates(one.prepared, one.model.parameters, one.decided, one.curves)

    def has(self, rows: Sequence[int]) -> bool:
        """Whether the step had all of some records, given by their rows in the whole linkage."""
        own = self.records.rows
        at = np.minimum(np.searchsorted(own, rows), max(0, len(own) - 1))
        return bool(len(own)) and bool((own[at] == np.asarray(rows)).all())

    def linked(self, n_records: int) -> NDArray[np.bool_]:
        """Which records of all it has linked, shape (n_records,)."""
        found = np.zeros(n_records, bool)
        if self.keys is not None:
            found[self.keys.matched.left] = found[self.keys.matched.right] = True
        if self.links is not None:
            decided = self.links.decided
            found[self.records.rows[decided.records_of(decided.links, len(self.records.rows))]] = True
        return found


def run_steps(
    whole: Prepared,
    known: Sequence[Parameters | None] = (),
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> Iterator[StepLinks]:
    """Go through the steps of a sequential linkage; where there are match keys these link first.

    Parameters
    ----------
    whole : Prepared
        All records, with the plan of the first step.
    known : sequence of Parameters or None
        Parameters of the first steps, with which these are replayed; those of the others are estimated.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Yields
    ------
    StepLinks
    """
    free = np.ones(whole.records.n_records, bool)
    ledger = Ledger.empty(whole)
    start = time.perf_counter()
    if (keys := link_first(whole)) is not None:
        records = StepRecords(np.flatnonzero(free).astype(np.int32), (), (), whole)
        seconds = round(time.perf_counter() - start, 3)
        first = StepLinks(Step(passes=(FIRST,)), records, None, "", seconds, keys)
        matched = keys.matched
        ledger = ledger.with_links(whole, matched.left, matched.right, keys.posterior)
        free &= ~first.linked(len(free))
        yield first
        if whole.spec.estimation.related == "auto" and len(known) < len(whole.spec.all_steps):
            ledger = replace(ledger, relatives=has_relatives(whole, whole.spec.all_steps[0], threads))
    for number, step in enumerate(whole.spec.all_steps):
        start = time.perf_counter()
        named = _named(progress, number, len(whole.spec.all_steps))
        records = step_records(whole, step, free, whole.plan.memory, threads)
        links, reason = None, ""
        given = known[number] if number < len(known) else None
        if (np.diff(records.prepared.records.offsets) == 0).any():
            reason = NO_RECORDS
        else:
            counts = count_patterns(records.prepared.plan, threads, named)
            if counts.n_pairs == 0:
                reason = NO_PAIRS
            elif given is None and number < len(known):
                reason = NO_MODEL
            else:
                fitted = (
                    fit_step(whole, step, records, counts, ledger, threads, named)
                    if given is None
                    else rated(records.prepared, given, counts, threads, named)
                )
                # Each step lets its pairs go, so that memory does not grow with the steps.
                links = assemble(records.prepared, fitted.parameters, counts, fitted.scored, threads).light()
        result = StepLinks(step, records, links, reason, round(time.perf_counter() - start, 3))
        if links is not None:
            if len(known) < len(whole.spec.all_steps):
                ledger = _entered(ledger, whole, result, links)
            free &= ~result.linked(len(free))
        yield result


def _named(progress: Progress, number: int, n_steps: int) -> Progress:
    """Progress that names the step."""
    return lambda stage, done, total: progress(f"step {number + 1} of {n_steps}: {stage}", done, total)


def fit_step(
    whole: Prepared,
    step: Step,
    records: StepRecords,
    counts: PatternCounts,
    ledger: Ledger,
    threads: int | None,
    progress: Progress,
) -> Fitted:
    """Estimate a step: the match rate always, m where there are matches enough or it is asked for."""
    prepared = _with_relatives(records.prepared, ledger)
    knowledge = read_knowledge(prepared, threads, progress)
    carried = ledger.carried(whole, records.comparisons, threads, progress)
    if carried and step.m != "estimate":
        as_it_is = replace(knowledge, carried=held(carried))
        if step.m == "carry" or _expected(prepared, counts, as_it_is, threads) < ENOUGH:
            carried = held(carried)
    return fit_counts(prepared, counts, threads, progress, knowledge=replace(knowledge, carried=carried))


def _with_relatives(prepared: Prepared, ledger: Ledger) -> Prepared:
    """The records with the class of related pairs that the first step found, or none.

    Among residuals, where matches are few and have errors, such a class would take them.
    """
    estimation = prepared.spec.estimation
    if ledger.is_empty or estimation.related != "auto":
        return prepared
    estimation = estimation.model_copy(update={"related": "class" if ledger.relatives else "none"})
    return replace(prepared, spec=prepared.spec.model_copy(update={"estimation": estimation}))


def _expected(prepared: Prepared, counts: PatternCounts, knowledge: Knowledge, threads: int | None) -> float:
    """Matches that are expected among the candidates where m is carried over."""
    parameters = trial_parameters(prepared, counts, threads, knowledge)
    matches = float(sum(pair.expected_matches for pair in parameters.pairs))
    return matches * parameters.selected_matches


def _entered(ledger: Ledger, whole: Prepared, result: StepLinks, links: Links) -> Ledger:
    decided, rows = links.decided, result.records.rows
    own = decided.links
    return ledger.after(
        whole,
        result.step.label,
        result.records.comparisons,
        links.model.parameters,
        rows[decided.pairs.left[own]],
        rows[decided.pairs.right[own]],
        decided.posterior[own],
    )


def require_some(steps: Sequence[StepLinks]) -> None:
    """Raise `InputError` where no step had anything to decide, though records are left."""
    rest = [one for one in steps if one.keys is None]
    left = any(one.reason and one.reason != NO_RECORDS for one in rest)
    if left and all(one.links is None for one in rest):
        reasons = "; ".join(f"{one.step.label}: {one.reason}" for one in rest)
        raise InputError(
            f"No step finds a pair ({reasons}): check that the blocking fields are coded alike, or add a "
            "pass" + (", or link by the keys alone with tallystick match." if len(rest) < len(steps) else ".")
        )
