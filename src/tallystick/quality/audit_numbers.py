"""Error rates from a stratified audit of pairs in plain numbers, and how many of each stratum to judge."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.estimation.parameters import NORMAL_95, logit_interval
from tallystick.quality.audit_rates import DRAWS, AuditRates, audit_rates
from tallystick.quality.audit_strata import LINK, NO_LINK, JudgedStratum
from tallystick.quality.audit_wald import wald_intervals
from tallystick.quality.rates import Interval

Ints = NDArray[np.int64]

SHARES = ("precision", "recall", "specificity", "type1", "type2", "f1")


def audited_strata(sizes: Any, judged: Any, matches: Any, links: Any) -> list[JudgedStratum]:
    """Strata of pairs of which some were judged, from numbers.

    Parameters
    ----------
    sizes, judged, matches : array-like of int, shape (n_strata,)
        N_h pairs of a stratum, n_h judged, x_h of these found to be matches.
    links : array-like of bool, shape (n_strata,)
        Whether the pairs of the stratum are links: split one through which the threshold goes.

    Returns
    -------
    list of JudgedStratum

    Raises
    ------
    InputError
        Where the numbers contradict each other.
    """
    size, n, x = (
        _counts(one, name) for one, name in ((sizes, "sizes"), (judged, "judged"), (matches, "matches"))
    )
    kinds = np.asarray(links)
    if kinds.dtype != bool or not len(size) == len(n) == len(x) == len(kinds):
        raise InputError("audit: give a size, two counts and True (links) or False for each stratum.")
    for wrong, why in (
        (n > size, "more pairs were judged than there are"),
        (x > n, "more are matches than were judged"),
    ):
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise InputError(f"audit: stratum {k}: {why} ({size[k]} pairs, {n[k]} judged, {x[k]} matches).")
    return [
        JudgedStratum(
            f"stratum {k}",
            "link" if kinds[k] else "non-link",
            int(size[k]),
            LINK if kinds[k] else NO_LINK,
            (int(x[k]), int(n[k] - x[k])) if kinds[k] else (int(n[k] - x[k]), int(x[k])),
        )
        for k in range(len(size))
    ]


def stratified_audit(
    sizes: Any,
    judged: Any,
    matches: Any,
    links: Any,
    *,
    allowed_pairs: float | None = None,
    draws: int = DRAWS,
    seed: int = 1,
) -> AuditRates:
    """Precision, recall, type 1 and 2 error from a stratified audit, with finite-population intervals.

    Pairs that were never compared are in no stratum: what passes miss is another estimate (neighbour counts,
    capture and recapture). Of links after one-to-one assignment a sample of their own is what says how many
    are right.

    Parameters
    ----------
    sizes, judged, matches, links
        As of `audited_strata`.
    allowed_pairs : float, optional
        All pairs that could have been linked; by default those of the strata.
    draws, seed : int
        Of the intervals (`tallystick.quality.audit_rates.audit_rates`, which has the formulas).

    Returns
    -------
    AuditRates

    Examples
    --------
    >>> found = stratified_audit([900, 100, 400], [100, 50, 100], [100, 45, 5], [True, True, False])
    >>> found.estimates["precision"], round(found.estimates["recall"], 4)
    (0.99, 0.9802)
    """
    strata = audited_strata(sizes, judged, matches, links)
    allowed = float(sum(one.size for one in strata)) if allowed_pairs is None else float(allowed_pairs)
    return audit_rates(strata, allowed, draws=draws, seed=seed)


def large_sample_intervals(
    sizes: Any,
    judged: Any,
    matches: Any,
    links: Any,
    *,
    allowed_pairs: float | None = None,
    scale: Literal["wald", "logit"] = "logit",
) -> dict[str, Interval]:
    """Intervals of 95 % by the delta method, to compare with: too short where errors are rare.

    Parameters
    ----------
    sizes, judged, matches, links, allowed_pairs
        As of `stratified_audit`; two judged pairs in each stratum at least.
    scale : {"wald", "logit"}
        Symmetric in the measure, or in its logit, which stays within 0 and 1.

    Returns
    -------
    dict of str to Interval
        By measure, as `tallystick.quality.audit_wald.wald_intervals`.

    Raises
    ------
    InputError
        Where a stratum has fewer judged pairs.
    """
    strata = audited_strata(sizes, judged, matches, links)
    allowed = float(sum(one.size for one in strata)) if allowed_pairs is None else float(allowed_pairs)
    try:
        found = wald_intervals(strata, allowed)
    except ValueError as error:
        raise InputError(f"audit: {error}.") from None
    if scale == "wald":
        return found
    logits = {}
    for name, one in found.items():
        if name in SHARES:
            low, high = logit_interval((one.low + one.high) / 2, (one.high - one.low) / 2 / NORMAL_95)
            logits[name] = Interval(low, high)
    return logits


def neyman(sizes: Any, shares: Any, n: int, *, least: int = 30) -> Ints:
    """How many pairs of each stratum to judge: Neyman's allocation with a floor.

    n_h ~ N_h sqrt(p_h (1 - p_h)) (Neyman 1934), but `least` in every stratum that has so many, since shares
    that are believed to be 0 or 1 may not be. `tallystick audit design` sizes a sample for wanted
    intervals instead (`tallystick.quality.audit_design`).

    Parameters
    ----------
    sizes : array-like of int, shape (n_strata,)
        N_h.
    shares : array-like of float, shape (n_strata,)
        p_h, believed shares of matches.
    n : int
        Size of the sample.
    least : int
        Fewest of a stratum.

    Returns
    -------
    int64 array, shape (n_strata,)
        Sums to `n`, or to all pairs where these are fewer.

    Raises
    ------
    InputError
        Where the numbers cannot be, or `n` is less than the floors together.

    Examples
    --------
    >>> neyman([8000, 500, 200_000], [0.999, 0.7, 0.0001], 500).tolist()
    [51, 46, 403]
    """
    size, p = _counts(sizes, "sizes"), np.asarray(shares, np.float64)
    if p.shape != size.shape or not ((p >= 0) & (p <= 1)).all():
        raise InputError("shares: give a share from 0 to 1 for each stratum.")
    taken = np.minimum(size, least)
    if n < taken.sum():
        raise InputError(f"n: {n} pairs are fewer than the {int(taken.sum())} of all strata at least.")
    weight = size * np.sqrt(p * (1 - p))
    wanted = taken.astype(np.float64)
    # What the floors and the sizes take off some strata is shared out anew among the others.
    free = np.ones(len(size), bool)
    for _ in range(2 * len(size)):
        rest = min(n, int(size.sum())) - wanted[~free].sum()
        ideal = np.where(free, rest * weight / max(float(weight[free].sum()), 1e-300), wanted)
        high, low = free & (ideal > size), free & (ideal < taken)
        if not (high | low).any():
            wanted = ideal
            break
        # Those at their size first: what they leave lifts others above their floors.
        out = high if high.any() else low
        wanted[out] = np.where(high, size, taken)[out]
        free &= ~out
    else:
        wanted = np.minimum(np.maximum(ideal, taken), size)
    found = np.floor(np.clip(wanted, taken, size) + 1e-9).astype(np.int64)
    left = min(n, int(size.sum())) - int(found.sum())
    for k in np.argsort(-(wanted - found), kind="stable").tolist() * (1 + max(left, 0)):
        if left <= 0:
            break
        add = min(1, int(size[k] - found[k]))
        found[k] += add
        left -= add
    return found


def _counts(values: Any, name: str) -> Ints:
    found = np.asarray(values)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer) or (found < 0).any():
        raise InputError(f"{name}: give a number of pairs for each stratum, whole and not negative.")
    return found.astype(np.int64)
