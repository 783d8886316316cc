"""Links, possible links and non-links among scored pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linking.assign import assign
from tallystick.linking.bipartite import bipartite_posterior, no_link_constant
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds

AT_THRESHOLD = 1e-9


class Verdict(IntEnum):
    """What was decided of a pair."""

    NON_LINK = 0
    POSSIBLE = 1
    LINK = 2

    @property
    def label(self) -> str:
        """As it stands in the files."""
        return ("non-link", "possible", "link")[self]


@dataclass(frozen=True)
class DecidedPairs:
    """Scored pairs with what was decided of them.

    Attributes
    ----------
    pairs : ScoredPairs
        The pairs.
    posterior : float64 array, shape (n,)
        Probability that the pair is a match, the competition of other pairs for its records
        considered where links are one-to-one.
    posterior_pair : float64 array, shape (n,)
        Probability given the pair's pattern alone.
    verdict : int8 array, shape (n,)
        A `Verdict`.
    tie : bool array, shape (n,)
        The pair is in some of the best one-to-one sets but not in all of them, so it is no link.
    """

    pairs: ScoredPairs
    posterior: NDArray[np.float64]
    posterior_pair: NDArray[np.float64]
    verdict: NDArray[np.int8]
    tie: NDArray[np.bool_]

    @property
    def links(self) -> NDArray[np.bool_]:
        """Which pairs are links."""
        return np.asarray(self.verdict == Verdict.LINK)

    @property
    def possible(self) -> NDArray[np.bool_]:
        """Which pairs are possible links."""
        return np.asarray(self.verdict == Verdict.POSSIBLE)

    def records_of(self, chosen: NDArray[np.bool_], n_records: int) -> NDArray[np.bool_]:
        """Which records some of the pairs join.

        Parameters
        ----------
        chosen : bool array, shape (n,)
            The pairs.
        n_records : int
            Number of records over all sources.

        Returns
        -------
        bool array, shape (n_records,)
        """
        joined = np.zeros(n_records, bool)
        joined[self.pairs.left[chosen]] = True
        joined[self.pairs.right[chosen]] = True
        return joined


def logit(p: float) -> float:
    """Natural log of the odds."""
    return float(np.log(p) - np.log1p(-p))


def constant_of(pair: PairOfSources) -> float:
    """The no-link constant of a pair of sources (see `no_link_constant`)."""
    return no_link_constant(pair.n_left, pair.n_right, pair.expected_matches)


def weight_thresholds(parameters: Parameters, decision: Decision | Thresholds) -> list[tuple[float, float]]:
    """Lower and upper threshold as match weights, for each pair of sources.

    With one-to-one links a threshold on the posterior is that of a pair without competitors: a pair
    below it cannot reach the posterior. It is at least 0 then: where nearly all records of a file are
    expected to have a match, the no-link constant falls far below 0, but a pair whose weight is
    negative is evidence against a match and is neither a link nor a possible one.

    Parameters
    ----------
    parameters : Parameters
        The model.
    decision : Decision or Thresholds
        The rule; where it works its thresholds out, what `resolve` makes of it.

    Returns
    -------
    list of (lower, upper)
    """
    if isinstance(decision, Decision) and decision.thresholds is not None:
        raise ValueError("the thresholds of this decision are not worked out yet: see resolve")
    result = []
    for pair in parameters.pairs:
        if decision.scale == "weight":
            result.append((decision.lower, decision.upper))
        elif decision.scale == "log_odds":
            prior = pair.log_prior_odds
            result.append((decision.lower - prior, decision.upper - prior))
        else:
            zero = constant_of(pair) if decision.one_to_one else -pair.log_prior_odds
            least = 0.0 if decision.one_to_one else -np.inf
            lower, upper = (max(least, zero + logit(p)) for p in (decision.lower, decision.upper))
            result.append((lower, upper))
    return result


def decide(pairs: ScoredPairs, parameters: Parameters, decision: Decision | Thresholds) -> DecidedPairs:
    """Apply the decision rule.

    Parameters
    ----------
    pairs : ScoredPairs
        All pairs whose weight reaches the lower threshold of `weight_thresholds`.
    parameters : Parameters
        The model.
    decision : Decision or Thresholds
        The rule; where it works its thresholds out, what `resolve` makes of it. With ``one_to_one`` the
        links between two sources maximise the sum of ``weight - c``, c the no-link constant (after
        Sadinle 2017). A tie, a pair that is in some of
        the best sets but not in all, is a possible link, and so are the pairs of a second assignment
        of the records that are left. No verdict depends on the order of the records: where
        equally good pairs compete, all of them are possible links, and only there can a record
        have several.

    Returns
    -------
    DecidedPairs
    """
    posterior_pair = parameters.posterior(pairs.weight, pairs.source_pair)
    posterior = posterior_pair.copy()
    verdict = np.zeros(len(pairs), np.int8)
    tie = np.zeros(len(pairs), bool)
    thresholds = weight_thresholds(parameters, decision)
    by_weight = decision.scale != "posterior"
    for number, (lower, upper) in enumerate(thresholds):
        own = np.flatnonzero(pairs.source_pair == number)
        if not len(own):
            continue
        if decision.one_to_one:
            gain = pairs.weight[own] - constant_of(parameters.pairs[number])
            left, right = pairs.left[own], pairs.right[own]
            posterior[own] = bipartite_posterior(left, right, gain).probability
            weight = pairs.weight[own]
            score = weight if by_weight else posterior[own]
            cuts = (lower, upper) if by_weight else (decision.lower, decision.upper)
            verdict[own], tie[own] = _one_to_one(left, right, gain, weight, score, cuts, lower)
        elif by_weight:
            score = pairs.weight[own]
            verdict[own] = (score >= lower).astype(np.int8) + (score >= upper)
        else:
            score = posterior[own]
            verdict[own] = (score >= decision.lower).astype(np.int8) + (score >= decision.upper)
    return DecidedPairs(pairs, posterior, posterior_pair, verdict, tie)


def _one_to_one(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    gain: NDArray[np.float64],
    weight: NDArray[np.float64],
    score: NDArray[np.float64],
    cuts: tuple[float, float],
    lower: float,
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Verdicts and ties of the pairs of two sources; `cuts` are the thresholds on `score`, `lower` a weight.

    What decides between equally good assignments is the order of the rows, so nothing is taken from
    an assignment but the pairs that all of the best hold and the ties, which some of them hold. Of the
    first assignment the former are links where they reach the upper threshold, the latter possible
    links where they reach the lower one as a pair without competitors would: a tie itself lowers the
    posterior. The records of both are settled. Of the second assignment, which is of all other
    records, the former are possible links where their score reaches the lower threshold, the latter
    are possible links all.
    """
    lower_score, upper_score = cuts
    above = weight >= lower
    first = assign(left, right, gain)
    links = first.chosen & ~first.tie & (score >= upper_score)
    possible = first.tie & above
    settled = links | possible
    rest = np.flatnonzero(above & ~np.isin(left, left[settled]) & ~np.isin(right, right[settled]))
    # A pair exactly at the threshold is above it too; an assignment takes no gain of 0.
    second = assign(left[rest], right[rest], weight[rest] - lower + AT_THRESHOLD)
    possible[rest] = second.tie | (second.chosen & (score[rest] >= lower_score))
    verdict = np.where(links, Verdict.LINK, np.where(possible, Verdict.POSSIBLE, Verdict.NON_LINK))
    return verdict.astype(np.int8), first.tie
