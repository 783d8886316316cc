"""Worklists judged in a table: its tasks written for a reviewer, the answers read back."""

from __future__ import annotations

import sys
from pathlib import Path

from tallystick.errors import InputError
from tallystick.review.cases import Casebook
from tallystick.review.filters import Filters
from tallystick.review.importing import Imported
from tallystick.review.sheet import read_sheet, sheet, write_sheet
from tallystick.review.standing import TaskRow
from tallystick.review.store import Store
from tallystick.review.tasks import Order
from tallystick.review.views import Sight


def export_sheet(store: Store, casebook: Casebook, worklist: str, path: str | Path, reviewer: str) -> int:
    """Write the open tasks of a worklist as a table with values, for one who judges without the application.

    Parameters
    ----------
    store : Store
        Tasks and decisions.
    casebook : Casebook
        Records and pairs.
    worklist : str
        Its name.
    path : path
        Ends in ``.csv`` or ``.parquet``.
    reviewer : str
        Who judges: fields that are masked for this person are left out, and tasks that they have
        judged.

    Returns
    -------
    int
        Tasks in the table.

    Raises
    ------
    InputError
        Where there is no such worklist, or the person is not active.
    """
    blind = any(one.blind for one in store.listed() if one.name == worklist)
    rows = _tasks(store, worklist, Filters(state="open"), "plan" if blind else "information")
    known = store.reviewer(reviewer)
    if known is not None and not known.active:
        raise InputError(f"{reviewer} is not active: name a reviewer who is.")
    masked = frozenset(() if known is None else known.masked)
    asked = [row for row in rows if all(one.reviewer != reviewer for one in row.decisions)]
    write_sheet(sheet(asked, casebook, Sight(masked, blind, casebook.weighed)), path)
    return len(asked)


def import_sheet(
    store: Store,
    casebook: Casebook,
    path: str | Path,
    reviewer: str,
    importer: str,
    worklist: str | None = None,
) -> Imported:
    """Add the answers of a table of tasks: all of them, or none where a row is wrong.

    Parameters
    ----------
    store, casebook, path
        As of `export_sheet`.
    reviewer : str
        Who has judged.
    importer : str
        Who brings the answers: an administrator.
    worklist : str, optional
        The only worklist whose tasks may be in the table.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        Where a row is wrong, or contradicts a decision that stands: the message names the row.
    """
    lists = {one.name: one.blind for one in store.listed() if worklist in (None, one.name)}
    tasks = {row.number: row for name in lists for row in _tasks(store, name, Filters(state="all"), "plan")}
    rows, unanswered = read_sheet(path, tasks, casebook, reviewer, blind=lists)
    return store.import_rows(rows, path, importer, unanswered=unanswered)


def _tasks(store: Store, worklist: str, filters: Filters, order: Order) -> tuple[TaskRow, ...]:
    return store.tasks(worklist, filters, most=sys.maxsize, order=order)
