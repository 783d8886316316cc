"""What a missing value weighs, where it does not drop out."""

from __future__ import annotations

from dataclasses import replace

from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.missing import Categories
from tallystick.estimation.parameters import ComparisonParameters
from tallystick.estimation.ratio import log_ratio


def with_missing(own: ComparisonParameters, comparison: Comparison) -> ComparisonParameters:
    """Parameters of a comparison that know what a missing value weighs.

    With k categories it agrees to the share 1 / k, so that its likelihood ratio is
    (1 / k) m / u + (1 - 1 / k) (1 - m) / (1 - u), m and u those of full agreement (Shlomo 2019, chapter 4 of
    Data-Driven Policy Impact Evaluation); it is 1 only where u = 1 / k.

    Parameters
    ----------
    own : ComparisonParameters
        Its m and u.
    comparison : Comparison
        As in the specification.

    Returns
    -------
    ComparisonParameters

    Examples
    --------
    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.equality import exact
    >>> month = comparison("month", exact(), missing={"categories": 12})
    >>> known = ComparisonParameters("month", month.labels, (0.05, 0.95), (11 / 12, 1 / 12), "given", "given")
    >>> abs(with_missing(known, month).missing_weight) < 1e-12
    True
    """
    if comparison.missing == "level":
        return replace(own, missing_level=comparison.missing_level)
    if not isinstance(comparison.missing, Categories):
        return own
    m, u = (sum(levels[-comparison.n_top :]) for levels in (own.m, own.u))
    return replace(own, missing_weight=float(log_ratio(comparison.missing.share, m, u)))
