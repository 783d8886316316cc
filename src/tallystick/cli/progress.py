"""Progress on a terminal as bars, elsewhere as plain lines; nothing for what is over within a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE = 1.0
"""Seconds after which a stage is worth mentioning."""
LINE_EVERY = 10.0
"""Seconds between two plain lines of one stage."""


class Reporter:
    """Tells a person how far the stages are; also called as a `tallystick._progress.Progress`.

    Parameters
    ----------
    quiet : bool
        Say nothing at all.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(self, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.quiet = quiet
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._done = self._total = 0
        self._started = self._said = 0.0
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.RLock()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of a stage are complete."""
        if self.quiet:
            return
        with self._lock:
            now = self._clock()
            if stage != self._stage:
                self.close()
                self._stage, self._started, self._said = stage, now, now
                if self._terminal:
                    # A single long step calls only when it is over: the bar must not wait for that.
                    self._timer = threading.Timer(PATIENCE, self._open, (stage,))
                    self._timer.daemon = True
                    self._timer.start()
            self._done, self._total = done, total
            if self._terminal:
                self._update()
            elif now - self._started >= PATIENCE and now - self._said >= (
                LINE_EVERY if done < total else PATIENCE
            ):
                self._said = now
                share = f" {done / total:.0%}" if total else ""
                print(
                    f"{stage}:{share} of {total:,}, {now - self._started:.0f} s", file=sys.stderr, flush=True
                )

    def _open(self, stage: str) -> None:
        """Show the bar of a stage that is still under way."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if stage != self._stage:
                return
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,  # which else would go to the standard error
            )
            self._bars.start()
            self._task = self._bars.add_task(stage, total=self._total)
            self._update()

    def _update(self) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=self._done, total=self._total)

    def close(self) -> None:
        """Take the bar away."""
        with self._lock:
            self._stage = ""
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._bars is not None:
                self._bars.stop()
                self._bars, self._task = None, None
