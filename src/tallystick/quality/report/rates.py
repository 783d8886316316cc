"""The error rates of the links, by where they come from: the model, a reviewed sample, known truth.

These three are of unlike worth and are never put into one figure: the model's hold as far as it fits, those
of a sample have the error of a sample, and those of truth are counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json

MEASURES = (
    ("true_links", "True links", "count", "links that join records of the same entity"),
    ("false_links", "False links", "count", "links that join records of different entities"),
    ("missed", "Missed matches", "count", "true matches that are not links"),
    ("blocking_missed", "of these, missed by blocking", "count", "true matches that no pass compared"),
    ("precision", "Precision", "percent", "share of links that are true matches"),
    ("recall", "Recall (sensitivity)", "percent", "share of true matches that are links"),
    (
        "specificity",
        "Specificity",
        "probability",
        "share of all allowed non-matching pairs that are no links",
    ),
    ("f1", "F1", "percent", "harmonic mean of precision and recall"),
    ("type1", "Type 1 error", "probability", "share of all allowed non-matching pairs that are links"),
    ("type2", "Type 2 error", "probability", "share of true matches that are not links"),
)
ORIGINS = {
    "model": "Model",
    "audit": "Audit sample",
    "audit before": "Audit before the decisions",
    "audit corrected": "Audit, errors put right",
    "truth": "Known truth",
}
"""Names by origin. Where decisions were applied to a run that had been audited, the sample is of that run:
the rates that it had, and those it has once the errors that the sample found are put right."""
BEST = {
    "truth": "by known truth",
    "audit": "by the audit sample",
    "audit corrected": "by the audit, errors put right",
    "audit before": "by the audit before",
    "model": "by the model",
}
"""Origins from the best to the least, and how a figure on top of the page names them."""


def rates(figures: Figures) -> Content | None:
    """Rates by origin, each with its intervals; None where a run has none of them."""
    found = []
    if figures.estimated:
        found.append({"origin": "model", "rows": _rows(figures.estimated, figures.estimated)})
    judged, before = figures.judged
    of_sample = [("audit before" if before else "audit", judged)]
    if before:
        of_sample.append(("audit corrected", judged.get("corrected") or {}))
    for origin, given in of_sample:
        if given.get("estimates"):
            counts = given.get("counts")
            # With counts a measure that is None is a share of nothing; without, it is not known.
            rows = _rows({**(counts or {}), **given["estimates"]}, given, with_none=bool(counts))
            found.append({"origin": origin, "rows": rows})
    if figures.truth and figures.truth.get("rates"):
        found.append({"origin": "truth", "rows": _rows(figures.truth["rates"], {})})
    if not found:
        return None
    for one in found:
        one["name"] = ORIGINS[str(one["origin"])]
    dispersion = (figures.model.get("uncertainty") or {}).get("dispersion", 1.0)
    return {"by_origin": found, "dispersion": float(dispersion) if dispersion > 1.5 else None}


def best(given: Content | None, measure: str) -> tuple[str, Json] | None:
    """The figure of a measure from the best origin that there is, and that origin in words."""
    by_origin = {one["origin"]: one["rows"] for one in (given or {}).get("by_origin", ())}
    for origin, words in BEST.items():
        for row in by_origin.get(origin, ()):
            if row["key"] == measure and row["value"] is not None:
                return words, row
    return None


def neighbours(figures: Figures) -> Content | None:
    """The estimates that rest on numbers of links alone; None where there are none."""
    given = figures.quality.get("neighbours")
    return dict(given) if given else None


def _rows(given: Json, with_intervals: Json, *, with_none: bool = False) -> list[dict[str, Any]]:
    intervals = with_intervals.get("intervals") or {}
    return [
        _row(key, name, form, meaning, given[key], intervals.get(key))
        for key, name, form, meaning in MEASURES
        if given.get(key) is not None or (with_none and key in given)
    ]


def _row(
    key: str, name: str, form: str, meaning: str, value: float | None, limits: Sequence[float] | None
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "form": form,
        "value": value,
        "interval": None if limits is None else list(limits),
        "meaning": meaning,
    }
