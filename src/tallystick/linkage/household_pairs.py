"""The first stage of a linkage with households: which households of two sources are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.passes import BlockingKey, KeyPart, PairTable
from tallystick.blocking.units import PairBlocks, PairList
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.factors import factors_of
from tallystick.estimation.marginals import marginals_of_random_pairs
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linkage.household_model import HOUSEHOLDS, HouseholdParameters
from tallystick.linkage.prepare import Prepared
from tallystick.linking.decide import DecidedPairs, decide
from tallystick.linking.household_fit import FIRST_LOG_ODDS, fit_households, weights_of
from tallystick.linking.households import Households
from tallystick.linking.members import member_pairs
from tallystick.linking.score import ScoredPairs, weigh_pairs
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.digits import PairDigits
from tallystick.patterns.plan import PairPlan, plan_pairs
from tallystick.records.households import HouseholdRecords, household_records
from tallystick.spec import Spec

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class LinkedHouseholds:
    """What the first stage did.

    Attributes
    ----------
    households : HouseholdRecords
        The households of both sources.
    decided : DecidedPairs
        Candidate pairs, as rows of ``households.records``; patterns are of the comparisons of households.
    in_common : int64 array, shape (n_pairs,)
        Members in the best one-to-one set of each pair.
    parameters : Parameters
        Of pairs of households.
    log_odds : float
        log theta.
    candidates : int
        Pairs of households that were weighed.
    seconds : float
        How long the stage took, with the model of all records that it starts from.
    """

    households: HouseholdRecords
    decided: DecidedPairs
    in_common: NDArray[np.int64]
    parameters: Parameters
    log_odds: float
    candidates: int
    seconds: float

    @property
    def linked(self) -> tuple[Rows, Rows]:
        """Linked pairs of households."""
        own = self.decided.links
        return self.decided.pairs.left[own], self.decided.pairs.right[own]


def household_numbers(spec: Spec) -> list[int]:
    """Numbers of the comparisons of households."""
    assert spec.households is not None
    return [k for k, one in enumerate(spec.comparisons) if one.name in spec.households.comparisons]


def personal_numbers(spec: Spec) -> list[int]:
    """Numbers of all other comparisons."""
    taken = household_numbers(spec)
    return [k for k in range(len(spec.comparisons)) if k not in taken]


def only(parameters: Parameters, numbers: Sequence[int]) -> Parameters:
    """Some comparisons of a model; relatives are no class among them."""
    return Parameters(
        tuple(replace(parameters.comparisons[k], r=None, shared=None) for k in numbers),
        tuple(replace(pair, expected_related=0.0, related_share=0.0) for pair in parameters.pairs),
    )


def _household_passes(spec: Spec) -> list[BlockingKey]:
    """Passes whose fields all speak of the household, and the address itself."""
    assert spec.households is not None
    fields = set(spec.households.address or ())
    for k in household_numbers(spec):
        fields |= {*spec.comparisons[k].left, *spec.comparisons[k].right}
    own = [one for one in spec.passes if isinstance(one, BlockingKey) and set(one.fields) <= fields]
    if spec.households.address:
        own.append(BlockingKey(parts=tuple(KeyPart(field=field) for field in spec.households.address)))
    return own


def households_of(prepared: Prepared, asked: Households) -> HouseholdRecords:
    """The households of prepared records, with the fields that the stage of households reads."""
    spec = prepared.spec
    fields = [
        f for k in household_numbers(spec) for f in (*spec.comparisons[k].left, *spec.comparisons[k].right)
    ]
    fields += [field for one in _household_passes(spec) for field in one.fields]
    return household_records(prepared.records, asked.fields, fields, asked.largest)


def link_households(
    prepared: Prepared,
    households: HouseholdRecords,
    flat: Parameters,
    scored: ScoredPairs,
    known: HouseholdParameters | None,
    threads: int | None,
) -> LinkedHouseholds:
    """Weigh pairs of households and decide them one to one.

    Parameters
    ----------
    prepared : Prepared
        The persons.
    households : HouseholdRecords
        Their households.
    flat : Parameters
        Of all pairs of persons, as without households.
    scored : ScoredPairs
        Pairs of persons that may be matches: their households are candidates.
    known : HouseholdParameters, optional
        Parameters to replay.
    threads : int, optional
        Number of threads.

    Returns
    -------
    LinkedHouseholds
    """
    spec, records = prepared.spec, households.records
    assert spec.households is not None
    numbers, personal = household_numbers(spec), personal_numbers(spec)
    comparisons = [spec.comparisons[k] for k in numbers]
    n_left, n_right = np.diff(records.offsets).tolist()
    start = only(flat, numbers).comparisons
    left, right = _candidates(prepared, households, scored, comparisons, start, threads)
    plan = plan_pairs(
        records, comparisons, [PairTable(path="(households)")], "link", listed={0: (left, right)},
        memory=prepared.plan.memory, threads=threads,
    )  # fmt: skip
    digits = plan.digits.of(left, right)
    members = member_pairs(households, left, right)
    own_plan = plan_of(prepared.plan, personal)
    weight, _ = weigh_pairs(own_plan, only(flat, personal), members.left, members.right, 0)
    same = known is not None and (n_left, n_right) == (
        known.households.pairs[0].n_left,
        known.households.pairs[0].n_right,
    )
    marginals = (
        marginals_of_random_pairs(
            plan, comparisons, factors_of(comparisons, (), plan.coding), spec.estimation.random_pairs,
            spec.seed, threads,
        ).counts
        if known is None and len(left)
        else [np.ones(len(one.labels)) for one in start]
    )  # fmt: skip
    fit = fit_households(
        comparisons,
        start if known is None else known.households.comparisons,
        [counts[: len(one.labels)] for counts, one in zip(marginals, start, strict=True)],
        digits, left, right, (n_left, n_right), members, weight,
        log_odds=FIRST_LOG_ODDS if known is None else known.log_odds,
        hold=known is not None,
        matches=known.households.pairs[0].expected_matches if known is not None and same else None,
    )  # fmt: skip
    parameters = Parameters(
        fit.comparisons,
        (rate_of(records.sources, (n_left, n_right), n_left * n_right, len(left), fit.matches),),
        (HOUSEHOLDS,),
        iterations=fit.iterations,
        converged=fit.converged,
        warnings=()
        if fit.converged
        else ("m and u of pairs of households have not settled: look at the households that are linked.",),
    )
    # EM takes values for usual ones; what is decided has the terms of the very values, where there are such.
    own, _ = weigh_pairs(plan, parameters, left, right, 0)
    pairs = ScoredPairs(
        left, right, own + fit.members.weight, parameters.coding.encode(np.ascontiguousarray(digits.T)),
        np.zeros(len(left), np.int64), np.zeros(len(left), np.int64),
    )  # fmt: skip
    decided = decide(pairs, parameters, spec.households.decision.with_links("one_to_one"))
    return LinkedHouseholds(households, decided, fit.members.pairs, parameters, fit.log_odds, len(left), 0.0)


def rate_of(
    sources: Sequence[str],
    sizes: tuple[int, int],
    pairs: int,
    candidates: int,
    matches: float,
    constant: float | None = None,
) -> PairOfSources:
    """The match rate of two sources, of which pairs within these candidates may be matches."""
    odds = matches / max(pairs - matches, 0.5)
    return PairOfSources(
        sources[0], sources[1], *sizes, pairs, candidates, matches,
        float(np.log(max(odds, 1e-300))), constant=constant,
    )  # fmt: skip


def plan_of(plan: PairPlan, numbers: Sequence[int]) -> PairPlan:
    """The plan with some of the comparisons, for pairs that are named."""
    plans = tuple(plan.comparisons[k] for k in numbers)
    coding = PatternCoding(tuple(one.n_levels for one in plans))
    return replace(plan, comparisons=plans, key_parts=(), coding=coding)


def _candidates(
    prepared: Prepared,
    households: HouseholdRecords,
    scored: ScoredPairs,
    comparisons: Sequence[Comparison],
    start: Sequence[ComparisonParameters],
    threads: int | None,
) -> tuple[Rows, Rows]:
    """Pairs of households of which some persons may be one, or which agree in what speaks of households."""
    records = households.records
    a, b = households.of[scored.left], households.of[scored.right]
    both = (a >= 0) & (b >= 0)
    found = [a[both].astype(np.int64) * records.n_records + b[both]]
    passes = _household_passes(prepared.spec)
    if passes and records.n_records:
        plan = plan_pairs(records, comparisons, passes, "link", memory=prepared.plan.memory, threads=threads)
        blocking = plan.blocking
        digits = PairDigits(plan.comparisons, ())
        for unit in blocking.units():
            assert isinstance(unit, (PairBlocks, PairList))
            left, right = blocking.pairs(unit)
            # One that disagrees in most is left to its members, who would have voted for it.
            likely = weights_of(start, digits.of(left, right)) > 0
            found.append(left[likely].astype(np.int64) * records.n_records + right[likely])
    keys = np.unique(np.concatenate(found))
    return (keys // max(1, records.n_records)).astype(np.int32), (keys % max(1, records.n_records)).astype(
        np.int32
    )
