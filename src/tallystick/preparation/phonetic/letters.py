"""Letters A to Z of a text, which is all that phonetic codes know."""

from __future__ import annotations

import unicodedata

# Letters that Unicode does not take apart into a plain one and an accent.
_WHOLE = str.maketrans(
    {
        "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS", "Ħ": "H",
        "Ŋ": "N", "Ŧ": "T", "Ə": "E", "'": "", "’": "", "ʼ": "", "`": "",
    }
)  # fmt: skip


def folded(text: str) -> str:
    """A text in capitals without accents or apostrophes; letters of other alphabets stay.

    Examples
    --------
    >>> folded("Müller-Weiß"), folded("O'Søren")
    ('MULLER-WEISS', 'OSOREN')
    """
    if text.isascii():
        return text.upper().replace("'", "").replace("`", "")
    apart = unicodedata.normalize("NFKD", text.upper()).translate(_WHOLE)
    return "".join(one for one in apart.upper() if not unicodedata.combining(one))


def words_of_letters(text: str) -> list[str]:
    """The words of a text as letters A to Z, accents left out; whatever else it holds ends a word.

    Examples
    --------
    >>> words_of_letters("Müller-Lüdenscheidt 3")
    ['MULLER', 'LUDENSCHEIDT']
    """
    plain = folded(text)
    if plain.isalpha() and plain.isascii():
        return [plain]
    return "".join(one if "A" <= one <= "Z" else " " for one in plain).split()


def plain_letters(text: str) -> str:
    """The letters A to Z of a text in one word; empty where it has none.

    Examples
    --------
    >>> plain_letters("d'Éon de Beaumont")
    'DEONDEBEAUMONT'
    """
    return "".join(words_of_letters(text))
