"""The words of addresses by country, looked up in folded form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from tallystick.preparation.accents import without_accents
from tallystick.preparation.words.files import shipped

MOST_WORDS = 5
"""No form of the dictionaries has more words."""


class StreetType(NamedTuple):
    """What a form of a street type stands for.

    Attributes
    ----------
    full : str
        The word in full.
    use : str
        ``end`` where the form means something else unless it ends the street (st, dr), ``weak`` where the
        word is as often part of a name (park, hill), else empty.
    """

    full: str
    use: str


@dataclass(frozen=True)
class Lexicon:
    """The words of one country, each by its folded form.

    Attributes
    ----------
    types : mapping of str to StreetType
    before : mapping of str to str
        Types that stand before a number or a letter (county road 5), to their full form.
    directionals, regions : mapping of str to str
        To the standard form.
    units : mapping of str to set of str
        To kinds: ``value`` (flat 3), ``floor`` (2nd floor), ``bare`` (basement), ``building`` (block B),
        ``side`` (left, behind a floor).
    bare_begin : set of str
        First words of the units of kind ``bare``.
    words : mapping of str to set of str
        To kinds: ``redundant``, ``care of``, ``person``, ``country``, ``house``, ``number word``,
        ``streetless``.
    """

    types: Mapping[str, StreetType]
    before: Mapping[str, str]
    directionals: Mapping[str, str]
    regions: Mapping[str, str]
    units: Mapping[str, frozenset[str]]
    bare_begin: frozenset[str]
    words: Mapping[str, frozenset[str]]


@lru_cache(maxsize=65_536)  # addresses share most of their words
def fold(text: str) -> str:
    """Small letters without accents and full stops.

    Examples
    --------
    >>> fold("Bât."), fold("STRAẞE"), fold("P.O.")
    ('bat', 'strasse', 'po')
    """
    text = text.casefold().replace(".", "")
    return text if text.isascii() else without_accents(text, compatible=True)


@cache
def lexicon(country: str) -> Lexicon:
    """The words of a country; without any where its addresses are not known.

    Examples
    --------
    >>> lexicon("US").types["ave"].full, lexicon("FR").types["bd"].full
    ('avenue', 'boulevard')
    """
    types = _rows("street_types", country)
    units = _kinds(_rows("address_units", country))
    return Lexicon(
        types={fold(form): StreetType(full, use or "") for form, full, use in types if use != "before"},
        before={fold(form): full for form, full, use in types if use == "before"},
        directionals={fold(form): standard for form, _, standard in _rows("directionals", country)},
        regions={fold(form): standard for form, standard in _rows("regions", country)},
        units=units,
        bare_begin=frozenset(form.split(" ")[0] for form, kinds in units.items() if "bare" in kinds),
        words=_kinds(_rows("address_words", country)),
    )


def _rows(name: str, country: str) -> list[tuple[str, ...]]:
    """Rows of a dictionary whose first column names the country among others."""
    return [row[1:] for row in shipped(name).iter_rows() if country in row[0].split(" ")]


def _kinds(rows: list[tuple[str, ...]]) -> dict[str, frozenset[str]]:
    kinds: dict[str, frozenset[str]] = {}
    for form, kind in rows:
        key = fold(form)
        kinds[key] = kinds.get(key, frozenset()) | {kind}
    return kinds
