"""The density of an outcome among all records of its file: what it is likely to be of one without a match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.imputation.outcome_models import Linear, Logistic, OutcomeModel

Floats = NDArray[np.float64]

_GRID = 2048


def log_marginal(model: OutcomeModel, y: Floats, given: Floats) -> Floats:
    """Log g(y | u) of each record.

    Parameters
    ----------
    model : OutcomeModel
        The family.
    y : float64 array, shape (n,)
    given : float64 array, shape (n, q)
        Covariates of the same file with a constant, which comes first.

    Returns
    -------
    float64 array, shape (n,)
        Without covariates a kernel density, or the shares of each value; with them a regression of the same
        family, for counts negative binomial, since what is not given adds to their variance.
    """
    if given.shape[1] == 1:
        return log_kernel_density(y) if isinstance(model, Linear) else _log_shares_of_values(y)
    fit = model.fit(y, given)
    linear = given @ fit.beta
    if isinstance(model, (Linear, Logistic)):
        return model.log_likelihood(y, linear, fit.scale)
    return _log_negative_binomial(y, np.exp(linear))


def _log_shares_of_values(y: Floats) -> Floats:
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    found: Floats = np.log(counts / len(y))[codes.reshape(-1)]
    return found


def _log_negative_binomial(y: Floats, mean: Floats) -> Floats:
    """Dispersion by moments: the mean of (y - mu)^2 - mu over that of mu^2."""
    from scipy.stats import nbinom, poisson

    extra = float(np.mean((y - mean) ** 2 - mean) / np.mean(mean**2))
    nearly_poisson = extra < 1e-6
    found: Floats = (
        poisson.logpmf(y, mean) if nearly_poisson else nbinom.logpmf(y, 1 / extra, 1 / (1 + extra * mean))
    )
    return found


def log_kernel_density(y: Floats) -> Floats:
    """Log of a Gaussian kernel density at its own data, binned on a grid (Silverman 1986, section 3.5)."""
    spread = min(float(np.std(y)), float(np.subtract(*np.percentile(y, [75, 25]))) / 1.349)
    spread = spread if spread > 0 else float(np.std(y))
    if not spread > 0:
        return np.zeros(len(y))
    width = 0.9 * spread * len(y) ** -0.2
    low, high = float(y.min()) - 4 * width, float(y.max()) + 4 * width
    size = max(_GRID, min(int(np.ceil(8 * (high - low) / width)), 1 << 20))
    step = (high - low) / (size - 1)
    place = (y - low) / step
    cell = np.minimum(place.astype(np.int64), size - 2)
    part = place - cell
    mass = np.bincount(cell, 1 - part, size) + np.bincount(cell + 1, part, size)
    half = int(np.ceil(6 * width / step))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * step / width) ** 2) / (width * np.sqrt(2 * np.pi))
    from scipy.signal import fftconvolve

    density = fftconvolve(mass, kernel, mode="same") / len(y)
    found = density[cell] * (1 - part) + density[cell + 1] * part
    own = 1 / (len(y) * width * np.sqrt(2 * np.pi))
    logs: Floats = np.log(np.maximum(found, own))
    return logs
