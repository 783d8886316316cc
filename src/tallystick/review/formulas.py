"""Words of people in a CSV file, so that no spreadsheet takes them for a formula; and read back.

A cell that begins with one of ``= + - @``, their wide forms, a tab or a carriage return is calculated when
the file is opened, and can send other cells elsewhere (OWASP, CSV Injection). An apostrophe before it makes
it text. One more goes before apostrophes that stand before such a character, so that what is read is what was
written.
"""

from __future__ import annotations

import polars as pl

_FORMULA = "^('*[=+\\-@\t\r＝＋－＠])"
_GUARDED = "^'('*[=+\\-@\t\r＝＋－＠])"


def guarded(words: pl.Expr) -> pl.Expr:
    """Text that no spreadsheet calculates.

    Examples
    --------
    >>> frame = pl.DataFrame({"comment": ["=1+1", "'=1+1", "it's she"]})
    >>> frame.with_columns(guarded(pl.col("comment")))["comment"].to_list()
    ["'=1+1", "''=1+1", "it's she"]
    """
    return words.str.replace(_FORMULA, "'$1")


def unguarded(words: pl.Expr) -> pl.Expr:
    """The text that was guarded.

    Examples
    --------
    >>> frame = pl.DataFrame({"comment": ["'=1+1", "''=1+1", "it's she"]})
    >>> frame.with_columns(unguarded(pl.col("comment")))["comment"].to_list()
    ['=1+1', "'=1+1", "it's she"]
    """
    return words.str.replace(_GUARDED, "$1")
