"""How names are built in the cultures that the parser knows.

The customs are those described by R. Ishida, Personal names around the world (W3C, 2011) and in A Guide to
Names and Naming Practices (UK, 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CultureName = Literal[
    "english",
    "spanish",
    "portuguese",
    "dutch",
    "german",
    "french",
    "italian",
    "russian",
    "arabic",
    "chinese",
    "japanese",
    "korean",
    "vietnamese",
    "hungarian",
    "indian",
    "icelandic",
    "scandinavian",
]


@dataclass(frozen=True)
class Culture:
    """How a name is built.

    Attributes
    ----------
    name : str
        Of the culture; empty where none is known.
    surname_first : bool, optional
        The custom where the value does not say it; None where both are usual.
    surnames : int
        How many surnames a person has.
    forename : {"first", "all", "last"}
        Which of the forenames is the one beside middle names: the first of them, all of them together, or
        the last.
    """

    name: str = ""
    surname_first: bool | None = False
    surnames: int = 1
    forename: Literal["first", "all", "last"] = "first"


_NAMED = (
    Culture("spanish", surnames=2, forename="all"),
    Culture("portuguese", surnames=2, forename="all"),
    Culture("chinese", surname_first=True, forename="all"),
    Culture("japanese", surname_first=None, forename="all"),
    Culture("korean", surname_first=True, forename="all"),
    Culture("vietnamese", surname_first=True, forename="last"),
    Culture("hungarian", surname_first=True),
)
_BY_NAME = {one.name: one for one in _NAMED}


def culture_of(name: str | None) -> Culture:
    """The customs of a culture.

    Examples
    --------
    >>> culture_of("spanish").surnames, culture_of(None).surname_first
    (2, False)
    """
    return _BY_NAME.get(name or "", Culture(name or ""))
