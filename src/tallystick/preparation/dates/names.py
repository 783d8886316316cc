"""Names of months and weekdays in the languages that come with the package."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

from tallystick.preparation.accents import without_accents
from tallystick.preparation.words.files import shipped

Language = Literal[
    "english",
    "german",
    "french",
    "spanish",
    "italian",
    "dutch",
    "portuguese",
    "swedish",
    "norwegian",
    "danish",
    "icelandic",
    "finnish",
    "polish",
    "czech",
    "croatian",
    "hungarian",
    "romanian",
    "turkish",
    "greek",
    "russian",
    "ukrainian",
]
LANGUAGES: tuple[str, ...] = get_args(Language)

SHORTEST = 3
"""A shorter beginning of a month's name is no abbreviation."""


def folded(text: str) -> str:
    """Small letters without accents, signs of compatibility (full width, º) in their plain form.

    Examples
    --------
    >>> folded("1º Février")
    '1o fevrier'
    """
    return without_accents(unicodedata.normalize("NFKC", text).lower())


@cache
def months(language: str | None = None) -> Mapping[str, int]:
    """Number of the month that a name means.

    Parameters
    ----------
    language : str, optional
        One of `LANGUAGES`: its names come before those of others, and every beginning of them (three letters
        or more) that only one month has is read too.

    Returns
    -------
    mapping of str to int
        `folded` names. Of other languages than the given one only those that mean one month in all of them.

    Examples
    --------
    >>> months()["marz"], months()["aout"], months("english")["octob"]
    (3, 8, 10)
    """
    meanings: dict[str, set[int]] = {}
    own: dict[str, set[int]] = {}
    for where, name, month in shipped("month_names").select("language", "name", "month").rows():
        meanings.setdefault(folded(name), set()).add(int(month))
        if where == language:
            for end in range(SHORTEST, len(name) + 1):
                own.setdefault(folded(name)[:end], set()).add(int(month))
    told = {name: min(found) for name, found in meanings.items() if len(found) == 1}
    return told | {name: min(found) for name, found in own.items() if len(found) == 1}


@cache
def weekdays() -> tuple[str, ...]:
    """`folded` names of days of the week, the longest first."""
    names = {folded(name) for name in shipped("weekday_names")["name"]}
    return tuple(sorted(names, key=lambda name: (-len(name), name)))
