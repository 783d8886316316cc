"""m and u of pairs of households, and of persons within linked ones, by EM with one-to-one posteriors.

Neither can be told from patterns of independent pairs alone. What a pair of households agrees in counts
once, and its members say as much again: so the E step has both. And within linked households the non-matches
are relatives, whose dates of birth and forenames differ otherwise than those of strangers: so u is estimated
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.carried import WORTH, level_sums_of, u_without_links
from tallystick.estimation.parameters import ComparisonParameters
from tallystick.estimation.weighed import weighed
from tallystick.linking.bipartite import bipartite_posterior, no_link_constant
from tallystick.linking.members import Evidence, MemberPairs, evidence, expected_pairs, log_odds_of

Floats = NDArray[np.float64]
Digits = NDArray[np.uint8]
Rows = NDArray[np.int32]

FIRST_LOG_ODDS = float(np.log(4.0))
"""Where theta starts: four of five persons are still in the household."""
ROUNDS = 8
"""Times that the members are assigned anew as theta moves."""
STEPS = 50
"""Most EM steps of a round."""
TOLERANCE = 1e-4
"""EM has settled where the expected matches move by less than this share."""
HOPELESS = -15.0
"""Weight less the no-link constant below which a pair of households is no candidate."""
SMALLEST = 1e-6
"""Least m or u of a level."""


@dataclass(frozen=True)
class HouseholdFit:
    """What EM found of pairs of households.

    Attributes
    ----------
    comparisons : tuple of ComparisonParameters
        m and u of the comparisons of households.
    matches : float
        Expected matches.
    log_odds : float
        log theta (see `tallystick.linking.members`).
    weight : float64 array, shape (n_pairs,)
        Weight of every candidate: of its comparisons, as of usual values, and of its members.
    members : Evidence
        What the members say.
    iterations : int
        EM steps.
    converged : bool
        Whether it settled.
    """

    comparisons: tuple[ComparisonParameters, ...]
    matches: float
    log_odds: float
    weight: Floats
    members: Evidence
    iterations: int
    converged: bool


def weights_of(comparisons: Sequence[ComparisonParameters], digits: Digits) -> Floats:
    """Sum of the weights of levels of pairs, usual values taken; `digits` has shape (n_comparisons, n)."""
    total = np.zeros(digits.shape[1])
    for one, levels in zip(comparisons, digits, strict=True):
        total += np.array([*one.weights, one.missing_weight])[levels]
    return total


def fit_households(
    comparisons: Sequence[Comparison],
    start: Sequence[ComparisonParameters],
    random_levels: Sequence[Floats],
    digits: Digits,
    left: Rows,
    right: Rows,
    sizes: tuple[int, int],
    members: MemberPairs,
    member_weight: Floats,
    *,
    log_odds: float = FIRST_LOG_ODDS,
    hold: bool = False,
    matches: float | None = None,
) -> HouseholdFit:
    """Estimate m, u and the number of matches of pairs of households, and how many members stay.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons of households, as in the specification.
    start : sequence of ComparisonParameters
        Their m, where EM starts, and its prior (worth `tallystick.estimation.carried.WORTH` matches).
    random_levels : sequence of float64 array, shape (n_levels,)
        How many of all pairs of households show each level.
    digits : uint8 array, shape (n_comparisons, n_pairs)
        Levels of the candidates.
    left, right : int32 arrays, shape (n_pairs,)
        Candidate pairs of households.
    sizes : tuple of int
        Numbers of households of both sources.
    members : MemberPairs
        Pairs of their members.
    member_weight : float64 array
        Personal weight of these.
    log_odds : float
        Where log theta starts.
    hold : bool
        Whether m, u and log theta are held, and the number of matches alone is estimated.
    matches : float, optional
        Expected matches, where these are held too.

    Returns
    -------
    HouseholdFit
    """
    own = [
        _started(one, first, among, hold)
        for one, first, among in zip(comparisons, start, random_levels, strict=True)
    ]
    said = evidence(members, member_weight, log_odds)
    if matches is not None and hold:
        return HouseholdFit(
            tuple(own), matches, log_odds, weights_of(own, digits) + said.weight, said, 0, True
        )
    matches, steps, converged = 0.5 * min(sizes), 0, False
    for _ in range(ROUNDS):
        settled = False
        for _ in range(STEPS):
            steps += 1
            weight = weights_of(own, digits) + said.weight
            gain = weight - no_link_constant(*sizes, matches)
            posterior = _posterior(left, right, gain)
            before, matches = matches, float(posterior.sum())
            if not hold:
                own = [
                    _updated(one, comparison, first, sums, among)
                    for one, comparison, first, sums, among in zip(
                        own, comparisons, start, level_sums_of(digits, posterior, [len(s.m) for s in own]),
                        random_levels, strict=True,
                    )
                ]  # fmt: skip
            if abs(matches - before) <= TOLERANCE * max(matches, 1.0):
                settled = True
                break
        if hold:
            converged = settled
            break
        shared = float((posterior * np.maximum(said.pairs, 1)).sum())
        moved = log_odds_of(shared, members.n_left, members.n_right, 1, posterior)
        converged = settled and abs(moved - log_odds) < 0.01
        if converged:
            break
        log_odds = moved
        said = evidence(members, member_weight, log_odds)
    return HouseholdFit(
        tuple(own), matches, log_odds, weights_of(own, digits) + said.weight, said, steps, converged
    )


def _posterior(left: Rows, right: Rows, gain: Floats) -> Floats:
    """One-to-one posteriors; pairs that nobody could take for a match do not compete."""
    posterior = np.zeros(len(gain))
    likely = np.flatnonzero(gain > HOPELESS)
    found = bipartite_posterior(left[likely], right[likely], gain[likely], tolerance=1e-6, max_sweeps=100)
    posterior[likely] = found.probability
    return posterior


def _started(
    comparison: Comparison, first: ComparisonParameters, among_all: Floats, hold: bool
) -> ComparisonParameters:
    # What related persons share is no matter among households.
    u = first.u
    if not hold and comparison.u is None:
        u = _probabilities(u_without_links(among_all, np.zeros(len(u))))
    return weighed(replace(first, u=u, r=None, shared=None), comparison)


def _updated(
    one: ComparisonParameters,
    comparison: Comparison,
    first: ComparisonParameters,
    matched: Floats,
    among_all: Floats,
) -> ComparisonParameters:
    m, u = one.m, one.u
    if comparison.m is None:
        m = _probabilities(matched + WORTH * np.array(first.m))
    if comparison.u is None:
        u = _probabilities(u_without_links(among_all, matched))
    found = replace(
        one,
        m=m,
        u=u,
        m_origin=one.m_origin if comparison.m else "EM of pairs of households",
        u_origin=one.u_origin if comparison.u else "random pairs of households, less the matches",
    )
    return weighed(found, comparison)


def _probabilities(counts: Floats) -> tuple[float, ...]:
    shares = np.maximum(counts / counts.sum(), SMALLEST)
    return tuple((shares / shares.sum()).tolist())


@dataclass(frozen=True)
class WithinFit:
    """What EM found of persons within linked households.

    Attributes
    ----------
    comparisons : tuple of ComparisonParameters
        m and u of the personal comparisons.
    matches : float
        Expected matches.
    log_odds : float
        log theta of these households.
    iterations : int
        EM steps.
    converged : bool
        Whether it settled.
    """

    comparisons: tuple[ComparisonParameters, ...]
    matches: float
    log_odds: float
    iterations: int
    converged: bool


def fit_within(
    comparisons: Sequence[Comparison],
    start: Sequence[ComparisonParameters],
    digits: Digits,
    pairs: MemberPairs,
    *,
    log_odds: float,
    hold: bool = False,
) -> WithinFit:
    """Estimate m and u of personal comparisons within linked households, and how many members stay.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The personal comparisons, as in the specification.
    start : sequence of ComparisonParameters
        m and u of matches and of strangers: where EM starts, and its prior (worth
        `tallystick.estimation.carried.WORTH` pairs each).
    digits : uint8 array, shape (n_comparisons, n_pairs)
        Levels of all pairs of members.
    pairs : MemberPairs
        These pairs; a person may be in one pair of households only, or in several.
    log_odds : float
        Where log theta starts; with `hold` also its prior, worth as many pairs of single persons.
    hold : bool
        Whether m and u are held.

    Returns
    -------
    WithinFit
    """
    own = [_plain(one, first) for one, first in zip(comparisons, start, strict=True)]
    prior_odds, matches, converged, steps = log_odds, 0.0, False, 0
    ones = np.ones(1, np.int64)
    at_first = float(expected_pairs(ones, ones, prior_odds)[0])
    worth = WORTH if hold else 0.0
    times = np.concatenate([np.ones(len(pairs.n_left)), [worth]])
    n_left, n_right = (np.concatenate([n, ones]) for n in (pairs.n_left, pairs.n_right))
    sizes = [len(one.m) for one in own]
    for _ in range(STEPS):
        steps += 1
        gain = weights_of(own, digits) + log_odds
        posterior = _posterior(pairs.left, pairs.right, gain)
        before, matches = matches, float(posterior.sum())
        log_odds = log_odds_of(matches + worth * at_first, n_left, n_right, 0, times)
        if not hold:
            matched = level_sums_of(digits, posterior, sizes)
            others = level_sums_of(digits, 1.0 - posterior, sizes)
            own = [
                _of_members(*of) for of in zip(own, comparisons, start, matched, others, strict=True)
            ]  # fmt: skip
        if abs(matches - before) <= TOLERANCE * max(matches, 1.0):
            converged = True
            break
    return WithinFit(tuple(own), matches, log_odds, steps, converged)


def _plain(comparison: Comparison, one: ComparisonParameters) -> ComparisonParameters:
    """Without a term for common values: brothers do not share a forename the oftener for its being common."""
    return replace(weighed(replace(one, r=None, shared=None), comparison), values=None)


def _of_members(
    one: ComparisonParameters,
    comparison: Comparison,
    first: ComparisonParameters,
    matched: Floats,
    others: Floats,
) -> ComparisonParameters:
    m = one.m if comparison.m is not None else _probabilities(matched + WORTH * np.array(first.m))
    found = replace(
        one,
        m=m,
        u=_probabilities(others + WORTH * np.array(first.u)),
        m_origin="given" if comparison.m is not None else "EM within households",
        u_origin="EM within households, of members who are no matches",
    )
    return _plain(comparison, found)
