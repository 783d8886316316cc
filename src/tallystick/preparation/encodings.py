"""Signs that a text was decoded by the wrong encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.preparation.extras import require

LOST = "\ufffd"
"""What a decoder writes for bytes that it cannot read: what stood there is gone."""


def decoded_again(text: str) -> str:
    """A text as it was before it was decoded wrongly, once; itself where there are no signs of it.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the library that knows the signs is not installed.

    Examples
    --------
    >>> decoded_again("MÃ¼ller"), decoded_again("Müller")
    ('Müller', 'Müller')
    """
    if text.isascii():
        return text
    ftfy: Any = require("ftfy", 'the step "repair"')
    decoded: str = ftfy.fix_encoding(text)
    return text if decoded.count(LOST) > text.count(LOST) or _guesses_letters(text, decoded) else decoded


def wrongly_decoded(texts: pl.Series) -> NDArray[np.bool_]:
    """Which texts seem to have been decoded by the wrong encoding.

    Without the library that `decoded_again` asks, only the most common mistake is seen: UTF-8 that was read
    as Windows-1252 or Latin-1.

    Parameters
    ----------
    texts : polars.Series
        Distinct texts, their case as it was; null shows nothing.

    Returns
    -------
    bool array, shape (n_texts,)

    Examples
    --------
    >>> wrongly_decoded(pl.Series(["MÃ¼ller", "Müller", "Muller", None])).tolist()
    [True, False, False, False]
    """
    try:
        require("ftfy", "the profile")
        again = decoded_again
    except InputError:
        again = _from_utf8
    found = np.zeros(len(texts), np.bool_)
    beyond = (texts.str.len_bytes() != texts.str.len_chars()).fill_null(False)
    for row in np.flatnonzero(beyond.to_numpy()):
        found[row] = again(texts[int(row)]) != texts[int(row)]
    return found


def _from_utf8(text: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _guesses_letters(plain: str, decoded: str) -> bool:
    r"""Whether a letter came of a control code, whose encoding nothing tells: "Jos\x8e" is JosŽ or José."""
    return len(plain) == len(decoded) and any(
        "\x80" <= before <= "\x9f" and after.isalpha() for before, after in zip(plain, decoded, strict=True)
    )
