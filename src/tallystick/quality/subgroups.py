"""Subgroups of records: how values of a field or column are put together for tables of who is missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, StrictBool, model_validator

from tallystick._schema import Settings
from tallystick.errors import InputError

YEARS = 10
"""Width of the bands of years and ages, where none is given."""
SMALLEST = 10
MISSING = "missing"
UNREADABLE = "no number"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_YEAR = r"^(1[5-9]|20)\d{2}$"
_MOSTLY = 0.9
_FEW = 20


class Subgroup(Settings):
    """What records are told apart by in the table of who is missed.

    Attributes
    ----------
    field : str
        A field, or a column of the sources. Those that hold the truth cannot be read.
    name : str, optional
        What it is called in tables; by default as the field, and what is done to it.
    first : int, optional
        Only the first so many characters count, as of postcodes.
    width : float, optional
        Numbers are put together in bands of this width; dates by their year, ages by completed years.
    bands : tuple of float
        Numbers, years or ages at which the bands begin, ascending; what is below the first is a band, too.
    age : bool
        Of dates of birth the age on `reference_date`.
    reference_date : date, optional
        By default that of the source.

    Examples
    --------
    >>> Subgroup(field="postcode", first=2).label
    'postcode, first 2 characters'
    """

    field: str = Field(min_length=1)
    name: str | None = None
    first: int | None = Field(default=None, ge=1)
    width: float | None = Field(default=None, gt=0)
    bands: tuple[float, ...] = ()
    age: StrictBool = False
    reference_date: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _field_alone(cls, data: Any) -> Any:
        return {"field": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _go_together(self) -> Subgroup:
        given = [name for name in ("first", "width", "bands") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} are both given, expected one of them")
        if self.first and self.age:
            raise ValueError("first and age are both given, expected one of them")
        if self.reference_date is not None and not self.age:
            raise ValueError(
                "reference_date is given, but only age = true reads it: add that, or leave it out"
            )
        if list(self.bands) != sorted(set(self.bands)):
            raise ValueError("the bands are not in ascending order: give where each begins, the lowest first")
        return self

    @property
    def label(self) -> str:
        """What it is called in tables."""
        if self.name is not None:
            return self.name
        if self.first is not None:
            return f"{self.field}, first {self.first} character{'s' * (self.first > 1)}"
        return f"age by {self.field}" if self.age else self.field


class Quality(Settings):
    """What the figures of quality tell apart: the section ``[quality]``.

    Attributes
    ----------
    subgroups : tuple of Subgroup, optional
        What the table of who is missed is by; a text is a field or column by its values. By default the
        fields in use with 2 to 20 values, and dates and years in bands of ten years.
    smallest : int
        Groups with fewer records in a source are put together as "other (small groups)", with the next
        larger one where these are still fewer.

    Examples
    --------
    >>> Quality(subgroups=["sex", {"field": "postcode", "first": 2}]).subgroups[0].field
    'sex'
    """

    subgroups: tuple[Subgroup, ...] | None = None
    smallest: int = Field(default=SMALLEST, ge=1)

    @model_validator(mode="after")
    def _named_apart(self) -> Quality:
        labels = [one.label for one in self.subgroups or ()]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f'two subgroups are called "{label}": give one of them a name')
        return self


@dataclass(frozen=True)
class Grouping:
    """Distinct values put into groups.

    Attributes
    ----------
    labels : tuple of str
        The groups, in the order of tables.
    group : int64 array, shape (n_values,)
        Group of each distinct value; -1 where it is missing.
    numbers : float64 array, shape (n_values,), or None
        The number that a value stands for (year, age), NaN where it has none; None where groups are no bands.
    """

    labels: tuple[str, ...]
    group: NDArray[np.int64]
    numbers: NDArray[np.float64] | None = None


def default_subgroup(field: str, values: pl.Series) -> Subgroup | None:
    """How a field is told apart where a specification does not say.

    Parameters
    ----------
    field : str
    values : polars.Series
        Its distinct values as text; null is passed over.

    Returns
    -------
    Subgroup or None
        Dates, and years of which there are many, in bands of ten years; a field of 2 to 20 values by these;
        None of others.

    Examples
    --------
    >>> default_subgroup("sex", pl.Series(["f", "m"])).label
    'sex'
    >>> default_subgroup("born", pl.Series([f"19{k}-03-01" for k in range(10, 90)])).width
    10.0
    """
    present = values.drop_nulls()
    if 2 <= len(present) <= _FEW:
        return Subgroup(field=field)
    for form in (_DATE, _YEAR):
        if len(present) and float(present.str.contains(form).mean() or 0) >= _MOSTLY:  # type: ignore[arg-type]
            return Subgroup(field=field, width=YEARS)
    return None


def grouped(values: pl.Series, by: Subgroup, reference: date | None = None) -> Grouping:
    """Put distinct values into groups.

    Parameters
    ----------
    values : polars.Series, shape (n_values,)
        As text; null is missing.
    by : Subgroup
        How.
    reference : date, optional
        On which ages are, where `by` has none.

    Returns
    -------
    Grouping

    Raises
    ------
    InputError
        Where an age is asked for without a date on which, or no value is a number or a date.

    Examples
    --------
    >>> found = grouped(pl.Series(["1984-03-01", None, "1991-12-31"]), Subgroup(field="born", width=10))
    >>> found.labels, found.group.tolist()
    (('1980 to 1989', '1990 to 1999'), [0, -1, 1])
    """
    absent = values.is_null().to_numpy()
    if not (by.width or by.bands or by.age):
        text = values if by.first is None else values.str.slice(0, by.first)
        labels = text.drop_nulls().unique().sort()
        plain = labels.cast(pl.Float64, strict=False)
        if not plain.null_count():  # months and codes in the order of their numbers
            labels = labels.gather(plain.arg_sort())
        places = text.replace_strict(labels, list(range(len(labels))), default=-1, return_dtype=pl.Int64)
        return Grouping(tuple(labels), places.fill_null(-1).to_numpy())
    numbers = _numbers(values, by, reference)
    known = np.isfinite(numbers)
    if not known.any() and not absent.all():
        kind = "a date written as 1985-03-07" if by.age else "a number or a date written as 1985-03-07"
        raise InputError(
            f"quality, subgroups: no value of {by.field!r} is {kind}: leave out width, bands and age, or use "
            "another field."
        )
    band, names = _bands(numbers[known], by)
    order, place = np.unique(band, return_inverse=True)
    group = np.full(len(values), -1, np.int64)
    group[known] = place
    group[~known & ~absent] = len(order)
    found = [names(int(one)) for one in order]
    return Grouping(tuple([*found, UNREADABLE] if (~known & ~absent).any() else found), group, numbers)


def _numbers(values: pl.Series, by: Subgroup, reference: date | None) -> NDArray[np.float64]:
    """The number that each value stands for; NaN where it has none."""
    day = pl.col("value").str.extract(r"^(\d{4}-\d{2}-\d{2})", 1).str.to_date("%Y-%m-%d", strict=False)
    if by.age:
        on = by.reference_date or reference
        if on is None:
            raise InputError(
                f"quality, subgroups: the age by {by.field!r} is as of which day? Give reference_date there, "
                "or in the source."
            )
        before = (day.dt.month() > on.month) | ((day.dt.month() == on.month) & (day.dt.day() > on.day))
        number = pl.lit(on.year) - day.dt.year() - before.cast(pl.Int32)
        number = pl.when(number >= 0).then(number).cast(pl.Float64)
    else:
        plain = pl.col("value").str.strip_chars().cast(pl.Float64, strict=False)
        number = pl.coalesce(plain, day.dt.year().cast(pl.Float64))
    found = pl.DataFrame({"value": values.cast(pl.String)}).select(number.fill_null(float("nan")))
    numbers = found.to_series().to_numpy().astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _bands(numbers: NDArray[np.float64], by: Subgroup) -> tuple[NDArray[np.int64], Any]:
    """Band of each number, and what says how a band is called."""
    whole = bool((numbers == np.floor(numbers)).all())
    if by.bands:
        edges = by.bands
        whole &= all(edge == int(edge) for edge in edges)

        def of_edges(band: int) -> str:
            if band == 0:
                return f"under {_shown(edges[0])}"
            if band == len(edges):
                return f"{_shown(edges[-1])} and over"
            return _range(edges[band - 1], edges[band], whole)

        return np.searchsorted(edges, numbers, side="right").astype(np.int64), of_edges
    width = by.width or float(YEARS)
    whole &= width == int(width)

    def of_width(band: int) -> str:
        return _range(band * width, (band + 1) * width, whole)

    return np.floor(numbers / width).astype(np.int64), of_width


def _range(low: float, high: float, whole: bool) -> str:
    if not whole:
        return f"{_shown(low)} to under {_shown(high)}"
    return _shown(low) if high - low == 1 else f"{_shown(low)} to {_shown(high - 1)}"


def _shown(number: float) -> str:
    return f"{number:.15g}"
