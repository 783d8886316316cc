"""Comparator by how values sound."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.measure import Measure
from tallystick.preparation.phonetic.codes import SEPARATOR, PhoneticCode, check_code, phonetic_codes


class Phonetic(Comparator):
    """Equality of phonetic codes; see `phonetic`.

    Attributes
    ----------
    code : str
        Which code.
    """

    type: Literal["phonetic"] = "phonetic"
    code: PhoneticCode

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return ("different", f"same {self.code.replace('_', ' ')} code", "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Code the values of both sides (see `Comparator.prepare`)."""
        # These import the compiler, which a specification alone must not wait for.
        from tallystick.comparisons.measures_names import PhoneticMeasure
        from tallystick.comparisons.shared_items import listed, shared_items
        from tallystick.comparisons.text import joint_keys

        check_code(self.code)
        values = left[0] if same else pl.concat([left[0].alias(""), right[0].alias("")])
        codes = phonetic_codes(values, self.code)
        items = shared_items(listed(codes.str.split(SEPARATOR)), len(left[0]), len(right[0]), same)
        uncoded = int((codes.is_null() & values.is_not_null()).sum())
        return PhoneticMeasure(*joint_keys(left, right, same), items, uncoded)


def phonetic(code: PhoneticCode) -> Phonetic:
    """Equality of two values, or of the codes of how they sound.

    Of a code that may be several for a value (``double_metaphone``, ``daitch_mokotoff``) two values agree
    where they share one. A value without a letter from A to Z, accents aside, has no code and counts as
    missing.

    Parameters
    ----------
    code : str
        ``soundex``, ``nysiis``, ``metaphone``, ``match_rating``, ``cologne``, ``double_metaphone`` or
        ``daitch_mokotoff`` (see `tallystick.preparation.phonetic.codes.phonetic_codes`).

    Returns
    -------
    Phonetic

    Examples
    --------
    >>> phonetic("soundex").labels()
    ('different', 'same soundex code', 'equal')
    """
    return Phonetic(code=code)
