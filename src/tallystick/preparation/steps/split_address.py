"""An address in one field, split into its parts."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from tallystick.errors import InputError
from tallystick.preparation.addresses.parsers import address_parser
from tallystick.preparation.addresses.parts import PARTS, Part
from tallystick.preparation.distinct import map_texts
from tallystick.preparation.steps.country import HINT, Country
from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep


class SplitAddress(PreparationStep):
    """Split an address into number, street, locality, and so on, each a field of its own.

    Directions, types of streets and regions are written in their standard form, postcodes officially, all
    else with the characters of the address. What the address does not hold is missing; where it cannot be
    split without a guess all parts are missing, and it is reported.

    Attributes
    ----------
    country : str
        ISO 3166-1 code. ``US``, ``GB``, ``DE``, ``FR``, ``AU`` and ``NL`` are known; of others number,
        street, postcode and locality are told where they stand in the usual order.
    into : mapping of str to str
        Part to the field that it is written to; only these are written. By default every part to
        ``<field>_<part>``.
    parser : {"rules", "fastaddress", "libpostal"}
        The built-in splitter, or a library: fastaddress for the United States, libpostal where it is
        installed.

    Examples
    --------
    >>> from tallystick.preparation.steps.step import Context
    >>> step = SplitAddress(country="GB", into={"number": "house", "street": "street", "postcode": "code"})
    >>> values = pl.DataFrame({"address": ["10 downing street london sw1a2aa"]})
    >>> {name: column.item() for name, column in step.apply(values, np.array([1]), Context()).columns.items()}
    {'house': '10', 'street': 'downing', 'code': 'SW1A 2AA'}
    """

    hints: ClassVar[dict[str, str]] = {"country": HINT}

    type: Literal["split_address"] = "split_address"
    country: Country
    into: dict[Part, str] | None = None
    parser: Literal["rules", "fastaddress", "libpostal"] = "rules"

    @field_validator("into")
    @classmethod
    def _fields_differ(cls, into: dict[Part, str] | None) -> dict[Part, str] | None:
        if into is not None and (not into or len(set(into.values())) < len(into)):
            raise ValueError("name at least one part, and a field of its own for each")
        return into

    def fields(self, name: str) -> dict[str, str]:
        """Part to the field that it is written to."""
        if self.into is None:
            return {part: f"{name}_{part}" for part in PARTS}
        return dict(self.into.items())

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes (see `PreparationStep.writes`)."""
        written = tuple(self.fields(name).values())
        if name in written:
            raise InputError(
                f"no part can be written to {name!r} itself, the address that is split; "
                "name another field in into."
            )
        return written

    def check(self) -> None:
        """Raise `InputError` where the parser cannot be used (see `PreparationStep.check`)."""
        address_parser(self.parser, self.country)

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Split distinct addresses (see `PreparationStep.apply`)."""
        column = values.to_series()
        given = (column.is_not_null() & (column.str.strip_chars() != "")).fill_null(False)
        where = np.flatnonzero(given.to_numpy())
        parser = address_parser(self.parser, self.country)
        found = map_texts(parser, column.filter(given).to_list(), context.processes)
        columns = {}
        for part, field in self.fields(column.name).items():
            texts: list[str | None] = [None] * len(column)
            for row, split in zip(where, found, strict=True):
                if split.parts is not None:
                    texts[row] = split.parts.get(part)
            columns[field] = pl.Series(field, texts, dtype=pl.String)
        split_up = np.zeros(len(column), bool)
        split_up[where] = [split.parts is not None for split in found]
        reported: dict[str, Mask] = {}
        for row, split in zip(where, found, strict=True):
            if split.reason:
                reported.setdefault(split.reason, np.zeros(len(column), bool))[row] = True
        return Applied(columns, {"split into parts": split_up} if split_up.any() else {}, reported)
