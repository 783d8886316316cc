"""Variances of the unbiased table, by block and summed.

Two targets. The *finite* one is the table that the same records would give under perfect linkage: only the
linkage is random. The *superpopulation* one are the chances pi of the cells: the records are drawn as well.
Of one block of n links, with v_r = p_r (1 - p_r) and D = T - r c' / n,

    Var(T*)  = c_1 (n v_r v_s + (1 - 2 p_r) (1 - 2 p_s) D) + c_2 n^2 v_r v_s + c_3 D^2
    finite   = Var(T*) / a^2
    superpop = finite + n pi (1 - pi)

The first is the variance of a sum over a random permutation (`second_order` has c_1, c_2 and c_3) with the
centred indicators of row and column as weights and values, written out. The last is the law of total
variance, since the unbiased table has the finite one as its mean. Blocks are independent: variances add up.
D^2 and pi^2 are estimated without bias, their own variance taken off, since in small blocks it is most of
them.
"""

from __future__ import annotations

import numpy as np

from tallystick.analysis.error_models.blocks import Blocks
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints
from tallystick.analysis.error_models.second_order import coefficients
from tallystick.analysis.tables.counts import BlockCounts


def finite(counts: BlockCounts, table: Floats, a: Floats, q: Floats, *, given: bool) -> Floats:
    """Variance of the unbiased table of each block, for the table under perfect linkage.

    Parameters
    ----------
    counts : BlockCounts
        As the links give them.
    table : float64 array, shape (n_blocks, n_rows, n_columns)
        The unbiased table of each block.
    a, q : float64 arrays, shape (n_blocks,)
        Of the error model.
    given : bool
        Whether the number of wrong links of a block is given, as where q is the share of these very links;
        else it is binomial.

    Returns
    -------
    float64 array, shape (n_blocks, n_rows, n_columns)
    """
    n = np.maximum(counts.sizes, 1.0)
    rows, columns = counts.rows / n[:, None], counts.columns / n[:, None]
    v = (rows * (1 - rows))[:, :, None] * (columns * (1 - columns))[:, None, :]
    skew = (1 - 2 * rows)[:, :, None] * (1 - 2 * columns)[:, None, :]
    away = table - counts.independent
    square, size, product = coefficients(n, q)
    if not given:
        # T* is I + a D given the number of wrong links, with a = 1 - that number / (n - 1).
        product = product + np.where(n > 1, n * q * (1 - q) / np.maximum(n - 1, 1) ** 2, 0.0)
    c1, c2, c3, a3, n3 = (value[:, None, None] for value in (square, size, product, a, n))
    of_links = c1 * (n3 * v + skew * away) + c2 * n3**2 * v
    # E[(T - I)^2] = D^2 + Var(T), and Var(T) a^2 = of_links + c_3 D^2: solved for Var(T).
    return np.asarray((of_links + c3 * away**2) / (a3**2 + c3))


def sampling_by_block(counts: BlockCounts, table: Floats, variance: Floats) -> Floats:
    """Sum over the blocks of n pi (1 - pi), records drawn within each; shape (n_rows, n_columns).

    Blocks of one record are taken as one stratum, since none has a variance of its own.
    """
    sizes = counts.sizes
    several = sizes > 1
    found: Floats = _sampling(sizes[several], table[several], variance[several]).sum(axis=0)
    singles = float((sizes == 1).sum())
    if singles > 1:
        alone = table[sizes == 1].sum(axis=0)
        found += simple_sampling(singles, alone, np.zeros_like(alone))
    return found


def simple_sampling(n: float, table: Floats, variance: Floats) -> Floats:
    """N pi (1 - pi) of records drawn over all blocks at once; shape (n_rows, n_columns)."""
    found: Floats = _sampling(np.array([n]), table[None], variance[None])[0]
    return found


def _sampling(n: Floats, table: Floats, variance: Floats) -> Floats:
    n3 = n[:, None, None]
    found: Floats = (n3 * table - table**2 + variance) / np.maximum(n3 - 1, 1)
    return found


def of_the_linkage(model: ErrorModel, g: Floats, y: Floats) -> Floats:
    """Variance of G' Y*, G' = X' Q^-1, by the linkage, of any error model; shape (n_rows, n_columns).

    It is Var(G' C Y) with Y* in the place of Y, which is not known: an approximation, near where few links
    are wrong.
    """
    found: Floats = np.column_stack([np.diag(model.noise(g, column)) for column in y.T])
    return found


def of_the_audit(model: ErrorModel, g: Floats, y: Floats) -> Floats:
    """What estimating q adds to the variance of G' Y*, G' = X' Q^-1; shape (n_rows, n_columns).

    The derivative is -G' dQ/dq (Q^-1 Y*).
    """
    v = model.inverse(y)
    found: Floats = np.column_stack([np.diag(model.uncertainty(g, column)) for column in v.T])
    return found


def linearised(x: Floats, y: Floats, weights: Floats, pulled_by: Floats, groups: Ints, a: Floats) -> Floats:
    """Variance of the weighted unbiased table, records drawn within blocks; shape (n_rows, n_columns).

    The delta method: the sum of squares, about its mean in the block and times n / (n - 1), of what each link
    adds to a cell, (w x_r (y_s - (1 - a) m_s) - (1 - a) r_w o (y_s - m_s) / O) / a - w T / N, with m_s the
    mean of y_s that wrong links pull to, weighted by o of sum O, r_w the weighted count of row r, T the cell
    and N the sum of the weights of the block, which is taken as known.

    Parameters
    ----------
    x, y : float64 arrays, shapes (n_links, n_rows) and (n_links, n_columns)
        Indicators.
    weights, pulled_by : float64 arrays, shape (n_links,)
        w, and o.
    groups : int64 array, shape (n_links,)
        Blocks.
    a : float64 array, shape (n_blocks,)
        Of the error model.
    """
    blocks = Blocks(groups, np.arange(len(a)))
    sizes = blocks.sizes.astype(np.float64)
    scale = np.where(sizes > 1, sizes / np.maximum(sizes - 1, 1), 0.0)
    total, pull = blocks.sums(weights), blocks.sums(pulled_by)
    means = (blocks.sums(pulled_by[:, None] * y) / pull[:, None])[groups]
    kept, part = a[groups], pulled_by / pull[groups]
    found = np.empty((x.shape[1], y.shape[1]))
    for r in range(x.shape[1]):
        wx = weights * x[:, r]
        of_row = blocks.sums(wx)[groups]
        for s in range(y.shape[1]):
            above = y[:, s] - means[:, s]
            z = (wx * (y[:, s] - (1 - kept) * means[:, s]) - (1 - kept) * of_row * part * above) / kept
            # The second part sums to 0 in a block, so that z sums to the cell.
            z -= weights * (blocks.sums(z) / np.maximum(total, np.finfo(np.float64).tiny))[groups]
            found[r, s] = float((scale * blocks.sums(blocks.centred(z) ** 2)).sum())
    return found
