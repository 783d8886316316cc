"""Example pairs: how the weight of single pairs comes about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Content, Figures, Json

DECISIONS = {"link": "Link", "possible": "Possible link", "non-link": "Non-link"}


def examples(figures: Figures) -> Content | None:
    """Example pairs, each a waterfall: a comparison's part starts where the one before ended.

    Values of records come as their shapes unless they are asked for (see `tallystick._formats.mask`).
    """
    fields = {c["name"]: _fields(c) for c in figures.model.get("comparisons") or ()}
    pairs = [_pair(one, fields, figures.show_values) for one in figures.quality.get("examples") or ()]
    return {"sides": list(_sides(figures)), "pairs": pairs} if pairs else None


def _pair(example: Json, fields: dict[str, tuple[list[str], list[str]]], show: bool) -> dict[str, Any]:
    parts = [(p["comparison"], p["label"], p["weight"] or 0.0) for p in example["parts"]]
    rest = example["weight"] - sum(w for _, _, w in parts)
    if abs(rest) > 0.005:
        parts.append(("Other terms", "", rest))
    rows, total = [], 0.0
    for name, label, weight in parts:
        left, right = fields.get(name, ([], []))
        rows.append(
            {
                "name": name,
                "label": label,
                "weight": weight,
                "start": total,
                "end": total + weight,
                "left": _values(example["left"], left, show),
                "right": _values(example["right"], right, show),
                "has_values": bool(left or right),
            }
        )
        total += weight
    finite = [t for t in (0.0, *(row["end"] for row in rows)) if math.isfinite(t)]
    return {
        "decision": example["decision"],
        "name": DECISIONS.get(example["decision"], example["decision"]),
        "weight": example["weight"],
        "posterior": example["posterior"],
        "rows": rows,
        "axis": [min(finite), max(finite)],
    }


def _sides(figures: Figures) -> tuple[str, str]:
    """Headings of the two records of a pair; source names only where each side has its own."""
    names = figures.sources
    if figures.model.get("kind") == "link" and len(names) == 2:
        return names[0], names[1]
    return "Left record", "Right record"


def _fields(comparison: Json) -> tuple[list[str], list[str]]:
    """Fields of a comparison, left and right."""
    spec = comparison.get("spec") or {}
    same = spec.get("fields") or spec.get("field") or comparison["name"].split("+")
    sides = [spec.get("left") or same, spec.get("right") or same]
    left, right = ([side] if isinstance(side, str) else list(side) for side in sides)
    return left, right


def _values(record: Json, fields: Sequence[str], show: bool) -> str | None:
    """A record's values of some fields as the page shows them; None when all are missing."""
    present = [record.get(field) for field in fields]
    if all(value is None for value in present):
        return None
    return " · ".join(str(v) if show else formats.mask(v) for v in present if v is not None)
