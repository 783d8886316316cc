"""How the weight of a pair comes about: each bar starts where the one above ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick._formats import signed
from tallystick.quality.charts.rows import names_axis
from tallystick.quality.charts.style import INK, MATCH, NON_MATCH, Chart, chart

ROW = 24


def waterfall_chart(parts: Sequence[Mapping[str, Any]], weight: float) -> Chart:
    """The weight of a pair as a waterfall of its comparisons.

    Parameters
    ----------
    parts : sequence of mapping
        ``name``, ``label`` (the level), ``start`` and ``end``, all finite.
    weight : float
        The sum.

    Returns
    -------
    dict
        A Vega-Lite specification without values of records.
    """
    rows = [
        {
            "name": f"{part['name']}: {part['label']}" if part["label"] else part["name"],
            "start": part["start"],
            "end": part["end"],
            "text": signed(part["end"] - part["start"], 2),
        }
        for part in parts
    ]
    rows.append({"name": "match weight", "start": 0.0, "end": weight, "text": signed(weight, 2)})
    names = [row["name"] for row in rows]
    y = names_axis(names)
    x: Chart = {
        "field": "start",
        "type": "quantitative",
        "title": "Match weight (natural logarithm)",
        "axis": {"tickCount": 8},
    }
    return chart(
        height=ROW * len(rows),
        data={"values": rows},
        layer=[
            {
                "mark": {"type": "bar", "height": {"band": 0.6}},
                "encoding": {
                    "y": y,
                    "x": x,
                    "x2": {"field": "end"},
                    "color": {
                        "condition": {"test": "datum.end < datum.start", "value": NON_MATCH},
                        "value": MATCH,
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "right"},
                    "text": {"field": "text", "type": "nominal"},
                },
                "transform": [{"calculate": "max(datum.start, datum.end)", "as": "right"}],
            },
        ],
    )
