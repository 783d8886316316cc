"""Charts of estimates: with their intervals, one beside another, and as curves over what they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.rows import intervals_chart, line_series
from tallystick.quality.charts.style import INK, MATCH, MUTED, Chart, chart


def estimates_chart(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str, reference: float | None = None
) -> Chart:
    """Estimates as dots with their intervals, a row a thing, a mark a series.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``series``, ``value``, and ``low`` and ``high`` or None.
    names : sequence of str
        The series in order.
    title : str
        What is estimated.
    reference : float, optional
        Where a line stands, such as 0.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    x: Chart = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": True},
        "axis": {"tickCount": 6},
    }
    told = [
        {"field": "value", "title": "estimate", "type": "quantitative", "format": ".4~g"},
        {"field": "low", "type": "quantitative", "format": ".4~g"},
        {"field": "high", "type": "quantitative", "format": ".4~g"},
    ]
    return intervals_chart(rows, names, x, told, reference)


def curve_chart(
    points: Sequence[Mapping[str, Any]],
    x_title: str,
    y_title: str,
    *,
    at: float | None = None,
    between: tuple[float, float] | None = None,
) -> Chart:
    """An estimate over what it depends on, with its interval as a band.

    Parameters
    ----------
    points : sequence of mapping
        ``at``, ``value``, and ``low`` and ``high``.
    x_title, y_title : str
        What the axes are.
    at : float, optional
        Where the analysis stands: a line.
    between : (float, float), optional
        The interval of that: a band.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    x: Chart = {
        "field": "at",
        "type": "quantitative",
        "title": x_title,
        "scale": {"zero": False, "nice": False},
        "axis": {"grid": False, "format": "~%", "tickCount": 8},
    }
    y: Chart = {"field": "value", "type": "quantitative", "title": y_title, "scale": {"zero": False}}
    values = {"values": [dict(point) for point in points]}
    layers: list[Chart] = []
    if between is not None:
        layers.append(
            {
                "data": {"values": [{"low": between[0], "high": between[1]}]},
                "mark": {"type": "rect", "color": MUTED, "opacity": 0.15},
                "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            }
        )
    layers += [
        {
            "data": values,
            "mark": {"type": "area", "color": MATCH, "opacity": 0.2},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": values,
            "mark": {
                "type": "line",
                "color": MATCH,
                "strokeWidth": 2.2,
                "point": {"filled": True, "color": MATCH, "size": 30},
            },
            "encoding": {
                "x": x,
                "y": y,
                "tooltip": [
                    {"field": "at", "title": x_title, "type": "quantitative", "format": ".2%"},
                    {"field": "value", "title": "estimate", "type": "quantitative", "format": ".4~g"},
                ],
            },
        },
    ]
    if at is not None:
        layers.append(
            {
                "data": {"values": [{"at": at}]},
                "mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "at", "type": "quantitative"}},
            }
        )
    return chart(height=220, layer=layers)


def bands_chart(rows: Sequence[Mapping[str, Any]], names: Sequence[str], y_title: str) -> Chart:
    """Estimates by the mean chance of a right link, a line a series.

    Parameters
    ----------
    rows : sequence of mapping
        ``at``, ``series``, ``value``, and ``low`` and ``high`` or None.
    names : sequence of str
        The series in order.
    y_title : str
        What is estimated.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    x: Chart = {
        "field": "at",
        "type": "quantitative",
        "title": "Mean chance of a right link in the band",
        "scale": {"zero": False, "nice": True},
        "axis": {"grid": False, "format": "~%", "tickCount": 8},
    }
    y: Chart = {"field": "value", "type": "quantitative", "title": y_title, "scale": {"zero": False}}
    coloured = line_series(names)
    return chart(
        height=220,
        data={"values": [dict(row) for row in rows]},
        layer=[
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    "x": x,
                    "y": {**y, "field": "low"},
                    "y2": {"field": "high"},
                    "color": coloured["color"],
                },
            },
            {
                "mark": {"type": "line", "strokeWidth": 2, "point": {"filled": True, "size": 45}},
                "encoding": {
                    "x": x,
                    "y": y,
                    **coloured,
                    "tooltip": [
                        {"field": "series", "title": "what", "type": "nominal"},
                        {"field": "at", "title": "chance", "type": "quantitative", "format": ".2%"},
                        {"field": "value", "title": "estimate", "type": "quantitative", "format": ".4~g"},
                    ],
                },
            },
        ],
    )
