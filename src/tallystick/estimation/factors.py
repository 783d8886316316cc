"""Which pattern digits are estimated together, and the chance that a pair is selected.

Digits are taken as independent given match or non-match, with one exception: agreement on a part
of a blocking key says much about the comparison of the same field, so the two are one *factor*
whose joint cells are estimated. A pair is selected when it agrees on all parts of some key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.criteria import Criterion, selects
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.patterns.coding import PatternCoding

if TYPE_CHECKING:
    from tallystick.estimation.joint import AnyFactor

MAX_KEY_PARTS = 16


@dataclass(frozen=True)
class Factor:
    """Digits that are estimated together.

    A cell is numbered ``level + (n_levels + 1) * bits``, where bit k tells agreement on the
    factor's k-th key part.

    Attributes
    ----------
    comparison : int, optional
        The comparison; None where a blocking field is not compared.
    keys : tuple of int
        Numbers of the key parts.
    n_levels : int
        Levels of the comparison without the missing one; 0 where there is none.
    edges : tuple of float
        Relative frequencies of values at which full agreement is split into levels.
    missing_level : int, optional
        The level that is a missing value, where that is a level.
    """

    comparison: int | None
    keys: tuple[int, ...]
    n_levels: int
    edges: tuple[float, ...] = ()
    missing_level: int | None = None

    @property
    def n_top(self) -> int:
        """Number of levels, the highest, that are full agreement."""
        return len(self.edges) + 1

    @property
    def n_cells(self) -> int:
        """Number of cells, the missing ones included."""
        return int((self.n_levels + 1) * 2 ** len(self.keys))

    @property
    def parts(self) -> tuple[Factor, ...]:
        """The factor itself: its only part (see `tallystick.estimation.joint`)."""
        return (self,)

    @cached_property
    def level(self) -> NDArray[np.int64]:
        """Level of each cell, shape (n_cells,)."""
        return np.arange(self.n_cells) % (self.n_levels + 1)

    @cached_property
    def bits(self) -> NDArray[np.int64]:
        """Agreement bits of each cell, shape (n_cells,)."""
        return np.arange(self.n_cells) // (self.n_levels + 1)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether a cell stands for values that are not missing, shape (n_cells,)."""
        if self.comparison is None:
            return np.ones(self.n_cells, bool)
        return self.level < self.n_levels

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Cells that say something of m and u, shape (n_cells,): those that are not missing."""
        return self.present

    def bits_of(self, number: int) -> NDArray[np.int64]:
        """Agreement bits of one part for each cell: of the only one all of them."""
        return self.bits

    def likelihoods(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of what is not missing in each cell, shape (n_cells,)."""
        return np.where(self.present, p, 1.0)

    def missing_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the pairs that have a value, and in missing cells the share of these, (n_cells,)."""
        missing = np.where(self.present, 0.0, counts) / max(1.0, float(counts.sum()))
        return np.where(self.present, 1.0 - missing.sum(), missing)

    def cells(self, digits: NDArray[np.uint8], n_comparisons: int) -> NDArray[np.int64]:
        """Cell of each pattern; `digits` has shape (n, n_digits)."""
        if self.comparison is None:
            cell = np.zeros(len(digits), np.int64)
        else:
            cell = digits[:, self.comparison].astype(np.int64)
        for k, key in enumerate(self.keys):
            cell += digits[:, n_comparisons + key].astype(np.int64) * (self.n_levels + 1) * 2**k
        return cell


def factors_of(
    comparisons: Sequence[Comparison], key_parts: Sequence[Criterion], coding: PatternCoding
) -> tuple[Factor, ...]:
    """Put every key part with the comparison of its field, or by itself with others of that field.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.
    key_parts : sequence of Criterion
        Parts of keys, and other criteria of selection, that are digits of the pattern.
    coding : PatternCoding
        How patterns are numbered.

    Returns
    -------
    tuple of Factor
        Those with a comparison first, in its order.

    Raises
    ------
    InputError
        Where there are more than 16 parts of keys.
    """
    if len(key_parts) > MAX_KEY_PARTS:
        raise InputError(
            f"The passes use {len(key_parts)} different parts of keys, indexes and filters, but at most "
            f"{MAX_KEY_PARTS} can be estimated together: use fewer passes, or the same parts again."
        )
    owner = comparison_of_field(comparisons)
    of_comparison: dict[int, list[int]] = {number: [] for number in range(len(comparisons))}
    of_field: dict[str, list[int]] = {}
    for number, part in enumerate(key_parts):
        compared_fields = [field for field in part.fields if field in owner]
        if compared_fields:
            of_comparison[owner[compared_fields[0]]].append(number)
        else:
            of_field.setdefault(part.field, []).append(number)
    compared = [
        Factor(number, tuple(keys), coding.n_levels[number], one.edges, one.missing_level)
        for (number, keys), one in zip(of_comparison.items(), comparisons, strict=True)
    ]
    return (*compared, *(Factor(None, tuple(keys), 0) for keys in of_field.values()))


def comparison_of_field(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Number of the comparison with which agreement on each field is estimated.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.

    Returns
    -------
    dict of str to int
        Fields that some comparison has on both sides.
    """
    owner: dict[str, int] = {}
    for wanted in (1, None):  # a comparison of the field alone comes before one of several fields
        for number, comparison in enumerate(comparisons):
            for leaf in comparison.leaves():
                if leaf.left == leaf.right and (wanted is None or len(leaf.left) == wanted):
                    for field in leaf.left:
                        owner.setdefault(field, number)
    return owner


