"""Dictionaries: those that come with the package, and a user's own files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from tallystick._problems import misspelt, one_of
from tallystick.errors import InputError
from tallystick.preparation.read import ID_COLUMN, read_columns
from tallystick.preparation.source import Source


@cache
def shipped(name: str) -> pl.DataFrame:
    """A dictionary of the package.

    Parameters
    ----------
    name : str
        Name of a file in ``preparation/words``, without its suffix.

    Returns
    -------
    polars.DataFrame
        All columns are text; an empty value is null.
    """
    path = files("tallystick.preparation.words").joinpath(f"{name}.csv")
    return pl.read_csv(path.read_bytes(), infer_schema=False)


def read_dictionary(
    path: str | Path, columns: Sequence[str], what: str, shipped_names: Sequence[str] = ()
) -> pl.DataFrame:
    """A dictionary of the user's: a CSV file, or any other that a source may be.

    Parameters
    ----------
    path : path
        The file.
    columns : sequence of str
        Columns that it has to have.
    what : str
        What it is, for messages: ``"spellings"``.
    shipped_names : sequence of str
        Dictionaries of the package that could be named instead.

    Returns
    -------
    polars.DataFrame
        These columns as text, spaces around a value removed; none is missing.

    Raises
    ------
    InputError
        If the file is absent or malformed, lacks a column, or a row lacks a value.
    """
    path = Path(path)
    if shipped_names and not path.suffix and not path.exists():
        expected = f"{one_of(shipped_names)} or the path of a file"
        said = misspelt(path.name, shipped_names, expected)
        raise InputError(said if said.endswith("?") else f"{said}.")
    try:
        frame = read_columns(Source(name=what, path=path), columns).drop(ID_COLUMN)
    except InputError as error:
        # What follows speaks of the settings of sources.
        said = str(error).partition(";")[0].removesuffix(".")
        named = " and ".join(f"'{column}'" for column in columns)
        raise InputError(
            f"{said}; expected a file of the {what}, such as CSV in UTF-8 with a header, with "
            f"the column{'s' * (len(columns) > 1)} {named}, its path relative to the specification."
        ) from error
    frame = frame.with_columns(pl.all().cast(pl.String).str.strip_chars().replace("", None))
    lacking = frame.select(pl.any_horizontal(pl.all().is_null())).to_series()
    if lacking.any():
        row = int(lacking.arg_true()[0]) + 1
        raise InputError(f"{path}: row {row} of the {what} lacks a value; fill it in or take the row out.")
    return frame
