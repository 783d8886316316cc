"""Mixture regression by formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.analysis.design import Design, read_design
from tallystick.analysis.error_models.exchangeable import Exchangeable, exchangeable
from tallystick.analysis.frames import read_frame
from tallystick.analysis.mixture.fit import fit_mixture_regression
from tallystick.analysis.mixture.result import MixtureResult
from tallystick.analysis.regressions.fit import Estimate
from tallystick.errors import InputError


def mixture_regression(
    formula: str,
    data: Any,
    *,
    family: str = "linear",
    matches: str | None = None,
    safe: Any = None,
    mismatch_rate: float | None = None,
    at_most: float | None = None,
    prior: tuple[float, float] | None = None,
    variance: str = "sandwich",
    index: str | None = None,
    starts: int = 5,
    seed: int = 0,
) -> MixtureResult:
    """Regression of linked data as a mixture of right and wrong links, for where no audit tells their share.

    A right link shows f(y | x), a wrong one the outcome of somebody else, f_Y. Which links are wrong, and
    how many, follows from the outcomes alone (Slawski, Diao and Ben-David 2021), which takes covariates
    that tell much of the outcome and a family that holds. Where links were audited, `regression` relies on
    less.

    Parameters
    ----------
    formula : str
        Such as ``"income ~ age + C(region)"``.
    data : table
        The linked file, a row per link: polars or pandas DataFrame, Arrow, or a dict of columns.
    family : {"linear", "logistic", "poisson"}
        Of the outcome given the covariates. "logistic" needs safe links, a prior or the mismatch rate.
    matches : str, optional
        What the chance that a link is right depends on: the right side of a formula, such as ``"weight +
        pass"``, with logit link. By default it is one for all.
    safe : str or bool array, shape (n,), optional
        Links that are known to be right: a column of `data`, or a value per row in its order.
    mismatch_rate : float, optional
        Share of wrong links among those that are not safe, where it is known.
    at_most : float, optional
        Its largest value.
    prior : tuple of two floats, optional
        Its mean and standard error beforehand: the prior is a beta distribution with these.
    variance : {"sandwich", "information"}
        Standard errors by the observed information, with the scores of the rows between, or without.
    index : str, optional
        Column that names the rows; else the index of a pandas frame does.
    starts : int, default 5
        Fits are begun from so many points, since the likelihood may have several tops.
    seed : int, default 0
        Of the random ones.

    Returns
    -------
    MixtureResult
        With NaN in place of estimates, and a warning, where it did not converge or is not identified.

    Raises
    ------
    InputError
        Where formula and data do not fit together or the model is known not to be identified.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=2000)
    >>> y = 1 + 2 * x + rng.normal(size=2000)
    >>> y[:400] = np.roll(y[:400], 1)                           # a fifth of the links wrong
    >>> result = mixture_regression("y ~ x", {"x": x, "y": y})
    >>> result.naive.round(2).to_dict(), result.params.round(2).to_dict()
    ({'Intercept': 0.99, 'x': 1.61}, {'Intercept': 1.01, 'x': 1.96})
    >>> round(result.mismatch_rate, 2), round(result.mismatch_rate_error, 3)
    (0.19, 0.017)
    """
    rows = _rows(data, index)
    design = read_design(formula, data, rows, index=index)
    of_matches = _match_design(formula, matches, data, rows, index)
    known = None if safe is None else _safe(safe, data, rows.n_links)
    found = fit_mixture_regression(
        design.y,
        design.X,
        family=family,
        z=None if of_matches is None else of_matches.X,
        safe=known,
        mismatch_rate=mismatch_rate,
        at_most=at_most,
        prior=prior,
        variance=variance,
        starts=starts,
        seed=seed,
        names=design.names,
        match_names=None if of_matches is None else of_matches.names,
    )
    right = np.where(np.isfinite(found.right), found.right, 0.0)
    estimate = Estimate(
        coefficients=found.coefficients,
        covariance=found.covariance,
        method="mixture",
        family=family,
        variance=variance,
        df=float("inf"),
        scale=found.scale,
        scale_replaced=False,
        converged=found.converged and found.identified,
        steps=found.steps,
        n_links=rows.n_links,
        n_blocks=1,
        fitted=found.fitted,
        shown=right * found.fitted + (1 - right) * design.y.mean(),
        naive=found.naive,
        sensitivity=None,
    )
    return MixtureResult(
        estimate,
        design,
        rows,
        mixture=found,
        match_names=("Intercept",) if of_matches is None else of_matches.names,
        n_safe=0 if known is None else int(known.sum()),
    )


def _rows(data: Any, index: str | None) -> Exchangeable:
    """The rows with their names and no error model: designs are read in the order of one."""
    frame = read_frame(data, [], "data", index=index)
    n = len(read_frame(data, list(_columns(data))[:1], "data"))
    if not n:
        raise InputError("data: there are no rows.")
    return exchangeable(np.zeros(n, np.int64), 1.0, index=frame.names)


def _columns(data: Any) -> Any:
    return (
        data
        if isinstance(data, dict)
        else getattr(data, "columns", None) or getattr(data, "column_names", [])
    )


def _match_design(
    formula: str, matches: str | None, data: Any, rows: Exchangeable, index: str | None
) -> Design | None:
    if matches is None:
        return None
    return read_design(
        f"{formula.partition('~')[0]} ~ {matches.strip().removeprefix('~')}", data, rows, index=index
    )


def _safe(safe: Any, data: Any, n: int) -> np.ndarray:
    if isinstance(safe, str):
        frame = read_frame(data, [safe], "data")
        frame.refuse_missing()
        safe = frame.table[safe]
    values = np.asarray(safe)
    if values.shape != (n,):
        raise InputError(f"safe: there are {values.size:,} values and {n:,} rows of data: give one for each.")
    if not np.isin(values, (0, 1)).all():
        raise InputError("safe: its values are neither true nor false (nor 0 or 1).")
    return values.astype(bool)
