"""Probabilities of the cells of a factor, and of its levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.factors import Factor
from tallystick.estimation.joint import AnyFactor, Joint

Levels = NDArray[np.float64] | tuple[NDArray[np.float64] | None, ...] | None
"""What is known of a factor by level, (n_levels,): of several parts the joint levels, or those of each."""


def normalise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in proportion, with sum 1; all alike where all are 0."""
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1.0 / len(values))


def all_known(levels: Levels) -> bool:
    """Whether probabilities by level are known of every part of a factor."""
    return all(one is not None for one in (levels if isinstance(levels, tuple) else (levels,)))


def first_u(
    factor: AnyFactor, counts: NDArray[np.float64], floors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """U of the cells as all pairs show them, floors kept, (n_cells,)."""
    if isinstance(factor, Joint):
        return factor.first(counts, floors)
    return normalise(np.maximum(counts, floors))


def with_missing(
    factors: Sequence[AnyFactor],
    cells: Sequence[NDArray[np.float64]],
    missing: Sequence[NDArray[np.float64]],
) -> list[NDArray[np.float64]]:
    """Probabilities of all cells, the missing ones included.

    Parameters
    ----------
    factors : sequence of Factor or Joint
        The factors.
    cells : sequence of float64 array
        For every factor the probabilities given that nothing is missing, (n_cells,).
    missing : sequence of float64 array
        Share of the pairs in which the same is missing as in each cell (see `Table.missing`).

    Returns
    -------
    list of float64 array
    """
    return [f.likelihoods(p) * own for f, p, own in zip(factors, cells, missing, strict=True)]


def level_sums(factor: Factor, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of a factor's levels, key bits summed out and the missing one left out, shape (n_levels,)."""
    sums = np.bincount(factor.level, weights=cells, minlength=factor.n_levels + 1)
    return np.asarray(sums[: factor.n_levels], np.float64)


def levels_of(factor: AnyFactor, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of a factor's levels, key bits summed out, an axis for each part."""
    if isinstance(factor, Joint):
        return factor.levels(cells)
    return normalise(level_sums(factor, cells))


def part_levels(factor: AnyFactor, cells: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Probabilities of the levels of one part, the margin of `levels_of`, shape (n_levels of the part,)."""
    levels = levels_of(factor, cells)
    return np.asarray(levels.sum(axis=tuple(axis for axis in range(levels.ndim) if axis != number)))


def fix_levels(factor: AnyFactor, cells: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """Scale cells so that the levels have the given probabilities; None leaves them as they are."""
    if levels is None:
        return cells
    if isinstance(factor, Joint):
        if isinstance(levels, tuple):
            return factor.raked(cells, levels)
        return factor.fixed(cells, levels)
    assert not isinstance(levels, tuple)
    now = level_sums(factor, cells)
    n_cells_of = 2 ** len(factor.keys)
    result = np.zeros(len(cells))
    for level, probability in enumerate(levels):
        own = factor.level == level
        result[own] = probability * (cells[own] / now[level] if now[level] > 0 else 1.0 / n_cells_of)
    return result
