"""What pairs show of a factor, as a linear map of its complete cells.

Of a factor of one comparison a pair shows a cell, or it is missing. Of comparisons that are estimated
together some may be missing and others not: such a pair may be in several complete cells, and its likelihood
is the sum over them (see `tallystick.estimation.joint`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import Levels
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.table import Table

Matrix = NDArray[np.float64]

MOST_CELLS = 1500
"""Cells of all factors together beyond which matrices of them are not worked out, where factors are joint."""
TINY = 1e-300


def too_many_cells(table: Table) -> bool:
    """Whether comparisons that are estimated together have too many cells for matrices of all cells."""
    return int(table.starts[-1]) > MOST_CELLS and any(isinstance(f, Joint) for f in table.factors)


def shown(factor: AnyFactor) -> Matrix:
    """Which complete cells (columns) a pair that shows a cell (rows) may be in, (n_cells, n_cells).

    Times the probabilities of complete cells it is the likelihood. Rows of cells that show nothing are 0.

    Examples
    --------
    >>> from tallystick.estimation.factors import Factor
    >>> shown(Factor(0, (), 2)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if not isinstance(factor, Joint):
        return np.diag(factor.present.astype(np.float64))
    found = np.outer(factor.seen, factor.present)
    for part, cell in zip(factor.parts, factor.of_part, strict=True):
        may = np.eye(part.n_cells, dtype=bool) | ~part.present[:, None]
        found &= may[np.ix_(cell, cell)]
    for cells, as_if_found in factor.maybe_found:
        found[cells] |= found[as_if_found]
        found[as_if_found] = False
    return found.astype(np.float64)


def shares(factor: AnyFactor, p: Matrix) -> Matrix:
    """Probability `p` of complete cells (columns) given what a pair shows (rows)."""
    may = shown(factor)
    return np.asarray(may * p / np.maximum(may @ p, TINY)[:, None], np.float64)


def blocks(factor: AnyFactor) -> list[Matrix]:
    """Sums over complete cells that are parameters of m, (n_cells, n_sums) for each independent block."""
    if not isinstance(factor, Joint):
        return [np.eye(factor.n_cells)]
    found = []
    for block in factor.blocks or (tuple(range(len(factor.parts))),):
        shape = tuple(factor.shape[k] for k in block)
        at = np.ravel_multi_index(tuple(factor.of_part[k] for k in block), shape)
        found.append(np.eye(int(np.prod(shape)))[at])
    return found


def estimated_blocks(factor: AnyFactor, known: Levels) -> list[bool]:
    """For each of `blocks` whether nothing of it is known beforehand."""
    if not isinstance(factor, Joint):
        return [known is None]
    of_parts = factor.blocks or (tuple(range(len(factor.parts))),)
    if isinstance(known, tuple):
        return [all(known[k] is None for k in block) for block in of_parts]
    return [known is None] * len(of_parts)


def level_cells(factor: AnyFactor, number: int) -> Matrix:
    """Which complete cells make each level of a part, (n_levels of the part, n_cells)."""
    part = factor.parts[number]
    level = part.level[factor.of_part[number]] if isinstance(factor, Joint) else part.level
    found = (level == np.arange(part.n_levels)[:, None]) & factor.present
    return np.asarray(found, np.float64)


def constraints(factor: AnyFactor, known: Levels) -> Matrix:
    """Sums over complete cells that are held: of all, and of levels that are known, (n_sums, n_cells)."""
    whole = factor.present.astype(np.float64)[None, :]
    if known is None:
        return whole
    if not isinstance(factor, Joint):
        return level_cells(factor, 0)
    parts = [level_cells(factor, k) for k in range(len(factor.parts))]
    if isinstance(known, tuple):
        return np.vstack([whole, *(own for own, one in zip(parts, known, strict=True) if one is not None)])
    joint = parts[0]
    for own in parts[1:]:
        joint = (joint[:, None] * own[None]).reshape(-1, factor.n_cells)
    return joint


def scaled_by(p: Matrix, q: Matrix, held: Matrix) -> Matrix:
    """Derivative of p by q, where p is q scaled so that the sums `held` have given values.

    Scaling multiplies q by factors of the sums, so that d log p = d log q less its projection on them in the
    metric of p (iterative proportional fitting is that in the limit).

    Parameters
    ----------
    p, q : float64 array, shape (n_cells,)
        After and before.
    held : float64 array, shape (n_sums, n_cells)
        As of `constraints`.

    Examples
    --------
    >>> p = np.array([0.2, 0.8])
    >>> scaled_by(p, 10 * p, np.ones((1, 2))).round(3).tolist()
    [[0.08, -0.02], [-0.08, 0.02]]
    """
    inverse = np.where(q > TINY, 1.0 / np.maximum(q, TINY), 0.0)
    weighted = held * p
    projection = held.T @ np.linalg.pinv(weighted @ held.T, hermitian=True) @ weighted
    return np.asarray(p[:, None] * (np.eye(len(p)) - projection) * inverse, np.float64)


def related_by(factor: AnyFactor, shared: Matrix, m: Matrix, u: Matrix) -> tuple[Matrix, Matrix]:
    """Derivatives of the cells of related pairs by those of matches and of unrelated pairs.

    Parameters
    ----------
    factor : Factor or Joint
        The factor.
    shared : float64 array, shape (n_parts,)
        Share of the related pairs that have the true value of each part in common.
    m, u : float64 array, shape (n_cells,)
        Complete cells.

    Returns
    -------
    by_m, by_u : float64 array, shape (n_cells, n_cells)
    """
    n = factor.n_cells
    if not isinstance(factor, Joint):
        return np.eye(n) * shared[0], np.eye(n) * (1.0 - shared[0])
    by_m, by_u = np.zeros((n, n)), np.zeros((n, n))
    for common, _ in factor.shared_in(shared, m, u):
        share = float(np.prod(np.where(common, shared, 1.0 - shared)))
        same = np.outer(factor.present, factor.present)
        for own, cell in zip(common, factor.of_part, strict=True):
            if own:
                same &= cell[:, None] == cell
        alike = same.astype(np.float64)
        in_m, in_u = alike @ m, np.maximum(alike @ u, TINY)
        given = u / in_u
        by_m += share * given[:, None] * alike
        by_u += share * (in_m / in_u)[:, None] * (np.eye(n) - given[:, None] * alike)
    return by_m, by_u


def block_diagonal(parts: Sequence[Matrix]) -> Matrix:
    """One matrix of those of all factors."""
    sizes = [len(one) for one in parts]
    found = np.zeros((sum(sizes), sum(sizes)))
    start = 0
    for one, size in zip(parts, sizes, strict=True):
        found[start : start + size, start : start + size] = one
        start += size
    return found
