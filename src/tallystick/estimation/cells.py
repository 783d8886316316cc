"""Probabilities of the cells of a factor, and of its levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.factors import Factor


def normalise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in proportion, with sum 1; all alike where all are 0."""
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1.0 / len(values))


def with_missing(
    cells: Sequence[NDArray[np.float64]], missing: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Probabilities of all cells, the missing ones included.

    Parameters
    ----------
    cells : sequence of float64 array
        For every factor the probabilities given that it is not missing, (n_cells,).
    missing : sequence of float64 array
        Probability of each missing cell, 0 elsewhere.

    Returns
    -------
    list of float64 array
    """
    return [p * (1.0 - r.sum()) + r for p, r in zip(cells, missing, strict=True)]


def level_sums(factor: Factor, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of a factor's levels, key bits summed out and the missing one left out, shape (n_levels,)."""
    sums = np.bincount(factor.level, weights=cells, minlength=factor.n_levels + 1)
    return np.asarray(sums[: factor.n_levels], np.float64)


def levels_of(factor: Factor, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of a factor's levels, key bits summed out, shape (n_levels,)."""
    return normalise(level_sums(factor, cells))


def fix_levels(
    factor: Factor, cells: NDArray[np.float64], levels: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Scale cells so that the levels have the given probabilities; None leaves them as they are."""
    if levels is None:
        return cells
    now = level_sums(factor, cells)
    n_cells_of = 2 ** len(factor.keys)
    result = np.zeros(len(cells))
    for level, probability in enumerate(levels):
        own = factor.level == level
        result[own] = probability * (cells[own] / now[level] if now[level] > 0 else 1.0 / n_cells_of)
    return result
