"""Charts of weights that records and values can have: how much they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.rows import line_series
from tallystick.quality.charts.style import (
    MATCH,
    MUTED,
    RULE,
    Chart,
    chart,
    powers_of_ten,
    threshold_line,
)


def reach_chart(edges: Sequence[float], shares: Mapping[str, Sequence[float]], upper: float | None) -> Chart:
    """Share of the records of each source by the greatest weight that they could reach.

    Parameters
    ----------
    edges : sequence of float
        Limits of the bins, one more than there are bins.
    shares : mapping of str to sequence of float
        Share of the records in each bin, by source.
    upper : float, optional
        The upper threshold: what lies left of it can never be a link.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    rows = [
        {"weight": (low + high) / 2, "share": share, "series": name}
        for name, own in shares.items()
        for low, high, share in zip(edges[:-1], edges[1:], own, strict=True)
    ]
    lines: Chart = {
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "step", "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "weight",
                "type": "quantitative",
                "title": "Greatest weight that a record could reach",
                "axis": {"grid": False, "tickCount": 10},
                "scale": {"zero": False, "nice": False},
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "stack": None,
                "title": "Share of the records",
                "axis": {"format": "~%", "tickCount": 5},
            },
            **line_series(list(shares)),
        },
    }
    layers = [lines]
    if upper is not None:
        layers.append(threshold_line(upper, 8))
    return chart(height=190, layer=layers)


def values_chart(bands: Sequence[Mapping[str, Any]]) -> Chart:
    """What agreement weighs by how common the value is.

    Parameters
    ----------
    bands : sequence of mapping
        ``share`` (mean relative frequency of the values of a band), ``weight``, ``low`` and ``high`` of their
        weights, ``values`` and ``records``.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    least, most = (end(band["share"] for band in bands) for end in (min, max))
    x: Chart = {
        "field": "share",
        "type": "quantitative",
        "title": "Share of the records that have the value (logarithmic scale)",
        "scale": {"type": "log"},
        "axis": {"format": "~%", "values": powers_of_ten(least, most, 6), "grid": False},
    }
    y: Chart = {
        "field": "weight",
        "type": "quantitative",
        "title": "Weight of agreement",
        "scale": {"zero": False},
        "axis": {"tickCount": 6, "gridColor": RULE},
    }
    return chart(
        height=200,
        data={"values": [dict(band) for band in bands]},
        layer=[
            {
                "mark": {"type": "rule", "color": MUTED, "strokeWidth": 1.5},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "color": MATCH, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    "size": {
                        "field": "records",
                        "type": "quantitative",
                        "scale": {"range": [25, 400]},
                        "legend": None,
                    },
                    "tooltip": [
                        {
                            "field": "values",
                            "title": "distinct values",
                            "type": "quantitative",
                            "format": ",",
                        },
                        {"field": "records", "type": "quantitative", "format": ","},
                        {"field": "weight", "title": "mean weight", "type": "quantitative", "format": ".2f"},
                    ],
                },
            },
        ],
    )
