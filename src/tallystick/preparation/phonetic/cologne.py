"""The Cologne code (Kölner Phonetik): how German names sound.

Postel, H. J. (1969), Die Kölner Phonetik. Ein Verfahren zur Identifizierung von Personennamen auf der
Grundlage der Gestaltanalyse. IBM-Nachrichten 19, 925-931.
"""

from __future__ import annotations

from tallystick.preparation.phonetic.letters import words_of_letters

_ALWAYS = {
    **dict.fromkeys("AEIJOUY", "0"), "H": "", "B": "1", **dict.fromkeys("FVW", "3"), **dict.fromkeys("GKQ",
    "4"), "L": "5", **dict.fromkeys("MN", "6"), "R": "7", **dict.fromkeys("SZ", "8"),
}  # fmt: skip
_HARD_AT_START = frozenset("AHKLOQRUX")
_HARD = frozenset("AHKOQUX")


def _digits(letter: str, before: str, after: str) -> str:
    """Digits of a letter between two others (empty at either end of a word)."""
    if letter in _ALWAYS:
        return _ALWAYS[letter]
    if letter == "P":
        return "3" if after == "H" else "1"
    if letter in "DT":
        return "8" if after and after in "CSZ" else "2"
    if letter == "X":
        return "8" if before and before in "CKQ" else "48"
    # What is left is C.
    if not before:
        return "4" if after in _HARD_AT_START else "8"
    return "4" if after in _HARD and before not in "SZ" else "8"


def _of_word(word: str) -> str:
    padded = f" {word} "
    digits = "".join(
        _digits(padded[at], padded[at - 1].strip(), padded[at + 1].strip()) for at in range(1, len(word) + 1)
    )
    once = "".join(digit for at, digit in enumerate(digits) if at == 0 or digit != digits[at - 1])
    return once[:1] + once[1:].replace("0", "")


def cologne(text: str) -> str | None:
    """The Cologne code of a text; None where it has no letter that is coded.

    Words are coded each by itself, and their codes put together. Umlauts count as their vowels and ß as SS.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None

    Examples
    --------
    >>> cologne("Müller-Lüdenscheidt"), cologne("Breschnew"), cologne("12")
    ('65752682', '17863', None)
    """
    return "".join(map(_of_word, words_of_letters(text))) or None
