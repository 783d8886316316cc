"""Matching probabilities from a table of pairs, as a linkage of this product gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.analysis.error_models.matching_probabilities import MatchingProbabilities
from tallystick.errors import InputError


def listed_probabilities(
    pairs: Any,
    left: Any,
    right: Any,
    *,
    id_left: str = "id_left",
    id_right: str = "id_right",
    probability: str = "posterior",
) -> MatchingProbabilities:
    """Matching probabilities from pairs that are listed with a posterior.

    The posterior of ``links.parquet`` of a run, and of `Links.pairs`, is that of one-to-one linkage
    already, or that of each record's candidates where one file's records may have several matches. All kept
    pairs count, not only those that became links: what a record's pairs lack to 1 is "no match". What the
    run has not kept is in it.

    Parameters
    ----------
    pairs : polars.DataFrame, or anything that polars makes one of
        A row per candidate pair of two files.
    left, right : array-like, shapes (n_left,) and (n_right,)
        Ids of all records of the two files, linked or not; rows of the result are in their order.
    id_left, id_right, probability : str
        Columns of the pairs.

    Returns
    -------
    MatchingProbabilities

    Raises
    ------
    InputError
        Where a column is lacking, an id is of no record or of two, a pair occurs twice, or a posterior is
        missing.

    Examples
    --------
    >>> pairs = pl.DataFrame({"id_left": ["a", "b"], "id_right": ["x", "x"], "posterior": [0.9, 0.05]})
    >>> found = listed_probabilities(pairs, ["a", "b", "c"], ["x", "y"])
    >>> found.none("right").round(2)
    array([0.05, 1.  ])
    """
    table = pairs if isinstance(pairs, pl.DataFrame) else pl.DataFrame(pairs)
    lacking = [name for name in (id_left, id_right, probability) if name not in table.columns]
    if lacking:
        raise InputError(f"pairs: there is no column {lacking[0]!r}; there are {', '.join(table.columns)}.")
    rows = [
        _rows(table[column], names, column, side)
        for column, names, side in ((id_left, left, "left"), (id_right, right, "right"))
    ]
    if table.select(id_left, id_right).is_duplicated().any():
        raise InputError("pairs: some occur twice: give each once.")
    try:
        chance = table[probability].cast(pl.Float64)
    except pl.exceptions.PolarsError:
        raise InputError(f"{probability}: some values are no numbers.") from None
    wrong = int((~chance.is_between(0.0, 1.0)).fill_null(True).sum())
    if wrong:
        raise InputError(
            f"{probability}: {wrong} of {len(chance)} pairs have no probability from 0 to 1: links by "
            "match keys have none; give them the precision of their key, or use an audit."
        )
    exact = np.ones(len(table), bool)
    return MatchingProbabilities(rows[0], rows[1], chance.to_numpy(), len(left), len(right), exact, "given")


def _rows(ids: pl.Series, names: Any, column: str, side: str) -> NDArray[np.int64]:
    """Row of each id among the records of a file."""
    known = pl.DataFrame({"id": pl.Series(names).cast(ids.dtype)}).with_row_index("row")
    again = len(known) - known["id"].n_unique()
    if again:
        raise InputError(f"{side}: {again} of {len(known)} ids occur again: a record has an id of its own.")
    found = pl.DataFrame({"id": ids}).join(known, on="id", how="left", maintain_order="left")["row"]
    outside = int(found.null_count())
    if outside:
        first = ids.filter(found.is_null())[0]
        raise InputError(
            f"{column}: {first!r} is no record of the {side} file ({outside} of {len(ids)} pairs are so): "
            "give the ids of all records."
        )
    return found.cast(pl.Int64).to_numpy()
