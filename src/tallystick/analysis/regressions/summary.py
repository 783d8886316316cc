"""A regression of linked data printed as statsmodels prints its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tallystick.analysis.regressions.equations import NAMES
from tallystick.analysis.regressions.families import family_of
from tallystick.preparation.extras import require

if TYPE_CHECKING:
    from tallystick.analysis.regressions.result import RegressionResult

_VARIANCES = {
    "block": "By block",
    "centred": "Centred",
    "published": "Published",
    "jackknife": "Jackknife",
}


def summary_of(result: RegressionResult, alpha: float = 0.05) -> Any:
    """Head, coefficients with the naive ones beside them, and notes.

    Parameters
    ----------
    result : RegressionResult
        What is shown.
    alpha : float
        Intervals are of confidence 1 - alpha.

    Returns
    -------
    statsmodels.iolib.summary.Summary
    """
    found = head_and_coefficients(
        result,
        alpha,
        title="Regression of Linked Data",
        method=NAMES[result.method],
        variance=_VARIANCES[result.cov_type],
        right=_right(result),
    )
    found.add_extra_txt(_notes(result))
    return found


def head_and_coefficients(
    result: RegressionResult,
    alpha: float,
    *,
    title: str,
    method: str,
    variance: str,
    right: list[tuple[str, str]],
) -> Any:
    """A summary as far as the coefficients, the naive ones beside them.

    Parameters
    ----------
    result : RegressionResult
        What is shown.
    alpha : float
        Intervals are of confidence 1 - alpha.
    title, method, variance : str
        What they are called in the head.
    right : list of (str, str)
        The right side of the head: what is named, and its value.

    Returns
    -------
    statsmodels.iolib.summary.Summary
    """
    iolib = require("statsmodels.iolib.summary", "the regression", "analysis")
    table = require("statsmodels.iolib.table", "the regression", "analysis")
    formats = require("statsmodels.iolib.tableformatting", "the regression", "analysis")
    found = iolib.Summary()
    left = [
        ("Dep. Variable", result.design.outcome),
        ("Model", family_of(result.family).model),
        ("Method", method),
        ("Covariance Type", variance),
        ("Converged", "Yes" if result.converged else "NO"),
        ("No. Iterations", str(result.steps)),
    ]
    found.add_table_2cols(
        result.as_statsmodels,
        title=title,
        gleft=[(name + ":", [value]) for name, value in left],
        gright=[(name + ":", [value]) for name, value in right],
        yname=result.design.outcome,
        xname=list(result.design.names),
    )
    limits = result.conf_int(alpha)
    kind = "t" if result.use_t else "z"
    columns = [*headings(kind, alpha), "naive"]
    sensitivity = result.sensitivity
    if sensitivity is not None:
        columns.append("q + 0.01")
    rows = [
        [
            iolib.forg(value, 4),
            iolib.forg(result.bse[name], 3),
            f"{result.tvalues[name]:.3f}",
            f"{result.pvalues[name]:.3f}",
            iolib.forg(limits.loc[name, 0], 3),
            iolib.forg(limits.loc[name, 1], 3),
            iolib.forg(result.naive[name], 4),
            *([] if sensitivity is None else [f"{sensitivity[name] / 100:+.4f}"]),
        ]
        for name, value in result.params.items()
    ]
    found.tables.append(
        table.SimpleTable(rows, columns, list(result.design.names), txt_fmt=formats.fmt_params)
    )
    return found


def headings(kind: str, alpha: float) -> list[str]:
    """Of a table of estimates with tests of "t" or "z"."""
    return ["coef", "std err", kind, f"P>|{kind}|", f"[{alpha / 2:g}", f"{1 - alpha / 2:g}]"]


def _right(result: RegressionResult) -> list[tuple[str, str]]:
    right = [
        ("No. Links", f"{result.nobs}"),
        ("Df Residuals", f"{result.df_resid:.0f}"),
        ("No. Blocks", f"{result.n_blocks}"),
    ]
    if result.error_model.n_register != result.nobs:
        right.append(("No. Register", f"{result.error_model.n_register}"))
    if result.family == "linear":
        right.append(("Scale", f"{result.scale:.5g}"))
    informative = getattr(result.error_model, "a", None)
    if isinstance(informative, np.ndarray) and informative.size:
        right.append(("Range of a", f"{informative.min():.3f} to {informative.max():.3f}"))
    return right


def _notes(result: RegressionResult) -> list[str]:
    notes = []
    if not result.converged:
        notes.append("The iterations did NOT converge: there is no estimate.")
    if result.scale_replaced:
        notes.append(
            "The residuals are smaller than the linkage alone would make them: Scale is half their mean "
            "square."
        )
    if result.method == "naive":
        notes.append("Links are taken as right: linkage errors are not allowed for.")
    if result.method == "scheuren-winkler":
        notes.append("Scheuren and Winkler's adjustment leaves a bias; it is kept for comparison.")
    precision = result.error_model.precision
    if precision is not None and result.method != "naive":
        notes.append(
            "q is taken as known: standard errors are without its uncertainty."
            if precision.known
            else f"q is estimated, standard errors {precision.standard_errors.min():.3g} to "
            f"{precision.standard_errors.max():.3g}, which is in those above."
        )
    notes.append("naive: the estimate that takes all links as right.")
    if result.sensitivity is not None:
        notes.append("q + 0.01: how far a coefficient moves if q is higher by that in all blocks.")
    return notes
