"""Match weights of the compared pairs, thresholds, and what other thresholds would do."""

from __future__ import annotations

import math
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.report.truth import truth_curve

THRESHOLDS = (
    ("upper", "Upper threshold", "pairs from here up may be links"),
    (
        "lower",
        "Lower threshold",
        "pairs from here to the upper threshold may be possible links; below are non-links",
    ),
    (
        "no_link_constant",
        "No-link constant",
        "in the one-to-one assignment, the price of leaving two records without a link; no pair at or below "
        "it is a link",
    ),
    (
        "none_weight",
        "Weight of none",
        "what a record that has one link at most weighs without any; no pair at or below it is a link",
    ),
)
MOST_ROWS = 14
"""Thresholds that the table of the curve names."""


def weights(figures: Figures) -> list[dict[str, Any]] | None:
    """The histogram of weights and the thresholds, of the run or of each of its steps."""
    return [one for step, part in figures.parts if (one := _weights(step, part))] or None


def _weights(step: str, part: Json) -> Content | None:
    given = part.get("histogram")
    if not given or not any(given["candidates"]):
        return None
    edges, matches = given["edges"], given.get("matches")
    rows = [
        {"from": low, "to": high, "candidates": n, "links": k, "matches": expected}
        for low, high, n, k, expected in zip(
            edges[:-1],
            edges[1:],
            given["candidates"],
            given["links"],
            matches or [None] * len(given["links"]),
            strict=True,
        )
        if n or k
    ]
    rule = part.get("rule")
    return {
        "step": step,
        "bins": rows[::-1],
        "thresholds": [
            {"key": key, "name": name, "weight": part[key], "meaning": meaning}
            for key, name, meaning in THRESHOLDS
            if part.get(key) is not None
        ],
        "rule": None if not rule else {"explanation": rule["explanation"], "notes": list(rule["notes"])},
    }


def marks(thresholds: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Texts and weights of the lines in the histogram."""
    return [
        (f"{one['name'].lower()} {formats.weight(weight, sign=False)}", weight)
        for one in thresholds
        if math.isfinite(weight := float(one["weight"]))
    ]


def threshold_choice(figures: Figures) -> list[dict[str, Any]] | None:
    """Precision and recall by threshold, as the model expects them and as known truth has them."""
    found = [
        {
            "step": step,
            "origin": "model",
            **_curve(curve),
            "scale": curve["scale"],
            "note": None,
            "chosen": part.get("upper") if curve["scale"] == "weight" else None,
        }
        for step, part in figures.parts
        if (curve := part.get("curve")) and curve["points"]
    ]
    known = truth_curve(figures.truth)
    if known:
        curve = {**_curve(known), "scale": "weight", "note": known["note"]}
        found.append({"step": "", "origin": "truth", **curve, "chosen": figures.quality.get("upper")})
    return found or None


def _curve(given: Json) -> dict[str, Any]:
    points = list(given["points"])
    step = max(1, math.ceil(len(points) / MOST_ROWS))
    chosen = sorted({*range(0, len(points), step), len(points) - 1})
    return {"points": points, "rows": [points[k] for k in chosen]}
