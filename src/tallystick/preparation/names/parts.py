"""What a parser of names returns: the parts of a name, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

Part = Literal["title", "first", "middle", "last", "suffix", "nickname", "maiden"]
PARTS: tuple[Part, ...] = ("title", "first", "middle", "last", "suffix", "nickname", "maiden")


class Undecided(StrEnum):
    """Why a value has no parts; the text is what a report says."""

    SINGLE = "a single word: forename or surname"
    PERSONS = "more than one person"
    FIRM = "a firm or another body"
    DIGITS = "holds digits"
    COMMAS = "commas that make no order"
    NOTE = "a note in brackets"
    MARRIED = "a husband's surname beside another"
    HUSBAND = "the forename is a husband's"
    ORDER = "surname or forename first"
    SCRIPT = "no space between surname and forename, and where one ends is not known"


@dataclass(frozen=True, slots=True)
class Split:
    """A name in parts.

    Attributes
    ----------
    parts : dict of Part to str
        Those that are there.
    marked : bool
        Whether the value itself says which is the surname: by a comma, capitals, initials at its end, its
        script.
    surname_first : bool
        Which stood first.
    """

    parts: dict[Part, str]
    marked: bool = False
    surname_first: bool = False


class NameParser(Protocol):
    """Takes one name apart."""

    def __call__(self, text: str, surname_first: bool | None = None) -> Split | Undecided:
        """Take a name apart.

        Parameters
        ----------
        text : str
            The name.
        surname_first : bool, optional
            Which comes first where the name itself does not say it; by default what the parser's
            culture has.

        Returns
        -------
        Split or Undecided
        """
        ...
