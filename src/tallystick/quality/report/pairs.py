"""From records to links: stages, steps, match keys, passes, expected matches."""

from __future__ import annotations

from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.report.flow import flow
from tallystick.quality.report.match_keys import key_rows


def pairs(figures: Figures) -> Content | None:
    """Counts by stage, step, match key and pass, and the flow diagram; None where a run has none."""
    counts = figures.counts
    if not counts:
        return None
    candidates = sum(item["pairs"] for item in counts.get("passes") or ())
    return {
        "flow": flow(figures),
        "stages": _stages(figures, candidates),
        "allowed": counts.get("pairs_allowed"),
        "candidates": candidates,
        "steps": list(counts.get("steps") or ()),
        "keys": key_rows(figures),
        "passes": [_pass(item, counts) for item in counts.get("passes") or ()],
        "match_rates": list(figures.model.get("match_rates") or ()),
    }


def _stages(figures: Figures, candidates: int) -> list[dict[str, Any]]:
    counts = figures.counts
    rows: list[tuple[str, Any]] = [
        (f"Records in {source}", number) for source, number in (counts.get("records") or {}).items()
    ]
    if counts.get("pairs_allowed") is not None:
        rows.append(("Allowed pairs of records", counts["pairs_allowed"]))
    if counts.get("passes"):
        rows.append(("Pairs compared", candidates))
    named = (
        ("kept", "Pairs kept"),
        ("links", "Links"),
        ("possible", "Possible links"),
        ("entities", "Entities"),
    )
    rows += [(name, counts[key]) for key, name in named if counts.get(key) is not None]
    rows += [(f"Records of {source} without a link", number) for source, number in figures.unlinked.items()]
    return [{"name": name, "value": value} for name, value in rows]


def _pass(item: Json, counts: Json) -> dict[str, Any]:
    """A pass; of its largest block the figures alone, since its key holds values of records."""
    block = item.get("largest_block") or {}
    return {
        "name": item["name"],
        **{key: item.get(key) for key in ("found", "pairs", "unique", "kept", "links", "possible")},
        "share": item["pairs"] / counts["pairs_allowed"] if counts.get("pairs_allowed") else None,
        "block_pairs": block.get("pairs"),
        "block_share": block.get("share"),
    }
