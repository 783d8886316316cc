"""The decision of a step of sequential passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.linking.decision import Decision
from tallystick.linking.rules import ErrorBounds, Targets
from tallystick.linking.step import Step

if TYPE_CHECKING:
    from tallystick.spec.model import Spec

PLAIN = ("upper", "lower", "scale")
"""Keys of thresholds that are given."""


def decision_of(spec: Spec, step: Step) -> Decision:
    """The decision of a step: what it does not say is as in the linkage.

    Thresholds are one thing: a step that gives a rule does not take `upper`, `lower` and `scale` of the
    linkage, nor the other way round.

    Parameters
    ----------
    spec : Spec
        The specification.
    step : Step
        The step.

    Returns
    -------
    Decision

    Raises
    ------
    SpecError
        Where the two do not go together, such as a lower threshold above the upper one.
    """
    given = {key: getattr(spec.decision, key) for key in spec.decision.model_fields_set}
    if step.decision is not None:
        own = {key: getattr(step.decision, key) for key in step.decision.model_fields_set}
        replaced = {"thresholds"} if own.keys() & set(PLAIN) else set(PLAIN) if "thresholds" in own else set()
        given = {key: value for key, value in given.items() if key not in replaced} | own
    rule = given.get("thresholds")
    if isinstance(rule, (ErrorBounds, Targets)) and "among" not in rule.model_fields_set:
        # What an early step's passes do not find a later step may.
        among = "all" if step == spec.all_steps[-1] else "candidates"
        given["thresholds"] = rule.model_copy(update={"among": among})
    return Decision(**given).with_links(spec.decision.links)
