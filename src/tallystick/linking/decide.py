"""Links, possible links and non-links among scored pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linking.assign import assign
from tallystick.linking.bipartite import bipartite_posterior, no_link_constant
from tallystick.linking.constraints import competing, constraint_of, zero_weight
from tallystick.linking.decision import AssignmentKind, Decision
from tallystick.linking.greedy import greedy, unique_pairs
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
        considered where pairs compete for records.
    posterior_pair : float64 array, shape (n,)
        Probability given the pair's pattern alone.
    verdict : int8 array, shape (n,)
        A `Verdict`.
    tie : bool array, shape (n,)
        The assignment does not choose between this pair and others, so that it is no link whatever the upper
        threshold is: it is in some of the best sets but not in all of them, as good as a pair that competes
        with it, or, where only unique pairs are links, not the only one of its records.
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
    """The no-link constant of a pair of sources (see `no_link_constant`), or the one that it states."""
    if pair.constant is not None:
        return pair.constant
    return no_link_constant(pair.n_left, pair.n_right, pair.expected_matches)


def weight_thresholds(
    parameters: Parameters, decision: Decision | Thresholds, *, alone: bool = False
) -> list[tuple[float, float]]:
    """Lower and upper threshold as match weights, for each pair of sources.

    Where pairs compete for records a threshold on the posterior is that of a pair without competitors: a pair
    below it cannot reach the posterior. It is at least 0 then: where nearly all records of a file are
    expected to have a match, the no-link constant falls far below 0, but a pair whose weight is
    negative is evidence against a match and is neither a link nor a possible one.

    Parameters
    ----------
    parameters : Parameters
        The model.
    decision : Decision or Thresholds
        The rule; where it works its thresholds out, what `resolve` makes of it.
    alone : bool
        Take every pair for itself, whatever the rule asks of links.

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
            limits = Constraint() if alone else constraint_of(decision, pair)
            zero = zero_weight(pair, limits)
            least = 0.0 if limits.competes else -np.inf
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
        The rule; where it works its thresholds out, what `resolve` makes of it. With one-to-one links
        between two sources these maximise the sum of ``weight - c``, c the no-link constant (after
        Sadinle 2017). A tie, a pair that is in some of
        the best sets but not in all, is a possible link, and so are the pairs of a second assignment
        of the records that are left. No verdict depends on the order of the records: where
        equally good pairs compete, all of them are possible links, and only there can a record
        have several. Where only the records of one source have one link at most, each has its best
        candidate, and c is the weight of "none" (`none_weight`).

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
        limits = constraint_of(decision, parameters.pairs[number])
        if limits.competes:
            gain = pairs.weight[own] - zero_weight(parameters.pairs[number], limits)
            left, right = competing(pairs.left[own], pairs.right[own], limits)
            posterior[own] = bipartite_posterior(left, right, gain).probability
            weight = pairs.weight[own]
            score = weight if by_weight else posterior[own]
            cuts = (lower, upper) if by_weight else (decision.lower, decision.upper)
            verdict[own], tie[own] = _assigned(
                left, right, gain, weight, score, cuts, lower, decision.assignment
            )
        elif by_weight:
            score = pairs.weight[own]
            verdict[own] = (score >= lower).astype(np.int8) + (score >= upper)
        else:
            score = posterior[own]
            verdict[own] = (score >= decision.lower).astype(np.int8) + (score >= decision.upper)
    return DecidedPairs(pairs, posterior, posterior_pair, verdict, tie)


def _assigned(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    gain: NDArray[np.float64],
    weight: NDArray[np.float64],
    score: NDArray[np.float64],
    cuts: tuple[float, float],
    lower: float,
    kind: AssignmentKind,
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Verdicts and ties of the pairs of two sources; `cuts` are the thresholds on `score`, `lower` a weight.

    What decides between equally good assignments is the order of the rows, so nothing is taken from
    an assignment but the pairs that all of the best hold and the ties, which some of them hold. Of the
    first assignment the former are links where they reach the upper threshold, the latter possible
    links where they reach the lower one as a pair without competitors would: a tie itself lowers the
    posterior. The records of both are settled. Of the second assignment, which is of all other
    records, the former are possible links where their score reaches the lower threshold, the latter
    are possible links all.

    Where only unique pairs are links, those that are not compete for nothing: they are ties, all of them.
    """
    lower_score, upper_score = cuts
    above = weight >= lower
    if kind == "unique":
        alone = unique_pairs(left, right, above)
        links = alone & (gain > 0) & (score >= upper_score)
        possible = above & (~alone | (score >= lower_score)) & ~links
        return _verdicts(links, possible), above & ~alone
    chosen_by = greedy if kind == "greedy" else assign
    # Where the constant is negative, a pair may gain although its weight speaks against it: no link either.
    first = chosen_by(left, right, np.where(above | (weight >= 0), gain, -np.inf))
    links = first.chosen & ~first.tie & (score >= upper_score)
    possible = first.tie & above
    settled = links | possible
    rest = np.flatnonzero(above & ~np.isin(left, left[settled]) & ~np.isin(right, right[settled]))
    # A pair exactly at the threshold is above it too; an assignment takes no gain of 0.
    second = chosen_by(left[rest], right[rest], weight[rest] - lower + AT_THRESHOLD)
    possible[rest] = second.tie | (second.chosen & (score[rest] >= lower_score))
    return _verdicts(links, possible), first.tie


def _verdicts(links: NDArray[np.bool_], possible: NDArray[np.bool_]) -> NDArray[np.int8]:
    verdict = np.where(links, Verdict.LINK, np.where(possible, Verdict.POSSIBLE, Verdict.NON_LINK))
    return verdict.astype(np.int8)
