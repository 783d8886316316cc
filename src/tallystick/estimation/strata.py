"""Pairs with an equal value in some of the comparisons that are estimated together.

They are rare among random pairs, and a pair that agrees on two of the comparisons is rarer still, but they
decide the largest weights. So pairs with an equal value in a comparison are a stratum of their own, whose
size the frequencies of the values give exactly (Cochran 1977, chapter 5): all of its pairs are taken where
they are few, else random ones of them. A pair that is in several strata counts in that of them which has
the fewest pairs, so that what is rarest, equal e-mail addresses say, is known best.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.estimation.joint import Joint
from tallystick.patterns.plan import PairPlan

CHUNK = 65_536
SHARE = 4
"""A stratum has one pair for every so many random ones, at most."""
STREAM = 11
"""The stream of random numbers of the strata, apart from that of the random pairs."""

Codes = NDArray[np.int32]
Rows = NDArray[np.int32]


def equal_in_some_part(
    plan: PairPlan,
    factor: Joint,
    codes: Sequence[Codes | None],
    n_random: int,
    seed: int,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Counts of the cells of all pairs that have an equal value in some part.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    factor : Joint
        The comparisons.
    codes : sequence of int32 array or None
        For every part the code of each record, equal for equal values; None where there is no such code.
    n_random : int
        Number of random pairs of the whole; of each stratum a quarter as many are taken at most.
    seed : int
        Seed of the sample; the result does not depend on the number of threads.
    threads : int, optional
        Number of threads.

    Returns
    -------
    counts : float64 array, shape (n_cells,)
        Expected counts of the cells.
    each : float
        Pairs that the pairs of the sparsest sample stand for.
    """
    sized = sorted(
        ((_total(plan, code), number) for number, code in enumerate(codes) if code is not None),
    )
    result, sparsest = np.zeros(factor.n_cells), 1.0
    for place, (total, number) in enumerate(sized):
        if total == 0:
            continue
        most = max(1, n_random // SHARE)
        earlier = [own for _, k in sized[:place] if (own := codes[k]) is not None]
        code = codes[number]
        assert code is not None
        for pair in range(len(plan.blocking.source_pairs)):
            stratum = _Stratum(plan, code, pair)
            n = stratum.n_pairs if total <= most else round(most * stratum.n_pairs / total)
            if n == 0:
                continue
            each = stratum.n_pairs / n
            sparsest = max(sparsest, each)
            count = partial(
                _count, plan, factor, stratum, earlier, None if each == 1 else (seed, STREAM, number, pair), n
            )
            for found in run_units(count, range(0, n, CHUNK), threads):
                result += found * each
    return result, sparsest


class _Stratum:
    """The pairs of a pair of sources that have equal codes, in the order of the codes."""

    def __init__(self, plan: PairPlan, codes: Codes, pair: int) -> None:
        s, t = plan.blocking.source_pairs[pair]
        self.within = s == t
        self.left, left = _in_order(plan.blocking.rows(s), codes)
        self.right, right = (self.left, left) if self.within else _in_order(plan.blocking.rows(t), codes)
        size = int(codes.max(initial=0)) + 1
        self.n_left = np.bincount(left, minlength=size)
        self.n_right = self.n_left if self.within else np.bincount(right, minlength=size)
        self.left_start = np.cumsum(self.n_left) - self.n_left
        self.right_start = np.cumsum(self.n_right) - self.n_right
        # Ordered pairs of different rows within a source: each pair twice, which weighs all pairs alike.
        self.ends = np.cumsum(self.n_left * (self.n_right - self.within).astype(np.int64))

    @property
    def n_pairs(self) -> int:
        return int(self.ends[-1]) // (2 if self.within else 1)

    def rows(self, numbers: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Rows of pairs by their number in [0, ends[-1])."""
        value = np.searchsorted(self.ends, numbers, side="right")
        within = numbers - np.where(value > 0, self.ends[value - 1], 0)
        n_right = self.n_right[value] - self.within
        a, b = within // n_right, within % n_right
        if self.within:
            b += b >= a
        return self.left[self.left_start[value] + a], self.right[self.right_start[value] + b]

    def every(self, start: int, stop: int) -> tuple[Rows, Rows]:
        """Rows of all pairs, each once: of the ordered pairs within a source those with left < right."""
        if not self.within:
            return self.rows(np.arange(start, stop))
        left, right = self.rows(np.arange(2 * start, 2 * stop))
        keep = left < right
        return left[keep], right[keep]


def _in_order(rows: Rows, codes: Codes) -> tuple[Rows, Codes]:
    """Rows that have a value, in the order of their codes, and the codes."""
    own = codes[rows]
    order = np.argsort(own, kind="stable")
    order = order[own[order] != 0]
    return rows[order], own[order]


def _total(plan: PairPlan, codes: Codes) -> int:
    return sum(_Stratum(plan, codes, pair).n_pairs for pair in range(len(plan.blocking.source_pairs)))


def _count(
    plan: PairPlan,
    factor: Joint,
    stratum: _Stratum,
    earlier: Sequence[Codes],
    random: tuple[int, ...] | None,
    n: int,
    start: int,
) -> NDArray[np.int64]:
    """Cells of some pairs of a stratum that are in no earlier one."""
    stop = min(start + CHUNK, n)
    if random is None:
        left, right = stratum.every(start, stop)
    else:
        numbers = np.random.default_rng([*random, start]).integers(0, stratum.ends[-1], stop - start)
        left, right = stratum.rows(numbers)
    keep = np.ones(len(left), np.bool_)
    for codes in earlier:
        own = codes[left]
        keep &= (own == 0) | (own != codes[right])
    left, right = left[keep], right[keep]
    digits = np.ascontiguousarray(plan.digits.of(np.minimum(left, right), np.maximum(left, right)).T)
    cells = factor.cells(digits, len(plan.comparisons))
    return np.bincount(cells, minlength=factor.n_cells)
