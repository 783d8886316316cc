"""Whether chains of draws agree: potential scale reduction, and how many independent draws they are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def r_hat(draws: Floats) -> Floats:
    """Potential scale reduction of split chains (Gelman and others 2013, section 11.4).

    Parameters
    ----------
    draws : float64 array, shape (n_chains, n_draws, k)
        At least 4 draws a chain.

    Returns
    -------
    float64 array, shape (k,)
        Near 1 where chains agree; 1 where nothing varies.
    """
    half = draws.shape[1] // 2
    split = np.concatenate((draws[:, :half], draws[:, -half:]))
    within = split.var(axis=1, ddof=1).mean(axis=0)
    between = half * split.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((half - 1) / half + between / (half * within))
    return np.where(between == 0, 1.0, found)


def effective_draws(draws: Floats) -> Floats:
    """Independent draws that the chains are worth (Geyer 1992; Gelman and others 2013, section 11.5).

    Sums of autocorrelations of neighbouring pairs are taken as long as they are positive and fall.

    Parameters
    ----------
    draws : float64 array, shape (n_chains, n_draws, k)

    Returns
    -------
    float64 array, shape (k,)
    """
    m, n, k = draws.shape
    centred = draws - draws.mean(axis=1, keepdims=True)
    size = 2 ** int(np.ceil(np.log2(2 * n)))
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, size, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    between = draws.mean(axis=1).var(axis=0, ddof=1) if m > 1 else np.zeros(k)
    total = within * (n - 1) / n + between
    found = np.full(k, float(m * n))
    for j in np.flatnonzero(total > 0):
        rho = 1 - (within[j] - covariance[:, j]) / total[j]
        rho[0] = 1.0
        pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
        stop = int(np.argmax(pairs <= 0)) if np.any(pairs <= 0) else len(pairs)
        time = max(2 * float(np.minimum.accumulate(pairs[:stop]).sum()) - 1, 1 / np.log10(max(m * n, 10)))
        found[j] = m * n / time
    return found
