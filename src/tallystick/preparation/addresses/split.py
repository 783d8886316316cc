"""The built-in splitter: an address into its parts by dictionaries and by position."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tallystick.preparation.addresses.continental import split_continental
from tallystick.preparation.addresses.ends import (
    ENGLISH,
    NOT_GIVEN,
    take_box,
    take_country,
    take_first_code,
    take_last_code,
    take_region,
)
from tallystick.preparation.addresses.english import split_english
from tallystick.preparation.addresses.lexicon import Lexicon, fold, lexicon
from tallystick.preparation.addresses.parts import NOTHING, REST, Split, undecided
from tallystick.preparation.addresses.units import split_fused

_SPACES = re.compile(r"\s+")
_BREAKS = re.compile(r"\s*(?:[\r\n;|]+|,)[\s,;|]*")
_DASHES = re.compile(r"(?<=\d)\s*[-–—]\s*(?=\d)|(?<=\d)\s+/\s+(?=\d)|(?<=\d)\s*–\s*")
_APART = re.compile(r",? [-–—],? ")
_BRACKETS = str.maketrans("()[]", ",,,,")
_HASH = re.compile(r"#\s*(?=\w)")
_NUMERO = re.compile(r"(?<!\w)(?:no|nr|n[°º]|number)\b\.?[°º]?\s*(?=\d)|(?<!\w)n[°º]\s*(?=\d)", re.I)
_STOPPED = re.compile(r"(?<=[^\W\d]\.)(?=\d)")
_STROKES = re.compile(r"\s*//\s*")
_CORNER = re.compile(r"^(?:corner|cnr|crn|ecke|angle)\b|\b(?:corner of|cnr of|ecke)\b", re.I)
_AND = re.compile(r" (?:&|@|and|at|und|et|en|x) ", re.I)

LEFT_OUT = "an addressee or a landmark beside the address is left out of its parts"
WRONG_CODE = "the postcode at its end is none of the country's, and left out of the parts"
CROSSING = "two streets that cross are no single address"


def split_by_rules(text: str, country: str) -> Split:
    """Split an address by the rules of its country.

    Parameters
    ----------
    text : str
        The address: its lines parted by commas, semicolons or line breaks, or in one line.
    country : str
        ISO 3166-1 code; of one whose addresses are not known only number, street, postcode and locality
        are told.

    Returns
    -------
    Split

    Examples
    --------
    >>> parts, reason = split_by_rules("102 N Main St Apt 3B, Springfield, IL 62701", "US")
    >>> parts["number"], parts["directional"], parts["street"], parts["street_type"], parts["unit"]
    ('102', 'n', 'Main', 'street', '3B')
    >>> split_by_rules("Sendlinger Str. 8, D-80331 München", "DE").parts["street_type"]
    'straße'
    >>> split_by_rules("Main St & 3rd Ave", "US").parts is None
    True
    """
    words = lexicon(country)
    # A break between lines is a comma; a hyphen or a stroke between numbers stands without spaces.
    text = _SPACES.sub(" ", _BREAKS.sub(", ", text.translate(_BRACKETS)))
    text = _DASHES.sub(lambda found: "/" if "/" in found[0] else "-", text)
    text = _APART.sub(", ", text)
    text = _STOPPED.sub(" ", _NUMERO.sub("", _HASH.sub("# ", text))).strip(" ,")
    if _CORNER.search(text) or _is_crossing(text.partition(",")[0], words):
        return undecided(CROSSING)
    text, left_out = _without_others(text, words)
    text = take_country(text, country)
    parts = _english(text, country) if country in ENGLISH else _continental(text, country)
    if parts.parts is None:
        return parts
    kept = {part: value for part, value in parts.parts.items() if value}
    if not kept.keys() & {"street", "building", "po_box", "number"}:
        return undecided(NOTHING)
    return Split(kept, parts.reason or (LEFT_OUT if left_out else ""))


def _english(text: str, country: str) -> Split:
    words = lexicon(country)
    text, code = take_last_code(text, country)
    text, region = take_region(text, country) if country != "GB" else (text, "")
    text, box = take_box(text, country)
    found = split_english(_segments(text, words), country, open_end=bool(code or region), box=bool(box))
    if found.parts is not None and any(c.isdigit() for c in found.parts.get("locality", "")):
        return undecided(REST)
    if code == NOT_GIVEN:
        code, found = "", Split(found.parts, found.reason or WRONG_CODE)
    return _with(found, {"po_box": box, "region": region, "postcode": code})


def _continental(text: str, country: str) -> Split:
    words = lexicon(country)
    before, code, after = take_first_code(text, country)
    if not code:
        # The locality is in the last segment, unless there is but one or it holds a number.
        head, _, last = before.rpartition(",")
        if head and not any(c.isdigit() for c in last):
            before, after = head, last
    locality, _, behind = after.partition(",")
    place, _, last = locality.rpartition(" ")
    if place.strip() and "country" in words.words.get(fold(last), ()):
        locality = place
    behind = behind.strip()
    region = words.regions.get(fold(behind), "")
    if behind and not region:
        if before:
            return undecided(REST)
        before = behind
    before, box = take_box(before, country)
    # DIN 5008: what follows two strokes is the flat.
    street, *units = _STROKES.split(before)
    found = split_continental(_segments(street, words), country, box=bool(box))
    ends = {"po_box": box, "locality": locality.strip(), "region": region, "postcode": code}
    if units and found.parts is not None:
        unit = units[-1].split(" ")
        ends["unit"] = " ".join(unit[1:] if len(unit) > 1 and fold(unit[0]) in words.units else unit)
    return _with(found, ends)


def _segments(text: str, words: Lexicon) -> list[list[str]]:
    """Words of each segment between commas."""
    return [
        [part for token in segment.split(" ") if token for part in split_fused(token, words)]
        for segment in text.split(", ")
        if segment.strip()
    ]


def _with(found: Split, more: Mapping[str, str]) -> Split:
    if found.parts is None:
        return found
    return Split({**found.parts, **{part: value for part, value in more.items() if value}}, found.reason)


def _is_crossing(text: str, words: Lexicon) -> bool:
    """Whether a word for "and" joins two streets; it may be part of a name (Bed & Breakfast Lane)."""
    first = _AND.split(text)
    if len(first) < 2:
        return False
    return all(fold(name.split(" ")[-1]) in words.types.keys() | words.directionals.keys() for name in first)


def _without_others(text: str, words: Lexicon) -> tuple[str, bool]:
    """The text without segments that name a person or a place near by, and whether there were any."""
    segments = text.split(", ")
    kept = [segment for segment in segments if not _is_other(segment, words)]
    return ", ".join(kept), len(kept) < len(segments)


def _is_other(segment: str, words: Lexicon) -> bool:
    tokens = segment.split(" ")
    if len(tokens) < 2 or any(c.isdigit() for c in segment):
        return " ".join(map(fold, tokens)) in ("occupier", "the occupier", "the resident")
    for n in (1, 2, 3, 4):
        if words.words.get(fold(" ".join(tokens[:n])), frozenset()) & {"redundant", "care of", "person"}:
            # "Off Road" and "Lady Lane" are streets.
            return fold(tokens[-1]) not in words.types or n > 1
    return False
