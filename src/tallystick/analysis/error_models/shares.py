"""Shares of the rows of a block in what they exchange.

A symmetric matrix whose entries are products, p_ij = t s_i s_j, with 0 on its diagonal and given row sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks

Floats = NDArray[np.float64]
_MOST = 0.95  # share of one record above which row sums count as ones that no such matrix has
_STEPS = 52


@dataclass(frozen=True)
class Shares:
    """What solves s_i (1 - s_i) t = e_i with sum s = 1 in every block.

    Attributes
    ----------
    s : float64 array, shape (n,)
        Share of each row in its block; 0 where no row of the block has any.
    total : float64 array, shape (n_blocks,)
        t.
    raised : bool array, shape (n_blocks,)
        Blocks without a solution, since one row sum exceeds that of all others together; there the others
        are raised until the share of that one is a half.
    """

    s: Floats
    total: Floats
    raised: NDArray[np.bool_]


def shares(row_sums: Floats, blocks: Blocks) -> Shares:
    """The shares of the rows of each block.

    With equal row sums e they are 1 / n and t is e n^2 / (n - 1). The share of the largest row is found by
    bisection, which gives t and so all others.

    Parameters
    ----------
    row_sums : float64 array, shape (n,)
        e, at least 0; a block of one row has 0.
    blocks : Blocks
        Of the rows.

    Returns
    -------
    Shares

    Examples
    --------
    >>> from tallystick.analysis.error_models.blocks import blocks_of
    >>> found = shares(np.array([0.2, 0.2, 0.2, 0.2]), blocks_of([1, 1, 1, 1]))
    >>> found.s, found.total.round(4)
    (array([0.25, 0.25, 0.25, 0.25]), array([1.0667]))
    """
    n_blocks = blocks.n_blocks
    rows = np.flatnonzero(row_sums > 0)
    codes, e = blocks.codes[rows], row_sums[rows]
    largest = np.zeros(n_blocks)
    np.maximum.at(largest, codes, e)
    relative = e / largest[codes]
    active = largest > 0
    peak = np.flatnonzero(relative >= 1)
    top = peak[np.unique(codes[peak], return_index=True)[1]]
    is_top = np.zeros(len(rows), bool)
    is_top[top] = True

    def others(share: Floats) -> Floats:
        """Shares of all rows but the largest, where that has `share`."""
        x = relative * (share * (1 - share))[codes]
        found: Floats = 2 * x / (1 + np.sqrt(np.maximum(1 - 4 * x, 0.0)))
        found[is_top] = 0.0
        return found

    def excess(share: Floats) -> Floats:
        total: Floats = np.asarray(np.bincount(codes, others(share), n_blocks), np.float64)
        return np.asarray(share + total - 1)

    half = np.full(n_blocks, 0.5)
    at_half, at_most = excess(half), excess(np.full(n_blocks, _MOST))
    small = at_half >= 0
    raised = active & ~small & (at_most < 0)
    low, high = np.zeros(n_blocks), np.where(small, 0.5, _MOST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        above = excess(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    found = np.where(raised, 0.5, high)
    s = np.zeros(len(row_sums))
    s[rows] = others(found)
    s[rows[top]] = found[codes[top]]
    total = np.where(active, largest / np.where(active, found * (1 - found), 1.0), 0.0)
    if raised.any():
        spare = np.where(raised, -at_half, 0.0) / np.maximum(blocks.sizes - 1, 1)
        lifted = spare[blocks.codes]
        lifted[rows[top]] = 0.0
        s += lifted
    return Shares(s, total, raised)
