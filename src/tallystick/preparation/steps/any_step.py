"""Every kind of step, chosen by its ``type``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tallystick.preparation.steps.missing import MissingLabels
from tallystick.preparation.steps.step import Step


def _of_name(step: Any) -> Any:
    """A step that is given by its name alone."""
    return {"type": step} if isinstance(step, str) else step


AnyStep = Annotated[MissingLabels, BeforeValidator(_of_name)]

__all__ = ["AnyStep", "Field", "Step"]
