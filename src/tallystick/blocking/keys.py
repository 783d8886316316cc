"""Blocking keys as integer codes: equal codes are equal keys, 0 is no key."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.passes import KeyPart
from tallystick.comparisons.memo import distinct_code_pairs
from tallystick.errors import InputError
from tallystick.preparation.phonetic.codes import phonetic_codes
from tallystick.records.encode import encode_values
from tallystick.records.records import Records


def transform_values(values: pl.Series, part: KeyPart) -> pl.Series:
    """Apply a key part's transform to distinct values.

    Parameters
    ----------
    values : polars.Series
        Text, shape (n,); null is missing.
    part : KeyPart
        The transform.

    Returns
    -------
    polars.Series
        Text, shape (n,); null where there is nothing to block on. Several phonetic codes are parted by ``|``.

    Examples
    --------
    >>> names = pl.Series(["reid", "reed", None])
    >>> transform_values(names, KeyPart(field="surname", transform="soundex")).to_list()
    ['R300', 'R300', None]
    """
    text = pl.col("value")
    if part.transform == "value":
        return values
    if part.transform == "first":
        expression = text.str.head(part.n or 0)
    elif part.transform == "last":
        expression = text.str.tail(part.n or 0)
    elif part.transform == "year":
        expression = text.str.extract(r"^(\d{4})(?:\D|$)", 1)
    else:
        return phonetic_codes(values, part.transform)
    result = pl.DataFrame({"value": values}).select(expression.alias("value")).get_column("value")
    return result.replace("", None)


def part_codes(records: Records, part: KeyPart, key: str = "Blocking key") -> NDArray[np.int32]:
    """Codes of one transformed field of all records.

    Parameters
    ----------
    records : Records
        The records.
    part : KeyPart
        Field and transform.
    key : str
        What an error calls the key.

    Returns
    -------
    int32 array, shape (n_records,)
        0 where the value is missing or the transform gives nothing.

    Raises
    ------
    InputError
        Where ``year`` finds no year in any value.
    """
    column = records.columns[part.field]
    if part.transform == "value":
        return column.codes
    of_value, _ = encode_values(transformed_values(records, part, key))
    return of_value[column.codes]


def transformed_values(records: Records, part: KeyPart, key: str = "Blocking key") -> pl.Series:
    """What a transform makes of the distinct values of its field (see `transform_values`).

    Parameters
    ----------
    records : Records
        The records.
    part : KeyPart
        Field and transform.
    key : str
        What an error calls the key.

    Returns
    -------
    polars.Series
        Text, shape (n_values + 1,), row 0 null.

    Raises
    ------
    InputError
        Where no value gives anything.
    """
    column = records.columns[part.field]
    transformed = transform_values(column.values[0], part)
    if transformed.null_count() == len(transformed) and column.n_values:
        raise InputError(
            f"{key} {part.label}: no value of field {part.field!r} gives a key; "
            + (
                "the transform year reads dates written as 1985-03-07."
                if part.transform == "year"
                else "choose another transform."
            )
        )
    return transformed


def combine_codes(parts: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """One code for several: equal where all are equal, 0 where any is 0.

    Examples
    --------
    >>> a, b = np.array([1, 1, 2, 0], np.int32), np.array([5, 5, 5, 5], np.int32)
    >>> combine_codes([a, b]).tolist()
    [1, 1, 2, 0]
    """
    joint = parts[0]
    for codes in parts[1:]:
        _, number_of = distinct_code_pairs(joint, codes)
        joint = np.where((joint == 0) | (codes == 0), 0, number_of + 1).astype(np.int32)
    return joint
