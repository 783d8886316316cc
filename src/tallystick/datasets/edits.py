"""Errors of typing and reading: which keys are neighbours, what is taken for what, and making them."""

from __future__ import annotations

from enum import IntEnum
from itertools import accumulate

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.datasets.vocabulary import Ints, Vocabulary


class Method(IntEnum):
    """A kind of error, as the kernel numbers them."""

    TYPING = 0
    TRANSPOSED = 1
    OCR_NAME = 2
    OCR_CODE = 3
    PHONETIC = 4


_KEYBOARD = ("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")

# Ordered by nothing: each rule that fits is as likely as the next.
_SAME_LETTERS = "AR BR CG CO CL DO EF FP GO HK HM HN IL IJ KX MN NW OQ OU PB PR UV VY VW"
_SAME_IN_CODES = "GQ JL DP BP BD 71 38 56 49 08"
_ONE_WAY_IN_CODES = "DO B8 S5 Z2 G6"


def _both_ways(pairs: str) -> list[tuple[str, str]]:
    return [ends for pair in pairs.split() for ends in ((pair[0], pair[1]), (pair[1], pair[0]))]


_RULES: dict[Method, tuple[tuple[str, str], ...]] = {
    Method.OCR_NAME: (
        *_both_ways(_SAME_LETTERS),
        ("M", "RN"),
        ("RN", "M"),
        ("D", "CL"),
        ("CL", "D"),
        ("W", "VV"),
    ),
    Method.OCR_CODE: (
        *_both_ways(_SAME_IN_CODES),
        *((pair[0], pair[1]) for pair in _ONE_WAY_IN_CODES.split()),
    ),
    Method.PHONETIC: (
        ("PH", "F"),
        ("F", "PH"),
        ("CK", "K"),
        ("K", "C"),
        ("C", "K"),
        ("S", "Z"),
        ("Z", "S"),
        ("IE", "Y"),
        ("EY", "Y"),
        ("Y", "IE"),
        ("Y", "I"),
        ("EE", "EA"),
        ("EA", "EE"),
        ("AI", "AY"),
        ("AY", "AI"),
        ("OU", "OW"),
        ("GH", ""),
        ("TH", "T"),
        ("X", "KS"),
        ("QU", "KW"),
        ("LL", "L"),
        ("NN", "N"),
        ("TT", "T"),
        ("L", "LL"),
        ("N", "NN"),
        ("T", "TT"),
        ("ER", "AR"),
        ("ON", "EN"),
        ("V", "F"),
        ("J", "G"),
    ),
}


def _neighbours() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Keys beside each key of a keyboard, letters in both cases, and how many there are."""
    place = {key: (x + y / 2, y) for y, keys in enumerate(_KEYBOARD) for x, key in enumerate(keys)}
    beside = {
        key: [k for k, (u, v) in place.items() if k != key and abs(u - x) <= 1 and abs(v - y) <= 1]
        for key, (x, y) in place.items()
    }
    table = np.zeros((128, max(map(len, beside.values()))), np.uint8)
    counts = np.zeros(128, np.int64)
    for key, keys in beside.items():
        # A letter is not taken for a digit: these rows are names and codes, typed with care for that.
        same = [k for k in keys if k.isdigit() == key.isdigit()]
        for form in {key, key.lower()}:
            counts[ord(form)] = len(same)
            for n, k in enumerate(same):
                table[ord(form), n] = ord(k.lower() if form.islower() else k)
    return table, counts


def _bytes(texts: list[str]) -> NDArray[np.uint8]:
    return np.array([[*text.encode("ascii"), 0, 0][:2] for text in texts], np.uint8)


_NEIGHBOURS, _COUNTS = _neighbours()
_METHODS = (Method.OCR_NAME, Method.OCR_CODE, Method.PHONETIC)
_PATTERNS = _bytes([old for method in _METHODS for old, _ in _RULES[method]])
_REPLACEMENTS = _bytes([new for method in _METHODS for _, new in _RULES[method]])
_FIRST_RULE = np.array([0, *accumulate(len(_RULES[method]) for method in _METHODS)], np.int64)


def edited(
    vocabulary: Vocabulary, codes: Ints, methods: Ints, again: float, rng: np.random.Generator
) -> pl.Series:
    """These values with an error in each.

    Parameters
    ----------
    vocabulary : Vocabulary
        The distinct values; none may be empty.
    codes : ndarray of int, shape (n,)
        Values.
    methods : ndarray of int, shape (n,)
        `Method` of each.
    again : float
        Share of mistyped and misread values with a second error.
    rng : numpy.random.Generator
        Where the errors are drawn from.

    Returns
    -------
    polars.Series
        n texts, none the same as its value was.
    """
    # Compiled code is loaded only where there is something to do.
    from tallystick.datasets.kernels_edits import edit_rows, join_rows

    count = len(codes)
    rows, lengths = vocabulary.rows[codes], vocabulary.lengths[codes]
    methods = np.asarray(methods, np.int64)
    second = (rng.random(count) < again) & (methods != Method.TRANSPOSED) & (methods != Method.PHONETIC)
    seeds = rng.integers(0, 2**64, count, np.uint64)
    edit_rows(
        rows, lengths, methods, second, seeds, _NEIGHBOURS, _COUNTS, _PATTERNS, _REPLACEMENTS, _FIRST_RULE
    )
    joined = np.empty(int(lengths.sum()) + count, np.uint8)
    join_rows(rows, lengths, joined)
    return pl.Series(joined.tobytes().decode("ascii").split("\n")[:count], dtype=pl.String)


def replaced(
    texts: pl.Series, codes: Ints, wrong: Ints, new: pl.Series, missing: NDArray[np.bool_]
) -> pl.Series:
    """A column of values, those in `wrong` replaced by new texts, those in `missing` by none."""
    places = codes.astype(np.int64)
    places[wrong] = len(texts) + np.arange(len(wrong))
    places[missing] = len(texts) + len(new)
    return pl.concat([texts, new, pl.Series([None], dtype=pl.String)]).gather(places)


def with_errors(
    vocabulary: Vocabulary,
    codes: Ints,
    methods: Ints,
    missing: NDArray[np.bool_],
    again: float,
    rng: np.random.Generator,
) -> pl.Series:
    """A column of values, those with a method of 0 or more with an error of that kind, some missing."""
    wrong = np.flatnonzero((methods >= 0) & ~missing)
    new = edited(vocabulary, codes[wrong], methods[wrong], again, rng)
    return replaced(vocabulary.texts, codes, wrong, new, missing)
