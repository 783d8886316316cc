"""Dictionaries of names that comparators read, wherever these stand in a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tallystick.comparisons.forenames import Forename
from tallystick.preparation.nicknames import is_culture


def _parts(one: Any) -> dict[str, Any]:
    """Settings of a comparator or condition that are comparators or conditions themselves, or hold such."""
    held = ("comparator", "conditions", "all", "any", "none")
    return {key: value for key in held if (value := getattr(one, key, None)) is not None}


def dictionary_files(comparator: Any) -> Iterator[str]:
    """Paths of the files that a comparator and those within it read.

    Parameters
    ----------
    comparator : Comparator, Levels or Condition

    Yields
    ------
    str

    Examples
    --------
    >>> from tallystick.comparisons.forenames import forename
    >>> from tallystick.comparisons.sets import any_of
    >>> list(dictionary_files(any_of(forename(nicknames=["german", "names.csv"]))))
    ['names.csv']
    """
    if isinstance(comparator, Forename):
        yield from (name for name in comparator.nicknames if not is_culture(name))
        return
    for value in _parts(comparator).values():
        for one in value if isinstance(value, tuple) else (value,):
            yield from dictionary_files(one)


def with_dictionary_files(comparator: Any, joined: Callable[[str], str]) -> Any:
    """The comparator with the paths of its files, and of those within it, as they are to be opened.

    Parameters
    ----------
    comparator : Comparator, Levels or Condition
    joined : callable
        From a path as it was written to the one to open.

    Returns
    -------
    Comparator, Levels or Condition
        The same object where it reads no file.
    """
    if not any(dictionary_files(comparator)):
        return comparator
    if isinstance(comparator, Forename):
        files = tuple(name if is_culture(name) else joined(name) for name in comparator.nicknames)
        return comparator.model_copy(update={"nicknames": files})
    changed = {
        key: tuple(with_dictionary_files(one, joined) for one in value)
        if isinstance(value, tuple)
        else with_dictionary_files(value, joined)
        for key, value in _parts(comparator).items()
    }
    return comparator.model_copy(update=changed)
