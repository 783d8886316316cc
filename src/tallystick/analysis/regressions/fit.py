"""Fit a regression of linked data on arrays."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tallystick.analysis.error_models.blocks import Blocks, rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.regressions.columns import basis
from tallystick.analysis.regressions.dispersion import dispersion
from tallystick.analysis.regressions.equations import METHODS, Problem, taken_as_true
from tallystick.analysis.regressions.families import Family, family_of
from tallystick.analysis.regressions.scheuren_winkler import (
    adjusted_outcomes,
    adjustment,
    adjustment_derivative,
    check_times,
    of_candidates,
)
from tallystick.analysis.regressions.solve import Solved, solve
from tallystick.analysis.regressions.variances import (
    FEWEST_BLOCKS,
    VARIANCES,
    block_middle,
    groups_of,
    jackknife,
    model_middle,
    sandwich,
)
from tallystick.errors import InputError, TallystickWarning


@dataclass(frozen=True, eq=False)
class Estimate:
    """A fitted regression, as arrays.

    Attributes
    ----------
    coefficients : float64 array, shape (p,)
        NaN where the iterations did not converge.
    covariance : float64 array, shape (p, p)
        Of the coefficients.
    method, family, variance : str
        What was fitted, and how the covariance was estimated.
    df : float
        Degrees of freedom of t intervals; infinite where they are normal.
    scale : float
        sigma^2 of the linear family, else 1.
    scale_replaced : bool
        Whether sigma^2 came out as none and half the mean square of the residuals stands for it.
    converged : bool
        Whether the iterations came to rest.
    steps : int
        Iterations; 1 for a closed form.
    n_links, n_blocks : int
        Rows that were fitted, and blocks or components that have such rows.
    fitted : float64 array, shape (n_register,)
        Mean outcome of each record of the register, by its own covariates.
    shown : float64 array, shape (n_links,)
        What each fitted row is expected to show: Q times `fitted`.
    naive : float64 array, shape (p,)
        The estimate that takes all links as right.
    sensitivity : float64 array, shape (p,), or None
        Derivative of the coefficients by q, were it larger by the same everywhere; None where the method
        takes no q or the model has none.
    """

    coefficients: Floats
    covariance: Floats
    method: str
    family: str
    variance: str
    df: float
    scale: float
    scale_replaced: bool
    converged: bool
    steps: int
    n_links: int
    n_blocks: int
    fitted: Floats
    shown: Floats
    naive: Floats
    sensitivity: Floats | None

    @property
    def standard_errors(self) -> Floats:
        """Square roots of the variances, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))


