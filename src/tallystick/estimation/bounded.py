"""EM where it expects more matches than there can be.

EM takes pairs for independent, so nothing keeps it from more matches than there are records where each has
one match at most. Its number is then no estimate: other pairs pass for matches, or the share of the
matches that the passes select is far too low. The likelihood rises up to the limit, so that its maximum under
the constraint stands there: EM is run once more with the number of matches held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Selection
from tallystick.estimation.matches import MatchLimit
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

SLACK = 0.01
"""Share of the limit beyond it that is no more than EM may be out where all of a file have a match."""


def beyond(fit: Fit, limits: Sequence[MatchLimit]) -> list[int]:
    """Numbers of the pairs of sources of which EM expects more matches than records that have one at most.

    Parameters
    ----------
    fit : Fit
        What EM found.
    limits : sequence of MatchLimit
        Of each pair of sources.

    Returns
    -------
    list of int
    """
    return [k for k, limit in enumerate(limits) if limit.once and fit.matches[k] > (1 + SLACK) * limit.most]


def bounded(
    table: Table,
    selection: Selection,
    given: Given,
    settings: Estimation,
    fit: Fit,
    limits: Sequence[MatchLimit],
) -> Fit:
    """EM with no more matches than there can be.

    Parameters
    ----------
    table, selection, given, settings
        As of `fit_em`.
    fit : Fit
        What EM found without a limit.
    limits : sequence of MatchLimit
        Of each pair of sources.

    Returns
    -------
    Fit
        The same where it keeps the limits, or the number of matches is stated.
    """
    over = beyond(fit, limits)
    if not over or given.matches is not None:
        return fit
    matches = fit.matches.copy()
    matches[over] = np.array([limits[k].most for k in over])
    held = replace(given, matches=matches)
    return fit_em(table, selection, held, matches, settings, related=fit.related is not None)


def bound_warnings(fit: Fit, limits: Sequence[MatchLimit]) -> list[str]:
    """What to say where EM, left to itself, expects more matches than there can be."""
    return [
        f"EM expects {fit.matches[k]:,.0f} matches {limits[k].where}, more than {limits[k].said} "
        f"({limits[k].most:,.0f}): other pairs pass for matches, or EM cannot tell how many the passes miss; "
        "add comparisons that tell records apart or a pass on other fields, or state expected_matches."
        for k in beyond(fit, limits)
    ]
