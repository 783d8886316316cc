"""``tallystick audit``: a sample of what a run decided, judged by people, and the error rates it shows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.app import Force, Quiet, _plain_errors
from tallystick.cli.stores import RunDirectory, StoreUrl

if TYPE_CHECKING:
    from tallystick.linkage.audits.audit import AuditDesign

audit = typer.Typer(
    help="Quality by a sample: draw what people judge, estimate error rates from it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Sampled(StrEnum):
    """What is sampled."""

    record = "record"
    pair = "pair"


Reviews = Annotated[int | None, typer.Option("--reviews", help="Size of the sample.")]
PrecisionWidth = Annotated[
    float | None,
    typer.Option(
        "--precision-width",
        help="Instead, how wide the interval of the precision may be. Default: 0.01, and 0.02 of the recall.",
    ),
]
RecallWidth = Annotated[
    float | None, typer.Option("--recall-width", help="How wide that of the recall may be.")
]
By = Annotated[
    Sampled | None,
    typer.Option(help="What is sampled. Default: records where each has one match at most, else pairs."),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="The source whose records are audited. Default: with the fewest unlinked."),
]
Judge = Annotated[
    str | None, typer.Option("--reviewer", help="Who judges the sample. Default: your user name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@audit.command()
def design(
    run: RunDirectory,
    reviews: Reviews = None,
    precision_width: PrecisionWidth = None,
    recall_width: RecallWidth = None,
    by: By = None,
    source: Source = None,
    as_json: AsJson = False,
) -> None:
    """Show how large a sample has to be for how narrow intervals, and draw nothing."""
    with _plain_errors():
        found = _designed(run, reviews, precision_width, recall_width, by, source)
        print(_json(found.to_dict()) if as_json else _design_text(found))


@audit.command()
def draw(
    run: RunDirectory,
    reviews: Reviews = None,
    precision_width: PrecisionWidth = None,
    recall_width: RecallWidth = None,
    by: By = None,
    source: Source = None,
    store: StoreUrl = None,
    seed: Annotated[int, typer.Option(min=0, help="The same one draws the same sample.")] = 1,
    double: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the sample that two people judge.")
    ] = 0.0,
    quiet: Quiet = False,
) -> None:
    """Draw a sample of links and of what is no link, for people to judge without the machine's decision."""
    with _plain_errors():
        from tallystick.linkage.audits.audit import FILE, draw_audit
        from tallystick.linkage.reviews.store import open_store
        from tallystick.review.tasks import POSSIBLE

        found = _designed(run, reviews, precision_width, recall_width, by, source)
        with open_store(run, store) as opened:
            draw_audit(run, opened, found, seed=seed, double=double)
            place = opened.place
            judged = sum(one.progress.done for one in opened.worklists() if one.name == POSSIBLE)
        if not quiet:
            print(_design_text(found))
            print(
                f"{found.reviews:,} tasks in the worklist audit of {place}, the design in {run / FILE}\n"
                f"judge them with tallystick review {run}, or in a table (tallystick audit export {run} "
                f"--out FILE); then tallystick audit estimate {run}"
            )
            if judged:
                print(
                    f"{judged:,} possible links are judged already: their reviewers may know answers of the "
                    "sample; another time judge the sample first, or let others judge it"
                )


@audit.command()
def export(
    run: RunDirectory,
    out: Annotated[Path, typer.Option("--out", "-o", help="The table: .csv or .parquet.")],
    reviewer: Judge = None,
    store: StoreUrl = None,
    force: Force = False,
) -> None:
    """Write the sample with the values of its records, to be judged in a table instead of the application."""
    with _plain_errors():
        from tallystick.cli.by_table import export_tasks
        from tallystick.linkage.audits.audit import check_drawn
        from tallystick.review.tasks import AUDIT

        check_drawn(run)
        print(export_tasks(run, AUDIT, out, reviewer, store, force=force))


@audit.command("import")
def import_(
    run: RunDirectory,
    file: Annotated[Path, typer.Argument(help="The table with its answers.")],
    reviewer: Judge = None,
    store: StoreUrl = None,
) -> None:
    """Read the answers of such a table: all of them, or none where a row is wrong."""
    with _plain_errors():
        from tallystick.cli.by_table import import_answers
        from tallystick.linkage.audits.audit import check_drawn
        from tallystick.review.tasks import AUDIT

        check_drawn(run)
        print(import_answers(run, AUDIT, file, reviewer, store))


@audit.command()
def estimate(
    run: RunDirectory, store: StoreUrl = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Estimate the error rates of a run from what people found in its sample."""
    with _plain_errors():
        from tallystick.linkage.audits.audit import FILE, check_drawn, estimate_audit
        from tallystick.linkage.audits.text import estimate_text
        from tallystick.linkage.reviews.store import open_store

        check_drawn(run)
        with open_store(run, store, create=False) as opened:
            found = estimate_audit(run, opened)
        if as_json:
            print(_json(found))
        elif not quiet:
            print(estimate_text(found))
            print(f"all of it in {run / FILE}")


def _designed(
    run: Path,
    reviews: int | None,
    precision_width: float | None,
    recall_width: float | None,
    by: Sampled | None,
    source: str | None,
) -> AuditDesign:
    from tallystick.linkage.audits.audit import design_audit

    return design_audit(
        run,
        reviews=reviews,
        precision_width=precision_width,
        recall_width=recall_width,
        by=None if by is None else by.value,
        source=source,
    )


def _design_text(found: AuditDesign) -> str:
    from tallystick.linkage.audits.text import design_text

    return design_text(found)


def _json(found: dict[str, Any]) -> str:
    import json

    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
