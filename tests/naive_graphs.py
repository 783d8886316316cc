"""Plain twins of the functions on graphs of pairs: every one-to-one set, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def matchings(left: Sequence[int], right: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every set of pairs in which no row occurs twice, as positions of pairs."""

    def grow(at: int, taken: tuple[int, ...], used: frozenset[tuple[str, int]]) -> Iterator[tuple[int, ...]]:
        if at == len(left):
            yield taken
            return
        yield from grow(at + 1, taken, used)
        ends = {("left", left[at]), ("right", right[at])}
        if not used & ends:
            yield from grow(at + 1, (*taken, at), used | ends)

    yield from grow(0, (), frozenset())


def best_with_and_without(
    left: Sequence[int], right: Sequence[int], gain: Sequence[float]
) -> tuple[float, list[float], list[float]]:
    """The largest sum of gains of a one-to-one set; the largest with, and without, each of the pairs."""
    best = 0.0
    bests = [[-math.inf] * len(left), [-math.inf] * len(left)]
    for chosen in matchings(left, right):
        total = math.fsum(gain[k] for k in chosen)
        best = max(best, total)
        for k in range(len(left)):
            side = bests[k not in chosen]
            side[k] = max(side[k], total)
    return best, bests[0], bests[1]


def sure_and_tied(
    left: Sequence[int], right: Sequence[int], gain: Sequence[float], tolerance: float
) -> tuple[set[int], set[int]]:
    """Pairs in all of the best one-to-one sets, and pairs in some only; no pair of gain 0 or less."""
    best, with_it, without = best_with_and_without(left, right, gain)
    eligible = [k for k in range(len(left)) if gain[k] > 0]
    some = {k for k in eligible if best - with_it[k] < tolerance}
    some_without = {k for k in eligible if best - without[k] < tolerance}
    return some - some_without, some & some_without


def posterior(left: Sequence[int], right: Sequence[int], gain: Sequence[float]) -> list[float]:
    """Probability of each pair where a one-to-one set weighs exp(sum of its gains)."""
    sets = list(matchings(left, right))
    logs = [math.fsum(gain[k] for k in chosen) for chosen in sets]
    highest = max(logs)
    weights = [math.exp(value - highest) for value in logs]
    total = math.fsum(weights)
    return [
        math.fsum(w for w, chosen in zip(weights, sets, strict=True) if k in chosen) / total
        for k in range(len(left))
    ]


def greedy_outcomes(left: list[int], right: list[int], gain: list[float]) -> set[frozenset[int]]:
    """Every set of pairs that taking them by falling gain can end in, equal ones in any order."""

    def level_ends(open_pairs: list[int], taken: frozenset[int]) -> Iterator[frozenset[int]]:
        free = [k for k in open_pairs if all(left[k] != left[j] and right[k] != right[j] for j in taken)]
        if not free:
            yield taken
        for k in free:
            yield from level_ends([j for j in free if j != k], taken | {k})

    found = {frozenset[int]()}
    for value in sorted({one for one in gain if one > 0}, reverse=True):
        level = [k for k, one in enumerate(gain) if one == value]
        found = {end for taken in found for end in level_ends(level, taken)}
    return found


def entities(left: Sequence[int], right: Sequence[int], n_records: int) -> list[int]:
    """Entity of each record, numbered by first record, by spreading the lowest row until it settles."""
    lowest = list(range(n_records))
    changed = True
    while changed:
        changed = False
        for a, b in zip(left, right, strict=True):
            low = min(lowest[a], lowest[b])
            changed = changed or lowest[a] != low or lowest[b] != low
            lowest[a] = lowest[b] = low
    numbers = {row: number for number, row in enumerate(sorted(set(lowest)))}
    return [numbers[row] for row in lowest]


def random_pairs(
    rng: np.random.Generator, n_left: int, n_right: int, n_pairs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct pairs of rows in random order; right rows follow the left ones."""
    cells = rng.permutation(n_left * n_right)[:n_pairs]
    return cells // n_right, n_left + cells % n_right
