"""What a right link shows and what a wrong one shows: the two components of the mixture."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.regressions.families import Family
from tallystick.preparation.extras import require


def log_density(family: Family, y: Floats, mean: Floats, sigma: float) -> Floats:
    """Logarithm of f(y | x) with the mean that the covariates give; shape (n,).

    Parameters
    ----------
    family : Family
        Of the outcome.
    y, mean : float64 arrays, shape (n,)
        Outcomes and their means.
    sigma : float
        Standard deviation of the linear family; of no use in others.
    """
    if family.name == "linear":
        z = (y - mean) / sigma
        normal: Floats = -0.5 * z**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
        return normal
    if family.name == "logistic":
        mean = np.clip(mean, 1e-300, 1 - 1e-16)
        return np.where(y == 1, np.log(mean), np.log1p(-mean))
    mean = np.maximum(mean, 1e-300)
    poisson: Floats = y * np.log(mean) - mean - gammaln(y + 1)
    return poisson


def derivatives(family: Family, y: Floats, X: Floats, mean: Floats, sigma: float) -> Floats:
    """Derivatives of log f(y | x) by coefficients and log sigma; shape (n, k)."""
    r = y - mean
    if family.name != "linear":
        return r[:, None] * X
    return np.column_stack([(r / sigma**2)[:, None] * X, (r / sigma) ** 2 - 1])


def curvature(family: Family, y: Floats, X: Floats, mean: Floats, sigma: float, weights: Floats) -> Floats:
    """Weighted sum of the second derivatives of log f(y | x); shape (k, k)."""
    if family.name != "linear":
        slope = family.slope(np.zeros_like(mean), mean)
        found: Floats = -(X.T @ ((weights * slope)[:, None] * X))
        return found
    r = (y - mean) / sigma
    p = X.shape[1]
    found = np.empty((p + 1, p + 1))
    found[:p, :p] = -(X.T @ (weights[:, None] * X)) / sigma**2
    found[:p, p] = found[p, :p] = -2 * (X.T @ (weights * r)) / sigma
    found[p, p] = -2 * float((weights * r**2).sum())
    return found


def log_marginal(family: Family, y: Floats) -> Floats:
    """Logarithm of f_Y(y): the outcomes of all records, which a wrong link draws from; shape (n,).

    Permutations leave the distribution of outcomes as it is, so it is that of the linked file: shares of each
    value, or a Gaussian kernel density (bandwidth after Silverman 1986) where outcomes are continuous. That
    is of the other rows alone, and contracted so that it has the variance of the outcomes (Jones 1991): a
    density that is wider by its kernel, or has a peak at the row itself, finds wrong links where there are
    none.
    """
    if family.name != "linear":
        _, code, count = np.unique(y, return_inverse=True, return_counts=True)
        shares: Floats = np.log(count[code] / len(y))
        return shares
    n, spread = len(y), float(np.std(y))
    if not spread > 0:
        return np.zeros(n)
    module = require("statsmodels.nonparametric.kde", "the mixture regression", "analysis")
    kde = module.KDEUnivariate(y)
    kde.fit(kernel="gau", bw="silverman", fft=True)
    wider = np.sqrt(1 + (kde.bw / spread) ** 2)
    at = y.mean() + (y - y.mean()) * wider
    own = np.exp(-0.5 * ((at - y) / kde.bw) ** 2) / (np.sqrt(2 * np.pi) * kde.bw)
    others = (n * np.interp(at, kde.support, kde.density, left=0.0, right=0.0) - own) / (n - 1)
    # Far from all others there is next to nothing, which the transform gives as more or less than that.
    normal = np.exp(-0.5 * ((y - y.mean()) / spread) ** 2) / (np.sqrt(2 * np.pi) * spread)
    logarithm: Floats = np.log(wider * np.maximum(others, np.maximum(normal, 1e-300) / n))
    return logarithm
