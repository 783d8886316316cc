"""``tallystick finalise``: the decisions of reviewers applied to a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.app import Force, Quiet, Threads, _plain_errors
from tallystick.cli.progress import Reporter
from tallystick.cli.stores import RunDirectory, StoreUrl

if TYPE_CHECKING:
    from tallystick.linkage.reviews.finalise import Finalised
    from tallystick.linkage.saved_run import SavedRun

RE_ESTIMATED = (
    "parameters estimated with the decisions: answers in the order information were chosen by more than the\n"
    "patterns of pairs, so that the number of matches may be off by some percent; an audit tells better"
)


def finalise(
    run: RunDirectory,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new directory for the results.")],
    store: StoreUrl = None,
    re_estimate: Annotated[
        bool,
        typer.Option("--re-estimate", help="Estimate m, u and the match rate anew with the decisions."),
    ] = False,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Apply the decisions of reviewers to a run, and write the run that comes of it."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        from tallystick.cli.commands import _find_modules_in
        from tallystick.linkage.folder import check_folder
        from tallystick.linkage.reviews.finalise import finalise as apply
        from tallystick.linkage.reviews.store import open_store
        from tallystick.linkage.saved_run import open_run

        check_folder(out, force)
        _find_modules_in(Path())
        open_store(run, store, create=False).close()  # before anything is read that takes its time
        opened = open_run(run, threads=threads, progress=reporter)
        with open_store(run, store, create=False) as decisions:
            standing, worklists = decisions.standing(), decisions.worklists()
        done = apply(
            run,
            out,
            standing,
            worklists,
            re_estimate=re_estimate,
            force=force,
            threads=threads,
            progress=reporter,
            opened=opened,
        )
        reporter.close()
        if not quiet:
            print(_summary(done, opened, out))


def _summary(done: Finalised, opened: SavedRun, out: Path) -> str:
    """What was decided, what changed, and where to look."""
    figures, links = done.figures, done.figures["links"]
    verdicts = figures["verdicts"]
    rates = done.links.quality()
    before = opened.quality.get("estimated", {})

    def share(now: float | None, then: float | None) -> str:
        return "unknown" if now is None else f"{now:.4f}" + ("" if then is None else f" (was {then:.4f})")

    open_ = verdicts["open"] + verdicts["disagreement"]
    lines = [
        f"{figures['tasks'] - open_:,} of {figures['tasks']:,} tasks are judged: {verdicts['link']:,} links, "
        f"{verdicts['non-link']:,} non-links, {verdicts['unsure']:,} unsure"
        + (f"; {verdicts['disagreement']:,} in disagreement" if verdicts["disagreement"] else ""),
        f"links: {links['before']:,} before, {links['after']:,} now: {links['confirmed']:,} confirmed, "
        f"{links['new_by_review']:,} new, {links['refused']:,} refused, {links['displaced']:,} displaced, "
        f"{links['new_by_consequence']:,} more new and {links['lost_by_consequence']:,} lost, decided anew",
        f"possible links: {figures['possible']['before']:,} before, {figures['possible']['after']:,} still "
        "open",
        f"entities changed: {figures['entities_changed']:,} (all changes in {out / 'changes.parquet'})",
        f"estimated precision {share(rates.precision, before.get('precision'))}, "
        f"recall {share(rates.recall, before.get('recall'))}",
        *([RE_ESTIMATED] if figures["re_estimated"] else []),
        f"results in {out}; open {out / 'report.html'}",
    ]
    return "\n".join(lines)
