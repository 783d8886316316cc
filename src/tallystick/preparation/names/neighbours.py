"""Words one edit apart, found by what is left of them when a letter is deleted.

Two words within one edit (a letter changed, added, left out, or two neighbours exchanged) are equal, or
become equal when at most one letter is deleted from each. So words that share a deletion are candidates, and
only those are compared (W. Garbe, Symmetric Delete spelling correction, 2012; the idea is that of T. Bocek,
E. Hunt and B. Stiller, Fast similarity search in large dictionaries, 2007).
"""

from __future__ import annotations

import polars as pl


def one_edit_apart(rare: pl.Series, frequent: pl.Series) -> pl.DataFrame:
    """Pairs of a rare and a frequent word one Damerau-Levenshtein edit apart.

    Parameters
    ----------
    rare, frequent : polars.Series
        Words, dtype String, each once; none in both.

    Returns
    -------
    polars.DataFrame
        Columns ``rare`` and ``frequent``.

    Examples
    --------
    >>> one_edit_apart(pl.Series(["jonh", "anna"]), pl.Series(["john", "joan"])).rows()
    [('jonh', 'john')]
    """
    left, right = _deletions(rare, "rare"), _deletions(frequent, "frequent")
    pairs = left.join(right, on="left").select("rare", "frequent").unique(maintain_order=True)
    # Words that share a deletion may still be two edits apart: "abcd" and "bcde".
    return pairs.filter(pl.Series([is_one_edit(*pair) for pair in pairs.iter_rows()], dtype=pl.Boolean))


def _deletions(words: pl.Series, name: str) -> pl.DataFrame:
    """Every word with itself, and with what is left of it without each of its letters."""
    frame = pl.DataFrame({name: words.cast(pl.String)})
    left = [frame.with_columns(left=pl.col(name))]
    for at in range(max(frame[name].str.len_chars().to_list(), default=0)):
        long_enough = frame.filter(pl.col(name).str.len_chars() > at)
        left.append(
            long_enough.with_columns(
                left=pl.col(name).str.slice(0, at) + pl.col(name).str.slice(at + 1),
            )
        )
    return pl.concat(left)


def is_one_edit(a: str, b: str) -> bool:
    """Whether two words are exactly one Damerau-Levenshtein edit apart.

    Examples
    --------
    >>> is_one_edit("smith", "smiht"), is_one_edit("smith", "smyth"), is_one_edit("abcd", "bcde")
    (True, True, False)
    """
    start, shorter = 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if len(a) == len(b) == 2:
        return a == b[::-1]
    return max(len(a), len(b)) == 1
