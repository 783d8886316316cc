"""Covariances of exchangeable errors, for which a law of whole permutations is needed and q is not enough.

Here every set of k wrong links of a block is as likely as any other, k = (1 - q) n, and so is every way to
exchange their outcomes in which none is right. For weights g and values u, both centred, the chance that
links i and k fall on j and l depends only on which of the four are the same, so that

    Var(g' C u) = c_1 sum(g^2 u^2) + c_2 sum(g^2) sum(u^2) + c_3 (sum g u)^2

holds exactly with c_1, c_2, c_3 of n and k. A number k that is not whole is mixed of the two next to it;
one wrong link alone there cannot be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Chance that two of k wrong links have each other's outcomes: derangements of k - 2 by those of k.
_SWAPPED = np.array([0, 0, 1, 0, 1 / 9, 2 / 44, 9 / 265, 44 / 1854, 265 / 14833])


def coefficients(sizes: NDArray[np.generic], q: Floats) -> tuple[Floats, Floats, Floats]:
    """The three coefficients by block.

    Parameters
    ----------
    sizes : array, shape (n_blocks,)
        n, at least 1; rounded.
    q : float64 array, shape (n_blocks,)
        Chance of a right link.

    Returns
    -------
    tuple of three float64 arrays, shape (n_blocks,)

    Examples
    --------
    Two records that have each other's outcome for sure: no variance.

    >>> [round(float(one[0]), 12) + 0.0 for one in coefficients(np.array([2]), np.array([0.0]))]
    [-2.0, 1.0, 0.0]
    """
    n = np.maximum(np.round(np.asarray(sizes, np.float64)), 1.0)
    wrong = np.clip((1 - q) * n, 0.0, n)
    below = np.floor(wrong + 1e-9)
    below, above = np.where(below < 2, 0.0, below), np.where(below < 2, 2.0, below + 1)
    part = np.clip((wrong - below) / (above - below), 0.0, 1.0)
    above = np.where(part > 0, above, below)
    first, second = _moments(n, below), _moments(n, above)
    square, size, product = ((1 - part) * one + part * two for one, two in zip(first, second, strict=True))
    a = np.where(n > 1, 1 - wrong / np.maximum(n - 1, 1), 1.0)
    return square, size, product - a**2


def _moments(n: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """Coefficients of the mean of (g' C u)^2 with k wrong links, a whole number."""
    pairs = np.maximum(n * (n - 1), 1.0)
    both_right = (n - k) * (n - k - 1) / pairs
    one_right = (n - k) * k / pairs
    both_wrong = k * (k - 1) / pairs
    small = _SWAPPED[np.minimum(k, len(_SWAPPED) - 1).astype(np.int64)]
    swapped = both_wrong * np.where(k < len(_SWAPPED), small, 1 / np.maximum(k * (k - 1), 1.0))
    # One has the other's outcome, and the other that of a third.
    chained = both_wrong / np.maximum(k - 1, 1.0) - swapped
    apart = np.where(n > 3, 1 - both_right - 2 * one_right - swapped - 2 * chained, 0.0)
    thirds = 2 * (one_right + chained) / np.maximum(n - 2, 1.0)
    rest = apart / np.maximum((n - 2) * (n - 3), 1.0)
    wrong = k / pairs
    square = 1 - k / n - wrong - both_right - swapped + 2 * thirds - 6 * rest
    size = wrong + rest
    product = both_right + swapped - thirds + 2 * rest
    return square, size, product
