"""Settings of weights as plain data for a saved model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class AsPlain:
    """A dataclass of numbers and tuples of them, written as JSON and read back without loss."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back without loss."""
        return {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` gave."""
        return cls(**{name: tuple(one) if isinstance(one, list) else one for name, one in data.items()})
