"""The words of a name as forenames and surname, once it is known which comes first."""

from __future__ import annotations

import re

from tallystick.preparation.names.cultures import Culture
from tallystick.preparation.names.lexicon import Lexicon, folded, plain
from tallystick.preparation.names.parts import Part
from tallystick.preparation.names.signs import is_initial

_SERVANT = frozenset(
    ["abd", "abdel", "abdul", "abdal", "abdol", "abdoul", "abu", "abou", "abi", "umm", "oum"]
)
_ARTICLE = frozenset(["al", "el", "ul", "ar", "as", "ad", "an", "ash", "az"])
_OF_FAITH = re.compile(r"(?:al|el|ad|ed|ud|ul)[- ]?(?:d[ie]+ne?|islam)")
_TWO_WORDS = frozenset(
    {"au yeung", "ou yang", "si tu", "sze to", "zhu ge", "si ma", "shang guan", "nam gung"}
)


def bound(words: list[str], lexicon: Lexicon) -> list[str]:
    """Words of which one alone is no name, put together: "Abd al-Rahman", "Nur al-Din", "María del Carmen".

    Examples
    --------
    >>> from tallystick.preparation.names.lexicon import lexicon_of
    >>> bound(["Ahmed", "Abd", "al-Rahman"], lexicon_of("arabic"))
    ['Ahmed', 'Abd al-Rahman']
    >>> bound(["María", "del", "Carmen", "Ruiz"], lexicon_of("spanish"))
    ['María del Carmen', 'Ruiz']
    """
    result: list[str] = []
    at = 0
    while at < len(words):
        size = 1
        rest = [folded(word) for word in words[at : at + 4]]
        if rest[0] in _SERVANT and len(rest) > 1:
            size = 3 if rest[1] in _ARTICLE and len(rest) > 2 else 2
        elif len(rest) > 1 and _OF_FAITH.fullmatch(rest[1]):
            size = 2
        elif len(rest) > 2 and _OF_FAITH.fullmatch(" ".join(rest[1:3])):
            size = 3
        elif at < 2:
            size = _devotion(words, at, lexicon)
        result.append(" ".join(words[at : at + size]))
        at += size
    return result


def _devotion(words: list[str], at: int, lexicon: Lexicon) -> int:
    """How many words a forename such as "Juan de Dios" has, where a surname follows it."""
    end = at + 1
    while end < len(words) and folded(words[end]) in {
        "de",
        "del",
        "da",
        "do",
        "das",
        "dos",
        "la",
        "los",
        "las",
    }:
        end += 1
    if at + 1 < end < len(words) - 1 and plain(words[end]) in lexicon.devotion:
        return end + 1 - at
    return 1


def divide(
    words: list[str], surname_first: bool, lexicon: Lexicon, culture: Culture
) -> tuple[list[str], list[str]]:
    """Forenames and surname.

    Parameters
    ----------
    words : list of str
        Two or more.
    surname_first : bool
        Which comes first.
    lexicon : Lexicon
    culture : Culture

    Returns
    -------
    given, last : list of str
        Neither is empty.
    """
    if culture.surnames > 1:
        return _two_surnames(words, surname_first, lexicon)
    if surname_first:
        end = 1
        while end < len(words) - 1 and (
            lexicon.is_particle(words[end - 1]) or lexicon.ends_in_particle(words[end - 1])
        ):
            end += 1
        if len(words) > 2 and " ".join(plain(word) for word in words[:2]) in _TWO_WORDS:
            end = 2
        elif culture.name == "hungarian" and len(words) > 2 and words[0].endswith(("né", "NÉ")):
            end = 2  # a married name before the name at birth: Kovácsné Nagy Mária
        return words[end:], words[:end]
    start = len(words) - 1
    if culture.forename == "all" and len(words) > 2:
        if " ".join(plain(word) for word in words[-2:]) in _TWO_WORDS:
            start -= 1
    elif culture.forename == "first":
        start = _from_particle(words, lexicon)
    return words[:start], words[start:]


def _from_particle(words: list[str], lexicon: Lexicon) -> int:
    """Where a surname at the end begins: at the first particle after a forename.

    What names the father belongs to the forenames, if the surname stands behind it.
    """
    at, last = 1, len(words) - 1
    while at < last:
        if lexicon.ends_in_particle(words[at]):
            return at
        if lexicon.is_particle(words[at]):
            if folded(words[at]) not in lexicon.patronymics:
                return at
            end = at + 1
            while end < last and lexicon.is_particle(words[end]):
                end += 1
            if end >= last:
                return at
            at = end + 1
        else:
            at += 1
    return last


def _two_surnames(words: list[str], surname_first: bool, lexicon: Lexicon) -> tuple[list[str], list[str]]:
    """Forenames and surnames where a person has two surnames, or one and a composite forename."""
    units = _with_particles(words, lexicon)
    if len(units) == 1:
        units = words
    linked = next((k for k in range(1, len(units) - 1) if _is_link(units[k], lexicon)), None)
    if surname_first:
        if linked is not None:
            end = linked + 2
        else:
            end = 1 if len(units) == 2 else 2
            if end < len(units) - 1 and lexicon.is_particle(units[1].split()[0]):
                end += 1  # "Fernández de Calderón García Juan"
            if len(units) == 3 and all(plain(unit) in lexicon.forenames for unit in units[1:]):
                end = 1
        end = min(end, len(units) - 1)
        return units[end:], units[:end]
    if linked is not None:
        start = max(1, linked - 1)
        return units[:start], units[start:]
    start = 1
    while start < len(units) - 1 and (plain(units[start]) in lexicon.forenames or is_initial(units[start])):
        start += 1
    if start == 1:
        start = max(1, len(units) - 2)
        if start > 1 and lexicon.is_particle(units[start].split()[0]):
            start -= 1
    return units[:start], units[start:]


def _with_particles(words: list[str], lexicon: Lexicon) -> list[str]:
    """Words with the particles before them."""
    units: list[str] = []
    held: list[str] = []
    for number, word in enumerate(words):
        if lexicon.is_particle(word) and number < len(words) - 1:
            held.append(word)
        else:
            units.append(" ".join([*held, word]))
            held = []
    return units


def _is_link(word: str, lexicon: Lexicon) -> bool:
    return word.lower() in lexicon.links and (word.islower() or word == "Y")


def forenames(given: list[str], culture: Culture) -> dict[Part, str]:
    """First and middle name among forenames.

    Examples
    --------
    >>> from tallystick.preparation.names.cultures import culture_of
    >>> forenames(["Van", "Thieu"], culture_of("vietnamese"))
    {'first': 'Thieu', 'middle': 'Van'}
    """
    if culture.forename == "last":
        first, middle = given[-1:], given[:-1]
    elif culture.forename == "all":
        cut = next((k for k, word in enumerate(given) if k and is_initial(word)), len(given))
        # A person of whom only initials are known is called by the first.
        cut = 1 if is_initial(given[0]) else cut
        first, middle = given[:cut], given[cut:]
    else:
        first, middle = given[:1], given[1:]
    parts: dict[Part, str] = {"first": " ".join(first)}
    if middle:
        parts["middle"] = " ".join(middle)
    return parts
