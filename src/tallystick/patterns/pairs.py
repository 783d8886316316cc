"""Blocked pairs with their patterns, held in little memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.units import PairBlocks, PairList

SHORT = 65_536
"""Rows that positions of two bytes tell apart."""


@dataclass(frozen=True)
class PatternPairs:
    """The pairs of a unit with the pattern of each, so that a later sweep compares nothing again.

    Attributes
    ----------
    pass_number, source_pair : int
        Which pass, and which pair of sources, the pairs belong to.
    left_rows, right_rows : int32 arrays, optional
        The unit's rows, where positions in them take less memory than rows themselves.
    left_at, right_at : integer arrays, shape (n,)
        Positions in them; without them global rows.
    patterns : integer array, shape (n,)
        Pattern number of each pair, key digits included.
    """

    pass_number: int
    source_pair: int
    left_rows: NDArray[np.int32] | None
    right_rows: NDArray[np.int32] | None
    left_at: NDArray[Any]
    right_at: NDArray[Any]
    patterns: NDArray[Any]

    def __len__(self) -> int:
        return len(self.patterns)

    def left(self, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
        """Global left rows of some of the pairs."""
        at = self.left_at[chosen]
        return at if self.left_rows is None else self.left_rows[at]

    def right(self, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
        """Global right rows of some of the pairs."""
        at = self.right_at[chosen]
        return at if self.right_rows is None else self.right_rows[at]

    def among(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Which pairs have a row that is wanted; `wanted` has shape (n_records,)."""
        left, right = (
            wanted[at] if rows is None else wanted[rows][at]
            for rows, at in ((self.left_rows, self.left_at), (self.right_rows, self.right_at))
        )
        return np.flatnonzero(left | right)


def pattern_pairs_of(
    unit: PairBlocks | PairList,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    patterns: NDArray[Any],
) -> PatternPairs:
    """Put pairs, given as positions in a unit's lists of rows, in the form that takes less memory.

    Parameters
    ----------
    unit : PairBlocks or PairList
        The unit.
    left, right : int32 arrays, shape (n,)
        Positions in its lists of rows.
    patterns : integer array, shape (n,)
        Their patterns.

    Returns
    -------
    PatternPairs
    """
    n_rows = len(unit.left) + (0 if unit.right is unit.left else len(unit.right))
    if max(len(unit.left), len(unit.right)) <= SHORT and n_rows < len(left):
        at = left.astype(np.uint16), right.astype(np.uint16)
        return PatternPairs(unit.pass_number, unit.source_pair, unit.left, unit.right, *at, patterns)
    rows = unit.left[left], unit.right[right]
    return PatternPairs(unit.pass_number, unit.source_pair, None, None, *rows, patterns)
