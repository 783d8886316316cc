"""``tallystick gold``: draw pairs worth labelling, answer them from a truth column, check the answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.app import Force, Memory, Quiet, Threads, _plain_errors
from tallystick.cli.progress import Reporter

gold = typer.Typer(
    help="Labelled pairs: draw those worth labelling, check the answers.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Specification = Annotated[Path, typer.Argument(help="Specification (TOML).")]
Sample = Annotated[Path, typer.Argument(help="The sample: .csv or .parquet.")]


@gold.command()
def draw(
    spec: Specification,
    out: Annotated[Path, typer.Option("--out", "-o", help="The sample: .csv or .parquet.")],
    pairs: Annotated[int, typer.Option(min=1, help="Pairs to draw.")] = 500,
    records: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Records looked at, of the first of two files or of all together. Default: 5,000 or 20,000.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="A further field or column to show; may be repeated."),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw pairs worth labelling from a portion of the records, and write them for people to answer."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.commands import _bytes, _check_file, _runnable
        from tallystick.linkage.gold import draw_gold
        from tallystick.linkage.labels import design_path
        from tallystick.preparation.write import check_suffix

        check_suffix(out)
        for file in (out, design_path(out)):
            _check_file(file, force)
        sample = draw_gold(
            _runnable(spec),
            pairs=pairs,
            records=records,
            columns=columns or [],
            threads=threads,
            memory=_bytes(memory),
            progress=reporter,
        )
        sample.save(out)
        reporter.close()
        if not quiet:
            print(sample.text)
            print(
                f"{out}: {len(sample.table):,} pairs; write 1 or 0 into the column match of each, or leave "
                f"it blank. {design_path(out).name}, which belongs to it, says how they were drawn."
            )
            print(_lines_to_add(out, spec))


@gold.command()
def label(
    sample: Sample,
    spec: Specification,
    truth: Annotated[
        str, typer.Option("--truth", help="Column that says who a record is; equal values are matches.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace answers that are there.")] = False,
) -> None:
    """Answer a sample from a truth column, which a linkage itself cannot read."""
    with _plain_errors():
        from tallystick.cli.commands import _runnable
        from tallystick.linkage.gold import label_by_truth
        from tallystick.preparation.write import check_suffix, write_table

        check_suffix(sample)
        frame, text = label_by_truth(sample, _runnable(spec), truth, replace_answers=force)
        write_table(frame, sample)
        print(text)


@gold.command()
def check(sample: Sample, spec: Specification) -> None:
    """Tell how far a sample is answered, and whether its answers contradict each other."""
    with _plain_errors():
        from tallystick.cli.commands import _runnable
        from tallystick.linkage.gold import check_gold

        print(check_gold(sample, _runnable(spec)))
        print(_lines_to_add(sample, spec))


def _lines_to_add(sample: Path, spec: Path) -> str:
    """What the specification has to say to use the answers."""
    path = os.path.relpath(sample, spec.parent).replace(os.sep, "/")
    return f'Add to {spec}:\n[estimation]\nlabels = "{path}"'
