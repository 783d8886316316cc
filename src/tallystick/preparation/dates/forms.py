"""The forms in which dates are written, as regular expressions over distinct texts.

A form tells which part stands where. Of two numbers before a year it tells only that one is the day and one
the month: which is which, `order` tells from the column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.preparation.dates.names import folded, weekdays

UNREAD = -1
"""Index of the form of a text that has none."""

_UNKNOWN = r"\?{1,2}|x{1,2}"
_NUMBER = rf"\d{{1,2}}|{_UNKNOWN}"
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}
_QUOTES = {ord(quote): "'" for quote in "\u2018\u2019\u02bc\u00b4`"}
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?"
_TIME = rf"(\d)(?: ?t ?|,? ){_CLOCK} ?(?:[ap]\.?m\.?)? ?(?:z|utc|gmt|[+-]\d\d(?::?\d\d)?)?$"


@dataclass(frozen=True)
class Form:
    """One way to write a date.

    Attributes
    ----------
    rule : str
        What it is called where changes are counted.
    pattern : str
        Of a whole `cleaned` text. Its groups: ``year`` (four digits) or ``yy``; ``day``, and ``month`` or
        ``name``; or ``p`` and ``q``, day and month in an order that it does not tell.
    """

    rule: str
    pattern: str


@dataclass(frozen=True)
class Parts:
    """The parts of dates, arrays of shape (n_texts,).

    Attributes
    ----------
    form : int16 array
        Which form a text has, or `UNREAD`.
    year : int32 array
        -1 where it is not of four digits.
    two_digits : int32 array
        A year of two digits, -1 where it is none.
    first, second : int32 array
        Day and month, in this order unless `open`; 0 is unknown.
    open : bool array
        Which of the two is the day is not told by the form.
    timed : bool array
        A time of day stood behind the date.
    """

    form: NDArray[np.int16]
    year: NDArray[np.int32]
    two_digits: NDArray[np.int32]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    open: NDArray[np.bool_]
    timed: NDArray[np.bool_]


@cache
def usual_forms() -> tuple[Form, ...]:
    """Every form that is recognised, in the order in which they are tried."""
    weekday = rf"(?:(?:{'|'.join(map(re.escape, weekdays()))})[.,]{{0,2}} )?"
    article = r"(?:(?:the|on|le|den|der|am|el|il|em|op) )?"
    ordinal = r"(?:(?:st|nd|rd|th|er|eme|e|o|a|\.)[-/., ]+|[-/., ]*)"
    of = r"(?:(?:of|de|del|di|do) )?"
    name, gap, short = r"(?P<name>\p{L}+)", "[-/., ]*", r"'?(?P<yy>\d\d)"
    day, year, tail = rf"(?P<day>{_NUMBER})", r"(?P<year>\d{4})", r"(?:[-/., ]+|[, ]*')"
    day_name = rf"{weekday}{article}{day}{ordinal}{of}{name}{gap}{of}"
    name_day = rf"{weekday}{name}{gap}{day}(?:st|nd|rd|th)?"
    pair = rf"(?P<p>{_NUMBER}) ?(?P<s>[-/. ]) ?(?P<q>{_NUMBER}) ?(?P<t>[-/. ]) ?"
    forms = (
        ("ISO 8601", r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"),
        ("day and month by number", rf"{pair}{year}\.?"),
        (
            "year first",
            rf"{year} ?(?P<s>[-/. ]) ?(?P<month>{_NUMBER}) ?(?P<t>[-/. ]) ?(?P<day>{_NUMBER})\.?",
        ),
        ("year and month", rf"{year} ?[-/. ] ?(?P<month>{_NUMBER})"),
        ("year and month", rf"(?P<month>{_NUMBER}) ?[-/. ] ?{year}"),
        ("year", year),
        ("day and month by number", rf"{pair}{short}"),
        # A year before 1300 would make a date of eight digits readable from both ends.
        (
            "eight digits, year first",
            r"(?P<year>1[3-9]\d\d|[2-9]\d{3})(?P<month>0\d|1[0-2])(?P<day>[0-2]\d|3[01])"
            r"(?:t?(?:[01]\d|2[0-4])[0-5]\d[0-6]\dz?)?",
        ),
        ("eight digits", r"(?P<p>\d\d)(?P<q>\d\d)(?P<year>1[3-9]\d\d|[2-9]\d{3})"),
        ("month by name", rf"{day_name}{year}(?: ?г\.?)?"),
        ("month by name", rf"{name_day}[-/., ]+{year}"),
        ("month by name", rf"{year}{gap}{name}{gap}{day}\.?"),
        ("month by name", rf"{name}{gap}{of}{year}"),
        ("month by name", rf"{year}{gap}{name}"),
        ("month by name", rf"{day_name}{short}"),
        ("month by name", rf"{name_day}{tail}(?P<yy>\d\d)"),
        # Not "May 12": that is a day without a year as well.
        ("month by name", rf"{name}(?:{gap}'|[-/., ]+)(?P<yy>3[2-9]|[4-9]\d)"),
        (
            "year first",
            r"(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월](?: ?(?P<day>\d{1,2}) ?[日일])?",
        ),
    )
    return tuple(Form(rule, f"^{pattern}$") for rule, pattern in forms)


def cleaned(texts: pl.Series) -> pl.Series:
    """Texts in small letters without accents, one kind of dash and space, nothing around them."""
    beyond = texts.filter(texts.str.len_bytes() != texts.str.len_chars()).unique().to_list()
    if beyond:
        plain = [folded(text.translate(_DASHES).translate(_QUOTES)) for text in beyond]
        texts = texts.replace(beyond, plain)
    texts = texts.str.to_lowercase().str.strip_chars()
    if texts.str.contains(r"\s\s|[\t\n\r\v\f]").any():
        texts = texts.str.replace_all(r"\s+", " ")
    return texts


def read_forms(
    texts: pl.Series, forms: Sequence[Form], months: Mapping[str, int], *, times: bool = True
) -> Parts:
    """Take texts apart by the first form that each of them has.

    Parameters
    ----------
    texts : polars.Series
        Distinct texts, dtype String; null has no form.
    forms : sequence of Form
    months : mapping of str to int
        Number of the month of each name.
    times : bool
        Read over a time of day behind the date.

    Examples
    --------
    >>> parts = read_forms(pl.Series(["5/6/1980", "5 May 1980"]), usual_forms(), {"may": 5})
    >>> parts.year.tolist(), parts.first.tolist(), parts.second.tolist(), parts.open.tolist()
    ([1980, 1980], [5, 5], [6, 5], [True, False])
    """
    n = len(texts)
    numbers = {"year": np.full(n, -1, np.int32), "yy": np.full(n, -1, np.int32)}
    numbers |= {"first": np.zeros(n, np.int32), "second": np.zeros(n, np.int32)}
    form, is_open, timed = np.full(n, UNREAD, np.int16), np.zeros(n, bool), np.zeros(n, bool)
    rest = pl.DataFrame({"row": pl.int_range(n, eager=True), "text": cleaned(texts)}).drop_nulls("text")
    if times and rest["text"].str.contains(":", literal=True).any():
        dates = rest["text"].str.replace(_TIME, "$1")
        timed[rest["row"].filter(dates != rest["text"]).to_numpy()] = True
        rest = rest.with_columns(text=dates)
    for index, one in enumerate(forms):
        if not len(rest):
            break
        found = _groups(rest["text"], one, months)
        has = found["has"]
        rows = rest["row"].filter(has).to_numpy()
        if not len(rows):
            continue
        found = found.filter(has)
        form[rows] = index
        is_open[rows] = "p" in found.columns
        for source, target in _TARGETS.items():
            if source in found.columns:
                numbers[target][rows] = found[source].to_numpy()
        rest = rest.filter(~has)
    return Parts(form, numbers["year"], numbers["yy"], numbers["first"], numbers["second"], is_open, timed)


_TARGETS = {"year": "year", "yy": "yy", "day": "first", "p": "first", "month": "second", "q": "second"}


def _groups(texts: pl.Series, form: Form, months: Mapping[str, int]) -> pl.DataFrame:
    """The numbers that the groups of a form hold, and in ``has`` which texts have the form."""
    # That no text is of this form is found out faster than what the groups hold.
    if not texts.str.contains(form.pattern).any():
        return pl.DataFrame({"has": pl.zeros(len(texts), pl.Boolean, eager=True)})
    found = texts.str.extract_groups(form.pattern).struct.unnest()
    has = found[next(name for name in ("year", "yy") if name in found.columns)].is_not_null()
    if "s" in found.columns:
        # "5/6-1980" and "5/6 1980" are ways to write a date; other mixtures are not known to be one.
        mixed = (found["s"] == "/") & found["t"].is_in(["-", " "])
        has &= ((found["s"] == found["t"]) | mixed).fill_null(False)
    if "name" in found.columns:
        names = found["name"].replace_strict(dict(months), default=None, return_dtype=pl.Int32)
        has &= names.is_not_null()
        found = found.with_columns(month=names)
    wanted = [name for name in _TARGETS if name in found.columns]
    # A mark of an unknown part is no number: zero.
    return found.select(pl.col(wanted).cast(pl.Int32, strict=False).fill_null(0), has=has.fill_null(False))
