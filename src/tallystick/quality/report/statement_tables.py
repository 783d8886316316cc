"""Small tables of the quality statement: what would be a long sentence otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Figures
from tallystick.quality.report.match_keys import agreement
from tallystick.quality.steps import named

There = Mapping[str, Any]
Table = dict[str, Any]


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Table]:
    """A table as data, or nothing where it would have no row."""
    shown = [list(row) for row in rows]
    return [{"caption": caption, "heads": list(heads), "rows": shown}] if shown else []


def _variables(figures: Figures, there: There) -> list[Table]:
    given = there.get("completeness") or {"sources": [], "rows": []}
    rows = [
        [row["field"], *(formats.percent(cell["share"]) for cell in row["cells"])] for row in given["rows"]
    ]
    return _table("Records with a value", ["Field", *given["sources"]], rows)


def _methods(figures: Figures, there: There) -> list[Table]:
    given = there.get("pairs") or {}
    comparisons = (there.get("parameters") or {}).get("comparisons") or ()
    steps = [one["step"] for one in given.get("steps") or ()]
    found = _table(
        "Comparisons, each with its levels of agreement from the best down",
        ["Comparison", "Levels and their limits"],
        list(dict.fromkeys(_comparison(one, steps) for one in comparisons)),
    )
    if keys := given.get("keys"):
        rows = [
            [one["key"], one["asks"], formats.count(one["pairs"]), formats.count(one["links"])]
            for one in keys
        ]
        found += _table("Match keys in the order in which they were tried", _KEYS, rows)
    elif figures.match:
        asked = [[one.label, agreement(one)] for one in figures.match.keys]
        found += _table("Match keys in the order in which they were tried", _KEYS[:2], asked)
    of_steps = [
        [one["step"], *(formats.count(one[key]) for key in ("records", "pairs", "links", "residuals"))]
        for one in given.get("steps") or ()
    ]
    found += _table("Steps", ["Step", "Records", "Pairs compared", "Links", "Records left"], of_steps)
    passes = [
        [one["name"], formats.count(one["pairs"]), formats.count(one["links"])]
        for one in given.get("passes") or ()
    ]
    return [*found, *_table("Passes", ["Pass", "Pairs compared that no earlier had", "Links"], passes)]


def _comparison(one: Mapping[str, Any], steps: Sequence[str]) -> tuple[str, str]:
    """Name and levels of a comparison; all steps that compare alike share a row."""
    name = str(one["name"])
    for step in steps:
        name = name.removesuffix(named("", step))
    return name, "; ".join(row["label"] for row in one["levels"])


_KEYS = ("Match key", "Agreement on", "Pairs", "Links")

TABLES: dict[str, Callable[[Figures, There], list[Table]]] = {"variables": _variables, "methods": _methods}
"""By the key of the item."""
