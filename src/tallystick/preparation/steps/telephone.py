"""Telephone numbers in the international form E.164."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import field_validator

from tallystick.preparation.distinct import map_given
from tallystick.preparation.extras import require
from tallystick.preparation.steps.checked import by_reason, settle
from tallystick.preparation.steps.country import HINT, Country
from tallystick.preparation.steps.step import Change, Context, Mask, TextStep

FICTION = "reserved for fiction and examples: it rings nobody"
EXTENSION = "extension removed"
_LONGEST_EXTENSION = 6

# Ranges that regulators have set aside: Ofcom (numbers for use in TV and radio drama programmes), ARCEP
# (decision 2018-0881), Bundesnetzagentur (numbers for drama), North American Numbering Plan (555-0100 to
# 555-0199).
_FICTION = re.compile(
    r"\+44(?:1632960|11[3-8]4960|1[2-6]14960|1914980|2079460|2896496|2920180|3069990|7700900|8081570"
    r"|9098790)\d{3}"
    r"|\+33(?:19900|26191|35301|46571|53649|63998)\d{4}"
    r"|\+49(?:3023125|6990009|4066969|2214710|8999998)\d{3}"
    r"|\+1\d{3}55501\d\d"
)


class Telephone(TextStep):
    """Write telephone numbers in the form E.164 (``+442079460958``) and set wrong ones missing.

    Attributes
    ----------
    country : str
        Country of numbers that do not begin with ``+`` or the prefix for calls abroad: ISO 3166-1 code.
    accept : {"valid", "possible"}
        ``valid``: the number is of a range that is in use, or set aside for fiction. ``possible``: only
        its length is checked, for files older than today's ranges. A number that has lost a digit is often
        still of a possible length; it would then disagree with the whole one where it should be missing.
    extension : {"remove", "keep"}
        Whether an extension stays, as in ``+442079460958;ext=12``.
    wrong : {"missing", "keep"}
        What becomes of a wrong one.

    Examples
    --------
    >>> numbers = pl.Series(["020 7946 0958", "+44 (0)20 7946 0958", "020 7946 09"])
    >>> Telephone(country="GB").change(numbers, Context())[0].to_list()
    ['+442079460958', '+442079460958', None]
    """

    hints: ClassVar[dict[str, str]] = {"country": HINT}

    type: Literal["telephone"] = "telephone"
    country: Country
    accept: Literal["valid", "possible"] = "valid"
    extension: Literal["remove", "keep"] = "remove"
    wrong: Literal["missing", "keep"] = "missing"

    def check(self) -> None:
        """Raise `InputError` where the library is not installed (see `PreparationStep.check`)."""
        require("phonenumbers", 'the step "telephone"')

    @field_validator("country")
    @classmethod
    def _is_country(cls, country: str) -> str:
        try:
            import phonenumbers
        except ImportError:
            return country  # `check` says so.
        if country not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f'"{country}" is no country with telephone numbers, such as "GB"')
        return country

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Write numbers in the form E.164 (see `TextStep.change`)."""
        self.check()
        read = partial(read_number, country=self.country, possible=self.accept == "possible")
        numbers = map_given(read, texts, _NONE, context.processes)
        keep = self.extension == "keep"
        written = pl.Series(
            [
                f"{number.e164};ext={number.extension}" if keep and number.extension else number.e164
                for number in numbers
            ],
            dtype=pl.String,
        )
        cut: Mask = np.array([not keep and bool(number.extension) for number in numbers], bool)
        reasons = by_reason([number.reason for number in numbers])
        return settle(texts, written, reasons, keep=self.wrong == "keep", rules={EXTENSION: cut})


class Number(NamedTuple):
    """A number that was read; `e164` is None where it is wrong, and `reason` says what is to be reported."""

    e164: str | None
    extension: str | None
    reason: str | None


_NONE = Number(None, None, None)


def read_number(text: str, country: str, *, possible: bool) -> Number:
    """Read one telephone number.

    Examples
    --------
    >>> read_number("(212) 555-0123 ext. 4", "US", possible=False)[:2]
    ('+12125550123', '4')
    >>> read_number("555-0123", "US", possible=True).reason
    'an area code is missing'
    """
    library: Any = require("phonenumbers", 'the step "telephone"')
    try:
        number = library.parse(text, country)
    except library.NumberParseException:
        return Number(None, None, "not one telephone number")
    if len(number.extension or "") > _LONGEST_EXTENSION:
        return Number(None, None, "perhaps a second number, not an extension")
    length = library.is_possible_number_with_reason(number)
    outcomes = library.ValidationResult
    if length == outcomes.IS_POSSIBLE_LOCAL_ONLY:
        return Number(None, None, "an area code is missing")
    if length == outcomes.TOO_SHORT:
        return Number(None, None, "too short")
    if length == outcomes.TOO_LONG:
        return Number(None, None, "too long")
    if length != outcomes.IS_POSSIBLE:
        return Number(None, None, "no number of its country has this length")
    e164 = library.format_number(number, library.PhoneNumberFormat.E164)
    if _FICTION.fullmatch(e164):
        return Number(e164, number.extension, FICTION)
    if not possible and not library.is_valid_number(number):
        return Number(None, None, "of no range that is in use")
    return Number(e164, number.extension, None)
