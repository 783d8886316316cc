"""The links against known truth: decisions, entities, and whether posteriors mean what they say."""

from __future__ import annotations

from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json

_DECISIONS = {
    "link": "Link",
    "possible": "Possible link",
    "non-link": "Non-link",
    "not kept": "Not compared, or below the floor",
}
_ENTITIES = (
    ("pairwise", "Pairs of records of one entity"),
    ("b_cubed", "B-cubed: mean over records"),
    ("exact", "Entities exactly right"),
)


def truth(figures: Figures) -> Content | None:
    """What `tallystick evaluate --save` counted; None where no truth was compared with."""
    given = figures.truth
    if not given or not given.get("matrix"):
        return None
    exact = (given.get("entities") or {}).get("exact") or {}
    return {
        "column": given.get("truth"),
        "unknown_records": given.get("unknown_records"),
        "matrix": [
            {"decision": words, **{key: own.get(key) for key in ("match", "non_match", "unknown")}}
            for key, words in _DECISIONS.items()
            if (own := given["matrix"].get(key))
        ],
        "with_possible": _shares(given.get("rates_with_possible") or {}),
        "entities": [
            {"name": words, **_shares(own)}
            for key, words in _ENTITIES
            if (own := (given.get("entities") or {}).get(key))
        ],
        "exact": {key: exact.get(key) for key in ("true_entities", "entities", "right", "split", "joined")}
        if exact
        else None,
        "calibration": list(given.get("calibration") or ()),
        "by": [
            {"source": one["source"], "name": table["name"], "groups": list(table["groups"])}
            for one in given.get("by") or ()
            for table in one.get("subgroups") or ()
        ],
    }


def _shares(given: Json) -> dict[str, Any]:
    return {key: given.get(key) for key in ("precision", "recall", "f1")}


def truth_curve(given: Json | None) -> dict[str, Any] | None:
    """The curve over the threshold on the scale of weights, ascending; of the links where it is of them.

    Parameters
    ----------
    given : mapping or None
        The content of ``truth.json``.

    Returns
    -------
    dict or None
        ``points`` and ``note``; None where there is no curve by weight.
    """
    curves = [(given or {}).get("assigned_curve"), (given or {}).get("curve")]
    of_weight = [one for one in curves if one and one.get("score") == "weight" and one.get("points")]
    if not of_weight:
        return None
    points = [
        {
            "weight": point["threshold"],
            "links": point.get("links"),
            "precision": point["precision"],
            "recall": point["recall"],
        }
        for point in reversed(of_weight[0]["points"])
        if point.get("precision") is not None and point.get("recall") is not None
    ]
    # Deep down nearly all pairs are false; what is asked is where links can be made.
    useful = [point for point in points if point["precision"] >= 0.5] or points
    return {"points": useful, "note": of_weight[0].get("note")}
