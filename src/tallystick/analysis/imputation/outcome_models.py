"""Models of an outcome given covariates: likelihoods, estimates, and draws from the posterior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.regressions import families as regressions
from tallystick.errors import InputError, RunError

Floats = NDArray[np.float64]

_STEPS = 50
_LARGEST_ERROR = 100.0  # standard error of a linear predictor by one covariate


@dataclass(frozen=True)
class Fit:
    """Estimates of a model from complete data.

    Attributes
    ----------
    beta : float64 array, shape (p,)
    covariance : float64 array, shape (p, p)
        By maximum likelihood; of a linear model with the variance over n - p.
    scale : float
        Residual variance of a linear model, else 1.
    df : float
        n - p of a linear model, else infinite.
    """

    beta: Floats
    covariance: Floats
    scale: float
    df: float


class OutcomeModel(ABC):
    """f(y | x; beta), with a flat prior for beta."""

    @abstractmethod
    def check(self, y: Floats, name: str) -> None:
        """Raise `InputError` where an outcome cannot be of this family."""

    @abstractmethod
    def fit(self, y: Floats, x: Floats, start: Floats | None = None) -> Fit:
        """Estimates from y of shape (n,) and x of shape (n, p)."""

    @abstractmethod
    def draw(
        self, y: Floats, x: Floats, fit: Fit, before: Floats, random: np.random.Generator
    ) -> tuple[Floats, float]:
        """Coefficients and the variance, drawn given complete data and their estimates."""

    @abstractmethod
    def log_likelihood(self, y: Floats, linear: Floats, scale: float) -> Floats:
        """Log f of each record given its linear predictor."""


class Linear(OutcomeModel):
    """Normal with a constant variance."""

    def check(self, y: Floats, name: str) -> None:
        """Any number will do."""

    def fit(self, y: Floats, x: Floats, start: Floats | None = None) -> Fit:
        """Least squares."""
        n, p = x.shape
        if n <= p:
            raise RunError(f"{n} linked records are too few to estimate {p} coefficients.")
        inverse = inverse_of(x.T @ x)
        beta = inverse @ (x.T @ y)
        scale = float(np.sum((y - x @ beta) ** 2)) / (n - p)
        return Fit(beta, scale * inverse, scale, float(n - p))

    def draw(
        self, y: Floats, x: Floats, fit: Fit, before: Floats, random: np.random.Generator
    ) -> tuple[Floats, float]:
        """sigma^2 scaled inverse chi-square, beta normal given it (Gelman and others 2013, section 14.2)."""
        scale = fit.scale * fit.df / random.chisquare(fit.df)
        factor = np.linalg.cholesky(fit.covariance) * np.sqrt(scale / fit.scale)
        return fit.beta + factor @ random.standard_normal(len(fit.beta)), float(scale)

    def log_likelihood(self, y: Floats, linear: Floats, scale: float) -> Floats:
        """That of the normal distribution."""
        found: Floats = -0.5 * ((y - linear) ** 2 / scale + np.log(2 * np.pi * scale))
        return found


class _Iterated(OutcomeModel):
    """Families without a scale: Newton, and draws by independent proposals of Metropolis and Hastings."""

    family: regressions.Family

    def fit(self, y: Floats, x: Floats, start: Floats | None = None) -> Fit:
        """Maximum likelihood by Newton's method, with steps halved where the likelihood falls."""
        beta = np.zeros(x.shape[1]) if start is None else start
        height = float(np.sum(self.log_likelihood(y, x @ beta, 1.0)))
        for _ in range(_STEPS):
            linear = x @ beta
            mean = self.family.mean(linear)
            weight = self.family.slope(linear, mean)
            inverse = inverse_of(x.T @ (weight[:, None] * x))
            gradient = x.T @ (y - mean)
            step = inverse @ gradient
            if float(gradient @ step) < 1e-10:
                # Of estimates that run away the likelihood is flat, too.
                if np.any(np.sqrt(np.diag(inverse) * np.mean(x**2, axis=0)) > _LARGEST_ERROR):
                    break
                return Fit(beta, inverse, 1.0, np.inf)
            for _ in range(30):
                with np.errstate(over="ignore", invalid="ignore"):
                    reached = float(np.sum(self.log_likelihood(y, x @ (beta + step), 1.0)))
                if reached >= height - 1e-9 * abs(height):
                    break
                step = step / 2
            beta, height = beta + step, reached
        raise RunError(
            "The model of the outcome has no finite estimates on one of the imputed data sets (covariates "
            "that separate the outcomes, or too few linked records): leave covariates out or join categories."
        )

    def draw(
        self, y: Floats, x: Floats, fit: Fit, before: Floats, random: np.random.Generator
    ) -> tuple[Floats, float]:
        """One step of Metropolis and Hastings from `before`, with t proposals about the estimates."""
        df, factor = 8.0, np.linalg.cholesky(fit.covariance)
        p = len(fit.beta)
        stretch = np.sqrt(df / random.chisquare(df))
        proposed = fit.beta + stretch * (factor @ random.standard_normal(p))

        def height(beta: Floats) -> float:
            away = np.linalg.solve(factor, beta - fit.beta)
            proposal = -0.5 * (df + p) * float(np.log1p(float(away @ away) / df))
            return float(np.sum(self.log_likelihood(y, x @ beta, 1.0))) - proposal

        taken = np.log1p(-random.random()) < height(proposed) - height(before)
        return (proposed if taken else before), 1.0


class Logistic(_Iterated):
    """Bernoulli with a logit link."""

    family = regressions.FAMILIES["logistic"]

    def check(self, y: Floats, name: str) -> None:
        """0 and 1 alone."""
        wrong = y[(y != 0) & (y != 1)]
        if len(wrong):
            raise InputError(f"{name!r}: the outcome of a logistic model is 0 or 1, not {wrong[0]:g}.")

    def log_likelihood(self, y: Floats, linear: Floats, scale: float) -> Floats:
        """Log f is y eta - log(1 + exp(eta))."""
        return y * linear - np.logaddexp(0.0, linear)


class Poisson(_Iterated):
    """Poisson with a log link."""

    family = regressions.FAMILIES["poisson"]

    def check(self, y: Floats, name: str) -> None:
        """Whole numbers from 0."""
        wrong = y[(y < 0) | (y != np.floor(y))]
        if len(wrong):
            raise InputError(
                f"{name!r}: the outcome of a Poisson model is a whole number from 0, not {wrong[0]:g}."
            )

    def log_likelihood(self, y: Floats, linear: Floats, scale: float) -> Floats:
        """Log f is y eta - exp(eta) - log(y!)."""
        from scipy.special import gammaln

        found: Floats = y * linear - np.exp(linear) - gammaln(y + 1)
        return found


FAMILIES: dict[str, OutcomeModel] = {"linear": Linear(), "logistic": Logistic(), "poisson": Poisson()}


def family_of(name: str) -> OutcomeModel:
    """The model of a name: "linear", "logistic" or "poisson"."""
    if name not in FAMILIES:
        raise InputError(f"family: {name!r} is none of {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def inverse_of(matrix: Floats) -> Floats:
    """Inverse of a symmetric positive definite matrix; `RunError` where it has none."""
    scale = np.sqrt(np.diag(matrix))
    if np.all(scale > 0):
        scaled = matrix / np.outer(scale, scale)
        if np.isfinite(scaled).all() and np.linalg.cond(scaled) < 1e12:
            found: Floats = np.linalg.inv(scaled) / np.outer(scale, scale)
            return found
    raise RunError(
        "Covariates of the model depend on each other, or do not vary, on one of the imputed data sets: "
        "leave some out or join categories."
    )
