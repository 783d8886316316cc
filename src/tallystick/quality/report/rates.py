"""The error rates of the links, by where they come from: the model, a reviewed sample, known truth.

These three are of unlike worth and are never put into one figure: the model's hold as far as it fits, those
of a sample have the error of a sample, and those of truth are counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "truth": "Known truth",
}


def rates(figures: Figures) -> Content | None:
    """Rates by origin, each with its intervals; None where a run has none of them."""
    found = []
    if figures.estimated:
        found.append({"origin": "model", "rows": _of_model(figures.estimated)})
    for origin, given in (("audit", figures.audit), ("truth", figures.truth)):
        if given and (rows := measured(given)):
            found.append({"origin": origin, "rows": rows})
    if not found:
        return None
    for one in found:
        one["name"] = ORIGINS[str(one["origin"])]
    dispersion = (figures.model.get("uncertainty") or {}).get("dispersion", 1.0)
    return {"by_origin": found, "dispersion": float(dispersion) if dispersion > 1.5 else None}


def neighbours(figures: Figures) -> Content | None:
    """The estimates that rest on numbers of links alone; None where there are none."""
    given = figures.quality.get("neighbours")
    return dict(given) if given else None


def _of_model(estimated: Json) -> list[dict[str, Any]]:
    intervals = estimated.get("intervals") or {}
    return [
        _row(key, name, form, meaning, estimated[key], intervals.get(key))
        for key, name, form, meaning in MEASURES
        if estimated.get(key) is not None
    ]


def measured(given: Json) -> list[dict[str, Any]]:
    """Rows of those measures that a file of estimates has, whether as numbers or with their limits.

    Parameters
    ----------
    given : mapping
        A measure is a number, or a mapping with ``value`` (or ``estimate``) and ``low`` and ``high`` (or
        ``interval``); the measures stand in the file itself or under ``estimates``, ``rates`` or ``links``.

    Returns
    -------
    list of dict
    """
    places = [given, *(given[key] for key in ("estimates", "rates", "links") if _is_mapping(given.get(key)))]
    rows: list[dict[str, Any]] = []
    for key, name, form, meaning in MEASURES:
        for place in places:
            for spelt in (key, {"f1": "f_1", "type1": "type_1", "type2": "type_2"}.get(key, key)):
                value, limits = _value(place.get(spelt))
                if value is not None and not any(row["key"] == key for row in rows):
                    limits = limits or (place.get("intervals") or {}).get(spelt)
                    rows.append(_row(key, name, form, meaning, value, limits))
    return rows


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _value(given: Any) -> tuple[float | None, Sequence[float] | None]:
    if isinstance(given, Mapping):
        value = given.get("value", given.get("estimate"))
        limits = given.get("interval")
        if limits is None and given.get("low") is not None and given.get("high") is not None:
            limits = [given["low"], given["high"]]
        return (None if value is None else float(value)), limits
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None, None
    return float(given), None


def _row(
    key: str, name: str, form: str, meaning: str, value: float, limits: Sequence[float] | None
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "form": form,
        "value": value,
        "interval": None if limits is None else list(limits),
        "meaning": meaning,
    }
