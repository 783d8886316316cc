"""What in a name itself says whether its surname comes first."""

from __future__ import annotations

import re

from tallystick.preparation.names.cultures import Culture
from tallystick.preparation.names.lexicon import Lexicon, folded, lexicon_of, plain, surnames_first
from tallystick.preparation.names.parts import Undecided
from tallystick.preparation.names.scripts import is_east_asian

_PATRONYMIC = re.compile(
    r"(?:ilyich|ilich|kuzmich|fomich|lukich|nikitich|кузьмич|фомич|лукич|никитич)"
    r"|[\w'’]{2,}(?:ichna|ovič|evič|ovich|evich|ovych|yovych|ovna|evna|ivna|yevna|[оеё]вич|ьич|[оеё]вна|ична|ович|івна)"
)
_SLAVIC_SURNAME = re.compile(
    r"(?!(?:y|i|j)?akov$|яков$)"
    r"[^\W\d_]{2,}(?:ova?|eva?|sk(?:iy?|y|aya|aia)|enko|chuk|ова?|[её]ва?|[сц]к(?:ий|ая)|енко|чук)"
)
_FATHER = frozenset(
    ["oglu", "ogly", "oğlu", "oghlu", "qizi", "qızı", "kizi", "kızı", "kyzy", "оглы", "кызы", "улы"]
)
_NEVER_FORENAME = frozenset(
    [
        "de",
        "du",
        "des",
        "von",
        "vom",
        "zum",
        "zur",
        "del",
        "dos",
        "das",
        "ter",
        "ten",
        "vanden",
        "vander",
        "d'",
    ]
)
_ROMANCE = ("french", "italian")
_OWN_PARTICLES = (*_ROMANCE, "dutch", "german")
"""Cultures in whose own names a particle is no forename."""
_HYPHENED = re.compile(r"[^\W\d_]+-[a-z]+")
_CAPITALS = re.compile(r"(?:Mc|Mac|O'|O’|[Dd]'|[Dd]’|l'|l’|De|Di|La|Le|Van)?(.+)")


def is_initial(word: str) -> bool:
    """Whether a word is one letter (a name of one character in an eastern script is none)."""
    letters = word.rstrip(".")
    return len(letters) == 1 and not is_east_asian(letters)


def spread_initials(words: list[str], lexicon: Lexicon) -> list[str]:
    """Take apart initials that are written together in capitals without full stops ("JRR Tolkien").

    Only among words in small letters; and not what may be a surname in capitals.
    """
    if not any(_has_small(word) for word in words):
        return words
    result = []
    for word in words:
        if _is_fused_initials(word) and not lexicon.is_particle(word):
            result += list(word)
        else:
            result.append(word)
    return result


def _is_fused_initials(word: str) -> bool:
    if not (word.isalpha() and word.isupper() and 1 < len(word) < 4) or is_east_asian(word):
        return False
    if plain(word) in surnames_first():
        return False
    return len(word) == 2 or not set(plain(word)) & set("aeiouy")


def capital_surname(words: list[str], lexicon: Lexicon) -> slice | None:
    """Where the surname is, if it alone is written in capitals.

    Examples
    --------
    >>> from tallystick.preparation.names.lexicon import lexicon_of
    >>> capital_surname(["GARCÍA", "LÓPEZ", "Ana"], lexicon_of(""))
    slice(0, 2, None)
    """
    # Where no word has a small letter, capitals tell nothing; an initial is not in small letters.
    if not any(_has_small(word) for word in words):
        return None
    kinds = "".join(
        "C" if _in_capitals(word) else "p" if lexicon.is_particle(word) else "s" for word in words
    )
    if re.fullmatch(r"p*C+(?:[pC]*C)?s[^C]*", kinds):
        return slice(0, kinds.rindex("C") + 1)
    found = re.fullmatch(r"([^C]*?s)(p*C+(?:[pC]*C)?)", kinds)
    if found:
        return slice(found.end(1), len(words))
    return None


def _in_capitals(word: str) -> bool:
    found = _CAPITALS.fullmatch(word)
    rest = found.group(1) if found else word
    return rest.isupper() and sum(letter.isalpha() for letter in rest) > 1


