"""Flats, floors and blocks, found by their designators."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tallystick.preparation.addresses.lexicon import MOST_WORDS, Lexicon, fold

VALUE = re.compile(r"(?:[a-z]{0,2}\d+[a-z]{0,2}(?:[-/.]\w{1,4})*|[a-z](?:-?\d+)?|[ivx]+)", re.I)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|e|er|ère|ème|\.)", re.I)
_FUSED = re.compile(r"(\#|[^\W\d]{2,}\.?)(\d+[a-z]?)", re.I)


def split_fused(token: str, words: Lexicon) -> list[str]:
    """A designator apart from the number that it is written together with: ``apt4b``, ``#5``."""
    found = _FUSED.fullmatch(token)
    if found and words.units.get(fold(found[1]), frozenset()) & {"value", "floor"}:
        return [found[1], found[2]]
    return [token]


def take_units(tokens: Sequence[str], words: Lexicon) -> tuple[list[str], list[str], list[str]]:
    """The tokens of one segment without its units.

    Parameters
    ----------
    tokens : sequence of str
    words : Lexicon

    Returns
    -------
    rest, units, buildings : list of str
        Units without their designators; blocks as they are written.
    """
    rest: list[str] = []
    units: list[str] = []
    buildings: list[str] = []
    i = 0
    while i < len(tokens):
        kinds = _kinds(tokens, i, words)
        after = tokens[i + 1] if i + 1 < len(tokens) else ""
        if kinds & {"value", "floor"} and after == "#":
            tokens = [*tokens[: i + 1], *tokens[i + 2 :]]
            after = tokens[i + 1] if i + 1 < len(tokens) else ""
        is_value = VALUE.fullmatch(after) is not None
        in_words = "number word" in words.words.get(fold(after), ()) and len(tokens) == i + 2
        if "value" in kinds and (is_value or in_words):
            units.append(after)
            i += 2
        elif "floor" in kinds and _is_floor(rest) and (len(rest) == 1 or not is_value):
            # The side belongs to the floor: 2. OG links.
            side = [after] if "side" in _kinds(tokens, i + 1, words) else []
            units.append(" ".join([rest.pop(), *side]))
            i += 1 + len(side)
        elif "floor" in kinds and is_value and after[0].isdigit():
            units.append(after)
            i += 2
        elif "building" in kinds and is_value and fold(after) not in words.types:
            buildings.append(f"{tokens[i]} {after}")
            i += 2
        elif (n := _bare(tokens, i, words)) and (not rest or i + n == len(tokens)):
            units.append(" ".join(tokens[i : i + n]))
            i += n
        else:
            rest.append(tokens[i])
            i += 1
    return rest, units, buildings


def _kinds(tokens: Sequence[str], i: int, words: Lexicon) -> frozenset[str]:
    return words.units.get(fold(tokens[i]), frozenset()) if i < len(tokens) else frozenset()


def _is_floor(rest: Sequence[str]) -> bool:
    """Whether the last word says which floor: an ordinal, or a digit that is not the house number."""
    if not rest:
        return False
    digit = len(rest[-1]) == 1 and rest[-1].isdigit()
    return _ORDINAL.fullmatch(rest[-1]) is not None or (digit and (len(rest) == 1 or rest[-2][0].isdigit()))


def _bare(tokens: Sequence[str], i: int, words: Lexicon) -> int:
    """How many tokens from here on are a unit by themselves, such as ``basement``.

    At the end of a street (Main St Rear) or before its number (Basement, 10 High St); not in its name
    (Front St).
    """
    if fold(tokens[i]) not in words.bare_begin:
        return 0
    for n in range(min(MOST_WORDS, len(tokens) - i), 0, -1):
        if "bare" in words.units.get(fold(" ".join(tokens[i : i + n])), ()):
            n += "side" in _kinds(tokens, i + n, words)
            after = tokens[i + n] if i + n < len(tokens) else ""
            before = fold(tokens[i - 1]) if i else ""
            if (not after or after[0].isdigit()) and (
                i == 0 or before in words.types or before[:1].isdigit() or before in words.directionals
            ):
                return n
    return 0
