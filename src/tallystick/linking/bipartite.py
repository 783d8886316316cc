"""Probabilities of one-to-one linkage: which of a record's candidates, or none, is right.

Given the weights, a set of links between two files without duplicates has a probability proportional
to the product of its pairs' ratios (Fortini and others 2001; Sadinle 2017); statistical physics calls
that the monomer-dimer model. The probability of each pair sums over all one-to-one sets that hold it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linking.assign import PairGraph, check_scores, pair_graph

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MAX_WIDTH = 10  # open records in an exact sum over matchings: 1,024 sets at each pair
_MAX_CELLS = 1 << 22  # numbers in its table: 32 MB


@dataclass(frozen=True)
class BipartitePosterior:
    """Probability of each pair under one-to-one linkage.

    Attributes
    ----------
    probability : float64 array, shape (n_pairs,)
        The sum over the pairs of any one record is at most 1; what is missing is "no partner".
    exact : bool array, shape (n_pairs,)
        Whether the probability is exact (but for rounding) or an approximation by loopy messages.
    converged : bool
        Whether the messages settled everywhere.
    sweeps : int
        The most sweeps of messages that a component took.
    """

    probability: Floats
    exact: Bools
    converged: bool
    sweeps: int


@dataclass(frozen=True)
class MatchEstimate:
    """The number of matches that agrees with its own posterior.

    Attributes
    ----------
    expected_matches : float
        Sum of the posterior probabilities.
    no_link_constant : float
        The constant c that belongs to it, in natural-log units.
    converged : bool
        Whether the iteration settled, and the messages of its last step.
    iterations : int
        Number of times that the posterior was computed.
    """

    expected_matches: float
    no_link_constant: float
    converged: bool
    iterations: int


def _check_counts(n_left: int, n_right: int, expected_matches: float) -> None:
    if n_left < 1 or n_right < 1:
        raise InputError(f"The files have {n_left} and {n_right} records; give at least one record a side.")
    if math.isnan(expected_matches):
        raise InputError("The expected number of matches is not a number; give a number of 0 or more.")


def _clip_matches(n_left: int, n_right: int, expected_matches: float) -> float:
    _check_counts(n_left, n_right, expected_matches)
    return min(max(expected_matches, 0.0), float(min(n_left, n_right)))


def no_link_constant(n_left: int, n_right: int, expected_matches: float) -> float:
    """The weight c that a pair must exceed to be worth linking in a one-to-one assignment.

    c = log((n1 - n12 + 1/2)(n2 - n12 + 1/2) / (n12 + 1/2)), with n12 clipped to [0, min(n1, n2)].
    Sadinle (2017) takes all one-to-one sets of k links as equally probable. There are
    (n1 - k)(n2 - k) / (k + 1) times as many sets of k + 1 links as of k, and c is the log of that
    ratio for the step that has n12 in its middle, k = n12 - 1/2.

    Parameters
    ----------
    n_left, n_right : int
        Number of records of each file, n1 and n2; at least 1.
    expected_matches : float
        n12, the expected number of matches.

    Returns
    -------
    float
        Natural-log units.

    Raises
    ------
    InputError
        If a file has no records or the expected number is not a number.

    Examples
    --------
    >>> round(no_link_constant(5000, 5000, 4000.0), 4)
    5.5223
    """
    matches = _clip_matches(n_left, n_right, expected_matches)
    return math.log(n_left - matches + 0.5) + math.log(n_right - matches + 0.5) - math.log(matches + 0.5)


def no_link_slope(n_left: int, n_right: int, expected_matches: float) -> float:
    """By how much the no-link constant falls with a match more: minus its derivative by n12.

    Parameters
    ----------
    n_left, n_right : int
        Number of records of each file; at least 1.
    expected_matches : float
        n12, the expected number of matches.

    Returns
    -------
    float

    Examples
    --------
    >>> rise = no_link_constant(50, 80, 20.0 - 1e-6) - no_link_constant(50, 80, 20.0 + 1e-6)
    >>> round(rise / 2e-6, 6) == round(no_link_slope(50, 80, 20.0), 6)
    True
    """
    matches = _clip_matches(n_left, n_right, expected_matches)
    return 1 / (n_left - matches + 0.5) + 1 / (n_right - matches + 0.5) + 1 / (matches + 0.5)


def none_weight(n_left: int, n_right: int, expected_matches: float) -> float:
    """The weight of "no partner" where the records of file 2 are normalised one by one.

    log(n1 (n2 - n12) / n12), guarded like `no_link_constant`: n12 is clipped to [0, n2], since a record
    of file 1 may have several partners, and 1/2 is added to n2 - n12 and to n12. A record of file 2 has
    a partner with probability n12 / n2, which is any one of the n1 records of file 1 with probability
    1 / n1: so the prior odds of none against one given candidate are n1 (n2 - n12) / n12.

    Parameters
    ----------
    n_left, n_right : int
        Number of records of each file, n1 and n2; at least 1.
    expected_matches : float
        n12, the expected number of matches.

    Returns
    -------
    float
        Natural-log units.

    Raises
    ------
    InputError
        If a file has no records or the expected number is not a number.

    Examples
    --------
    >>> round(none_weight(5000, 5000, 4000.0), 4)
    7.1313
    """
    _check_counts(n_left, n_right, expected_matches)
    matches = min(max(expected_matches, 0.0), float(n_right))
    return math.log(n_left) + math.log(n_right - matches + 0.5) - math.log(matches + 0.5)


def none_slope(n_left: int, n_right: int, expected_matches: float) -> float:
    """By how much the weight of "no partner" falls with a match more: minus its derivative by n12.

    Parameters
    ----------
    n_left, n_right : int
        Number of records of each file; at least 1.
    expected_matches : float
        n12, the expected number of matches.

    Returns
    -------
    float

    Examples
    --------
    >>> rise = none_weight(50, 80, 20.0 - 1e-6) - none_weight(50, 80, 20.0 + 1e-6)
    >>> round(rise / 2e-6, 6) == round(none_slope(50, 80, 20.0), 6)
    True
    """
    _check_counts(n_left, n_right, expected_matches)
    matches = min(max(expected_matches, 0.0), float(n_right))
    return 1 / (n_right - matches + 0.5) + 1 / (matches + 0.5)


@dataclass(frozen=True)
class _Network:
    """A graph of pairs with what belief propagation needs; log messages are updated in place."""

    graph: PairGraph
    start: Ints
    edges: Ints
    order: Ints
    begins: Ints
    to_first: Floats
    to_second: Floats


def _network(left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]) -> _Network:
    from tallystick.linking.kernels_graph import breadth_first, incidence

    graph = pair_graph(left, right)
    start, edges = incidence(graph.first, graph.second, graph.n_nodes)
    order, begins = breadth_first(graph.first, graph.second, start, edges)
    messages = np.zeros((2, graph.first.size))
    return _Network(graph, start, edges, order, begins, messages[0], messages[1])


def _marginals(network: _Network, gain: Floats, tolerance: float, max_sweeps: int) -> BipartitePosterior:
    """Posterior of the pairs in the order in which `network` was given them; gains are finite."""
    from tallystick.linking.kernels_graph import exact_marginals, propagate

    graph, start, edges = network.graph, network.start, network.edges
    order, begins = network.order, network.begins
    gains = gain[graph.position]
    exact_sums = np.zeros(gains.size)
    summed = exact_marginals(
        graph.first,
        graph.second,
        gains,
        start,
        edges,
        graph.n_first,
        order,
        begins,
        _MAX_WIDTH,
        _MAX_CELLS,
        exact_sums,
    )
    sweeps, settled = propagate(
        gains,
        start,
        edges,
        graph.n_first,
        order,
        begins,
        summed,
        network.to_first,
        network.to_second,
        tolerance,
        max_sweeps,
    )
    log_odds = gains + network.to_first + network.to_second
    shrunk = np.exp(-np.abs(log_odds))
    probability = np.where(log_odds > 0, 1.0, shrunk) / (1.0 + shrunk)

    part = np.empty(graph.n_nodes, np.int64)
    part[order] = np.repeat(np.arange(begins.size - 1), np.diff(begins))
    n_edges = np.bincount(part[graph.first], minlength=begins.size - 1)
    is_tree = n_edges == np.diff(begins) - 1
    probability = np.where(summed[part[graph.first]], exact_sums, probability)
    # At a fixed point of the messages the sums are below 1 already; this covers those not settled.
    total = np.bincount(graph.first, probability, graph.n_nodes)
    total += np.bincount(graph.second, probability, graph.n_nodes)
    probability /= np.maximum(1.0, np.maximum(total[graph.first], total[graph.second]))

    in_order = np.empty(gains.size)
    in_order[graph.position] = probability
    exact = np.empty(gains.size, np.bool_)
    exact[graph.position] = (summed | (is_tree & settled))[part[graph.first]]
    return BipartitePosterior(in_order, exact, bool(settled.all()), int(sweeps.max(initial=0)))


def bipartite_posterior(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    gain: Floats,
    *,
    tolerance: float = 1e-10,
    max_sweeps: int = 1000,
) -> BipartitePosterior:
    """Probability of each pair, over all one-to-one sets of pairs.

    A set has probability proportional to exp(sum of its pairs' gains). Components without cycles
    are exact by belief propagation, and so are those with cycles whose matchings can be summed over
    with at most 10 records open at a time (any component with at most 10 records on one side). In
    larger components the same messages run round the cycles and settle, more slowly the larger the
    gains (Bayati and others 2007): mu(i to j) = 1 / (1 + sum over k other than j of x(ik) mu(k to i)),
    x = exp(gain), and p(ij) = x mu mu / (1 + x mu mu). That is close on the whole, but single pairs
    on short cycles of rivals with large gains can be far off; `exact` tells which pairs may be.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global row numbers. No row may occur on both sides, and no pair twice.
    gain : float64 array, shape (n_pairs,)
        Match weight less the no-link constant, natural-log units; minus infinity for a pair that
        cannot be a match.
    tolerance : float, default 1e-10
        Messages have settled when no log message changes by more in a sweep.
    max_sweeps : int, default 1000
        Most sweeps over a component.

    Returns
    -------
    BipartitePosterior

    Raises
    ------
    InputError
        If the arrays differ in shape, a row occurs on both sides, a pair occurs twice, or a gain is
        not a number or is plus infinity.

    References
    ----------
    Bayati, M., Gamarnik, D., Katz, D., Nair, C. and Tetali, P. (2007). Simple deterministic
    approximation algorithms for counting matchings. Proceedings of STOC 2007, 122-127.

    Heilmann, O. J. and Lieb, E. H. (1972). Theory of monomer-dimer systems. Communications in
    Mathematical Physics 25, 190-232.

    Examples
    --------
    Two candidates for one record, each as likely as no partner:

    >>> import numpy as np
    >>> bipartite_posterior(np.array([0, 0]), np.array([1, 2]), np.zeros(2)).probability.round(4)
    array([0.3333, 0.3333])
    """
    check_scores(left, gain, "gain")
    can_match = gain > -np.inf
    found = _marginals(_network(left[can_match], right[can_match]), gain[can_match], tolerance, max_sweeps)
    probability = np.zeros(gain.size)
    probability[can_match] = found.probability
    exact = np.ones(gain.size, np.bool_)
    exact[can_match] = found.exact
    return BipartitePosterior(probability, exact, found.converged, found.sweeps)


def estimate_matches(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    weight: Floats,
    n_left: int,
    n_right: int,
    start: float,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 100,
) -> MatchEstimate:
    """The number of matches n12 that equals the sum of the posterior which follows from it.

    The gains are the weights less `no_link_constant` of n12, and n12 the sum of
    `bipartite_posterior`, in turn. A larger n12 lowers the constant and so raises every step's sum,
    so the steps go one way, up or down from the start, and cannot cycle.

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Global row numbers. No row may occur on both sides, and no pair twice.
    weight : float64 array, shape (n_pairs,)
        Match weights, natural-log units. Pairs left out count as no match.
    n_left, n_right : int
        Number of records of each file, linked or not; at least 1.
    start : float
        First value of n12, such as the expected matches of the model; clipped to [0, min].
    tolerance : float, default 1e-6
        Settled when n12 changes by no more than this share of it (of 1, if it is below 1).
    max_iterations : int, default 100
        Most steps.

    Returns
    -------
    MatchEstimate

    Raises
    ------
    InputError
        As `bipartite_posterior` and `no_link_constant` do.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(50)
    >>> found = estimate_matches(rows, rows + 100, np.full(50, 20.0), 100, 100, start=10.0)
    >>> round(found.expected_matches, 3), found.converged
    (50.0, True)
    """
    check_scores(left, weight, "weight")
    can_match = weight > -np.inf
    network = _network(left[can_match], right[can_match])
    weights = weight[can_match]
    matches = _clip_matches(n_left, n_right, start)
    converged = False
    iterations = 0
    while not converged and iterations < max_iterations:
        gain = weights - no_link_constant(n_left, n_right, matches)
        # messages start from those of the step before: the gains have moved but little
        found = _marginals(network, gain, 1e-10, 1000)
        previous = matches
        matches = _clip_matches(n_left, n_right, math.fsum(found.probability))
        converged = found.converged and abs(matches - previous) <= tolerance * max(1.0, previous)
        iterations += 1
    return MatchEstimate(matches, no_link_constant(n_left, n_right, matches), converged, iterations)
