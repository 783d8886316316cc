"""How much the answer to a pair tells: the errors that knowing it is expected to remove."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.decide import DecidedPairs


def expected_gain(decided: DecidedPairs, one_to_one: bool) -> NDArray[np.float64]:
    """Errors that the answer to each pair is expected to remove."""
    p = decided.posterior
    return np.asarray(np.where(decided.links, 1 - p, p), np.float64)
