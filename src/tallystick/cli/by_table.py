"""Worklists judged in a table, apart from how the commands are called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.cli.commands import _check_file, _find_modules_in
from tallystick.cli.stores import who
from tallystick.linkage.reviews.casebook import open_casebook
from tallystick.linkage.reviews.store import note_store, open_store
from tallystick.linkage.reviews.tasks import fill_possible
from tallystick.preparation.write import check_suffix
from tallystick.review.tasks import AUDIT, POSSIBLE

if TYPE_CHECKING:
    from tallystick.review.importing import Imported


def export_tasks(
    run: Path, worklist: str, file: Path, reviewer: str | None, store: str | None, *, force: bool
) -> str:
    """Write the open tasks of a worklist with values; what was done, as a line."""
    check_suffix(file)
    _check_file(file, force)
    _find_modules_in(Path())
    with open_store(run, store, create=worklist == POSSIBLE) as opened:
        from tallystick.review.by_table import export_sheet

        cases = open_casebook(run)
        if worklist == POSSIBLE:
            fill_possible(opened, cases.opened)
        tasks = export_sheet(opened, cases, worklist, file, who(reviewer))
    back = "audit import" if worklist == AUDIT else "decisions import"
    return (
        f"{file}: {tasks:,} tasks to be judged, with values of records\nin the column answer, beside the "
        f"record: the number of a candidate, 0 for none, ? for unsure; then tallystick {back} {run} {file}"
    )


def import_answers(
    run: Path, worklist: str | None, file: Path, reviewer: str | None, store: str | None
) -> str:
    """Read the answers of a table of tasks; what was done, as a line."""
    _find_modules_in(Path())
    with open_store(run, store, create=False) as opened:
        from tallystick.review.by_table import import_sheet

        cases = open_casebook(run)
        note_store(run, opened)
        done = import_sheet(opened, cases, file, who(reviewer), who(None), worklist)
    return imported_text(file, done, "tasks have no answer")


def imported_text(file: Path, done: Imported, without: str) -> str:
    """What came of a file, as a line."""
    text = f"{file}: {done.added:,} decisions added"
    if done.there:
        text += f"; {done.there:,} were there already"
    if done.unanswered:
        text += f"; {done.unanswered:,} {without}"
    return text
