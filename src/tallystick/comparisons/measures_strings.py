"""What string comparators become once they know the values: measures around the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.bags import BagTable
from tallystick.comparisons.kernels_bags import bag_levels, bag_similarities
from tallystick.comparisons.kernels_edit import edit_distances, edit_levels
from tallystick.comparisons.kernels_exact import exact_levels, initial_levels
from tallystick.comparisons.kernels_jaro import jaro_levels, jaro_similarities
from tallystick.comparisons.text import StringTables

Codes = NDArray[np.int32]
Levels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def lowest_jaro(threshold: float, prefix_weight: float, prefix_length: int, boost: float) -> Floats:
    """Least Jaro similarity with which a Jaro-Winkler similarity can reach a threshold.

    Parameters
    ----------
    threshold : float
        The threshold.
    prefix_weight, prefix_length, boost
        As of `JaroWinkler`.

    Returns
    -------
    float64 array, shape (5,)
        By number of first letters in common, at most 4; lower by a margin far above rounding and
        far below the distance of two similarities.
    """
    weight = np.minimum(np.arange(5), prefix_length) * prefix_weight
    rest = np.maximum(1.0 - weight, 1e-300)  # a weight of 1 lifts whatever is above the boost to 1
    boosted = np.maximum(boost, (threshold - 1e-12 - weight) / rest)
    return np.minimum(threshold, boosted) - 1e-12


WORD = 64
"""Characters of a string up to which a kernel takes it in one machine word."""


def fewest_common(longest: int, lowest: Floats) -> NDArray[np.uint8]:
    """Fewest common letters with which a Jaro similarity can reach a value.

    Parameters
    ----------
    longest : int
        Length of the longest string.
    lowest : float64 array, shape (5,)
        The value, by number of first letters in common (see `lowest_jaro`).

    Returns
    -------
    uint8 array, shape (5, L + 1, L + 1)
        By number of first letters in common (at most 4) and the two lengths up to
        L = min(longest, 64), of which 64 stands for longer ones too: they need no fewer. 255 where
        no number reaches it, 0 for two empty strings, which are equal.
    """
    lengths = np.arange(min(max(longest, 1), 64) + 1)
    common = lengths[1:, None, None]
    len_a, len_b = np.maximum(lengths, 1)[None, :, None], np.maximum(lengths, 1)[None, None, :]
    possible = (common <= lengths[None, :, None]) & (common <= lengths[None, None, :])
    jaro = (common / len_a + common / len_b + 1.0) / 3.0
    needs = np.empty((5, len(lengths), len(lengths)), np.uint8)
    for prefix in range(5):
        reached = possible & (jaro >= lowest[prefix])
        needs[prefix] = np.where(reached.any(axis=0), reached.argmax(axis=0) + 1, 255)
    needs[:, 0, 0] = 0
    return needs


@dataclass(frozen=True)
class JaroMeasure:
    """Jaro and Jaro-Winkler similarity, with levels by ascending thresholds."""

    tables: StringTables
    thresholds: Floats
    lowest: Floats
    needs: NDArray[np.uint8]
    chapter: bool
    prefix_weight: float
    prefix_length: int
    boost: float
    unreadable: int = 0

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.thresholds) + 2

    @property
    def dear(self) -> bool:
        """Whether there are strings for which the kernels take microseconds."""
        return self.tables.longest > WORD

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        jaro_levels(
            a, b, *self.tables.arrays, self.tables.alphabet, self.tables.longest, self.tables.same,
            self.thresholds, self.lowest, self.needs,
            self.chapter, self.prefix_weight, self.prefix_length, self.boost, out,
        )  # fmt: skip

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """Similarity of every pair of codes, from 0 to 1; NaN where missing."""
        out = np.empty(len(a))
        jaro_similarities(
            a, b, *self.tables.arrays, self.tables.alphabet, self.tables.longest,
            self.chapter, self.prefix_weight, self.prefix_length, self.boost, out,
        )  # fmt: skip
        return out


@dataclass(frozen=True)
class EditMeasure:
    """Levenshtein distance, or with `swaps` restricted Damerau-Levenshtein; limits descend."""

    tables: StringTables
    limits: NDArray[np.int64]
    swaps: bool
    unreadable: int = 0

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.limits) + 2

    @property
    def dear(self) -> bool:
        """Whether there are strings for which the kernels take microseconds."""
        return self.tables.longest > WORD

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        edit_levels(
            a, b, *self.tables.arrays, self.tables.longest, self.tables.same,
            self.limits, self.swaps, out,
        )  # fmt: skip

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """Distance (number of edits) of every pair of codes; NaN where missing."""
        out = np.empty(len(a))
        edit_distances(
            a, b, *self.tables.arrays, self.tables.longest, self.swaps, out,
        )  # fmt: skip
        return out


@dataclass(frozen=True)
class BagMeasure:
    """Dice or Jaccard similarity of bags, with levels by ascending thresholds."""

    left: BagTable
    right: BagTable
    thresholds: Floats
    jaccard: bool
    unreadable: int = 0

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.thresholds) + 2

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        bag_levels(
            a, b, self.left.items, self.left.heads, self.right.items, self.right.heads,
            self.thresholds, self.jaccard, out,
        )  # fmt: skip

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """Similarity of every pair of codes, from 0 to 1; NaN where missing."""
        out = np.empty(len(a))
        bag_similarities(
            a, b, self.left.items, self.left.heads, self.right.items, self.right.heads, self.jaccard, out
        )  # fmt: skip
        return out


@dataclass(frozen=True)
class ExactMeasure:
    """Equality of keys, which are 0 where missing (see `tallystick.comparisons.text.joint_keys`)."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    unreadable: int = 0
    n_levels: int = 2

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        exact_levels(a, b, self.left, self.right, out)

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """1 where equal, 0 where not, NaN where missing."""
        out = np.empty(len(a), np.uint8)
        self.levels(a, b, out)
        return np.array([0.0, 1.0, np.nan])[out]


@dataclass(frozen=True)
class InitialMeasure:
    """Equality of keys, or of an initial and a first letter (see `kernels_exact.initial_levels`)."""

    left: NDArray[np.int32]
    left_firsts: NDArray[np.int32]
    right: NDArray[np.int32]
    right_firsts: NDArray[np.int32]
    unreadable: int = 0
    n_levels: int = 3

    def levels(self, a: Codes, b: Codes, out: Levels) -> None:
        """Write the level of every pair of codes to `out`."""
        initial_levels(a, b, self.left, self.left_firsts, self.right, self.right_firsts, out)

    def similarities(self, a: Codes, b: Codes) -> Floats:
        """1 where equal, 0.5 where an initial agrees, 0 otherwise, NaN where missing."""
        out = np.empty(len(a), np.uint8)
        self.levels(a, b, out)
        return np.array([0.0, 0.5, 1.0, np.nan])[out]
