"""How far down pairs are kept: below the lower threshold, where a few matches still are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.linking.decide import constant_of, logit
from tallystick.patterns.count import PatternCounts

Floats = NDArray[np.float64]

DEEP = 1e-3
"""Posterior down to which pairs are kept: those below hold hardly any match together."""
MOST_DEEP = 5_000_000
"""Pairs that are kept for being doubtful, besides those that reach the lower threshold."""


def deep_floors(parameters: Parameters, counts: PatternCounts, floors: Floats, one_to_one: bool) -> Floats:
    """Lowest weight of the pairs that are kept, for each pair of sources.

    Matches below the lower threshold are missed: to say how many, and how sure that is, their pairs are kept, too, as
    far as there are not too many of them.

    Parameters
    ----------
    parameters : Parameters
        The model.
    counts : PatternCounts
        Patterns of the candidate pairs.
    floors : float64 array, shape (n_source_pairs,)
        Lowest weight that the decision needs.
    one_to_one : bool
        Whether posteriors are those of one-to-one links.

    Returns
    -------
    float64 array, shape (n_source_pairs,)
        At most `floors`.
    """
    zero = [constant_of(pair) if one_to_one else -pair.log_prior_odds for pair in parameters.pairs]
    wanted = np.minimum(floors, np.array(zero) + logit(DEEP))
    digits = counts.coding.decode(counts.patterns)[:, : len(parameters.comparisons)]
    weights = parameters.weights(digits, counts.source_pair)
    between = (weights >= wanted[counts.source_pair]) & (weights < floors[counts.source_pair])
    depth = (weights - floors[counts.source_pair])[between]
    order = np.argsort(-depth)
    pairs = np.cumsum(counts.counts[between][order])
    if not len(pairs) or pairs[-1] <= MOST_DEEP:
        return np.asarray(wanted)
    too_many = depth[order[np.searchsorted(pairs, MOST_DEEP, side="right")]]
    # What is as deep as the first pair too many goes, too: that pairs are kept must not depend on their order.
    return np.asarray(np.minimum(floors, np.maximum(wanted, floors + np.nextafter(too_many, 0.0))))
