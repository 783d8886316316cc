"""A mixture regression printed as statsmodels prints its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scipy.stats import norm

from tallystick.analysis.regressions.families import family_of
from tallystick.preparation.extras import require

if TYPE_CHECKING:
    from tallystick.analysis.mixture.result import MixtureResult

LIMITS = (
    "It rests on the family: large errors of right links are read as wrong links. Wrong links are taken to "
    "show the outcome of anybody in the file, independent of their own given the covariates of links."
)


def summary_of(result: MixtureResult, alpha: float) -> Any:
    """Head, coefficients with the naive ones beside them, the chance of right links, and notes."""
    iolib = require("statsmodels.iolib.summary", "the mixture regression", "analysis")
    table = require("statsmodels.iolib.table", "the mixture regression", "analysis")
    formats = require("statsmodels.iolib.tableformatting", "the mixture regression", "analysis")
    found = iolib.Summary()
    left, right = _head(result)
    found.add_table_2cols(
        result.as_statsmodels,
        title="Mixture Regression of Linked Data",
        gleft=[(name + ":", [value]) for name, value in left],
        gright=[(name + ":", [value]) for name, value in right],
        yname=result.design.outcome,
        xname=list(result.design.names),
    )
    heads = ["coef", "std err", "z", "P>|z|", f"[{alpha / 2:g}", f"{1 - alpha / 2:g}]"]
    naive = [iolib.forg(value, 4) for value in result.naive]
    rows = _rows(iolib.forg, result.params, result.bse, alpha)
    rows = [[*row, value] for row, value in zip(rows, naive, strict=True)]
    found.tables.append(
        table.SimpleTable(rows, [*heads, "naive"], list(result.design.names), txt_fmt=formats.fmt_params)
    )
    if len(result.match_names) > 1:
        rows = _rows(iolib.forg, result.match_params, result.match_bse, alpha)
        names = [f"right link: {name}" for name in result.match_names]
        found.tables.append(table.SimpleTable(rows, heads, names, txt_fmt=formats.fmt_params))
    notes = [] if result.converged else ["It did NOT converge or is not identified: there is no estimate."]
    found.add_extra_txt(
        [*notes, *result.concerns(), LIMITS, "naive: the estimate that takes all links as right."]
    )
    return found


def _rows(forg: Any, values: Any, errors: Any, alpha: float) -> list[list[str]]:
    half = norm.isf(alpha / 2) * errors
    z = values / errors
    return [
        [
            forg(value, 4),
            forg(error, 3),
            f"{ratio:.3f}",
            f"{2 * norm.sf(abs(ratio)):.3f}",
            forg(value - width, 3),
            forg(value + width, 3),
        ]
        for value, error, ratio, width in zip(values, errors, z, half, strict=True)
    ]


def _head(result: MixtureResult) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    low, high = result.mismatch_rate_limits()
    limits = "" if low != low else f" ({low:.3f} to {high:.3f})"
    left = [
        ("Dep. Variable", result.design.outcome),
        ("Model", family_of(result.family).model),
        ("Method", "Mixture of links"),
        ("Covariance Type", result.cov_type.capitalize()),
        ("Converged", "Yes" if result.converged else "NO"),
        ("No. Iterations", str(result.steps)),
    ]
    right = [
        ("No. Links", f"{result.nobs}"),
        ("No. Safe", f"{result.n_safe}"),
        ("Wrong", f"{result.mismatch_rate:.3f}{limits}"),
        ("Log-Likelihood", f"{result.llf:.5g}"),
    ]
    if result.family == "linear":
        right.append(("Scale", f"{result.scale:.5g}"))
    if result.check.z == result.check.z:
        right.append(("Check z", f"{result.check.z:.2f}"))
    return left, right
