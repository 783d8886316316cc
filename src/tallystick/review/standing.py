"""Which verdict counts: one judgement, two that agree, or what an adjudicator says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Decision, Task, Verdict

State = Literal["open", "claimed", "done", "disagreement"]
How = Literal["single", "agreed", "adjudicated"]


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
        Those that stand, in the order of time: all, or those of one reviewer where others' are not shown.
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
        On which it rests: all that stand.
    """

    number: int
    worklist: str
    task: Task
    state: Literal["open", "done", "disagreement"]
    verdict: Verdict | None
    chosen: RecordKey | None
    how: How | None
    decisions: tuple[Decision, ...]


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


@dataclass(frozen=True)
class Worklist:
    """A list of tasks.

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
    progress : Progress
        How far it is.
    """

    name: str
    blind: bool
    reviews: int
    share: float
    tasks: int
    progress: Progress
