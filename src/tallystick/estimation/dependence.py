"""Comparisons that agree together more often among non-matches than the model allows for.

Weights are added up as if comparisons were independent given the class of a pair. Where two of them are
not (an e-mail address is made of the name, a street lies in one postcode), a pair that agrees on both weighs
too much. All pairs, or the random pairs that u is counted on, tell: for levels a of one comparison and b of
another, O pairs show both, and the model expects

    E = n (p_U u(a) u(b) + p_M m(a) m(b) + p_R r(a) r(b)),

p the shares of unrelated pairs, matches and related pairs among all, n the pairs in which neither is
missing. O / E is what independence is wrong by, its logarithm what the weight is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.interactions import Interaction
from tallystick.estimation.marginals import Marginals
from tallystick.estimation.parameters import ComparisonParameters

LIFT = float(np.e)
"""How many times as often as expected two levels come together for a warning: a weight is off by 1."""
FEWEST = 100
"""Pairs that show both levels, at least."""
ERRORS = 10.0
"""Standard errors of independent pairs beyond what is expected: many, since pairs share records."""


@dataclass(frozen=True)
class Dependence:
    """Two levels of two comparisons that come together too often.

    Attributes
    ----------
    first, second : str
        The comparisons.
    first_level, second_level : str
        What the levels mean, of all pairs of levels those with the largest lift.
    pairs : int
        Pairs that show both.
    lift : float
        How many times as often as the model expects.
    """

    first: str
    second: str
    first_level: str
    second_level: str
    pairs: int
    lift: float

    def sentence(self) -> str:
        """What a person should know of it."""
        return (
            f"Comparisons {self.first} and {self.second} depend on each other: “{self.first_level}” and "
            f"“{self.second_level}” come together {self.lift:,.1f} times as often as the model expects, so "
            f"that such pairs weigh {np.log(self.lift):.1f} too much: make one comparison of both, or try "
            "without one of them."
        )


def dependences(
    comparisons: Sequence[ComparisonParameters],
    marginals: Marginals,
    shares: NDArray[np.float64],
    interactions: Sequence[Interaction] = (),
) -> list[Dependence]:
    """Find comparisons that depend on each other in some class of pairs.

    Parameters
    ----------
    comparisons : sequence of ComparisonParameters
        m, u and r.
    marginals : Marginals
        Patterns of all pairs, or of random ones.
    shares : float64 array, shape (3,)
        Shares of unrelated pairs, matches and related pairs among all.
    interactions : sequence of Interaction
        Comparisons whose joint probabilities were estimated, so that the model expects these.

    Returns
    -------
    list of Dependence
        One for each two comparisons with a lift of `LIFT` or more, the largest first.
    """
    classes = [(one.u, one.m, one.r or one.u) for one in comparisons]
    found = []
    for k, j in combinations(range(len(comparisons)), 2):
        n_k, n_j = len(comparisons[k].labels), len(comparisons[j].labels)
        both = (marginals.levels[:, k] < n_k) & (marginals.levels[:, j] < n_j)
        cells = marginals.levels[both, k].astype(np.int64) * n_j + marginals.levels[both, j]
        seen = np.bincount(cells, weights=marginals.times[both], minlength=n_k * n_j).reshape(n_k, n_j)
        together = joint_probabilities(k, j, interactions)
        if together is None:
            together = [np.outer(a, b) for a, b in zip(classes[k], classes[j], strict=True)]
        expected = seen.sum() * sum(share * own for share, own in zip(shares, together, strict=True))
        expected = np.maximum(expected, 1e-9)
        excess = (seen - expected) / np.sqrt(expected)
        lift = np.where((seen >= FEWEST) & (excess >= ERRORS), seen / expected, 0.0)
        lift[0, :] = lift[:, 0] = 0.0  # agreement alone adds to a weight
        a, b = np.unravel_index(int(lift.argmax()), lift.shape)
        if lift[a, b] >= LIFT:
            one, other = comparisons[k], comparisons[j]
            found.append(
                Dependence(
                    one.name, other.name, one.labels[a], other.labels[b], int(seen[a, b]), float(lift[a, b])
                )
            )
    return sorted(found, key=lambda one: -one.lift)


def joint_probabilities(
    k: int, j: int, interactions: Sequence[Interaction]
) -> list[NDArray[np.float64]] | None:
    """Joint u, m and r of two comparisons that were estimated together; None where they were not."""
    for one in interactions:
        if k in one.comparisons and j in one.comparisons:
            return [one.margin(which, k, j) for which in ("u", "m", "u" if one.r is None else "r")]
    return None
