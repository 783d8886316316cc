"""What became of the records: entities, records without a link, and how much they could have reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.steps import named

BANDS = (1, 2, 3, 4, 5, 6, 10, 20, 50, 100, 1000)
"""Sizes of entities at which a row of the table begins."""
METHODS = {
    "clusters": "by the evidence of all pairs of their records",
    "components": "as connected components of the links",
}


def entities(figures: Figures) -> Content | None:
    """Numbers of entities by how many records they have; None where a run has no such figures."""
    given = figures.quality.get("entities") or {}
    sizes = given.get("sizes")
    if not sizes:
        return None
    rows = []
    for low, high in zip(BANDS, [*(one - 1 for one in BANDS[1:]), None], strict=True):
        own = [(size, n) for size, n in sizes if size >= low and (high is None or size <= high)]
        if own:
            rows.append(
                {
                    "low": low,
                    "high": max(size for size, _ in own) if high is None else high,
                    "entities": sum(n for _, n in own),
                    "records": sum(size * n for size, n in own),
                }
            )
    return {
        "rows": rows,
        "method": METHODS.get(given.get("method", "")),
        "support": given.get("support"),
        **{key: given.get(key) for key in ("entities", "several", "largest", "cut_links")},
    }


def unlinked(figures: Figures) -> Content | None:
    """Records without a link by reason, and the greatest weight that records could reach."""
    reasons = _reasons(figures.quality.get("residuals"))
    reach = [
        {"step": step, **_reach(part["reach"], part.get("upper"))}
        for step, part in figures.parts
        if part.get("reach")
    ]
    return {"reasons": reasons, "reach": reach} if reasons or reach else None


def _reasons(given: Any) -> list[dict[str, Any]]:
    """A row for each source and reason, whether the figures are a mapping or rows already."""
    if not isinstance(given, Mapping):
        return []
    of_sources = given.get("sources", given)
    pairs = (
        [(one.get("source"), one) for one in of_sources]
        if isinstance(of_sources, list)
        else list(of_sources.items())
    )
    rows = []
    for source, own in pairs:
        if not isinstance(own, Mapping):
            continue
        reasons = own.get("reasons", own)
        listed = (
            [(one.get("reason"), one.get("records")) for one in reasons]
            if isinstance(reasons, list)
            else [(k, v.get("records") if isinstance(v, Mapping) else v) for k, v in reasons.items()]
        )
        found = [
            (str(k), int(v)) for k, v in listed if isinstance(v, int | float) and not isinstance(v, bool)
        ]
        total = sum(n for _, n in found)
        rows += [
            {"source": source, "reason": reason, "records": n, "share": n / total} for reason, n in found if n
        ]
    return rows


def _reach(given: Json, upper: float | None) -> dict[str, Any]:
    edges = given["edges"]
    return {
        "edges": list(edges),
        "upper": upper,
        "sources": [
            {
                "source": source,
                "records": own["records"],
                "counts": list(own["counts"]),
                "median": own["median"],
                "below": own["below"],
                "share_below": own["below"] / own["records"] if own["records"] else None,
            }
            for source, own in given["sources"].items()
        ],
        "sampled": given.get("sampled", False),
    }


def missed(figures: Figures) -> list[dict[str, Any]] | None:
    """Rates of linkage by subgroup, and how linked and unlinked records differ: the bias table."""
    given = figures.quality.get("missed")
    if not given:
        return None
    tables = given if isinstance(given, list) else given.get("tables", given.get("subgroups"))
    found = []
    for one in tables or ():
        groups = [row for row in one.get("groups") or () if row.get("records")]
        if groups:
            kept = ("source", "difference", "low", "high", "mean", "small")
            label = str(one.get("name") or one.get("label") or one.get("subgroup") or one.get("field") or "")
            found.append({"name": label, **{key: one.get(key) for key in kept}, "groups": groups})
    return found or None


def with_step(name: str, step: str) -> str:
    """A heading that names the step where there are several."""
    return named(name, step) if step else name
