"""What indexes find, counted exactly among all pairs: every pair that they find is a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.criteria import Criterion, FoundBy
from tallystick.estimation.joint import AnyFactor
from tallystick.estimation.marginals import Marginals
from tallystick.patterns.count import PatternCounts


def with_found_pairs(
    marginals: Marginals,
    counts: PatternCounts,
    factors: Sequence[AnyFactor],
    key_parts: Sequence[Criterion],
) -> Marginals:
    """Marginal counts of random pairs in which cells that an index finds have the counts of the candidates.

    Few random pairs are found by an index, and whether one is may follow from more than the values of one
    comparison. But those that are found have all been counted: only the others are left to the sample.

    Parameters
    ----------
    marginals : Marginals
        Of random pairs.
    counts : PatternCounts
        Of the candidate pairs.
    factors : sequence of Factor or Joint
        The factors.
    key_parts : sequence of Criterion
        What the digits behind the comparisons are.

    Returns
    -------
    Marginals
    """
    digits = counts.coding.decode(counts.patterns)
    weights = counts.counts.astype(np.float64)
    n_comparisons = len(counts.coding.n_levels)
    found, smallest = [], []
    for factor, sampled, least in zip(factors, marginals.counts, marginals.smallest, strict=True):
        mask = sum(
            1 << place
            for place, key in enumerate(factor.keys)
            if isinstance(own := key_parts[key], FoundBy) and own.suffices
        )
        if not mask:
            found.append(sampled)
            smallest.append(least)
            continue
        known = (factor.bits & mask) != 0
        cells = factor.cells(digits, n_comparisons)
        exact = np.where(known, np.bincount(cells, weights=weights, minlength=factor.n_cells), 0.0)
        group = _alike_but_for(factor, mask)
        rest = np.bincount(group, weights=sampled - exact)[group]
        found.append(np.where(known, exact, np.maximum(rest, 0.0)))
        smallest.append(np.where(known, 0.5, least))
    return replace(marginals, counts=tuple(found), smallest=tuple(smallest))


def _alike_but_for(factor: AnyFactor, mask: int) -> NDArray[np.int64]:
    """Number of each cell's group: cells that differ in bits of the mask alone; shape (n_cells,)."""
    if len(factor.parts) == 1:
        levels = factor.parts[0].level[:, None]
    else:
        levels = np.stack(
            [part.level[cell] for part, cell in zip(factor.parts, factor.of_part, strict=True)],  # type: ignore[union-attr]
            axis=1,
        )
    rows = np.column_stack([levels, factor.bits & ~mask])
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1].ravel(), np.int64)
