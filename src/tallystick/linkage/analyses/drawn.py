"""The charts of an analysis, made of its plain data alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tallystick._formats import percent
from tallystick.linkage.analyses.text import side_by_side
from tallystick.quality.charts.estimates import bands_chart, curve_chart, estimates_chart
from tallystick.quality.report.drawn import Drawing

MOST_TERMS = 6
"""Coefficients that have charts of their own."""
CONSTANT = "Intercept"


def analysis_drawings(found: Mapping[str, Any]) -> list[Drawing]:
    """All charts that an analysis has figures for, in the order of the page.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives.

    Returns
    -------
    list of Drawing
    """
    return [*_estimates(found), *_sensitivity(found), *_bands(found), *_linked(found)]


def terms_of(found: Mapping[str, Any]) -> list[str]:
    """Coefficients that have charts of their own: not the constant, and not too many.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives.

    Returns
    -------
    list of str
    """
    if found["what"]["kind"] != "regression":
        return []
    terms = [row["term"] for row in side_by_side(found)]
    return [term for term in terms if term != CONSTANT][:MOST_TERMS]


def _estimates(found: Mapping[str, Any]) -> Iterator[Drawing]:
    if found["what"]["kind"] != "regression":
        return
    terms = terms_of(found)
    rows = [
        {
            "name": row["term"],
            "series": series,
            "value": row[series]["estimate"],
            "low": row[series]["low"],
            "high": row[series]["high"],
        }
        for row in side_by_side(found)
        if row["term"] in terms
        for series in ("naive", "corrected")
        if row[series]["estimate"] is not None
    ]
    if rows:
        yield Drawing(
            "estimates-chart",
            "How far do wrong links pull the estimates? The naive ones take every link as right",
            "Naive and corrected estimates with intervals of 95 %; the figures are in the table below.",
            estimates_chart(rows, ["naive", "corrected"], "Estimate", 0.0),
        )


def _sensitivity(found: Mapping[str, Any]) -> Iterator[Drawing]:
    curve = found["diagnostics"].get("sensitivity")
    if not curve:
        return
    limits = found["errors"]["limits"]
    for number, term in enumerate(terms_of(found)):
        k = curve["names"].index(term)
        points = [
            {
                "at": one["q"],
                "value": one["estimates"][k],
                "low": one["estimates"][k] - 1.96 * one["standard_errors"][k],
                "high": one["estimates"][k] + 1.96 * one["standard_errors"][k],
            }
            for one in curve["points"]
            if one["estimates"][k] is not None and one["standard_errors"][k] is not None
        ]
        if len(points) > 1:
            yield Drawing(
                f"sensitivity-{number}",
                f"{term}: how much hangs on the share of right links? The dashed line is what was taken",
                f"Estimate of {term} over the share of right links; the figures are in the table below.",
                curve_chart(
                    points,
                    "Share of right links",
                    term,
                    at=found["errors"]["mean_q"],
                    between=None if limits is None else (limits[0], limits[1]),
                ),
            )


def _bands(found: Mapping[str, Any]) -> Iterator[Drawing]:
    bands = found["diagnostics"].get("bands") or []
    if len(bands) < 2:
        return
    for number, term in enumerate(terms_of(found)):
        rows = []
        for one in bands:
            k = one["names"].index(term)
            value, error = one["estimates"][k], one["standard_errors"][k]
            if value is None or error is None:
                continue
            rows.append(
                {
                    "at": one["q"],
                    "series": "naive estimate",
                    "value": value,
                    "low": value - 1.96 * error,
                    "high": value + 1.96 * error,
                }
            )
            if one["expected"] is not None and one["expected"][k] is not None:
                rows.append(
                    {
                        "at": one["q"],
                        "series": "expected",
                        "value": one["expected"][k],
                        "low": None,
                        "high": None,
                    }
                )
        names = list(dict.fromkeys(row["series"] for row in rows))
        if rows:
            yield Drawing(
                f"bands-{number}",
                f"{term}: does the naive estimate fall where links are doubtful? It should as the model "
                "expects",
                f"Naive estimate of {term} by band of the chance of a right link; the figures are in the "
                "table below.",
                bands_chart(rows, names, term),
            )


def _linked(found: Mapping[str, Any]) -> Iterator[Drawing]:
    rows = [
        {
            "name": f"{one['variable']} ({one['source']})",
            "series": "linked less unlinked",
            "value": one["difference"],
            "low": one["low"],
            "high": one["high"],
        }
        for one in found["diagnostics"].get("linked") or []
        if one["difference"] is not None
    ]
    if rows:
        yield Drawing(
            "linked-chart",
            "Are linked records like the unlinked ones? Beyond 0.1 either way they differ",
            "Standardised differences of linked and unlinked records; the figures are in the table below.",
            estimates_chart(rows, ["linked less unlinked"], "Standardised difference", 0.0),
        )


def tiles(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures at the head of the page.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives.

    Returns
    -------
    list of dict
        ``name``, ``value`` and ``note``.
    """
    data, errors = found["data"], found["errors"]
    limits = errors["limits"]
    made = [
        {"name": "Links analysed", "value": f"{data['links']:,}", "note": ""},
        {
            "name": "Right links",
            "value": percent(errors["mean_q"]),
            "note": "" if limits is None else f"95% interval {percent(limits[0])} to {percent(limits[1])}",
        },
        {"name": "Method", "value": found["method"]["name"], "note": ""},
    ]
    if data["register"] is not None:
        made.insert(1, {"name": "Register", "value": f"{data['register']:,}", "note": "records"})
    return made
