"""Commands. Exit status: 0 done, 1 failed, 2 bad input."""

from __future__ import annotations

import errno
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick import __version__
from tallystick.cli.progress import Reporter
from tallystick.cli.stores import RunDirectory
from tallystick.errors import InputError, TallystickError, TallystickWarning

app = typer.Typer(
    name="tallystick",
    help="Link records about the same people in different files, or within one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Threads for comparing pairs; by default all processors. (POLARS_MAX_THREADS governs reading.)",
    ),
]
Memory = Annotated[
    float | None, typer.Option(min=0.01, help="Gigabytes that tables of compared values may take.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


class _Lines(logging.Handler):
    """What the package logs, as lines of their own, above a bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


@contextmanager
def _shown_log(quiet: bool) -> Iterator[None]:
    handler = logging.NullHandler() if quiet else _Lines()
    log = logging.getLogger("tallystick")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def _plain_errors(reporter: Reporter | None = None) -> Iterator[None]:
    """One sentence instead of a traceback, and the exit status that belongs to it."""
    quiet = reporter is not None and reporter.quiet
    with warnings.catch_warnings(), _shown_log(quiet):
        warnings.showwarning = _show_warning
        warnings.simplefilter("ignore" if quiet else "always", TallystickWarning)
        try:
            yield
        except InputError as error:
            _close(reporter)
            print(f"tallystick: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        except TallystickError as error:
            _close(reporter)
            print(f"tallystick: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has read enough
                raise
            _close(reporter)
            where = f"{error.filename}: " if error.filename else ""
            print(
                f"tallystick: {where}the system says {error.strerror or error}: check the place and its "
                "permissions.",
                file=sys.stderr,
            )
            raise typer.Exit(1) from None
        except MemoryError:
            _close(reporter)
            print(
                "tallystick: the memory of this machine is not enough: use more selective passes.",
                file=sys.stderr,
            )
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            _close(reporter)
            print(
                "tallystick: interrupted; the same command goes on from the last complete stage.",
                file=sys.stderr,
            )
            raise typer.Exit(1) from None
        finally:
            _close(reporter)


def _close(reporter: Reporter | None) -> None:
    if reporter is not None:
        reporter.close()


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tallystick {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Link records about the same people in different files, or within one."""


@app.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="One file to deduplicate, two or more to link.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write here; by default to linkage.toml.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a commented starter specification from what the files hold."""
    with _plain_errors():
        from tallystick.cli.commands import write_starter

        print(write_starter(files, out or Path("linkage.toml"), force))


@app.command()
def profile(
    files: Annotated[
        list[Path], typer.Argument(help="One or more files, or a specification (TOML) for its sources.")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a web page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show common values as they are: personal data.")
    ] = False,
    reference_date: Annotated[
        list[str] | None,
        typer.Option(
            "--reference-date", metavar="NAME=DATE", help="The day that a source tells of; may be repeated."
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="FIELD=KIND",
            help="name (proper name), birth (fixed then), changes (over time) or unknown; may be repeated.",
        ),
    ] = None,
    id: Annotated[
        list[str] | None,
        typer.Option(
            "--id", metavar="COLUMN", help="The column that names records; NAME=COLUMN for one file."
        ),
    ] = None,
    truth: Annotated[
        list[str] | None,
        typer.Option("--truth", metavar="COLUMN", help="A column with the answer; may be repeated, as --id."),
    ] = None,
    force: Force = False,
) -> None:
    """Tell what the fields of files hold, what each is good for in a linkage, and how two files differ."""
    with _plain_errors():
        from tallystick.cli.profile import show_profile

        text = show_profile(
            files,
            out=out,
            force=force,
            as_json=as_json,
            show_values=show_values,
            reference_dates=reference_date or [],
            kinds=kind or [],
            ids=id or [],
            truths=truth or [],
        )
        print(text)


@app.command()
def prepare(
    spec: Annotated[Path, typer.Argument(help="Specification (TOML) with a section [prepare].")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Directory for the results; by default SPEC-prepared.")
    ] = None,
    show_values: Annotated[
        bool,
        typer.Option("--show-values", help="Show the commonest values of each rule, before and after."),
    ] = False,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Clean and standardise the sources, check them by rules, and write them as Parquet files."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.prepare import run_prepare

        text = run_prepare(spec, out, threads, force, reporter, show_values)
        reporter.close()
        if not quiet:
            print(text)


@app.command()
def link(
    spec: Annotated[Path, typer.Argument(help="Specification (TOML).")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Directory for the results.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell pairs, time and memory, and run nothing.")
    ] = False,
    most_pairs: Annotated[
        int | None,
        typer.Option("--most-pairs", min=1, help="Compare up to so many pairs; confirms what is refused."),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Link two or more files, or deduplicate one, and write links, model, figures and report."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.commands import explain_linkage, run_linkage

        if explain:
            text = explain_linkage(spec, threads, memory, reporter)
            reporter.close()
            print(text)
            return
        text = run_linkage(spec, out, threads, memory, force, reporter, most_pairs)
        reporter.close()
        if not quiet:
            print(text)


@app.command()
def match(
    spec: Annotated[Path, typer.Argument(help="Specification (TOML) with match keys.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory for the results.")],
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Link records that agree on match keys, the strictest first, where nothing else agrees as well."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.match import run_match

        text = run_match(spec, out, threads, force, reporter)
        reporter.close()
        if not quiet:
            print(text)


@app.command()
def score(
    model: Annotated[
        Path, typer.Argument(help="Specification with m and u (TOML), model.json, or directory of a run.")
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="New files, in the order of the model's sources.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", "-p", help="Weigh one agreement pattern, such as 1-1-0-.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", help="The id column of the new files.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Directory for the results.")] = None,
    threads: Threads = None,
    memory: Memory = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Score new files with a saved model, or weigh one agreement pattern."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.commands import score_files, weigh_pattern

        if pattern is not None:
            print(weigh_pattern(model, pattern))
        else:
            text = score_files(model, files or [], id, out, threads, memory, force, reporter)
            reporter.close()
            if not quiet:
                print(text)


@app.command()
def export(
    run: RunDirectory,
    out: Annotated[Path, typer.Option("--out", "-o", help="The linked table: .parquet or .csv.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="A field or column of the files; may be repeated. Default: all."),
    ] = None,
    possible: Annotated[bool, typer.Option("--possible", help="Possible links too.")] = False,
    force: Force = False,
) -> None:
    """Write the linked table itself: chosen columns of each file side by side."""
    with _plain_errors():
        from tallystick.cli.commands import export_links

        print(export_links(run, out, columns or [], possible, force))


@app.command()
def add(
    run: RunDirectory,
    file: Annotated[Path, typer.Argument(help="The new file, its columns named as in the first source.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the new source; by default that of the file.")
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="Its id column; by default that of the first source.")
    ] = None,
    duplicate_free: Annotated[
        bool, typer.Option("--duplicate-free", help="No two of its records are one entity.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Directory for the results.")] = None,
    threads: Threads = None,
    memory: Memory = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Link a new file to the entities of a run, without comparing the old pairs again."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.add import add_file

        text = add_file(run, file, name, id, duplicate_free, out, threads, memory, force, reporter)
        reporter.close()
        if not quiet:
            print(text)


@app.command()
def thresholds(
    run: RunDirectory,
    type1: Annotated[
        float | None, typer.Option(help="Largest share of the non-matches that become links.")
    ] = None,
    type2: Annotated[
        float | None, typer.Option(help="Largest share of the matches that become non-links.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Smallest share of the links that are matches.")
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            help="Smallest share of the matches that are found: linked or, with --precision, possible."
        ),
    ] = None,
    capacity: Annotated[int | None, typer.Option(help="Most pairs that can be reviewed.")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours of review, with --per-hour.")] = None,
    per_hour: Annotated[float | None, typer.Option(help="Pairs that are reviewed in an hour.")] = None,
    false_link: Annotated[float | None, typer.Option(help="Cost of a false link.")] = None,
    missed: Annotated[float | None, typer.Option(help="Cost of a missed match.")] = None,
    review: Annotated[float | None, typer.Option(help="Cost of reviewing one pair.")] = None,
    score_again: Annotated[
        bool,
        typer.Option(
            "--score-again", help="Compare the pairs again where the run has not kept enough of them."
        ),
    ] = False,
    threads: Threads = None,
) -> None:
    """Show what the thresholds of a run do, and what others would do, before they are applied."""
    reporter = Reporter()
    with _plain_errors(reporter):
        from tallystick.cli.thresholds import rule_of, show_thresholds

        rule = rule_of(
            {
                "type1": type1,
                "type2": type2,
                "precision": precision,
                "recall": recall,
                "pairs": capacity,
                "hours": hours,
                "pairs_per_hour": per_hour,
                "false_link": false_link,
                "missed": missed,
                "review": review,
            }
        )
        text = show_thresholds(run, rule, score_again, threads, reporter)
        reporter.close()
        print(text)


@app.command()
def passes(run: RunDirectory) -> None:
    """Print what each pass of a run did, each step of a sequential one, or each match key."""
    with _plain_errors():
        from tallystick.cli.passes import show_passes

        print(show_passes(run))


@app.command()
def why(
    run: RunDirectory,
    left: Annotated[str, typer.Argument(help="Id of a record, or source:id.")],
    right: Annotated[str, typer.Argument(help="Id of the other record, or source:id.")],
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Tell why two records are linked, or why not: the weight by comparison, and what decided."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.why import explain_pair

        text = explain_pair(run, left, right, threads, reporter)
        reporter.close()
        print(text)


@app.command()
def blocks(
    spec: Annotated[Path, typer.Argument(help="Specification (TOML).")],
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit a model, to estimate which share of the matches is found.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option("--model", help="The same with a saved model, or the directory of a run.")
    ] = None,
    suggest: Annotated[
        float | None,
        typer.Option("--suggest", help="Suggest passes that find this share of the matches at few pairs."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="Largest blocks shown of each pass.")] = 3,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Name the keys of the largest blocks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    threads: Threads = None,
    memory: Memory = None,
    quiet: Quiet = False,
) -> None:
    """Tell what the passes do before a run: pairs, largest blocks, time, matches missed; suggest others."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.blocks import show_blocks

        text = show_blocks(
            spec,
            fit=fit,
            model=model,
            suggest=suggest,
            most=top,
            show_values=show_values,
            as_json=as_json,
            threads=threads,
            memory=memory,
            progress=reporter,
        )
        reporter.close()
        print(text)


@app.command("evaluate-blocks")
def evaluate_blocks(
    spec: Annotated[Path, typer.Argument(help="Specification (TOML).")],
    truth: Annotated[
        str, typer.Option("--truth", help="Column that says who a record is; equal values are matches.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Count the true pairs that the passes find: pairs completeness and pairs quality, pass by pass."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.blocks import evaluate_passes

        text = evaluate_passes(spec, truth, as_json, threads, reporter)
        reporter.close()
        print(text)


@app.command()
def schema() -> None:
    """Print the JSON Schema of specifications, for editors."""
    with _plain_errors():
        import json

        from tallystick.spec import json_schema

        print(json.dumps(json_schema(), indent=2))


def main() -> None:
    """Run the command line."""
    app()
