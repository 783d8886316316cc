"""An audit in words: what is drawn, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tallystick._formats import aligned

if TYPE_CHECKING:
    from tallystick.linkage.audits.audit import AuditDesign

NAMES = {
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "type1": "type 1 error",
    "type2": "type 2 error",
    "f1": "F1",
    "matches": "matches",
}


def design_text(design: AuditDesign) -> str:
    """How many units of each stratum are judged, and how narrow the intervals are expected to become."""
    frame = design.frame
    whose = (
        f"records of {frame.sources[0]}, those with a link and those without"
        if frame.by == "record"
        else f"links and pairs that are none; records without a link of {', '.join(frame.sources)}"
    )
    lines = [f"sampled by {frame.by}: {whose}"]
    rows = [
        (one.label, f"{n:,}", f"{size:,}", f"{one.errors * size:,.1f}")
        for one, n, size in zip(frame.strata, design.taken.tolist(), frame.sizes.tolist(), strict=True)
    ]
    lines += aligned(("stratum", "drawn", "of", "errors expected"), rows)
    sizes = [
        (f"{row['reviews']:,}", _width(row["precision_width"]), _width(row["recall_width"]))
        for row in design.sizes
    ]
    lines += ["", *aligned(("reviews", "width of precision", "of recall"), sizes)]
    if design.reviews == int(frame.sizes.sum()):
        lines.append("Everything is judged: there is no more.")
    if design.too_wide:
        lines.append(
            f"An interval as narrow as wanted cannot be had of: {', '.join(design.too_wide)}. Matches that "
            "nobody can judge are in it."
        )
    if frame.by == "pair":
        lines.append(
            f"{frame.beyond:,.1f} more matches are expected by the model among pairs of linked records that "
            "the run has not kept; they are added, and nobody can judge them."
        )
    lines.append("The widths are what the model expects; where it errs more than it knows, they are larger.")
    return "\n".join(lines)


def estimate_text(audit: Mapping[str, Any]) -> str:
    """The rates that a sample shows, what they rest on, and what limits them.

    Parameters
    ----------
    audit : mapping
        What ``audit.json`` holds.
    """
    found = audit["estimate"]
    people = "1 person" if found["reviewers"] == 1 else f"{found['reviewers']:,} people"
    counted = f"{found['judged']:,} of {found['drawn']:,} judged by {people}"
    if found["unsure"]:
        counted += f", {found['unsure']:,} unsure"
    if found["open"]:
        counted += f", {found['open']:,} open"
    lines = [counted, *_rates(found)]
    for why, words in (
        ("unsure", "with the unsure ones right or wrong"),
        ("open", "with all without a verdict right or wrong"),
        ("unjudged", "with strata that nobody judged right or wrong"),
    ):
        if why in found["ranges"]:
            ends = ", ".join(
                f"{NAMES[name]} {_shown(low, name)} to {_shown(high, name)}"
                for name, (low, high) in found["ranges"][why].items()
                if name in ("precision", "recall")
            )
            lines.append(f"{words}: {ends}" if ends else f"{words}: not known")
    lines += ["once the errors found are put right:", *_rates(found["corrected"])]
    return "\n".join([*lines, *found["notes"]])


def _rates(found: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, label in NAMES.items():
        value = found["estimates"][name]
        if value is None:
            # Where all that it needs was judged it is a share of nothing.
            rows.append((label, "none" if found["counts"] else "not estimated", ""))
            continue
        low, high = found["intervals"][name]
        rows.append((label, _shown(value, name), f"{_shown(low, name)} to {_shown(high, name)}"))
    return aligned(("", "estimate", "95 % interval"), rows)


def _shown(value: float, name: str) -> str:
    if name == "matches":
        return f"{value:,.0f}"
    return (
        f"{value:.2e}"
        if name == "type1" and value < 0.001
        else f"{value:.{8 if name == 'specificity' else 4}f}"
    )


def _width(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
