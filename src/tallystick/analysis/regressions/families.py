"""Families: how the mean of an outcome follows from the linear predictor, and how an outcome varies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tallystick.errors import InputError

Floats = NDArray[np.float64]

LARGEST = 700.0
"""exp of more overflows; steps that go there are halved."""


@dataclass(frozen=True)
class Family:
    """A family with its usual link.

    Attributes
    ----------
    name : str
        "linear", "logistic" or "poisson".
    model : str
        What statistics calls it, for the summary.
    mean : callable
        Mean outcome from the linear predictor.
    slope : callable
        Its derivative by the linear predictor, from predictor and mean.
    """

    name: str
    model: str
    mean: Callable[[Floats], Floats]
    slope: Callable[[Floats, Floats], Floats]

    @property
    def linear(self) -> bool:
        """Whether the mean is the linear predictor itself."""
        return self.name == "linear"

    def variance(self, shown: Floats, by_linkage: Floats, scale: float) -> Floats:
        """Var(y*_i): what a row shows varies by its outcome and by the linkage.

        Parameters
        ----------
        shown : float64 array, shape (n,)
            (Q mu)_i.
        by_linkage : float64 array, shape (n,)
            V_i = Var((C mu)_i).
        scale : float
            sigma^2 of the linear family.

        Returns
        -------
        float64 array, shape (n,)
            sigma^2 + V_i; (Q mu)_i (1 - (Q mu)_i), exact since y* is 0 or 1; (Q mu)_i + V_i.
        """
        if self.name == "linear":
            return scale + by_linkage
        if self.name == "logistic":
            return shown * (1 - shown)
        return shown + by_linkage

    def check(self, y: Floats) -> None:
        """Refuse outcomes that the family cannot have."""
        if self.name == "logistic":
            wrong = np.flatnonzero((y != 0) & (y != 1))
            if len(wrong):
                raise InputError(
                    f"{len(wrong)} of {len(y)} outcomes are neither 0 nor 1 (the first is "
                    f'{y[wrong[0]]:g}): the family "logistic" takes 0 and 1, or False and True.'
                )
        elif self.name == "poisson":
            below = np.flatnonzero(y < 0)
            if len(below):
                raise InputError(
                    f"{len(below)} of {len(y)} outcomes are below 0 (the first is {y[below[0]]:g}): the "
                    'family "poisson" takes counts.'
                )


def _exp(eta: Floats) -> Floats:
    return np.exp(np.minimum(eta, LARGEST))


def _same(eta: Floats) -> Floats:
    return eta


def _expit(eta: Floats) -> Floats:
    found: Floats = expit(eta)
    return found


FAMILIES = {
    "linear": Family("linear", "Linear", _same, lambda eta, mu: np.ones_like(eta)),
    "logistic": Family("logistic", "Logistic", _expit, lambda eta, mu: mu * (1 - mu)),
    "poisson": Family("poisson", "Poisson", _exp, lambda eta, mu: mu),
}
"""Identity, logit and log link."""


def family_of(name: str) -> Family:
    """The family of this name, or an error that lists them.

    Examples
    --------
    >>> family_of("poisson").mean(np.array([0.0, 1.0])).round(3)
    array([1.   , 2.718])
    """
    if name not in FAMILIES:
        raise InputError(f"family: {name!r} is none of {', '.join(map(repr, FAMILIES))}.")
    return FAMILIES[name]
