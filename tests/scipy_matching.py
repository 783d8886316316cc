"""The best matching by scipy: an oracle where graphs are too large for brute force."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching


def scipy_total(first: NDArray[np.int64], second: NDArray[np.int64], gain: NDArray[np.int64]) -> int:
    """The largest sum of whole gains of a set of pairs in which no record occurs twice.

    scipy wants every row matched and takes a zero for no pair. So each row gets a column of its own that
    stands for "no partner", and 1 is added to every value; as every row has exactly one column, that
    changes nothing.
    """
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    if columns.size < rows.size:
        rows, row, columns, column = columns, column, rows, row
    every_row = np.arange(rows.size)
    values = np.concatenate((gain + 1.0, np.ones(rows.size)))
    where = (np.concatenate((row, every_row)), np.concatenate((column, columns.size + every_row)))
    table = coo_array((values, where), shape=(rows.size, columns.size + rows.size)).tocsr()
    chosen = min_weight_full_bipartite_matching(table, maximize=True)
    return int(np.asarray(table[chosen]).sum()) - rows.size
