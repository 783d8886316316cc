"""How much the answer to a pair tells: the errors that knowing it is expected to remove.

An error is a link that is no match, or a match that is no link. To know whether a pair e is a match removes
the error that its own verdict is expected to be. Where pairs compete for records, it changes the others as
well: a match takes both records from all rivals, and a non-match leaves more to them. With p the posterior
under the constraint, a rival f that shares a record with e is a match with e never, so that

    p(f | e is a match) = 0,    p(f | e is none) = p(f) / (1 - p(e))

exactly. Pairs that share no record with e but hang together with it through others change less; in components
of few pairs all one-to-one sets are summed over, elsewhere such pairs are taken to be independent of e.

It is the expected value of sample information (Raiffa and Schlaifer 1961), the loss being the number of
errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.linking.cluster import connected_components
from tallystick.linking.constraints import competing
from tallystick.linking.decide import DecidedPairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.integer[Any]]

MOST_PAIRS = 14
"""Pairs of a component whose one-to-one sets are summed over."""
DOUBT = 1e-3
"""Expected errors of a component, and posterior of a rival, below which they are left out of account."""


def expected_gain(
    decided: DecidedPairs,
    limits: Sequence[Constraint],
    *,
    cut: float = 0.5,
    gain: Floats | None = None,
) -> Floats:
    """Errors that the answer to each pair is expected to remove.

    Parameters
    ----------
    decided : DecidedPairs
        The pairs; their posterior is that under the constraint.
    limits : sequence of Constraint
        For each pair of sources, which records have at most one match.
    cut : float
        Posterior from which on a pair whose rival has been answered would be a link.
    gain : float64 array, shape (n_pairs,), optional
        Weight less the no-link constant of each pair, from which the posterior comes; without it pairs that
        share no record are taken to be independent.

    Returns
    -------
    float64 array, shape (n_pairs,)
        Expected numbers of errors, 0 or more.

    References
    ----------
    Raiffa, H. and Schlaifer, R. (1961). Applied statistical decision theory. Harvard University.
    """
    p = np.clip(decided.posterior, 0.0, 1.0)
    result: Floats = np.where(decided.links, 1.0 - p, p)
    for number, one in enumerate(limits):
        own = np.flatnonzero(decided.pairs.source_pair == number)
        if not one.competes or not len(own):
            continue
        left, right = competing(decided.pairs.left[own], decided.pairs.right[own], one)
        result[own] += _of_rivals(left, right, p[own], cut)
        if gain is not None:
            _summed_over(result, own, left, right, p, gain, decided.links, cut)
    return np.maximum(result, 0.0)


def _error(p: Floats, cut: float) -> Floats:
    """Expected error of a pair that is a link from the cut on."""
    return np.where(p >= cut, 1.0 - p, p)


def _of_rivals(left: Rows, right: Rows, p: Floats, cut: float) -> Floats:
    """What the answer to each pair removes of the errors of those that share a record with it."""
    result = np.zeros(len(p))
    before = _error(p, cut)
    told = np.flatnonzero(p > DOUBT)
    for rows in (left, right):
        order = told[np.argsort(rows[told], kind="stable")]
        starts = np.flatnonzero(np.diff(rows[order], prepend=-1))
        sizes = np.diff(starts, append=len(order))
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            own = order[start : start + size]
            if before[own].sum() < DOUBT:
                continue
            none = 1.0 - p[own]
            left_over = np.minimum(p[own][None, :] / np.maximum(none, 1e-12)[:, None], 1.0)
            change = before[own][None, :] - none[:, None] * _error(left_over, cut)
            np.fill_diagonal(change, 0.0)
            result[own] += change.sum(axis=1)
    return result


def _summed_over(
    result: Floats,
    own: Ints,
    left: Rows,
    right: Rows,
    p: Floats,
    gain: Floats,
    links: NDArray[np.bool_],
    cut: float,
) -> None:
    """Replace the gains of small components that are no stars by those of all their one-to-one sets."""
    nodes, ends = np.unique(np.concatenate((left, right)), return_inverse=True)
    a, b = np.split(ends.astype(np.int64), 2)
    component = connected_components(a, b, len(nodes))[a]
    degree = np.bincount(np.concatenate((a, b)), minlength=len(nodes))
    size = np.bincount(component, minlength=len(nodes))
    hub = np.zeros(len(nodes), np.int64)
    np.maximum.at(hub, component, np.maximum(degree[a], degree[b]))
    doubt = np.bincount(component, _error(p[own], cut), minlength=len(nodes))
    asked = (size > hub) & (size <= MOST_PAIRS) & (doubt >= DOUBT)
    within = np.flatnonzero(asked[component])
    within = within[np.argsort(component[within], kind="stable")]
    starts = np.flatnonzero(np.diff(component[within], prepend=-1))
    for members in np.split(within, starts[1:]) if len(within) else ():
        at = own[members]
        result[at] = component_gain(a[members], b[members], gain[at], links[at], cut)


def component_gain(
    first: Ints, second: Ints, gain: Floats, links: NDArray[np.bool_], cut: float = 0.5
) -> Floats:
    """Errors that the answer to each pair of a component removes, over all of its one-to-one sets.

    Parameters
    ----------
    first, second : int64 arrays, shape (n,)
        The records of each pair.
    gain : float64 array, shape (n,)
        Weight less the no-link constant.
    links : bool array, shape (n,)
        Which pairs are links.
    cut : float
        Posterior from which on a pair is a link once another has been answered.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    Two candidates that exclude each other, either as likely as the other and both together nearly sure: one
    answer settles both.

    >>> import numpy as np
    >>> both = component_gain(np.array([0, 0]), np.array([1, 2]), np.full(2, 5.0), np.zeros(2, bool))
    >>> both.round(2)
    array([0.99, 0.99])
    """
    sets = _one_to_one_sets(first, second)
    weight = sets @ gain
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    joint = sets.T @ (weight[:, None] * sets)
    p = np.clip(np.diag(joint), 0.0, 1.0)
    given = np.minimum(joint / np.maximum(p, 1e-300)[:, None], 1.0)
    none = np.clip((p[None, :] - joint) / np.maximum(1.0 - p, 1e-300)[:, None], 0.0, 1.0)
    after = p[:, None] * _error(given, cut) + (1.0 - p)[:, None] * _error(none, cut)
    change = _error(p, cut)[None, :] - after
    np.fill_diagonal(change, np.where(links, 1.0 - p, p))
    return np.asarray(change.sum(axis=1), np.float64)


def _one_to_one_sets(first: Ints, second: Ints) -> Floats:
    """All sets of pairs in which no record comes twice, a row each, 1 for the pairs that it holds."""
    found: list[list[int]] = []

    def grow(at: int, held: list[int], taken: set[int]) -> None:
        if at == len(first):
            found.append(held)
            return
        grow(at + 1, held, taken)
        ends = {int(first[at]), int(second[at])}
        if not ends & taken:
            grow(at + 1, [*held, at], taken | ends)

    grow(0, [], set())
    sets = np.zeros((len(found), len(first)))
    for number, held in enumerate(found):
        sets[number, held] = 1.0
    return sets
