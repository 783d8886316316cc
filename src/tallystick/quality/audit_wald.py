"""The large-sample intervals of a stratified sample: to compare with, and where errors are many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.audit_strata import JudgedStratum
from tallystick.quality.rates import Interval


def wald_intervals(
    strata: Sequence[JudgedStratum], allowed_pairs: float, *, model_missed: float = 0.0
) -> dict[str, Interval]:
    """Intervals of 95 % by the delta method.

    Of every stratum the covariance of its estimated counts is N_h^2 (1 - n_h / N_h) / (n_h - 1) times that
    of the outcomes among the judged (Cochran 1977, section 5.11); those of precision, recall, type 1 error
    and F1 follow by their derivatives. Where no error is found in a stratum its variance is 0, so
    that the intervals are too short for rare errors: `audit_rates` is the one to publish.

    Parameters
    ----------
    strata : sequence of JudgedStratum
        Each with at least two judged units, or judged as a whole.
    allowed_pairs : float
        All pairs that could have been linked.
    model_missed : float
        Matches outside of all strata; they are added to the missed ones as if they were known.

    Returns
    -------
    dict of str to Interval
        ``precision``, ``recall``, ``specificity``, ``type1``, ``type2``, ``f1`` and ``matches``, not cut at 0
        and 1; without those whose denominator is 0, such as the recall where there are no matches.

    Raises
    ------
    ValueError
        Where a stratum has fewer judged units.

    Notes
    -----
    With TP, FP and FN the true links, false links and missed matches, L the links, M = TP + FN the matches
    and N the allowed pairs, and with pairs in strata of links and of non-links, these are
    var(precision) = v_TP / L^2, var(recall) = (v_TP FN^2 + v_FN TP^2) / M^4 and
    var(type 1) = (v_TP (FP - (N - M))^2 + v_FN FP^2) / (N - M)^4.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition, chapter 5. Wiley.

    Examples
    --------
    >>> from tallystick.quality.audit_strata import LINK, NO_LINK
    >>> found = wald_intervals(
    ...     [
    ...         JudgedStratum("links", "link", 100, LINK, (45, 5)),
    ...         JudgedStratum("rejected", "non-link", 400, NO_LINK, (95, 5)),
    ...     ],
    ...     1e6,
    ... )
    >>> round(found["precision"].low, 4), round(found["precision"].high, 4)
    (0.8406, 0.9594)
    """
    sums, covariance = np.zeros(3), np.zeros((3, 3))
    for one in strata:
        if not one.size:
            continue
        n = one.judged
        if n < 2 and n < one.size:
            raise ValueError(f"stratum {one.name}: a variance needs two judged units at least")
        share = np.array(one.counts, np.float64) / n
        mean = share @ one.contributions
        sums += one.size * mean
        if n < one.size:
            spread = one.contributions.T @ (share[:, None] * one.contributions) - np.outer(mean, mean)
            covariance += one.size**2 * (1 - n / one.size) * spread / (n - 1)
    true, false, missed = float(sums[0]), float(sums[1]), float(sums[2]) + model_missed
    links, matches = true + false, true + missed
    negative = allowed_pairs - matches
    # Of each the denominator, the numerator and the derivatives times the denominator squared.
    moves = {
        "precision": (links, true, (false, -true, 0.0)),
        "recall": (matches, true, (missed, 0.0, -true)),
        "type1": (negative, false, (false, negative, false)),
        "f1": (links + matches, 2 * true, (2 * (false + missed), -2 * true, -2 * true)),
        "matches": (1.0, matches, (1.0, 0.0, 1.0)),
    }
    found = {
        name: _interval(part / whole, np.array(move) / whole**2, covariance)
        for name, (whole, part, move) in moves.items()
        if whole > 0
    }
    for name, of in (("specificity", "type1"), ("type2", "recall")):
        if of in found:
            found[name] = Interval(1 - found[of].high, 1 - found[of].low)
    return found


def _interval(value: float, move: NDArray[np.float64], covariance: NDArray[np.float64]) -> Interval:
    half = NORMAL_95 * max(0.0, float(move @ covariance @ move)) ** 0.5
    return Interval(value - half, value + half)
