"""What the routes work with: the store, the casebook, and what a reviewer may see of both."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tallystick._pages import page_environment
from tallystick.errors import InputError
from tallystick.review.agreement import Agreement
from tallystick.review.cases import Casebook, CaseRecord, RecordKey
from tallystick.review.conflicts import Linked, linked_by_reviewers
from tallystick.review.people import Reviewer
from tallystick.review.security import Attempts
from tallystick.review.settings import Settings
from tallystick.review.standing import Listed, Progress, TaskRow, Worklist
from tallystick.review.store import Store
from tallystick.review.tasks import AUDIT, POSSIBLE, Decision
from tallystick.review.views import (
    OtherRecord,
    PairView,
    RecordView,
    Sight,
    check_words,
    show_found,
    show_task,
)

MOST_FOUND = 25
"""Records that a search shows."""
_QUICK = 0.02
"""Seconds; figures that take longer to count are kept for a while."""
_TITLES = {POSSIBLE: "Possible links", AUDIT: "Audit"}
_T = TypeVar("_T")


class NotFound(InputError):
    """What was asked for is not there."""


@dataclass
class Desk:
    """The store, the casebook and the settings of one application, and what follows from them.

    Attributes
    ----------
    store : Store
        Tasks, decisions and people.
    casebook : Casebook
        Records and pairs.
    settings : Settings
        How the application is served.
    """

    store: Store
    casebook: Casebook
    settings: Settings
    attempts: Attempts = field(default_factory=lambda: Attempts(most=20))
    attempts_at_name: Attempts = field(default_factory=lambda: Attempts(most=5))
    _lists: dict[str, Listed] = field(default_factory=dict)
    _figures: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict)
    # Casebooks promise nothing of threads, and answer in milliseconds.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.pages = page_environment("tallystick.review", ("count", "percent", "probability", "weight"))
        self.pages.globals["verdict_words"] = verdict_words
        self.pages.globals["title_of"] = title_of
        self.pages.globals["then_of"] = then_of
        self.look()

    def worklist(self, name: str) -> Listed:
        """A worklist by name; `NotFound` where there is none."""
        if name not in self._lists:
            self.look()
        if name not in self._lists:
            raise NotFound("There is no such worklist.")
        return self._lists[name]

    def look(self) -> None:
        """See which worklists the store has now."""
        self._lists = {one.name: one for one in self.store.listed()}

    def worklists(self) -> tuple[Worklist, ...]:
        """All worklists, with figures, as the store has them now."""
        self.look()
        return self.store.worklists()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the worklists that were there when last looked."""
        return tuple(self._lists)

    def progress(self, worklist: str, reviewer: Reviewer) -> Progress:
        """How far a worklist is, as somebody may know; of large ones figures may be some seconds old."""
        figures = self._counted("progress", worklist, lambda: self.store.progress(worklist))
        return self.known_to(reviewer, worklist, figures)

    def known_to(self, reviewer: Reviewer, worklist: str, figures: Progress) -> Progress:
        """Figures of a worklist without what others judged, for one who is not to know of it."""
        if reviewer.role != "reviewer":
            return figures
        return figures.as_seen_by(reviewer.name, self.worklist(worklist).reviews)

    def agreement(self, worklist: str) -> Agreement | None:
        """How far people agree, where two judge a task; of large worklists it may be some seconds old."""
        if self.worklist(worklist).reviews < 2:
            return None
        return self._counted("agreement", worklist, lambda: self.store.agreement(worklist))

    def _counted(self, what: str, worklist: str, count: Callable[[], _T]) -> _T:
        now = time.monotonic()
        until, known = self._figures.get((what, worklist), (0.0, None))
        if known is not None and now < until:
            found: _T = known
            return found
        found = count()
        took = time.monotonic() - now
        self._figures[what, worklist] = (now + (20 * took if took > _QUICK else 0.0), found)
        return found

    def task(self, number: int, reviewer: Reviewer) -> TaskRow:
        """A task with the decisions of one reviewer; `NotFound` where there is none of this number."""
        try:
            return self.store.task(number, reviewer=reviewer.name)
        except InputError as error:
            raise NotFound(str(error)) from None

    def sight(self, reviewer: Reviewer, worklist: str) -> Sight:
        """What a reviewer may see in a worklist."""
        return Sight(frozenset(reviewer.masked), self.worklist(worklist).blind, self.casebook.weighed)

    def view(self, row: TaskRow, reviewer: Reviewer) -> PairView | RecordView:
        """What a reviewer sees of a task."""
        sight = self.sight(reviewer, row.worklist)
        with self._lock:
            return show_task(row.task, self.casebook, sight)

    def linked(self, reviewer: Reviewer, *keys: RecordKey) -> Linked:
        """Links that reviewers have made of some records, as far as a reviewer may know them."""
        self.look()
        doubled = [one.name for one in self._lists.values() if one.reviews > 1]
        return linked_by_reviewers(self.store, self.names, doubled, reviewer, *keys)

    def record(self, key: RecordKey) -> CaseRecord:
        """A record with its values."""
        with self._lock:
            return self.casebook.record(key).record

    def shown(
        self, row: TaskRow, view: PairView | RecordView, key: RecordKey, reviewer: Reviewer
    ) -> OtherRecord:
        """What a reviewer who has a task in view sees of a record that may be that of it.

        `InputError` where it may not be.
        """
        if key.source not in self.casebook.partners(row.task.left.source) or key == row.task.left:
            raise InputError("This record cannot be the one that is looked for: choose another.")
        for one in view.candidates if isinstance(view, RecordView) else ():
            if one.key == key:
                return one
        sight = self.sight(reviewer, row.worklist)
        return show_found([self.record(key)], self.record(row.task.left), self.casebook.fields, sight)[0]

    def search(
        self,
        words: dict[str, str],
        sources: tuple[str, ...],
        reviewer: Reviewer,
        worklist: str,
        most: int = MOST_FOUND,
    ) -> tuple[CaseRecord, ...]:
        """Records by words in fields that a reviewer sees; `InputError` where a field is masked."""
        sight = self.sight(reviewer, worklist)
        kept = check_words(words, self.casebook.fields, sight)
        seen = sight.shown(self.casebook.fields)
        with self._lock:
            if "" not in kept or len(seen) == len(self.casebook.fields):
                return self.casebook.search(kept, sources, most)
            # A casebook searches all fields for words of any; with masked ones each seen field is searched.
            anywhere = kept.pop("")
            found: dict[RecordKey, CaseRecord] = {}
            for name in seen:
                both = {**kept, name: f"{kept.get(name, '')} {anywhere}".strip()}
                found |= {one.key: one for one in self.casebook.search(both, sources, most)}
        return tuple(found.values())[:most]


