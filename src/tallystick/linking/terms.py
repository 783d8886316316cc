"""What pairs weigh beyond the levels of their pattern: terms of their own values.

A pattern knows levels. Where a comparison's weight follows the values themselves, the weight of a level in
`Parameters.level_weights` is that of a usual pair, and each pair adds a term: its exact weight less that. A
sweep cannot afford the terms of all pairs; it keeps those that could reach the floor with the largest term of
each of their levels, and these are then weighed exactly, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.plan import ComparisonPlan
from tallystick.estimation.parameters import Parameters

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]


def pair_terms(
    comparisons: tuple[ComparisonPlan, ...],
    parameters: Parameters,
    left: Rows,
    right: Rows,
    digits: NDArray[np.uint8],
) -> dict[int, Floats]:
    """Terms of given pairs.

    Parameters
    ----------
    comparisons : tuple of ComparisonPlan
        The comparisons.
    parameters : Parameters
        The model.
    left, right : int32 arrays, shape (n,)
        Global rows.
    digits : uint8 array, shape (n_comparisons, n)
        Levels.

    Returns
    -------
    dict of int to float64 array, shape (n,)
        For each comparison that has terms, by its number.
    """
    found = {}
    for number in parameters.with_terms:
        levels = digits[number]
        # Full agreement, disagreement of values that are missing: most pairs need nothing looked up.
        asked = np.flatnonzero(parameters.varies[number][levels])
        term = np.zeros(len(left))
        facts = comparisons[number].facts(left[asked], right[asked])
        term[asked] = parameters.comparisons[number].terms(levels[asked], facts)
        found[number] = term
    return found


def part_terms(terms: Mapping[int, Floats], at: int) -> dict[int, float]:
    """The terms of one pair out of those of several, by comparison."""
    return {number: float(values[at]) for number, values in terms.items()}
