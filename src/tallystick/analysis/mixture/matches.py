"""How likely links are to be right: h = expit(z' gamma), its fit, and what is known of it beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from tallystick.analysis.error_models.error_model import Floats

SMALLEST = 1e-10
"""Shares nearer to 0 or 1 are taken as that: their logits say nothing."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The model of right links.

    With alpha the mean of 1 - h over the links that are not known to be right.

    Attributes
    ----------
    z : float64 array, shape (n, k)
        Covariates of the links, a constant among them.
    safe : bool array, shape (n,)
        Links that are known to be right.
    rate : float or None
        alpha, where it is known; z is the constant alone then.
    at_most : float or None
        Largest alpha.
    prior : tuple of float, or None
        Two numbers that stand for as many links known beforehand to be wrong and right: a beta
        distribution of alpha.
    """

    z: Floats
    safe: np.ndarray
    rate: float | None = None
    at_most: float | None = None
    prior: tuple[float, float] | None = None

    @property
    def constant_alone(self) -> bool:
        """Whether h is one number."""
        return bool(self.z.shape[1] == 1)

    def chances(self, gamma: Floats) -> Floats:
        """The chance h of every link, 1 where it is known to be right; shape (n,)."""
        return np.where(self.safe, 1.0, expit(self.z @ gamma))

    def alpha(self, gamma: Floats) -> float:
        """Mean chance that a link is wrong, of those that are not known to be right."""
        return float(1 - expit(self.z[~self.safe] @ gamma).mean()) if (~self.safe).any() else 0.0

    def slope(self, gamma: Floats) -> Floats:
        """Derivative of alpha by gamma, shape (k,)."""
        z = self.z[~self.safe]
        h = expit(z @ gamma)
        found: Floats = -(z * (h * (1 - h))[:, None]).mean(axis=0)
        return found

    def at_bound(self, gamma: Floats) -> bool:
        """Whether alpha is held at its largest value."""
        return self.at_most is not None and self.alpha(gamma) >= self.at_most - 1e-7

    def free(self, gamma: Floats) -> Floats:
        """Directions in which gamma may go, shape (k, number of directions): all but where alpha is held."""
        k = self.z.shape[1]
        if self.rate is not None or not (~self.safe).any():
            return np.zeros((k, 0))
        if not self.at_bound(gamma):
            return np.eye(k)
        return np.linalg.svd(self.slope(gamma)[None, :])[2][1:].T

    def log_prior(self, gamma: Floats) -> float:
        """Logarithm of the prior density of the log-odds of alpha, but for a constant."""
        if self.prior is None:
            return 0.0
        alpha = min(max(self.alpha(gamma), SMALLEST), 1 - SMALLEST)
        return self.prior[0] * float(np.log(alpha)) + self.prior[1] * float(np.log1p(-alpha))

    def prior_derivatives(self, gamma: Floats) -> tuple[Floats, Floats]:
        """First and second derivatives of `log_prior` by gamma, shapes (k,) and (k, k)."""
        k = self.z.shape[1]
        if self.prior is None:
            return np.zeros(k), np.zeros((k, k))
        wrong, right = self.prior
        alpha = min(max(self.alpha(gamma), SMALLEST), 1 - SMALLEST)
        z = self.z[~self.safe]
        h = expit(z @ gamma)
        bent = -(z.T @ ((h * (1 - h) * (1 - 2 * h))[:, None] * z)) / len(z)
        by_alpha = wrong / alpha - right / (1 - alpha)
        slope = self.slope(gamma)
        curved = -wrong / alpha**2 - right / (1 - alpha) ** 2
        return by_alpha * slope, curved * np.outer(slope, slope) + by_alpha * bent

    def start(self, alpha: float) -> Floats:
        """The gamma with one h for all links."""
        alpha = self.rate if self.rate is not None else alpha
        if self.at_most is not None and self.rate is None:
            alpha = min(alpha, self.at_most)
        gamma = np.zeros(self.z.shape[1])
        constant = np.flatnonzero((self.z == 1).all(axis=0))
        gamma[constant[0]] = logit(min(max(1 - alpha, SMALLEST), 1 - SMALLEST))
        return gamma

    def fitted(self, right: Floats, gamma: Floats) -> Floats:
        """The gamma that is likeliest with these chances that each link is right; shape (k,).

        Parameters
        ----------
        right : float64 array, shape (n,)
            Chances given the outcomes (of the E-step).
        gamma : float64 array, shape (k,)
            To begin with.
        """
        if self.rate is not None or not (~self.safe).any():
            return gamma
        w, z = right[~self.safe], self.z[~self.safe]
        wrong, known = self.prior or (0.0, 0.0)
        if self.constant_alone:
            alpha = ((1 - w).sum() + wrong) / (len(w) + wrong + known)
            if self.at_most is not None:
                alpha = min(alpha, self.at_most)
            return np.array([logit(min(max(1 - alpha, SMALLEST), 1 - SMALLEST))])
        found = _newton(self, w, z, gamma)
        if self.at_most is None or self.alpha(found) <= self.at_most:
            return found
        return _held(self, w, z, gamma)

    def expected(self, gamma: Floats, w: Floats, z: Floats) -> float:
        """Expected log-likelihood of which links are right, with the prior."""
        eta = z @ gamma
        return float((w * eta - np.logaddexp(0, eta)).sum()) + self.log_prior(gamma)


def _newton(matches: Matches, w: Floats, z: Floats, gamma: Floats) -> Floats:
    """Newton with steps that are halved until they go up."""
    value = matches.expected(gamma, w, z)
    for _ in range(25):
        h = expit(z @ gamma)
        of_prior, bent = matches.prior_derivatives(gamma)
        score = z.T @ (w - h) + of_prior
        hessian = -(z.T @ ((h * (1 - h))[:, None] * z)) + bent
        step = np.linalg.lstsq(hessian, -score, rcond=None)[0]
        if float(step @ score) < 0:
            step = score / len(w)
        size = 1.0
        while size > 1e-8 and not matches.expected(gamma + size * step, w, z) >= value:
            size /= 2
        if size <= 1e-8:
            return gamma
        gamma = gamma + size * step
        new = matches.expected(gamma, w, z)
        if new - value <= 1e-12 * (1 + abs(value)):
            return gamma
        value = new
    return gamma


def _held(matches: Matches, w: Floats, z: Floats, gamma: Floats) -> Floats:
    """The same with alpha held at its largest value."""
    bound = matches.at_most or 0.0
    scale = len(w)
    found = minimize(
        lambda g: -matches.expected(g, w, z) / scale,
        gamma,
        jac=lambda g: -(z.T @ (w - expit(z @ g)) + matches.prior_derivatives(g)[0]) / scale,
        method="SLSQP",
        constraints={
            "type": "ineq",
            "fun": lambda g: bound - matches.alpha(g),
            "jac": lambda g: -matches.slope(g),
        },
        options={"ftol": 1e-14, "maxiter": 200},
    )
    better = matches.expected(found.x, w, z) >= matches.expected(gamma, w, z)
    return np.asarray(found.x) if better and matches.alpha(found.x) <= bound + 1e-7 else gamma
