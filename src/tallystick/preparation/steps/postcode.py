"""Postal codes in their official form."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import StrictBool, field_validator, model_validator

from tallystick.preparation.addresses.postcodes import POSTCODES, misread
from tallystick.preparation.steps.checked import settle
from tallystick.preparation.steps.country import HINT, Country
from tallystick.preparation.steps.step import Applied, Context, PreparationStep, mask

RESTORED = "zeros in front restored"
WRONG = "no postcode of the country"
MISREAD = (
    "a postcode only if letters and digits that look alike are exchanged (O and 0, I and 1, S and 5, ...)"
)


class Postcode(PreparationStep):
    """Write postal codes officially, and set what is none missing.

    Capitals, space and hyphen are put right, and the sign of the country in front (``D-10623``) is
    removed. Nothing else is corrected: a letter O where only a digit can stand is reported.

    Attributes
    ----------
    country : str
        ISO 3166-1 code of two letters.
    into : mapping of str to str
        ``outward`` and ``inward``, the two halves of a British code, to the fields that they are written
        to besides.
    restore_zeros : bool
        Fill codes of fewer digits with zeros in front, where the country's are of digits alone: a
        spreadsheet has removed them. Not where that is unknown: ``1234`` may be an incomplete ``1234?`` as
        well as ``01234``.
    wrong : {"missing", "keep"}
        What becomes of a value that is no code of the country.

    Examples
    --------
    >>> from tallystick.preparation.steps.step import Context
    >>> values = pl.DataFrame({"code": ["sw1a0aa", "SW1A 0AC"]})
    >>> done = Postcode(country="GB").apply(values, np.array([1, 1]), Context())
    >>> done.columns["code"].to_list(), list(done.reported)
    (['SW1A 0AA', None], ['no postcode of the country'])
    """

    hints: ClassVar[dict[str, str]] = {"country": HINT}

    type: Literal["postcode"] = "postcode"
    country: Country
    into: dict[Literal["outward", "inward"], str] | None = None
    restore_zeros: StrictBool = False
    wrong: Literal["missing", "keep"] = "missing"

    @field_validator("country")
    @classmethod
    def _is_known(cls, country: str) -> str:
        if country not in POSTCODES:
            raise ValueError(f"postcodes are known of {', '.join(sorted(POSTCODES))} only")
        return country

    @model_validator(mode="after")
    def _suits_the_country(self) -> Postcode:
        if self.into is not None and self.country != "GB":
            raise ValueError('into applies to country = "GB" only')
        if self.into is not None and len(set(self.into.values())) < len(self.into):
            raise ValueError("the two halves need a field each")
        if self.restore_zeros and not POSTCODES[self.country].digits:
            raise ValueError("restore_zeros applies to countries whose codes are of digits alone")
        return self

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes (see `PreparationStep.writes`)."""
        return (name, *(self.into or {}).values())

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Write distinct codes officially (see `PreparationStep.apply`)."""
        old = values.to_series()
        codes = POSTCODES[self.country]
        compact = old.str.to_uppercase().str.replace_all(r"[\s\p{Pd}]", "")
        if codes.sign:
            compact = compact.str.replace(f"^(?:{codes.sign}|{self.country})([0-9])", "$1")
        restored = np.zeros(len(old), bool)
        if self.restore_zeros:
            restored = mask(compact.str.contains(f"^[0-9]{{3,{codes.digits - 1}}}$"))
            compact = compact.str.zfill(codes.digits).zip_with(pl.Series(restored), compact)
        right = mask(compact.str.contains(f"^{codes.pattern}$"))
        if codes.never:
            right &= ~mask(compact.str.contains(f"^(?:{codes.never})"))
        written = compact.str.replace(f"^{codes.pattern}$", f"${{1}}{codes.between}${{2}}")
        if codes.between:
            written = written.str.strip_chars(codes.between)
        written = written.set(pl.Series(~right), None)
        wrong = ~right & mask(old.is_not_null())
        confused = np.zeros(len(old), bool)
        confused[wrong] = [misread(text, self.country) for text in old.filter(pl.Series(wrong))]
        new, changed, reported = settle(
            old,
            written,
            {MISREAD: confused, WRONG: wrong & ~confused},
            keep=self.wrong == "keep",
            rules={RESTORED: restored & right},
        )
        columns = {old.name: new.alias(old.name)}
        for half, field in (self.into or {}).items():
            columns[field] = written.str.extract("^(.*) " if half == "outward" else " (.*)$", 1).alias(field)
        return Applied(columns, changed, reported)