def fit(
    y: Floats,
    X: Floats,
    model: ErrorModel,
    *,
    method: str = "ratio",
    family: str = "linear",
    variance: str | None = None,
    weights: Floats | None = None,
    names: Sequence[str] | None = None,
    times: int = 1,
) -> Estimate:
    """Fit a regression of linked data on arrays that are in the order of the error model.

    Parameters
    ----------
    y : float64 array, shape (n_links,)
        Outcomes as linked.
    X : float64 array, shape (n_register, p)
        Covariates of the register, the constant included; with complete linkage of the rows themselves.
    model : ErrorModel
        Of the links.
    method : str, default "ratio"
        "naive", "scheuren-winkler", "lahiri-larsen", "ratio", "eblue" or "inverse": see `regression`.
    family : str, default "linear"
        "linear", "logistic" or "poisson".
    variance : str, optional
        "block", "centred", "published" or "jackknife"; "block" where there are 10 blocks or more, else
        "centred".
    weights : float64 array, shape (n_links,), optional
        Of the rows.
    names : sequence of str, optional
        Of the columns of X, for messages.
    times : int, default 1
        How often "scheuren-winkler" takes off the bias that is left.

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        Where shapes do not fit, values are missing, or columns of X are combinations of others.

    Examples
    --------
    >>> from tallystick.analysis import exchangeable
    >>> X = np.column_stack([np.ones(6), [0.0, 1, 2, 0, 1, 2]])
    >>> model = exchangeable([0, 0, 0, 1, 1, 1], 0.8)
    >>> y = model.expected(X @ [1.0, 2.0])
    >>> fit(y, X, model).coefficients.round(3), fit(y, X, model).naive.round(3)
    (array([1., 2.]), array([1.6, 1.4]))
    """
    y, X = np.asarray(y, np.float64), np.asarray(X, np.float64)
    kind = family_of(family)
    _check(y, X, model, method, variance, weights)
    check_times(method, times)
    names = [f"x{k}" for k in range(X.shape[1])] if names is None else list(names)
    kind.check(y)
    if weights is not None:
        weights = np.asarray(weights, np.float64) / np.mean(weights)
    corrected = method not in ("naive", "scheuren-winkler")
    unchanged = taken_as_true(model)
    used: ErrorModel = model if corrected else unchanged
    groups = groups_of(used)
    chosen = variance or ("block" if groups.n_blocks >= FEWEST_BLOCKS else "centred")
    if groups.n_blocks < 2 and chosen in ("block", "jackknife"):
        raise InputError(
            f'variance={chosen!r} needs two blocks at least, and there is one: take "centred", which goes by '
            "the error model."
        )
    to_basis = _identified(used.expected(X), X, names)
    naive_problem = Problem(
        unchanged.of_rows(y),
        X @ to_basis,
        unchanged,
        kind,
        "naive",
        None if weights is None else unchanged.of_rows(weights),
    )
    if corrected:
        problem = replace(naive_problem, y=y, model=model, method=method, weights=weights)
    elif method == "naive":
        problem = naive_problem
    else:
        adjusted = unchanged.of_rows(adjusted_outcomes(model, y, times))
        problem = replace(naive_problem, y=adjusted, method=method)
    naive = solve(naive_problem)
    solved = naive if method == "naive" else solve(problem, naive)
    if method == "scheuren-winkler" and kind.linear and solved.converged:
        solved = _scale_of_linked(replace(problem, y=y, model=model, weights=weights), solved)
    sensitivity = None
    if solved.converged:
        sensitivity = _sensitivity(problem, solved) if corrected else None
        covariance = _covariance(problem, solved, groups, chosen, model, y, times)
    else:
        covariance = np.full((X.shape[1], X.shape[1]), np.nan)
        _warn(method, kind, solved, y)
    return Estimate(
        to_basis @ solved.state.beta,
        to_basis @ covariance @ to_basis.T,
        method,
        family,
        chosen,
        _df(chosen, groups, kind, X.shape),
        solved.scale,
        solved.replaced,
        solved.converged,
        solved.steps,
        len(problem.y),
        groups.n_blocks,
        solved.state.mean,
        solved.state.shown,
        to_basis @ naive.state.beta,
        None if sensitivity is None else to_basis @ sensitivity,
    )


def _identified(shown: Floats, X: Floats, names: Sequence[str]) -> Floats:
    """The basis of Q X; where X has one and Q X none, the links are what lacks, not a covariate."""
    if len(shown) == X.shape[1]:
        raise InputError(
            f"The design has as many columns as there are links ({len(shown):,}), so that nothing is left "
            "to tell errors by: leave covariates out, and see that numbers are not held as text, which makes "
            "each value a category."
        )
    try:
        return basis(shown, names, "The design")
    except InputError:
        basis(X, names, "The design")
        raise InputError(
            "By the error model the links say nothing of the covariates (Q X is singular, though X is not; "
            "so it is where q is 1 / n): there is no correction; join blocks, or use the mixture regression "
            "or multiple imputation."
        ) from None


def refuse_missing(**arrays: Floats | None) -> None:
    """Refuse arrays with missing or infinite values, by their names."""
    for what, values in arrays.items():
        if values is not None and not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise InputError(
                f"{what} has {count} missing or infinite values: leave these rows out before the error "
                "model is made."
            )


