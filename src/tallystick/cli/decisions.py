"""``tallystick decisions``: what people decided, counted, written to a file, read from one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.app import Force, _plain_errors
from tallystick.cli.stores import RunDirectory, StoreUrl, who
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.review.agreement import Agreement, Kappa
    from tallystick.review.standing import Worklist
    from tallystick.review.store import Store

decisions = typer.Typer(
    help="What people decided: counts, to a file, from a file.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WorklistName = Annotated[str | None, typer.Option("--worklist", metavar="NAME", help="Only this worklist.")]


@decisions.command("list")
def show(
    run: RunDirectory,
    worklist: WorklistName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    store: StoreUrl = None,
) -> None:
    """Tell how far the worklists are, who decided how much, and how far people agree."""
    with _plain_errors():
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store, create=False) as opened:
            if worklist is not None:
                opened.progress(worklist)  # says which there are
            lists = [one for one in opened.worklists() if worklist in (None, one.name)]
            if as_json:
                found = [_figures(opened, one) for one in lists]
                print(json.dumps({"store": opened.place, "worklists": found}, ensure_ascii=False, indent=1))
            elif not lists:
                from tallystick.review.open_store import BEGIN

                print(f"{opened.place}: there are no worklists yet: {BEGIN}.")
            else:
                print("\n\n".join(_text(opened, one) for one in lists))


@decisions.command()
def export(
    run: RunDirectory,
    file: Annotated[Path, typer.Argument(help="Write here: .csv or .parquet.")],
    worklist: WorklistName = None,
    still_open: Annotated[
        bool, typer.Option("--open", help="With tasks still to be judged, as rows to fill in.")
    ] = False,
    seen: Annotated[
        bool, typer.Option("--seen", help="With what was on the page: values of records.")
    ] = False,
    values: Annotated[
        bool,
        typer.Option(
            "--values",
            help="Instead, the open tasks of a worklist (by default the possible links) with the values of "
            "their records, to be judged without the application.",
        ),
    ] = False,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Who judges them; default: your user name.")
    ] = None,
    force: Force = False,
    store: StoreUrl = None,
) -> None:
    """Write every decision, those undone and the undoing ones too, to a file; or what is to be judged."""
    with _plain_errors():
        from tallystick.cli.by_table import export_tasks
        from tallystick.cli.commands import _check_file
        from tallystick.linkage.reviews.store import open_store
        from tallystick.linkage.reviews.tasks import fill_possible
        from tallystick.linkage.saved_run import open_run
        from tallystick.preparation.write import check_suffix
        from tallystick.review.tasks import POSSIBLE

        if values and (still_open or seen):
            raise InputError(
                "--values writes what is to be judged, no decisions: leave --open and --seen out."
            )
        if reviewer is not None and not values:
            raise InputError("--reviewer is for whom --values writes: leave it out.")
        if values:
            print(export_tasks(run, worklist or POSSIBLE, file, reviewer, store, force=force))
            return
        check_suffix(file)
        _check_file(file, force)
        with open_store(run, store, create=still_open) as opened:
            if still_open and worklist in (None, POSSIBLE):
                fill_possible(opened, lambda: open_run(run))
            rows = opened.export(file, worklist=worklist, still_open=still_open, seen=seen)
            print(f"{file}: {rows:,} rows")


@decisions.command("import")
def import_(
    run: RunDirectory,
    file: Annotated[Path, typer.Argument(help="The file: .csv or .parquet, as an export writes it.")],
    reviewer: Annotated[
        str | None,
        typer.Option(
            "--reviewer",
            help="Who imports, and decided where a row does not say; of a table of --values who judged. "
            "Default: your user name.",
        ),
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Add the decisions of a file: all of them, or none where a row is wrong."""
    with _plain_errors():
        from tallystick.cli.by_table import import_answers, imported_text
        from tallystick.linkage.reviews.store import note_store, open_store
        from tallystick.review.sheet import is_sheet

        if is_sheet(file):
            print(import_answers(run, None, file, reviewer, store))
            return
        with open_store(run, store, create=False) as opened:
            note_store(run, opened)
            done = opened.import_file(file, who(reviewer))
        print(imported_text(file, done, "rows have no verdict"))


def _figures(store: Store, worklist: Worklist) -> dict[str, Any]:
    found = asdict(worklist)
    found["progress"]["open"] = worklist.progress.open
    if worklist.reviews > 1:
        found["agreement"] = asdict(store.agreement(worklist.name))
    return found


def _text(store: Store, worklist: Worklist) -> str:
    progress = worklist.progress
    lines = [
        f"{worklist.name}: {progress.tasks:,} tasks, {progress.done:,} judged ({progress.unsure:,} of them "
        f"unsure), {progress.disagreements:,} in disagreement, {progress.open:,} open"
        + (f" ({progress.claimed:,} of them taken)" if progress.claimed else "")
    ]
    lines += [f"  {name}: {number:,} decisions" for name, number in progress.by_reviewer.items()]
    if worklist.reviews > 1:
        lines += _agreement_lines(store.agreement(worklist.name))
    return "\n".join(lines)


def _agreement_lines(found: Agreement) -> list[str]:
    if not found.overall.n:
        return ["  agreement: no task has been judged by two people yet"]
    lines = [f"  agreement: {_kappa(found.overall)}"]
    for band in found.bands if found.overall.n >= 4 * len(found.bands) else ():
        low = "" if band.low is None else f"from {band.low:.1f} "
        high = "" if band.high is None else f"below {band.high:.1f}"
        lines.append(f"    weight {(low + high).strip()}: {_kappa(band.agreement)}")
    return lines


def _kappa(found: Kappa) -> str:
    if found.observed is None:
        return "no tasks"
    text = f"{found.observed:.1%} of {found.n:,} tasks judged alike"
    if found.kappa is None:
        return text + ", all with one verdict"
    return f"{text}, kappa {found.kappa:.2f} ({found.low:.2f} to {found.high:.2f})"
