"""The expected number of matches where a record has at most one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.estimation.parameters import Parameters
from tallystick.linking.bipartite import estimate_matches
from tallystick.linking.score import ScoredPairs


def with_one_to_one_matches(parameters: Parameters, pairs: ScoredPairs) -> Parameters:
    """The parameters with the expected matches that agree with the posterior of one-to-one links.

    EM on patterns asks of each pair by itself whether it is a match. Where a record has at most one, the
    number of matches is that which equals the sum of the posteriors that follow from it (`estimate_matches`).

    Parameters
    ----------
    parameters : Parameters
        The model.
    pairs : ScoredPairs
        All pairs that may be matches.

    Returns
    -------
    parameters : Parameters
    """
    found = []
    for number, pair in enumerate(parameters.pairs):
        own = np.flatnonzero(pairs.source_pair == number)
        matches = pair.expected_matches
        if len(own):
            matches = estimate_matches(
                pairs.left[own],
                pairs.right[own],
                pairs.weight[own],
                pair.n_left,
                pair.n_right,
                start=matches,
                tolerance=1e-9,
                found=parameters.selected_matches,
            ).expected_matches
        found.append(replace(pair, one_to_one_matches=matches))
    return replace(parameters, pairs=tuple(found))
