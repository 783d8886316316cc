"""The M-step of EM: m and u from the expected matches and non-matches by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import all_known, fix_levels, normalise
from tallystick.estimation.joint import Joint
from tallystick.estimation.monotone import in_order
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

if TYPE_CHECKING:
    from tallystick.estimation.em import Given

Cells = list[NDArray[np.float64]]


def maximise(
    table: Table,
    classes: Sequence[Sequence[NDArray[np.float64]]],
    prior: Sequence[NDArray[np.float64]],
    given: Given,
    settings: Estimation,
    m: Sequence[NDArray[np.float64]],
    u: Sequence[NDArray[np.float64]],
) -> tuple[Cells, Cells]:
    """Probabilities of the cells among matches and among non-matches.

    Parameters
    ----------
    table : Table
        The patterns.
    classes : sequence of sequence of float64 array
        Expected pairs by cell, (n_cells,) for every factor, those that no pass selects included: of the
        matches first, then of related pairs where they are a class.
    prior : sequence of float64 array
        The matches that the prior of m is worth, by cell.
    given : Given
        What is known.
    settings : Estimation
        Whether u is held at what all pairs show, and whether weights are kept in the order of the levels.
    m, u : sequence of float64 array
        As they are: pairs with a part missing are shared out by them, and u is held where the settings say
        so.

    Returns
    -------
    m, u : list of float64 array
        (n_cells,) for every factor.
    """
    held = settings.u == "all_pairs"
    found_m, found_u = [], []
    for k, (factor, first, among_all, floor) in enumerate(
        zip(table.factors, prior, table.among_all, table.floors, strict=True)
    ):
        matches = classes[0][k]
        others = np.maximum(among_all - sum(one[k] for one in classes), floor)
        if isinstance(factor, Joint):
            matches = factor.shrunk(factor.structured(factor.completed(matches, m[k])))
            others = factor.completed(others, u[k])
        matches = matches + first
        own_m = fix_levels(factor, normalise(matches), given.m[k])
        own_u = u[k] if held else fix_levels(factor, normalise(others), given.u[k])
        if settings.monotone and not all_known(given.m[k]):
            own_m, own_u = in_order(factor, matches, others, own_m, own_u, held, given.m[k], given.u[k])
        found_m.append(own_m)
        found_u.append(own_u)
    return found_m, found_u
