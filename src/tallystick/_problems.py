"""Problems of a specification in plain sentences, one a problem.

Each says what a user can act on: the key as it is written in the specification, what was found,
what was expected, and the nearest valid name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

KeyPath = tuple[str | int, ...]
"""Keys and positions that lead to a value, from the outermost."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    path : tuple of str and int
        Where: keys and positions from the outermost; empty for the whole.
    text : str
        What was found and what was expected.
    """

    path: KeyPath
    text: str


def written_path(path: Sequence[str | int]) -> str:
    """A path as TOML and Python users write it.

    Examples
    --------
    >>> written_path(("comparisons", 2, "comparator", "thresholds", 0))
    'comparisons[2].comparator.thresholds[0]'
    >>> written_path(("fields", "given name"))
    'fields."given name"'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text


def nearest(word: object, names: Iterable[str]) -> str | None:
    """The valid name that a misspelt one is nearest to, if any is near.

    Examples
    --------
    >>> nearest("jaro_wrinkler", ["jaro", "jaro_winkler", "levenshtein"])
    'jaro_winkler'
    >>> nearest("colour", ["path", "name"]) is None
    True
    """
    if not isinstance(word, str):
        return None
    by_fold = {name.casefold(): name for name in names}
    found = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def one_of(names: Sequence[str]) -> str:
    """The names in quotes, as what was expected.

    Examples
    --------
    >>> one_of(["link", "dedupe"])
    'one of "link", "dedupe"'
    """
    return ("one of " if len(names) > 1 else "") + ", ".join(f'"{name}"' for name in names)


def misspelt(word: object, names: Sequence[str], what: str = "") -> str:
    """What to say of a word that is none of the valid names.

    Parameters
    ----------
    word : object
        What was found.
    names : sequence of str
        What would have been valid.
    what : str
        What the names are (``"a field"``), for lists too long to print.

    Returns
    -------
    str
    """
    near = nearest(word, names)
    hint = f'; did you mean "{near}"?' if near else ""
    return f"found {shown(word)}, expected {what or one_of(names)}{hint}"


def unknown_key(key: object, valid: Sequence[str]) -> str:
    """What to say of a key that is none of the valid ones.

    Examples
    --------
    >>> unknown_key("sede", ["name", "seed"])
    'found an unknown key, expected one of "name", "seed"; did you mean "seed"?'
    """
    near = nearest(key, valid)
    hint = f'; did you mean "{near}"?' if near else ""
    return "found an unknown key, expected " + (one_of(valid) if valid else "no key") + hint


def shown(value: object, limit: int = 60) -> str:
    """A value as it would stand in TOML, cut where it is long; tables and objects by their kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, (int, float)):
        text = repr(value)
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(item, limit) for item in value) + "]"
    elif isinstance(value, Mapping):
        return "a table of keys"
    else:
        name = type(value).__name__
        return f"a value of type {name}"
    return text if len(text) <= limit else text[: limit - 4] + "..." + text[-1]


def sentences(problems: Iterable[Problem], where: Callable[[KeyPath], str]) -> str:
    """The problems one a line, each with where it is.

    Parameters
    ----------
    problems : iterable of Problem
    where : callable
        Gives the text in front of the colon for a path.

    Returns
    -------
    str
    """
    return "\n".join(dict.fromkeys(f"{where(problem.path)}: {problem.text}" for problem in problems))


def report(problems: Sequence[Problem], of: str) -> NoReturn:
    """Fail from within a pydantic validator, with the path of each problem below the validated model.

    Parameters
    ----------
    problems : sequence of Problem
        At least one.
    of : str
        Name of the model.

    Raises
    ------
    pydantic.ValidationError
        Which `tallystick._translation.problems_of` turns back into these problems, the path in
        front completed.
    """
    raise ValidationError.from_exception_data(
        of,
        [
            InitErrorDetails(
                type=PydanticCustomError("problem", "{text}", {"text": problem.text}),
                loc=problem.path,
                input=None,
            )
            for problem in problems
        ],
    )
