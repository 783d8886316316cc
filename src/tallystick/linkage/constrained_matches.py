"""How many matches there are where EM expects more than links may be.

EM counts pairs that compete for records as if each could be a match, and then adds those that no pass finds,
whose share it can hardly tell where the passes share a field. Bounded by the records of a file it says that
each of them has a match: no link would cost anything (`tallystick.linking.bipartite.no_link_constant`), and
strangers would be linked. So the number is put together anew:

- those among the candidates are as many as the posteriors add up to under the constraint, which follow from
  the number of matches: the number at which both agree, from that of EM downwards or upwards;
- those that no pass finds are as many as EM says, but at most half of the records left, as nothing is
  known of these: each has a match or not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linking.bipartite import bipartite_posterior
from tallystick.linking.constraints import HasLinks, competing, constraint_of, zero_weight
from tallystick.linking.score import ScoredPairs

STEPS = 50
CLOSE = 1e-3
"""Settled when the number changes by a smaller share of it."""


def at_bound(parameters: Parameters, rule: HasLinks) -> list[int]:
    """Numbers of the pairs of sources that EM has given as many matches as there can be.

    Parameters
    ----------
    parameters : Parameters
        What was estimated.
    rule : Decision or Thresholds
        How many links a record may have.

    Returns
    -------
    list of int
    """
    found = []
    for number, pair in enumerate(parameters.pairs):
        limits = constraint_of(rule, pair)
        if pair.origin != "EM" or pair.left == pair.right or not limits.competes:
            continue
        most = limits.most_matches(pair.n_left, pair.n_right, float(pair.pairs))
        if np.isclose(pair.expected_matches, most, rtol=1e-9, atol=0.0):  # EM was held there
            found.append(number)
    return found


def constrained_matches(parameters: Parameters, scored: ScoredPairs, rule: HasLinks) -> Parameters:
    """Replace numbers of matches that stand at their bound; a warning says which are taken.

    Parameters
    ----------
    parameters : Parameters
        What was estimated.
    scored : ScoredPairs
        The candidate pairs that matter, scored with it.
    rule : Decision or Thresholds
        How many links a record may have.

    Returns
    -------
    parameters : Parameters
    """
    pairs, said = list(parameters.pairs), []
    found = [pair.expected_matches * parameters.selected_matches for pair in pairs]
    for number in at_bound(parameters, rule):
        own, found[number] = _settled(pairs[number], number, parameters.selected_matches, scored, rule)
        pairs[number] = own
        missed = own.expected_matches - found[number]
        said.append(
            f"{own.expected_matches:,.0f} matches between {own.left} and {own.right} are taken: "
            f"{found[number]:,.0f} among the candidates, to which the posteriors of the allowed links add up"
            + (f", and {missed:,.0f} that no pass finds, which is a guess." if missed >= 0.5 else ".")
        )
    selected = sum(found) / sum(pair.expected_matches for pair in pairs)
    return replace(
        parameters,
        pairs=tuple(pairs),
        selected_matches=selected,
        warnings=(*parameters.warnings, *said),
    )


def _settled(
    pair: PairOfSources, number: int, selected: float, scored: ScoredPairs, rule: HasLinks
) -> tuple[PairOfSources, float]:
    """The pair of sources with another number of matches, and those of them among the candidates."""
    limits = constraint_of(rule, pair)
    own = np.flatnonzero(scored.source_pair == number)
    left, right = competing(scored.left[own], scored.right[own], limits)
    weight = scored.weight[own]
    most = pair.expected_matches
    found = most * selected
    for _ in range(STEPS):
        price = zero_weight(replace(pair, expected_matches=_total(found, selected, most)), limits)
        before = found
        found = float(bipartite_posterior(left, right, weight - price).probability.sum())
        found = min(max(found, 0.5), most)
        if abs(found - before) < CLOSE * before:
            break
    odds = pair.log_prior_odds + float(np.log(found / (most * selected)))
    return replace(pair, expected_matches=_total(found, selected, most), log_prior_odds=odds), found


def _total(found: float, selected: float, most: float) -> float:
    """Matches with those that no pass finds: of the records that are left at most half have one."""
    return found + min(found * (1 / selected - 1), 0.5 * (most - found))
