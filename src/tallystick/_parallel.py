"""Units of work on threads, results in the order of the units."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Unit = TypeVar("Unit")
Result = TypeVar("Result")


def default_threads() -> int:
    """Number of processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def run_units(
    work: Callable[[Unit], Result], units: Iterable[Unit], threads: int | None = None
) -> Iterator[Result]:
    """Results of ``work(unit)`` in the order of `units`, whatever the number of threads.

    At most two units a thread are under way or waiting to be taken, so memory stays bounded.

    Parameters
    ----------
    work : callable
        Function of one unit that releases the interpreter lock where it counts.
    units : iterable
        The units of work.
    threads : int, optional
        Number of threads; by default that of the processors.

    Yields
    ------
    Result

    Examples
    --------
    >>> list(run_units(lambda n: n * n, [3, 1, 2], threads=2))
    [9, 1, 4]
    """
    count = threads or default_threads()
    if count == 1:
        yield from map(work, units)
        return
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for unit in units:
                waiting.append(pool.submit(work, unit))
                if len(waiting) >= 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
