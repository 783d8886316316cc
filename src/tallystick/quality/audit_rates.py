"""Rates of error from a stratified sample that people judged, with finite-population intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.audit_strata import Collapsed, JudgedStratum, collapse
from tallystick.quality.rates import Interval, Rates

Floats = NDArray[np.float64]

PRIOR = 1 / 3
"""Parameter of the Beta prior of each share, on either side."""
DRAWS = 20_000
LEVEL = 0.95
MEASURES = ("precision", "recall", "specificity", "type1", "type2", "f1", "matches")


@dataclass(frozen=True)
class Counts:
    """True links, false links and missed matches: one number each, or one for every draw.

    Attributes
    ----------
    links, true_links, false_links, missed : float64 arrays of one shape
        Numbers of pairs.
    allowed_pairs : float
        All pairs that could have been linked.
    """

    links: Floats
    true_links: Floats
    false_links: Floats
    missed: Floats
    allowed_pairs: float

    def measures(self) -> dict[str, Floats]:
        """Every measure of `MEASURES`, NaN where its denominator is 0."""
        matches = self.true_links + self.missed
        recall = _share(self.true_links, matches)
        type1 = _share(self.false_links, self.allowed_pairs - matches)
        return {
            "precision": _share(self.true_links, self.links),
            "recall": recall,
            "specificity": 1.0 - type1,
            "type1": type1,
            "type2": _share(self.missed, matches),
            "f1": _share(2 * self.true_links, self.links + matches),
            "matches": matches,
        }


def _share(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


@dataclass(frozen=True)
class AuditRates:
    """Rates of a linkage as a sample shows them.

    Attributes
    ----------
    estimates : dict of str to (float or None)
        By measure: ``precision``, ``recall``, ``specificity``, ``type1``, ``type2``, ``f1`` and ``matches``.
        None where a denominator is 0, or where nobody judged what the measure needs.
    intervals : dict of str to Interval
        Of 95 %, for the measures that have an estimate.
    counts : Rates or None
        Estimated numbers of true links, false links and missed matches; None where links or non-links
        have nobody judged.
    ranges : dict of str to dict of str to Interval
        What units without a verdict could make of the estimates, were the machine right or wrong in all of
        them: ``unsure``, ``open`` (unsure ones included), ``unjudged`` (strata of which nobody was judged).
        Only those of which there are any.
    collapsed : Collapsed
        The strata that were estimated from.
    """

    estimates: dict[str, float | None]
    intervals: dict[str, Interval]
    counts: Rates | None
    ranges: dict[str, dict[str, Interval]]
    collapsed: Collapsed

    def to_dict(self) -> dict[str, Any]:
        """Counts, estimates, intervals and ranges, for JSON."""

        def pairs(of: dict[str, Interval]) -> dict[str, list[float]]:
            return {name: [one.low, one.high] for name, one in of.items()}

        counts = self.counts
        shown = ("links", "true_links", "false_links", "missed", "allowed_pairs")
        return {
            "counts": None if counts is None else {name: getattr(counts, name) for name in shown},
            "estimates": dict(self.estimates),
            "intervals": pairs(self.intervals),
            "ranges": {why: pairs(of) for why, of in self.ranges.items()},
        }


def audit_rates(
    strata: Sequence[JudgedStratum],
    allowed_pairs: float,
    *,
    model_missed: float = 0.0,
    corrected: bool = False,
    draws: int = DRAWS,
    seed: int = 1,
) -> AuditRates:
    """Estimate the rates of a linkage from judged units.

    The estimates are those of a stratified sample: N_h times the share of each outcome among the judged,
    summed over the strata. For the intervals the share of the units where the machine is right has the
    distribution Beta(x + 1/3, n - x + 1/3), and each kind of error in turn its share of what is left, with a
    prior of 2/3 divided among the kinds (of two kinds 1/3 each again); the units that were not judged are
    binomial with these shares, those that were are known; the limits are the percentiles of each measure
    over the draws. A stratum without an error found so still widens its interval, and one that was judged
    as a whole does not.

    That prior alone puts some errors into every stratum. Over several large strata with none found these add
    up, until the interval leaves out a linkage whose errors are rarer than that. So the limits are also
    those of draws in which such strata have no errors, whichever is farther: the prior only ever widens. An
    interval always holds its estimate.

    Parameters
    ----------
    strata : sequence of JudgedStratum
        Those of one kind with the same outcomes, in an order in which near ones are alike.
    allowed_pairs : float
        All pairs that could have been linked.
    model_missed : float
        Matches outside of all strata, as a model estimates them; they are added to the missed ones. The
        limits of the intervals take none of them, or twice as many.
    corrected : bool
        Take every error that was found as put right: the rates of the links after that.
    draws : int
        Number of draws.
    seed : int
        Of the draws.

    Returns
    -------
    AuditRates

    Notes
    -----
    The prior Beta(1/3, 1/3) is that of Kerman (2011), whose median is near x / n also for few errors. What is
    known of the coverage stands in the guide (docs/guide/audit.md).

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition, chapters 5 and 5A. Wiley.

    Kerman, J. (2011). Neutral noninformative and informative conjugate beta and gamma prior distributions.
    Electronic Journal of Statistics 5, 1450-1470.

    Examples
    --------
    >>> from tallystick.quality.audit_strata import LINK, NO_LINK
    >>> found = audit_rates(
    ...     [
    ...         JudgedStratum("sure", "link", 900, LINK, (100, 0)),
    ...         JudgedStratum("less sure", "link", 100, LINK, (45, 5)),
    ...         JudgedStratum("rejected", "non-link", 400, NO_LINK, (95, 5)),
    ...     ],
    ...     1e6,
    ... )
    >>> found.estimates["precision"], round(found.estimates["recall"], 4)
    (0.99, 0.9802)
    >>> 0.96 < found.intervals["precision"].low < 0.99 < found.intervals["precision"].high < 1
    True
    """
    collapsed = collapse(strata)
    random = np.random.default_rng(seed)
    usable = [one for one in collapsed.strata if one.judged]
    known = _total([_known(one, corrected) for one in usable])
    drawn = [known + part for part in _drawn(usable, draws, random)]
    point = known + _total([_expected_unknown(one) for one in usable])
    estimated = _counts(point, allowed_pairs, model_missed)
    # Nobody has judged what the model adds: there may be none of it, or twice as many.
    added = (2 * model_missed, 0.0)
    of_draws = [_counts(one, allowed_pairs, more).measures() for one, more in zip(drawn, added, strict=True)]
    open_measures = _needed(collapsed)
    estimates: dict[str, float | None] = dict.fromkeys(MEASURES)
    intervals: dict[str, Interval] = {}
    for name, value in estimated.measures().items():
        if name in open_measures and np.isfinite(value):
            estimates[name] = float(value)
            intervals[name] = _limits([one[name] for one in of_draws], float(value))
    true, false, missed = float(point[0]), float(point[1]), float(estimated.missed)
    links = round(true + false, 9)  # a whole number, but for the parts that it is the sum of
    counts = None if collapsed.blank else Rates(links, true, false, missed, float(allowed_pairs))
    ranges = {} if corrected else _ranges(strata, collapsed, allowed_pairs, model_missed, open_measures)
    return AuditRates(estimates, intervals, counts, ranges, collapsed)


def _total(parts: Sequence[Floats]) -> Floats:
    return np.sum(parts, axis=0) if parts else np.zeros(3)


def _counts(sums: Floats, allowed_pairs: float, model_missed: float) -> Counts:
    true, false, missed = (np.asarray(sums[..., k]) for k in range(3))
    return Counts(true + false, true, false, missed + model_missed, float(allowed_pairs))


def _known(one: JudgedStratum, corrected: bool) -> Floats:
    """What the judged units of a stratum add, shape (3,)."""
    counts = np.array(one.counts, np.float64)
    found = np.asarray(counts @ one.contributions)
    if not corrected:
        return found
    follow = float(counts @ np.array([outcome.follow for outcome in one.outcomes]))
    return np.array([found[0] + found[2] - follow, 0.0, follow])


def _drawn(strata: Sequence[JudgedStratum], draws: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """What the units that were not judged add, draw by draw, shapes (draws, 3).

    First with the prior in every stratum; then with strata in which no error was found taken as without any.
    """
    whole, found = np.zeros((draws, 3)), np.zeros((draws, 3))
    for one in strata:
        unknown = _unknown(one, draws, random)
        whole += unknown
        if one.counts[0] < one.judged:
            found += unknown
        else:
            found += (one.size - one.judged) * one.contributions[0]
    return whole, found


def _unknown(one: JudgedStratum, draws: int, random: np.random.Generator) -> Floats:
    """What the units of a stratum that were not judged add, draw by draw, shape (draws, 3)."""
    left = np.full(draws, one.size - one.judged, np.int64)
    judged, kinds = one.judged, len(one.counts) - 1
    total = np.zeros((draws, 3))
    for k, (count, adds) in enumerate(zip(one.counts[:-1], one.contributions[:-1], strict=True)):
        judged -= count
        own_prior, other = (PRIOR, PRIOR) if k == 0 else (2 * PRIOR / kinds, 2 * PRIOR * (kinds - k) / kinds)
        own = random.binomial(left, random.beta(count + own_prior, judged + other, draws))
        total += own[:, None] * adds
        left = left - own
    return np.asarray(total + left[:, None] * one.contributions[-1])


def _expected_unknown(one: JudgedStratum) -> Floats:
    share = np.array(one.counts, np.float64) / one.judged
    return np.asarray((one.size - one.judged) * share @ one.contributions)


def _limits(values: Sequence[Floats], estimate: float) -> Interval:
    tail = (1 - LEVEL) / 2
    ends: list[float] = []
    for of in values:
        known = of[np.isfinite(of)]
        # Values that occur, not values between them: of few errors the limits are whole numbers of errors.
        if known.size:  # not where no draw has a denominator, such as matches
            ends += np.quantile(known, [tail, 1 - tail], method="inverted_cdf").tolist()
    return Interval(min(*ends, estimate), max(*ends, estimate))


def _needed(collapsed: Collapsed) -> tuple[str, ...]:
    """Measures for which somebody was judged: of links alone the precision can be told."""
    if not collapsed.blank:
        return MEASURES
    return () if "link" in collapsed.blank else ("precision",)


def _ranges(
    strata: Sequence[JudgedStratum],
    collapsed: Collapsed,
    allowed_pairs: float,
    model_missed: float,
    measures: Sequence[str],
) -> dict[str, dict[str, Interval]]:
    empty = {name for name, _ in collapsed.joined}
    cases: dict[str, tuple[bool, Callable[[JudgedStratum], int]]] = {
        "unsure": (any(one.unsure for one in strata), lambda one: one.unsure),
        "open": (any(one.open for one in strata), lambda one: one.unsure + one.open),
        "unjudged": (bool(empty), lambda one: one.size if one.name in empty else 0),
    }
    result = {}
    for why, (any_, number) in cases.items():
        if not any_:
            continue
        ends = []
        for outcome in (0, -1):
            filled = collapse([one.answered(number(one), outcome) for one in strata])
            usable = [one for one in filled.strata if one.judged]
            sums = _total([_known(one, False) + _expected_unknown(one) for one in usable])
            ends.append(_counts(sums, allowed_pairs, model_missed).measures())
        result[why] = {
            name: Interval(*sorted((float(ends[0][name]), float(ends[1][name]))))
            for name in measures
            if np.isfinite(ends[0][name]) and np.isfinite(ends[1][name])
        }
    return result
