"""The files that were linked, and what was done to them before."""

from __future__ import annotations

from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Content, Figures


def inputs(figures: Figures) -> list[dict[str, Any]] | None:
    """A row a source: name, file without its folders and without a password, records, fingerprint."""
    return [
        {
            "name": source["name"],
            "file": formats.place(formats.without_password(str(source["path"])))
            if source.get("path")
            else None,
            "records": source.get("rows"),
            "sha256": source.get("sha256"),
        }
        for source in figures.run.get("inputs") or ()
    ] or None


def preparation(figures: Figures) -> list[Any] | None:
    """What the steps and edits of each source did, as ``run.json`` has it."""
    given = figures.run.get("preparation")
    return None if given is None else list(given)


def completeness(figures: Figures) -> Content | None:
    """Share of records with a value, and numbers of distinct values; fields down, sources across."""
    given = figures.quality.get("completeness") or {}
    distinct = figures.quality.get("distinct") or {}
    fields = list(dict.fromkeys(field for shares in given.values() for field in shares))
    if not fields:
        return None
    return {
        "sources": list(given),
        "rows": [
            {
                "field": field,
                "cells": [
                    {
                        "source": source,
                        "share": shares.get(field),
                        **_distinct((distinct.get(source) or {}).get(field)),
                    }
                    for source, shares in given.items()
                ],
            }
            for field in fields
        ],
        "has_distinct": bool(distinct),
    }


def _distinct(known: Any) -> dict[str, Any]:
    names = ("distinct", "records_per_value", "commonest")
    return {name: (known or {}).get(name) for name in names}
