"""What comparators of names become once they know the values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.kernels_names import forename_levels, phonetic_levels
from tallystick.comparisons.shared_items import SharedItems
from tallystick.comparisons.text import StringTables

Codes = NDArray[np.int32]
Levels = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PhoneticMeasure:
    """Equality of texts, or of one of their phonetic codes.

    Attributes
    ----------
    left, right : int32 array, shape (n_values + 1,)
        Keys of the values (see `tallystick.comparisons.text.joint_keys`).
    codes : SharedItems
        Phonetic codes of the values.
    unreadable : int
        Number of values without a code, which count as missing.
    """

    left: Codes
    right: Codes
    codes: SharedItems
    unreadable: int
    n_levels: int = 3

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        codes = self.codes
        phonetic_levels(a, b, self.left, codes.left, self.right, codes.right, codes.items, out)

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """1 where equal, 0.5 where a code is shared, 0 otherwise, NaN where missing."""
        out = np.empty(len(a), np.uint8)
        self.levels(a, b, out)
        return np.array([0.0, 0.5, 1.0, np.nan])[out]


@dataclass(frozen=True)
class ForenameMeasure:
    """How forenames relate (see `kernels_names.forename_levels`, whose parameters these are)."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    forms: NDArray[np.int32]
    codes: NDArray[np.int32]
    tables: StringTables
    shortest: int
    level_of: NDArray[np.int64]
    thresholds: Floats
    lowest: Floats
    needs: NDArray[np.uint8]
    unreadable: int = 0

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return int(self.level_of.max()) + 1

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        forename_levels(
            a, b, self.left, self.right, self.forms, self.codes, *self.tables.arrays, self.tables.alphabet,
            self.tables.longest, self.shortest, self.level_of, self.thresholds, self.lowest, self.needs, out,
        )  # fmt: skip

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """The level as a share of the highest, from 0 to 1; NaN where missing."""
        out = np.empty(len(a), np.uint8)
        self.levels(a, b, out)
        return np.append(np.linspace(0.0, 1.0, self.n_levels), np.nan)[out]
