"""m against u, level by level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.rows import NAMES
from tallystick.quality.charts.style import (
    AGAINST,
    FOR,
    MATCH,
    NON_MATCH,
    PROBABILITY_LABEL,
    ROW_HEIGHT,
    Chart,
    chart,
    powers_of_ten,
)

SMALLEST = 1e-8


def smallest_probability(comparisons: Sequence[Mapping[str, Any]]) -> float:
    """Lower end of the logarithmic axis shared by the charts of all comparisons."""
    positive = [p for c in comparisons for p in [*c["m"], *c["u"]] if p > 0]
    return 10.0 ** math.floor(math.log10(max(SMALLEST, min(positive, default=0.1))))


def levels_chart(
    labels: Sequence[str], m: Sequence[float], u: Sequence[float], lowest: float, *, named: bool = False
) -> Chart:
    """Probabilities m against u of one comparison, level by level, full agreement on top.

    On the logarithmic axis the distance from u to m is the match weight ln(m / u).

    Parameters
    ----------
    labels, m, u
        From disagreement up.
    lowest
        Lower end of the axis; probabilities below it are drawn there.
    named : bool
        Name the levels, their weights and the marks; without, a table beside the chart does.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    levels = [
        {"level": k, "label": label, "m": max(m_k, lowest), "u": max(u_k, lowest)}
        for k, (label, m_k, u_k) in enumerate(zip(labels, m, u, strict=True))
    ]
    y: Chart = {"field": "level", "type": "ordinal", "sort": "descending", "axis": None}
    if named:
        shown = [label if label not in labels[:k] else f"{label} ({k})" for k, label in enumerate(labels)]
        levels = [{**row, "label": text} for row, text in zip(levels, shown, strict=True)]
        y = {"field": "label", "type": "nominal", "sort": shown[::-1], "axis": NAMES}
    x_axis = {
        "values": powers_of_ten(lowest, 1, 4),
        "labelExpr": PROBABILITY_LABEL,
        "title": "Probability: u (diamond) among non-matches, m (circle) among matches" if named else None,
    }

    def x(field: str) -> Chart:
        scale = {"type": "log", "domain": [lowest, 1]}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": x_axis}

    def dots(field: str, colour: str) -> Chart:
        tooltip = [
            {"field": "label", "title": "level", "type": "nominal"},
            {"field": field, "type": "quantitative", "format": ".3~g"},
        ]
        shape = "circle" if field == "m" else "diamond"
        return {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 80,
                "opacity": 1,
                "color": colour,
                "shape": shape,
            },
            "encoding": {"x": x(field), "tooltip": tooltip},
        }

    link = {
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {
            "x": x("u"),
            "x2": {"field": "m"},
            "color": {
                "condition": {"test": "datum.m >= datum.u", "value": FOR},
                "value": AGAINST,
            },
        },
    }
    return chart(
        height=ROW_HEIGHT * len(levels),
        data={"values": levels},
        encoding={"y": y},
        layer=[link, dots("u", NON_MATCH), dots("m", MATCH)],
    )
