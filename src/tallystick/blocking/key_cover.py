"""The cheapest keys that together find a share of known matches: weighted set cover.

Greedy by new matches a pair (Chvatal 1979, A greedy heuristic for the set-covering problem, Mathematics of
Operations Research 4; with a stop at a share Slavik 1997, Improved performance of the greedy algorithm for
partial cover, Information Processing Letters 64), then keys are taken out, and exchanged for cheaper ones,
while the share holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POWERS = (1.0, 0.7, 0.5, 0.3, 0.1)
"""Greedy choices by matches / pairs ** power: a lower power takes fewer and larger keys."""
MOST_KEYS = 8
"""Keys that are chosen: more passes are hard to look after."""

Bools = NDArray[np.bool_]
Matrix = NDArray[np.float64]


def cheapest_cover(
    finds: Bools,
    weights: Matrix,
    costs: Matrix,
    share: float,
    parts: Sequence[frozenset[int]],
    most_parts: int,
    most_keys: int = MOST_KEYS,
) -> list[int]:
    """Choose keys that find a share of matches at few pairs.

    Parameters
    ----------
    finds : bool array, shape (n_keys, n_matches)
        Which key finds which match.
    weights : float64 array, shape (n_matches,)
        What each match counts.
    costs : float64 array, shape (n_keys,)
        Pairs of each key, above 0.
    share : float
        Share of the weights to be found.
    parts : sequence of frozenset of int
        Parts of each key.
    most_parts : int
        How many different parts the chosen keys may have together.
    most_keys : int
        How many keys may be chosen.

    Returns
    -------
    list of int
        Numbers of the keys, in ascending order of cost; where no choice reaches the share those that come
        nearest.

    Examples
    --------
    >>> finds = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]], bool)
    >>> sets = [frozenset([k]) for k in range(3)]
    >>> cheapest_cover(finds, np.ones(4), np.array([10.0, 2.0, 3.0]), 1.0, sets, 3)
    [1, 2]
    """
    need = share * float(weights.sum())
    tried = [_greedy(finds, weights, costs, need, parts, most_parts, most_keys, power) for power in POWERS]
    improved = [_improved(one, finds, weights, costs, need, parts, most_parts) for one in tried]
    reached = [one for one in improved if _found(finds[one], weights) >= need - 1e-9]
    if reached:
        best = min(reached, key=lambda one: float(costs[one].sum()))
    else:
        best = max(improved, key=lambda one: _found(finds[one], weights))
    return sorted(best, key=lambda key: (costs[key], key))


def _found(finds: Bools, weights: Matrix) -> float:
    return float(weights[finds.any(axis=0)].sum()) if len(finds) else 0.0


def _allowed(chosen: Sequence[int], key: int, parts: Sequence[frozenset[int]], most: int) -> bool:
    return len(parts[key].union(*(parts[one] for one in chosen))) <= most


def _greedy(
    finds: Bools,
    weights: Matrix,
    costs: Matrix,
    need: float,
    parts: Sequence[frozenset[int]],
    most: int,
    most_keys: int,
    power: float,
) -> list[int]:
    chosen: list[int] = []
    left = weights.copy()
    lacking = need
    while lacking > 1e-9 and len(chosen) < most_keys:
        gains = np.minimum(finds @ left, lacking)
        order = np.argsort(-gains / costs**power, kind="stable")
        key = next((int(k) for k in order if gains[k] > 0 and _allowed(chosen, k, parts, most)), None)
        if key is None:
            break
        chosen.append(key)
        left[finds[key]] = 0
        lacking = need - (float(weights.sum()) - float(left.sum()))
    return chosen


def _improved(
    chosen: list[int],
    finds: Bools,
    weights: Matrix,
    costs: Matrix,
    need: float,
    parts: Sequence[frozenset[int]],
    most: int,
) -> list[int]:
    """Take out or exchange one key at a time, the dearest first, as long as that saves pairs."""
    if _found(finds[chosen], weights) < need - 1e-9:
        return chosen
    again = True
    while again:
        again = False
        for key in sorted(chosen, key=lambda one: -costs[one]):
            rest = [one for one in chosen if one != key]
            left = np.where(finds[rest].any(axis=0), 0.0, weights) if rest else weights
            lacking = need - (float(weights.sum()) - float(left.sum()))
            if lacking <= 1e-9:
                chosen, again = rest, True
                break
            enough = np.flatnonzero((finds @ left >= lacking - 1e-9) & (costs < costs[key]))
            cheaper = [int(k) for k in enough[np.argsort(costs[enough], kind="stable")]]
            other = next((k for k in cheaper if _allowed(rest, k, parts, most)), None)
            if other is not None:
                chosen, again = [*rest, other], True
                break
    return chosen
