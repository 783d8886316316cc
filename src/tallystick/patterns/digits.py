"""The digits of the pattern of given pairs: levels of the comparisons, agreement on parts of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.plan import CodesAt, ComparisonPlan

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class PairDigits:
    """What pairs of rows are asked.

    Attributes
    ----------
    comparisons : tuple of ComparisonPlan
        The comparisons.
    keys : tuple of (left, right)
        Codes of every part of a key that is a digit, of the rows on either side; 0 is no key.
    """

    comparisons: tuple[ComparisonPlan, ...]
    keys: tuple[tuple[Codes, Codes], ...]

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
        at_right = at_left if right is left else CodesAt(right)
        return PairDigits(
            tuple(one.at(at_left, at_right) for one in self.comparisons),
            tuple((at_left.codes(a), at_right.codes(b)) for a, b in self.keys),
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
        for row, codes in zip(digits[n_comparisons:], self.keys, strict=True):
            equal_codes(*codes, left, right, row)
        return digits


@dataclass(frozen=True)
class PatternPairs:
    """Some blocked pairs with the pattern of each, so that a later sweep compares nothing again.

    Attributes
    ----------
    pass_number, source_pair : int
        Which pass, and which pair of sources, the pairs belong to.
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.
    patterns : integer array, shape (n,)
        Pattern number of each pair, key digits included.
    """

    pass_number: int
    source_pair: int
    left: Codes
    right: Codes
    patterns: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.left)


def join_pairs(parts: Sequence[PatternPairs]) -> PatternPairs:
    """Pairs of one pass and one pair of sources, one part after the other."""
    columns = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", "patterns")
    )
    return PatternPairs(parts[0].pass_number, parts[0].source_pair, *columns)
