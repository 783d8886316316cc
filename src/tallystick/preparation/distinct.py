"""Slow functions of libraries, called once for each distinct text and by several processes where there are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Result = TypeVar("Result")

FEW = 5_000
"""Up to so many texts the start of processes costs more than it saves."""


def map_texts(
    function: Callable[[str], Result], texts: Sequence[str], processes: int = 1, few: int = FEW
) -> list[Result]:
    """What a function makes of each text.

    Parameters
    ----------
    function : callable
        Of one text; at the top of a module, or a `functools.partial` of such, so that another process finds it.
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

    Examples
    --------
    >>> map_texts(str.title, ["anna", "BEN"])
    ['Anna', 'Ben']
    """
    if processes < 2 or len(texts) <= few:
        return [function(text) for text in texts]
    size = max(1, min(2_000, len(texts) // (4 * processes)))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, texts, chunksize=size))
