"""``tallystick missed``: rates of linkage by subgroup, of any column."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.app import Force, _plain_errors
from tallystick.cli.stores import RunDirectory


def missed(
    run: RunDirectory,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="COLUMN[:first=2|:width=10|:age]",
            help="A field or column; may be repeated. By default those of the run.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
    ] = None,
    smallest: Annotated[
        int | None, typer.Option(min=1, help="Smaller groups are put together; by default as in the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the groups as a table, too: .csv or .parquet.")
    ] = None,
    force: Force = False,
) -> None:
    """Tell who is missed: rates of linkage by subgroup, and how linked and unlinked records differ."""
    with _plain_errors():
        import json

        from tallystick.cli.commands import _check_file
        from tallystick.cli.subgroups import missed_text, parse_subgroup
        from tallystick.linkage.evaluation.missed_run import groups_table, missed_of_run
        from tallystick.preparation.write import check_suffix, write_table

        if out is not None:
            check_suffix(out)
            _check_file(out, force)
        asked = tuple(parse_subgroup(one) for one in by or [])
        figures: dict[str, Any] = missed_of_run(run, asked, source or (), smallest)
        if out is not None:
            write_table(groups_table(figures), out)
        print(json.dumps(figures, indent=2) if as_json else missed_text(figures))