def then_of(worklist: str) -> str:
    """What comes when a worklist is judged, as a sentence; empty where nothing is known of it.

    Examples
    --------
    >>> then_of("audit")
    'tallystick audit estimate works out the error rates.'
    """
    return {
        POSSIBLE: "tallystick finalise applies the decisions to the run.",
        AUDIT: "tallystick audit estimate works out the error rates.",
    }.get(worklist, "")


def title_of(worklist: str) -> str:
    """What a page calls a worklist.

    Examples
    --------
    >>> title_of("possible"), title_of("northern area")
    ('Possible links', 'northern area')
    """
    return _TITLES.get(worklist, worklist)


def verdict_words(decision: Decision) -> str:
    """A verdict as a page says it.

    Parameters
    ----------
    decision : Decision
        The decision.

    Returns
    -------
    str
    """
    if decision.task.kind == "record":
        if decision.verdict == "non-link":
            return "none of them"
        if decision.chosen is not None:
            return f"{decision.chosen.source} {decision.chosen.id}"
    return str(decision.verdict)


def finite(data: Any) -> Any:
    """The same data without numbers that JSON cannot hold.

    Examples
    --------
    >>> finite({"weight": float("-inf"), "parts": [1.5, float("nan")]})
    {'weight': None, 'parts': [1.5, None]}
    """
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return data
