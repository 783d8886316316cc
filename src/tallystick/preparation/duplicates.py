"""Records that are in a source twice: one of them is kept, and a table says which stands for which."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from tallystick._schema import Settings


class DuplicateRule(Settings):
    """Take out records that agree on some fields with another one of their source.

    Attributes
    ----------
    fields : tuple of str
        Fields on which duplicates agree. Values are compared as they are prepared.
    missing : {"differs", "agrees"}
        Whether a record that lacks one of these values can be a duplicate: of none, or of those that lack
        the same.
    keep : {"first", "most_complete"}
        Which record of a group stays: the first of the file, or the one with the fewest missing values in
        all fields that the preparation reads or writes (the first of these).
    sources : tuple of str
        Names of the sources in which it is done; by default all.
    """

    fields: tuple[str, ...] = Field(min_length=1)
    missing: Literal["differs", "agrees"] = "differs"
    keep: Literal["first", "most_complete"] = "first"
    sources: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Fields that the rule reads."""
        return self.fields


def survivors(columns: pl.DataFrame, rule: DuplicateRule) -> NDArray[np.int64]:
    """For every record the one that stands for it.

    Parameters
    ----------
    columns : polars.DataFrame
        All fields, shape (n_records, n_fields).
    rule : DuplicateRule

    Returns
    -------
    int64 array, shape (n_records,)
        Row of the record that is kept; its own where it is kept itself.

    Examples
    --------
    >>> frame = pl.DataFrame({"name": ["ann", "bob", "ann", None, None]})
    >>> survivors(frame, DuplicateRule(fields=("name",))).tolist()
    [0, 1, 0, 3, 4]
    """
    keys = list(rule.fields)
    lacking = pl.sum_horizontal(pl.all().is_null()) if rule.keep == "most_complete" else pl.lit(0)
    frame = columns.select(*keys, lacking.alias("__lacking")).with_row_index("__row")
    if rule.missing == "differs":
        frame = frame.drop_nulls(keys)
    kept = frame.with_columns(
        pl.col("__row").sort_by("__lacking", "__row").first().over(keys).alias("__kept")
    ).filter(pl.col("__kept") != pl.col("__row"))
    result = np.arange(columns.height, dtype=np.int64)
    result[kept["__row"].to_numpy()] = kept["__kept"].to_numpy()
    return result
