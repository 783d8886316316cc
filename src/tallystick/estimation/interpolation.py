"""Weights that follow the similarity of a pair, between agreement and disagreement.

A comparison that interpolates has one m and one u of agreement, from the levels that EM has estimated. A pair
whose values are alike to the degree phi, from 0 to 1, then weighs

    log R(phi),    R(phi) = phi m / u + (1 - phi) (1 - m) / (1 - u),

the likelihood ratio of a pair that agrees to the share phi (Shlomo 2019, chapter 4 of Data-Driven Policy
Impact Evaluation), or, scaled, the weight that lies between those of agreement and disagreement in proportion
(Winkler 1990). Patterns, which know levels alone, weigh what a usual similarity of each level gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.interpolation import KNOT, first_agreement, similarity_ranges, usual_similarities
from tallystick.estimation.as_plain import AsPlain
from tallystick.estimation.ratio import log_ratio

Floats = NDArray[np.float64]
NEVER = 1e-12
"""The least that m, u and what they leave are taken to be, so that weights are finite."""


def scaled_weight(similarity: ArrayLike, m: float, u: float, slopes: tuple[float, float]) -> Floats:
    """Weight in proportion between agreement and disagreement.

    With w_a = log(m / u) and w_d = log((1 - m) / (1 - u)) it is

        w_a - min(1, a (1 - phi)) (w_a - w_d),

    a the first slope where the similarity phi is at least 0.92, else the second: full agreement has the whole
    weight, and well before nothing is alike the weight is that of disagreement (Winkler 1990).

    Parameters
    ----------
    similarity : float or array, shape (n,)
        phi.
    m, u : float
        Probabilities of agreement among matches and non-matches.
    slopes : tuple of float
        a above and below 0.92.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    >>> (scaled_weight([1.0, 0.95, 0.0], 0.9, 0.1, (3.0, 4.5)) / np.log(9)).round(6).tolist()
    [1.0, 0.7, -1.0]
    """
    phi = np.asarray(similarity, np.float64)
    agreement, disagreement = np.log(m / u), np.log((1.0 - m) / (1.0 - u))
    lost = np.minimum(1.0, np.where(phi >= KNOT, *slopes) * (1.0 - phi))
    return np.asarray(agreement - lost * (agreement - disagreement), np.float64)


@dataclass(frozen=True)
class Interpolated(AsPlain):
    """What a comparison's weights between agreement and disagreement need.

    Attributes
    ----------
    m, u : float
        Probabilities of agreement among matches and non-matches, of values that are not missing.
    similarities : tuple of float or None
        For every level the similarity by which its patterns are weighed; None where the level has a weight of
        its own (a missing value, agreement by bands of frequency).
    lowest, highest : tuple of float
        Least and greatest similarity of every level.
    slopes : tuple of float, optional
        Where the weight is scaled, how fast it falls.
    present : float
        What it weighs that the values are there, where missing is a level of its own.
    """

    m: float
    u: float
    similarities: tuple[float | None, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    slopes: tuple[float, float] | None = None
    present: float = 0.0

    def weigh(self, similarity: ArrayLike) -> Floats:
        """Weight of a similarity, in the shape of it."""
        if self.slopes is None:
            return log_ratio(similarity, self.m, self.u) + self.present
        return scaled_weight(similarity, self.m, self.u, self.slopes) + self.present

    def level_weights(self, plain: Sequence[float]) -> tuple[float, ...]:
        """Weight of every level, for what has no similarity of its own; `plain` are log m / u."""
        return tuple(
            own if phi is None else float(self.weigh(phi))
            for phi, own in zip(self.similarities, plain, strict=True)
        )

    def pair_weights(self, levels: NDArray[np.uint8], similarity: Floats, level_weights: Floats) -> Floats:
        """Weights of pairs.

        Parameters
        ----------
        levels : uint8 array, shape (n,)
            Their levels.
        similarity : float64 array, shape (n,)
            Their similarities; NaN where missing.
        level_weights : float64 array, shape (n_levels + 1,)
            Weight of every level and of a missing value.

        Returns
        -------
        float64 array, shape (n,)
        """
        found = level_weights[levels]
        asked = np.array([phi is not None for phi in (*self.similarities, None)])[levels]
        # Level and similarity are computed apart: within its level no pair weighs more than sweeps allow for.
        own = levels[asked]
        phi = np.clip(similarity[asked], np.array(self.lowest)[own], np.array(self.highest)[own])
        found[asked] = self.weigh(phi)
        return found

    def ranges(self, level_weights: Floats) -> tuple[Floats, Floats]:
        """Least and greatest weight of a pair by its level; shapes as of `level_weights`, (n_levels + 1,)."""
        ends = np.stack([self.weigh(self.lowest), self.weigh(self.highest)])
        low, high = level_weights.copy(), level_weights.copy()
        for level, phi in enumerate(self.similarities):
            if phi is not None:
                low[level], high[level] = ends[:, level].min(), ends[:, level].max()
        return low, high


def interpolated(
    comparison: Comparison,
    m: Sequence[float],
    u: Sequence[float],
    seen: Sequence[float | None] | None = None,
) -> Interpolated | None:
    """What the weights of a comparison need, where they follow the similarity.

    m and u of agreement are sums over the levels from the cut on, or with ``fractional`` mean similarities of
    matches and of non-matches: each level counts to the degree of its usual similarity.

    Parameters
    ----------
    comparison : Comparison
        As in the specification.
    m, u : sequence of float
        Probabilities of its levels.
    seen : sequence of float or None, optional
        Mean similarity of pairs of each level, where enough were seen.

    Returns
    -------
    Interpolated or None
        None where the weights do not follow the similarity.

    Examples
    --------
    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.strings import jaro_winkler
    >>> name = comparison("name", jaro_winkler(0.9, 0.8), interpolate=True)
    >>> found = interpolated(name, (0.05, 0.05, 0.1, 0.8), (0.9, 0.05, 0.03, 0.02))
    >>> round(found.m, 9), round(found.u, 9), abs(float(found.weigh(found.u))) < 1e-12
    (0.9, 0.05, True)
    """
    settings = comparison.interpolation
    if settings is None:
        return None
    comparator = comparison.comparator
    ranges, usual = similarity_ranges(comparator), usual_similarities(comparator)  # type: ignore[arg-type]
    missing = comparison.missing_level
    # The comparison's levels: the comparator's, with a missing one between them and the top split by bands.
    of = [level for level in range(comparison.n_levels) if level != missing]
    lowest, highest = np.ones(comparison.n_levels), np.ones(comparison.n_levels)
    similarities: list[float | None] = [None] * comparison.n_levels
    share = np.ones(comparison.n_levels)
    for own, level in enumerate(of):
        known = min(own, comparator.n_levels - 1)
        lowest[level], highest[level] = ranges[known]
        found = None if seen is None else seen[level]
        share[level] = np.clip(usual[known] if found is None else found, *ranges[known])
        if own < comparator.n_levels - 1 or comparison.n_top == 1:
            similarities[level] = float(share[level])
    if not settings.fractional:
        cut = of[first_agreement(comparator, settings.cut)]  # type: ignore[arg-type]
        share = (np.arange(comparison.n_levels) >= cut).astype(np.float64)
    present = [1.0 - (0.0 if missing is None else one[missing]) for one in (m, u)]
    agreement = [
        float(np.clip(sum(one[level] * share[level] for level in of) / there, NEVER, 1.0 - NEVER))
        for one, there in zip((m, u), present, strict=True)
    ]
    return Interpolated(
        agreement[0],
        agreement[1],
        tuple(similarities),
        tuple(lowest.tolist()),
        tuple(highest.tolist()),
        settings.used_slopes,
        0.0 if missing is None else float(np.log(present[0] / present[1])),
    )
