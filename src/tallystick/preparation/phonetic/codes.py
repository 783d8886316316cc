"""Phonetic codes of names: values that sound alike have the same code, or share one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import polars as pl

from tallystick.preparation.distinct import map_texts
from tallystick.preparation.extras import require
from tallystick.preparation.phonetic.cologne import cologne
from tallystick.preparation.phonetic.daitch_mokotoff import daitch_mokotoff
from tallystick.preparation.phonetic.letters import plain_letters

OneCode = Literal["soundex", "metaphone", "nysiis", "match_rating", "cologne"]
"""Codes of which a value has one."""
SeveralCodes = Literal["double_metaphone", "daitch_mokotoff"]
"""Codes of which a value may have several: two values agree where they share one."""
PhoneticCode = Literal[OneCode, SeveralCodes]

SEPARATOR = "|"
"""What stands between several codes of a value."""


def phonetic_codes(values: pl.Series, code: str, processes: int = 1) -> pl.Series:
    """The phonetic code of every value.

    Only the letters A to Z sound. Accents are left out before (and ß is SS, æ AE, ø O, þ TH, ...), so that
    values which differ in accents alone have one code. What is written in another alphabet has no code:
    transliterate it first.

    Parameters
    ----------
    values : polars.Series
        Distinct texts, shape (n,); null is missing.
    code : str
        ``soundex`` (American; Russell 1918, rules of the National Archives), ``nysiis`` (Taft 1970),
        ``metaphone`` (Philips 1990), ``match_rating`` (Moore and others 1977), ``cologne`` (Postel 1969), or,
        with several codes a value, ``double_metaphone`` (Philips 2000) and ``daitch_mokotoff`` (Mokotoff
        1997).
    processes : int
        How many processes share the work where there are many values.

    Returns
    -------
    polars.Series
        Text, shape (n,), under the same name; several codes are parted by ``|``, the first one first; null
        where there is nothing to code.

    Raises
    ------
    InputError
        If a library is needed that is not installed.

    Examples
    --------
    >>> names = pl.Series(["reid", "Reed", "12", None])
    >>> phonetic_codes(names, "soundex").to_list()
    ['R300', 'R300', None, None]
    >>> phonetic_codes(pl.Series(["Peters"]), "daitch_mokotoff").to_list()
    ['734000|739400']
    """
    check_code(code)
    there = values.drop_nulls()
    # What takes a microsecond costs more to send to another process.
    shared = processes if code == "daitch_mokotoff" else 1
    found = map_texts(partial(code_of, code=code), there.to_list(), shared)
    codes = pl.Series("code", found, dtype=pl.String)
    if not values.null_count():
        return codes.alias(values.name)
    every = pl.Series(values.name, [None] * len(values), dtype=pl.String)
    return every.scatter(values.is_not_null().arg_true(), codes)


def check_code(code: str) -> None:
    """Raise `InputError` where the library that a code needs is not installed."""
    if code == "double_metaphone":
        require("doublemetaphone", 'the phonetic code "double_metaphone"')


def code_of(text: str, code: str) -> str | None:
    """The code of one text, or several parted by ``|``; None where there is nothing to code."""
    if code == "cologne":
        return cologne(text)
    if code == "daitch_mokotoff":
        return SEPARATOR.join(daitch_mokotoff(text)) or None
    letters = plain_letters(text)
    return (_library(code)(letters) or None) if letters else None


def _library(code: str) -> Callable[[str], str]:
    if code == "double_metaphone":
        return _double_metaphone
    import jellyfish

    known: dict[str, Callable[[str], str]] = {
        "soundex": jellyfish.soundex,
        "metaphone": jellyfish.metaphone,
        "nysiis": jellyfish.nysiis,
        "match_rating": jellyfish.match_rating_codex,
    }
    return known[code]


def _double_metaphone(letters: str) -> str:
    """The primary code and, where it differs, the secondary one."""
    library: Any = require("doublemetaphone", 'the phonetic code "double_metaphone"')
    codes = dict.fromkeys(one.strip() for one in library.doublemetaphone(letters))
    return SEPARATOR.join(one for one in codes if one)
