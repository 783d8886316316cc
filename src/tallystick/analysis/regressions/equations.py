"""Estimating equations of regression under linkage errors: G'(y* - Q mu(X b)) = 0, one G a method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints
from tallystick.analysis.regressions.families import Family
from tallystick.errors import InputError

METHODS = {
    "naive": "Naive",
    "scheuren-winkler": "Scheuren-Winkler",
    "lahiri-larsen": "Lahiri-Larsen",
    "ratio": "Ratio type",
    "eblue": "EBLUE",
    "inverse": "Inverse Q",
}
"""Methods, and what they are called in a summary."""

NAMES = METHODS | {"moments": "Moments of both files"}
"""The same with that of `regression_of_both_files`."""


@dataclass(frozen=True, eq=False)
class NoErrors(ErrorModel):
    """The links taken as true: Q v is what each row shows, and nothing varies by linkage.

    Attributes
    ----------
    model : ErrorModel
        Of the links.
    rows : bool array, shape (model.n_links,), or None
        Rows that have a link, where some have none.
    """

    model: ErrorModel
    rows: NDArray[np.bool_] | None = None
    groups: Ints = field(init=False)
    index: NDArray[Any] | None = None
    register_index: NDArray[Any] | None = None
    precision: None = None

    def __post_init__(self) -> None:
        """Groups are those of the model."""
        object.__setattr__(self, "groups", self.of_rows(self.model.groups))

    def of_rows(self, values: Any) -> Any:
        """Values of the rows that have a link."""
        return values if self.rows is None else values[self.rows]

    @property
    def n_links(self) -> int:
        """Rows that have a link."""
        return self.model.n_links if self.rows is None else int(self.rows.sum())

    @property
    def n_register(self) -> int:
        """That of the model."""
        return self.model.n_register

    def as_linked(self, values: Floats) -> Floats:
        """That of the model."""
        found: Floats = self.of_rows(self.model.as_linked(values))
        return found

    def expected(self, values: Floats) -> Floats:
        """The same as `as_linked`."""
        return self.as_linked(values)

    def inverse(self, values: Floats) -> Floats:
        """The values themselves."""
        return values

    def variance(self, values: Floats) -> Floats:
        """Zero."""
        return np.zeros(self.n_links)

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Zero."""
        return np.zeros((weights.shape[1], weights.shape[1]))


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be solved.

    Attributes
    ----------
    y : float64 array, shape (n_links,)
        Outcomes as linked.
    X : float64 array, shape (n_register, p)
        Covariates of the register.
    model : ErrorModel
        Of the links.
    family : Family
        Of the outcome.
    method : str
        One of `METHODS`.
    weights : float64 array, shape (n_links,), or None
        Of the rows, of mean 1.
    """

    y: Floats
    X: Floats
    model: ErrorModel
    family: Family
    method: str
    weights: Floats | None = None

    def weighted(self, rows: Floats) -> Floats:
        """Rows times their weights."""
        return rows if self.weights is None else rows_times(self.weights, rows)


@dataclass(frozen=True, eq=False)
class State:
    """Everything that follows from coefficients.

    Attributes
    ----------
    beta : float64 array, shape (p,)
        Coefficients.
    mean : float64 array, shape (n_register,)
        mu(X b).
    shown : float64 array, shape (n_links,)
        Q mu, the expected outcomes as linked.
    slope : float64 array, shape (n_links, p)
        Q D with D = diag(mu') X: the derivative of `shown` by the coefficients.
    """

    beta: Floats
    mean: Floats
    shown: Floats
    slope: Floats


def state_at(problem: Problem, beta: Floats, slope: Floats | None = None) -> State:
    """Means and derivatives at these coefficients; with a linear family the derivative is given."""
    eta = problem.X @ beta
    if slope is not None:
        return State(beta, eta, slope @ beta, slope)
    mean = problem.family.mean(eta)
    by_predictor = problem.family.slope(eta, mean)
    return State(
        beta, mean, problem.model.expected(mean), problem.model.expected(rows_times(by_predictor, problem.X))
    )


def taken_as_true(model: ErrorModel) -> NoErrors:
    """The links of a model taken as true; rows without a link are left out."""
    linked = np.isfinite(model.as_linked(np.zeros(model.n_register)))
    if not linked.any():
        raise InputError("The error model has no row with a link: there is nothing to take as true.")
    return NoErrors(model, None if linked.all() else linked)


def fixed_instruments(problem: Problem) -> Floats | None:
    """G where it does not depend on the coefficients, shape (n_links, p); None with EBLUE.

    Ratio type (estimator A of Chambers 2009): X. Lahiri and Larsen (2005): Q X. Inverse Q: Q^-1 X, with which
    the linear estimate is (X'X)^-1 X'Q^-1 y* where Q is symmetric: always but with weighted links, where the
    equations are another set of unbiased ones.
    """
    if problem.method == "eblue":
        return None
    if problem.method == "lahiri-larsen":
        return problem.weighted(problem.model.expected(problem.X))
    if problem.method == "inverse":
        return problem.weighted(problem.model.inverse(problem.X))
    own = problem.model.as_linked(problem.X)
    return problem.weighted(
        np.where(np.isfinite(own), own, 0.0)
    )  # rows without a link have no own covariates


def best_instruments(problem: Problem, state: State, scale: float) -> Floats:
    """G of EBLUE (estimator C of Chambers 2009): Q D over Var(y*_i), correlations left out."""
    varying = problem.family.variance(state.shown, problem.model.variance(state.mean), scale)
    return problem.weighted(rows_times(1 / np.maximum(varying, np.finfo(np.float64).tiny), state.slope))


def score(problem: Problem, instruments: Floats, state: State) -> Floats:
    """G'(y* - Q mu), shape (p,)."""
    found: Floats = instruments.T @ (problem.y - state.shown)
    return found
