"""Error rates of a threshold by simulated agreement patterns: SimRate (Winglee, Valliant and Scheuren 2005).

Patterns of matched and of unmatched pairs are drawn, weighed as the linkage weighs them, and counted above
and below thresholds. What depends on what is in the patterns that are drawn from: with independent
comparisons rates of false matches come out too small where agreements come together, as in households, so
draw from joint patterns where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.quality.pattern_chances import PatternChances

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedRates:
    """Rates of error by threshold.

    Attributes
    ----------
    thresholds : float64 array, shape (n,)
        Match weights.
    fnmr, fmr : float64 arrays, shape (n,)
        P(W < t | match), the share of the matches that are missed, and P(W >= t | non-match).
    fnmr_error, fmr_error : float64 arrays, shape (n,)
        Their Monte Carlo standard errors, of the number of draws alone.
    fdr : float64 array, shape (n,), or None
        Share of the pairs at or above the threshold that are no matches; None without a match rate.
    draws : int
        Pairs of each class.
    """

    thresholds: Floats
    fnmr: Floats
    fmr: Floats
    fnmr_error: Floats
    fmr_error: Floats
    fdr: Floats | None
    draws: int


def simrate(
    chances: PatternChances,
    thresholds: Sequence[float] | Floats,
    *,
    match_rate: float | None = None,
    weigh: Callable[[NDArray[np.uint8]], Floats] | None = None,
    draws: int = 100_000,
    seed: int = 1,
) -> SimulatedRates:
    """Simulate the error rates of thresholds.

    Parameters
    ----------
    chances : PatternChances
        Of `model_patterns`, `plain_chances`, or `seen_patterns`, which are joint.
    thresholds : sequence of float
        Match weights.
    match_rate : float, optional
        Share of matches among the pairs, for the false discovery rate FDR = (1 - p) FMR / (p (1 - FNMR) +
        (1 - p) FMR).
    weigh : callable, optional
        Weights of patterns from their levels, shape (n, n_comparisons); by default those of `chances`. Give
        another one to see what it does.
    draws : int
        Pairs that are drawn of each class.
    seed : int
        Of the draws.

    Returns
    -------
    SimulatedRates

    Raises
    ------
    InputError
        Where a number cannot be.

    Notes
    -----
    With the weights of the chances themselves `PatternChances.rate` gives the rates exactly; rates below some
    10 / `draws` are out of reach of a simulation.

    References
    ----------
    Winglee, M., Valliant, R. and Scheuren, F. (2005). A case study in record linkage. Survey Methodology 31,
    3-11.

    Examples
    --------
    >>> from tallystick.quality.pattern_chances import plain_chances
    >>> chances = plain_chances([0.9, 0.8], [0.1, 0.2])
    >>> found = simrate(chances, [0.0], match_rate=0.5)
    >>> bool(abs(found.fnmr[0] - 0.1) < 4 * found.fnmr_error[0])
    True
    """
    if draws < 1:
        raise InputError(f"draws: {draws} is no number of pairs.")
    if match_rate is not None and not 0 < match_rate < 1:
        raise InputError(f"match_rate: {match_rate:g} is no share between 0 and 1.")
    at = np.asarray(thresholds, np.float64)
    if at.ndim != 1 or np.isnan(at).any():
        raise InputError("thresholds: give one or more match weights.")
    random = np.random.default_rng(seed)
    fnmr = 1 - _reached(chances, True, at, draws, weigh, random)
    fmr = _reached(chances, False, at, draws, weigh, random)
    fdr = None
    if match_rate is not None:
        false, true = (1 - match_rate) * fmr, match_rate * (1 - fnmr)
        fdr = np.where(false + true > 0, false / np.maximum(false + true, 1e-300), np.nan)
    fnmr_error, fmr_error = (np.sqrt(one * (1 - one) / draws) for one in (fnmr, fmr))
    return SimulatedRates(at, fnmr, fmr, fnmr_error, fmr_error, fdr, draws)


def _reached(
    chances: PatternChances,
    matches: bool,
    at: Floats,
    draws: int,
    weigh: Callable[[NDArray[np.uint8]], Floats] | None,
    random: np.random.Generator,
) -> Floats:
    """Share of the pairs of a class at or above each threshold."""
    share = 0.0 if matches else chances.related_share
    related = int(random.binomial(draws, share))
    classes = (("m", draws),) if matches else (("u", draws - related), ("r", related))
    weights = []
    for which, n in classes:
        if n:
            # Chances that sum to less than 1 leave out pairs that nothing finds: these reach no threshold.
            found = int(random.binomial(n, min(1.0, chances.mass(which))))
            drawn = chances.draw(found, which, random)
            weights.append(drawn.weight if weigh is None else np.asarray(weigh(chances.digits(drawn.cells))))
    every = np.sort(np.concatenate(weights)) if weights else np.zeros(0)
    return (len(every) - np.searchsorted(every, at - 1e-9, side="left")) / draws
