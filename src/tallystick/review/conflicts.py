"""Links of reviewers that a new one would contradict, since a record has one link at most."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.review.cases import Casebook, RecordKey
from tallystick.review.filters import Filters
from tallystick.review.people import Reviewer
from tallystick.review.standing import TaskRow
from tallystick.review.store import Store

_MOST = 100
"""Links of one record that are looked at."""

Linked = dict[tuple[RecordKey, RecordKey], TaskRow]


def linked_by_reviewers(
    store: Store, worklists: Iterable[str], doubled: Iterable[str], reviewer: Reviewer, *keys: RecordKey
) -> Linked:
    """Links that stand of tasks about some records, by record and the one that it is linked with.

    Parameters
    ----------
    store : Store
        The decisions.
    worklists, doubled : iterable of str
        Worklists, and those in which two people judge blind to each other, so that a reviewer is told own
        verdicts alone.
    reviewer : Reviewer
        Who asks.
    *keys : RecordKey
        The records.

    Returns
    -------
    dict of (RecordKey, RecordKey) to TaskRow
        Each link from either side.
    """
    found: Linked = {}
    for name in worklists:
        own = name in set(doubled) and reviewer.role == "reviewer"
        asked = Filters(state="all", verdict="link", records=keys, as_seen_by=reviewer.name if own else None)
        for row in store.tasks(name, asked, most=_MOST, reviewer=reviewer.name if own else None):
            other = row.task.right or (row.decisions[-1].chosen if own and row.decisions else row.chosen)
            if other is not None:
                found[row.task.left, other] = found[other, row.task.left] = row
    return found


def contradicted(
    linked: Linked, casebook: Casebook, left: RecordKey, right: RecordKey, task: int
) -> str | None:
    """A question where a link would be the second one of a record that has one at most.

    Parameters
    ----------
    linked : dict
        As of `linked_by_reviewers`.
    casebook : Casebook
        Says how many links a record may have.
    left, right : RecordKey
        The records of the new link.
    task : int
        Its task, whose own verdict is replaced.

    Returns
    -------
    str or None
    """
    for record, other in ((left, right), (right, left)):
        for (one, known), row in linked.items():
            if one != record or known == other or row.number == task or known.source != other.source:
                continue
            if casebook.once(record, other.source):
                return (
                    f"{record.id} is linked with {known.id} already ({row.task.kind} {row.number}), and "
                    "has one link at most: link anyway?"
                )
    return None
