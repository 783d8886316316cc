"""How often each cell of each factor occurs among all allowed pairs, matches included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.factors import Factor
from tallystick.patterns.count import PatternCounts
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records

CHUNK = 65_536


@dataclass(frozen=True)
class Marginals:
    """Expected counts of cells over all allowed pairs.

    Attributes
    ----------
    counts : tuple of float64 array
        One per factor, shape (n_cells,).
    smallest : tuple of float64 array
        The count below which a cell's count means nothing (half a sampled pair), shape (n_cells,).
    origin : str
        Where the counts come from: ``all pairs`` or ``random pairs and value frequencies``.
    """

    counts: tuple[NDArray[np.float64], ...]
    smallest: tuple[NDArray[np.float64], ...]
    origin: str


def marginals_of_counts(counts: PatternCounts, factors: Sequence[Factor]) -> Marginals:
    """Marginal counts where all pairs have been compared.

    Parameters
    ----------
    counts : PatternCounts
        Counts of the patterns of all allowed pairs.
    factors : sequence of Factor
        The factors.

    Returns
    -------
    Marginals
    """
    digits = counts.coding.decode(counts.patterns)
    n = len(counts.coding.n_levels)
    weights = counts.counts.astype(np.float64)
    sums = tuple(
        np.asarray(np.bincount(f.cells(digits, n), weights=weights, minlength=f.n_cells), np.float64)
        for f in factors
    )
    return Marginals(sums, tuple(np.full(len(s), 0.5) for s in sums), "all pairs")


def marginals_of_random_pairs(
    records: Records,
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    factors: Sequence[Factor],
    n_random: int,
    seed: int,
    threads: int | None = None,
    progress: Progress = silent,
) -> Marginals:
    """Marginal counts from random pairs of records.

    Pairs of equal values are rare among random pairs but decide the largest weights. For a factor
    whose comparison is of the same fields on both sides they are therefore counted exactly from
    the frequencies of the values, and only pairs of different values are taken from the sample.

    Parameters
    ----------
    records : Records
        The records.
    plan : PairPlan
        The plan.
    comparisons : sequence of Comparison
        The comparisons.
    factors : sequence of Factor
        The factors.
    n_random : int
        Number of random pairs; where there are no more pairs than that each is taken once.
    seed : int
        Seed of the sample; the result does not depend on the number of threads.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told the number of pairs done and to do.

    Returns
    -------
    Marginals
    """
    allowed = plan.blocking.allowed_pairs()
    total = float(allowed.sum())
    n_comparisons = len(plan.comparisons)
    codes = [_codes(records, plan, comparisons, factor) for factor in factors]
    every = total <= n_random  # to take each pair once is exact then, and no dearer
    tasks = []
    for pair, n_allowed in enumerate(allowed.tolist()):
        size = n_allowed if every else round(n_random * n_allowed / total)
        tasks += [(pair, start, min(CHUNK, size - start)) for start in range(0, size, CHUNK)]

    def work(task: tuple[int, int, int]) -> tuple[int, list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        pair, start, size = task
        if every:
            left, right = _take(plan, pair, start, size)
        else:
            left, right = _draw(plan, pair, size, np.random.default_rng([seed, pair, start]))
        digits = np.ascontiguousarray(plan.digits(left, right).T)
        sums, unequal = [], []
        for factor, code in zip(factors, codes, strict=True):
            cells = factor.cells(digits, n_comparisons)
            keep = np.ones(len(cells), bool) if code is None else code[left] != code[right]
            if code is not None:
                keep |= code[left] == 0
            sums.append(np.bincount(cells[keep], minlength=factor.n_cells))
            unequal.append(np.array([keep.sum()]))
        return len(left), sums, unequal

    counted = [np.zeros(factor.n_cells) for factor in factors]
    kept = [0] * len(factors)
    drawn = 0
    progress("random pairs", 0, len(tasks))
    for done, (size, sums, unequal) in enumerate(run_units(work, tasks, threads), start=1):
        drawn += size
        for k in range(len(factors)):
            counted[k] += sums[k]
            kept[k] += int(unequal[k][0])
        progress("random pairs", done, len(tasks))

    counts, smallest = [], []
    for factor, code, sample, n in zip(factors, codes, counted, kept, strict=True):
        if code is None:
            counts.append(sample * total / drawn)
            smallest.append(np.full(factor.n_cells, 0.5 * total / drawn))
            continue
        equal = _equal_values(plan, factor, code)
        scale = (total - equal.sum()) / max(1, n)
        counts.append(sample * scale + equal)
        smallest.append(np.where(equal > 0, 0.5, 0.5 * scale))
    origin = "all pairs" if every else "random pairs and value frequencies"
    return Marginals(tuple(counts), tuple(smallest), origin)


def _codes(
    records: Records, plan: PairPlan, comparisons: Sequence[Comparison], factor: Factor
) -> NDArray[np.int32] | None:
    """Codes whose equality means equal values for the whole factor; None where there are no such."""
    if factor.comparison is None:
        return None
    leaves = comparisons[factor.comparison].leaves()
    if len(leaves) != 1 or leaves[0].left != leaves[0].right:
        return None
    return plan.comparisons[factor.comparison].leaves[0].left_codes


def _take(plan: PairPlan, pair: int, start: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Some of the pairs of rows of a pair of sources, in order, left < right."""
    offsets = plan.blocking.offsets
    s, t = plan.blocking.source_pairs[pair]
    number = np.arange(start, start + size)
    if s != t:
        n_right = offsets[t + 1] - offsets[t]
        left, right = offsets[s] + number // n_right, offsets[t] + number % n_right
    else:
        rows = np.arange(offsets[s + 1] - offsets[s])
        up_to = rows * (rows + 1) // 2  # pairs whose right row is this one or comes before
        row = np.searchsorted(up_to, number, side="right")
        left, right = offsets[s] + number - up_to[row - 1], offsets[s] + row
    return left.astype(np.int32), right.astype(np.int32)


