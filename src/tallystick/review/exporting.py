"""Decisions as a table, to be read elsewhere or brought into another store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from tallystick.preparation.write import check_suffix, write_table
from tallystick.review.formulas import guarded
from tallystick.review.standing import Standing
from tallystick.review.tasks import Decision, Task

COLUMNS = (
    "worklist",
    "left_source",
    "left_id",
    "right_source",
    "right_id",
    "verdict",
    "chosen_source",
    "chosen_id",
    "comment",
    "reviewer",
    "at",
    "kind",
    "number",
    "undoes",
    "imported_by",
    "weight",
    "posterior",
    "stratum",
    "run",
    "model",
)
"""Columns of a table of decisions; ``seen`` comes last where it is asked for."""
WORDS = ("comment", "reviewer", "imported_by")
"""Columns of what people typed."""
_TYPES = {"number": pl.Int64, "undoes": pl.Int64, "weight": pl.Float64, "posterior": pl.Float64}


def decision_table(
    decisions: Iterable[Decision],
    still_open: Sequence[Standing] = (),
    *,
    run: str,
    model: str,
    seen: bool = False,
) -> pl.DataFrame:
    """Decisions as a table.

    Parameters
    ----------
    decisions : iterable of Decision
        In the order of the rows.
    still_open : sequence of Standing
        Tasks that are still to be judged; each is a row whose columns `verdict` and `reviewer` are empty.
    run, model : str
        Fingerprint of the run and SHA-256 of the model, for these tasks.
    seen : bool
        Whether what was on the page stands in a last column, as JSON: values of records.

    Returns
    -------
    polars.DataFrame
        A row per decision, with the columns `COLUMNS`.
    """
    rows = [
        {
            **_of_task(decision.worklist, decision.task),
            "verdict": decision.verdict,
            "chosen_source": None if decision.chosen is None else decision.chosen.source,
            "chosen_id": None if decision.chosen is None else decision.chosen.id,
            "comment": decision.comment or None,
            "reviewer": decision.reviewer,
            "at": decision.at.isoformat(timespec="microseconds"),
            "kind": decision.kind,
            "number": decision.number,
            "undoes": decision.undoes,
            "imported_by": decision.imported_by,
            "run": decision.run,
            "model": decision.model,
            "seen": json.dumps(dict(decision.seen), ensure_ascii=False) if decision.seen else None,
        }
        for decision in decisions
    ]
    rows += [{**_of_task(one.worklist, one.task), "run": run, "model": model} for one in still_open]
    names = (*COLUMNS, "seen") if seen else COLUMNS
    return pl.DataFrame(rows, schema={name: _TYPES.get(name, pl.String) for name in names})


def write_decisions(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a table of decisions as CSV or Parquet, as the suffix says; only the owner reads it."""
    if check_suffix(path) == ".csv":
        frame = frame.with_columns(guarded(pl.col(name)) for name in WORDS)
    write_table(frame, path, private=True)


def _of_task(worklist: str, task: Task) -> dict[str, object]:
    return {
        "worklist": worklist,
        "left_source": task.left.source,
        "left_id": task.left.id,
        "right_source": None if task.right is None else task.right.source,
        "right_id": None if task.right is None else task.right.id,
        "weight": task.weight,
        "posterior": task.posterior,
        "stratum": task.stratum,
    }
