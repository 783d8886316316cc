"""Likelihood ratio of an agreement that is true to a share only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def log_ratio(share: ArrayLike, m: float, u: ArrayLike) -> NDArray[np.float64]:
    """Log of R = phi m / u + (1 - phi) (1 - m) / (1 - u): what agreement to the share phi weighs.

    R is 1 where phi = u, whatever m is: as much agreement as chance gives says nothing.

    Parameters
    ----------
    share : float or array, shape (n,)
        phi, from 0 to 1.
    m : float
        Probability of agreement among matches.
    u : float or array, shape (n,)
        Probability of agreement among non-matches.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    >>> round(float(np.exp(log_ratio(1.0, 0.9, 0.05))), 9)
    18.0
    >>> abs(float(log_ratio(0.05, 0.9, 0.05))) < 1e-15
    True
    """
    phi, u = np.asarray(share, np.float64), np.asarray(u, np.float64)
    return np.asarray(np.log(phi * (m / u) + (1.0 - phi) * ((1.0 - m) / (1.0 - u))), np.float64)
