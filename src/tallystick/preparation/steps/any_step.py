"""Every kind of step, chosen by its ``type``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tallystick.preparation.steps.codes import CodeList
from tallystick.preparation.steps.date_parts import JoinDate, SplitDate
from tallystick.preparation.steps.dates import Date
from tallystick.preparation.steps.fold import Fold
from tallystick.preparation.steps.missing import MissingLabels
from tallystick.preparation.steps.repair import Repair
from tallystick.preparation.steps.text import CleanText


def _of_name(step: Any) -> Any:
    """A step that is given by its name alone."""
    return {"type": step} if isinstance(step, str) else step


AnyStep = Annotated[
    Annotated[
        MissingLabels | CleanText | Fold | Repair | CodeList | Date | JoinDate | SplitDate,
        Field(discriminator="type"),
    ],
    BeforeValidator(_of_name),
]
"""The settings of any step; one without settings may be its ``type`` alone."""
