"""The charts of a report, made of its content alone: specification, title, and words for a screen reader."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.charts.distributions import reach_chart, values_chart
from tallystick.quality.charts.levels import levels_chart, smallest_probability
from tallystick.quality.charts.lines import em_chart, precision_recall_chart, threshold_chart
from tallystick.quality.charts.rows import bars_chart, counts_chart, shares_chart
from tallystick.quality.charts.style import CANDIDATE, INK, MATCH, MUTED, NON_MATCH, Chart
from tallystick.quality.charts.waterfall import waterfall_chart
from tallystick.quality.charts.weights import weights_chart
from tallystick.quality.report.content import section_of
from tallystick.quality.report.figures import Content
from tallystick.quality.report.outcomes import table_name
from tallystick.quality.report.rates import ORIGINS
from tallystick.quality.report.weights import marks
from tallystick.quality.steps import of_step

MOST_GROUPS = 40
"""Groups of a table of subgroups that its chart shows; the table has all."""


@dataclass(frozen=True)
class Drawing:
    """A chart.

    Attributes
    ----------
    id : str
        Its place on the page, and the name of its file.
    title : str
        What to look for in it.
    label : str
        What it is, for those who cannot see it.
    spec : dict
        Its Vega-Lite specification.
    on_page : bool
        False where the page shows the same as bars in a table.
    alone : dict, optional
        Its specification in a file of its own, where a table beside it names the rows on the page.
    """

    id: str
    title: str
    label: str
    spec: Chart
    on_page: bool = True
    alone: Chart | None = None


def drawings(content: Content) -> list[Drawing]:
    """All charts that a report has figures for, in the order of the page.

    Parameters
    ----------
    content : dict
        The content of a report.

    Returns
    -------
    list of Drawing
    """
    makers = (
        ("quality", _rates),
        ("truth", _truth),
        ("pairs", _passes),
        ("completeness", _completeness),
        ("parameters", _levels),
        ("em", _em),
        ("values", _values),
        ("weights", _weights),
        ("thresholds", lambda given: _thresholds(given, section_of(content, "quality"))),
        ("examples", _waterfalls),
        ("entities", _entities),
        ("unlinked", _unlinked),
        ("missed", _missed),
    )
    return [drawing for key, make in makers if (given := section_of(content, key)) for drawing in make(given)]


def _finite(value: Any) -> float | None:
    """A threshold that a chart can show; JSON has the infinite ones as texts."""
    return float(value) if value is not None and math.isfinite(float(value)) else None


def _rates(given: Any) -> Iterator[Drawing]:
    rows: list[dict[str, Any]] = [
        {
            "name": row["name"],
            "series": origin["name"],
            "value": row["value"],
            "low": (row["interval"] or [None, None])[0],
            "high": (row["interval"] or [None, None])[1],
        }
        for key in ("precision", "recall")
        for origin in given["by_origin"]
        for row in origin["rows"]
        if row["key"] == key and row["value"] is not None
    ]
    names = [one["name"] for one in given["by_origin"]]
    if len(names) > 1 or any(row["low"] is not None for row in rows):
        yield Drawing(
            "rates-chart",
            "Do the intervals of unlike origin overlap? Where they do not, trust the sample or the truth"
            if len(names) > 1
            else "How sure is the model? The lines are its intervals; they say nothing where it fits badly",
            "Precision and recall with intervals by origin; the figures are in the tables below.",
            shares_chart(rows, names, "Share"),
        )


def _truth(given: Any) -> Iterator[Drawing]:
    rows = [
        {
            "name": f"{one['low']:g} to {one['high']:g}",
            "series": series,
            "value": one[f"{key}_share"],
            "low": one.get("share_low") if key == "true" else None,
            "high": one.get("share_high") if key == "true" else None,
        }
        for one in given["calibration"]
        for series, key in (("expected by the model", "expected"), ("true", "true"))
    ]
    if rows:
        yield Drawing(
            "calibration-chart",
            "Do posteriors mean what they say? The true share should lie on the expected one",
            "Expected and true share of matches by posterior; the figures are in the table below.",
            shares_chart(rows, ["expected by the model", "true"], "Matches among the pairs", (0, 1)),
        )


def _passes(given: Any) -> Iterator[Drawing]:
    named = (
        ("found", "found", CANDIDATE),
        ("pairs", "new to it", NON_MATCH),
        ("unique", "found by no other", MUTED),
        ("kept", "kept", INK),
        ("links", "links", MATCH),
    )
    rows = [
        {"name": item["name"], "series": words, "value": item[key]}
        for item in given["passes"]
        for key, words, _ in named
        if item[key] is not None
    ]
    if rows:
        used = {row["series"] for row in rows}
        series = {words: colour for _, words, colour in named if words in used}
        yield Drawing(
            "passes-chart",
            "Which passes bring links at what cost? Many pairs and few links make a pass dear",
            "Pairs and links of each pass on a logarithmic scale; the figures are in the table below.",
            counts_chart(rows, list(series), "Pairs", list(series.values())),
        )


def _completeness(given: Any) -> Iterator[Drawing]:
    cells = [
        (row["field"], cell) for row in given["rows"] for cell in row["cells"] if cell["share"] is not None
    ]
    yield Drawing(
        "completeness-chart",
        "Which fields are often missing, and where? Pairs without them are harder to tell apart",
        "Share of records with a value, by field and source; the figures are in the table below.",
        shares_chart(
            [
                {"name": field, "series": cell["source"], "value": cell["share"], "low": None, "high": None}
                for field, cell in cells
            ],
            given["sources"],
            "Records with a value",
            (0, 1),
        ),
    )
    rows = [
        {"name": field, "series": cell["source"], "value": cell["distinct"]}
        for field, cell in cells
        if cell["distinct"] is not None
    ]
    if rows:
        yield Drawing(
            "distinct-chart",
            "Which fields tell records apart? The more distinct values, the more agreement says",
            "Numbers of distinct values by field and source; the figures are in the table below.",
            counts_chart(rows, given["sources"], "Distinct values"),
        )


def _levels(given: Any) -> Iterator[Drawing]:
    columns = [
        {key: [level[key] for level in reversed(one["levels"])] for key in ("label", "m", "u")}
        for one in given["comparisons"]
    ]
    lowest = smallest_probability(columns)
    for number, (one, own) in enumerate(zip(given["comparisons"], columns, strict=True)):
        yield Drawing(
            f"levels-{number}",
            f"{one['name']}: the further m lies to the right of u, the more the level speaks for a match",
            f"m and u of {one['name']} by level on a logarithmic axis; the figures are in the table "
            "beside it.",
            levels_chart(own["label"], own["m"], own["u"], lowest),
            alone=levels_chart(own["label"], own["m"], own["u"], lowest, named=True),
        )


def _em(given: Any) -> Iterator[Drawing]:
    for number, one in enumerate(given):
        if any(value < one["path"][-1] for value in one["path"][:-1]):
            yield Drawing(
                f"em-{number}",
                f"EM{of_step(one['step'])}: a line that falls steadily has converged; one that flattens "
                "high has not",
                "Distance of the log likelihood from its last value by iteration; the figures are in the "
                "table below.",
                em_chart(one["path"]),
            )


def _values(given: Any) -> Iterator[Drawing]:
    for number, one in enumerate(given):
        yield Drawing(
            f"values-{number}",
            f"{one['name']}: agreement on a rare value (left) weighs more than on a common one (right)",
            f"Weight of agreement on {one['name']} by how common the value is; the figures are in "
            "the table below.",
            values_chart(one["bands"]),
        )


def _weights(given: Any) -> Iterator[Drawing]:
    for number, one in enumerate(given):
        bins = one["bins"][::-1]
        yield Drawing(
            "weights-chart" if number == 0 else f"weights-chart-{number}",
            f"Match weights{of_step(one['step'])}: the fewer pairs lie in the valley between "
            "non-matches (left) and matches (right), the better they are separated",
            "Histogram of match weights with the thresholds; the figures are in the tables below.",
            weights_chart(bins, marks(one["thresholds"])),
            alone=weights_chart(bins, marks(one["thresholds"]), named=True),
        )


def _thresholds(given: Any, quality: Any) -> Iterator[Drawing]:
    for number, one in enumerate(given):
        yield Drawing(
            f"thresholds-{number}",
            f"{ORIGINS[one['origin']]}{of_step(one['step'])}: what a higher threshold would gain in "
            "precision, and lose in recall",
            "Precision and recall by threshold; the figures are in the table below.",
            threshold_chart(one["points"], _finite(one["chosen"]), one["scale"]),
        )
    curves = {f"{ORIGINS[one['origin']]}{of_step(one['step'])}": one["points"] for one in given}
    links: list[dict[str, Any]] = []
    for origin in (quality or {}).get("by_origin", ()):
        if origin["origin"] == "audit before":
            continue  # of other links; those with its errors put right stand for it
        found = {row["key"]: row["value"] for row in origin["rows"] if row["value"] is not None}
        if "precision" in found and "recall" in found:
            mark = {"precision": found["precision"], "recall": found["recall"]}
            links.append({"name": f"the links, {origin['name'].lower()}", **mark})
    yield Drawing(
        "precision-recall-chart",
        "Precision against recall: the nearer the corner at the top right, the better",
        "Precision against recall, by origin, with a mark for the links; the figures are in the tables.",
        precision_recall_chart(curves, links),
    )


def _waterfalls(given: Any) -> Iterator[Drawing]:
    for number, pair in enumerate(given["pairs"]):
        if _finite(pair["weight"]) is None:
            continue
        yield Drawing(
            f"pair-{number + 1}",
            f"Pair {number + 1} ({pair['name'].lower()}): each bar starts where the one above ended",
            "Waterfall of the weight of a pair by comparison.",
            waterfall_chart(pair["rows"], pair["weight"]),
            on_page=False,
        )


def _entities(given: Any) -> Iterator[Drawing]:
    rows = [
        {"name": band(row), "value": row["entities"], "text": formats.count(row["entities"])}
        for row in given["rows"]
    ]
    yield Drawing(
        "entities-chart",
        "Are there entities larger than can be? They join records of several",
        "Number of entities by how many records they have; the figures are in the table below.",
        bars_chart(rows, "Entities", logarithmic=True),
    )


def band(row: Any) -> str:
    """Words for a band of sizes.

    Examples
    --------
    >>> band({"low": 1, "high": 1}), band({"low": 6, "high": 9})
    ('1 record', '6 to 9 records')
    """
    if row["low"] == row["high"]:
        return formats.counted(row["low"], "record")
    return f"{row['low']:,} to {row['high']:,} records"


def _unlinked(given: Any) -> Iterator[Drawing]:
    if given["reasons"]:
        several = len({row["source"] for row in given["reasons"]}) > 1
        rows = [
            {
                "name": f"{row['source']}: {row['reason']}" if several else row["reason"],
                "value": row["records"],
                "text": f"{formats.count(row['records'])} ({formats.percent(row['share'])})",
            }
            for row in given["reasons"]
        ]
        yield Drawing(
            "reasons-chart",
            "Why have records no link? Those without any candidate ask for another pass",
            "Records without a link by reason; the figures are in the table below.",
            bars_chart(rows, "Records"),
        )
    for number, one in enumerate(given["reach"]):
        shares = {
            own["source"]: [n / own["records"] if own["records"] else 0.0 for n in own["counts"]]
            for own in one["sources"]
        }
        yield Drawing(
            f"reach-{number}",
            f"Records left of the upper threshold{of_step(one['step'])} can never be linked: they hold "
            "too little",
            "Distribution of the greatest weight that records could reach, by source; the figures are in the "
            "table below.",
            reach_chart(one["edges"], shares, _finite(one["upper"])),
        )


def _missed(given: Any) -> Iterator[Drawing]:
    for number, table in enumerate(given):
        rows = [
            {
                "name": row["group"],
                "series": "linked",
                "value": row["rate"],
                "low": row.get("rate_low"),
                "high": row.get("rate_high"),
            }
            for row in table["groups"][:MOST_GROUPS]
            if row.get("rate") is not None
        ]
        if rows:
            yield Drawing(
                f"missed-{number}",
                f"{table_name(table)}: groups left of the dashed line (all records) are linked less often",
                f"Share of linked records by {table['name']} with intervals; the figures are in the table "
                "below.",
                shares_chart(rows, ["linked"], "Share linked, with its interval", None, table["rate"]),
            )
