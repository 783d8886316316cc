"""Tables of frequencies that a specification names by a file."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl

from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.preparation.normalise import normalise_column
from tallystick.preparation.read import open_source, read_columns
from tallystick.preparation.source import Source
from tallystick.spec import Spec


def with_value_tables(spec: Spec) -> Spec:
    """The specification with the tables of frequencies in it that it names by a file.

    Parameters
    ----------
    spec : Spec
        Its paths ready to be read.

    Returns
    -------
    Spec

    Raises
    ------
    InputError
        Where a file cannot be read, has no column ``value``, or neither ``share`` nor ``count``, or holds
        what is no frequency.
    """
    return spec.model_copy(update={"comparisons": tuple(_with_table(one, spec) for one in spec.comparisons)})


def _with_table(comparison: Comparison, spec: Spec) -> Comparison:
    known = comparison.value_frequencies
    if known is None or known.path is None:
        return comparison
    table = read_value_table(known.path, comparison.left[0], spec, known.floor)
    frequencies = known.model_copy(update={"table": table, "path": None})
    return comparison.model_copy(update={"frequencies": frequencies})


def read_value_table(path: str | Path, field: str, spec: Spec, floor: float) -> dict[str, float]:
    """Read value to relative frequency, the values normalised as those of a field.

    Parameters
    ----------
    path : path
        A file with the columns ``value`` and ``share``, or ``value`` and ``count``.
    field : str
        Name of the field.
    spec : Spec
        How its values are normalised.
    floor : float
        Values that are rarer are left out.

    Returns
    -------
    dict of str to float
        By falling frequency; values that are equal after normalising are taken together.
    """
    source = Source(name="frequencies", path=Path(path))
    columns = open_source(source).columns
    number = next((name for name in ("share", "count") if name in columns), None)
    if "value" not in columns or number is None:
        raise InputError(
            f"{path}: found the columns {', '.join(columns)}, expected value, and share or count."
        )
    frame = read_columns(source, ["value", number])
    found = frame[number].cast(pl.Float64, strict=False)
    wrong = found.is_null() | ~found.is_finite() | (found < 0)
    if wrong.any():
        row = int(wrong.arg_true()[0]) + 1
        raise InputError(f"{path}: row {row} has no {number} of 0 or more: correct it or take the row out.")
    values = normalise_column(frame["value"].alias(field), spec.fields.get(field), spec.normalise)[0]
    summed = (
        pl.DataFrame({"value": values, "number": found})
        .drop_nulls()
        .group_by("value")
        .agg(pl.col("number").sum())
        .sort(["number", "value"], descending=[True, False])
    )
    total = float(summed["number"].sum())
    if number == "share" and total > 1 + 1e-6:
        raise InputError(
            f"{path}: the shares sum to {total:.6g}, expected 1 at most: give shares of all records, or "
            "a column count."
        )
    if total <= 0:
        raise InputError(f"{path}: there is no value with a {number} above 0: check the file.")
    shares = (summed["number"] / (total if number == "count" else 1.0)).to_list()
    return {
        value: min(share, 1.0)
        for value, share in zip(summed["value"].to_list(), shares, strict=True)
        if share >= floor and math.isfinite(share)
    }
