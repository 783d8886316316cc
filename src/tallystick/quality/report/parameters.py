"""m, u and weights of every comparison, what depends on what, and the path of EM."""

from __future__ import annotations

from typing import Any

from tallystick.quality.diagnostics import (
    level_weights,
    parameter_warnings,
    related_sentence,
    term_sentences,
)
from tallystick.quality.interactions import interaction_rows
from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.steps import named

MOST_SHOWN = 12
"""Iterations that the table of EM names, the first and the last ones among them."""


def parameters(figures: Figures) -> Content | None:
    """The comparisons, each level by level from full agreement down; None where there are none."""
    given = figures.model.get("comparisons") or []
    if not given:
        return None
    return {
        "comparisons": [_comparison(one) for one in given],
        "related": related_sentence(figures.model),
        "interactions": interaction_rows(figures.model),
    }


def _comparison(given: Json) -> dict[str, Any]:
    labels, m, u = given["labels"], given["m"], given["u"]
    levels = [
        {"label": label, "m": m_k, "u": u_k, "m_interval": m_limits, "u_interval": u_limits, "weight": weight}
        for label, m_k, u_k, m_limits, u_limits, weight in zip(
            labels,
            m,
            u,
            given.get("m_intervals") or [None] * len(m),
            given.get("u_intervals") or [None] * len(u),
            level_weights(given),
            strict=True,
        )
    ]
    return {
        "name": given["name"],
        "levels": levels[::-1],
        "m_origin": given.get("m_origin"),
        "u_origin": given.get("u_origin"),
        "shared": given.get("shared"),
        "missing": given.get("missing_weight"),
        "terms": term_sentences(given),
        "warnings": parameter_warnings(given),
    }


def em_path(figures: Figures) -> list[dict[str, Any]] | None:
    """The log likelihood by iteration, of each EM that was run; None where none was."""
    paths = [
        {"step": step, **_path(em["log_likelihood"]), "starts": list(em.get("starts") or ())}
        for step, em in _runs(figures.model)
        if len(em.get("log_likelihood") or ()) > 1
    ]
    return paths or None


def _runs(model: Json) -> list[tuple[str, Json]]:
    if "em_runs" in model:
        return [(one["step"], one) for one in model["em_runs"]]
    return [("", model["em"])] if model.get("em") else []


def _path(values: list[float]) -> dict[str, Any]:
    """The path, and those of its points that a table shows: the first ones, and then ever fewer."""
    last = len(values) - 1
    chosen = {0, last}
    step = 1.0
    while step < last and len(chosen) < MOST_SHOWN:
        chosen.add(round(step))
        step *= max(1.6, (last + 1) ** (1 / (MOST_SHOWN - 3)))
    rows = [
        {"iteration": k + 1, "value": values[k], "gain": None if k == 0 else values[k] - values[k - 1]}
        for k in sorted(chosen)
    ]
    return {"path": list(values), "rows": rows}


def value_weights(figures: Figures) -> list[dict[str, Any]] | None:
    """What agreement weighs by how common the value is, of each comparison where that differs."""
    found = [
        {"name": named(one["comparison"], step) if step else one["comparison"], "bands": one["bands"]}
        for step, part in figures.parts
        for one in part.get("values") or ()
    ]
    return found or None
