"""Whether the steps of sequential passes, and match keys that come first, fit the rest of a specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tallystick._problems import KeyPath, Problem, misspelt, sentences, written_path
from tallystick._translation import problems_of
from tallystick.errors import SpecError
from tallystick.linking.decision import Decision
from tallystick.spec.step_decision import decision_of

if TYPE_CHECKING:
    from tallystick.spec.model import Spec


FIRST = "match keys"
"""What the first pass is called where it is by match keys."""


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
    yield from _not_by_steps(spec, len(spec.sources))
    for number, step in enumerate(spec.steps):
        if step.label == FIRST and spec.match is not None:
            text = f'found the name "{FIRST}", which is that of the match keys; expected another'
            yield Problem(("steps", number), text)
        for key in ("links", "one_to_one"):
            if step.decision is not None and key in step.decision.model_fields_set:
                yield Problem(
                    ("steps", number, "decision", key),
                    "found it in a step, expected it in [decision]: all steps keep the same constraint",
                )
        try:
            decision_of(spec, step)
        except (SpecError, ValidationError) as error:
            yield Problem(("steps", number, "decision"), _told(error))
    yield from _unknown_names(spec)


def require_steps(spec: Spec, n_sources: int) -> None:
    """Raise `SpecError` where records cannot be set aside step by step, when a linkage is about to be run.

    Match keys may stand in a specification that is only run by keys: what they need as a first pass is asked
    for when they are one.

    Parameters
    ----------
    spec : Spec
        A specification that is by steps.
    n_sources : int
        Number of sources.
    """
    if found := list(_not_by_steps(spec, n_sources)):
        raise SpecError(sentences(found, written_path))


def _not_by_steps(spec: Spec, n_sources: int) -> Iterator[Problem]:
    """Why records cannot be set aside once they are linked."""
    keys_first = spec.mode == "union"
    path: KeyPath = ("match",) if keys_first else ("mode",)
    found = "found match keys, which come first," if keys_first else 'found "sequential"'
    kind = spec.kind or ("dedupe" if n_sources == 1 else "link")
    several = spec.match is not None and spec.match.links == "many_to_many"
    if kind != "link" or not spec.decision.one_to_one or several:
        yield Problem(
            path,
            f"{found} where a record may have several links, expected one_to_one = true in [decision]: a "
            "record is set aside once it is linked"
            + (" (keys alone are linked by tallystick match)" if keys_first else ""),
        )
    elif n_sources > 2:
        yield Problem(
            path,
            f"{found} with {n_sources} sources, expected two: a record that is set aside once it is linked "
            "would not be looked for in the others",
        )
    for name in ("expected_matches", "deterministic", "labels"):
        if getattr(spec.estimation, name) is not None:
            yield Problem(
                ("estimation", name),
                f"found it with {'match keys that come first' if keys_first else 'sequential passes'}, "
                "expected neither: it speaks of the matches of the files as they are, not of those that are "
                "left",
            )
    if spec.estimation.previous is not None and spec.estimation.previous.use == "prior":
        yield Problem(
            ("estimation", "previous", "use"),
            'found "prior" where steps have priors of their own, expected "start" or "as_is"',
        )
    for number, source in enumerate(spec.sources):
        if source.covers_other:
            yield Problem(
                ("sources", number, "covers_other"),
                "found true where records are set aside once they are linked, expected false: of those that "
                "are left no file has all",
            )


def _told(error: SpecError | ValidationError) -> str:
    """What is wrong with a decision that is put together of a step's and the linkage's."""
    if isinstance(error, SpecError):
        return str(error).partition(": ")[2] or str(error)
    return "; ".join(one.text for one in problems_of(error, Decision))


def _unknown_names(spec: Spec) -> Iterator[Problem]:
    passes, comparisons = [one.label for one in spec.passes], [one.name for one in spec.comparisons]
    used: dict[str, set[str]] = {"passes": set(), "comparisons": set()}
    unknown: set[str] = set()
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
            for name in getattr(step, key) or (names if key == "comparisons" else ()):
                used[key].add(name)
                if name not in names:
                    path: KeyPath = ("steps", number, key)
                    unknown.add(key)
                    yield Problem(path, misspelt(name, names, one))
    if not spec.steps:
        return
    for key, names in (("passes", passes), ("comparisons", comparisons)):
        if key in unknown:  # the one that no step uses may be the one that was meant
            continue
        for number, name in enumerate(names):
            if name not in used[key]:
                text = f'found "{name}", which no step uses; expected it in one of [[steps]]'
                yield Problem((key, number), text)
