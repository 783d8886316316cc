"""Several variables given covariates, one after the other: densities, draws of parameters and of values.

The joint density of z = (z1, ..., zk) is f(z1 | x) f(z2 | x, z1) ... f(zk | x, z1, ..., zk-1); numbers are
normal with a linear mean, categories follow a multinomial logit model. With numbers alone it is the joint
normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.imputation.outcome_models import Linear
from tallystick.analysis.imputation.variables import Variable
from tallystick.errors import InputError, RunError

Floats = NDArray[np.float64]

_PRIOR_SD = 10.0
"""Of coefficients of a multinomial logit, per standard deviation of a covariate: keeps them finite where
covariates separate categories, and says next to nothing elsewhere."""

_STEPS = 100
_LINEAR = Linear()


@dataclass(frozen=True)
class Part:
    """Parameters of one variable: coefficients, shape (q,) or (q, categories - 1), and a variance."""

    beta: Floats
    scale: float


Parts = tuple[Part, ...]


def fit_parts(
    variables: Sequence[Variable], values: Floats, x: Floats, random: np.random.Generator | None = None
) -> Parts:
    """Parameters of all variables: estimates, or with `random` draws from their posterior.

    Parameters
    ----------
    variables : sequence of Variable
    values : float64 array, shape (n, k)
        Numbers and codes.
    x : float64 array, shape (n, q)
        Covariates with the constant.
    random : numpy.random.Generator, optional
        Draws are those of a flat prior for normal models (as in Rubin 1987, section 5.3), and normal about
        the mode for multinomial ones (van Buuren 2018, section 3.6).

    Returns
    -------
    tuple of Part
    """
    found = []
    for k, variable in enumerate(variables):
        design = _design(variables[:k], values[:, :k], x)
        if variable.categories is None:
            found.append(_normal(values[:, k], design, variable.name, random))
        else:
            found.append(_logit(values[:, k], design, len(variable.categories), random))
    return tuple(found)


def log_density(variables: Sequence[Variable], parts: Parts, values: Floats, x: Floats) -> Floats:
    """Log f(z | x) of each row, shape (n,)."""
    total = np.zeros(len(values))
    for k, (variable, part) in enumerate(zip(variables, parts, strict=True)):
        design = _design(variables[:k], values[:, :k], x)
        if variable.categories is None:
            total += _LINEAR.log_likelihood(values[:, k], design @ part.beta, part.scale)
        else:
            logs = _log_shares(design @ part.beta)
            total += logs[np.arange(len(values)), values[:, k].astype(np.int64)]
    return total


def log_marginal_density(variables: Sequence[Variable], values: Floats) -> Floats:
    """Log g(z) of each row by the same models without covariates, fitted to these rows; shape (n,)."""
    constant = np.ones((len(values), 1))
    return log_density(variables, fit_parts(variables, values, constant), values, constant)


def draw_values(
    variables: Sequence[Variable], parts: Parts, x: Floats, random: np.random.Generator
) -> Floats:
    """Values drawn from f(z | x), shape (n, k)."""
    values = np.empty((len(x), len(variables)))
    for k, (variable, part) in enumerate(zip(variables, parts, strict=True)):
        linear = _design(variables[:k], values[:, :k], x) @ part.beta
        if variable.categories is None:
            values[:, k] = linear + np.sqrt(part.scale) * random.standard_normal(len(x))
        else:
            sums = np.cumsum(np.exp(_log_shares(linear)), axis=1)
            values[:, k] = np.sum(random.random(len(x))[:, None] > sums[:, :-1], axis=1)
    return values


def _design(before: Sequence[Variable], values: Floats, x: Floats) -> Floats:
    columns = [x]
    for k, variable in enumerate(before):
        if variable.categories is None:
            columns.append(values[:, k : k + 1])
        else:
            columns.append(
                (values[:, k : k + 1] == np.arange(1, len(variable.categories))).astype(np.float64)
            )
    return np.hstack(columns)


def _normal(z: Floats, x: Floats, name: str, random: np.random.Generator | None) -> Part:
    n, q = x.shape
    if n <= q:
        raise InputError(f"{n} records are too few to model {name!r} given {q - 1} covariates.")
    fit = _LINEAR.fit(z, x)
    if not fit.scale * fit.df > 1e-12 * max(float(np.sum(z**2)), 1e-300):
        raise InputError(
            f"{name!r} is an exact function of the covariates of its model (or does not vary): leave it out."
        )
    if random is None:
        return Part(fit.beta, fit.scale)
    return Part(*_LINEAR.draw(z, x, fit, fit.beta, random))


def _log_shares(linear: Floats) -> Floats:
    from scipy.special import logsumexp

    scores = np.hstack((np.zeros((len(linear), 1)), linear))
    found: Floats = scores - logsumexp(scores, axis=1, keepdims=True)
    return found


def _logit(z: Floats, x: Floats, n_categories: int, random: np.random.Generator | None) -> Part:
    """Multinomial logit by Newton, the first category as the reference, with a weak normal prior."""
    n, q = x.shape
    c = n_categories - 1
    if c == 0:
        return Part(np.zeros((q, 0)), 1.0)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    constant = spread < 1e-12 * np.maximum(np.abs(centre), 1e-300)
    spread = np.where(constant, np.maximum(np.abs(centre), 1e-300), spread)
    scaled = x / spread
    shown = (z[:, None] == np.arange(1, n_categories)).astype(np.float64)
    beta = np.zeros((q, c))

    def height(values: Floats) -> float:
        chosen = _log_shares(scaled @ values)[np.arange(n), z.astype(np.int64)]
        return float(np.sum(chosen) - 0.5 * np.sum(values**2) / _PRIOR_SD**2)

    reached = height(beta)
    for _ in range(_STEPS):
        share = np.exp(_log_shares(scaled @ beta))[:, 1:]
        gradient = (scaled.T @ (shown - share) - beta / _PRIOR_SD**2).reshape(-1)
        information = np.empty((q, c, q, c))
        for j in range(c):
            for k in range(j, c):
                weight = share[:, j] * ((j == k) - share[:, k])
                information[:, j, :, k] = information[:, k, :, j] = scaled.T @ (weight[:, None] * scaled)
        matrix = information.reshape(q * c, q * c) + np.eye(q * c) / _PRIOR_SD**2
        step = np.linalg.solve(matrix, gradient)
        if float(gradient @ step) < 1e-8:
            break
        size = 1.0
        while (new := height(beta + size * step.reshape(q, c))) < reached and size > 1e-6:
            size /= 2
        beta, reached = beta + size * step.reshape(q, c), new
    else:
        raise RunError("A multinomial logit model of the imputation did not converge: join rare categories.")
    if random is not None:
        factor = np.linalg.cholesky(np.linalg.inv(matrix))
        beta = beta + (factor @ random.standard_normal(q * c)).reshape(q, c)
    return Part(beta / spread[:, None], 1.0)
