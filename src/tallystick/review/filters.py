"""Which tasks of a worklist are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Verdict

Wanted = Literal["open", "done", "unsure", "disagreement", "all"]
"""States that tasks can be asked for by."""


@dataclass(frozen=True)
class Filters:
    """Which tasks of a worklist are meant: those that meet all of it.

    Attributes
    ----------
    weight_low, weight_high : float or None
        The weight is at least, at most (natural logarithm); a task without a weight meets neither.
    state : {"open", "done", "unsure", "disagreement", "all"}
        ``done`` has a verdict that counts, ``unsure`` among them; ``unsure`` is that this verdict is unsure.
    strata : tuple of str
        Strata of a sampling plan; empty for any.
    verdict : {"link", "non-link", "unsure"} or None
        The verdict that counts.
    records : tuple of RecordKey
        One of these records is in the task; empty for any.
    as_seen_by : str or None
        Name of a reviewer who is not to know what others judged: a disagreement counts as ``done``, no task
        is in the state ``disagreement``, and `verdict` and ``unsure`` are that reviewer's own.
    """

    weight_low: float | None = None
    weight_high: float | None = None
    state: Wanted = "open"
    strata: tuple[str, ...] = ()
    verdict: Verdict | None = None
    records: tuple[RecordKey, ...] = ()
    as_seen_by: str | None = None
