"""Addresses that are written number first and locality last: United States, Great Britain, Australia."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from tallystick.preparation.addresses.lexicon import Lexicon, fold, lexicon
from tallystick.preparation.addresses.parts import NOTHING, Split, undecided
from tallystick.preparation.addresses.street import UNCLEAR, Street, read_street
from tallystick.preparation.addresses.units import take_units

NUMBER = re.compile(r"\d+[a-z]?(?:[-/](?:\d+[a-z]?|[a-z]))*|[nsew]\d+[nsew]\d+|[nsew]\d{3,}", re.I)
_FRACTION = re.compile(r"\d/\d")
_UNIT_AND_NUMBER = re.compile(r"u?([a-z]?\d+[a-z]?)/(\d+[a-z]?(?:-\d+[a-z]?)?)", re.I)
_SCOTTISH_FLAT = re.compile(r"\d{1,2}/\d{1,2}|\d?[fgb]\d{1,2}|\d[fgb]\d{0,2}", re.I)

NUMBER_WORD = "the first word may be the house number or part of the street"
TWO_STREETS = "more than one street stands in it"


def split_english(segments: Sequence[Sequence[str]], country: str, *, open_end: bool, box: bool) -> Split:
    """Split what is left when box, region and postcode are taken.

    Parameters
    ----------
    segments : sequence of sequence of str
        Words of each segment between commas.
    country : {"US", "GB", "AU"}
    open_end : bool
        Whether a locality is to be expected, since region or postcode followed.
    box : bool
        Whether a box was there, so that there need be no street.
    """
    words = lexicon(country)
    lines, units, buildings = _without_units(segments, country, words)
    at = _numbered(lines, country, words)
    number = ""
    numbered = at is not None
    if at is None:
        at = _typed(lines, words)
    if at is None:
        return _without_street(lines, units, buildings, words, box=box)
    line, before, after = list(lines[at]), lines[:at], lines[at + 1 :]
    if numbered:
        front, number, line = _numbers(line, country, words, segments)
        buildings = [*buildings, front] if front else buildings
    if not number and "number word" in words.words.get(fold(line[0]), ()):
        return undecided(NUMBER_WORD)
    street = read_street(line, country, locality_follows=bool(after), open_end=open_end)
    if street is None or (not number and _holds_building(street.name, words)):
        return undecided(UNCLEAR)
    if any(_is_street(line, words) and not _is_building(line, words) for line in [*before, *after[:-1]]):
        return undecided(TWO_STREETS)
    lines_after, inner = _buildings_after(after, words)
    locality, region = _locality(street, lines_after, country, words)
    parts = {
        "number": number,
        "unit": " ".join(units),
        "building": ", ".join([*[" ".join(line) for line in before], *buildings, *inner]),
        "directional": street.directional,
        "street": street.name,
        "street_type": street.type,
        "locality": locality,
        "region": region,
    }
    return Split({part: value for part, value in parts.items() if value}, "")


def _without_units(
    segments: Sequence[Sequence[str]], country: str, words: Lexicon
) -> tuple[list[list[str]], list[str], list[str]]:
    lines: list[list[str]] = []
    units: list[str] = []
    buildings: list[str] = []
    for k, segment in enumerate(segments):
        last = k == len(segments) - 1
        if country == "GB" and len(segment) == 1 and not last and _SCOTTISH_FLAT.fullmatch(segment[0]):
            units.append(segment[0])
            continue
        tokens = _unit_apart(segment, words) if country == "AU" else segment
        rest, unit, building = take_units(tokens, words)
        units += unit
        buildings += building
        if lines and " ".join(map(fold, rest)) in words.directionals:
            # "Pennsylvania Ave., N.W."
            lines[-1] += rest
        elif rest:
            # "12, High Street": the number is a segment of its own.
            if lines and len(lines[-1]) == 1 and NUMBER.fullmatch(lines[-1][0]):
                rest = [*lines.pop(), *rest]
            lines.append(rest)
    return lines, units, buildings


def _unit_apart(segment: Sequence[str], words: Lexicon) -> list[str]:
    """Words of an Australian line, 3/12 being unit 3 of number 12."""
    tokens: list[str] = []
    for token in segment:
        both = _UNIT_AND_NUMBER.fullmatch(token)
        if both is None:
            tokens.append(token)
        else:
            named = tokens and "value" in words.units.get(fold(tokens[-1]), ())
            tokens += [*([] if named else ["unit"]), both[1], both[2]]
    return tokens


def _numbered(lines: Sequence[Sequence[str]], country: str, words: Lexicon) -> int | None:
    """The line with the house number: the last such one, but rather one with a street's type."""
    found = [k for k, line in enumerate(lines) if _number_at(line, country) is not None]
    typed = [k for k in found if _is_street(lines[k], words)]
    return typed[-1] if typed else found[0] if found else None


