"""Which verdict counts: one judgement, two that agree, or what an adjudicator says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Decision, Task, Verdict

State = Literal["open", "claimed", "done", "disagreement"]
How = Literal["single", "agreed", "adjudicated"]
Answer = tuple[Verdict, RecordKey | None]
"""A verdict, and of a record that is linked, with whom."""


@dataclass(frozen=True)
class Judgement:
    """What the decisions about a task come to.

    Attributes
    ----------
    state : {"open", "done", "disagreement"}
        Whether it is judged.
    verdict : {"link", "non-link", "unsure"} or None
        The verdict that counts; None unless it is done.
    chosen : RecordKey or None
        Of a record that is linked, with whom.
    how : {"single", "agreed", "adjudicated"} or None
        How that verdict came about.
    """

    state: Literal["open", "done", "disagreement"]
    verdict: Verdict | None = None
    chosen: RecordKey | None = None
    how: How | None = None


def judge(wanted: int, decisions: Sequence[Decision]) -> Judgement:
    """What the decisions about a task come to.

    Parameters
    ----------
    wanted : int
        How many people are to judge it.
    decisions : sequence of Decision
        Those that stand: neither undone nor an undo. An adjudication counts before all others.

    Returns
    -------
    Judgement

    Examples
    --------
    >>> judge(1, []).state
    'open'
    """
    for decision in reversed(decisions):
        if decision.kind == "adjudication":
            return Judgement("done", decision.verdict, decision.chosen, "adjudicated")
    if len(decisions) < wanted:
        return Judgement("open")
    first = decisions[0]
    if any((other.verdict, other.chosen) != (first.verdict, first.chosen) for other in decisions[1:]):
        return Judgement("disagreement")
    return Judgement("done", first.verdict, first.chosen, "single" if len(decisions) == 1 else "agreed")


def first_judgements(wanted: int, decisions: Iterable[Any]) -> tuple[Any, ...]:
    """The judgements of a task when all that are wanted were in for the first time.

    From then on its reviewers can know of each other, so that what is changed later says nothing of how far
    they agree by themselves.

    Parameters
    ----------
    wanted : int
        How many people are to judge it.
    decisions : iterable
        All about the task in the order of time, undone and undoing ones too, with the attributes ``number``,
        ``kind`` and ``undoes`` of a `Decision`.

    Returns
    -------
    tuple
        As many of them as are wanted; empty where that many never stood at once.

    Examples
    --------
    >>> first_judgements(2, [])
    ()
    """
    stand: dict[int, Any] = {}
    for one in decisions:
        if one.kind == "undo":
            stand.pop(one.undoes, None)
        elif one.kind != "adjudication":
            stand[one.number] = one
            if len(stand) == wanted:
                return tuple(stand.values())
    return ()


@dataclass(frozen=True)
class TaskRow:
    """A task as a store has it.

    Attributes
    ----------
    number : int
        Its number in the store.
    worklist : str
        To which it belongs.
    task : Task
        What is to be judged.
    state : {"open", "claimed", "done", "disagreement"}
        ``claimed``: open, and somebody is on it.
    wanted : int
        How many people are to judge it.
    verdict : {"link", "non-link", "unsure"} or None
        The verdict that counts; None unless it is done.
    chosen : RecordKey or None
        Of a record that is linked, with whom.
    claimed_by : str or None
        Who is on it.
    decisions : tuple of Decision
        Those that stand, in the order of time: all, or those of one reviewer where others' are not shown;
        what was seen is left out of them.
    """

    number: int
    worklist: str
    task: Task
    state: State
    wanted: int
    verdict: Verdict | None
    chosen: RecordKey | None
    claimed_by: str | None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Standing:
    """The verdict that counts for a task.

    Attributes
    ----------
    number : int
        Number of the task.
    worklist : str
        To which it belongs.
    task : Task
        What was judged.
    state : {"open", "done", "disagreement"}
        Whether it is judged.
    verdict : {"link", "non-link", "unsure"} or None
        None unless it is done.
    chosen : RecordKey or None
        Of a record that is linked, with whom.
    how : {"single", "agreed", "adjudicated"} or None
        How the verdict came about.
    decisions : tuple of Decision
        On which it rests: all that stand; what was seen is left out of them.
    compared : tuple of Answer or None
        Of a task that two people judge: what they said when both had judged for the first time.
    """

    number: int
    worklist: str
    task: Task
    state: Literal["open", "done", "disagreement"]
    verdict: Verdict | None
    chosen: RecordKey | None
    how: How | None
    decisions: tuple[Decision, ...]
    compared: tuple[Answer, Answer] | None = None


@dataclass(frozen=True)
class Progress:
    """How far a worklist is.

    Attributes
    ----------
    tasks, done, disagreements : int
        Tasks in all, with a verdict that counts, and in disagreement.
    unsure : int
        Those of `done` whose verdict is unsure.
    claimed : int
        Tasks that somebody is on now.
    by_reviewer : mapping of str to int
        Decisions that stand, by who made them.
    """

    tasks: int
    done: int
    unsure: int
    disagreements: int
    claimed: int
    by_reviewer: Mapping[str, int] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """Tasks that are still to be judged."""
        return self.tasks - self.done - self.disagreements

    def as_seen_by(self, reviewer: str, reviews: int) -> Progress:
        """The figures without what others judged.

        A disagreement counts as done. Where two people judge a task, unsure verdicts are not counted: their
        number would tell whether the other agreed.

        Parameters
        ----------
        reviewer : str
            Who looks at them.
        reviews : int
            How many people judge a task.

        Returns
        -------
        Progress

        Examples
        --------
        >>> Progress(9, 4, 1, 2, 0, {"ann": 5, "bea": 6}).as_seen_by("ann", 2)
        Progress(tasks=9, done=6, unsure=0, disagreements=0, claimed=0, by_reviewer={'ann': 5})
        """
        own = {name: n for name, n in self.by_reviewer.items() if name == reviewer}
        unsure = self.unsure if reviews == 1 else 0
        done = self.done + self.disagreements
        return replace(self, done=done, unsure=unsure, disagreements=0, by_reviewer=own)


@dataclass(frozen=True)
class Listed:
    """A list of tasks, as far as it never changes.

    Attributes
    ----------
    name : str
        Its name.
    blind : bool
        Whether reviewers are not to see what the machine says.
    reviews : int
        2 where tasks are judged by two people.
    share : float
        Share of the tasks that are.
    tasks : int
        How many there are.
    """

    name: str
    blind: bool
    reviews: int
    share: float
    tasks: int


@dataclass(frozen=True)
class Worklist(Listed):
    """A list of tasks; the other attributes as of `Listed`.

    Attributes
    ----------
    progress : Progress
        How far it is.
    """

    progress: Progress
