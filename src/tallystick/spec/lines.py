"""On which line of a TOML file each key stands."""

from __future__ import annotations

import tomllib
from typing import Any

from tallystick._problems import KeyPath


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Line numbers of the keys of a valid TOML text.

    Parameters
    ----------
    text : str
        Text that ``tomllib`` reads.

    Returns
    -------
    dict of path to int
        The line, counted from 1, on which the statement begins that gives a value.

    Examples
    --------
    >>> key_lines("[[passes]]\ntype = 'all_pairs'")
    {('passes', 0): 1, ('passes', 0, 'type'): 2}
    """
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        data = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _table(data, counts)
            found.setdefault(table, number)
        else:
            _note(data, table, number, found)
    return found


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """The line of a path, or of the nearest of what holds it."""
    for length in range(len(path), 0, -1):
        if line := lines.get(path[:length]):
            return line
    return None


def _statements(text: str) -> list[tuple[int, str]]:
    """The headers and key-value pairs of a text, each with the number of its first line."""
    statements = []
    start, pending = 1, ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        pending += line
        try:
            empty = not tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue  # a list or a text over several lines
        if not empty:
            statements.append((start, pending))
        start, pending = number + 1, ""
    return statements


def _table(data: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """Path of the table that a header opens; `counts` holds the lists of tables so far."""
    path: KeyPath = ()
    value: Any = data
    while value:
        if isinstance(value, list):  # the header's last key: one more table of a list
            counts[path] = counts.get(path, -1) + 1
            return (*path, counts[path])
        key, value = next(iter(value.items()))
        path = (*path, key)
        if path in counts and not isinstance(value, list):
            path = (*path, counts[path])
    return path


def _note(value: Any, path: KeyPath, number: int, found: dict[KeyPath, int]) -> None:
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in items:
        found.setdefault((*path, key), number)
        _note(inner, (*path, key), number, found)
