"""Levels of confidence."""

from __future__ import annotations

from tallystick.errors import InputError


def check_alpha(alpha: float) -> None:
    """Refuse a level that leaves no interval of confidence 1 - alpha."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha} is no share between 0 and 1.")
