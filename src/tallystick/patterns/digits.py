"""The digits of the pattern of given pairs: levels of the comparisons, and what decides on selection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.finders import Asked
from tallystick.comparisons.plan import CodesAt, ComparisonPlan

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class PairDigits:
    """What pairs of rows are asked.

    Attributes
    ----------
    comparisons : tuple of ComparisonPlan
        The comparisons.
    keys : tuple of (left, right) or Asked
        Of every criterion of selection that is a digit: codes of the rows on either side, which are to be
        equal and not 0, or what is asked of the pair.
    rows : (left, right), optional
        Global rows of the rows on either side, where these are some rows only.
    """

    comparisons: tuple[ComparisonPlan, ...]
    keys: tuple[tuple[Codes, Codes] | Asked, ...]
    rows: tuple[Codes, Codes] | None = None

    def at(self, left: Codes, right: Codes) -> PairDigits:
        """The same for some rows only: pairs are then given as positions in `left` and `right`.

        The pairs of a unit ask the codes of its rows many times; gathered once, they stay in cache.

        Parameters
        ----------
        left, right : int32 arrays
            Rows; one and the same array where rows are paired among themselves.

        Returns
        -------
        PairDigits
        """
        at_left = CodesAt(left)
        return self.gathered(at_left, at_left if right is left else CodesAt(right))

    def gathered(self, left: CodesAt, right: CodesAt) -> PairDigits:
        """What `at` gives, of codes that others may have gathered already."""
        return PairDigits(
            tuple(one.at(left, right) for one in self.comparisons),
            tuple(
                (left.codes(key[0]), right.codes(key[1])) if isinstance(key, tuple) else key
                for key in self.keys
            ),
            (left.rows, right.rows),
        )

    def of(self, left: Codes, right: Codes) -> NDArray[np.uint8]:
        """Pattern digits of given pairs.

        Parameters
        ----------
        left, right : int32 arrays, shape (n_pairs,)
            Rows, or positions in the lists of rows that `at` was given.

        Returns
        -------
        uint8 array, shape (n_digits, n_pairs)
        """
        from tallystick.comparisons.kernels_levels import equal_codes

        n_comparisons = len(self.comparisons)
        digits = np.empty((n_comparisons + len(self.keys), len(left)), np.uint8)
        for row, comparison in zip(digits, self.comparisons, strict=False):
            comparison.levels(left, right, row)
        for row, key in zip(digits[n_comparisons:], self.keys, strict=True):
            if isinstance(key, tuple):
                equal_codes(*key, left, right, row)
            elif self.rows is None:
                row[:] = key.holds(left, right)
            else:
                row[:] = key.holds(self.rows[0][left], self.rows[1][right])
        return digits
