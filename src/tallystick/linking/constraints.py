"""What a constraint on links means for weights and pairs: the price of no link, and what competes.

Where both records of a pair have at most one link, a link costs the no-link constant. Where only those of
one source have, each of these is normalised by itself: which of its candidates, or none, is its match. A
record that may have several links competes for nothing: in an assignment each of its pairs has a copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint, Links, constraint
from tallystick.estimation.parameters import PairOfSources
from tallystick.linking.bipartite import no_link_constant, no_link_slope, none_slope, none_weight

Rows = NDArray[np.integer[Any]]


class HasLinks(Protocol):
    """A decision rule: `Decision` or `Thresholds`."""

    @property
    def links(self) -> Links:
        """How many partners a record may have."""
        ...


def constraint_of(rule: HasLinks | Links, pair: PairOfSources) -> Constraint:
    """The constraint on the links of a pair of sources: what the rule asks, and what the sources declare.

    Parameters
    ----------
    rule : Decision, Thresholds or str
        The rule, or its `links`.
    pair : PairOfSources
        The sources.

    Returns
    -------
    Constraint
    """
    links = rule if isinstance(rule, str) else rule.links
    return constraint(links, pair.left_duplicate_free, pair.right_duplicate_free)


def any_competes(rule: HasLinks | Links, pairs: Sequence[PairOfSources]) -> bool:
    """Whether pairs compete for records in any pair of sources."""
    return any(constraint_of(rule, pair).competes for pair in pairs)


def zero_weight(pair: PairOfSources, limits: Constraint) -> float:
    """The weight at which a pair without competitors is a match with a probability of one half.

    Parameters
    ----------
    pair : PairOfSources
        The sources.
    limits : Constraint
        Which records have at most one match.

    Returns
    -------
    float
        The one that the pair states, if it does; the no-link constant where both sides have
        (`no_link_constant`); the weight of "none" of the side that has (`none_weight`); minus the prior log
        odds where neither has.
    """
    if pair.constant is not None:
        return pair.constant
    if limits.one_to_one:
        return no_link_constant(pair.n_left, pair.n_right, pair.expected_matches)
    if limits.right_once:
        return none_weight(pair.n_left, pair.n_right, pair.expected_matches)
    if limits.left_once:
        return none_weight(pair.n_right, pair.n_left, pair.expected_matches)
    return -pair.log_prior_odds


def zero_slope(pair: PairOfSources, limits: Constraint) -> float:
    """By how much `zero_weight` falls with the log of the expected matches.

    Parameters
    ----------
    pair, limits
        As of `zero_weight`.

    Returns
    -------
    float
    """
    matches = pair.expected_matches
    if pair.constant is not None:
        return 0.0
    if limits.one_to_one:
        return no_link_slope(pair.n_left, pair.n_right, matches) * matches
    if limits.right_once:
        return none_slope(pair.n_left, pair.n_right, matches) * matches
    if limits.left_once:
        return none_slope(pair.n_right, pair.n_left, matches) * matches
    return 1.0


def competing(left: Rows, right: Rows, limits: Constraint) -> tuple[Rows, Rows]:
    """The rows that pairs compete for: a record that may have several links becomes a copy for each pair.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global rows of the pairs of two sources.
    limits : Constraint
        Which records have at most one link.

    Returns
    -------
    left, right : integer arrays, shape (n_pairs,)
        A one-to-one set of these is a set that the constraint allows, and the other way round.

    Examples
    --------
    >>> left, right = competing(np.array([0, 0]), np.array([5, 6]), Constraint(right_once=True))
    >>> left.tolist(), right.tolist()
    ([7, 8], [5, 6])
    """
    if limits.one_to_one or not len(left):
        return left, right
    first = int(max(left.max(), right.max())) + 1
    copies = np.arange(first, first + len(left), dtype=np.int64)
    if not limits.left_once:
        left = copies
    if not limits.right_once:
        right = copies + (len(copies) if not limits.left_once else 0)
    return left, right
