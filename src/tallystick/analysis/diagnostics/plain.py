"""Diagnostics as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np


def as_plain(found: Any) -> Any:
    """Diagnostics as plain values, for JSON: what is no number is None."""
    if isinstance(found, tuple | list):
        return [as_plain(one) for one in found]
    if isinstance(found, Mapping):
        return {key: as_plain(value) for key, value in found.items()}
    if isinstance(found, float | np.floating):
        return float(found) if np.isfinite(found) else None
    if hasattr(found, "__dataclass_fields__"):
        return as_plain(asdict(found))
    return found
