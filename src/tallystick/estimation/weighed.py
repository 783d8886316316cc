"""From m and u to weights that are more than log m / u of a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.missing import Categories
from tallystick.estimation.interpolation import interpolated
from tallystick.estimation.parameters import ComparisonParameters
from tallystick.estimation.ratio import log_ratio
from tallystick.estimation.value_term import value_term


def weighed(
    own: ComparisonParameters,
    comparison: Comparison,
    seen: Sequence[float | None] | None = None,
    rate: float = 0.0,
    related_rate: float = 0.0,
) -> ComparisonParameters:
    """Parameters of a comparison that know what the comparison's settings make of m and u.

    A missing value of k categories agrees to the share 1 / k, so that its likelihood ratio is
    (1 / k) m / u + (1 - 1 / k) (1 - m) / (1 - u), m and u those of full agreement, or of agreement where the
    comparison interpolates (Shlomo 2019, chapter 4 of Data-Driven Policy Impact Evaluation); it is 1 only
    where u = 1 / k.

    Parameters
    ----------
    own : ComparisonParameters
        Its m and u.
    comparison : Comparison
        As in the specification.
    seen : sequence of float or None, optional
        Mean similarity of pairs of each level, where enough were seen (see `level_similarities`).
    rate : float
        Share of matches among all pairs.
    related_rate : float
        Share of related pairs among all pairs.

    Returns
    -------
    ComparisonParameters

    Examples
    --------
    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.equality import exact
    >>> month = comparison("month", exact(), missing={"categories": 12})
    >>> known = ComparisonParameters("month", month.labels, (0.05, 0.95), (11 / 12, 1 / 12), "given", "given")
    >>> abs(weighed(known, month).missing_weight) < 1e-12
    True
    """
    own = replace(
        own,
        missing_level=comparison.missing_level,
        interpolation=interpolated(comparison, own.m, own.u, seen),
        values=value_term(comparison, own.m, own.u, rate, own.r, related_rate),
    )
    if not isinstance(comparison.missing, Categories):
        return own
    m, u = (sum(levels[-comparison.n_top :]) for levels in (own.m, own.u))
    if own.interpolation is not None:
        m, u = own.interpolation.m, own.interpolation.u
    return replace(own, missing_weight=float(log_ratio(comparison.missing.share, m, u)))
