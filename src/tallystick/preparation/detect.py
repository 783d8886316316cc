"""What the columns of a source look like, for a first specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.dates.forms import UNREAD, read_forms, usual_forms
from tallystick.preparation.dates.names import months
from tallystick.preparation.normalise import Normalise, normalise_column
from tallystick.preparation.read import open_source
from tallystick.preparation.source import Source

SAMPLE_ROWS = 100_000

Look = Literal["id", "date", "year", "postcode-like code", "name", "category", "number", "e-mail", "text"]

_MOST = 0.9
_FEW_VALUES = 12
_LISTED_VALUES = 100
_E_MAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_DATE = (
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|\d{1,2}[-/. ]\d{1,2}[-/. ](\d{2}|\d{4})"
    r"|(1[89]|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]))$"
)
_YEAR = r"^(1[5-9]|20)\d{2}$"
_YEAR_AND_MONTH = r"^(1[5-9]|20)\d{2}-(0[1-9]|1[0-2])$"
_LONGEST_DATE = 40
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$"
_DIGITS_OF_CODE = r"^\d{4,6}$"
_NAME = r"^\p{L}[\p{L}\p{M}.'’ -]*$"


@dataclass(frozen=True)
class ColumnDescription:
    """One column of a source, as far as a sample of its rows tells.

    Attributes
    ----------
    name : str
    n_distinct : int
        Number of distinct values, the missing one not counted.
    missing : float
        Share of rows without a value.
    mean_length : float
        Mean number of characters of the values present; 0 where there are none.
    looks_like : str
        A guess, to begin with.
    """

    name: str
    n_distinct: int
    missing: float
    mean_length: float
    looks_like: Look


def describe(source: Source) -> list[ColumnDescription]:
    """Describe the columns of a source from its first 100,000 rows.

    Parameters
    ----------
    source : Source
        Columns that it declares as truth are not read.

    Returns
    -------
    list of ColumnDescription
        In the order of the source; columns whose values have no form as text are left out.

    Raises
    ------
    InputError
        If the source cannot be read or has no rows.

    Examples
    --------
    >>> table = pl.DataFrame({"born": ["1980-01-02", "1975-12-31"], "mail": ["a@b.org", None]})
    >>> [(c.name, c.looks_like, c.missing) for c in describe(Source(name="a", table=table))]
    [('born', 'date', 0.0), ('mail', 'e-mail', 0.5)]
    """
    return [describe_values(values) for values in sample(source).get_columns()]


def sample(source: Source, normalise: Normalise | None = None) -> pl.DataFrame:
    """The first 100,000 rows of a source as normalised text.

    Parameters
    ----------
    source : Source
        Columns that it declares as truth are not read.
    normalise : Normalise, optional
        By default as a linkage reads values.

    Returns
    -------
    polars.DataFrame
        In the order of the source; columns whose values have no form as text are left out.

    Raises
    ------
    InputError
        If the source cannot be read or has no rows.

    Examples
    --------
    >>> sample(Source(name="a", table=pl.DataFrame({"n": [1.0, None]})))["n"].to_list()
    ['1', None]
    """
    opened = open_source(source)
    names = [name for name in dict.fromkeys(opened.columns) if name not in source.truth]
    frame = opened.read(names, SAMPLE_ROWS) if names else pl.DataFrame()
    if frame.height == 0:
        raise InputError(f"{source.shown}: there are no rows besides the header; give a source with records.")
    columns = []
    for column in frame.get_columns():
        try:
            columns.append(normalise_column(column, None, normalise or Normalise())[0])
        except InputError:
            continue
    return pl.DataFrame(columns)


def describe_values(values: pl.Series) -> ColumnDescription:
    """Describe one column.

    Parameters
    ----------
    values : polars.Series
        Normalised text, of at least one row; null is missing.

    Returns
    -------
    ColumnDescription

    Examples
    --------
    >>> describe_values(pl.Series("sex", ["m", "f", "m", "f", None])).looks_like
    'category'
    """
    present = values.drop_nulls()
    mean = present.str.len_chars().mean()
    return ColumnDescription(
        name=values.name,
        n_distinct=present.n_unique(),
        missing=values.null_count() / len(values),
        mean_length=float(mean) if isinstance(mean, int | float) else 0.0,
        looks_like=_looks_like(present, len(values)),
    )


def _looks_like(present: pl.Series, rows: int) -> Look:
    if len(present) == 0:
        return "text"

    def share(pattern: str) -> float:
        return int(present.str.contains(pattern).sum()) / len(present)

    distinct = present.n_unique()
    lengths = present.str.len_chars()
    if share(_E_MAIL) >= _MOST:
        return "e-mail"
    if _are_dates(present):
        return "date"
    with_digit = share(r"\d")
    decimal = share(r"^[+-]?\d*\.\d+$")
    # Every record has its own. Words alone can be distinct in a small file; decimals are measurements.
    if distinct == rows > 1 and with_digit >= _MOST and share(r"\s") < 1 - _MOST and decimal == 0:
        return "id"
    if share(_YEAR) >= _MOST:
        return "year"
    if share(_NUMBER) >= _MOST:
        one_length = lengths.n_unique() == 1 and share(_DIGITS_OF_CODE) == 1
        zeros_in_front = share(r"^0\d{3,}$") > 0
        code = share(_DIGITS_OF_CODE) >= _MOST and (one_length or zeros_in_front) and distinct > _FEW_VALUES
        return "postcode-like code" if code else "number"
    few = distinct <= _FEW_VALUES and distinct <= len(present) / 2
    if few or (distinct <= _LISTED_VALUES and distinct <= len(present) / 100):
        return "category"
    short = int((lengths <= 10).sum()) / len(present)
    if short >= _MOST and with_digit >= _MOST and share(r"\p{L}") >= _MOST:
        return "postcode-like code"
    few_words = int((present.str.count_matches(" ") <= 2).sum()) / len(present)
    if share(_NAME) >= _MOST and few_words >= _MOST:
        return "name"
    return "text"


def _are_dates(present: pl.Series) -> bool:
    """Whether nearly all are dates: by numbers, with the month by name, some of them without day or month."""
    needed = _MOST * len(present)
    full, partial, years = (
        int(present.str.contains(pattern).sum()) for pattern in (_DATE, _YEAR_AND_MONTH, _YEAR)
    )
    if full >= needed:
        return True
    if years >= needed:
        return False
    short = present.str.len_chars() <= _LONGEST_DATE
    lettered = present.filter(short & present.str.contains(r"\p{L}") & present.str.contains(r"\d"))
    found = full + partial + years
    if found + len(lettered) < needed:
        return False
    counts = lettered.value_counts(name="n")
    named = read_forms(counts[lettered.name], usual_forms(), months()).form != UNREAD
    return found + int(counts["n"].to_numpy()[named].sum()) >= needed
