"""Names taken apart by the library nameparser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from tallystick.preparation.extras import require
from tallystick.preparation.names.apart import no_person
from tallystick.preparation.names.cultures import CultureName, culture_of
from tallystick.preparation.names.parts import Part, Split, Undecided


@dataclass(frozen=True)
class LibraryParser:
    """Takes names apart by nameparser, told of the order and of double surnames.

    It knows no firms and no two persons; those are found beforehand as by `RulesParser`.

    Attributes
    ----------
    culture : str, optional
        What is known of the file.

    Examples
    --------
    >>> LibraryParser()("Dr. Ludwig van Beethoven").parts
    {'title': 'Dr', 'first': 'Ludwig', 'last': 'van Beethoven'}
    """

    culture: CultureName | None = None

    def __call__(self, text: str, surname_first: bool | None = None) -> Split | Undecided:
        """Take a name apart (see `NameParser`)."""
        reason = no_person(text)
        if reason:
            return reason
        if surname_first is None:
            surname_first = bool(culture_of(self.culture).surname_first)
        found = _parser(self.culture, surname_first).parse(text).as_dict()
        parts: dict[Part, str] = {}
        for part, key in _KEYS.items():
            value = found[key]
            if part in ("title", "suffix"):
                value = value.replace(".", "").replace(",", "")
            if value:
                parts[part] = value
        if not {"first", "last"} <= set(parts):
            return Undecided.SINGLE
        return Split(parts, marked="," in text, surname_first=surname_first)


_KEYS: dict[Part, str] = {
    "title": "title",
    "first": "given",
    "middle": "middle",
    "last": "family",
    "suffix": "suffix",
    "nickname": "nickname",
    "maiden": "maiden",
}


@cache
def _parser(culture: str | None, surname_first: bool) -> Any:
    library = require("nameparser", 'the parser "nameparser"')
    order = library.GIVEN_FIRST
    if surname_first:
        order = (library.Role.FAMILY, library.Role.GIVEN, library.Role.MIDDLE)
        if culture == "vietnamese":
            order = library.FAMILY_FIRST_GIVEN_LAST
    rules = {library.PatronymicRule.EAST_SLAVIC} if culture == "russian" else set()
    policy = library.Policy(
        name_order=order,
        patronymic_rules=frozenset(rules),
        two_family_names=culture_of(culture).surnames > 1,
    )
    return library.Parser(policy=policy)
