"""The chance that a pair is selected, in all and given what it shows in one factor."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def selection_chances(selected, starts, marginals, given):  # type: ignore[no-untyped-def]
    """Sum over all combinations of key bits; returns the chance in all.

    Parameters
    ----------
    selected : bool array, shape (n_combinations,)
        Whether each combination is selected; the bits of the last factor change fastest.
    starts : int64 array, shape (n_factors + 1,)
        Where each factor's combinations of its own bits begin in `marginals` and `given`.
    marginals : float64 array
        Probability of each factor's combinations of bits.
    given : float64 array
        To it is added the chance of selection given each factor's combination of bits.
    """
    n_factors = len(starts) - 1
    at = np.zeros(n_factors, np.int64)
    before = np.empty(n_factors)
    total = 0.0
    for k in range(len(selected)):
        if selected[k]:
            product = 1.0
            for f in range(n_factors):
                before[f] = product
                product *= marginals[starts[f] + at[f]]
            total += product
            after = 1.0
            for back in range(n_factors):
                f = n_factors - 1 - back
                given[starts[f] + at[f]] += before[f] * after
                after *= marginals[starts[f] + at[f]]
        for back in range(n_factors):  # the next combination
            f = n_factors - 1 - back
            at[f] += 1
            if at[f] < starts[f + 1] - starts[f]:
                break
            at[f] = 0
    return total
