"""The report of a run made again, with what has come since: audit, review, truth, words of people."""

from __future__ import annotations

from pathlib import Path

from tallystick.errors import InputError
from tallystick.linkage.run_folder import read_facts, read_figures, read_later
from tallystick.quality.report import Figures, report_content
from tallystick.quality.report.figures import Content
from tallystick.quality.report.statement import read_statement
from tallystick.quality.report.write import write_content

STATEMENT = "statement.toml"
"""What people wrote for the quality statement, where it stands in the run directory."""


def report_of_run(run: Path, *, statement: Path | None = None, show_values: bool = False) -> Content:
    """The content of the report of a run, as its directory is now.

    Parameters
    ----------
    run : path
        Directory of a complete run.
    statement : path, optional
        A file of texts for the quality statement (`tallystick.quality.report.statement.read_statement`);
        by default ``statement.toml`` in the directory, where there is one.
    show_values : bool
        Show values of records, not their shapes.

    Returns
    -------
    dict
        See `tallystick.quality.report.content.report_content`.

    Raises
    ------
    InputError
        Where it is no complete run of this version, or a file of it or the texts cannot be read.
    """
    facts = read_facts(run)
    quality_path = run / "quality.json"
    if not quality_path.is_file():
        raise InputError(
            f"{run}: there is no quality.json, so there is nothing to report: run the linkage again."
        )
    model_path = run / "model.json"
    model = read_figures(model_path) if model_path.is_file() else {"kind": facts.get("kind")}
    notes: list[str] = []
    audit = read_later(run / "audit.json")
    if audit and audit.get("run") not in (None, facts.get("fingerprint")):
        notes.append("audit.json is of another run and is left out of this report.")
        audit = None
    texts = statement or run / STATEMENT
    return report_content(
        Figures(
            model,
            facts,
            read_figures(quality_path),
            audit=audit,
            review=read_later(run / "review.json"),
            truth=read_later(run / "truth.json"),
            statement=read_statement(texts) if statement or texts.is_file() else {},
            notes=tuple(notes),
            show_values=show_values,
        )
    )


def make_report_again(run: Path) -> None:
    """Write ``report.html`` and ``report.json`` of a run anew, as its directory is now.

    Parameters
    ----------
    run : path
        Directory of a complete run.

    Raises
    ------
    InputError
        As of `report_of_run`.
    """
    write_content(report_of_run(run), run / "report.html", run / "report.json")
