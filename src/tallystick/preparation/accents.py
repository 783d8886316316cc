"""Text without accents."""

from __future__ import annotations

import unicodedata


def without_accents(text: str, *, compatible: bool = False) -> str:
    """A text whose letters have lost their accents; letters of all alphabets stay.

    Parameters
    ----------
    text : str
    compatible : bool
        Write signs of compatibility plainly besides: full width, ligatures, º.

    Examples
    --------
    >>> without_accents("Źródło"), without_accents("ﬁn de siècle", compatible=True)
    ('Zrodło', 'fin de siecle')
    """
    apart = unicodedata.normalize("NFKD" if compatible else "NFD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))