def _number_at(line: Sequence[str], country: str) -> int | None:
    """Where the house number stands; in Britain and Australia perhaps behind the name of a building."""
    for i, token in enumerate(line[:1] if country == "US" and len(line) > 1 else line[:-1]):
        if NUMBER.fullmatch(token):
            return i
    return None


def _numbers(
    line: list[str], country: str, words: Lexicon, segments: Sequence[Sequence[str]]
) -> tuple[str, str, list[str]]:
    """What stands before the house number, the number with its letter or fraction, and what follows."""
    at = _number_at(line, country) or 0
    front, number, rest = line[:at], line[at], line[at + 1 :]
    # Where a unit stood between them, what follows is not the number's.
    if len(rest) < 2 or not any(
        one.endswith(number) and after == rest[0] for segment in segments for one, after in pairwise(segment)
    ):
        return " ".join(front), number, rest
    if _FRACTION.fullmatch(rest[0]):
        return " ".join(front), f"{number} {rest[0]}", rest[1:]
    # "12 A Street" has no other name than the letter, "12 A Hill Street" has; in the United States a letter
    # is never the number's.
    letter = len(rest[0]) == 1 and rest[0].isalpha() and number[-1].isdigit()
    if letter and country != "US":
        named = fold(rest[1]) not in words.types or any(fold(word) in words.types for word in rest[2:])
        return (" ".join(front), number + rest[0], rest[1:]) if named else (" ".join(front), number, rest)
    return " ".join(front), number, rest


def _typed(lines: Sequence[Sequence[str]], words: Lexicon) -> int | None:
    """The line that is a street by its type, where no line has a number."""
    found = [k for k, line in enumerate(lines) if _is_street(line, words)]
    return found[-1] if found else None


def _is_street(line: Sequence[str], words: Lexicon) -> bool:
    """Whether a word behind the first one is the type of a street and no mere part of a name."""
    keys = [fold(token) for token in line]
    if " ".join(keys) in words.words and "streetless" in words.words[" ".join(keys)]:
        return True
    if any(
        " ".join(keys[:n]) in words.before and keys[n : n + 1] and _names_road(keys[n]) for n in (1, 2, 3, 4)
    ):
        return True
    numbered = NUMBER.fullmatch(line[0]) is not None
    for i, key in enumerate(keys[1:], 1):
        kind = words.types.get(key)
        ends = i == len(keys) - 1 or keys[i + 1] in words.directionals
        if kind is not None and (kind.use == "" or (kind.use == "end" and (ends or numbered))):
            return True
        if kind is not None and numbered and i > 1:
            return True
    return False


def _names_road(key: str) -> bool:
    """Whether a road may be called so behind its type: a number or a letter."""
    return key[0].isdigit() or len(key) == 1


def _is_building(line: Sequence[str], words: Lexicon) -> bool:
    return NUMBER.fullmatch(line[0]) is None and "house" in words.words.get(fold(line[-1]), ())


def _holds_building(name: str, words: Lexicon) -> bool:
    """Whether the name of a house may stand before that of the street: The Lodge High (Street)."""
    return any("house" in words.words.get(fold(word), ()) for word in name.split(" ")[1:-1])


def _buildings_after(lines: list[list[str]], words: Lexicon) -> tuple[list[list[str]], list[str]]:
    """Lines behind the street without those of buildings, and these; the last one is the locality."""
    inner = [line for line in lines[:-1] if _is_building(line, words)]
    return [line for line in lines if line not in inner], [" ".join(line) for line in inner]


def _locality(street: Street, lines: list[list[str]], country: str, words: Lexicon) -> tuple[str, str]:
    names = [street.locality] if street.locality else []
    names += [" ".join(line) for line in lines]
    if country == "GB" and len(names) > 1 and (county := words.regions.get(fold(names[-1]))):
        return ", ".join(names[:-1]), county
    return ", ".join(names), ""


def _without_street(
    lines: list[list[str]], units: list[str], buildings: list[str], words: Lexicon, *, box: bool
) -> Split:
    """A box, or a building that is known by its name alone."""
    parts = {"unit": " ".join(units), "building": ", ".join(buildings)}
    if lines and _is_building(lines[0], words) and len(lines) > 1:
        parts["building"] = ", ".join([" ".join(lines.pop(0)), *buildings])
    elif not box:
        return undecided(NOTHING)
    names = [" ".join(line) for line in lines]
    if len(names) == 2 and names[-1].casefold() in words.regions:
        parts["region"] = words.regions[names.pop().casefold()]
    if len(names) > 1 and not box:
        # The one behind the building may be a street without a type, or a village.
        return undecided(NOTHING)
    parts["locality"] = ", ".join(names)
    return Split({part: value for part, value in parts.items() if value}, "")
