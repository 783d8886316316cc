"""``tallystick report``: the report of a run made again, its charts as files, its quality statement."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.app import Force, Quiet, _plain_errors
from tallystick.cli.stores import RunDirectory


class ChartFormat(StrEnum):
    """What charts are written as."""

    png = "png"
    svg = "svg"


def report(
    run: RunDirectory,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The page. Default: report.html and report.json in the run, replaced."
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="The same content as JSON.")] = None,
    charts: Annotated[Path | None, typer.Option("--charts", help="Folder for the charts as files.")] = None,
    format: Annotated[ChartFormat, typer.Option("--format", help="What the charts are.")] = ChartFormat.png,
    statement: Annotated[
        Path | None, typer.Option("--statement", help="The quality statement alone: .html or .md.")
    ] = None,
    statement_text: Annotated[
        Path | None,
        typer.Option(
            "--statement-text",
            help="What people wrote for the statement (TOML). Default: statement.toml in the run, if any.",
        ),
    ] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show values of records; asks for --out.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make the report of a run again, with the audit, review and truth that have come since."""
    with _plain_errors():
        from tallystick._files import write_text
        from tallystick.cli.commands import _check_file
        from tallystick.errors import InputError
        from tallystick.linkage.report_again import report_of_run
        from tallystick.quality.report.markdown import statement_markdown
        from tallystick.quality.report.page import render_statement
        from tallystick.quality.report.write import write_content

        if show_values and out is None:
            raise InputError(
                "--show-values asks for --out: the report in the run directory stays without "
                "values of records."
            )
        if statement is not None and statement.suffix.lower() not in (".html", ".md"):
            raise InputError(
                f"{statement}: the statement is written as .html or .md: give one of these endings."
            )
        for file in (out, json, statement):
            if file is not None:
                _check_file(file, force)
        content = report_of_run(run, statement=statement_text, show_values=show_values)
        page = out or run / "report.html"
        data = json or (run / "report.json" if out is None else None)
        write_content(content, page, data)
        if statement is not None:
            markdown = statement.suffix.lower() == ".md"
            write_text(statement, statement_markdown(content) if markdown else render_statement(content))
        lines = [str(file) for file in (page, data, statement) if file is not None]
        if charts is not None:
            from tallystick.quality.report.chart_files import save_report_charts

            files = save_report_charts(content, charts, format.value)
            lines.append(f"{charts}: {len(files)} charts as {format.value.upper()}")
        if not quiet:
            print("\n".join(lines))
