"""Slow functions of libraries: called once for each distinct text, by several processes if there are many."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

from tallystick.errors import RunError

Result = TypeVar("Result")

FEW = 5_000
"""Up to so many texts the start of processes costs more than it saves."""


def map_texts(
    function: Callable[[str], Result], texts: Sequence[str], processes: int = 1, few: int = FEW
) -> list[Result]:
    """What a function makes of each text.

    Processes are started as commands of their own, so that a user's script needs no guard around its
    main part, as those of `multiprocessing` would.

    Parameters
    ----------
    function : callable
        Of one text; at the top of a module, or a `functools.partial` of such, so that another process can
        import it.
    texts : sequence of str
        Distinct texts.
    processes : int
        How many processes share the work where there are more than `few` texts.
    few : int
        Up to how many texts one process does it.

    Returns
    -------
    list
        In the order of the texts.

    Raises
    ------
    RunError
        If a process fails; without what it said, since that may hold a value.

    Examples
    --------
    >>> map_texts(str.title, ["anna", "BEN"])
    ['Anna', 'Ben']
    """
    if processes < 2 or len(texts) <= few:
        return [function(text) for text in texts]
    parts = [list(texts[start::processes]) for start in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        found = list(pool.map(lambda part: _elsewhere(function, part), parts))
    result: list[Result] = [found[0][0]] * len(texts)
    for start, values in enumerate(found):
        result[start::processes] = values
    return result


def map_given(
    function: Callable[[str], Result], texts: pl.Series, missing: Result, processes: int = 1
) -> list[Result]:
    """What a function makes of each text of a series, and `missing` where there is none (see `map_texts`).

    Examples
    --------
    >>> map_given(str.title, pl.Series(["anna", None]), "")
    ['Anna', '']
    """
    given = texts.is_not_null()
    found = iter(map_texts(function, texts.filter(given).to_list(), processes))
    return [next(found) if is_given else missing for is_given in given]


def _elsewhere(function: Callable[[str], Result], texts: list[str]) -> list[Result]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from tallystick.preparation.distinct import work; work()"],
        input=pickle.dumps(sys.path) + pickle.dumps((function, texts)),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        kind = done.stderr.decode(errors="replace").strip().rpartition("\n")[2].partition(":")[0]
        raise RunError(
            f"a process that prepares values failed ({kind or 'without a message'}): try one thread."
        )
    result: list[Result] = pickle.loads(done.stdout)
    return result


def work() -> None:
    """What such a process does: read a function and texts from its input, write the results."""
    sys.path[:] = pickle.load(sys.stdin.buffer)
    function, texts = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps([function(text) for text in texts]))
