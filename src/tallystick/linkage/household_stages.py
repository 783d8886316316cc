"""The stages of a linkage with households: their members, all others, and those that these point to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.passes import AnyPass, PairTable
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.estimate import require_pairs
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.carrying import Ledger
from tallystick.linkage.household_checks import check_households
from tallystick.linkage.household_model import OUTSIDE, WITHIN, HouseholdParameters
from tallystick.linkage.household_pairs import (
    LinkedHouseholds,
    households_of,
    link_households,
    only,
    personal_numbers,
    plan_of,
    rate_of,
)
from tallystick.linkage.links import Fitted, assemble, fit_counts, rated, score_prepared
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.sequential import NO_MODEL, NO_PAIRS, NO_RECORDS, StepLinks, fit_step
from tallystick.linkage.step_plan import step_records
from tallystick.linking.decide import constant_of
from tallystick.linking.household_fit import fit_within
from tallystick.linking.members import MemberPairs, member_pairs, staying_members, with_some
from tallystick.linking.score import ScoredPairs, weigh_pairs
from tallystick.linking.step import Step
from tallystick.patterns.count import count_patterns
from tallystick.patterns.plan import PairPlan
from tallystick.spec import Spec

Rows = NDArray[np.int32]
Bools = NDArray[np.bool_]

POINTED = "pointed to"
NO_HOUSEHOLDS = "no households are linked"
NOT_POINTED = "no linked persons point to households with members left"


@dataclass(frozen=True)
class HouseholdStages:
    """What all stages did.

    Attributes
    ----------
    whole : Prepared
        All records; its specification has, behind its own passes, one for members of linked households
        and one for those that linked persons point to.
    first : LinkedHouseholds
        The stage of households.
    steps : tuple of StepLinks
        The stages of persons.
    parameters : HouseholdParameters
        What was estimated, or given.
    """

    whole: Prepared
    first: LinkedHouseholds
    steps: tuple[StepLinks, ...]
    parameters: HouseholdParameters


def run_households(
    prepared: Prepared,
    known: HouseholdParameters | None = None,
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> HouseholdStages:
    """Link households, then persons within them, then all others, then those that linked persons point to.

    Parameters
    ----------
    prepared : Prepared
        All records, of a specification with households.
    known : HouseholdParameters, optional
        Parameters to replay; by default they are estimated.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    HouseholdStages
    """
    start = time.perf_counter()
    asked = prepared.spec.households
    assert asked is not None
    households = households_of(prepared, asked)
    check_households(asked, households, prepared.records)
    counts = count_patterns(prepared.plan, threads, progress)
    require_pairs(counts, prepared.spec.passes)
    fitted = (
        fit_counts(prepared, counts, threads, progress, knowledge=read_knowledge(prepared, threads, progress))
        if known is None
        else rated(prepared, known.flat, counts, threads, progress)
    )
    del counts
    progress("linking households", 0, 1)
    first = link_households(prepared, households, fitted.parameters, fitted.scored, known, threads)
    first = replace(first, seconds=round(time.perf_counter() - start, 3))
    progress("linking households", 1, 1)

    whole = replace(prepared, spec=with_member_passes(prepared.spec))
    at = _At(whole, first, fitted.parameters, known, threads, progress)
    steps: list[StepLinks] = []
    free = np.ones(prepared.records.n_records, bool)

    def add(one: StepLinks) -> bool:
        steps.append(one)
        new = one.linked(len(free))
        free[new] = False
        return bool(new.any())

    step, within = _within(at, free, fitted.scored)
    del fitted
    add(step)
    outside, last = known.outside if known else None, None
    for number in range(1, len(free)):  # each round but the last links a person more
        step = _outside(at, _named(OUTSIDE, number), steps, free, outside, last)
        outside = outside or step.parameters
        last = step.parameters
        if not add(step):
            break
        if not add(_pointed(at, _named(POINTED, number), step, free, within)):
            break
    estimated = HouseholdParameters(at.flat, first.parameters, first.log_odds, within, outside)
    return HouseholdStages(whole, first, tuple(steps), estimated)


def _named(name: str, number: int) -> str:
    return name if number == 1 else f"{name}, round {number}"


@dataclass(frozen=True)
class _At:
    """What all stages of persons have."""

    whole: Prepared
    first: LinkedHouseholds
    flat: Parameters
    known: HouseholdParameters | None
    threads: int | None
    progress: Progress

    @cached_property
    def personal(self) -> list[int]:
        """Numbers of the personal comparisons."""
        return personal_numbers(self.whole.spec)

    @cached_property
    def personal_plan(self) -> PairPlan:
        """What pairs of members are asked."""
        return plan_of(self.whole.plan, self.personal)

    @property
    def start(self) -> Parameters:
        """Of the personal comparisons, as without households."""
        return only(self.flat, self.personal)

    @property
    def comparisons(self) -> list[Comparison]:
        """The personal comparisons."""
        return [self.whole.spec.comparisons[k] for k in self.personal]


def with_member_passes(spec: Spec) -> Spec:
    """The specification with a pass for members of linked households, and one for those pointed to."""
    own: list[AnyPass] = [PairTable(path=f"({name})", name=name) for name in (WITHIN, POINTED)]
    return spec.model_copy(update={"passes": (*spec.passes, *own)})


def _within(at: _At, free: Bools, scored: ScoredPairs) -> tuple[StepLinks, Parameters | None]:
    """Decide the members of linked households, by personal comparisons alone."""
    began = time.perf_counter()
    known = at.known.within if at.known else None
    members = member_pairs(at.first.households, *at.first.linked, free)
    n_left, n_right = np.diff(at.whole.records.offsets).tolist()
    parameters = known
    if len(members.left) and not (known and _sizes(known) == (n_left, n_right)):
        parameters = _fitted(at, members, known, WITHIN, (n_left, n_right))
    if parameters is None or not len(members.left):
        return _nothing(at, WITHIN, free, NO_HOUSEHOLDS, began), known
    staying = staying_members(members, _weights(at, parameters, members), parameters, scored, at.flat)
    step = _decided(at, WITHIN, 2, members, staying, free, parameters, began)
    return step, known or parameters


def _pointed(at: _At, name: str, step: StepLinks, free: Bools, within: Parameters | None) -> StepLinks:
    """Decide the members that are left of households that linked persons point to."""
    began = time.perf_counter()
    members = with_some(member_pairs(at.first.households, *_households_of_links(step, at.first), free))
    if not len(members.left):
        return _nothing(at, name, free, NOT_POINTED, began)
    sizes = np.diff(at.whole.records.chosen(np.flatnonzero(free)).offsets).tolist()
    parameters = _fitted(at, members, within or _strangers(at), name, (sizes[0], sizes[1]))
    return _decided(at, name, 1, members, np.ones(len(members.left), bool), free, parameters, began)


def _sizes(parameters: Parameters) -> tuple[int, int]:
    return parameters.pairs[0].n_left, parameters.pairs[0].n_right


def _strangers(at: _At) -> Parameters:
    """Personal parameters where no household was linked to learn them from."""
    rate = replace(at.start.pairs[0], constant=-at.first.log_odds)
    return replace(at.start, pairs=(rate,))


def _fitted(
    at: _At, members: MemberPairs, known: Parameters | None, name: str, sizes: tuple[int, int]
) -> Parameters:
    """Parameters of members; where they are known, how many stay is estimated alone."""
    constant = known.pairs[0].constant if known is not None else None
    fit = fit_within(
        at.comparisons,
        (known or at.start).comparisons,
        at.personal_plan.digits.of(members.left, members.right),
        members,
        log_odds=at.first.log_odds if constant is None else -constant,
        hold=known is not None,
    )
    n = len(members.left)
    return Parameters(
        fit.comparisons,
        (rate_of(at.whole.records.sources, sizes, n, n, fit.matches, -fit.log_odds),),
        (name,),
        iterations=fit.iterations,
        converged=fit.converged,
        warnings=() if fit.converged else (f"m and u of persons {name} have not settled.",),
    )


def _weights(at: _At, parameters: Parameters, members: MemberPairs) -> NDArray[np.float64]:
    return weigh_pairs(at.personal_plan, parameters, members.left, members.right, 0)[0]


def _decided(
    at: _At,
    name: str,
    place: int,
    members: MemberPairs,
    chosen: Bools,
    free: Bools,
    parameters: Parameters,
    began: float,
) -> StepLinks:
    """Decide some pairs of members; `place` is that of their pass, from the last one."""
    spec = at.whole.spec
    number = len(spec.passes) - place
    step = Step(
        passes=(spec.passes[number].label,),
        comparisons=tuple(one.name for one in at.comparisons),
        name=name,
    )
    # A person may be in several pairs of households that links point to, but a pair of persons in one only.
    order = np.lexsort((members.right, members.left))
    order = order[chosen[order]]
    whole = replace(at.whole, listed={number: (members.left[order], members.right[order])})
    records = step_records(whole, step, free, whole.plan.memory, at.threads)
    if not len(order):
        return StepLinks(step, records, None, NO_PAIRS, round(time.perf_counter() - began, 3))
    counts = count_patterns(records.prepared.plan, at.threads, at.progress)
    scored = score_prepared(records.prepared, parameters, counts, at.threads, at.progress)
    links = assemble(records.prepared, parameters, counts, scored, at.threads).light()
    return StepLinks(step, records, links, "", round(time.perf_counter() - began, 3))


def _nothing(at: _At, name: str, free: Bools, reason: str, began: float) -> StepLinks:
    """A stage without a pair."""
    own = at.whole.spec.passes[-1].label
    step = Step(passes=(own,), name=name)
    none = np.zeros(0, np.int32)
    whole = replace(at.whole, listed={len(at.whole.spec.passes) - 1: (none, none)})
    records = step_records(whole, step, free, whole.plan.memory, at.threads)
    return StepLinks(step, records, None, reason, round(time.perf_counter() - began, 3))


def _outside(
    at: _At,
    name: str,
    before: Sequence[StepLinks],
    free: Bools,
    known: Parameters | None,
    last: Parameters | None,
) -> StepLinks:
    """Link the persons that are left as without households, all non-matches one class again.

    A later round has the parameters of the one before it, `last`: too few matches are left to estimate from.
    """
    began = time.perf_counter()
    whole, threads, progress = at.whole, at.threads, at.progress
    step = Step(passes=tuple(one.label for one in whole.spec.passes[:-2]), name=name)
    records = step_records(whole, step, free, whole.plan.memory, threads)
    links, reason = None, ""
    if (np.diff(records.prepared.records.offsets) == 0).any():
        reason = NO_RECORDS
    elif known is None and at.known is not None:
        reason = NO_MODEL
    else:
        counts = count_patterns(records.prepared.plan, threads, progress)
        if counts.n_pairs == 0:
            reason = NO_PAIRS
        else:
            if last is not None:
                parameters = _as_before(last, records.prepared)
                scored = score_prepared(records.prepared, parameters, counts, threads, progress)
                fitted = Fitted(parameters, scored)
            elif known is not None:
                fitted = rated(records.prepared, known, counts, threads, progress)
            else:
                ledger = _ledger(whole, at.flat, before)
                fitted = fit_step(whole, step, records, counts, ledger, threads, progress)
            links = assemble(records.prepared, fitted.parameters, counts, fitted.scored, threads).light()
    return StepLinks(step, records, links, reason, round(time.perf_counter() - began, 3))


def _as_before(last: Parameters, left: Prepared) -> Parameters:
    """The parameters of the last round outside of households: what a link must weigh stays as it was.

    Matches that the last round has left are too few to tell how many they are, and it has counted them
    already.
    """
    (pair,) = last.pairs
    n_left, n_right = np.diff(left.records.offsets).tolist()
    now = replace(pair, n_left=n_left, n_right=n_right, pairs=n_left * n_right, constant=constant_of(pair))
    return replace(last, pairs=(now,), uncertainty=None)


def _ledger(whole: Prepared, flat: Parameters, before: Sequence[StepLinks]) -> Ledger:
    """What the model of all records tells of those that are left: m less the links within households."""
    ledger = Ledger.empty(whole)
    left, right, posterior = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)], [np.zeros(0)]
    for one in before:
        if one.links is not None:
            decided, rows = one.links.decided, one.records.rows
            own = decided.links
            left.append(rows[decided.pairs.left[own]])
            right.append(rows[decided.pairs.right[own]])
            posterior.append(decided.posterior[own])
    none = np.zeros(0, np.int32)
    every = range(len(whole.spec.comparisons))
    ledger = ledger.after(whole, "all records", every, flat, none, none, np.zeros(0))
    return ledger.after(
        whole,
        WITHIN,
        (),
        replace(flat, comparisons=()),
        np.concatenate(left),
        np.concatenate(right),
        np.concatenate(posterior),
    )


def _households_of_links(step: StepLinks, first: LinkedHouseholds) -> tuple[Rows, Rows]:
    """Pairs of households that the links of a step point to."""
    if step.links is None:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    of, decided, rows = first.households.of, step.links.decided, step.records.rows
    own = decided.links
    a, b = of[rows[decided.pairs.left[own]]], of[rows[decided.pairs.right[own]]]
    both = (a >= 0) & (b >= 0)
    found = np.unique(np.stack([a[both], b[both]]), axis=1)
    return found[0].astype(np.int32), found[1].astype(np.int32)
