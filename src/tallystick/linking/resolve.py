"""The one place where thresholds that a decision asks for are worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tallystick.estimation.error_curve import ErrorCurve, error_curves, joined
from tallystick.estimation.parameters import Parameters
from tallystick.linking.bipartite import no_link_constant
from tallystick.linking.decision import Decision
from tallystick.linking.rules import Capacity, ErrorBounds, Targets, ThresholdRule
from tallystick.linking.thresholds import (
    Thresholds,
    from_capacity,
    from_costs,
    from_error_bounds,
    from_targets,
)
from tallystick.patterns.count import PatternCounts

BELOW_CONSTANT = (
    "The upper threshold lies below the no-link constant, at or below which no pair is a one-to-one link: "
    "pairs from the lower threshold up to it may be possible links."
)


def apply_rule(rule: ThresholdRule, curve: ErrorCurve, one_to_one: bool = False) -> Thresholds:
    """Thresholds of a rule of the settings.

    Parameters
    ----------
    rule : ErrorBounds, Targets, Capacity or Costs
        The rule.
    curve : ErrorCurve
        Of all candidates, on log odds.
    one_to_one : bool
        Whether links are one-to-one.

    Returns
    -------
    Thresholds
        On log odds; of costs on the posterior.
    """
    if isinstance(rule, ErrorBounds):
        found = from_error_bounds(curve, rule.type1, rule.type2)
    elif isinstance(rule, Targets):
        found = from_targets(curve, rule.precision, rule.recall)
    elif isinstance(rule, Capacity):
        found = from_capacity(curve, rule.most)
    else:
        found = from_costs(rule.false_link, rule.missed, rule.review)
    return replace(found, one_to_one=one_to_one)


def resolve(decision: Decision, parameters: Parameters, counts: PatternCounts) -> Decision | Thresholds:
    """The decision itself where it gives thresholds, else those that its rule gives for these candidates.

    Parameters
    ----------
    decision : Decision
        The rule.
    parameters : Parameters
        The model.
    counts : PatternCounts
        Patterns of all candidate pairs.

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
    if decision.thresholds is None:
        return decision
    return resolve_by_curves(decision, parameters, error_curves(parameters, counts))


def resolve_by_curves(
    decision: Decision, parameters: Parameters, curves: Sequence[ErrorCurve]
) -> Decision | Thresholds:
    """As `resolve`, with the curves of the pairs of sources that `error_curves` gives."""
    if decision.thresholds is None:
        return decision
    found = apply_rule(decision.thresholds, joined(curves), decision.one_to_one)
    if found.one_to_one and found.scale == "log_odds" and _below_constant(found.upper, parameters):
        found = replace(found, notes=(*found.notes, BELOW_CONSTANT))
    return as_weights(found, parameters)


def _below_constant(upper: float, parameters: Parameters) -> bool:
    """Whether some pair above a threshold on log odds is no link of a one-to-one linkage."""
    return any(
        upper - pair.log_prior_odds < no_link_constant(pair.n_left, pair.n_right, pair.expected_matches)
        for pair in parameters.pairs
    )


def as_weights(found: Thresholds, parameters: Parameters) -> Thresholds:
    """Thresholds on log odds as match weights, which they are where there is a single pair of sources."""
    if found.scale != "log_odds" or len(parameters.pairs) != 1:
        return found
    prior = parameters.pairs[0].log_prior_odds
    return replace(found, lower=found.lower - prior, upper=found.upper - prior, scale="weight")