def _has_small(word: str) -> bool:
    return any(letter.islower() for letter in word)


def is_surname_alone(words: list[str], lexicon: Lexicon) -> bool:
    """Whether two words are a surname with its particle and nothing else ("de Souza")."""
    if len(words) != 2 or not lexicon.is_particle(words[0]):
        return False
    return folded(words[0]) in _NEVER_FORENAME or (words[0].islower() and not words[1].islower())


def marked_order(words: list[str], lexicon: Lexicon, culture: Culture) -> bool | None:
    """Whether the surname is first, where something in the name leaves no doubt; capitals aside."""
    leading = 1
    while leading < len(words) - 1 and lexicon.is_particle(words[leading - 1]):
        leading += 1
    if culture.surnames > 1 and leading + 1 < len(words) and not is_initial(words[leading]):
        leading += 1
    tail = words[leading:]
    only_initials = bool(tail) and all(is_initial(word) and folded(word) != "x" for word in tail)
    if only_initials and not any(is_initial(word) for word in words[:leading]):
        return True
    key = folded(words[0])
    fused = ("o'", "d'") if culture.name in _ROMANCE else ("o'",)
    if key.startswith(fused) and len(key) > 2 and not folded(words[-1]).startswith(fused):
        return True
    if len(words) > 2 and lexicon.is_particle(words[0]) and key not in lexicon.patronymics:
        mixed = any(word[:1].isupper() for word in words[1:]) and words[0][:1].islower()
        own = culture.name in _OWN_PARTICLES
        if mixed or own or key in _NEVER_FORENAME or (len(words) > 3 and lexicon.is_particle(words[1])):
            return True
    return _patronymic_order(words, culture)


def _patronymic_order(words: list[str], culture: Culture) -> bool | None:
    """The order that an East Slavic or Turkic patronymic shows: it follows the forename."""
    if len(words) > 3 and folded(words[-1]) in _FATHER:
        return True
    if len(words) != 3:
        return None
    small = [folded(word) for word in words]
    if _PATRONYMIC.fullmatch(small[1]):
        return False
    cyrillic = "\u0400" <= small[2][0] <= "\u04ff"
    if _PATRONYMIC.fullmatch(small[2]) and (
        culture.name == "russian" or cyrillic or _SLAVIC_SURNAME.fullmatch(small[0])
    ):
        return True
    return None


def customary_order(words: list[str], lexicon: Lexicon, culture: Culture) -> bool | Undecided:
    """The order where nothing but well-known names and the custom of the culture tell it."""
    if is_initial(words[-1]) and folded(words[-1]) != "x":
        return Undecided.ORDER  # a surname is not written as an initial
    first, last = plain(words[0]), plain(words[-1])
    if culture.name == "russian":
        slavic = _SLAVIC_SURNAME.fullmatch(folded(words[0])) is not None
        return slavic and _SLAVIC_SURNAME.fullmatch(folded(words[-1])) is None
    if culture.surname_first is not False:
        if is_east_asian(words[0]):
            return True
        begins = float((first in lexicon.surnames) - (first in lexicon.forenames))
        ends = float((last in lexicon.surnames) - (last in lexicon.forenames))
        if culture.forename == "all":  # two syllables with a hyphen are a forename: Fei-Fei Li
            begins += 0.5 * ("-" in words[-1])
            ends += 0.5 * ("-" in words[0])
        if begins != ends and (culture.surname_first is None or begins < ends):
            return begins > ends
        return Undecided.ORDER if culture.surname_first is None else culture.surname_first
    if not culture.name:
        if is_east_asian(words[0]):
            return True
        if first in surnames_first() and (_HYPHENED.fullmatch(words[-1]) or _of_one_culture(first, last)):
            return True
        if first in surnames_first() and first not in lexicon.either:
            return Undecided.ORDER
    return culture.surname_first


def _of_one_culture(surname: str, forename: str) -> bool:
    """Whether a culture that has the surname first knows both words, each as what its place makes it."""
    return any(
        surname in known.surnames and forename in known.forenames - known.surnames
        for known in map(lexicon_of, ("hungarian", "japanese"))
    )
