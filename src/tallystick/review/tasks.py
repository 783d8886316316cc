"""What is to be judged, and what people decided: plain data, whatever keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tallystick.review.cases import RecordKey

Verdict = Literal["link", "non-link", "unsure"]
"""What a person says of a pair; of a record ``link`` names a candidate, ``non-link`` is none of them."""
Order = Literal["weight", "information", "plan"]
"""Which task comes next: the heaviest pair, the one whose answer tells most, the next of a sampling plan."""
Role = Literal["reviewer", "adjudicator", "administrator"]
POSSIBLE = "possible"
"""The worklist of the possible links."""
AUDIT = "audit"
"""The worklist of the sample that quality is estimated from."""


@dataclass(frozen=True)
class Task:
    """A pair or a record that is to be judged.

    Attributes
    ----------
    kind : {"pair", "record"}
        Whether two records are judged to be one, or a record's match is looked for.
    left : RecordKey
        The left record of a pair, or the record.
    right : RecordKey or None
        The right record of a pair.
    weight, posterior : float or None
        Of the pair, or of the record's best candidate; None where it has none.
    information : float
        How much its answer is expected to tell; larger comes first in the order ``information``.
    place : int
        Where it stands in the order ``plan``.
    stratum : str or None
        Where it belongs in a sampling plan.
    """

    kind: Literal["pair", "record"]
    left: RecordKey
    right: RecordKey | None
    weight: float | None
    posterior: float | None
    information: float = 0.0
    place: int = 0
    stratum: str | None = None


@dataclass(frozen=True)
class Decision:
    """One row of what people decided: never changed, never taken away.

    Attributes
    ----------
    number : int
        In the order of time.
    worklist : str
        To which the task belongs.
    task : Task
        What was judged.
    reviewer : str
        Who.
    at : datetime
        When, with time zone (UTC).
    kind : {"review", "adjudication", "import", "undo"}
        How it came about.
    verdict : {"link", "non-link", "unsure"} or None
        None of an undo.
    chosen : RecordKey or None
        Of a record that is linked, with whom.
    undoes : int or None
        Number of the decision that an undo takes back.
    comment : str
        Why.
    seen : mapping
        What was on the page: values, weight, posterior.
    run, model : str
        Fingerprint of the run and SHA-256 of the model.
    imported_by : str or None
        Who brought it from a file; None where it was made here.
    """

    number: int
    worklist: str
    task: Task
    reviewer: str
    at: datetime
    kind: Literal["review", "adjudication", "import", "undo"]
    verdict: Verdict | None
    chosen: RecordKey | None
    undoes: int | None
    comment: str
    seen: Mapping[str, Any]
    run: str
    model: str
    imported_by: str | None = None
