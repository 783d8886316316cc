"""Candidate pairs worth labelling: drawn by strata of the posterior, with known inclusion probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.blocking.units import Rectangle, Unit
from tallystick.estimation.parameters import Parameters
from tallystick.linking.score import score, weigh_pairs
from tallystick.linking.strata import EDGES, Strata, allocate, strata_of
from tallystick.patterns.count import PatternCounts, pattern_pairs
from tallystick.patterns.pairs import PatternPairs
from tallystick.patterns.plan import PairPlan

MOST = 5_000_000
"""Pairs that are listed to draw from, where all pairs are compared."""
TRIES = 65_536
"""Random pairs that are looked at together."""
SLACK = 1e-6
"""Weights summed in another order differ by less."""

Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]
"""Left rows, right rows, pairs of sources; shape (n,) each."""


@dataclass(frozen=True)
class DrawnPairs:
    """A stratified sample of candidate pairs.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.
    weight, posterior : float64 arrays, shape (n,)
        Match weight, and probability of a match given the pattern.
    pattern : int64 array, shape (n,)
        Number of the agreement pattern of the comparisons.
    source_pair : int64 array, shape (n,)
        Which pair of sources each belongs to.
    stratum : int64 array, shape (n,)
        Its stratum, from the lowest posterior up.
    inclusion : float64 array, shape (n,)
        Probability with which it was drawn from the candidate pairs: n_h / N_h.
    strata : Strata
        The strata.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]
    posterior: NDArray[np.float64]
    pattern: NDArray[np.int64]
    source_pair: NDArray[np.int64]
    stratum: NDArray[np.int64]
    inclusion: NDArray[np.float64]
    strata: Strata

    def __len__(self) -> int:
        return len(self.left)


def draw_pairs(
    plan: PairPlan,
    parameters: Parameters,
    counts: PatternCounts,
    n: int,
    seed: int,
    threads: int | None = None,
    progress: Progress = silent,
) -> DrawnPairs:
    """Draw candidate pairs by strata of their posterior, at random within each.

    Parameters
    ----------
    plan : PairPlan
        The plan of the pairs.
    parameters : Parameters
        The model.
    counts : PatternCounts
        Counts of the patterns of all candidate pairs.
    n : int
        Size of the sample; all pairs where there are fewer.
    seed : int
        Seed of the draw; it does not depend on the number of threads.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the sweep over the pairs is.

    Returns
    -------
    DrawnPairs
        In random order.
    """
    random = np.random.default_rng([seed, n])
    n_source_pairs = len(plan.blocking.source_pairs)
    strata = strata_of(parameters, counts, n_source_pairs)
    if plan.tiles is None:
        taken = allocate(strata.totals, strata.doubt, n)
        wanted = [
            np.sort(random.choice(size, k, replace=False))
            for size, k in zip(strata.totals, taken, strict=True)
        ]
        left, right, source_pair = _swept(plan, parameters, counts, strata, wanted, threads, progress)
    else:
        # The strata that are too large to be listed are one, from which random pairs are taken.
        listed = np.append(np.cumsum(strata.totals[::-1])[::-1], 0) <= MOST
        cut = int(listed.argmax())
        if cut > 1:
            strata = strata_of(parameters, counts, n_source_pairs, EDGES[cut - 1 :])
        taken = allocate(strata.totals, strata.doubt, n)
        left, right, source_pair = _listed(
            plan, parameters, strata, cut > 0, taken, random, threads, progress
        )
    weight, pattern = np.empty(len(left)), np.empty(len(left), np.int64)
    stratum = np.empty(len(left), np.int64)
    for k in np.unique(source_pair).tolist():
        own = source_pair == k
        weight[own], pattern[own] = weigh_pairs(plan, parameters, left[own], right[own], k)
        stratum[own] = strata.of(pattern[own], k)
    order = random.permutation(np.lexsort((right, left)))
    inclusion = taken / np.maximum(strata.totals, 1)
    return DrawnPairs(
        left[order],
        right[order],
        weight[order],
        parameters.posterior(weight, source_pair)[order],
        pattern[order],
        source_pair[order],
        stratum[order],
        inclusion[stratum[order]],
        strata,
    )


