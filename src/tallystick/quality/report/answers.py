"""What a run itself answers to the items of the quality statement, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report import answers_methods, answers_outcomes
from tallystick.quality.report.figures import Figures

There = Mapping[str, Any]
count, listed, counted = formats.count, formats.sentence_list, formats.counted


def _population(figures: Figures, there: There, known: There) -> list[str]:
    records = figures.counts.get("records") or {}
    each = [f"{counted(n, 'record')} in {name}" for name, n in records.items()]
    return [f"The files hold {listed(each)}."] if each else []


def _files(figures: Figures, there: There, known: There) -> list[str]:
    return [
        f"{one['name']}: {one['file'] or 'a table in memory'}, {counted(one['records'], 'record')}"
        + (f", SHA-256 {one['sha256']}." if one["sha256"] else ".")
        for one in there.get("inputs") or ()
    ] or ["The run does not name its files."]


def _cleaning(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    for one in there.get("preparation") or ():
        steps, edits = one.get("steps") or (), one.get("edits") or ()
        found.append(
            f"{one['name']}: {counted(len(steps), 'step')} and {counted(len(edits), 'edit')}; of "
            f"{counted(one.get('records_read') or 0, 'record')} {count(one.get('records_dropped'))} were "
            f"dropped by edits and {count(one.get('duplicates_removed'))} removed as duplicates."
        )
    return found or ["Values were normalised as text (Unicode NFC, case) and not prepared otherwise."]


def _limits(figures: Figures, there: There, known: There) -> list[str]:
    return there["limits"] or ["The run itself knows of none."]


def _reproducibility(figures: Figures, there: There, known: There) -> list[str]:
    run = figures.run
    versions = [f"{name} {version}" for name, version in (run.get("versions") or {}).items()]
    found = [f"Made with {listed(versions)}."] if versions else []
    if run.get("seed") is not None:
        found.append(f"Seed {run['seed']}.")
    if before := run.get("finalised"):
        found.append(
            f"Decisions of reviewers were applied to the run with the fingerprint {before['fingerprint']}."
        )
    if purged := run.get("purged"):
        found.append(f"Values of records were removed from the run directory ({purged['at']}).")
    if run.get("fingerprint"):
        found.append(f"Fingerprint of the run (inputs, specification, versions): {run['fingerprint']}.")
    return found or ["The run does not say with what it was made."]


ANSWERS: dict[str, Callable[[Figures, There, There], list[str]]] = {
    "population": _population,
    "files": _files,
    "cleaning": _cleaning,
    "variables": answers_methods.variables,
    "level": answers_methods.level,
    "methods": answers_methods.methods,
    "parameters": answers_methods.parameters,
    "thresholds": answers_methods.thresholds,
    "review": answers_outcomes.review,
    "flow": answers_outcomes.flow,
    "errors": answers_outcomes.errors,
    "unlinked": answers_outcomes.unlinked,
    "bias": answers_outcomes.bias,
    "limits": _limits,
    "reproducibility": _reproducibility,
}
"""By the key of the item."""
