"""How often each cell of each factor occurs among all allowed pairs, matches included."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.plan import CodesAt
from tallystick.estimation.factors import Factor
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.strata import equal_in_some_part
from tallystick.patterns.count import PatternCounts, Tally
from tallystick.patterns.digits import PairDigits
from tallystick.patterns.plan import PairPlan

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
    levels : uint8 array, shape (n_patterns, n_comparisons)
        Levels of the patterns that all pairs, or the random ones, show.
    times : int64 array, shape (n_patterns,)
        How often each.
    """

    counts: tuple[NDArray[np.float64], ...]
    smallest: tuple[NDArray[np.float64], ...]
    origin: str
    levels: NDArray[np.uint8]
    times: NDArray[np.int64]


def marginals_of_counts(counts: PatternCounts, factors: Sequence[AnyFactor]) -> Marginals:
    """Marginal counts where all pairs have been compared.

    Parameters
    ----------
    counts : PatternCounts
        Counts of the patterns of all allowed pairs.
    factors : sequence of Factor or Joint
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
    smallest = tuple(np.full(len(s), 0.5) for s in sums)
    return Marginals(sums, smallest, "all pairs", digits[:, :n], counts.counts)


def marginals_of_random_pairs(
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    factors: Sequence[AnyFactor],
    n_random: int,
    seed: int,
    threads: int | None = None,
    progress: Progress = silent,
) -> Marginals:
    """Marginal counts from random pairs of records.

    Pairs of equal values are rare among random pairs but decide the largest weights. For a factor
    whose comparison is of the same fields on both sides they are therefore counted exactly from
    the frequencies of the values, and only pairs of different values are taken from the sample. For
    comparisons that are estimated together pairs with an equal value in any of them are taken apart (see
    `tallystick.estimation.strata`).

    Parameters
    ----------
    plan : PairPlan
        The plan.
    comparisons : sequence of Comparison
        The comparisons.
    factors : sequence of Factor or Joint
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
    codes = [tuple(value_codes(plan, comparisons, part) for part in factor.parts) for factor in factors]
    every = total <= n_random  # to take each pair once is exact then, and no dearer
    tally = Tally(plan.coding.size)
    equal_cells = [np.zeros(factor.n_cells, np.int64) for factor in factors]
    sizes = [n if every else round(n_random * n / total) for n in allowed.tolist()]
    drawn, to_do = 0, sum(sizes)
    progress("random pairs", 0, to_do)
    for pair, size in enumerate(sizes):
        design = _take(plan, pair) if every else _draw(plan, pair, size, seed)
        asked = _asked(plan, design, factors, codes)
        for patterns, equal in run_units(partial(asked.count, stop=size), range(0, size, CHUNK), threads):
            tally.add(patterns)
            for sums, own in zip(equal_cells, equal, strict=True):
                sums += own
            drawn += len(patterns)
            progress("random pairs", drawn, to_do)
    patterns, times = tally.result()
    found = plan.coding.decode(patterns)
    counted = [
        np.bincount(factor.cells(found, n_comparisons), weights=times, minlength=factor.n_cells) - cells
        for factor, cells in zip(factors, equal_cells, strict=True)
    ]

    counts, smallest = [], []
    for factor, code, sample in zip(factors, codes, counted, strict=True):
        if all(one is None for one in code):
            counts.append(sample * total / drawn)
            smallest.append(np.full(factor.n_cells, 0.5 * total / drawn))
            continue
        each = 1.0
        if isinstance(factor, Joint):
            exact, each = equal_in_some_part(plan, factor, code, n_random, seed, threads)
        else:
            assert code[0] is not None
            exact = _equal_values(plan, factor, code[0])
        scale = (total - exact.sum()) / max(1.0, float(sample.sum()))
        counts.append(sample * scale + exact)
        smallest.append(np.where(exact > 0, 0.5 * each, 0.5 * scale))
    origin = "all pairs" if every else "random pairs and value frequencies"
    return Marginals(tuple(counts), tuple(smallest), origin, found[:, :n_comparisons], times)


def value_codes(
    plan: PairPlan, comparisons: Sequence[Comparison], factor: Factor
) -> NDArray[np.int32] | None:
    """Codes whose equality means equal values for the whole factor; None where there are no such."""
    if factor.comparison is None:
        return None
    leaves = comparisons[factor.comparison].leaves()
    if len(leaves) != 1 or leaves[0].left != leaves[0].right:
        return None
    return plan.comparisons[factor.comparison].leaves[0].left_codes