def _check(
    y: Floats, X: Floats, model: ErrorModel, method: str, variance: str | None, weights: Floats | None
) -> None:
    if method not in METHODS:
        raise InputError(f"method: {method!r} is none of {', '.join(map(repr, METHODS))}.")
    if variance is not None and variance not in VARIANCES:
        raise InputError(f"variance: {variance!r} is none of {', '.join(map(repr, VARIANCES))}.")
    if X.ndim != 2 or y.ndim != 1:
        raise InputError(f"y has {y.ndim} and X {X.ndim} dimensions: give one outcome a row and a table.")
    if len(y) != model.n_links or len(X) != model.n_register:
        raise InputError(
            f"The error model is of {model.n_links} links and {model.n_register} records, y has {len(y)} "
            f"and X {len(X)} rows: make both of the same rows."
        )
    refuse_missing(y=y, X=X, weights=weights)
    if weights is not None and (np.shape(weights) != y.shape or np.min(weights) < 0 or not np.any(weights)):
        raise InputError("weights: give one for each row, none below 0 and not all of them 0.")


def _covariance(
    problem: Problem,
    solved: Solved,
    groups: Blocks,
    variance: str,
    model: ErrorModel,
    y: Floats,
    times: int,
) -> Floats:
    residuals = problem.y - solved.state.shown
    state = solved.state
    if variance == "jackknife":
        found = jackknife(solved.instruments, state.slope, residuals, groups)
    elif variance == "block":
        middle = block_middle(rows_times(residuals, solved.instruments), groups)
        found = sandwich(solved.jacobian, middle)
    elif problem.method == "scheuren-winkler":
        if of_candidates(model):
            raise InputError(
                f"variance={variance!r}: with posterior probabilities Scheuren and Winkler's adjustment has "
                'its variance from the components: take "block" or "jackknife".'
            )
        # Of the outcomes as linked, which P = I + (I - Q) + ... then mixes.
        linked = replace(problem, y=y, model=model)
        mixed = adjustment(model, solved.instruments, times)
        as_shown = replace(solved, state=replace(state, shown=model.expected(state.mean)))
        middle = model_middle(linked, as_shown, mixed, centred=variance == "centred")
        found = sandwich(solved.jacobian, middle)
    else:
        middle = model_middle(problem, solved, solved.instruments, centred=variance == "centred")
        found = sandwich(solved.jacobian, middle)
    of_model, instruments, mean = problem.model, solved.instruments, state.mean
    if problem.method == "scheuren-winkler" and not of_candidates(model):
        of_model, instruments, mean = model, *adjustment_derivative(model, instruments, mean, times)
    by_block = variance in ("block", "jackknife")
    estimated = of_model.shared_uncertainty if by_block else of_model.uncertainty
    return found + sandwich(solved.jacobian, estimated(instruments, mean))


def _scale_of_linked(linked: Problem, solved: Solved) -> Solved:
    """sigma^2 from the outcomes as linked: the adjusted ones vary by the adjustment, too."""
    state = replace(solved.state, shown=linked.model.expected(solved.state.mean))
    scale, replaced = dispersion(linked, state)
    return replace(solved, scale=scale, replaced=replaced)


def _sensitivity(problem: Problem, solved: Solved) -> Floats | None:
    """-J^-1 G' (dQ/dq) mu, with all q moved alike."""
    by_chance = problem.model.gradient(solved.instruments, solved.state.mean)
    return -np.linalg.solve(solved.jacobian, by_chance.sum(axis=0)) if len(by_chance) else None


def _df(variance: str, groups: Blocks, family: Family, shape: tuple[int, ...]) -> float:
    """Of t: blocks less one where the blocks tell the variance, rows less columns of a linear model."""
    if variance in ("block", "jackknife"):
        return float(groups.n_blocks - 1)
    return float(shape[0] - shape[1]) if family.linear else float("inf")


def _warn(method: str, family: Family, solved: Solved, y: Floats) -> None:
    other = "" if method == "ratio" else 'try method="ratio", '
    advice = (
        "see whether a covariate separates the outcomes"
        if method == "naive"
        else "with this share of wrong links the equations may have no solution, nor have they one where a "
        f"covariate separates the outcomes: see whether q is right, {other}or use multiple imputation"
    )
    if y.min() == y.max():
        advice = f"all outcomes are {y[0]:g}, which no coefficients give"
    name = "Poisson" if family.name == "poisson" else family.name
    warnings.warn(
        f"The {name} regression (method {method!r}) did not converge in {solved.steps} steps, so that its "
        f"estimates are NaN; {advice}.",
        TallystickWarning,
        stacklevel=3,
    )
