"""Regression of linked data by formula."""

from __future__ import annotations

from typing import Any

from tallystick.analysis.design import read_design
from tallystick.analysis.error_models.error_model import ErrorModel
from tallystick.analysis.regressions.fit import fit
from tallystick.analysis.regressions.result import RegressionResult


def regression(
    formula: str,
    data: Any,
    model: ErrorModel,
    *,
    method: str = "ratio",
    family: str = "linear",
    variance: str | None = None,
    weights: Any = None,
    index: str | None = None,
    register: Any = None,
    register_index: str | None = None,
    times: int = 1,
) -> RegressionResult:
    """Regression of an outcome that was linked to its covariates, corrected for linkage errors.

    Parameters
    ----------
    formula : str
        Such as ``"income ~ age + C(region)"``. The outcome came by the linkage; the covariates are of the
        file that the links are about. Covariates of both files: `regression_of_both_files`.
    data : table
        The linked file, a row per link: polars or pandas DataFrame, Arrow, or a dict of columns.
    model : ErrorModel
        Of the links, such as `exchangeable` makes it.
    method : {"ratio", "lahiri-larsen", "eblue", "inverse", "scheuren-winkler", "naive"}
        How linkage errors are allowed for:

        - "ratio": X'(y* - Q mu) = 0 (estimator A of Chambers 2009). Its weights do not involve q, so that it
          bears an estimated q best.
        - "lahiri-larsen": (Q X)'(y* - Q mu) = 0 (Lahiri and Larsen 2005), of smaller variance.
        - "eblue": weighted by what each row varies by (estimator C of Chambers 2009), of the smallest
          variance.
        - "inverse": X'(Q^-1 y* - mu) = 0; the more wrong links, the larger its variance.
        - "scheuren-winkler": outcomes less their estimated bias (Scheuren and Winkler 1993). Not unbiased.
        - "naive": links taken as right.
    family : {"linear", "logistic", "poisson"}
        Of the outcome, with identity, logit and log link.
    variance : {"block", "centred", "published", "jackknife"}, optional
        How standard errors are found: from the scores of the blocks, with t intervals ("block", default
        with 10 blocks or more; "jackknife" leaves out block by block); from the error model with
        ("centred", default otherwise) or without ("published", Chambers 2009) covariances between rows. The
        uncertainty of an estimated q is in all of them.
    weights : str or array of shape (n_links,), optional
        Weights of the rows (survey, calibration, inverse probability of being linked): they multiply the
        estimating equations.
    index : str, optional
        Column that names the rows of `data`; else the index of a pandas frame does.
    register : table, optional
        The register of an incomplete linkage, with the covariates of all its records.
    register_index : str, optional
        Column that names the records of `register`.
    times : int, default 1
        How often "scheuren-winkler" takes off the bias that is left.

    Returns
    -------
    RegressionResult
        With NaN in place of estimates, and a warning, where the iterations did not converge.

    Raises
    ------
    InputError
        Where data, formula and error model do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from tallystick.analysis import exchangeable, regression
    >>> random = np.random.default_rng(1)
    >>> block, x = np.repeat(np.arange(20), 50), random.normal(size=1000)
    >>> y = 1 + 2 * x + random.normal(size=1000)
    >>> wrong = random.random(1000) < 0.2                      # a fifth of the links go wrong
    >>> for b in range(20):
    ...     rows = np.flatnonzero(wrong & (block == b))
    ...     y[rows] = y[np.roll(rows, 1)]
    >>> result = regression("y ~ x", {"x": x, "y": y}, exchangeable(block, 0.8))
    >>> result.naive.round(2).to_dict(), result.params.round(2).to_dict()
    ({'Intercept': 1.0, 'x': 1.51}, {'Intercept': 1.02, 'x': 1.89})
    """
    design = read_design(
        formula,
        data,
        model,
        index=index,
        register=register,
        register_index=register_index,
        weights=weights,
    )
    found = fit(
        design.y,
        design.X,
        model,
        method=method,
        family=family,
        variance=variance,
        weights=design.weights,
        names=design.names,
        times=times,
    )
    return RegressionResult(found, design, model)
