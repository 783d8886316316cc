"""The table that EM works on: patterns with the cell of each factor, and what cells may look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.marginals import Marginals
from tallystick.patterns.count import PatternCounts

if TYPE_CHECKING:
    from tallystick.estimation.labelled import Known


@dataclass(frozen=True)
class Table:
    """The patterns with the cell of each factor, and what their cells may look like.

    Attributes
    ----------
    counts : PatternCounts
        Counts of the patterns of the selected pairs.
    factors : tuple of Factor or Joint
        The factors.
    cells : int32 array, shape (n_patterns, n_factors)
        The cell of each factor, numbered over all factors.
    starts : int64 array, shape (n_factors + 1,)
        Where the cells of each factor begin.
    missing : list of float64 array
        Share of the pairs in which the same is missing as in each cell, (n_cells,) for every factor.
    possible : list of bool array
        Cells that pairs may show.
    among_all, floors : list of float64 array
        How often each cell occurs among all allowed pairs, and the least that is taken for it.
    known : Known, optional
        Where some pairs are labelled, what that says of the patterns.
    """

    counts: PatternCounts
    factors: tuple[AnyFactor, ...]
    cells: NDArray[np.int32]
    starts: NDArray[np.int64]
    missing: list[NDArray[np.float64]]
    possible: list[NDArray[np.bool_]]
    among_all: list[NDArray[np.float64]]
    floors: list[NDArray[np.float64]]
    known: Known | None = None

    def split(self, values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Values of all cells, factor by factor."""
        return np.split(values, self.starts[1:-1])


def table_of(counts: PatternCounts, factors: Sequence[AnyFactor], marginals: Marginals) -> Table:
    """Find the cells of all patterns.

    Parameters
    ----------
    counts : PatternCounts
        Counts of the patterns of the selected pairs.
    factors : sequence of Factor or Joint
        The factors.
    marginals : Marginals
        How often each cell occurs among all allowed pairs.

    Returns
    -------
    Table
    """
    digits = counts.coding.decode(counts.patterns)
    n_comparisons = len(counts.coding.n_levels)
    cells = [factor.cells(digits, n_comparisons) for factor in factors]
    possible = [
        _possible(f, s, np.bincount(c, minlength=f.n_cells))
        for f, s, c in zip(factors, marginals.counts, cells, strict=True)
    ]
    starts = np.cumsum([0, *(factor.n_cells for factor in factors)])
    numbered = [c + start for c, start in zip(cells, starts, strict=False)]
    return Table(
        counts,
        tuple(factors),
        np.stack(numbered, axis=1).astype(np.int32),
        starts,
        [f.missing_shares(s) for f, s in zip(factors, marginals.counts, strict=True)],
        possible,
        [np.where(p, s, 0.0) for p, s in zip(possible, marginals.counts, strict=True)],
        # A level that was never seen keeps a small u, so that its weight is finite.
        [
            np.where(p, f.floors(s, least) if isinstance(f, Joint) else least, 0.0)
            for f, p, s, least in zip(factors, possible, marginals.counts, marginals.smallest, strict=True)
        ],
    )


def _possible(
    factor: AnyFactor, among_all: NDArray[np.float64], patterns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Cells that pairs may show: all but key bits that never come with a level that does occur.

    Equal surnames, say, cannot differ in the key part that is the surname.
    """
    if isinstance(factor, Joint):
        both = [
            (factor.margin(among_all, k), factor.margin(patterns.astype(np.float64), k).astype(np.int64))
            for k in range(len(factor.parts))
        ]
        return factor.possible([_possible(part, *own) for part, own in zip(factor.parts, both, strict=True)])
    seen = (among_all > 0) | (patterns > 0)
    level_seen = np.bincount(factor.level, weights=seen, minlength=factor.n_levels + 1) > 0
    return np.asarray(factor.present & (seen | ~level_seen[factor.level]), np.bool_)
