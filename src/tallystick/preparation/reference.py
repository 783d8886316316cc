"""Reference numbers: one for each record, that says of which iteration of a linkage it is."""

from __future__ import annotations

import re

import polars as pl
from pydantic import field_validator

from tallystick._schema import Settings

REFERENCE_COLUMN = "reference"


class Reference(Settings):
    """Give every record a reference number such as ``2026-1.census.000042``.

    The number of a record is its place in its source as it was read, so that taking others out changes none.

    Attributes
    ----------
    iteration : str
        The header of every number: which iteration of the linkage it is of.
    """

    iteration: str

    @field_validator("iteration")
    @classmethod
    def _is_one_word(cls, value: str) -> str:
        if not re.fullmatch(r"[^\s.]+", value):
            raise ValueError(f'found "{value}", expected one word without full stops, such as "2026-1"')
        return value


def reference_numbers(reference: Reference, source: str, n_records: int) -> pl.Series:
    """The reference numbers of a source's records.

    Parameters
    ----------
    reference : Reference
    source : str
        Name of the source.
    n_records : int
        How many records it has.

    Returns
    -------
    polars.Series
        Text of one length, in the order of the records.

    Examples
    --------
    >>> reference_numbers(Reference(iteration="L1"), "census", 12)[9:].to_list()
    ['L1.census.10', 'L1.census.11', 'L1.census.12']
    """
    width = len(str(n_records))
    numbers = pl.int_range(1, n_records + 1, eager=True).cast(pl.String).str.zfill(width)
    return (f"{reference.iteration}.{source}." + numbers).alias(REFERENCE_COLUMN)


def are_reference_numbers(column: pl.Series) -> bool:
    """Whether a column is one of reference numbers, which tell nothing but the place of a record.

    Parameters
    ----------
    column : polars.Series
        As it was read, or normalised.

    Returns
    -------
    bool

    Examples
    --------
    >>> are_reference_numbers(reference_numbers(Reference(iteration="L1"), "census", 12))
    True
    >>> are_reference_numbers(pl.Series("reference", ["smith.2", "L1.census.2"]))
    False
    """
    if column.name != REFERENCE_COLUMN or column.dtype != pl.String or not len(column):
        return False
    headers = column.str.extract(r"^([^\s.]+\..+)\.\d+$")
    return headers.null_count() == 0 and headers.n_unique() == 1
