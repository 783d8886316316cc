"""Formats of ``strptime`` as forms, so that a stated format and a detected one go the same way."""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from tallystick.preparation.dates.forms import UNREAD, Form, read_forms
from tallystick.preparation.dates.names import folded, months

_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<yy>\d\d)",
    "%m": r"(?P<month>\d{1,2}|\?{1,2}|x{1,2})",
    "%d": r"(?P<day>\d{1,2}|\?{1,2}|x{1,2})",
    "%b": r"(?P<name>\p{L}+)\.?",
    "%H": r"\d{1,2}",
    "%M": r"\d{1,2}",
    "%S": r"\d{1,2}",
    "%f": r"\d{1,9}",
    "%p": r"[ap]\.?m\.?",
    "%z": r"(?:z|[+-]\d\d:?\d\d)",
    "%a": r"\p{L}+\.?",
    "%%": "%",
}
_ALIKE = {"%B": "%b", "%h": "%b", "%A": "%a", "%e": "%d", "%-d": "%d", "%-m": "%m", "%I": "%H"}
_COMPOSED = {"%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%T": "%H:%M:%S", "%R": "%H:%M"}
_WRITTEN = pl.Series(["2011-10-12", "2011-10", "2011", "1987-11-12", "1912-11-10", "1910"])
"""Dates as the step writes them, such that parts taken for each other make a difference."""


@cache
def form_of(pattern: str) -> Form:
    """The form that a format describes.

    Parameters
    ----------
    pattern : str
        As in ``strptime``: ``"%d.%m.%Y"``.

    Raises
    ------
    ValueError
        If a part of it is not known, the year is not in it, or what it reads looks like ISO 8601 and is not.

    Examples
    --------
    >>> form_of("%d.%m.%Y").rule
    'format %d.%m.%Y'
    """
    spelled = pattern
    for short, long in _COMPOSED.items():
        spelled = spelled.replace(short, long)
    written, seen = "", set()
    for piece in re.findall(r"%-?.?|[^%]+", spelled):
        directive = _ALIKE.get(piece, piece)
        if not piece.startswith("%"):
            written += re.escape(folded(piece)).replace(r"\ ", " ")
        elif directive not in _DIRECTIVES:
            known = ", ".join([*_DIRECTIVES, *_ALIKE, *_COMPOSED])
            raise ValueError(f"the date format {pattern!r} has {piece!r}, which is none of {known}")
        else:
            part = {"%Y": "year", "%y": "year", "%m": "month", "%b": "month"}.get(directive, directive)
            if part in seen and directive in ("%Y", "%y", "%m", "%b", "%d"):
                raise ValueError(f"the date format {pattern!r} has the same part twice")
            seen.add(part)
            written += _DIRECTIVES[directive]
    if "year" not in seen:
        raise ValueError(f"the date format {pattern!r} has no year (%Y or %y)")
    if "%d" in seen and "month" not in seen:
        raise ValueError(f"the date format {pattern!r} has a day (%d) but no month (%m or %b)")
    # Without anything between them, parts have two digits each.
    packed = re.search(r"%[a-zA-Z]%[a-zA-Z]", spelled) is not None
    if packed:
        written = written.replace(r"\d{1,2}", r"\d\d")
    form = Form(f"format {pattern}", f"^{written}$")
    _must_not_look_like_iso(form, pattern)
    return form


def _must_not_look_like_iso(form: Form, pattern: str) -> None:
    # What the step has written it would read another way if it ran again.
    parts = read_forms(_WRITTEN, [form], months())
    for text, index, year, day, month in zip(
        _WRITTEN, parts.form, parts.year, parts.first, parts.second, strict=True
    ):
        again = f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else "")
        if index != UNREAD and again != text:
            raise ValueError(
                f"the date format {pattern!r} cannot be told from ISO 8601 (year-month-day), in which "
                "dates are written; write these dates otherwise first"
            )
