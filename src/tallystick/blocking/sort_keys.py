"""Sort keys and texts of records: their distinct values in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.keys import part_codes, transform_values
from tallystick.blocking.parts import KeyPart
from tallystick.records.records import Records

Codes = NDArray[np.int32]


def ranked(columns: Sequence[Codes]) -> Codes:
    """Ranks of distinct tuples of codes, in the order of the first, then the second; 0 where any is 0.

    Parameters
    ----------
    columns : sequence of int32 array, shape (n_records,)
        Codes that are in the order of their values.

    Returns
    -------
    int32 array, shape (n_records,)

    Examples
    --------
    >>> first, second = np.array([2, 1, 2, 0], np.int32), np.array([1, 9, 3, 4], np.int32)
    >>> ranked([first, second]).tolist()
    [2, 1, 3, 0]
    """
    have = np.logical_and.reduce([own != 0 for own in columns])
    joint = np.zeros(int(have.sum()), np.int64)
    for own in columns:
        joint = joint * (int(own.max(initial=0)) + 1) + own[have]
        joint = np.unique(joint, return_inverse=True)[1].astype(np.int64)
    ranks = np.zeros(len(have), np.int32)
    ranks[have] = joint + 1
    return ranks


def texts_of(records: Records, parts: Sequence[KeyPart]) -> tuple[Codes, pl.Series]:
    """The text of every record that some parts make, joined by a space.

    Parameters
    ----------
    records : Records
    parts : sequence of KeyPart

    Returns
    -------
    codes : int32 array, shape (n_records,)
        Ranks of the distinct texts, part by part; 0 where a part is missing.
    texts : polars.Series
        Shape (n_texts + 1,), row 0 null.
    """
    codes = ranked([part_codes(records, part) for part in parts])
    row = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
    row[codes] = np.arange(len(codes))
    columns = []
    for number, part in enumerate(parts):
        column = records.columns[part.field]
        texts = transform_values(column.values[0], part).gather(column.codes[row[1:]])
        columns.append(texts.alias(str(number)))
    joined = pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=" "))
    none = pl.Series([None], dtype=pl.String)
    return codes, pl.concat([none, joined.to_series().alias("")])


def runs(codes: Codes, texts: pl.Series, similarity: float) -> Codes:
    """Number of the run that each record's sort key is in.

    A run goes on as long as each distinct value is similar enough to the one before (Yan, Lee, Kan and Giles
    2007), by Jaro and Winkler's measure.

    Parameters
    ----------
    codes : int32 array, shape (n_records,)
        Ranks, 0 for none.
    texts : polars.Series
        Their texts, row 0 null.
    similarity : float
        Least similarity of neighbours.

    Returns
    -------
    int32 array, shape (n_records,)
        From 1; 0 for none.

    Examples
    --------
    >>> runs(np.array([1, 2, 3, 0], np.int32), pl.Series([None, "martha", "marhta", "smith"]), 0.9).tolist()
    [1, 1, 2, 0]
    """
    import jellyfish

    values = texts[1:].to_list()
    apart = [jellyfish.jaro_winkler_similarity(a, b) < similarity for a, b in pairwise(values)]
    number = np.concatenate([[0, 1], 1 + np.cumsum(apart)])[: len(values) + 1]
    return number.astype(np.int32)[codes]
