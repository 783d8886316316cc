"""``tallystick analyse``: a regression or a table of linked data, corrected for wrong links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.app import Force, Quiet, _plain_errors


def analyse(
    spec: Annotated[Path, typer.Argument(help="Specification of the analysis (TOML).")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for analysis.json, estimates as CSV and Parquet, and a page."
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option("--init", metavar="RUN", help="Write a commented specification for this run, and stop."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Estimate a regression or a table from the links of a run, corrected for wrong and missed links."""
    with _plain_errors():
        import json

        from tallystick._files import write_text
        from tallystick.cli.commands import _check_file

        if init is not None:
            from tallystick.linkage.analyses.starter import starter_analysis

            _check_file(spec, force)
            write_text(spec, starter_analysis(init, spec.parent))
            print(f"{spec}: read it, change what does not fit, then run: tallystick analyse {spec}")
            return
        from tallystick.errors import RunError
        from tallystick.linkage.analyses.analyse import analyse as analyse_run
        from tallystick.linkage.analyses.settings import load_analysis
        from tallystick.linkage.analyses.text import analysis_text
        from tallystick.linkage.analyses.write import check_place, write_analysis

        settings = load_analysis(spec)
        if out is not None:
            check_place(out, force)
        result = analyse_run(settings)
        content = result.to_dict()
        if out is not None:
            write_analysis(result, out)
        if as_json:
            print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
        elif not quiet:
            print(analysis_text(content))
            if out is not None:
                print(f"results in {out}; open {out / 'analysis.html'}")
        if not result.converged:
            raise RunError("the iterations did not converge, so that there is no estimate.")
