"""Names in Chinese, Japanese and Korean script, which are written without a space."""

from __future__ import annotations

import re

from tallystick.preparation.names.lexicon import lexicon_of
from tallystick.preparation.names.parts import Undecided

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff々]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
_EAST = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3々]")


def is_east_asian(text: str) -> bool:
    """Whether a text is written in one of these scripts, in which the surname comes first."""
    return _EAST.search(text) is not None


def divide_unspaced(word: str, culture: str) -> tuple[str, str] | Undecided | None:
    """Surname and forename of a word in these scripts; None where it is in another.

    Examples
    --------
    >>> divide_unspaced("欧阳修", "chinese"), divide_unspaced("김대중", "")
    (('欧阳', '修'), ('김', '대중'))
    >>> divide_unspaced("欧阳修", "").name
    'SCRIPT'
    """
    hangul = _HANGUL.fullmatch(word) is not None
    if not hangul and not is_east_asian(word):
        return None
    if hangul or culture == "korean":
        return _first_syllables(word, lexicon_of("korean").surnames, longest=4)
    if culture == "chinese" and _HAN.fullmatch(word):
        return _first_syllables(word, lexicon_of("chinese").surnames, longest=3)
    if culture == "japanese":
        known = lexicon_of("japanese").surnames
        found = [size for size in (1, 2, 3) if size < len(word) and word[:size] in known]
        if len(found) == 1:
            return word[: found[0]], word[found[0] :]
    return Undecided.SCRIPT if len(word) > 1 else Undecided.SINGLE


def _first_syllables(word: str, double: frozenset[str], longest: int) -> tuple[str, str] | Undecided:
    """A surname of one syllable, or of two where it is one of the few such."""
    size = 2 if len(word) > 2 and word[:2] in double else 1
    if not size < len(word) <= max(longest, size + 2):
        return Undecided.SCRIPT if len(word) > 1 else Undecided.SINGLE
    return word[:size], word[size:]
