"""What the members of two households say of whether it is one household.

Two households are the same where at least one person is in both. Which of their members those are is a
one-to-one set of k >= 1 pairs. Among two households of a and b persons there are C(a, k) C(b, k) k! sets of k
pairs; each is taken to be theta times as probable as one with a pair less, so that theta is the odds that two
persons alone in their households are one person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from tallystick.estimation.parameters import Parameters
from tallystick.linking.assign import assign
from tallystick.linking.decide import constant_of
from tallystick.linking.score import ScoredPairs
from tallystick.records.households import HouseholdRecords

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MemberPairs:
    """All pairs of a member of one household and a member of the other, for some pairs of households.

    Attributes
    ----------
    left, right : int32 arrays, shape (n_pairs,)
        Global rows.
    group : int64 array, shape (n_pairs,)
        Which pair of households; ascending.
    n_left, n_right : int64 arrays, shape (n_groups,)
        Members of either household.
    """

    left: Rows
    right: Rows
    group: Ints
    n_left: Ints
    n_right: Ints


@dataclass(frozen=True)
class Evidence:
    """What members say of pairs of households.

    Attributes
    ----------
    weight : float64 array, shape (n_groups,)
        Natural log of the likelihood ratio.
    pairs : int64 array, shape (n_groups,)
        Pairs of persons in the best one-to-one set.
    """

    weight: Floats
    pairs: Ints


def member_pairs(
    households: HouseholdRecords,
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    free: NDArray[np.bool_] | None = None,
) -> MemberPairs:
    """The pairs of members of pairs of households.

    Parameters
    ----------
    households : HouseholdRecords
        The households.
    left, right : integer arrays, shape (n_groups,)
        Pairs of rows of ``households.records``.
    free : bool array, shape (n_records,), optional
        Records that are taken; by default all members.

    Returns
    -------
    MemberPairs
    """
    members, starts = households.members, households.starts
    if free is not None:
        taken = free[members]
        starts = np.concatenate([[0], np.cumsum(taken)])[starts]
        members = members[taken]
    n_left, n_right = (starts[own + 1] - starts[own] for own in (left, right))
    size = n_left * n_right
    group = np.repeat(np.arange(len(left)), size)
    within = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    width = n_right[group]
    i, j = np.divmod(within, np.maximum(width, 1))
    return MemberPairs(
        members[starts[left][group] + i], members[starts[right][group] + j], group, n_left, n_right
    )


def with_some(pairs: MemberPairs) -> MemberPairs:
    """The same without groups that have no pair, numbered anew."""
    there = pairs.n_left * pairs.n_right > 0
    group = (np.cumsum(there) - 1)[pairs.group]
    return MemberPairs(pairs.left, pairs.right, group, pairs.n_left[there], pairs.n_right[there])


def evidence(pairs: MemberPairs, weight: Floats, log_odds: float) -> Evidence:
    """How much likelier members are to be as they are in one household than in two.

    Parameters
    ----------
    pairs : MemberPairs
        All pairs of members.
    weight : float64 array, shape (n_pairs,)
        Natural log of how much likelier each pair is of one person than of two.
    log_odds : float
        log theta.

    Returns
    -------
    Evidence
        ``max over sets S, not empty, of sum(weight + log theta) - log sum over k >= 1 of
        C(a, k) C(b, k) k! theta^k``: the best set stands for the sum over all, which it nearly is where
        persons can be told apart.

    Examples
    --------
    Two persons alone: nothing but their own weight counts.

    >>> one = np.zeros(1, np.int32)
    >>> alone = MemberPairs(one, one + 1, np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))
    >>> evidence(alone, np.array([3.0]), 1.5).weight.tolist()
    [3.0]
    """
    n_groups = len(pairs.n_left)
    gain = weight + log_odds
    # A household may be in several groups: there its members are nodes of their own.
    good = np.flatnonzero(gain > 0)
    n_rows = int(max(pairs.left.max(initial=0), pairs.right.max(initial=0))) + 1
    left = pairs.group[good] * n_rows + pairs.left[good]
    right = (n_groups + pairs.group[good]) * n_rows + pairs.right[good]
    chosen = good[assign(left, right, gain[good]).chosen]
    best = np.bincount(pairs.group[chosen], weights=gain[chosen], minlength=n_groups)
    number = np.bincount(pairs.group[chosen], minlength=n_groups)
    single = np.full(n_groups, -np.inf)
    np.maximum.at(single, pairs.group, gain)
    best = np.where(number > 0, best, single)
    return Evidence(best - log_sets(pairs.n_left, pairs.n_right, log_odds), np.maximum(number, 0))


def _terms(n_left: Ints, n_right: Ints, log_odds: float) -> tuple[Floats, Ints]:
    """Logs of C(a, k) C(b, k) k! theta^k for k = 0, 1, .., a row for each pair of sizes, and k."""
    k = np.arange(int(np.minimum(n_left, n_right).max(initial=0)) + 1)
    a, b = n_left[:, None].astype(float), n_right[:, None].astype(float)
    there = k <= np.minimum(a, b)
    rest_a, rest_b = np.where(there, a - k, 0), np.where(there, b - k, 0)
    logs = gammaln(a + 1) - gammaln(rest_a + 1) + gammaln(b + 1) - gammaln(rest_b + 1) - gammaln(k + 1)
    return np.where(there, logs + k * log_odds, -np.inf), k


def log_sets(n_left: Ints, n_right: Ints, log_odds: float) -> Floats:
    """Log sum over k >= 1 of C(a, k) C(b, k) k! theta^k.

    Parameters
    ----------
    n_left, n_right : int64 arrays, shape (n_groups,)
        a and b.
    log_odds : float
        log theta.

    Returns
    -------
    float64 array, shape (n_groups,)

    Examples
    --------
    With theta = 1, two and three persons: six single pairs and six sets of two.

    >>> float(np.exp(log_sets(np.array([2]), np.array([3]), 0.0))[0].round(6))
    12.0
    """
    sizes, back = np.unique(np.stack([n_left, n_right]), axis=1, return_inverse=True)
    terms, _ = _terms(sizes[0], sizes[1], log_odds)
    return np.asarray(
        logsumexp(terms[:, 1:], axis=1) if terms.shape[1] > 1 else np.full(len(terms), -np.inf)
    )[back.ravel()]


def expected_pairs(n_left: Ints, n_right: Ints, log_odds: float, at_least: int = 0) -> Floats:
    """How many persons two households have in common, before anything is compared.

    Parameters
    ----------
    n_left, n_right : int64 arrays, shape (n_groups,)
        Their members.
    log_odds : float
        log theta.
    at_least : {0, 1}
        Persons that they are known to have in common.

    Returns
    -------
    float64 array, shape (n_groups,)

    Examples
    --------
    >>> expected_pairs(np.array([1, 1]), np.array([1, 2]), np.log(4.0)).round(4).tolist()
    [0.8, 0.8889]
    """
    sizes, back = np.unique(np.stack([n_left, n_right]), axis=1, return_inverse=True)
    terms, k = _terms(sizes[0], sizes[1], log_odds)
    if terms.shape[1] == 1:
        return np.zeros(len(n_left))
    terms, k = terms[:, at_least:], k[at_least:]
    share = np.exp(terms - logsumexp(terms, axis=1, keepdims=True))
    return np.asarray((share * k).sum(axis=1), np.float64)[back.ravel()]


def log_odds_of(
    matches: float, n_left: Ints, n_right: Ints, at_least: int = 0, times: Floats | None = None
) -> float:
    """The log theta by which so many persons are expected in common.

    Parameters
    ----------
    matches : float
        Persons in common of all pairs of households together.
    n_left, n_right : int64 arrays, shape (n_groups,)
        Members of the households.
    at_least : {0, 1}
        As of `expected_pairs`.
    times : float64 array, shape (n_groups,), optional
        How often each pair of households counts.

    Returns
    -------
    float
        Between -7 and 7: beyond that numbers of persons tell nothing.

    Examples
    --------
    >>> ones = np.ones(10, np.int64)
    >>> round(log_odds_of(8.0, ones, ones), 6) == round(float(np.log(4)), 6)
    True
    """
    sizes, back = np.unique(np.stack([n_left, n_right]), axis=1, return_inverse=True)
    count = np.bincount(back.ravel(), weights=times, minlength=sizes.shape[1])
    low, high = -7.0, 7.0
    for _ in range(50):  # the expectation rises with theta
        middle = (low + high) / 2
        if (count * expected_pairs(sizes[0], sizes[1], middle, at_least)).sum() < matches:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def staying_members(
    pairs: MemberPairs, weight: Floats, within: Parameters, scored: ScoredPairs, flat: Parameters
) -> NDArray[np.bool_]:
    """Which pairs of members of linked households are of persons who have no better partner elsewhere.

    A person whose address was misread is in no household, or in another one, although the others of the
    family are linked; a brother must not take the place then. So pairs within and outside of linked
    households compete in one assignment, each with its gain: what it weighs less the constant beyond which a
    link is worth while. Persons who find their partner outside of it are left to a later stage.

    Parameters
    ----------
    pairs : MemberPairs
        Pairs of members of linked households, each household in one group only.
    weight : float64 array, shape (n_pairs,)
        Their weight, of personal comparisons.
    within : Parameters
        Of these.
    scored : ScoredPairs
        All pairs that may be matches, as without households.
    flat : Parameters
        Of these.

    Returns
    -------
    bool array, shape (n_pairs,)
    """
    gain = weight - constant_of(within.pairs[0])
    other = scored.weight - constant_of(flat.pairs[0])
    n = int(max(part.max(initial=0) for part in (pairs.right, scored.right))) + 1
    inside = np.isin(
        scored.left.astype(np.int64) * n + scored.right, pairs.left.astype(np.int64) * n + pairs.right
    )
    own, rest = np.flatnonzero(gain > 0), np.flatnonzero((other > 0) & ~inside)
    left = np.concatenate([pairs.left[own], scored.left[rest]])
    right = np.concatenate([pairs.right[own], scored.right[rest]])
    best = assign(left, right, np.concatenate([gain[own], other[rest]]))
    away = (best.chosen & ~best.tie)[len(own) :]
    gone = [np.unique(side[rest[away]]) for side in (scored.left, scored.right)]
    return np.asarray(~np.isin(pairs.left, gone[0]) & ~np.isin(pairs.right, gone[1]))
