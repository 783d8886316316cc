"""How a long stage tells how far it is: a function, so that no stage knows a terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as a stage goes on."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of the stage are complete; the first call has ``done=0``."""


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""
