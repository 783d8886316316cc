"""Whether there are pairs of relatives among the non-matches, and what they have in common.

A third class always fits a table of patterns better than two. It is taken for related non-matches only
where it looks like them: its pairs never share the value of some comparison (two members of a household
are born on different days) and mostly share those of two others (they have one surname and live at one
address), and there are at least as many of them as matches, since most persons have relatives. A class of
matches with many errors, the other thing that a third class may find, shares all values more or less and
is smaller than the rest; one that shares a single value cannot be told from a wrong u of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import all_known, levels_of
from tallystick.estimation.em import Fit, Given, Related, fit_em
from tallystick.estimation.factors import Selection
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

APART = 0.1
"""Related pairs have the value of some comparison in common at most so often."""
COMMON = 0.5
"""And those of two others at least so often."""
PRICE = 10.0
"""How many times what Schwarz's criterion asks the class has to gain, as pairs share records: common values
that meet by chance look like relatives. In 600 simulated files without relatives the gain reached 1.8
times that, in files of 500 generated persons with households it was 50 times and more."""


def fit_classes(
    table: Table,
    selection: Selection,
    given: Given,
    start_matches: NDArray[np.float64],
    settings: Estimation,
) -> Fit:
    """EM with or without a class of related pairs, as the settings say or the pairs look like.

    Parameters
    ----------
    table, selection, given, start_matches, settings
        As of `fit_em`.

    Returns
    -------
    Fit
        With ``related`` where there is such a class.
    """
    if settings.related == "class":
        return fit_em(table, selection, given, start_matches, settings, related=True)
    if settings.related == "none" or _all_given(table, given):
        return fit_em(table, selection, given, start_matches, settings)

    def plausible(matches: NDArray[np.float64], related: Related) -> bool:
        return looks_related(table, matches, related)

    fit = fit_em(table, selection, given, start_matches, settings, related=True, go_on=plausible)
    assert fit.related is not None
    if plausible(fit.matches, fit.related):
        # The same matches without the class. (Left to itself EM may take the relatives for the matches, which
        # can be the likelier of the two readings of the pairs, so that it is no standard to compare with.)
        levels = tuple(
            None if factor.parts[0].comparison is None else levels_of(factor, m)
            for factor, m in zip(table.factors, fit.m, strict=True)
        )
        same = fit_em(table, selection, replace(given, m=levels), fit.matches, settings)
        # Schwarz (1978): each of the added parameters has to pay for itself, several times as pairs are no
        # independent observations.
        added = sum(len(factor.parts) for factor in table.factors) + len(start_matches)
        gain = fit.log_likelihood[-1] - same.log_likelihood[-1]
        if gain > PRICE * 0.5 * added * np.log(table.counts.n_pairs):
            return fit
    return fit_em(table, selection, given, start_matches, settings)


def looks_related(table: Table, matches: NDArray[np.float64], related: Related) -> bool:
    """Whether a third class looks like related non-matches rather than like poor matches.

    Parameters
    ----------
    table : Table
        The patterns.
    matches : float64 array, shape (n_source_pairs,)
        Expected matches.
    related : Related
        The class.

    Returns
    -------
    bool
    """
    parts = [part for factor in table.factors for part in factor.parts]
    shared = related.shared[[part.comparison is not None for part in parts]]
    in_common = int((shared >= COMMON).sum()) >= 2
    return bool(shared.min() <= APART and in_common and related.pairs.sum() >= matches.sum())


def _all_given(table: Table, given: Given) -> bool:
    """Whether m and u of every comparison are known: weights are then what the user says they are."""
    return all(
        all_known(levels)
        for k, factor in enumerate(table.factors)
        if factor.parts[0].comparison is not None
        for levels in (given.m[k], given.u[k])
    )
