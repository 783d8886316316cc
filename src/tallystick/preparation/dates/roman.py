"""An X that stands for a month: the Roman ten, or a mark of an unknown month."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.preparation.words.files import shipped

_APART = r" ?[-/. ] ?"
_DAY = r"(?:\d{1,2}|\?{1,2})"
# A cross for the day as well ("x.x.1980") shows that crosses are marks of what is not known, and an x in
# front of a month by number ("x/05/1980") is the day.
_LONE = (
    rf"^(\s*{_DAY}{_APART})[xX]({_APART}'?(?:\d{{4}}|\d\d)\.?\s*)$"
    rf"|^(\s*)[xX]({_APART}\d{{4}}\s*)$"
    rf"|^(\s*\d{{4}}{_APART})[xX]((?:{_APART}{_DAY})?\.?\s*)$"
    r"|^(\s*)[xX](\.?\s*)$"
)
_NUMERAL = r"(?:^|[-/. ])([IVX]+)(?:[-/. ]|$)"
_CROSSES = r"(?:^|[-/. ])[xX]{2}(?:[-/. ]|$)"

TEN_OR_UNKNOWN = "x for a month may be the Roman ten or an unknown month"


class Tens(NamedTuple):
    """Texts in which the ten is written ``october``, and which of the others hold an x that may be one."""

    texts: pl.Series
    unclear: NDArray[np.bool_]


def tell_ten(texts: pl.Series) -> Tens:
    """Tell a Roman ten from an unknown month.

    A capital X is the ten where other months of the column are Roman numerals in capitals and no unknown
    part is crossed out (``xx``).

    Parameters
    ----------
    texts : polars.Series
        Distinct dates, or distinct months.

    Examples
    --------
    >>> tell_ten(pl.Series(["5.X.1980", "6.IX.1980"])).texts.to_list()
    ['5.october.1980', '6.IX.1980']
    >>> tell_ten(pl.Series(["5.X.1980", "6.9.1980", "x.05.1980"])).unclear.tolist()
    [True, False, False]
    """
    lone = texts.str.contains(_LONE).fill_null(False)
    if not lone.any():
        return Tens(texts, lone.to_numpy())
    names = shipped("month_names").filter(pl.col("language") == "roman", pl.col("name") != "x")["name"]
    others = texts.str.extract(_NUMERAL).is_in(names.str.to_uppercase().to_list())
    told = bool(others.any()) and not texts.str.contains(_CROSSES).any()
    ten = lone & texts.str.contains("X", literal=True) & told
    written = texts.str.replace(_LONE, "${1}${3}${5}${7}october${2}${4}${6}${8}")
    return Tens(written.zip_with(ten, texts), (lone & ~ten).to_numpy())
