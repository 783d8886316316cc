"""Whether the households of a specification fit the rest of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tallystick._problems import Problem, misspelt

if TYPE_CHECKING:
    from tallystick.spec.model import Spec


def household_source_problem(spec: Spec, n_sources: int) -> Problem | None:
    """Why households do not go with the number of sources that are linked.

    Parameters
    ----------
    spec : Spec
    n_sources : int
        Number of sources of the call, which the specification need not name.

    Returns
    -------
    Problem or None
    """
    if spec.households is None or n_sources == 2:
        return None
    return Problem(
        ("households",),
        f"found households with {n_sources} sources, expected two: households and the persons in them are "
        "assigned one to one between two files",
    )


def household_problems(spec: Spec) -> Iterator[Problem]:
    """What does not fit of the households, in the order of the specification.

    Parameters
    ----------
    spec : Spec

    Yields
    ------
    Problem
    """
    if spec.households is None:
        return
    kind = spec.kind or ("dedupe" if len(spec.sources) == 1 else "link")
    if kind != "link" or not spec.decision.one_to_one or len(spec.sources) > 2:
        yield Problem(
            ("households",),
            "found households where a person may have several links, expected two sources and "
            "one_to_one = true in [decision]: households and the persons in them are assigned one to one",
        )
    if spec.mode != "union":
        yield Problem(
            ("mode",), f'found "{spec.mode}" with [households], expected "union": households make the steps'
        )
    if spec.match is not None:
        yield Problem(
            ("match",), "found match keys with [households], expected one of the two: households come first"
        )
    if spec.decision.thresholds is not None:
        yield Problem(
            ("decision", "thresholds"),
            "found a rule with [households], expected upper and lower: persons within and outside of "
            "households have different errors, which a rule for all would mix",
        )
    for name in ("expected_matches", "deterministic", "labels"):
        if getattr(spec.estimation, name) is not None:
            yield Problem(
                ("estimation", name),
                "found it with [households], expected it in a linkage without households: it speaks of the "
                "matches of the files as they are, not of those that are left outside of linked households",
            )
    names = [one.name for one in spec.comparisons]
    own = spec.households.comparisons
    for name in own:
        if name not in names:
            yield Problem(("households", "comparisons"), misspelt(name, names, "the name of a comparison"))
    if set(names) <= set(own):
        yield Problem(
            ("households", "comparisons"),
            "found all comparisons, expected some that are left out: by those persons within a household are "
            "told apart",
        )
