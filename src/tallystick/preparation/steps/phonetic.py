"""The phonetic code of a value, in a field of its own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from tallystick.preparation.phonetic.codes import PhoneticCode, check_code, phonetic_codes
from tallystick.preparation.steps.step import Applied, Context, PreparationStep, mask


class PhoneticField(PreparationStep):
    """Write how a value sounds into a field of its own; the value stays.

    A value without a letter from A to Z, accents aside, has no code: it is reported, and the field is
    missing.

    Attributes
    ----------
    code : str
        Which code (see `tallystick.preparation.phonetic.codes.phonetic_codes`). Several codes of a value,
        which ``double_metaphone`` and ``daitch_mokotoff`` may give, are parted by ``|``.
    into : str, optional
        The field that is written; by default the name of the field and the code, as in ``surname_soundex``.
    """

    type: Literal["phonetic"] = "phonetic"
    code: PhoneticCode
    into: str | None = Field(default=None, min_length=1)

    def writes(self, name: str) -> tuple[str, ...]:
        """The field of the code."""
        return (self.into or f"{name}_{self.code}",)

    def check(self) -> None:
        """Raise `InputError` where the library of the code is not installed."""
        check_code(self.code)

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Code distinct values (see `PreparationStep.apply`); nothing is changed."""
        texts = values.to_series()
        codes = phonetic_codes(texts, self.code, context.processes)
        (field,) = self.writes(texts.name)
        none = mask(texts.is_not_null() & codes.is_null())
        reported = {"no letter from A to Z to code": none} if none.any() else {}
        return Applied({field: codes.alias(field)}, {}, reported)
