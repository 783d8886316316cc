"""Addresses with the postcode before the locality: Germany, France, the Netherlands, and others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tallystick.preparation.addresses.lexicon import Lexicon, fold, lexicon
from tallystick.preparation.addresses.parts import NOTHING, REST, Split, undecided
from tallystick.preparation.addresses.units import take_units

_LETTER = r"[a-z](?![^\W\d])"
_BEHIND = {
    # 12, 12 a, 12-14, 12/14, 12a-c, 12 1/2
    "DE": rf"\d+(?: 1/2)?(?: ?{_LETTER})?(?:[-/+]\d*{_LETTER}?|[-/+]\d+)*",
    # 12, 12a, 12 a, 123-II, 12-3, 12 bis, 12 hs
    "NL": r"\d+(?:[-/]\d+)*(?:[-/ ]?[a-z])?(?:[-/ ]?(?:bis|ter|huis|hs|rood|zw|[ivx]{1,4}))?"
    r"(?:[-/][\da-z]{1,4})*",
}
_BEHIND[""] = _BEHIND["DE"]
_LAST = {
    country: re.compile(rf"(?P<street>.*[^\W\d].*?) (?P<number>{number})", re.I)
    for country, number in _BEHIND.items()
}
_FIRST_OF_OTHERS = re.compile(r"(?P<number>\d+(?:[-/]\d+)*) (?P<street>.*[^\W\d].*)")
_FIRST = re.compile(
    r"(?P<number>\d+(?:[-/]\d+)*(?: ?(?:bis|ter|quater|quinquies)\b|[a-z]\b| [a-z](?= ))?"
    r"(?:[-/]\d+[a-z]?)*) (?P<street>.*[^\W\d].*)",
    re.I,
)
_ONLY_NUMBER = re.compile(r"\d+ ?[a-z]?(?:[-/]\d+ ?[a-z]?)*|\d+ ?(?:bis|ter|quater)", re.I)
_SQUARE = re.compile(r"[A-U] ?\d{1,2}", re.I)
_YEAR = re.compile(r".* (?:1[6-9]|20)\d\d")
_ABBREVIATED = {"DE": ("str", "straße", "strasse"), "NL": ("str", "straat", "straat")}
_LINKS = {
    "der",
    "des",
    "dem",
    "den",
    "die",
    "van",
    "de",
    "het",
    "am",
    "im",
    "an",
    "zum",
    "zur",
    "vom",
    "von",
    "ter",
}
_PREPOSITIONS = {
    "am",
    "an",
    "auf",
    "bei",
    "beim",
    "hinter",
    "im",
    "in",
    "unter",
    "vor",
    "zu",
    "zum",
    "zur",
    "aan",
    "op",
    "bij",
}

TWO_NUMBERS = "two numbers stand at its end"


def split_continental(segments: Sequence[Sequence[str]], country: str, *, box: bool) -> Split:
    """Split what stands before the postcode, a box taken out.

    Parameters
    ----------
    segments : sequence of sequence of str
        Words of each segment between commas.
    country : str
        ``DE``, ``FR``, ``NL``, or another, where a number at either end is told from the street alone.
    box : bool
        Whether a box was there, so that there need be no street.
    """
    words = lexicon(country)
    lines: list[str] = []
    units: list[str] = []
    buildings: list[str] = []
    for segment in segments:
        rest, unit, building = take_units(segment, words)
        units += unit
        buildings += building
        lines += _building_apart(rest, words)
    lines, square = _joined(lines)
    found = [k for k, line in enumerate(lines) if square == k or _number(line, country, words)]
    found = found or [k for k, line in enumerate(lines) if _has_type(line, country, words)]
    if not found:
        named = (
            len(lines) == 1
            and not any(c.isdigit() for c in lines[0])
            and "building" in words.units.get(fold(lines[0].split(" ")[0]), ())
        )
        if not named and not (box and not lines):
            return undecided(NOTHING)
        return _made(units, [*lines, *buildings])
    at = found[0]
    if len(lines) > at + 1 or any(c.isdigit() for line in lines[:at] for c in line):
        return undecided(REST)
    number, street = _number(lines[at], country, words) or ("", lines[at])
    if square == at:
        street, _, number = lines[at].rpartition(" ")
    elif country != "FR" and _holds_number(street, words):
        return undecided(TWO_NUMBERS)
    name, kind = _type(street, country, words)
    made = _made(units, [*lines[:at], *buildings])
    return Split(
        {**(made.parts or {}), **_present({"number": _close(number), "street": name, "street_type": kind})},
        "",
    )


def _holds_number(street: str, words: Lexicon) -> bool:
    """Whether a name holds what may be the house number; Straße 12 and Plein 1944 are names themselves."""
    first = fold(street.split(" ")[0])
    return (
        re.search(r" \d+[a-z]?(?= |$)", street) is not None
        and first not in words.types
        and not _YEAR.fullmatch(street)
    )


def _building_apart(tokens: list[str], words: Lexicon) -> list[str]:
    """The line that the words make; two where a building stands before the number: Résidence X 5 allée Y."""
    if tokens and "building" in words.units.get(fold(tokens[0]), ()):
        for i in range(1, len(tokens) - 1):
            if _ONLY_NUMBER.fullmatch(tokens[i]) and fold(tokens[i + 1]) in words.types:
                return [" ".join(tokens[:i]), " ".join(tokens[i:])]
    return [" ".join(tokens)] if tokens else []


def _made(units: Sequence[str], buildings: Sequence[str]) -> Split:
    return Split(_present({"unit": " ".join(units), "building": ", ".join(buildings)}), "")


def _present(parts: dict[str, str]) -> dict[str, str]:
    return {part: value for part, value in parts.items() if value}


def _joined(lines: list[str]) -> tuple[list[str], int | None]:
    """Lines, each number that stands by itself joined to its street, and which is a square of Mannheim."""
    joined: list[str] = []
    square = None
    for line in lines:
        if joined and _ONLY_NUMBER.fullmatch(joined[-1]):
            joined[-1] = f"{joined[-1]} {line}"
        elif joined and _ONLY_NUMBER.fullmatch(line):
            # The squares are named by a letter and a number, which is not the one of the house.
            if _SQUARE.fullmatch(joined[-1]):
                square = len(joined) - 1
            joined[-1] = f"{joined[-1]} {_close(line)}"
        else:
            joined.append(line)
    return joined, square


def _close(number: str) -> str:
    """A number with its letter directly behind it; what is a word of its own (bis, hs) stays apart."""
    return re.sub(r"(?<=\d) (?=[A-Za-z](?:[-/+]|$))", "", number)


def _number(line: str, country: str, words: Lexicon) -> tuple[str, str] | None:
    """House number and street of a line, or None."""
    if country != "FR":
        found = _LAST.get(country, _LAST[""]).fullmatch(line)
        if found is not None:
            return found["number"], found["street"]
    found = (_FIRST if country == "FR" else _FIRST_OF_OTHERS).fullmatch(line)
    if found is None:
        return None
    number, _, letter = found["number"].rpartition(" ")
    if number and fold(letter) in words.types:
        # "12 r de la Paix": the letter is short for rue.
        return number, f"{letter} {found['street']}"
    return found["number"], found["street"]


def _has_type(line: str, country: str, words: Lexicon) -> bool:
    if _type(line, country, words)[1]:
        return True
    last = fold(line.split(" ")[-1])
    usual = [key for key, kind in words.types.items() if kind.use != "weak" and len(key) > 2]
    return country != "FR" and any(last.endswith(key) and len(last) > len(key) + 1 for key in usual)


def _type(street: str, country: str, words: Lexicon) -> tuple[str, str]:
    """Name and type of a street; a type that is part of a word stays there, in full."""
    tokens = street.split(" ")
    keys = [fold(token) for token in tokens]
    if country in _ABBREVIATED:
        tokens[-1] = _in_full(tokens[-1], *_ABBREVIATED[country])
    first, last = words.types.get(keys[0]), words.types.get(keys[-1])
    if country == "FR":
        two = words.types.get(" ".join(keys[:2]))
        if two is not None and len(tokens) > 2:
            return " ".join(tokens[2:]), two.full
        if first is not None and len(tokens) > 1:
            return " ".join(tokens[1:]), first.full
    elif first is not None and len(tokens) > 1 and keys[1] in _LINKS:
        return " ".join(tokens[1:]), first.full
    if last is not None and len(tokens) > 1 and last.use != "weak" and keys[0] not in _PREPOSITIONS:
        return " ".join(tokens[:-1]), last.full
    return " ".join(tokens), ""


def _in_full(word: str, short: str, full: str, without_accents: str) -> str:
    """A word that ends in a short form of its type, with the type in full: Hauptstr. to Hauptstraße."""
    bare = word.removesuffix(".")
    if len(bare) <= len(short) + 1 or not bare.casefold().endswith(short):
        return word
    if bare.isupper():
        return bare + without_accents[len(short) :].upper()
    return bare + full[len(short) :]
