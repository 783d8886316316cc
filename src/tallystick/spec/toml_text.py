"""TOML texts of any kind of specification: read, and what is wrong in them said line by line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tallystick._problems import KeyPath, Problem, sentences, written_path
from tallystick.errors import SpecError
from tallystick.spec.lines import key_lines, line_of


def read_toml_text(path: str | Path) -> str:
    """The text of a TOML file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Raises
    ------
    SpecError
        If the file cannot be read or is not UTF-8.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: the specification cannot be read ({error.strerror})") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{path}, line {line}: found bytes that are not UTF-8; save it as UTF-8") from None
    return text.removeprefix("\ufeff")


def toml_data(text: str, name: str) -> dict[str, Any]:
    """The tables and keys of a TOML text.

    Parameters
    ----------
    text : str
    name : str
        What messages call the text.

    Returns
    -------
    dict

    Raises
    ------
    SpecError
        If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{name}: not valid TOML: {_syntax(str(error))}") from None


def refuse(text: str, name: str, found: Sequence[Problem]) -> NoReturn:
    """Raise `SpecError` with the problems of a text, a line each, in the order of its lines.

    Parameters
    ----------
    text : str
        Valid TOML.
    name : str
        What messages call it.
    found : sequence of Problem
        At least one.
    """
    lines = key_lines(text)

    def where(path: KeyPath) -> str:
        line = line_of(path, lines)
        return ", ".join(filter(None, [name, f"line {line}" if line else "", written_path(path)]))

    in_order = sorted(found, key=lambda problem: line_of(problem.path, lines) or len(text))
    raise SpecError(sentences(in_order, where))


def _syntax(message: str) -> str:
    """The parser's message, with the place first told in our words."""
    text, _, place = message.partition(" (at ")
    text = text[:1].lower() + text[1:]
    return f"{text}, at {place.removesuffix(')')}" if place else text
