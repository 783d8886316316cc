"""What the JSON routes take and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tallystick.review.cases import RecordKey
from tallystick.review.rows import can_be_kept
from tallystick.review.standing import Progress
from tallystick.review.tasks import Order, Role, Verdict
from tallystick.review.views import OtherRecord, PairView, RecordView

LARGEST_NUMBER = 2**31 - 1


def _clean(text: str) -> str:
    if not can_be_kept(text):
        raise ValueError("text must not have null characters or halves of characters")
    return text


Text = Annotated[str, Field(max_length=2000), AfterValidator(_clean)]
Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
TaskNumber = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, description="Number of the task.")]
WorklistName = Annotated[str, Path(max_length=200, description="Name of the worklist.")]
Weight = Annotated[float, Field(allow_inf_nan=False)]


class Message(BaseModel):
    """What is sent: nothing but what is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FilterMessage(Message):
    """Which tasks are meant; nothing of it in a blind worklist."""

    low: Weight | None = Field(None, description="Least weight (natural logarithm).")
    high: Weight | None = Field(None, description="Largest weight.")
    strata: list[Text] = Field(default_factory=list, max_length=100)


class PageMessage(Message):
    """Whether the case is wanted as HTML, too."""

    page: bool = False


class NextMessage(PageMessage):
    """What is wanted next."""

    order: Order | None = None
    filters: FilterMessage = FilterMessage()
    after: Number | None = Field(None, description="The task that is left without a verdict.")


class ClaimMessage(PageMessage):
    """Whether a task that is judged is to be settled: then the verdicts of its reviewers are shown."""

    settle: bool = False


class KeyMessage(Message):
    """The name of a record."""

    source: Text
    id: Text


class VerdictMessage(Message):
    """A verdict: of a record ``link`` names the chosen one, ``non-link`` is none of them."""

    verdict: Verdict
    chosen: KeyMessage | None = None
    comment: Text = ""
    ask: bool = Field(False, description="Whether a link that contradicts another is a question (428) first.")
    shown: Text | None = Field(None, description="What the task had as `shown`: then it has to be so still.")

    @property
    def key(self) -> RecordKey | None:
        """The chosen record."""
        return None if self.chosen is None else RecordKey(self.chosen.source, self.chosen.id)


class SearchMessage(PageMessage):
    """Words by field; under the empty name those that may stand in any field."""

    words: dict[Text, Text] = Field(max_length=200)


@dataclass(frozen=True)
class TaskAnswer:
    """The task that is handed out; `judged` where the reviewer has judged it, and `verdict` how.

    `shown` stands for all that is shown of it; `reason` says whether its settlement needs a comment.
    """

    number: int
    worklist: str
    kind: Literal["pair", "record"]
    judged: bool
    verdict: str | None
    shown: str
    reason: bool = False


@dataclass(frozen=True)
class CaseAnswer:
    """A task with its case as the reviewer may see it; `task` is None where none is open."""

    task: TaskAnswer | None
    case: PairView | RecordView | None
    progress: Progress
    comment: str = ""
    html: str | None = None


@dataclass(frozen=True)
class DecidedAnswer:
    """A decision that is kept; `following` is the next disagreement, for one who settles them."""

    number: int
    task: int
    verdict: str | None
    following: int | None = None


@dataclass(frozen=True)
class FoundAnswer:
    """Records that a search has found; `more` where there are others, which are not among them."""

    fields: tuple[str, ...]
    found: tuple[OtherRecord, ...]
    html: str | None = None
    more: bool = False


@dataclass(frozen=True)
class DoneAnswer:
    """Done."""

    done: bool = True


@dataclass(frozen=True)
class MeAnswer:
    """Who asks."""

    name: str
    role: Role
    masked: tuple[str, ...]


@dataclass(frozen=True)
class WorklistAnswer:
    """A worklist and how far it is."""

    name: str
    blind: bool
    reviews: int
    progress: Progress


class Problem(BaseModel):
    """What went wrong, in one sentence."""

    detail: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": words}
    for code, words in (
        (400, "Not understood"),
        (401, "Nobody has signed in"),
        (403, "Not for this role, or sent by another site"),
        (404, "Not there"),
        (409, "Not possible as things are"),
        (413, "Too large"),
        (422, "Not what this route takes"),
        (503, "The store cannot be reached"),
    )
}
"""What any JSON route may answer besides."""

ASKED: dict[int | str, dict[str, Any]] = {
    428: {"model": Problem, "description": "A question first: the link would contradict another"}
}
"""What a verdict may be answered with besides."""