def _swept(
    plan: PairPlan,
    parameters: Parameters,
    counts: PatternCounts,
    strata: Strata,
    wanted: Sequence[NDArray[np.int64]],
    threads: int | None,
    progress: Progress,
) -> Pairs:
    """The pairs of each stratum that have the wanted numbers, in the order of a sweep over blocked pairs."""
    to_do, done = plan.blocking.pairs_to_visit(), 0
    progress("drawing pairs", 0, to_do)
    seen = np.zeros(len(wanted), np.int64)
    found: list[Pairs] = []
    for pairs in _all_pairs(plan, counts, threads):
        patterns = pairs.patterns.astype(np.int64) % parameters.coding.size
        stratum = strata.of(patterns, pairs.source_pair)
        for h in np.unique(stratum).tolist():
            own = np.flatnonzero(stratum == h)
            first, last = np.searchsorted(wanted[h], [seen[h], seen[h] + len(own)])
            chosen = own[wanted[h][first:last] - seen[h]]
            seen[h] += len(own)
            rows = pairs.left(chosen), pairs.right(chosen)
            found.append((*rows, np.full(len(chosen), pairs.source_pair, np.int64)))
        done += len(pairs)
        progress("drawing pairs", done, to_do)
    progress("drawing pairs", to_do, to_do)
    return _joined(found)


def _all_pairs(plan: PairPlan, counts: PatternCounts, threads: int | None) -> Iterator[PatternPairs]:
    """All blocked pairs with their patterns: those that are remembered, or compared again."""
    if counts.remembered is not None:
        yield from counts.remembered
        return

    def work(batch: list[Unit]) -> list[PatternPairs]:
        return [pattern_pairs(plan, unit) for unit in batch if not isinstance(unit, Rectangle)]

    for part in run_units(work, plan.batches(), threads):
        yield from part


def _listed(
    plan: PairPlan,
    parameters: Parameters,
    strata: Strata,
    tried: bool,
    taken: NDArray[np.int64],
    random: np.random.Generator,
    threads: int | None,
    progress: Progress,
) -> Pairs:
    """Pairs of the strata where all pairs are compared; where `tried`, the lowest is drawn from by trial."""
    n_source_pairs = len(plan.blocking.source_pairs)
    found: list[Pairs] = []
    if tried:
        found.append(_tried(plan, parameters, strata, int(taken[0]), random))
    if not tried or len(taken) > 1:
        floors = np.full(n_source_pairs, -np.inf)
        if tried:
            odds = np.log(strata.edges[0] / (1.0 - strata.edges[0]))
            floors = np.array([odds - pair.log_prior_odds - SLACK for pair in parameters.pairs])
        pairs = score(plan, parameters, floors, most=2 * MOST, threads=threads, progress=progress)
        stratum = np.empty(len(pairs), np.int64)
        for k in range(n_source_pairs):
            own = pairs.source_pair == k
            stratum[own] = strata.of(pairs.pattern[own], k)
        for h in range(int(tried), len(taken)):
            own = np.flatnonzero(stratum == h)
            chosen = np.sort(random.choice(own, int(taken[h]), replace=False))
            found.append((pairs.left[chosen], pairs.right[chosen], pairs.source_pair[chosen]))
    return _joined(found)


def _tried(
    plan: PairPlan, parameters: Parameters, strata: Strata, n: int, random: np.random.Generator
) -> Pairs:
    """Random pairs of the lowest stratum: of all allowed pairs those that turn out to be of it, each once."""
    own = strata.sizes[:, 0]
    # Far fewer than there are, so that to draw with or without replacement is all one for their numbers.
    of = np.minimum(random.multinomial(n, own / own.sum()), own)
    found: list[Pairs] = []
    for k, (s, t) in enumerate(plan.blocking.source_pairs):
        left_rows, right_rows = plan.blocking.rows(s), plan.blocking.rows(t)
        numbers = np.zeros(0, np.int64)
        while len(numbers) < of[k]:
            a, b = random.choice(left_rows, TRIES), random.choice(right_rows, TRIES)
            a, b = np.minimum(a, b)[a != b], np.maximum(a, b)[a != b]
            _, pattern = weigh_pairs(plan, parameters, a, b, k)
            number = (a.astype(np.int64) * plan.blocking.n_records + b)[strata.of(pattern, k) == 0]
            numbers = np.concatenate([numbers, number])
            _, first = np.unique(numbers, return_index=True)
            numbers = numbers[np.sort(first)]
        numbers = numbers[: of[k]]
        left, right = np.divmod(numbers, plan.blocking.n_records)
        found.append((left.astype(np.int32), right.astype(np.int32), np.full(len(left), k, np.int64)))
    return _joined(found)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    left, right, source_pair = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return left.astype(np.int32), right.astype(np.int32), source_pair.astype(np.int64)