@dataclass(frozen=True)
class Design:
    """Which pairs of rows are taken, by their number.

    Attributes
    ----------
    left_rows, right_rows : int32 arrays
        Global rows; one and the same array where rows are paired among themselves.
    pairs : callable
        From numbers of pairs, shape (n,), to positions in `left_rows` and `right_rows`.
    """

    left_rows: NDArray[np.int32]
    right_rows: NDArray[np.int32]
    pairs: Callable[[NDArray[np.int64]], tuple[NDArray[np.int32], NDArray[np.int32]]]


@dataclass(frozen=True)
class _Asked:
    """The pairs of a design with what they are asked; `sides` has both sides' codes by factor and part."""

    design: Design
    digits: PairDigits
    values: NDArray[np.int64]
    factors: Sequence[AnyFactor]
    sides: Sequence[Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]]

    def count(self, start: int, stop: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Patterns of some pairs, and by factor the cells of those with equal values."""
        from tallystick.patterns.kernels_patterns import fold

        left, right = self.design.pairs(np.arange(start, min(start + CHUNK, stop)))
        digits = self.digits.of(left, right)
        patterns = np.empty(len(left), np.int64)
        fold(digits, self.values, patterns)
        n_comparisons = len(self.digits.comparisons)
        equal = []
        for factor, sides in zip(self.factors, self.sides, strict=True):
            alike = np.zeros(len(left), np.bool_)
            for side in sides:
                code = side[0][left]
                alike |= (code == side[1][right]) & (code != 0)
            same = np.flatnonzero(alike)
            cells = factor.cells(digits[:, same].T, n_comparisons)
            equal.append(np.bincount(cells, minlength=factor.n_cells))
        return patterns, equal


def _asked(
    plan: PairPlan,
    design: Design,
    factors: Sequence[AnyFactor],
    codes: Sequence[Sequence[NDArray[np.int32] | None]],
) -> _Asked:
    left = CodesAt(design.left_rows)
    right = left if design.right_rows is design.left_rows else CodesAt(design.right_rows)
    sides = [[(left.codes(code), right.codes(code)) for code in one if code is not None] for one in codes]
    return _Asked(design, plan.digits.gathered(left, right), plan.coding.digit_values(), factors, sides)


def _take(plan: PairPlan, pair: int) -> Design:
    """All pairs of rows of a pair of sources, each once."""
    s, t = plan.blocking.source_pairs[pair]
    left, right = plan.blocking.rows(s), plan.blocking.rows(t)
    if s != t:
        return Design(left, right, lambda k: _positions(k // len(right), k % len(right)))
    rows = np.arange(len(left))
    up_to = rows * (rows + 1) // 2  # pairs whose right row is this one or comes before

    def positions(number: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        row = np.searchsorted(up_to, number, side="right")
        return _positions(number - up_to[row - 1], row)

    return Design(left, left, positions)


def _draw(plan: PairPlan, pair: int, size: int, seed: int) -> Design:
    """Random pairs of rows of a pair of sources, all rows taken equally often and no pair twice.

    The rows of either side are put in random order, and row k is paired with row k, then with the
    one after it, and so on around: each pair is as likely as any other. Rows so taken equally often
    make the shares of values those of the file, and the codes are read in the order they lie in.
    """
    s, t = plan.blocking.source_pairs[pair]
    random = np.random.default_rng([seed, pair])
    left = random.permutation(plan.blocking.rows(s))[: size + 1]
    if s == t:
        # A file of n rows has n (n - 1) / 2 pairs, so that the distance stays below n / 2.
        return Design(left, left, lambda k: _positions(k % len(left), (k + 1 + k // len(left)) % len(left)))
    right = random.permutation(plan.blocking.rows(t))[: size + 1]
    together = math.lcm(len(left), len(right))  # after so many pairs the two lists would meet alike again
    return Design(left, right, lambda k: _positions(k % len(left), (k + k // together) % len(right)))


def _positions(
    left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return left.astype(np.int32), right.astype(np.int32)


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
        digits = np.ascontiguousarray(plan.digits.of(one_left[values], one_right[values]).T)
        cells = factor.cells(digits, len(plan.comparisons))
        result += np.bincount(cells, weights=pairs[values], minlength=factor.n_cells)
    return result
