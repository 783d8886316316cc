"""What people judged: the clerical review, and the sample of an audit."""

from __future__ import annotations

from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json

_JUDGED = {
    "tasks": "Pairs and records to judge",
    "pairs_decided": "Pairs that decisions settle",
    "reviewers": "Reviewers",
}
_VERDICTS = {
    "link": "Judged a link",
    "non-link": "Judged a non-link",
    "unsure": "Unsure",
    "open": "Not judged yet",
    "disagreement": "Reviewers disagree",
}
_LINKS = {
    "before": "Links before the review",
    "after": "Links after it",
    "confirmed": "Links confirmed",
    "refused": "Links refused",
    "new_by_review": "New links by decisions",
    "new_by_consequence": "New links that followed from decisions",
    "displaced": "Links displaced by decisions",
    "lost_by_consequence": "Links lost that were decided anew",
}
_FOUND = {
    "false_links": "False links found among the reviewed",
    "missed_matches": "Missed matches found among the reviewed",
    "missed_that_were_possible": "of these, possible links before",
}
_CHANGED = {
    "pairs_changed": "Pairs that changed",
    "links_gained": "Links gained",
    "links_lost": "Links lost",
    "entities_changed": "Entities that changed",
}


def review(figures: Figures) -> Content | None:
    """Figures of the clerical review: numbers only, reviewers are counted and not named."""
    given = figures.review
    if not given:
        return None
    groups = (
        (given, _JUDGED),
        (given.get("verdicts") or {}, _VERDICTS),
        (given.get("links") or {}, _LINKS),
        (given.get("found_among_reviewed") or {}, _FOUND),
        (given, _CHANGED),
    )
    return {
        "rows": [
            {"name": words, "value": own[key]}
            for own, named in groups
            for key, words in named.items()
            if own.get(key) is not None
        ],
        "re_estimated": given.get("re_estimated"),
        "worklists": [_worklist(one) for one in given.get("worklists") or ()],
    }


def _worklist(one: Json) -> dict[str, Any]:
    names = ("name", "blind", "reviews", "tasks", "done", "unsure", "disagreements", "open")
    agreement = (one.get("agreement") or {}).get("overall") or {}
    shown = {key: agreement.get(key) for key in ("n", "observed", "expected", "kappa", "low", "high")}
    return {**{key: one.get(key) for key in names}, "agreement": shown if agreement else None}


def audit(figures: Figures) -> Content | None:
    """The sample that was judged: its strata with what was drawn, judged and found, and its limits."""
    given, before = figures.sample
    if not given or not given.get("strata"):
        return None
    judged = given.get("estimate") or {}
    found = {one["name"]: one for one in judged.get("strata") or ()}
    names = ("drawn", "judged", "unsure", "open", "disagreements", "reviewers", "made_at")
    return {
        "before": before,
        "by": given.get("by"),
        "sources": list(given.get("sources") or ()),
        "seed": given.get("seed"),
        **{name: judged.get(name) for name in names},
        "strata": [
            {
                **{key: one.get(key) for key in ("label", "kind", "low", "high", "size", "drawn")},
                **{key: found.get(one["name"], {}).get(key) for key in ("judged", "unsure", "open")},
                "outcomes": dict(found.get(one["name"], {}).get("outcomes") or {}),
            }
            for one in given["strata"]
        ],
        "below": _below(given.get("below") or {}),
        "corrected": _corrected(judged.get("corrected") or {}),
        "notes": [text for text in judged.get("notes") or () if isinstance(text, str)],
    }


def _below(given: Json) -> dict[str, Any] | None:
    """What the model expects where no sample was drawn; it is of the model and labelled so."""
    if given.get("expected_matches") is None:
        return None
    return {key: given.get(key) for key in ("expected_matches", "origin", "counted", "label")}


def _corrected(given: Json) -> list[dict[str, Any]]:
    """Precision and recall once the errors that the sample found are put right."""
    estimates, intervals = given.get("estimates") or {}, given.get("intervals") or {}
    return [
        {"name": name, "value": estimates[key], "interval": intervals.get(key)}
        for key, name in (("precision", "Precision"), ("recall", "Recall (sensitivity)"))
        if estimates.get(key) is not None
    ]
