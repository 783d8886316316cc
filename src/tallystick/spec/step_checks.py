"""Whether the steps of sequential passes fit the rest of a specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tallystick._problems import KeyPath, Problem, misspelt

if TYPE_CHECKING:
    from tallystick.spec.model import Spec


def step_problems(spec: Spec) -> Iterator[Problem]:
    """What does not fit of the steps, in the order of the specification.

    Parameters
    ----------
    spec : Spec

    Yields
    ------
    Problem
    """
    if spec.mode == "union":
        if spec.steps:
            yield Problem(
                ("steps",), 'found steps with mode = "union", expected mode = "sequential" in [linkage]'
            )
        return
    kind = spec.kind or ("dedupe" if len(spec.sources) == 1 else "link")
    if kind != "link" or not spec.decision.one_to_one:
        yield Problem(
            ("mode",),
            'found "sequential" where a record may have several links, expected one_to_one = true in '
            "[decision]: a step sets the records aside that it links",
        )
    for name in ("expected_matches", "deterministic", "labels"):
        if getattr(spec.estimation, name) is not None:
            yield Problem(
                ("estimation", name),
                'found it with mode = "sequential", expected mode = "union": it speaks of the matches of the '
                "files as they are, not of those that a step has left",
            )
    yield from _unknown_names(spec)


def _unknown_names(spec: Spec) -> Iterator[Problem]:
    passes, comparisons = [one.label for one in spec.passes], [one.name for one in spec.comparisons]
    used: dict[str, set[str]] = {"passes": set(), "comparisons": set()}
    labels: dict[str, int] = {}
    for number, step in enumerate(spec.steps):
        if step.label in labels:
            first = f"steps[{labels[step.label]}]"
            yield Problem(
                ("steps", number), f'found the name "{step.label}", which names {first} too; expected another'
            )
        labels.setdefault(step.label, number)
        for key, names, one in (
            ("passes", passes, "the name of a pass"),
            ("comparisons", comparisons, "the name of a comparison"),
        ):
            for name in getattr(step, key) or names if key == "comparisons" else step.passes:
                used[key].add(name)
                if name not in names:
                    path: KeyPath = ("steps", number, key)
                    yield Problem(path, misspelt(name, names, one))
    if not spec.steps:
        return
    for key, names in (("passes", passes), ("comparisons", comparisons)):
        for number, name in enumerate(names):
            if name not in used[key]:
                text = f'found "{name}", which no step uses; expected it in one of [[steps]]'
                yield Problem((key, number), text)
