"""What became of the records: entities, records without a link, and how much they could have reached."""

from __future__ import annotations

from typing import Any

from tallystick.quality.report.figures import Content, Figures, Json

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
    """Records without a link by reason, what they lack, and the greatest weight that records could reach."""
    sources = (figures.quality.get("residuals") or {}).get("sources") or []
    reach = [
        {"step": step, **_reach(part["reach"], part.get("upper"))}
        for step, part in figures.parts
        if part.get("reach")
    ]
    found = {
        "reasons": _rows_of(sources, "reasons", ("reason", "records", "share")),
        "unlinkable": [
            {"source": one["source"], "unlinked": one.get("unlinked"), **own}
            for one in sources
            if (own := one.get("unlinkable"))
        ],
        "passes": _rows_of(
            sources, "passes", ("pass", "unlinked", "share_unlinked", "linked", "share_linked")
        ),
        "completeness": _completeness(sources),
        "reach": reach,
    }
    return found if any(found.values()) else None


def _completeness(sources: list[Json]) -> list[dict[str, Any]]:
    """Shares of linked and unlinked records with a value: fields down, sources across."""
    named = {
        one["source"]: {row["field"]: row for row in one.get("completeness") or ()}
        for one in sources
        if one.get("unlinked")
    }
    fields = list(dict.fromkeys(field for own in named.values() for field in own))
    return [
        {
            "field": field,
            "cells": [
                {"source": source, **{key: own.get(field, {}).get(key) for key in ("linked", "unlinked")}}
                for source, own in named.items()
            ],
        }
        for field in fields
    ]


def _rows_of(sources: list[Json], table: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of a table of each source, those that say nothing left out."""
    return [
        {"source": one["source"], **{name: row.get(name) for name in names}}
        for one in sources
        for row in one.get(table) or ()
        if row.get(names[-1]) is not None
    ]


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


def table_name(table: Json) -> str:
    """What a table of subgroups is called, with its source where it is of one.

    Examples
    --------
    >>> table_name({"name": "sex", "source": "census"}), table_name({"name": "sex", "source": ""})
    ('sex of census', 'sex')
    """
    return f"{table['name']} of {table['source']}" if table["source"] else str(table["name"])


def missed(figures: Figures) -> list[dict[str, Any]] | None:
    """Rates of linkage by subgroup, and how linked and unlinked records differ: the bias table."""
    names = ("difference", "corrected", "low", "high", "mean", "groups")
    found = [
        {
            "source": one["source"],
            "name": table["name"],
            "records": one["records"],
            "rate": one["rate"],
            **{key: table.get(key) for key in names},
        }
        for one in (figures.quality.get("missed") or {}).get("sources") or ()
        for table in one.get("subgroups") or ()
        if table.get("groups") is not None
    ]
    return found or None