def _draw(
    plan: PairPlan, pair: int, size: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Random pairs of rows of a pair of sources, with replacement, left < right."""
    offsets = plan.blocking.offsets
    s, t = plan.blocking.source_pairs[pair]
    left = random.integers(offsets[s], offsets[s + 1], size)
    if s != t:
        return left.astype(np.int32), random.integers(offsets[t], offsets[t + 1], size).astype(np.int32)
    step = random.integers(1, offsets[s + 1] - offsets[s], size)
    right = offsets[s] + (left - offsets[s] + step) % (offsets[s + 1] - offsets[s])
    return np.minimum(left, right).astype(np.int32), np.maximum(left, right).astype(np.int32)


def _equal_values(plan: PairPlan, factor: Factor, codes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Counts of the cells of all pairs with equal values, from the values' frequencies."""
    result = np.zeros(factor.n_cells)
    size = int(codes.max(initial=0)) + 1
    for s, t in plan.blocking.source_pairs:
        left, right = plan.blocking.rows(s), plan.blocking.rows(t)
        n_left = np.bincount(codes[left], minlength=size)
        n_right = np.bincount(codes[right], minlength=size)
        pairs = n_left * (n_left - 1) / 2 if s == t else n_left * n_right.astype(np.float64)
        pairs[0] = 0
        values = np.flatnonzero(pairs)
        if not len(values):
            continue
        one_left, one_right = np.zeros(size, np.int32), np.zeros(size, np.int32)
        one_left[codes[left]] = left
        one_right[codes[right]] = right
        digits = np.ascontiguousarray(plan.digits(one_left[values], one_right[values]).T)
        cells = factor.cells(digits, len(plan.comparisons))
        result += np.bincount(cells, weights=pairs[values], minlength=factor.n_cells)
    return result
