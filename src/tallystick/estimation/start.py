"""Where EM starts, and the prior that keeps it near.

With few matches the likelihood says little of m, and a class of chance agreements may fit as well as the
matches. So m has a prior worth a few matches that look like the start, mostly in agreement (a Dirichlet
prior; the estimate is the mode of the posterior, Dempster, Laird and Rubin 1977, section 1). A thousand
matches overrule it. The m of a previous model may take the place of either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import Levels, fix_levels, level_sums, normalise
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table


def usual_start(table: Table, fixed: Sequence[Levels], settings: Estimation) -> list[NDArray[np.float64]]:
    """Probabilities of the cells among matches that EM starts from where nothing else is said.

    Parameters
    ----------
    table : Table
        The patterns.
    fixed : sequence of float64 array, tuple or None
        m of each factor by level where it is known.
    settings : Estimation
        With `start_agreement`.

    Returns
    -------
    list of float64 array
        One for every factor, (n_cells,).
    """
    return [
        fix_levels(factor, _start(factor, possible, among_all, settings.start_agreement), levels)
        for factor, possible, among_all, levels in zip(
            table.factors, table.possible, table.among_all, fixed, strict=True
        )
    ]


def prior_of(
    table: Table,
    usual: Sequence[NDArray[np.float64]],
    looks: Sequence[Levels],
    weight: float,
    settings: Estimation,
) -> list[NDArray[np.float64]]:
    """The matches that the prior of m is worth, by cell.

    Parameters
    ----------
    table : Table
        The patterns.
    usual : sequence of float64 array
        What `usual_start` gave.
    looks : sequence of float64 array, tuple or None
        By level what the matches of the prior look like, where a previous model says so.
    weight : float
        How many such matches.
    settings : Estimation
        With `prior_matches`, for the factors of which no model speaks.

    Returns
    -------
    list of float64 array
        One for every factor, (n_cells,).
    """
    return [
        settings.prior_matches * cells if levels is None else weight * fix_levels(factor, cells, levels)
        for factor, cells, levels in zip(table.factors, usual, looks or (None,) * len(usual), strict=True)
    ]


def _start(
    factor: AnyFactor, possible: NDArray[np.bool_], among_all: NDArray[np.float64], agreement: float
) -> NDArray[np.float64]:
    """Start of m, and its prior: full agreement as given, each lower level a third as likely as the next.

    Full agreement by bands of frequency is shared out by how many records have a value of each band: the
    pairs that agree on one of them over the frequency of its values. Where missing is a level it is as likely
    as among all pairs.
    """
    if isinstance(factor, Joint):
        parts = []
        for k, part in enumerate(factor.parts):
            own = (factor.margin(possible.astype(np.float64), k) > 0) & part.present
            parts.append(_start(part, own, factor.margin(among_all, k), agreement))
        return factor.product(parts)
    top = np.ones(1)
    if factor.edges:
        found = level_sums(factor, among_all)
        edges = np.array([1.0, *factor.edges, factor.edges[-1] / 10])
        usual = np.sqrt(edges[1:] * edges[:-1])
        top = normalise(found[factor.n_levels - factor.n_top :] / usual)
    all_bits = factor.bits == 2 ** len(factor.keys) - 1
    if factor.comparison is None:
        agreed = np.where(all_bits, agreement, (1 - agreement) / max(1, (possible & ~all_bits).sum()))
        return normalise(np.where(possible, agreed, 0.0))
    below = factor.n_levels - factor.n_top
    levels = np.zeros(factor.n_levels)
    partial = [level for level in range(below) if level != factor.missing_level]
    levels[partial] = 3.0 ** np.arange(len(partial))
    levels *= (1 - agreement) / levels.sum()
    levels[below:] = agreement * top
    if factor.missing_level is not None:
        absent = float(among_all[factor.level == factor.missing_level].sum() / max(1.0, among_all.sum()))
        levels *= 1 - absent
        levels[factor.missing_level] = absent
    # Within a level half the matches agree on all key parts, and the others on any of them.
    bits = np.where(possible, 0.5 * all_bits + 0.5 / 2 ** len(factor.keys), 0.0)
    result = np.zeros(factor.n_cells)
    for level in range(factor.n_levels):
        own = factor.level == level
        result[own] = levels[level] * normalise(bits[own])
    return result
