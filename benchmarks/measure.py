"""A command as a whole process: its wall time and the peak memory of it and all it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end.
    peak_gb : float
        Largest sum of the resident memory of its processes at one time, in units of 2^30 bytes.
    output : str
        What it printed.
    """

    seconds: float
    peak_gb: float
    output: str


def measure(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end; raise RuntimeError with the end of what it said where it fails.

    The benchmark that calls this must be small itself: the system counts the memory of the caller as that
    of the command until the command is loaded.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(environment or {})},
            stdout=said,
            stderr=errors,
        )
        peaks, done = [0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peaks, done), daemon=True)
        watch.start()
        # wait4 and not wait: the system's own peak of the one process has no gaps between samples.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watch.join()
        said.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"{' '.join(map(str, command))}: exit status {process.returncode}\n{errors.read()[-2000:]}"
            )
        return Measured(seconds, max(peaks[0], usage.ru_maxrss * 1024) / 2**30, said.read())


def _watch(pid: int, peaks: list[int], done: threading.Event) -> None:
    while not done.wait(INTERVAL):
        peaks[0] = max(peaks[0], _resident(pid))


def _resident(pid: int) -> int:
    """Bytes that a process and its descendants hold now; pages that they share count for each."""
    total = 0
    try:
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(_resident(int(child)) for child in (task / "children").read_text().split())
    except (OSError, IndexError):
        pass  # it ended while it was looked at, or the system has no /proc: then wait4 alone tells
    return total
