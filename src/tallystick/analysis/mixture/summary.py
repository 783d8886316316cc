"""A mixture regression printed as statsmodels prints its results."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from scipy.stats import norm

from tallystick.analysis.regressions.summary import head_and_coefficients, headings
from tallystick.preparation.extras import require

if TYPE_CHECKING:
    from tallystick.analysis.mixture.result import MixtureResult

LIMITS = (
    "It rests on the family: large errors of right links are read as wrong links. Wrong links are taken to "
    "show the outcome of anybody in the file, independent of their own given the covariates of links."
)


def summary_of(result: MixtureResult, alpha: float) -> Any:
    """Head, coefficients with the naive ones beside them, the chance of right links, and notes."""
    found = head_and_coefficients(
        result,
        alpha,
        title="Mixture Regression of Linked Data",
        method="Mixture of links",
        variance=result.cov_type.capitalize(),
        right=_right(result),
    )
    if len(result.match_names) > 1:
        found.tables.append(_match_table(result, alpha))
    notes = [] if result.converged else ["It did NOT converge or is not identified: there is no estimate."]
    notes += [*result.concerns(), LIMITS, "naive: the estimate that takes all links as right."]
    found.add_extra_txt([fill(note, 90) for note in notes])
    return found


def _match_table(result: MixtureResult, alpha: float) -> Any:
    iolib = require("statsmodels.iolib.summary", "the mixture regression", "analysis")
    table = require("statsmodels.iolib.table", "the mixture regression", "analysis")
    formats = require("statsmodels.iolib.tableformatting", "the mixture regression", "analysis")
    values, errors = result.match_params, result.match_bse
    half = norm.isf(alpha / 2) * errors
    rows = [
        [
            iolib.forg(value, 4),
            iolib.forg(error, 3),
            f"{ratio:.3f}",
            f"{2 * norm.sf(abs(ratio)):.3f}",
            iolib.forg(value - width, 3),
            iolib.forg(value + width, 3),
        ]
        for value, error, ratio, width in zip(values, errors, values / errors, half, strict=True)
    ]
    names = [f"right link: {name}" for name in result.match_names]
    return table.SimpleTable(rows, headings("z", alpha), names, txt_fmt=formats.fmt_params)


def _right(result: MixtureResult) -> list[tuple[str, str]]:
    low, high = result.mismatch_rate_limits()
    limits = "" if low != low else f" ({low:.3f} to {high:.3f})"
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
    return right
