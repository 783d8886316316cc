"""Charts with a row for each thing that has a name: dots, dots with intervals, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.style import (
    CANDIDATE,
    INK,
    MATCH,
    MUTED,
    NON_MATCH,
    Chart,
    chart,
    scale_of_counts,
)

ROW = 22
SHAPES = ["circle", "diamond", "square", "triangle-up", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]]
COLOURS = [MATCH, NON_MATCH, INK, MUTED, CANDIDATE, INK]
LEGEND = {
    "orient": "top",
    "title": None,
    "columns": 3,
    "labelColor": MUTED,
    "labelFontSize": 11.5,
    "symbolSize": 90,
}
NAMES = {"title": None, "labelLimit": 220, "domain": False, "ticks": False, "labelPadding": 6, "grid": False}


def names_axis(names: Sequence[str]) -> Chart:
    """The rows in the order given."""
    return {
        "field": "name",
        "type": "nominal",
        "sort": list(dict.fromkeys(names)),
        "axis": NAMES,
        "scale": {"paddingOuter": 0.3},
    }


def series(names: Sequence[str], colours: Sequence[str] = COLOURS) -> Chart:
    """Colour and shape of each series of marks: told apart without colour, too."""
    return {"color": _by_series(names, colours, LEGEND), "shape": _by_series(names, SHAPES, LEGEND)}


def line_series(names: Sequence[str]) -> Chart:
    """Colour and dashes of each series of lines: told apart without colour, too."""
    legend = {**LEGEND, "symbolType": "stroke"}
    return {"color": _by_series(names, COLOURS, legend), "strokeDash": _by_series(names, DASHES, legend)}


def _by_series(names: Sequence[str], looks: Sequence[Any], legend: Chart) -> Chart:
    return {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": list(names), "range": [looks[k % len(looks)] for k in range(len(names))]},
        "legend": legend if len(names) > 1 else None,
    }


def counts_chart(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str, colours: Sequence[str] = COLOURS
) -> Chart:
    """Counts on a logarithmic scale, a row a thing, a mark a series.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``series`` and ``value``.
    names : sequence of str
        The series in order.
    title : str
        What is counted.
    colours : sequence of str
        Of the series.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    things = list(dict.fromkeys(row["name"] for row in rows))
    return chart(
        height=(ROW + 7 * (len(names) - 1)) * len(things) + 8,
        data={"values": [dict(row) for row in rows]},
        mark={"type": "point", "filled": True, "size": 85, "opacity": 1},
        encoding={
            "y": names_axis(things),
            **({"yOffset": {"field": "series", "sort": list(names)}} if len(names) > 1 else {}),
            "x": {
                "field": "value",
                "type": "quantitative",
                "title": f"{title} (logarithmic scale)",
                **scale_of_counts(max((row["value"] for row in rows), default=0)),
            },
            **series(names, colours),
            "tooltip": [
                {"field": "name", "title": "row", "type": "nominal"},
                {"field": "series", "title": "what", "type": "nominal"},
                {"field": "value", "title": "number", "type": "quantitative", "format": ",.0f"},
            ],
        },
    )


def shares_chart(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    title: str,
    domain: tuple[float, float] | None = None,
    reference: float | None = None,
) -> Chart:
    """Shares as dots, with their intervals where they have some.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``series``, ``value``, and ``low`` and ``high`` or None.
    names : sequence of str
        The series in order.
    title : str
        What the shares are.
    domain : tuple of float, optional
        Ends of the axis; by default as the shares ask.
    reference : float, optional
        Where a line stands, as of all together.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    x: Chart = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": list(domain)} if domain else {"zero": False, "nice": True},
        "axis": {"format": "~%", "tickCount": 6},
    }
    return intervals_chart(
        rows,
        names,
        x,
        [{"field": "value", "title": "share", "type": "quantitative", "format": ".2%"}],
        reference,
    )


def intervals_chart(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    x: Chart,
    told: Sequence[Chart],
    reference: float | None,
) -> Chart:
    """Values as dots, with their intervals where any has one, a row a thing, a mark a series.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``series``, ``value``, and ``low`` and ``high`` or None.
    names : sequence of str
        The series in order.
    x : dict
        The axis of the values.
    told : sequence of dict
        What a mark tells of its value, after its row and series.
    reference : float, optional
        Where a line stands.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    things = list(dict.fromkeys(row["name"] for row in rows))
    offset = {"field": "series", "sort": list(names)} if len(names) > 1 else None
    y: Chart = {"y": names_axis(things)} | ({"yOffset": offset} if offset else {})
    tooltip = [
        {"field": "name", "title": "row", "type": "nominal"},
        {"field": "series", "title": "what", "type": "nominal"},
        *told,
    ]
    dots: Chart = {
        "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1},
        "encoding": {**y, "x": x, **series(names), "tooltip": tooltip},
    }
    layers = [dots]
    if any(row.get("low") is not None for row in rows):
        rule: Chart = {
            "transform": [{"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                **y,
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "color": series(names)["color"],
            },
        }
        layers = [rule, dots]
    if reference is not None:
        layers.insert(
            0,
            {
                "data": {"values": [{"at": reference}]},
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "at", "type": "quantitative"}},
            },
        )
    return chart(
        height=(ROW + 8 * (len(names) - 1)) * len(things) + 8,
        data={"values": [dict(row) for row in rows]},
        layer=layers,
    )


def bars_chart(rows: Sequence[Mapping[str, Any]], title: str, *, logarithmic: bool = False) -> Chart:
    """Counts as bars with their numbers written at the end.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``value``, ``text``.
    title : str
        What is counted.
    logarithmic : bool
        Whether the scale is.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    most = max([1, *(row["value"] for row in rows)])
    linear: Chart = {"scale": {"domain": [0, most * 1.15]}, "axis": {"format": ",d"}}
    scaled = scale_of_counts(most, 0.5) if logarithmic else linear
    suffix = " (logarithmic scale)" if logarithmic else ""
    y = names_axis([row["name"] for row in rows])
    x = {
        "field": "value",
        "type": "quantitative",
        "title": f"{title}{suffix}",
        "scale": scaled["scale"],
        "axis": {**scaled["axis"], "tickCount": 5},
    }
    return chart(
        height=ROW * len(rows) + 8,
        data={"values": [dict(row) for row in rows]},
        layer=[
            {
                "mark": {"type": "bar", "color": MATCH, "height": {"band": 0.6}},
                "encoding": {"y": y, "x": x},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
                "encoding": {"y": y, "x": x, "text": {"field": "text", "type": "nominal"}},
            },
        ],
    )
