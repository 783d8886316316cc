"""The report's charts as Vega-Lite specifications: plain dictionaries without record values.

Names that users chose (comparisons, levels) enter as data only, never as an expression or a field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Chart = dict[str, Any]

INK = "#1d2733"
MUTED = "#5c6877"
RULE = "#dfe4ea"
MATCH = "#17678c"
NON_MATCH = "#b8621b"
CANDIDATE = "#b6c1cc"
SMALLEST = 1e-8
LABEL_HEIGHT = 15
ROW_HEIGHT = 30
_RAISED = ["1", *(f"10⁻{digit}" for digit in "¹²³⁴⁵⁶⁷⁸")]

_CONFIG: Chart = {
    "aria": False,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 11,
        "gridColor": RULE,
        "domainColor": RULE,
        "tickColor": RULE,
    },
}


def _chart(**parts: Any) -> Chart:
    return {
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
    } | parts


def _powers_of_ten(lowest: float, highest: float, at_most: int) -> list[float]:
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    step = max(1, math.ceil((last - first) / at_most))
    return sorted(10.0**power for power in range(last, first - 1, -step))


def smallest_probability(comparisons: Sequence[Mapping[str, Any]]) -> float:
    """Lower end of the logarithmic axis shared by the charts of all comparisons."""
    positive = [p for c in comparisons for p in [*c["m"], *c["u"]] if p > 0]
    return 10.0 ** math.floor(math.log10(max(SMALLEST, min(positive, default=0.1))))


def levels_chart(labels: Sequence[str], m: Sequence[float], u: Sequence[float], lowest: float) -> Chart:
    """Probabilities m against u of one comparison, level by level, full agreement on top.

    On the logarithmic axis the distance from u to m is the match weight ln(m / u).

    Parameters
    ----------
    labels, m, u
        From disagreement up.
    lowest
        Lower end of the axis; probabilities below it are drawn there.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    levels = [
        {"level": k, "label": label, "m": max(m_k, lowest), "u": max(u_k, lowest)}
        for k, (label, m_k, u_k) in enumerate(zip(labels, m, u, strict=True))
    ]
    y = {"field": "level", "type": "ordinal", "sort": "descending", "axis": None}
    x_axis = {
        "values": _powers_of_ten(lowest, 1, 4),
        "labelExpr": "datum.value >= 0.001 ? format(datum.value, '~g') : "
        f"{_RAISED}[round(-log(datum.value) / LN10)]",
        "title": None,
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
                "condition": {"test": "datum.m >= datum.u", "value": "#b9d3df"},
                "value": "#ecd3bd",
            },
        },
    }
    return _chart(
        height=ROW_HEIGHT * len(levels),
        data={"values": levels},
        encoding={"y": y},
        layer=[link, dots("u", NON_MATCH), dots("m", MATCH)],
    )


def weights_chart(
    edges: Sequence[float],
    candidates: Sequence[int],
    links: Sequence[int],
    marks: Sequence[tuple[str, float]],
) -> Chart:
    """Histogram of match weights with lines at the thresholds.

    Parameters
    ----------
    edges
        Limits of the bins, one more than there are bins.
    candidates, links
        Counts per bin.
    marks
        Texts and weights of vertical lines.

    Returns
    -------
    dict
        A Vega-Lite specification; counts are on a scale like log(1 + count), so that a few matches
        stay visible beside millions of non-matches.
    """
    bars = [
        {"from": lo, "to": hi, "pairs": n, "series": series}
        for series, counts in (("compared pairs", candidates), ("links", links))
        for lo, hi, n in zip(edges[:-1], edges[1:], counts, strict=True)
        if n > 0
    ]
    most = 10.0 ** math.ceil(math.log10(max([10, *candidates, *links])))
    y_axis = {
        "values": [0, *_powers_of_ten(1, most, 6)],
        "format": ",d",
        "title": "Pairs (logarithmic scale)",
    }
    bar = {
        "data": {"values": bars},
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "from",
                "type": "quantitative",
                "bin": "binned",
                "title": "Match weight (natural logarithm)",
                "axis": {"grid": False, "tickCount": 12},
            },
            "x2": {"field": "to"},
            "y": {
                "field": "pairs",
                "type": "quantitative",
                "stack": None,
                "scale": {"type": "symlog", "domain": [0, most]},
                "axis": y_axis,
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": ["compared pairs", "links"], "range": [CANDIDATE, MATCH]},
            },
            "tooltip": [
                {"field": "series", "title": "pairs", "type": "nominal"},
                {"field": "from", "type": "quantitative", "format": ".2f"},
                {"field": "to", "type": "quantitative", "format": ".2f"},
                {"field": "pairs", "title": "number", "type": "quantitative", "format": ","},
            ],
        },
    }
    # Texts stand above the plot, one line each, so that thresholds close together stay readable.
    lines = [
        {"at": at, "text": text, "y": -LABEL_HEIGHT * (len(marks) - row) + 4}
        for row, (text, at) in enumerate(sorted(marks, key=lambda mark: mark[1]))
    ]
    line: Chart = {
        "data": {"values": lines},
        "mark": {"type": "rule", "color": INK, "strokeWidth": 1.2, "strokeDash": [4, 3]},
        "encoding": {
            "x": {"field": "at", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative", "scale": None},
            "y2": {"value": "height"},
        },
    }
    text: Chart = {
        "data": {"values": lines},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "dx": 5,
            "dy": 4,
            "color": INK,
            "fontSize": 11.5,
        },
        "encoding": {
            "x": {"field": "at", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative", "scale": None},
            "text": {"field": "text", "type": "nominal"},
        },
    }
    return _chart(height=260, layer=[bar, line, text])
