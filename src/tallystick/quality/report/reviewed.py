"""What people judged: the clerical review, and the sample of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json

_WORDS = {
    "tasks": "Pairs and records to judge",
    "decisions": "Decisions",
    "decided": "Decided",
    "reviewers": "Reviewers",
    "unsure": "Unsure",
    "undecided": "Not decided",
    "open": "Not yet judged",
    "links": "Judged a link",
    "non_links": "Judged a non-link",
    "disagreements": "Disagreements",
    "adjudicated": "Disagreements settled by an adjudicator",
    "confirmed": "Links confirmed",
    "refused": "Links refused",
    "new": "New links",
    "displaced": "Links displaced by decisions",
    "entities_changed": "Entities changed",
    "changed": "Pairs changed",
}


def review(figures: Figures) -> Content | None:
    """Figures of the clerical review: numbers only, reviewers are counted and not named."""
    if not figures.review:
        return None
    return {"rows": _numbers(figures.review), "agreement": _agreement(figures.review)}


def audit(figures: Figures) -> Content | None:
    """The design of the sample that was judged: its strata with what was drawn, judged and found."""
    given = figures.audit
    if not given:
        return None
    design = given.get("design") if isinstance(given.get("design"), Mapping) else given
    strata = given.get("strata") or (design or {}).get("strata") or []
    names = list(
        dict.fromkeys(
            key
            for one in strata
            for key, value in one.items()
            if isinstance(value, str | int | float) and not isinstance(value, bool)
        )
    )
    notes = [text for text in given.get("notes") or given.get("limits") or () if isinstance(text, str)]
    return {
        "by": (design or {}).get("by"),
        "source": (design or {}).get("source"),
        "seed": given.get("seed", (design or {}).get("seed")),
        "reviewers": given.get("reviewers") if isinstance(given.get("reviewers"), int) else None,
        "columns": [name.replace("_", " ") for name in names],
        "strata": [[one.get(name) for name in names] for one in strata],
        "notes": notes,
    }


def _numbers(given: Json, inside: str = "") -> list[dict[str, Any]]:
    """Every whole number of the file with words for it; groups of numbers follow one another."""
    rows: list[dict[str, Any]] = []
    for key, value in given.items():
        words = _WORDS.get(key, key.replace("_", " ").capitalize())
        if isinstance(value, bool) or key in ("agreement", "format", "seed"):
            continue
        if isinstance(value, int):
            rows.append({"group": inside, "name": words, "value": value})
        elif isinstance(value, Mapping):
            rows += _numbers(value, words if not inside else f"{inside}, {words.lower()}")
        elif key == "reviewers" and isinstance(value, list):
            rows.append({"group": inside, "name": words, "value": len(value)})
    return rows


def _agreement(given: Json) -> list[dict[str, Any]]:
    """Cohen's kappa of each worklist that was judged twice."""
    found = given.get("agreement")
    if not found:
        return []
    several = found if isinstance(found, list) else [found]
    if isinstance(found, Mapping) and "kappa" not in found:
        several = [{"worklist": name, **one} for name, one in found.items() if isinstance(one, Mapping)]
    return [
        {key: one.get(key) for key in ("worklist", "n", "observed", "expected", "kappa", "low", "high")}
        for one in several
        if one.get("kappa") is not None
    ]
