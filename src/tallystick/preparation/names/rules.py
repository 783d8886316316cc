"""The parser of names that comes with the package."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.preparation.names.apart import Pieces, take_apart
from tallystick.preparation.names.cultures import Culture, CultureName, culture_of
from tallystick.preparation.names.divide import bound, divide, forenames
from tallystick.preparation.names.lexicon import Lexicon, folded, lexicon_of
from tallystick.preparation.names.parts import PARTS, Part, Split, Undecided
from tallystick.preparation.names.scripts import divide_unspaced, is_east_asian
from tallystick.preparation.names.signs import (
    capital_surname,
    customary_order,
    is_surname_alone,
    marked_order,
    spread_initials,
)

_DOTS = frozenset("·・")
_AND = frozenset({"y", "i", "e", "en"})
"""Between forenames these join two persons; between surnames (not ``en``) they join those of one."""


@dataclass(frozen=True)
class RulesParser:
    """Takes names apart by the rules of a culture.

    Attributes
    ----------
    culture : str, optional
        What is known of the file; by default rules that hold in most.

    Examples
    --------
    >>> RulesParser()("Dr. Ludwig van Beethoven").parts
    {'title': 'Dr', 'first': 'Ludwig', 'last': 'van Beethoven'}
    >>> RulesParser("spanish")("Federico García Lorca").parts
    {'first': 'Federico', 'last': 'García Lorca'}
    >>> RulesParser()("John and Mary Smith").value
    'more than one person'
    """

    culture: CultureName | None = None

    def __call__(self, text: str, surname_first: bool | None = None) -> Split | Undecided:
        """Take a name apart (see `NameParser`)."""
        lexicon, culture = lexicon_of(self.culture or ""), culture_of(self.culture)
        pieces = take_apart(text.replace("·", " ").replace("・", " "), lexicon)
        if isinstance(pieces, Undecided):
            return pieces
        if pieces.last is not None:
            return _with_comma(pieces, lexicon, culture)
        if len(pieces.words) == 1:
            pair = divide_unspaced(pieces.words[0], culture.name)
            if pair is None or isinstance(pair, Undecided):
                return pair or Undecided.SINGLE
            return _split(pieces, [pair[1]], [pair[0]], culture, marked=True)
        words = spread_initials(_von_und_zu(pieces.words), lexicon)
        lexicon = _with_arabic(words, lexicon)
        capitals = capital_surname(words, lexicon)
        if capitals is not None:
            given = bound(words[: capitals.start] + words[capitals.stop :], lexicon)
            first = not capitals.start
            return _split(pieces, given, words[capitals], culture, marked=True, surname_first=first)
        # A dot in the middle stands in foreign names, which keep their own order.
        marked = False if _DOTS & set(text) else marked_order(words, lexicon, culture)
        words = bound(words, lexicon)
        if len(words) == 1 or is_surname_alone(words, lexicon):
            return Undecided.SINGLE
        order: bool | Undecided | None = surname_first if marked is None else marked
        if order is None:
            order = customary_order(words, lexicon, culture)
        if isinstance(order, Undecided):
            return order
        if not order and len(words) > 2 and words[1] in _AND:
            return Undecided.PERSONS
        given, last = divide(words, order, lexicon, culture)
        if culture.name == "hungarian" and len(words) == 2 and given[0].lower().endswith("né"):
            return Undecided.HUSBAND
        sure = marked is not None or is_east_asian(words[0])
        return _split(pieces, given, last, culture, marked=sure, surname_first=order)


def _with_comma(pieces: Pieces, lexicon: Lexicon, culture: Culture) -> Split | Undecided:
    """A name whose surname stands before a comma."""
    last = _von_und_zu(pieces.last or [])
    lexicon = _with_arabic([*last, *pieces.words], lexicon)
    one_word = culture.name in ("chinese", "korean") and len(last) > 1
    # There a surname is one word, or one of a few of two: "Chan Tai Man, Peter" has more before its comma.
    if one_word and divide([*last, "."], True, lexicon, culture)[1] != last:
        return Undecided.COMMAS
    given = bound(spread_initials([*pieces.words, "x"], lexicon)[:-1], lexicon)
    return _split(pieces, given, last, culture, marked=True)


def _split(
    pieces: Pieces,
    given: list[str],
    last: list[str],
    culture: Culture,
    *,
    marked: bool,
    surname_first: bool = True,
) -> Split:
    found: dict[Part, str] = {"last": " ".join(last), **forenames(given, culture)}
    around: dict[Part, list[str]] = {
        "title": pieces.title,
        "suffix": pieces.suffix,
        "nickname": pieces.nickname,
        "maiden": pieces.maiden,
    }
    found |= {part: " ".join(words) for part, words in around.items() if words}
    return Split({part: found[part] for part in PARTS if part in found}, marked, surname_first)


def _with_arabic(words: list[str], lexicon: Lexicon) -> Lexicon:
    """Among Arabic names "Al" is an article, whatever culture the file has."""
    if {"bin", "ibn", "bint", "binti"}.isdisjoint(folded(word) for word in words):
        return lexicon
    return lexicon_of("arabic")


def _von_und_zu(words: list[str]) -> list[str]:
    """These three words as the one particle that they are."""
    small = [word.lower() for word in words]
    for at in range(len(words) - 2):
        if small[at : at + 3] == ["von", "und", "zu"]:
            return [*words[:at], " ".join(words[at : at + 3]), *words[at + 3 :]]
    return words
