"""Whether the pairs bear out a number of matches that is stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.estimation.cells import levels_of
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Selection
from tallystick.estimation.identified import precision_of
from tallystick.estimation.observed import too_many_cells
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

APART = float(np.log(1.5))
"""How far the logs of two numbers of matches may lie apart besides the error of the one that is estimated."""
ERRORS = 3.0
"""How many standard errors of it are allowed for."""


def contradiction_warnings(
    table: Table, selection: Selection, given: Given, fit: Fit, settings: Estimation, free_u: bool
) -> list[str]:
    """A sentence where EM, let free from the end that it came to, goes to another number of matches.

    Parameters
    ----------
    table, selection, given, settings
        As of `fit_em`.
    fit : Fit
        With the number of matches that was stated; without one nothing is looked at.
    free_u : bool
        As of `precision_of`: pairs that tell too little of the number contradict none.

    Returns
    -------
    list of str
    """
    if given.matches is None or too_many_cells(table):
        return []
    start = tuple(
        None if factor.parts[0].comparison is None else levels_of(factor, m)
        for factor, m in zip(table.factors, fit.m, strict=True)
    )
    released = replace(given, matches=None, start=start)
    free = fit_em(table, selection, released, fit.matches, settings, related=fit.related is not None)
    precision = precision_of(table, selection, released, free, settings, free_u)
    stated, found = float(fit.matches.sum()), float(free.matches.sum())
    if precision.singular or abs(np.log(found / stated)) <= APART + ERRORS * precision.error:
        return []
    return [
        f"The pairs look like {found:,.0f} matches where {stated:,.0f} are stated: check the number, and "
        "whether m is that of matches."
    ]
