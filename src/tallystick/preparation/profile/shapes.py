"""Pattern classes: how values are written, without what they say."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

LONGEST = 40
"""Characters of a pattern after which it is cut."""


@dataclass(frozen=True)
class Shape:
    """One pattern class.

    Attributes
    ----------
    pattern : str
        As `shapes` writes it.
    n : int
        Records whose values are written so.
    """

    pattern: str
    n: int


def shapes(texts: pl.Series) -> pl.Series:
    """The pattern of each text.

    A digit is ``9``, more than ten of them ``9+``; a capital is ``A``, more than two of them ``A+``; any run
    of small letters, or of those of a script without case, is ``a``. Common separators and spaces stay; all
    else is ``·``. So a name is ``Aa`` whatever its length, and a code shows every place.

    Parameters
    ----------
    texts : polars.Series

    Returns
    -------
    polars.Series

    Examples
    --------
    >>> shapes(pl.Series(["1980-01-02", "SW1A 1AA", "O'Brien", "MARY ANN", "李小龍", "b@x.org"])).to_list()
    ['9999-99-99', 'AA9A 9AA', "A'Aa", 'A+ A+', 'a', 'a@a.a']
    """
    # Small letters before capitals: the A that a capital becomes must not be taken for a letter of the text.
    out = texts.str.replace_all(r"\p{N}", "9")
    out = out.str.replace_all(r"(?:[\p{Ll}\p{Lo}\p{Lm}]\p{M}*)+", "a")
    out = out.str.replace_all(r"[\p{Lu}\p{Lt}]\p{M}*", "A")
    out = out.str.replace_all(r"A{3,}", "A+").str.replace_all(r"9{11,}", "9+")
    out = out.str.replace_all(r"\s+", " ").str.replace_all(r"[^aA9+ \-/.,'’@:()_&#]", "·")
    return out.str.slice(0, LONGEST).alias(texts.name)


def shape_counts(texts: pl.Series, n_records: pl.Series) -> tuple[Shape, ...]:
    """How many records each pattern class has, the most common first.

    Parameters
    ----------
    texts : polars.Series
        Distinct texts.
    n_records : polars.Series
        Records that have each.

    Returns
    -------
    tuple of Shape
    """
    table = (
        pl.DataFrame({"pattern": shapes(texts), "n": n_records})
        .group_by("pattern")
        .agg(pl.col("n").sum())
        .sort("n", "pattern", descending=[True, False])
    )
    return tuple(Shape(pattern, n) for pattern, n in table.iter_rows())
