"""Write a table so that its file is either complete or not there."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from tallystick._files import complete_file
from tallystick.errors import InputError
from tallystick.preparation.normalise import Normalise, normalise_column

_AS_IT_IS = Normalise(
    trim=False, casefold=False, nfc=False, empty_is_missing=False, integers=False, dates=False
)


PROBE = 2**20
"""Bytes that a disk does not take where a table could not be written for want of room."""


def write_table(
    frame: pl.DataFrame, path: str | os.PathLike[str], *, private: bool = False, mark: bool = False
) -> None:
    """Write a table as Parquet or CSV, as the suffix of its name says.

    The table is written to a temporary name in the same folder, forced to the disk and renamed, so that
    nobody ever sees half of it. A file of that name is replaced. Equal tables give equal bytes.

    Parameters
    ----------
    frame : polars.DataFrame
        Lists are joined with "|" in a CSV file, as they are read.
    path : path
        Ends in ``.parquet`` or ``.csv``.
    private : bool
        Whether only its owner may read it.
    mark : bool
        Whether a CSV file begins with the byte order mark, by which spreadsheets know that it is UTF-8.

    Raises
    ------
    InputError
        If the suffix is another one, or the folder does not exist.
    RunError
        If the disk is full or the file cannot be written; nothing is left behind.
    """
    path = Path(path)
    suffix = check_suffix(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first.")
    # One chunk a column: the row groups of the file then depend on the values alone.
    frame = frame.rechunk()
    with complete_file(path, private=private) as file:
        try:
            if suffix == ".parquet":
                frame.write_parquet(file, compression="zstd")
            else:
                _flat(frame).write_csv(file, include_bom=mark)
        except pl.exceptions.PolarsError as error:
            # Polars hides a full disk in errors of its own: see whether the disk takes some more.
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
            raise OSError(str(error).splitlines()[0]) from error


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a file for a table, ``.parquet`` or ``.csv``; `InputError` where it is another one."""
    suffix = Path(path).suffix
    if suffix.lower() not in (".parquet", ".csv"):
        raise InputError(
            f"{path}: a table is written as .parquet or .csv, not as {suffix!r}; change its name."
        )
    return suffix.lower()


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    nested = [c for c in frame.get_columns() if isinstance(c.dtype, pl.List | pl.Array)]
    return frame.with_columns(normalise_column(c, None, _AS_IT_IS)[0] for c in nested)
