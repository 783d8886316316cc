"""Variances of the unbiased table, by block and summed.

Two targets. The *finite* one is the table that the same records would give under perfect linkage: only the
linkage is random. The *superpopulation* one are the chances pi of the cells: the records are drawn as well.
With tau = T - r c' / n and v_r = p_r (1 - p_r), of one block of n links

    Var(T*)  = n (1 - a) ((1 + a) v_r v_s + a (1 - 2 p_r) (1 - 2 p_s) tau / n) - f tau^2
    f        = q (1 - q) / n - 1 / (n (n - 1)), without its first part where the number of wrong links is
    random finite   = Var(T*) / a^2
    superpop = finite + n pi (1 - pi)

The first is the variance of a sum over a random permutation, Var(g' C y) with g and y the centred indicators
of the row and the column (see `Exchangeable.noise`), written out; the last the law of total variance, since
the unbiased table has the finite one as its mean. For large n it is the formula of Scholtus, Shlomo and de
Waal (2022) and Shlomo's variance of a cell under exchangeable errors. Blocks are independent: variances add
up. What is squared, tau^2 and pi^2, is estimated without bias, its own variance taken off, since in small
blocks it would be most of it.
"""

from __future__ import annotations

import numpy as np

from tallystick.analysis.error_models.blocks import Blocks
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints
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
    tau = table - counts.independent
    a3, n3 = a[:, None, None], n[:, None, None]
    of_links = n3 * (1 - a3) * ((1 + a3) * v + a3 * skew * tau / n3)
    f = np.where(n > 1, (q * (1 - q) / n if given else 0.0) - 1 / (n * np.maximum(n - 1, 1)), 0.0)
    f3 = np.where(a < 1, f, 0.0)[:, None, None]
    # E[(T - I)^2] = tau^2 + Var(T), and Var(T) a^2 = of_links - f tau^2: solved for Var(T).
    found: Floats = (of_links - f3 * tau**2) / (a3**2 - f3)
    return found


def sampling_by_block(counts: BlockCounts, table: Floats, variance: Floats) -> Floats:
    """Sum over the blocks of n pi (1 - pi), records drawn within each; shape (n_rows, n_columns).

    Blocks of one record are taken as one stratum, since none has a variance of its own.
    """
    sizes = counts.sizes
    several = sizes > 1
    found = _sampling(sizes[several], table[several], variance[several]).sum(axis=0)
    if (sizes == 1).sum() > 1:
        alone = table[sizes == 1].sum(axis=0)
        found = (
            found
            + _sampling(np.array([(sizes == 1).sum()], float), alone[None], np.zeros((1, *alone.shape)))[0]
        )
    return found


def simple_sampling(n: float, table: Floats, variance: Floats) -> Floats:
    """N pi (1 - pi) of records drawn over all blocks at once; shape (n_rows, n_columns)."""
    found: Floats = _sampling(np.array([n]), table[None], variance[None])[0]
    return found


def _sampling(n: Floats, table: Floats, variance: Floats) -> Floats:
    n3 = n[:, None, None]
    found: Floats = (n3 * table - table**2 + variance) / np.maximum(n3 - 1, 1)
    return found


def of_the_linkage(model: ErrorModel, x: Floats, y: Floats) -> Floats:
    """Variance of X' Q^-1 Y* by the linkage, of any error model; shape (n_rows, n_columns).

    It is Var(G' C Y) with G = Q^-1 X, since Q is symmetric here, and Y* in the place of Y, which is not
    known: an approximation, near where few links are wrong.
    """
    g = model.inverse(x)
    found: Floats = np.column_stack([np.diag(model.noise(g, column)) for column in y.T])
    return found


def of_the_audit(model: ErrorModel, x: Floats, y: Floats) -> Floats:
    """What estimating q adds to the variance of X' Q^-1 Y*: its derivative is -(Q^-1 X)' dQ/dq (Q^-1 Y*)."""
    g, v = model.inverse(x), model.inverse(y)
    found: Floats = np.column_stack([np.diag(model.uncertainty(g, column)) for column in v.T])
    return found


def linearised(x: Floats, y: Floats, weights: Floats, groups: Ints, a: Floats) -> Floats:
    """Variance of the weighted unbiased table, records drawn within blocks; shape (n_rows, n_columns).

    The delta method: what each link adds to a cell (w x_r (y_s - (1 - a) m_s) - (1 - a) r_w (y_s - m_s) / n)
    / a, with m_s the mean of y_s in its block and r_w the weighted count of row r, and n / (n - 1) times its
    sum of squares about the mean of the block.
    """
    blocks = Blocks(groups, np.arange(len(a)))
    sizes = blocks.sizes.astype(np.float64)
    scale = np.where(sizes > 1, sizes / np.maximum(sizes - 1, 1), 0.0)
    kept, means = a[groups], blocks.means(y)[groups]
    found = np.empty((x.shape[1], y.shape[1]))
    for r in range(x.shape[1]):
        wx = weights * x[:, r]
        shares = blocks.means(wx)[groups]
        for s in range(y.shape[1]):
            pulled = (1 - kept) * (wx * means[:, s] + shares * (y[:, s] - means[:, s]))
            z = blocks.centred((wx * y[:, s] - pulled) / kept)
            found[r, s] = float((scale * blocks.sums(z**2)).sum())
    return found