@dataclass(frozen=True)
class Selection:
    """When the passes select a pair, as a function of its key bits.

    Attributes
    ----------
    factors : tuple of Factor
        The factors.
    selected : bool array, shape (2,) * n_keys
        Whether each combination of key bits is selected, in the order of the factors' keys.
    """

    factors: tuple[AnyFactor, ...]
    selected: NDArray[np.bool_]

    def probabilities(self, cells: Sequence[NDArray[np.float64]]) -> tuple[float, list[NDArray[np.float64]]]:
        """Chance of selection, in all and given each cell of each factor.

        Parameters
        ----------
        cells : sequence of float64 array
            For every factor the probability of its cells, shape (n_cells,), missing ones included.

        Returns
        -------
        total : float
            Probability of selection.
        given : list of float64 array
            For every factor the probability of selection given each cell, shape (n_cells,).
        """
        from tallystick.estimation.kernels_selection import selection_chances

        keyed = [k for k, factor in enumerate(self.factors) if factor.keys]
        if not keyed:
            return 1.0, [np.ones(factor.n_cells) for factor in self.factors]
        marginals = [
            np.bincount(self.factors[k].bits, weights=cells[k], minlength=2 ** len(self.factors[k].keys))
            for k in keyed
        ]
        starts = np.cumsum([0, *(len(one) for one in marginals)])
        chances = np.zeros(starts[-1])
        total = float(selection_chances(self.selected.ravel(), starts, np.concatenate(marginals), chances))
        of_factor = dict(zip(keyed, np.split(chances, starts[1:-1]), strict=True))
        given = [
            of_factor[k][factor.bits] if k in of_factor else np.full(factor.n_cells, total)
            for k, factor in enumerate(self.factors)
        ]
        return total, given


def selection_of(
    passes: Sequence[AnyPass], key_parts: Sequence[Criterion], factors: tuple[AnyFactor, ...]
) -> Selection:
    """Work out which combinations of key bits some pass selects.

    Parameters
    ----------
    passes : sequence of passes
        The passes; with no key parts everything is selected.
    key_parts : sequence of Criterion
        The criteria, in the order of the pattern's digits.
    factors : tuple of Factor
        The factors.

    Returns
    -------
    Selection
    """
    order = [key for factor in factors for key in reversed(factor.keys)]
    shape = (2,) * len(order)
    if not order:
        return Selection(factors, np.ones(shape, bool))
    bits = dict(zip(order, np.indices(shape).astype(bool), strict=True))
    selected = np.zeros(shape, bool)
    by_criterion = {part: bits[number] for number, part in enumerate(key_parts)}
    for number, one in enumerate(passes):
        selected |= selects(number, one, by_criterion)
    return Selection(factors, selected)
