"""What the report says of a linkage by several steps: the parameters of all of them, named by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick._formats import count


def named(name: str, step: str) -> str:
    """A comparison or pass of a step, for people.

    Examples
    --------
    >>> named("surname", "postcode")
    'surname (step postcode)'
    """
    return name if name == step else f"{name} (step {step})"


def of_step(step: str) -> str:
    """Words that say of which step something is; none for what is of the whole run.

    Examples
    --------
    >>> of_step("postcode"), of_step("")
    (' of step postcode', '')
    """
    return f" of step {step}" if step else ""


def flattened(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model of several steps as the report shows one: with the comparisons of every step.

    Parameters
    ----------
    model
        A model as plain data; one without steps is given back as it is.

    Returns
    -------
    dict
    """
    if "steps" not in model:
        return dict(model)
    comparisons, rates, interactions, warnings = [], [], [], []
    for step in model["steps"]:
        label = step["name"]
        for one in step.get("comparisons") or ():
            # The fields of the comparison are found by its name where it is not said otherwise.
            spec = {"field": one["name"].split("+"), **(one.get("spec") or {})}
            comparisons.append({**one, "spec": spec, "name": named(one["name"], label)})
        rates += [{**one, "step": label} for one in step.get("match_rates") or ()]
        for one in step.get("interactions") or ():
            names = [named(name, label) for name in one["comparisons"]]
            interactions.append({**one, "comparisons": names})
        warnings += [f"Step {label}: {text}" for text in step.get("warnings") or ()]
    runs = [{"step": step["name"], **one} for step in model["steps"] if (one := step.get("em"))]
    converged = all(one["converged"] for one in runs)
    em = {"iterations": sum(one["iterations"] for one in runs), "converged": converged} if runs else None
    return {
        "kind": model.get("kind"),
        "comparisons": comparisons,
        "match_rates": rates,
        "interactions": interactions,
        "warnings": warnings,
        "em": em,
        "em_runs": runs,
    }


def steps_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of steps for people.

    Parameters
    ----------
    rows
        ``counts.steps`` of a run.

    Returns
    -------
    str
    """
    keys = ["records", "pairs", "links", "possible", "residuals", "false_links", "missed"]
    heads = ["step", *keys[:5], "est. false", "est. missed", "seconds"]
    shown = [
        [row["step"], *("" if row[key] is None else count(row[key]) for key in keys), f"{row['seconds']:.1f}"]
        for row in rows
    ]
    return _aligned(heads, shown, [row.get("reason") for row in rows])


def passes_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of the passes of a linkage at once for people.

    Parameters
    ----------
    rows
        ``counts.passes`` of a run.

    Returns
    -------
    str
    """
    keys = ["found", "pairs", "kept", "links", "possible"]
    shown = [[row["name"], *(count(row[key]) for key in keys)] for row in rows]
    return _aligned(["pass", "found", "new pairs", "kept", "links", "possible"], shown, [None] * len(rows))


def _aligned(heads: list[str], rows: list[list[str]], notes: Sequence[str | None]) -> str:
    """Columns of text: the first to the left, figures to the right, and a note at the end."""
    widths = [max(len(line[k]) for line in (heads, *rows)) for k in range(len(heads))]
    lines = []
    for line, note in zip((heads, *rows), (None, *notes), strict=True):
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *cells]) + (f"  {note}" if note else ""))
    return "\n".join(lines)
