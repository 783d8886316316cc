"""Likelihood of the mixture, its derivatives, and the chances that links are right.

    f(y_i | x_i, z_i) = h_i f(y_i | x_i) + (1 - h_i) f_Y(y_i),    h_i = expit(z_i' gamma)

(Slawski, Diao and Ben-David 2021, equation 3; Slawski, West, Bukke, Diao, Wang and Ben-David 2025). Links
that are known to be right have h_i = 1; they are rows as all others in the likelihood and all its
derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.mixture.components import curvature, derivatives, log_density
from tallystick.analysis.mixture.matches import Matches
from tallystick.analysis.regressions.families import Family


@dataclass(frozen=True, eq=False)
class Data:
    """What is fitted.

    Attributes
    ----------
    family : Family
        Of the outcome.
    y : float64 array, shape (n,)
        Outcomes as linked.
    X : float64 array, shape (n, p)
        Covariates.
    matches : Matches
        The model of right links.
    log_marginal : float64 array, shape (n,)
        log f_Y(y_i).
    """

    family: Family
    y: Floats
    X: Floats
    matches: Matches
    log_marginal: Floats


@dataclass(frozen=True, eq=False)
class Parameters:
    """Of the mixture.

    Attributes
    ----------
    beta : float64 array, shape (p,)
        Coefficients.
    sigma : float
        Standard deviation of the linear family, else 1.
    gamma : float64 array, shape (k,)
        Of the chance that links are right.
    """

    beta: Floats
    sigma: float
    gamma: Floats


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The likelihood at some parameters.

    Attributes
    ----------
    loglik : float
        Log-likelihood.
    penalised : float
        The same with the logarithm of the prior.
    right : float64 array, shape (n,)
        Chance that each link is right, given its outcome.
    """

    loglik: float
    penalised: float
    right: Floats


def mean_of(data: Data, parameters: Parameters) -> Floats:
    """Mean outcome of each row by its own covariates, shape (n,)."""
    return data.family.mean(data.X @ parameters.beta)


def evaluate(data: Data, parameters: Parameters) -> Evaluated:
    """Log-likelihood, and the chances that links are right (the E-step)."""
    own = log_density(data.family, data.y, mean_of(data, parameters), parameters.sigma)
    eta = data.matches.z @ parameters.gamma
    right = own - np.logaddexp(0, -eta)
    wrong = data.log_marginal - np.logaddexp(0, eta)
    both = np.logaddexp(right, wrong)
    safe = data.matches.safe
    loglik = float(np.where(safe, own, both).sum())
    return Evaluated(
        loglik,
        loglik + data.matches.log_prior(parameters.gamma),
        np.where(safe, 1.0, np.exp(right - both)),
    )


def scores(data: Data, parameters: Parameters) -> Floats:
    """Derivatives of the log-likelihood of each row by all parameters, without the prior; shape (n, d).

    In the order coefficients, log sigma (linear family), gamma.
    """
    found = evaluate(data, parameters)
    of_own = derivatives(data.family, data.y, data.X, mean_of(data, parameters), parameters.sigma)
    of_matches = (found.right - data.matches.chances(parameters.gamma))[:, None] * data.matches.z
    of_matches[data.matches.safe] = 0.0
    return np.column_stack([found.right[:, None] * of_own, of_matches])


def hessian(data: Data, parameters: Parameters) -> Floats:
    """Second derivatives of the log-likelihood with the prior; shape (d, d).

    With w the chance that a link is right, D the derivatives of log f(y | x) and of the logit of h,
    sum of w (log f)'' - h (1 - h) z z' + w (1 - w) D D'.
    """
    matches, z = data.matches, data.matches.z
    w, mean = evaluate(data, parameters).right, mean_of(data, parameters)
    own = curvature(data.family, data.y, data.X, mean, parameters.sigma, w)
    k = len(own)
    h = expit(z @ parameters.gamma)
    unsure = np.where(matches.safe, 0.0, w * (1 - w))
    of_own = derivatives(data.family, data.y, data.X, mean, parameters.sigma)
    both = np.column_stack([of_own, z])
    found: Floats = both.T @ (unsure[:, None] * both)
    found[:k, :k] += own
    spread = np.where(matches.safe, 0.0, h * (1 - h))
    found[k:, k:] += matches.prior_derivatives(parameters.gamma)[1] - z.T @ (spread[:, None] * z)
    return found


def gradient(data: Data, parameters: Parameters) -> Floats:
    """First derivatives of the log-likelihood with the prior; shape (d,)."""
    found: Floats = scores(data, parameters).sum(axis=0)
    of_prior = data.matches.prior_derivatives(parameters.gamma)[0]
    found[len(found) - len(of_prior) :] += of_prior
    return found


def directions(data: Data, parameters: Parameters) -> Floats:
    """Directions in which the parameters may go, shape (d, number of directions).

    gamma stays where alpha is known or held at its bound.
    """
    k = data.X.shape[1] + (data.family.name == "linear")
    free = data.matches.free(parameters.gamma)
    found = np.zeros((k + len(free), k + free.shape[1]))
    found[:k, :k] = np.eye(k)
    found[k:, k:] = free
    return found


def moved(data: Data, parameters: Parameters, step: Floats) -> Parameters:
    """Parameters after a step of shape (d,)."""
    p = data.X.shape[1]
    linear = data.family.name == "linear"
    sigma = parameters.sigma * float(np.exp(np.clip(step[p], -20, 20))) if linear else 1.0
    return Parameters(parameters.beta + step[:p], sigma, parameters.gamma + step[p + linear :])
