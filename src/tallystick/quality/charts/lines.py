"""Charts with lines: the path of EM, precision and recall by threshold, against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.quality.charts.rows import LEGEND, SHAPES, line_series
from tallystick.quality.charts.style import INK, MATCH, Chart, chart, powers_of_ten, threshold_line


def em_chart(values: Sequence[float]) -> Chart:
    """How far the log likelihood of each iteration is from the last one, on a logarithmic scale.

    Parameters
    ----------
    values : sequence of float
        Log likelihood by iteration; at least one is below the last.

    Returns
    -------
    dict
        A Vega-Lite specification; of the last iteration the distance is 0 and has no mark.
    """
    rows = [
        {"iteration": k + 1, "left": values[-1] - value}
        for k, value in enumerate(values[:-1])
        if values[-1] > value
    ]
    least, most = (end(row["left"] for row in rows) for end in (min, max))
    return chart(
        height=200,
        data={"values": rows},
        mark={
            "type": "line",
            "color": MATCH,
            "strokeWidth": 2,
            "point": {"filled": True, "color": MATCH, "size": 28},
        },
        encoding={
            "x": {
                "field": "iteration",
                "type": "quantitative",
                "title": "Iteration",
                "axis": {"tickMinStep": 1, "grid": False, "format": ",d"},
                "scale": {"nice": False},
            },
            "y": {
                "field": "left",
                "type": "quantitative",
                "title": "Log likelihood still to gain",
                "scale": {"type": "log"},
                "axis": {"format": "~g", "values": powers_of_ten(least, most, 8)},
            },
            "tooltip": [
                {"field": "iteration", "type": "quantitative"},
                {"field": "left", "title": "still to gain", "type": "quantitative", "format": ".4~g"},
            ],
        },
    )


def threshold_chart(
    points: Sequence[Mapping[str, Any]], chosen: float | None, scale: str = "weight"
) -> Chart:
    """Precision and recall by threshold, with a line at the threshold of the run.

    Parameters
    ----------
    points : sequence of mapping
        ``weight``, ``precision`` and ``recall``.
    chosen : float, optional
        The upper threshold.
    scale : str
        What the thresholds are: ``weight``, ``log odds``.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    names = ["precision", "recall"]
    rows = [
        {"weight": point["weight"], "share": point[name], "series": name}
        for name in names
        for point in points
    ]
    lines: Chart = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2.2, "interpolate": "step-after"},
        "encoding": {
            "x": {
                "field": "weight",
                "type": "quantitative",
                "title": "Threshold as a match weight" if scale == "weight" else f"Threshold ({scale})",
                "axis": {"grid": False, "tickCount": 10},
                "scale": {"zero": False, "nice": False},
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": "Share",
                "axis": {"format": "~%"},
                "scale": {"zero": False},
            },
            **line_series(names),
            "tooltip": [
                {"field": "series", "title": "what", "type": "nominal"},
                {"field": "weight", "title": "threshold", "type": "quantitative", "format": ".2f"},
                {"field": "share", "type": "quantitative", "format": ".2%"},
            ],
        },
    }
    layers = [lines]
    if chosen is not None:
        layers.append(threshold_line(chosen, 222))
    return chart(height=230, layer=layers)


def precision_recall_chart(
    curves: Mapping[str, Sequence[Mapping[str, Any]]], marks: Sequence[Mapping[str, Any]]
) -> Chart:
    """Precision against recall: a curve for each origin, a mark for what the run chose.

    Parameters
    ----------
    curves : mapping of str to sequence of mapping
        Points with ``precision`` and ``recall`` by the name of their origin.
    marks : sequence of mapping
        ``name``, ``precision`` and ``recall`` of the links, by origin.

    Returns
    -------
    dict
        A Vega-Lite specification.
    """
    rows = [
        {"recall": point["recall"], "precision": point["precision"], "series": name, "order": k}
        for name, points in curves.items()
        for k, point in enumerate(points)
    ]
    axis = {"axis": {"format": "~%", "tickCount": 6}, "scale": {"zero": False}}
    x = {"field": "recall", "type": "quantitative", "title": "Recall", **axis}
    y = {"field": "precision", "type": "quantitative", "title": "Precision", **axis}
    line: Chart = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2.2},
        "encoding": {
            "x": x,
            "y": y,
            "order": {"field": "order", "type": "quantitative"},
            **line_series(list(curves)),
        },
    }
    marked = [mark["name"] for mark in marks]
    dot: Chart = {
        "data": {"values": [dict(mark) for mark in marks]},
        "mark": {"type": "point", "filled": True, "size": 100, "color": INK, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y,
            "shape": {
                "field": "name",
                "type": "nominal",
                "scale": {"domain": marked, "range": SHAPES[: len(marked)]},
                "legend": {**LEGEND, "symbolFillColor": INK, "symbolStrokeColor": INK},
            },
            "tooltip": [
                {"field": "name", "title": "what", "type": "nominal"},
                {"field": "precision", "type": "quantitative", "format": ".2%"},
                {"field": "recall", "type": "quantitative", "format": ".2%"},
            ],
        },
    }
    return chart(height=260, layer=[line, dot] if marks else [line])
