"""Comparators by equality: of whole values, or of a name and its initial."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.measure import Measure


class Exact(Comparator):
    """Equality of values; see `exact`."""

    arity: ClassVar[int | None] = None

    type: Literal["exact"] = "exact"

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return ("different", "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        # These import the compiler, which a specification alone must not wait for.
        from tallystick.comparisons.measures_strings import ExactMeasure
        from tallystick.comparisons.text import joint_keys

        return ExactMeasure(*joint_keys(left, right, same))


def exact() -> Exact:
    """Equality of values, character by character.

    With several fields a side, all of them must be equal; a pair with one of them missing on
    either side counts as missing.

    Returns
    -------
    Exact

    Examples
    --------
    >>> exact().labels()
    ('different', 'equal')
    """
    return Exact()


def _firsts(values: pl.Series) -> NDArray[np.int32]:
    """First character of each value as a code point, negative where the value is an initial."""
    from tallystick.comparisons.text import code_points

    points, offsets = code_points(values.str.slice(0, 1))
    firsts = np.zeros(len(values), np.int32)
    firsts[np.diff(offsets) > 0] = points
    alone = values.str.contains(r"^\p{L}\.?$").fill_null(False).to_numpy()
    return np.where(alone, -firsts, firsts)


class Initial(Comparator):
    """A name against its initial; see `initial`."""

    type: Literal["initial"] = "initial"

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return ("different", "initial agrees", "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        from tallystick.comparisons.measures_strings import InitialMeasure
        from tallystick.comparisons.text import joint_keys

        left_keys, right_keys = joint_keys(left, right, same)
        return InitialMeasure(left_keys, _firsts(left[0]), right_keys, _firsts(right[0]))


def initial() -> Initial:
    """Equality of two names, or of an initial and the first letter of a name.

    An initial is a single letter, with or without a full stop. The levels are: different; one
    side is an initial and equals the other's first letter ("J" or "J." and "John", also "J" and
    "J."); equal. Case counts. The measure's `similarities` are 0, 0.5 and 1.

    Returns
    -------
    Initial

    Examples
    --------
    >>> initial().labels()
    ('different', 'initial agrees', 'equal')
    """
    return Initial()
