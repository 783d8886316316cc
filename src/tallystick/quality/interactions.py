"""What the report says of comparisons that were estimated together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

MOST_SHOWN = 8
LEAST_TERM = 0.1


def _at(table: Any, levels: tuple[int, ...]) -> float:
    for level in levels:
        table = table[level]
    return float(table)


def interaction_rows(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each interaction of a model the levels whose weight together differs from the sum.

    Parameters
    ----------
    model
        A model as plain data.

    Returns
    -------
    list of dict
        ``name`` and ``rows``: labels of the levels, joint m and u, and the term, those first that change the
        weight of most matches.
    """
    labels = {one["name"]: one["labels"] for one in model.get("comparisons") or ()}
    found = []
    for one in model.get("interactions") or ():
        names = one["comparisons"]
        cells: list[dict[str, Any]] = [
            {
                "labels": [labels[name][level] for name, level in zip(names, levels, strict=True)],
                "m": _at(one["m"], levels),
                "u": _at(one["u"], levels),
                "term": _at(one["terms"], levels),
            }
            for levels in product(*(range(len(labels[name])) for name in names))
        ]
        told = [cell for cell in cells if abs(cell["term"]) >= LEAST_TERM]
        told.sort(key=lambda cell: -cell["m"] * abs(cell["term"]))
        found.append({"name": " × ".join(names), "names": names, "rows": told[:MOST_SHOWN]})
    return found
