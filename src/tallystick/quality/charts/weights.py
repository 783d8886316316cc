"""The histogram of match weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.rows import LEGEND
from tallystick.quality.charts.style import CANDIDATE, INK, MATCH, NON_MATCH, Chart, chart, scale_of_counts

LABEL_HEIGHT = 15


def weights_chart(
    bins: Sequence[Mapping[str, Any]], marks: Sequence[tuple[str, float]], *, named: bool = False
) -> Chart:
    """Histogram of match weights with lines at the thresholds, and the posterior by weight.

    Parameters
    ----------
    bins : sequence of mapping
        ``from``, ``to``, ``candidates``, ``links``, and ``matches`` (expected among the candidates) or None.
    marks : sequence of (str, float)
        Texts and weights of vertical lines.
    named : bool
        Name the series in a legend; without, a line of text below the chart does.

    Returns
    -------
    dict
        A Vega-Lite specification; counts are on a scale like log(1 + count), so that a few matches
        stay visible beside millions of non-matches.
    """
    bars = [
        {"from": one["from"], "to": one["to"], "pairs": one[key], "series": series}
        for series, key in (("compared pairs", "candidates"), ("links", "links"))
        for one in bins
        if one[key] > 0
    ]
    bar: Chart = {
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
                "title": "Pairs (logarithmic scale)",
                **scale_of_counts(max((row["pairs"] for row in bars), default=0)),
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "legend": {**LEGEND, "orient": "bottom"} if named else None,
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
    counts: Chart = {"layer": [bar, line, text]}
    posterior = _posterior(bins)
    if posterior is None:
        return chart(height=260, **counts)
    return chart(height=260, layer=[counts, posterior], resolve={"scale": {"y": "independent"}})


def _posterior(bins: Sequence[Mapping[str, Any]]) -> Chart | None:
    """The mean posterior of the pairs of each bin as a line, on an axis at the right."""
    rows = [
        {"at": (one["from"] + one["to"]) / 2, "posterior": min(1.0, one["matches"] / one["candidates"])}
        for one in bins
        if one["matches"] is not None and one["candidates"]
    ]
    if not rows:
        return None
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "color": NON_MATCH, "strokeWidth": 2},
        "encoding": {
            "x": {"field": "at", "type": "quantitative"},
            "y": {
                "field": "posterior",
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": {
                    "orient": "right",
                    "title": "Posterior by weight alone (line)",
                    "titleColor": NON_MATCH,
                    "grid": False,
                    "tickCount": 5,
                },
            },
            "tooltip": [
                {"field": "at", "title": "weight", "type": "quantitative", "format": ".2f"},
                {"field": "posterior", "type": "quantitative", "format": ".4f"},
            ],
        },
    }
