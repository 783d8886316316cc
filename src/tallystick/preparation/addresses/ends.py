"""What is recognised by its form or its place at the end of an address: box, postcode, country, region."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tallystick.preparation.addresses.lexicon import Lexicon, fold, lexicon
from tallystick.preparation.addresses.postcodes import POSTCODES, official

ENGLISH = frozenset({"US", "GB", "AU"})
"""Countries that write the postcode after the locality, and the number before the street."""

_BOXES = {
    "EN": r"(?:\b(?:g\.?\s?)?p\.?\s?o\.?\s?b(?:ox|\b)|\bpost\s+office\s+box"
    r"|\b(?:locked|private)\s+bag|\bp\.?\s?o\.?\s+drawer"
    r"|(?:^|(?<=,\s)|(?<=\brr \d )|(?<=\bhc \d )|(?<=\brr \d\d )|(?<=\bhc \d\d ))box)"
    r"\s*(?:no\.?|number|\#)?\s*(?P<box>[a-z]?\d[\w-]*)",
    "DE": r"\bpostfach\s*(?P<box>\d[\d ]*)",
    "FR": r"\b(?:b\.?\s?p\.?|bo[iî]te\s+postale|cs|tsa)\s*(?:n°\s*)?(?P<box>\d[\d ]*)",
    "NL": r"\b(?:postbus|antwoordnummer)\s*(?P<box>\d[\d ]*)",
}
BOXES = {name: re.compile(pattern, re.I) for name, pattern in _BOXES.items()}

_LAST_CODES = {
    "US": r"(?<!\S)(\d{5}(?:[- ]?\d{4})?)$",
    "GB": r"(?<![^\s,])([a-z]{1,2}\d[a-z\d]?\s?\d[a-z]{2}|gir\s?0aa)$",
    "AU": r"(?<!\S)(\d{4})$",
}
_FIRST_CODES = {
    "DE": r"(?<![^\s,])(?:DE?\s?[-–]\s?)?(\d{5})(?=\s*,?\s+[^\W\d])",
    "FR": r"(?<![^\s,])(?:FR?\s?[-–]\s?)?(\d{5})(?=\s*,?\s+[^\W\d])",
    "NL": r"(?<![^\s,])(?:NL\s?[-–]\s?)?(\d{4}\s?[a-z]{2})(?=[\s,]|$)",
    "": r"(?<![^\s,])(?:[A-Z]{1,3}\s?[-–]\s?)?(\d{4,6})(?=\s+[^\W\d])",
}
LAST_CODES = {name: re.compile(pattern, re.I) for name, pattern in _LAST_CODES.items()}
FIRST_CODES = {name: re.compile(pattern, re.I) for name, pattern in _FIRST_CODES.items()}


def take_country(text: str, country: str) -> str:
    """The text without the name of its own country at the end."""
    kinds = lexicon(country).words
    head, _, last = text.rpartition(",")
    if head and "country" in kinds.get(fold(last.strip()), ()):
        return head.rstrip(" ,")
    words = text.split(" ")
    for n in (4, 3, 2, 1):
        if len(words) > n and "country" in kinds.get(fold(" ".join(words[-n:])), ()):
            # A place can be called like the country; only behind a postcode or a region is it certain.
            before = words[-n - 1].strip(",")
            if any(c.isdigit() for c in before) or fold(before) in lexicon(country).regions:
                return " ".join(words[:-n]).rstrip(" ,")
    return text


NOT_GIVEN = "?"
"""Instead of a postcode that has the form of one and yet is none."""


def take_last_code(text: str, country: str) -> tuple[str, str]:
    """The text without the postcode at its end, and the code: empty where there is none, or `NOT_GIVEN`."""
    found = LAST_CODES[country].search(text)
    if found is None or found.start() == 0:
        return text, ""
    return text[: found.start()].rstrip(" ,"), official(found[1], country) or NOT_GIVEN


def take_region(text: str, country: str) -> tuple[str, str]:
    """The text without the region at its end, and the region in its standard form.

    One in a segment of its own, or behind others, is certain; so is one at the end of the only segment
    unless the word is also a type of street or a direction and no locality stands before it.
    """
    words = lexicon(country)
    head, _, last = text.rpartition(",")
    tail = last.split()
    for n in range(min(len(tail), 4), 0, -1):
        key = fold(" ".join(tail[-n:])).strip()
        if key not in words.regions or (n == len(tail) and not head):
            continue
        # "12 Elm Ct" is a street, behind a comma ("Bldg 2, 12 Elm Ct") too.
        street = not head or tail[0][0].isdigit()
        unclear = key in words.types or key in words.directionals
        if street and unclear and not (country == "US" and is_state([fold(word) for word in tail], words)):
            continue
        rest = ", ".join(part for part in (head.strip(" ,"), " ".join(tail[:-n])) if part)
        return rest, words.regions[key]
    return text, ""


def is_state(keys: Sequence[str], words: Lexicon) -> bool:
    """Whether the last word is a state though it may be a street's type or a direction.

    It is behind a street and a locality: "Main St Hartford CT" and "Main St Omaha NE", not "Elm Ct" and
    "Main St NE".

    Parameters
    ----------
    keys : sequence of str
        Folded words of one line.
    words : Lexicon
    """
    if len(keys[-1]) != 2 or keys[-1] not in words.regions:
        return False
    for at in range(len(keys) - 3, 0, -1):
        if any(sign.isdigit() for sign in keys[at + 1]):
            return False
        kind = words.types.get(keys[at])
        if kind is not None and kind.use != "weak" and not keys[at - 1][0].isdigit():
            return True
    return False


def take_box(text: str, country: str) -> tuple[str, str]:
    """The text without the box of a post office, and its number."""
    pattern = BOXES.get("EN" if country in ENGLISH else country, BOXES["EN"])
    found = pattern.search(text)
    if found is None:
        return text, ""
    rest = f"{text[: found.start()].rstrip(' ,')}, {text[found.end() :].lstrip(' ,')}".strip(" ,")
    return rest, found["box"].replace(" ", "")


def take_first_code(text: str, country: str) -> tuple[str, str, str]:
    """What stands before the postcode, the code, and what stands after it."""
    pattern = FIRST_CODES.get(country, FIRST_CODES[""])
    for found in reversed(list(pattern.finditer(text))):
        code = official(found[1], country) if country in POSTCODES else found[1]
        if code:
            return text[: found.start()].rstrip(" ,"), code, text[found.end() :].lstrip(" ,")
    return text, "", ""
