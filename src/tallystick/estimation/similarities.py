"""How alike the values of pairs of each level usually are."""

from __future__ import annotations

import numpy as np

from tallystick.comparisons.comparison import Comparison
from tallystick.patterns.plan import PairPlan

DRAWN = 500_000
"""Random pairs that are looked at."""
FEWEST = 30
"""Pairs of a level whose mean similarity is taken."""


def level_similarities(
    plan: PairPlan, number: int, comparison: Comparison, seed: int
) -> tuple[float | None, ...] | None:
    """Mean similarity of each level of a comparison, over random pairs of records.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    number : int
        Number of the comparison.
    comparison : Comparison
        The comparison.
    seed : int
        Where the random numbers start.

    Returns
    -------
    tuple of float or None, or None
        By level; None where too few pairs show it, or, as a whole, where the weights do not follow the
        similarity.
    """
    if comparison.interpolation is None:
        return None
    allowed = plan.blocking.allowed_pairs()
    times, sums = np.zeros(comparison.n_levels + 1), np.zeros(comparison.n_levels + 1)
    for pair, (s, t) in enumerate(plan.blocking.source_pairs):
        size = int(DRAWN * allowed[pair] / max(1, allowed.sum()))
        if not size:
            continue
        random = np.random.default_rng([seed, number, pair])
        left, right = (random.choice(plan.blocking.rows(one), size) for one in (s, t))
        left, right = (one[left != right].astype(np.int32) for one in (left, right))
        levels = np.empty(len(left), np.uint8)
        own = plan.comparisons[number]
        own.levels(left, right, levels)
        similarity = own.facts(left, right).similarity
        assert similarity is not None
        times += np.bincount(levels, minlength=len(times))
        sums += np.bincount(levels, weights=np.nan_to_num(similarity), minlength=len(sums))
    return tuple(
        float(total / n) if n >= FEWEST else None for n, total in zip(times[:-1], sums[:-1], strict=True)
    )
