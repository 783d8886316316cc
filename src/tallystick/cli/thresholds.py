"""The command that shows what thresholds would do; apart from how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress
from tallystick.cli.commands import _find_modules_in
from tallystick.errors import InputError
from tallystick.linkage.forecast import forecast_run, forecast_text
from tallystick.linkage.prepare import prepare
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.run_folder import read_facts, read_sources
from tallystick.linkage.saved import load_model
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linking.rules import Capacity, Costs, ErrorBounds, Targets, ThresholdRule
from tallystick.linking.score import ScoredPairs, score
from tallystick.linking.thresholds import Thresholds
from tallystick.spec.toml import inline, plain_value

RULES: dict[str, type[ErrorBounds | Targets | Capacity | Costs]] = {
    "error_bounds": ErrorBounds,
    "targets": Targets,
    "capacity": Capacity,
    "costs": Costs,
}
OPTIONS = {
    "error_bounds": {"type1": "--type1", "type2": "--type2"},
    "targets": {"precision": "--precision", "recall": "--recall"},
    "capacity": {"pairs": "--capacity", "hours": "--hours", "pairs_per_hour": "--per-hour"},
    "costs": {"false_link": "--false-link", "missed": "--missed", "review": "--review"},
}
"""The option of every key of every rule."""


def rule_of(options: Mapping[str, float | None]) -> ThresholdRule | None:
    """The rule that the options of the command ask for.

    Parameters
    ----------
    options : mapping of str to float or None
        Value of each key of `OPTIONS`; None where it was not given.

    Returns
    -------
    ErrorBounds, Targets, Capacity, Costs or None
        None where no option was given.

    Raises
    ------
    InputError
        Where options of several rules were given, or a rule lacks one.
    """
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    asked = {kind: [key for key in keys if key in given] for kind, keys in OPTIONS.items()}
    kinds = [kind for kind, keys in asked.items() if keys]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise InputError(
            f"{OPTIONS[kinds[0]][asked[kinds[0]][0]]} and {OPTIONS[kinds[1]][asked[kinds[1]][0]]} belong to "
            "different rules: use the options of one."
        )
    kind = kinds[0]
    if kind == "costs" and len(given) < len(OPTIONS[kind]):
        missing = next(option for key, option in OPTIONS[kind].items() if key not in given)
        raise InputError(
            f"Costs need --false-link, --missed and --review, but {missing} is missing: give all three."
        )
    if kind == "capacity" and set(given) not in ({"pairs"}, {"hours", "pairs_per_hour"}):
        raise InputError("The capacity is either --capacity, or --hours and --per-hour together.")
    if "pairs" in given:
        given["pairs"] = int(given["pairs"])
    return RULES[kind](**given)


def show_thresholds(
    run: Path, rule: ThresholdRule | None, again: bool, threads: int | None, progress: Progress
) -> str:
    """The thresholds of a run, and those of a rule beside them, with counts and expected errors."""
    facts = read_facts(run)
    model = load_model(run)
    if isinstance(model, SequentialModel):
        raise InputError(
            f"{run}: each step of this run has thresholds of its own, which quality.json tells: give others "
            "in the decision of [[steps]], or of [households], and run it again."
        )

    def score_again(floors: NDArray[np.float64]) -> ScoredPairs:
        sources = read_sources(run, facts)
        check_unchanged(sources, facts)
        _find_modules_in(Path())
        prepared = prepare(model.spec, sources, threads=threads, progress=progress)
        return score(prepared.plan, model.parameters, floors, threads=threads, progress=progress)

    found = forecast_run(run, model, rule, score_again if again else None)
    titles = ["this run", *([] if rule is None else [rule.type])]
    lines = [forecast_text(list(zip(titles, found, strict=True)))]
    decision = found[-1].decision
    if isinstance(decision, Thresholds):
        lines += ["", f"thresholds by {decision.explanation}"]
        lines += [f"note: {note}" for note in decision.notes]
    if rule is not None:
        lines += ["", "to apply it, in the specification, without upper, lower and scale:", "", toml_of(rule)]
    return "\n".join(lines)


def toml_of(rule: ThresholdRule) -> str:
    """The lines of a specification that apply a rule."""
    keys = {key: value for key, value in rule.model_dump().items() if value is not None}
    lines = [f"{key} = {inline(plain_value(value))}" for key, value in keys.items()]
    return "\n".join(["[decision.thresholds]", *lines])
