"""Agreement weighed by the very value: settings, and the frequencies of values by code.

Bands of frequency stand in the patterns as they do with ``frequencies = true``; within them a pair is weighed
by its own value (see `tallystick.estimation.value_term`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, StrictBool, model_validator

from tallystick._schema import Settings

FLOOR = 1e-5
"""The relative frequency that every value has at least, unless a specification says otherwise."""


class ValueFrequencies(Settings):
    """How a weight follows the frequency of the value agreed on.

    Attributes
    ----------
    by : "value"
        Each value for itself.
    power : float
        How much of it counts: 1 is all, near 0 nearly nothing.
    floor : float
        The relative frequency that a value has at least; rarer ones are not told apart, nor written down.
    partial : bool
        Whether partial agreement counts by the commoner of the two values as well.
    table : mapping of str to float, optional
        Value to relative frequency; by default what the records have.
    path : path, optional
        A file with the columns ``value`` and ``share``, or ``value`` and ``count``, instead.
    """

    by: Literal["value"]
    power: float = Field(default=1.0, gt=0, le=1)
    floor: float = Field(default=FLOOR, gt=0, lt=1)
    partial: StrictBool = False
    table: dict[str, Annotated[float, Field(gt=0, le=1)]] | None = None
    path: str | Path | None = None

    @model_validator(mode="after")
    def _one_table(self) -> ValueFrequencies:
        if self.table is not None and self.path is not None:
            raise ValueError("found table and path together, expected one of the two")
        return self


def shares_of(values: pl.Series, table: Mapping[str, float]) -> NDArray[np.float64]:
    """Relative frequency of every distinct value, shape (n_values + 1,); NaN of one that is not in the table.

    Parameters
    ----------
    values : polars.Series
        The distinct values, row 0 null.
    table : mapping of str to float
        Relative frequencies.

    Examples
    --------
    >>> shares_of(pl.Series([None, "smith", "zyskowski"]), {"smith": 0.012}).tolist()
    [nan, 0.012, nan]
    """
    return np.array([table.get(value, np.nan) for value in values.to_list()], np.float64)
