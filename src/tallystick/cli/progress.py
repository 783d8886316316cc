"""Progress on a terminal as bars, elsewhere as plain lines; nothing for what is over within a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE = 1.0
"""Seconds after which a stage is worth mentioning."""
LINE_EVERY = 10.0
"""Seconds between two plain lines of one stage."""


class Reporter:
    """Tells a person how far the stages are; also called as a `tallystick._progress.Progress`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._started = self._said = 0.0
        self._bars: Bars | None = None
        self._task: TaskID | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of a stage are complete."""
        if self._quiet:
            return
        now = time.monotonic()
        if stage != self._stage:
            self.close()
            self._stage, self._started, self._said = stage, now, now
        if now - self._started < PATIENCE:
            return
        if self._terminal:
            self._show(stage, done, total)
        elif now - self._said >= (LINE_EVERY if done < total else PATIENCE):
            self._said = now
            share = f" {done / total:.0%}" if total else ""
            print(f"{stage}:{share} of {total:,}, {now - self._started:.0f} s", file=sys.stderr, flush=True)

    def _show(self, stage: str, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bars.start()
            self._task = self._bars.add_task(stage, total=total)
        assert self._task is not None
        self._bars.update(self._task, completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars, self._task = None, None
