"""Values as text in one form: the least that makes equal things equal.

Nothing here guesses. Spaces around a value, letter case, the two ways to write an accent, "12.0" for 12 and a
time after a date go; everything else stays, leading zeros first of all.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

import polars as pl
from pydantic import StrictBool, model_validator

from tallystick._schema import Settings
from tallystick.errors import InputError

_WHOLE = r"^([+-]?\d+)\.0+$"
_ISO_TIME = r"^(\d{4}-\d{2}-\d{2})[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[Zz]|[+-]\d{2}(?::?\d{2})?)?$"
_LARGEST_WHOLE = 2.0**53
"""Up to here every whole number has a float of its own."""


class Normalise(Settings):
    """What is done to every value of every field, unless a field says otherwise.

    Parameters
    ----------
    trim : bool
        Remove white space around a value.
    casefold : bool
        Ignore letter case ("STRASSE" and "straße" become equal).
    nfc : bool
        Unicode normalisation form C: an accented letter is one character.
    empty_is_missing : bool
        A value without any character is missing.
    integers : bool
        Write whole numbers without a decimal point: "12" for 12.0 and "12.0".
    dates : bool
        Write dates and timestamps, and text of the form 1980-01-02T00:00:00, as 1980-01-02.
    """

    trim: StrictBool = True
    casefold: StrictBool = True
    nfc: StrictBool = True
    empty_is_missing: StrictBool = True
    integers: StrictBool = True
    dates: StrictBool = True


class FieldSettings(Settings):
    """How one field is read, where it is not plain text or differs from `Normalise`.

    Parameters
    ----------
    type : {"text", "integer", "number", "date"}
        A value that is not of the declared type is missing, and counted.
    format : str, optional
        How a date is written, as in ``strptime``: "%d/%m/%Y". By default ISO 8601: 1980-01-02.
    trim, casefold, nfc, empty_is_missing, integers, dates : bool, optional
        Override the switch of `Normalise` for this field.
    """

    type: Literal["text", "integer", "number", "date"] = "text"
    format: str | None = None
    trim: StrictBool | None = None
    casefold: StrictBool | None = None
    nfc: StrictBool | None = None
    empty_is_missing: StrictBool | None = None
    integers: StrictBool | None = None
    dates: StrictBool | None = None

    @model_validator(mode="after")
    def _format_is_of_dates(self) -> FieldSettings:
        if self.format is not None and self.type != "date":
            raise ValueError('format applies to type = "date" only')
        return self

    def switches(self, normalise: Normalise) -> Normalise:
        """The switches that hold for this field."""
        own = {
            switch: value for switch in Normalise.model_fields if (value := getattr(self, switch)) is not None
        }
        return normalise.model_copy(update=own)


def normalise_column(
    column: pl.Series, settings: FieldSettings | None = None, normalise: Normalise | None = None
) -> tuple[pl.Series, int]:
    """Turn a column into text of one form.

    Parameters
    ----------
    column : polars.Series
        Of any plain type, or lists of one. The members of a list are normalised one by one and
        joined with "|".
    settings : FieldSettings, optional
    normalise : Normalise, optional

    Returns
    -------
    text : polars.Series
        Of dtype String and the same name and length; missing values are null.
    unreadable : int
        Number of values that are not of the declared type and are therefore missing.

    Raises
    ------
    InputError
        If the column's type has no form as text (binary data, structures).

    Examples
    --------
    >>> normalise_column(pl.Series("n", [12.0, None, 1.5]))[0].to_list()
    ['12', None, '1.5']
    >>> day = FieldSettings(type="date", format="%d/%m/%Y")
    >>> text, unreadable = normalise_column(pl.Series(["02/01/1980", "31/02/1980"]), day)
    >>> text.to_list(), unreadable
    (['1980-01-02', None], 1)
    """
    settings = settings or FieldSettings()
    switches = settings.switches(normalise or Normalise())
    if isinstance(column.dtype, pl.List | pl.Array):
        return _normalise_lists(column, settings, switches)
    text = _as_text(column, settings, switches)
    if switches.trim or settings.type != "text":
        text = text.str.strip_chars()
    unreadable = 0
    if settings.type != "text":
        present = text.set(text == "", None)
        # A column stored as dates is ISO text by now, however the file's text writes them.
        stored = column.dtype.is_temporal()
        text = _parse(present, settings.model_copy(update={"format": None}) if stored else settings)
        unreadable = text.null_count() - present.null_count()
        return text.alias(column.name), unreadable
    if switches.integers and text.str.contains(".0", literal=True).any():
        text = text.str.replace(_WHOLE, "$1")
    if switches.dates and text.str.contains(":", literal=True).any():
        text = text.str.replace(_ISO_TIME, "$1")
    text = _unicode_forms(text, switches)
    if switches.empty_is_missing:
        text = text.set(text == "", None)
    return text.alias(column.name), unreadable


def _as_text(column: pl.Series, settings: FieldSettings, switches: Normalise) -> pl.Series:
    """Any plain column as text, not cleaned yet."""
    dtype = column.dtype
    if isinstance(dtype, pl.BaseExtension):
        column = column.ext.storage()
        dtype = column.dtype
    if dtype == pl.String:
        return column
    if dtype.is_float():
        return _float_text(column, whole=switches.integers or settings.type in ("integer", "number"))
    if isinstance(dtype, pl.Datetime):
        if switches.dates or settings.type == "date":
            return column.dt.date().cast(pl.String)
        return column.dt.to_string("iso:strict")
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"column {column.name!r} holds values of type {dtype}, which have no form as text; convert it "
            "first or leave it out."
        )
    return column.cast(pl.String)


def _float_text(column: pl.Series, *, whole: bool) -> pl.Series:
    column = column.fill_nan(None)
    text = column.cast(pl.String)
    if not whole:
        return text
    is_whole = (column == column.round(0)) & (column.abs() < _LARGEST_WHOLE)
    integers = column.set(~is_whole, None).cast(pl.Int64).cast(pl.String)
    return integers.zip_with(is_whole.fill_null(False), text)


def _parse(text: pl.Series, settings: FieldSettings) -> pl.Series:
    """Text of a declared type in its one form; null where it cannot be read."""
    if settings.type == "date":
        if settings.format is None:
            iso = text.str.replace(_ISO_TIME, "$1")
            iso = iso.set(~iso.str.contains(r"^\d{4}-\d{2}-\d{2}$"), None)
            return iso.str.to_date("%Y-%m-%d", strict=False).cast(pl.String)
        try:
            return text.str.to_date(settings.format, strict=False).cast(pl.String)
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"column {text.name!r}: the date format {settings.format!r} cannot be used; write it as in "
                'strptime, for example "%d/%m/%Y".'
            ) from error
    if settings.type == "integer":
        digits = text.str.extract(r"^\+?(-?\d+)(?:\.0*)?$", 1)
        return digits.str.replace(r"^(-?)0+(\d)", "$1$2").str.replace("^-0$", "0")
    number = text.set(~text.str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"), None)
    value = number.str.strip_prefix("+").cast(pl.Float64, strict=False)
    return _float_text(value.set(value.is_infinite(), None), whole=True)


def _unicode_forms(text: pl.Series, switches: Normalise) -> pl.Series:
    """Case folding and NFC. Only distinct values outside ASCII need the Unicode tables."""
    if not (switches.casefold or switches.nfc):
        return text
    beyond = text.filter(text.str.len_bytes() != text.str.len_chars()).unique().to_list()
    if not beyond:
        return text.str.to_lowercase() if switches.casefold else text
    changed = {old: new for old in beyond if (new := _unicode_form(old, switches)) != old}
    folded = text
    if switches.casefold:
        ascii_only = text.str.len_bytes() == text.str.len_chars()
        folded = text.str.to_lowercase().zip_with(ascii_only.fill_null(True), text)
    if not changed:
        return folded
    # An ASCII value that has been folded is no key here: all keys hold a character beyond ASCII.
    return folded.replace(list(changed), list(changed.values()))


def _unicode_form(value: str, switches: Normalise) -> str:
    if switches.nfc:
        value = unicodedata.normalize("NFC", value)
    if switches.casefold:
        value = value.casefold()
        if switches.nfc:
            # Folding can leave a letter and its accent apart ("ǰ" folds to "j" and a caron).
            value = unicodedata.normalize("NFC", value)
    return value


def _normalise_lists(
    column: pl.Series, settings: FieldSettings, switches: Normalise
) -> tuple[pl.Series, int]:
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    long = pl.DataFrame({"row": pl.int_range(len(column), eager=True), "value": column}).explode("value")
    values, unreadable = normalise_column(long["value"].alias(column.name), settings, switches)
    joined = (
        long.with_columns(value=values)
        .drop_nulls("value")
        .group_by("row", maintain_order=True)
        .agg(pl.col("value"))
        .with_columns(pl.col("value").list.join("|"))
    )
    rows = pl.DataFrame({"row": pl.int_range(len(column), eager=True)})
    return rows.join(joined, on="row", how="left", maintain_order="left")["value"].alias(
        column.name
    ), unreadable
