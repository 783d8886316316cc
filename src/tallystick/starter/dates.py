"""How the dates of a column are written."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tallystick.preparation.read import open_source
from tallystick.preparation.source import Source

SAMPLE_ROWS = 10_000

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %m %Y",
    "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y",
)  # fmt: skip
"""Forms that need to be declared, the likelier of two that fit equally well first."""

_NEEDS_NONE = r"^\d{4}-\d{2}-\d{2}|^\d{8}$"


def date_format(sources: Sequence[Source], columns: Sequence[str]) -> str | None:
    """The form that dates are written in, where they are neither ISO 8601 nor eight digits.

    Parameters
    ----------
    sources : sequence of Source
    columns : sequence of str
        The column of each source.

    Returns
    -------
    str or None
        As in ``strptime``; None where nothing needs to be declared, or no form fits most values.

    Raises
    ------
    InputError
        If a source cannot be read.
    """
    samples = [
        open_source(source).read([column], SAMPLE_ROWS).to_series().drop_nulls()
        for source, column in zip(sources, columns, strict=True)
    ]
    if any(sample.dtype != pl.String for sample in samples):
        return None
    dates = pl.concat([sample.str.strip_chars().alias("date") for sample in samples])
    dates = dates.filter(dates != "")
    if len(dates) == 0 or dates.str.contains(_NEEDS_NONE).sum() * 2 > len(dates):
        return None
    read = {one: len(dates) - dates.str.to_date(one, strict=False).null_count() for one in FORMATS}
    best = max(FORMATS, key=read.__getitem__)
    return best if read[best] * 2 > len(dates) else None
