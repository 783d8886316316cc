"""The one place where thresholds that a decision asks for are worked out.

Pairs that are decided each for itself are seen as they stand, by the error curve of the candidates. Where
pairs compete for records that curve knows too little: of the false pairs that it expects nearly all lose the
assignment. There pairs are scored first, and the thresholds are on the posterior of the pairs that an
assignment chooses, which knows their competitors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.error_curve import ErrorCurve, joined
from tallystick.estimation.parameters import Parameters
from tallystick.linking.constraints import any_competes, constraint_of, zero_weight
from tallystick.linking.decide import decide, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.floors import deep_floors, matches_below
from tallystick.linking.rules import Capacity, Costs, ErrorBounds, Targets, ThresholdRule
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import (
    Thresholds,
    from_capacity,
    from_costs,
    from_error_bounds,
    from_targets,
)

Floats = NDArray[np.float64]

LEAST = 1e-6
"""Lowest posterior that a threshold worked out for an assignment has."""
CERTAIN = 1e-15
ONE_TO_ONE = Decision(links="one_to_one")
TRIES = 6
"""Attempts to keep within a capacity; each decides all pairs."""
MORE_TIES = (
    "There are {ties:,} possible links, more than the {most:,} that can be reviewed: pairs that are {alike} "
    "are possible links whatever the upper threshold is."
)
AFTER = "; counts and errors are those after the {}assignment"
LOW_UPPER = (
    "The upper threshold is below 0.5, but a pair at or below the no-link constant is no {}link: "
    "from the lower threshold up it may be a possible link."
)


def floors_for(decision: Decision, parameters: Parameters, curves: Sequence[ErrorCurve]) -> Floats:
    """Lowest weight of the pairs that are kept, for each pair of sources: the needed and the doubtful.

    Parameters
    ----------
    decision, parameters, curves
        As of `needed_floors`.

    Returns
    -------
    float64 array, shape (n_source_pairs,)

    Raises
    ------
    InputError
        As of `needed_floors`.
    """
    needed = needed_floors(decision, parameters, curves)
    return deep_floors(parameters, curves, needed, decision.links)


def needed_floors(decision: Decision, parameters: Parameters, curves: Sequence[ErrorCurve]) -> Floats:
    """Lowest weight of the pairs that a decision needs, for each pair of sources.

    It is the lower threshold where that is given. Where a rule works it out, pairs are kept as by the
    default lower threshold, too: what lies below the rule's own may be a good candidate, which the
    competition for records and the estimates of error have to know.

    Parameters
    ----------
    decision : Decision
        What is asked for.
    parameters : Parameters
        The model.
    curves : sequence of ErrorCurve
        Of `error_curves`.

    Returns
    -------
    float64 array, shape (n_source_pairs,)

    Raises
    ------
    InputError
        Where no thresholds do what is asked for, as far as that shows before pairs are scored.
    """
    decision = _of_all_matches(decision, parameters)
    rule = decision.thresholds
    if rule is None:
        return _lower(parameters, decision)
    default = _lower(parameters, Decision(links=decision.links))
    if not any_competes(decision, parameters.pairs) or isinstance(rule, Costs):
        return np.minimum(default, _lower(parameters, _of_candidates(decision, parameters, curves)))
    share = 1 - rule.type2 if isinstance(rule, ErrorBounds) else None
    share = rule.recall if isinstance(rule, Targets) else share
    if share is None:
        return default
    curve = joined(curves)
    if curve.matches_above[-1] < share * curve.all_matches:
        return default
    least = curve.thresholds[np.searchsorted(curve.matches_above, share * curve.all_matches)]
    return np.minimum(default, [least - pair.log_prior_odds for pair in parameters.pairs])


def resolve(
    decision: Decision,
    parameters: Parameters,
    curves: Sequence[ErrorCurve],
    pairs: ScoredPairs | None = None,
) -> Decision | Thresholds:
    """The decision itself where it gives thresholds, else those that its rule gives for these pairs.

    Parameters
    ----------
    decision : Decision
        What is asked for.
    parameters : Parameters
        The model.
    curves : sequence of ErrorCurve
        Of `error_curves`.
    pairs : ScoredPairs, optional
        All pairs that reach `needed_floors`; needed where pairs compete for records.

    Returns
    -------
    Decision or Thresholds
        What `decide` and `weight_thresholds` take. Thresholds on log odds are match weights where there is
        a single pair of sources.

    Raises
    ------
    InputError
        Where no thresholds do what is asked for.
    """
    decision = _of_all_matches(decision, parameters)
    rule = decision.thresholds
    if rule is None:
        return decision
    if not any_competes(decision, parameters.pairs) or isinstance(rule, Costs):
        return _of_candidates(decision, parameters, curves)
    assert pairs is not None
    needed = needed_floors(decision, parameters, curves)
    below = matches_below(parameters, curves, floors_for(decision, parameters, curves)) if curves else 0.0
    curve, least = assigned_curve(pairs, parameters, needed, below, decision)
    found = _of_assigned(rule, curve, least, decision)
    if isinstance(rule, Capacity):
        return _within(rule.most, found, curve, least, pairs, parameters)
    return found


def _of_all_matches(decision: Decision, parameters: Parameters) -> Decision:
    """The decision with a rule on shares of all matches, whichever its own is on."""
    rule = decision.thresholds
    if not isinstance(rule, (ErrorBounds, Targets)) or rule.among == "all":
        return decision
    return decision.with_rule(rule.of_all(parameters.selected_matches))


def _of_assigned(
    rule: ThresholdRule, curve: ErrorCurve, least: float, asked: Decision | Thresholds
) -> Thresholds:
    """Thresholds on the posterior, of a rule on the curve of the assigned pairs."""
    found = apply_rule(rule, curve)
    lower, upper = (max(least, _chance(score)) for score in (found.lower, found.upper))
    # Where sources declared to be without duplicates make pairs compete, there is no one word for it.
    kind = "" if asked.links == "many_to_many" else asked.links.replace("_", "-") + " "
    notes = (*found.notes, *((LOW_UPPER.format(kind),) if upper < 0.5 else ()))
    explanation = found.explanation + AFTER.format(kind)
    return _as_asked(Thresholds(lower, upper, "posterior", explanation, notes), asked)


def _within(
    most: int,
    found: Thresholds,
    curve: ErrorCurve,
    least: float,
    pairs: ScoredPairs,
    parameters: Parameters,
) -> Thresholds:
    """Thresholds of a capacity that ties, possible links above the upper one, too, do not exceed."""
    aimed = most
    for left in reversed(range(TRIES)):
        possible = int(decide(pairs, parameters, found).possible.sum())
        if possible <= most or aimed == 0:
            break
        aimed = max(0, aimed - (possible - most)) if left > 1 else 0
        found = _of_assigned(Capacity(pairs=aimed), curve, least, found)
    if possible <= most:
        return found
    alike = "not unique" if found.assignment == "unique" else "as good as one another"
    note = MORE_TIES.format(ties=possible, most=most, alike=alike)
    return replace(found, notes=(*found.notes, note))


def apply_rule(rule: ThresholdRule, curve: ErrorCurve) -> Thresholds:
    """Thresholds of a rule of the settings.

    Parameters
    ----------
    rule : ErrorBounds, Targets, Capacity or Costs
        The rule.
    curve : ErrorCurve
        On log odds.

    Returns
    -------
    Thresholds
        On log odds; of costs on the posterior.
    """
    if isinstance(rule, ErrorBounds):
        return from_error_bounds(curve, rule.type1, rule.type2)
    if isinstance(rule, Targets):
        return from_targets(curve, rule.precision, rule.recall)
    if isinstance(rule, Capacity):
        return from_capacity(curve, rule.most)
    return from_costs(rule.false_link, rule.missed, rule.review)


def assigned_curve(
    pairs: ScoredPairs,
    parameters: Parameters,
    floors: Floats,
    below: float = 0.0,
    asked: Decision | Thresholds = ONE_TO_ONE,
) -> tuple[ErrorCurve, float]:
    """The error curve of the pairs that an assignment chooses, on the log odds of their posterior.

    Thresholds choose among them: which pairs the assignment holds does not depend on the upper threshold,
    and on the lower one only where records compete for possible links. All other matches are missed
    whatever the thresholds are. Ties are possible links where they would reach the lower threshold without
    competitors, and never links: they stand at that score and add no false link.

    Parameters
    ----------
    pairs : ScoredPairs
        All pairs that reach the floors.
    parameters : Parameters
        The model.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that is needed, for each pair of sources.
    below : float
        Expected matches among the candidates that were not kept.
    asked : Decision or Thresholds
        What is asked of links, and how they are assigned.

    Returns
    -------
    curve : ErrorCurve
    least : float
        Lowest posterior that a threshold may have: pairs that could reach a lower one were not kept.
    """
    # A pair of negative weight is no possible link, so that a floor of 0 bounds nothing.
    limits = [constraint_of(asked, pair) for pair in parameters.pairs]
    zeros = np.array([zero_weight(pair, one) for pair, one in zip(parameters.pairs, limits, strict=True)])
    kept = [_chance(floor - zero) for floor, zero in zip(floors, zeros, strict=True)]
    least = max([LEAST, *(p for p, floor in zip(kept, floors, strict=True) if floor > 0)])
    decided = decide(pairs, parameters, _as_asked(Thresholds(least, least, "posterior", ""), asked))
    p = np.clip(decided.posterior, CERTAIN, 1 - CERTAIN)
    tied = decided.possible & (decided.tie | (p < least))
    score = np.where(tied, pairs.weight - zeros[pairs.source_pair], np.log(p) - np.log1p(-p))
    order = np.flatnonzero(decided.links | decided.possible)
    order = order[np.argsort(-score[order], kind="stable")]
    score, p = score[order], p[order]
    matches = (float(decided.posterior.sum()) + below) / parameters.selected_matches
    allowed = sum(pair.pairs for pair in parameters.pairs)
    whole = ErrorCurve(
        score,
        score,
        np.ones(len(p)),
        p,
        np.where(tied[order], 0.0, 1 - p),
        max(0.0, matches - float(p.sum())),
        float(allowed - len(p)),
        "The passes and the assignment miss",
    )
    return joined([whole]), least


def _of_candidates(
    decision: Decision, parameters: Parameters, curves: Sequence[ErrorCurve]
) -> Decision | Thresholds:
    """Thresholds where each candidate is decided for itself, and those that are posteriors anyway."""
    assert decision.thresholds is not None
    curve = joined(curves)
    found = _as_asked(apply_rule(decision.thresholds, curve), decision)
    if found.scale != "log_odds" or len(parameters.pairs) != 1:
        return found
    prior = parameters.pairs[0].log_prior_odds
    return replace(found, lower=found.lower - prior, upper=found.upper - prior, scale="weight")


def _as_asked(found: Thresholds, asked: Decision | Thresholds) -> Thresholds:
    return replace(found, links=asked.links, assignment=asked.assignment)


def _lower(parameters: Parameters, decision: Decision | Thresholds) -> Floats:
    return np.array([lower for lower, _ in weight_thresholds(parameters, decision)])


def _chance(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(log_odds, -700, 700))))
