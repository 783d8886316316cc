"""Estimates of a table under linkage errors: unbiased, biased, shrunk.

With X and Y* the indicators of row and column, T* = X' Y* the table of the links and I = r c' / n, block by
block, what independence would give, exchangeable errors leave E[T*] = X' Q Y = a T + (1 - a) I, so that

    unbiased   X' Q^-1 Y* = I + (T* - I) / a
    biased     X' Q Y*    = I + a (T* - I)
    shrunk     I + k (X' Q^-1 Y* - I), 0 <= k <= 1

All keep the margins, since permutations within blocks do (Scholtus, Shlomo and de Waal 2022).
"""

from __future__ import annotations

import numpy as np

from tallystick.analysis.error_models.blocks import Blocks, rows_times
from tallystick.analysis.error_models.error_model import Floats, Ints
from tallystick.analysis.tables.counts import BlockCounts


def by_block(
    codes: Ints, n_rows: int, weights: Floats | None, inverse: Floats, groups: Ints, counts: BlockCounts
) -> Floats:
    """X' Q^-1 Y* of each block, shape (n_blocks, n_rows, n_columns).

    Parameters
    ----------
    codes : int64 array, shape (n_links,)
        Row of the table.
    n_rows : int
        Rows of the table.
    weights : float64 array, shape (n_links,), or None
        Weights of the links.
    inverse : float64 array, shape (n_links, n_columns)
        Q^-1 Y*.
    groups : int64 array, shape (n_links,)
        Blocks.
    counts : BlockCounts
        The links themselves.
    """
    cells = Blocks(groups * n_rows + codes, np.arange(len(counts.sizes) * n_rows))
    values = inverse if weights is None else rows_times(weights, inverse)
    return cells.sums(values).reshape(counts.counts.shape)


def near_independence(counts: BlockCounts, a: Floats) -> Floats:
    """Variance of the unbiased table where rows and columns are next to independent.

    By block (1 - a) (1 + a) / a^2 n p_r (1 - p_r) p_s (1 - p_s), summed; shape (n_rows, n_columns).
    """
    n = np.maximum(counts.sizes, np.finfo(np.float64).tiny)
    rows, columns = counts.rows / n[:, None], counts.columns / n[:, None]
    scale = counts.sizes * (1 - a) * (1 + a) / a**2
    found: Floats = np.einsum("m,mr,ms->rs", scale, rows * (1 - rows), columns * (1 - columns))
    return found


def shrinkage(table: Floats, independent: Floats, variance: Floats) -> float:
    """Factor k of the shrunk table, one for all cells.

    It minimises the mean squared error summed over the cells, sum(t^2) / (sum(t^2) + sum(v)), with t the
    distance of the table from independence: t^2 is estimated by max((T - I)^2 - v, 0).

    Parameters
    ----------
    table, independent : float64 arrays, shape (n_rows, n_columns)
        The unbiased table T, and I.
    variance : float64 array, shape (n_rows, n_columns)
        v, of the unbiased table.

    Returns
    -------
    float
        1 without linkage errors, 0 where nothing speaks against independence.
    """
    noise = float(variance.sum())
    signal = float(np.maximum((table - independent) ** 2 - variance, 0.0).sum())
    return 1.0 if noise <= 0 else signal / (signal + noise)
