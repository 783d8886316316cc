"""Linear regression with covariates from both files: moments in which each cross product is corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tallystick.analysis.design import read_design
from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.weighted import Weighted
from tallystick.analysis.formulas import names_in
from tallystick.analysis.regressions.columns import basis
from tallystick.analysis.regressions.fit import Estimate, refuse_missing
from tallystick.analysis.regressions.result import RegressionResult
from tallystick.analysis.regressions.variances import block_middle, groups_of
from tallystick.errors import InputError, RunError


def fit_both_files(
    y: Floats,
    own: Floats,
    linked: Floats,
    model: ErrorModel,
    *,
    outcome_model: ErrorModel | None = None,
    names: Sequence[str] | None = None,
) -> Estimate:
    """Linear regression of an outcome on covariates of its own file and linked ones.

    With X of the outcome's own file, Z* = C Z linked, and W = Q^-1 Z*, whose mean is Z, the moments

        X'X   X'W        X'y
        W'X   Z*'Z*      W'y

    are unbiased, Z*'Z* because it does not depend on the order of rows. With a third file, whose outcomes are
    linked to the file of X as well, y is Q_y^-1 y*; its linkage has to err independently of that of Z (after
    Kim and Chambers 2012). Weighting by block as the other methods do is of no use here.

    Parameters
    ----------
    y : float64 array, shape (n,)
        Outcomes, of the same file as `own`, or linked where `outcome_model` says how.
    own : float64 array, shape (n, k)
        Covariates of the file that links are about, the constant included.
    linked : float64 array, shape (n, l)
        Covariates as linked.
    model : ErrorModel
        Of the links of `linked`; complete linkage.
    outcome_model : ErrorModel, optional
        Of the links of y, where outcomes are of a third file.
    names : sequence of str, optional
        Of the columns, own ones first.

    Returns
    -------
    Estimate
        Of k + l coefficients; standard errors are from the scores of the blocks, with t intervals.

    Raises
    ------
    InputError
        Where shapes do not fit, there is but one block, or Q has no inverse.
    RunError
        Where the corrected moments are no moments of anything: links say too little.

    Examples
    --------
    >>> from tallystick.analysis import exchangeable
    >>> random = np.random.default_rng(5)
    >>> z = random.normal(size=4000)
    >>> own = np.column_stack([np.ones(4000), z + random.normal(size=4000)])
    >>> y = own @ [1.0, 1.0] + 2 * z
    >>> wrong = z.reshape(-1, 10)
    >>> wrong[:, :2] = wrong[:, 1::-1].copy()              # of ten records two are mistaken for each other
    >>> model = exchangeable(np.arange(4000) // 10, 0.8)
    >>> fit_both_files(y, own, wrong.reshape(-1, 1), model).coefficients.round(1)
    array([1., 1., 2.])
    """
    y, own, linked = (np.asarray(values, np.float64) for values in (y, own, linked))
    n, k, p = len(y), own.shape[1], own.shape[1] + linked.shape[1]
    names = [f"x{j}" for j in range(p)] if names is None else list(names)
    _check(y, own, linked, model, outcome_model)
    to_basis = np.zeros((p, p))
    basis(np.column_stack([own, linked]), names, "The design")
    to_basis[:k, :k] = basis(own, names[:k], "The design")
    to_basis[k:, k:] = basis(linked, names[k:], "The design")
    own, linked = own @ to_basis[:k, :k], linked @ to_basis[k:, k:]
    groups = _joined(model, outcome_model)
    expected = model.inverse(linked)
    outcome = y if outcome_model is None else outcome_model.inverse(y)
    cross = own.T @ expected
    moments = np.block([[own.T @ own, cross], [cross.T, linked.T @ linked]])
    right = np.concatenate([own.T @ outcome, expected.T @ outcome])
    try:
        factor = cho_factor(moments)
    except np.linalg.LinAlgError:
        raise RunError(
            "Moments of both files: once corrected for linkage errors they are not positive definite, so "
            "that there is no estimate: too many links are wrong for so few rows, or the q is too low; "
            "join blocks, or use joint multiple imputation."
        ) from None
    beta = cho_solve(factor, right)
    by_own, by_linked = own @ beta[:k], linked @ beta[k:]
    shown = by_own + expected @ beta[k:]
    scores = np.column_stack(
        [
            rows_times(outcome - shown, own),
            rows_times(outcome - by_own, expected) - rows_times(by_linked, linked),
        ]
    )
    middle = block_middle(scores, groups)
    derivative = _derivative(model, own, expected, outcome - by_own, beta[k:])
    precision = model.shared_precision
    if precision is not None and not precision.known:
        middle = middle + precision.quadratic(derivative)
    if outcome_model is not None:
        middle = middle + outcome_model.shared_uncertainty(
            outcome_model.inverse(np.column_stack([own, expected])), outcome
        )
    half = cho_solve(factor, middle)
    covariance = cho_solve(factor, half.T)
    both = np.column_stack([own, linked])
    naive = np.linalg.lstsq(both, y, rcond=None)[0]
    scale = float(y @ y - beta @ right) / (n - p) if n > p else float("nan")
    replaced = scale <= 0
    if replaced:
        scale = float(((y - both @ naive) ** 2).sum()) / (n - p) / 2
    return Estimate(
        to_basis @ beta,
        to_basis @ covariance @ to_basis.T,
        "moments",
        "linear",
        "block",
        float(groups.n_blocks - 1),
        scale,
        replaced,
        True,
        1,
        n,
        groups.n_blocks,
        by_own + by_linked,
        shown,
        to_basis @ naive,
        to_basis @ cho_solve(factor, derivative.sum(axis=0)) if len(derivative) else None,
    )


def regression_of_both_files(
    formula: str,
    data: Any,
    model: ErrorModel,
    *,
    linked: Sequence[str],
    outcome_model: ErrorModel | None = None,
    index: str | None = None,
    family: str = "linear",
) -> RegressionResult:
    """Regression with covariates from both files, corrected for linkage errors.

    Parameters
    ----------
    formula : str
        Such as ``"income ~ age + education"``. A term is of columns of one file: their products have no
        correction.
    data : table
        The linked file, a row per link.
    model : ErrorModel
        Of the links.
    linked : sequence of str
        Columns of `data` that came by the linkage; all others, the outcome among them, are of the file that
        the links are about.
    outcome_model : ErrorModel, optional
        Where the outcome came from a third file: of those links, independent of the others.
    index : str, optional
        Column that names the rows of `data`; else the index of a pandas frame does.
    family : {"linear"}
        Other families have no such estimator: use joint multiple imputation.

    Returns
    -------
    RegressionResult

    Raises
    ------
    InputError
        Where a term mixes columns of both files, none or all are linked, or data do not fit the error model.
    RunError
        Where the corrected moments are not positive definite.

    Examples
    --------
    >>> from tallystick.analysis import exchangeable
    >>> random = np.random.default_rng(5)
    >>> z = random.normal(size=400)
    >>> data = {"x": z + random.normal(size=400), "z": z}
    >>> data["y"] = 1 + data["x"] + 2 * z
    >>> model = exchangeable(np.arange(400) // 10, 1.0)
    >>> found = regression_of_both_files("y ~ x + z", data, model, linked=["z"])
    >>> found.params.round(3).to_dict()
    {'Intercept': 1.0, 'x': 1.0, 'z': 2.0}
    """
    if family != "linear":
        raise InputError(
            "family: covariates of both files have an estimator of moments for the linear family alone, "
            f"not for {family!r}: use joint multiple imputation over the links, or a regression on "
            "covariates of one file."
        )
    design = read_design(formula, data, model, index=index)
    of_linked = _linked_columns(design.spec, linked, formula)
    order = np.concatenate([np.flatnonzero(~of_linked), np.flatnonzero(of_linked)])
    names = [design.names[j] for j in order]
    found = fit_both_files(
        design.y,
        design.X[:, ~of_linked],
        design.X[:, of_linked],
        model,
        outcome_model=outcome_model,
        names=names,
    )
    back = np.argsort(order)
    return RegressionResult(_reordered(found, back), design, model)


def _reordered(found: Estimate, order: Any) -> Estimate:
    return replace(
        found,
        coefficients=found.coefficients[order],
        covariance=found.covariance[np.ix_(order, order)],
        naive=found.naive[order],
        sensitivity=None if found.sensitivity is None else found.sensitivity[order],
    )


def _linked_columns(spec: Any, linked: Sequence[str], formula: str) -> Any:
    """Which columns of the design came by the linkage, shape (p,)."""
    if isinstance(linked, str):
        raise InputError(f'linked: give a list of columns, such as ["{linked}"].')
    came, terms = set(linked), list(spec.formula)
    unknown = sorted(came - names_in(terms))
    if unknown:
        raise InputError(f"linked: {unknown[0]!r} is no covariate of the formula {formula!r}.")
    found = np.zeros(len(spec.column_names), bool)
    for term in terms:
        of = names_in([term])
        if of & came and of - came:
            raise InputError(
                f"formula {formula!r}: the term {str(term)!r} is of columns of both files, and their "
                "product has no correction: leave it out, or use joint multiple imputation."
            )
        if of & came:
            found[list(spec.term_indices[term])] = True
    if not found.any():
        raise InputError("linked: no covariate of the formula is linked, so that nothing is to correct.")
    if found.all():
        raise InputError(
            "linked: all columns of the design are, and there is no constant: use `regression`, with the "
            "outcome as what is linked."
        )
    return found


def _check(
    y: Floats, own: Floats, linked: Floats, model: ErrorModel, outcome_model: ErrorModel | None
) -> None:
    refuse_missing(y=y, own=own, linked=linked)
    for of in (model, outcome_model):
        if of is not None and not (of.n_links == of.n_register == len(y) == len(own) == len(linked)):
            raise InputError(
                f"Moments of both files need complete linkage: {of.n_links} links, {of.n_register} records, "
                f"{len(y)} outcomes, {len(own)} and {len(linked)} rows of covariates are not all the same "
                "number."
            )
        if isinstance(of, Weighted):
            raise InputError(
                f"Moments of both files need complete linkage: with weighted links, {of.n_links} of "
                f"{of.sizes.sum():.6g} records, squares of what was linked are not those of the records "
                "themselves: use joint multiple imputation."
            )
    if outcome_model is not None and (model.index is None) != (outcome_model.index is None):
        raise InputError("outcome_model: give both error models an index, or neither.")
    if (
        outcome_model is not None
        and model.index is not None
        and outcome_model.index is not None
        and not np.array_equal(model.index, outcome_model.index)
    ):
        raise InputError("outcome_model: its rows are not those of the other error model, in that order.")


def _joined(model: ErrorModel, outcome_model: ErrorModel | None) -> Blocks:
    """Groups that are independent of each other; with two error models, what is joined by either of them."""
    groups = groups_of(model)
    if outcome_model is not None:
        other = groups_of(outcome_model)
        n = groups.n_blocks + other.n_blocks
        edges = coo_array((np.ones(len(groups.codes)), (groups.codes, groups.n_blocks + other.codes)), (n, n))
        groups = blocks_of(connected_components(edges, directed=False)[1][groups.codes])
    if groups.n_blocks < 2:
        raise InputError(
            "Moments of both files take their standard errors from the blocks, and there is one: two at "
            "least are needed (ten for intervals to be relied on). Make the error model by blocks that wrong "
            'links stay within; in the specification of an analysis: [errors] block = "COLUMN".'
        )
    return groups


def _derivative(model: ErrorModel, own: Floats, expected: Floats, left: Floats, beta: Floats) -> Floats:
    """Derivatives of the scores by each q, shape (number of q, k + l): d Q^-1 is -Q^-1 dQ Q^-1."""
    of_own = model.gradient(model.inverse(own), expected @ beta)
    weights = model.inverse(left)[:, None]
    of_linked = [-model.gradient(weights, expected[:, j]) for j in range(expected.shape[1])]
    return np.column_stack([of_own, *of_linked])
