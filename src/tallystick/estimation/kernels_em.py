"""The E-step of EM: to which class each pattern belongs, and what the classes look like."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def expect(cells, logs, log_shares, source_pair, counts, sums, found):  # type: ignore[no-untyped-def]
    """Share every pattern out over the classes; return the log-likelihood.

    Parameters
    ----------
    cells : int32 array, shape (n_patterns, n_factors)
        The cell of each factor, numbered over all factors.
    logs : float64 array, shape (n_classes, n_cells)
        Log of each cell's probability in each class; 0 for a missing one. Class 0 is that of
        unrelated non-matches.
    log_shares : float64 array, shape (n_classes, n_source_pairs)
        Log of each class's share of the selected pairs, less the log of its chance of selection.
    source_pair, counts : int64 arrays, shape (n_patterns,)
    sums : float64 array, shape (n_classes - 1, n_cells)
        Expected pairs of all classes but the first are added, by cell.
    found : float64 array, shape (n_classes - 1, n_source_pairs)
        The same by pair of sources.
    """
    n_patterns, n_factors = cells.shape
    n_classes = len(logs)
    chance = np.empty(n_classes)
    total = 0.0
    for k in range(n_patterns):
        top = -np.inf
        for c in range(n_classes):
            value = log_shares[c, source_pair[k]]
            for f in range(n_factors):
                value += logs[c, cells[k, f]]
            chance[c] = value
            top = max(top, value)
        whole = 0.0
        for c in range(n_classes):
            chance[c] = np.exp(chance[c] - top)
            whole += chance[c]
        total += counts[k] * (top + np.log(whole))
        for c in range(1, n_classes):
            expected = counts[k] * chance[c] / whole
            found[c - 1, source_pair[k]] += expected
            for f in range(n_factors):
                sums[c - 1, cells[k, f]] += expected
    return total
