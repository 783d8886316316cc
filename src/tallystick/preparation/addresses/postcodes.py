"""Postal codes by country: what they look like, and how they are officially written."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple


class Postcodes(NamedTuple):
    """The codes of a country.

    Attributes
    ----------
    pattern : str
        Regular expression of a whole code in capitals without space or hyphen and without the country's
        sign; its groups are the parts of the official form. No look-around, so that polars can use it too.
    between : str
        What stands between the parts.
    never : str
        Regular expression of the beginning of codes that are of this form and yet not given out.
    sign : str
        Sign of the country that may stand before the code and a hyphen (D-10623).
    digits : int
        How many digits a code of digits alone has, else 0.
    """

    pattern: str
    between: str = ""
    never: str = ""
    sign: str = ""
    digits: int = 0


# Great Britain: the formats A9 9AA, A99 9AA, AA9 9AA, AA99 9AA, A9A 9AA, AA9A 9AA of the Postcode Address
# File (Royal Mail, Programmers' Guide): Q, V, X are not used in the first place, I, J, Z not in the
# second; the last of A9A is one of ABCDEFGHJKPSTUW, of AA9A one of ABEHMNPRVWXY; the inward part has none
# of C, I, K, M, O, V. Canada (Canada Post): no D, F, I, O, Q, U anywhere, W and Z not first. The
# Netherlands (PostNL): SA, SD and SS are not given out.
POSTCODES = {
    "GB": Postcodes(
        r"(GIR|[A-PR-UWYZ](?:[0-9]{1,2}|[0-9][ABCDEFGHJKPSTUW]|[A-HK-Y][0-9]{1,2}"
        r"|[A-HK-Y][0-9][ABEHMNPRVWXY]))"
        r"([0-9][ABD-HJLNP-UW-Z]{2})",
        between=" ",
        never=r"GIR(?:[1-9]|0[^A]|0A[^A])",
    ),
    "US": Postcodes(r"([0-9]{5})([0-9]{4})?", "-", never="000", sign="US", digits=5),
    "DE": Postcodes(r"([0-9]{5})", never="00", sign="D", digits=5),
    "FR": Postcodes(r"([0-9]{5})", never="00|99", sign="F", digits=5),
    "NL": Postcodes(r"([1-9][0-9]{3})([A-Z]{2})", " ", never="....S[ADS]", sign="NL"),
    "CA": Postcodes(
        r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])([0-9][ABCEGHJ-NPRSTV-Z][0-9])", " ", sign="CA"
    ),
    "AU": Postcodes(r"([0-9]{4})", never="00|01", sign="AU", digits=4),
    "AT": Postcodes(r"([1-9][0-9]{3})", sign="A", digits=4),
    "CH": Postcodes(r"([1-9][0-9]{3})", sign="CH", digits=4),
    "BE": Postcodes(r"([1-9][0-9]{3})", sign="B", digits=4),
    "DK": Postcodes(r"([0-9]{4})", sign="DK", digits=4),
    "NO": Postcodes(r"([0-9]{4})", sign="N", digits=4),
    "ES": Postcodes(r"((?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3})", sign="E", digits=5),
    "IT": Postcodes(r"([0-9]{5})", sign="I", digits=5),
    "SE": Postcodes(r"([1-9][0-9]{2})([0-9]{2})", " ", sign="SE", digits=5),
    "FI": Postcodes(r"([0-9]{5})", sign="FI", digits=5),
    "PL": Postcodes(r"([0-9]{2})([0-9]{3})", "-", sign="PL", digits=5),
    "PT": Postcodes(r"([1-9][0-9]{3})([0-9]{3})", "-", sign="P", digits=7),
}


@cache
def _whole(country: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    codes = POSTCODES[country]
    return re.compile(codes.pattern), re.compile(codes.never or r"(?!)")


def official(text: str, country: str) -> str | None:
    """A code as it is officially written, or None where it is none.

    Examples
    --------
    >>> official("sw1a2aa", "GB"), official("D-10623", "DE"), official("021394307", "US")
    ('SW1A 2AA', '10623', '02139-4307')
    >>> official("SW1A 0AC", "GB")
    """
    codes = POSTCODES[country]
    compact = re.sub(r"[\s-]", "", text).upper()
    for sign in (codes.sign, country):
        if compact[len(sign) :][:1].isdigit():
            compact = compact.removeprefix(sign)
    whole, never = _whole(country)
    found = whole.fullmatch(compact)
    if found is None or never.match(compact):
        return None
    return codes.between.join(part for part in found.groups() if part)


_ALIKE = {"O": "0", "I": "1", "L": "1", "S": "5", "Z": "2", "B": "8", "G": "6"}
_DIGITS_FOR = str.maketrans(_ALIKE)
_LETTERS_FOR = str.maketrans({"0": "O", "1": "I", "5": "S", "2": "Z", "8": "B", "6": "G"})
_SHAPES = {
    "GB": ("LDDLL", "LDDDLL", "LLDDLL", "LLDDDLL", "LDLDLL", "LLDLDLL"),
    "CA": ("LDLDLD",),
    "NL": ("DDDDLL",),
    "US": ("DDDDD", "DDDDDDDDD"),
}


def misread(text: str, country: str) -> bool:
    """Whether a text that is no code would be one if letters and digits that look alike were exchanged.

    Examples
    --------
    >>> misread("SW1A OAA", "GB"), misread("SW1A 0AC", "GB")
    (True, False)
    """
    compact = re.sub(r"[\s-]", "", text).upper()
    for shape in _SHAPES.get(country, ("D" * POSTCODES[country].digits,)):
        if len(shape) == len(compact):
            # Each character is made a letter or a digit, as its place wants it.
            exchanged = "".join(
                character.translate(_DIGITS_FOR if wanted == "D" else _LETTERS_FOR)
                for character, wanted in zip(compact, shape, strict=True)
            )
            if exchanged != compact and official(exchanged, country):
                return True
    return False
