"""Text in the letters of ASCII: accents folded, other scripts transliterated."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, partial
from typing import Literal

import numpy as np
import polars as pl

from tallystick.preparation.distinct import map_texts
from tallystick.preparation.encodings import LOST
from tallystick.preparation.extras import require
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.step import Change, Context, TextStep, differs, mask

Digraphs = Literal["german", "nordic"]

_DIGRAPHS: dict[str | None, dict[str, str]] = {
    None: {},
    "german": {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"},
    "nordic": {"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe"},
}
_WORD = re.compile(r"[^\W\d_]+")


class Fold(TextStep):
    """Write text in ASCII: letters without their accents, other scripts by the letters that sound alike.

    A character that stands for one that was lost (U+FFFD) and one that no letters are known for stay, and the
    value is reported.

    Attributes
    ----------
    digraphs : {"german", "nordic"}, optional
        Write some letters as two: ä, ö, ü, ß as ae, oe, ue, ss, or æ, ø, å, ä, ö as ae, oe, aa, ae, oe.
        Without it ä is a, ø is o and å is a.
    """

    type: Literal["fold"] = "fold"
    digraphs: Digraphs | None = None

    def check(self) -> None:
        """Raise `InputError` where the library is not installed (see `PreparationStep.check`)."""
        require("anyascii", 'the step "fold"')

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Fold texts (see `TextStep.change`). Only those outside ASCII reach the library."""
        beyond = mask(texts.str.len_bytes() != texts.str.len_chars())
        if not beyond.any():
            return texts, {}, {}
        self.check()
        old = texts.filter(pl.Series(beyond))
        folded = map_texts(partial(fold_text, digraphs=self.digraphs), old.to_list(), context.processes)
        # Where nothing is left there is no transliteration.
        kept = [new if new.strip() else before for before, new in zip(old, folded, strict=True)]
        new = texts.clone().scatter(np.flatnonzero(beyond), kept)
        lost = mask(new.str.contains(LOST, literal=True))
        left = mask(new.str.len_bytes() != new.str.len_chars()) & ~lost
        return (
            new,
            met({"folded to ASCII": differs(texts, new)}),
            met({"no letters of ASCII stand for it": left, "characters that were lost in decoding": lost}),
        )


def fold_text(text: str, digraphs: Digraphs | None = None) -> str:
    """One text in ASCII.

    Parameters
    ----------
    text : str
    digraphs : {"german", "nordic"}, optional
        As of `Fold`.

    Examples
    --------
    >>> fold_text("Æneas MÜLLER"), fold_text("Ärger MÜLLER", "german")
    ('Aeneas MULLER', 'Aerger MUELLER')
    """
    text = unicodedata.normalize("NFC", text)
    table = _letters(digraphs)
    if not any(letter > "\x7f" and letter.isupper() for letter in text):
        return text.translate(table)

    def in_case(word: re.Match[str]) -> str:
        # Of a capital that becomes two letters both are capitals only where the others are.
        letters = word[0].translate(table)
        return letters.upper() if len(word[0]) > 1 and word[0].isupper() else letters

    return _WORD.sub(in_case, text).translate(table)


class _Letters(dict[int, str]):
    """What stands for each character, looked up when it is first met."""

    def __missing__(self, code: int) -> str:
        letters: str = require("anyascii", 'the step "fold"').anyascii(chr(code))
        if chr(code) == LOST or (not letters and _is_no_silent_letter(chr(code))):
            letters = chr(code)
        self[code] = letters
        return letters


def _is_no_silent_letter(character: str) -> bool:
    """Whether nothing is known of a character, rather than that it has no sound of its own."""
    unknown = unicodedata.category(character) in ("Cn", "Co", "So", "Sk")
    return unknown or unicodedata.name(character, "").startswith("CJK UNIFIED IDEOGRAPH")


@cache
def _letters(digraphs: Digraphs | None) -> _Letters:
    small = _DIGRAPHS[digraphs]
    capitals = {letter.upper(): two.capitalize() for letter, two in small.items() if letter != "ß"}
    if "ß" in small:
        capitals["ẞ"] = "Ss"
    return _Letters({ord(letter): two for letter, two in (small | capitals).items()})
