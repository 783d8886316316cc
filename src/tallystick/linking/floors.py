"""How far down pairs are kept: below the lower threshold, where a few matches still are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Links
from tallystick.estimation.error_curve import SAME, ErrorCurve
from tallystick.estimation.parameters import Parameters
from tallystick.linking.constraints import constraint_of, zero_weight
from tallystick.linking.decide import logit

Floats = NDArray[np.float64]

DEEP = 1e-3
"""Posterior down to which pairs are kept: those below hold hardly any match together."""
MOST_DEEP = 5_000_000
"""Pairs that are kept for being doubtful, besides those that reach the lower threshold."""


def deep_floors(parameters: Parameters, curves: Sequence[ErrorCurve], floors: Floats, links: Links) -> Floats:
    """Lowest weight of the pairs that are kept, for each pair of sources.

    Matches below the lower threshold are missed: to say how many, and how sure that is, their pairs are kept,
    too, as far as there are not too many of them.

    Parameters
    ----------
    parameters : Parameters
        The model.
    curves : sequence of ErrorCurve
        Of the candidate pairs, one for each pair of sources, on log odds.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that the decision needs.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        What the decision asks of links: posteriors are those of pairs that compete so.

    Returns
    -------
    float64 array, shape (n_source_pairs,)
        At most `floors`.
    """
    depth, pairs = [], []
    wanted = np.array(floors)
    for k, (pair, curve) in enumerate(zip(parameters.pairs, curves, strict=True)):
        zero = zero_weight(pair, constraint_of(links, pair))
        wanted[k] = min(floors[k], zero + logit(DEEP))
        weight = curve.low - pair.log_prior_odds
        between = (weight >= wanted[k]) & (weight < floors[k])
        depth.append(weight[between] - floors[k])
        pairs.append(curve.pairs[between])
    below, number = np.concatenate(depth), np.concatenate(pairs)
    order = np.argsort(-below, kind="stable")
    total = np.cumsum(number[order])
    if not len(total) or total[-1] <= MOST_DEEP:
        return wanted
    # The first that would be too many, and all that is as deep, goes.
    too_deep = below[order[np.searchsorted(total, MOST_DEEP, side="right")]]
    return np.asarray(np.minimum(floors, np.maximum(wanted, floors + too_deep + SAME)))


def matches_below(parameters: Parameters, curves: Sequence[ErrorCurve], floors: Floats) -> float:
    """Expected matches among the candidates that weigh too little to be kept; competitors hardly count there.

    Parameters
    ----------
    parameters, curves
        As of `deep_floors`.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight of the pairs that are kept.

    Returns
    -------
    float
    """
    below = 0.0
    for pair, curve, floor in zip(parameters.pairs, curves, floors, strict=True):
        below += float(curve.matches[curve.low - pair.log_prior_odds < floor - SAME].sum())
    return below
