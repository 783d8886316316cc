"""The setting ``country`` of steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints


def _capitals(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Country = Annotated[str, BeforeValidator(_capitals), StringConstraints(pattern="^[A-Z]{2}$")]
"""An ISO 3166-1 code of two letters, in any case."""
