"""What the charts have in common: colours, fonts, axes, and how a specification begins.

The colours are told apart by those who see few (a blue and an orange after Okabe and Ito 2008, of unlike
lightness), and by their lightness alone in a print without colour. Marks of different meaning differ in shape
or fill besides. Names that users chose (comparisons, levels, sources) enter as data only, never as an
expression or a field.
"""

from __future__ import annotations

import math
from typing import Any

Chart = dict[str, Any]

INK = "#1d2733"
MUTED = "#5c6877"
RULE = "#dfe4ea"
MATCH = "#17678c"
NON_MATCH = "#b8621b"
CANDIDATE = "#b6c1cc"
FOR = "#b9d3df"
AGAINST = "#ecd3bd"
"""Colours; the page replaces each of them in its dark scheme (`report.css`)."""

ROW_HEIGHT = 30
RAISED = ["1", *(f"10⁻{digit}" for digit in "¹²³⁴⁵⁶⁷⁸")]

CONFIG: Chart = {
    # The place of a chart has a label, and a table has its figures: a screen reader hears these.
    "aria": False,
    "mark": {"aria": False},
    "legend": {"aria": False},
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "aria": False,
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

PROBABILITY_LABEL = (
    f"datum.value >= 0.001 ? format(datum.value, '~g') : {RAISED}[round(-log(datum.value) / LN10)]"
)
"""Vega expression of a tick on a logarithmic axis of probabilities."""


def chart(**parts: Any) -> Chart:
    """A specification as wide as the place where it stands."""
    return {
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": CONFIG,
    } | parts


def threshold_line(upper: float, y: int) -> Chart:
    """The layer with the upper threshold: a dashed line, its name beside it `y` pixels from the top."""
    return {
        "data": {"values": [{"at": upper, "text": "upper threshold"}]},
        "encoding": {"x": {"field": "at", "type": "quantitative"}},
        "layer": [
            {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]}},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "y": y, "color": INK, "fontSize": 11.5},
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            },
        ],
    }


def scale_of_counts(most: float, room: float = 0.0) -> Chart:
    """A logarithmic scale of counts up to `most`, 0 included, and its axis; `room` is in powers of ten."""
    top = 10.0 ** math.ceil(math.log10(max(10, most)) + room)
    return {
        "scale": {"type": "symlog", "domain": [0, top]},
        "axis": {"values": [0, *powers_of_ten(1, top, 6)], "format": ",d"},
    }


def powers_of_ten(lowest: float, highest: float, at_most: int) -> list[float]:
    """Ticks of a logarithmic axis."""
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    step = max(1, math.ceil((last - first) / at_most))
    return sorted(10.0**power for power in range(last, first - 1, -step))
