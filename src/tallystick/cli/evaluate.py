"""``tallystick evaluate``: the errors of a run against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.app import Quiet, Threads, _plain_errors
from tallystick.cli.progress import Reporter
from tallystick.cli.stores import RunDirectory

if TYPE_CHECKING:
    from tallystick.linkage.evaluation.error_list import ErrorList


def evaluate(
    run: RunDirectory,
    truth: Annotated[
        str, typer.Option("--truth", help="Column that says who a record is; equal values are matches.")
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="COLUMN[:first=2|:width=10|:age]",
            help="Precision and recall by a field or column; may be repeated.",
        ),
    ] = None,
    errors: Annotated[
        int, typer.Option("--errors", metavar="N", min=0, help="Print the first N errors, each with why.")
    ] = 0,
    save: Annotated[
        bool,
        typer.Option("--save", help="Write truth.json and errors.parquet into the directory of the run."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Count the errors of a run against the truth, which the linkage itself could not read; tell each."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        import json

        from tallystick._files import write_json
        from tallystick.cli.subgroups import parse_subgroup
        from tallystick.linkage.evaluation.truth import truth_of_run
        from tallystick.preparation.write import write_table

        found = truth_of_run(run, truth, [parse_subgroup(one) for one in by or []])
        figures, listed = found.figures, None
        if errors or save:
            from tallystick.linkage.evaluation.error_files import list_errors

            listed = list_errors(found, threads=threads, progress=reporter)
            figures = {**figures, "errors": listed.to_dict()}
        reporter.close()
        if save and listed is not None:
            write_table(listed.table, run / "errors.parquet")
            write_json(run / "truth.json", figures)
        if as_json:
            print(json.dumps(figures, indent=2))
            return
        print(found.evaluation.text())
        print("\n".join(["", *figures_text(figures)]))
        if listed is not None:
            print("\n".join(["", *errors_text(listed, errors)]))


def figures_text(figures: Mapping[str, Any]) -> list[str]:
    """The decision matrix and what is made of it, as lines."""
    from tallystick._formats import aligned
    from tallystick.cli.subgroups import truth_text

    rows = [
        [name, *(f"{row[key]:,}" for key in ("match", "non_match", "unknown"))]
        for name, row in figures["matrix"].items()
    ]
    lines = aligned(["decision", "match", "non-match", "truth unknown"], rows)
    rates, wide = figures["rates"], figures["rates_with_possible"]
    lines += [
        "",
        f"of {figures['allowed_pairs']:,.0f} pairs: specificity {_shown(rates['specificity'], 8)}, type 1 "
        f"error {'none' if rates['type1'] is None else format(rates['type1'], '.3g')}, type 2 error "
        f"{_shown(rates['type2'])}",
        f"with possible links counted as links: precision {_shown(wide['precision'])}, recall "
        f"{_shown(wide['recall'])}, F1 {_shown(wide['f1'])}",
    ]
    cubed, exact = figures["entities"]["b_cubed"], figures["entities"]["exact"]
    lines += [
        f"entities: B-cubed precision {_shown(cubed['precision'])}, recall {_shown(cubed['recall'])}; "
        f"{exact['right']:,} of {exact['true_entities']:,} true entities exactly right, {exact['split']:,} "
        f"split, {exact['joined']:,} entities hold several",
    ]
    for one in exact["by_size"]:
        lines.append(
            f"  of {one['size']} record{'' if one['size'] == '1' else 's'}: {one['right']:,} of "
            f"{one['true_entities']:,} exactly right ({100 * one['share']:.1f} %)"
        )
    if figures["calibration"]:
        expected, true = (sum(row[key] for row in figures["calibration"]) for key in ("expected", "true"))
        lines.append(f"of the kept pairs the posteriors expect {expected:,.1f} matches, {true:,} are")
    if figures["unknown_records"]:
        lines.append(
            f"the truth of {figures['unknown_records']:,} records is unknown: their links count as false in "
            "the rates, and in no other figure"
        )
    return [*lines, *truth_text(figures.get("by", []))]


def errors_text(listed: ErrorList, most: int) -> list[str]:
    """Errors by reason, and the first of them with why, as lines."""
    from tallystick._formats import aligned

    told = listed.to_dict()
    lines = aligned(
        ["error", "reason", "errors"],
        [[row["error"], row["reason"], f"{row['errors']:,}"] for row in told["reasons"]],
    )
    rest = told["missed"] + told["false_links"] - told["listed"]
    if rest:
        lines.append(f"{rest:,} more missed matches are counted, but not listed.")
    for row in listed.table.head(most).iter_rows(named=True):
        ends = " and ".join(f"{row[f'id_{side}']} ({row[f'source_{side}']})" for side in ("left", "right"))
        lines += ["", f"{row['error']}: {ends}: {row['reason']}", row["explanation"]]
    return lines


def _shown(value: float | None, digits: int = 4) -> str:
    return "none" if value is None else f"{value:.{digits}f}"
