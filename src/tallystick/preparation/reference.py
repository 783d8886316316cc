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
