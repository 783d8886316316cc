"""How many pairs each pass finds, and how many of them are new: counted where that is quick, else sampled.

Passes with one exact key, and lists, are counted whatever their size. Of other passes the pairs are gone
through, all of them where they are not too many, and those of some units otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tallystick._parallel import run_units
from tallystick.blocking.plan import BlockingPlan, finds_all
from tallystick.blocking.sampled_sizes import DRAWN, Size, counted, drawn_units, size_from_units, total_size
from tallystick.blocking.union_pairs import union_pairs
from tallystick.blocking.units import PairBlocks, PairList

MOST_VISITED = 100_000_000
"""Where the passes that cannot be counted look at more pairs, their pairs are estimated."""


@dataclass(frozen=True)
class PassSizes:
    """Pairs of each pass.

    Attributes
    ----------
    found : tuple of Size
        Pairs that each pass finds, those of earlier passes included.
    new : tuple of Size
        Pairs that each pass finds and no earlier one.
    together : Size
        Pairs that some pass finds.
    """

    found: tuple[Size, ...]
    new: tuple[Size, ...]
    together: Size

    @property
    def exact(self) -> bool:
        """Whether all pairs were counted."""
        return all(one.exact for one in (*self.found, *self.new))


def pass_sizes(
    plan: BlockingPlan, threads: int | None = None, most: int = MOST_VISITED, seed: int = 1
) -> PassSizes:
    """Count or estimate the pairs of all passes.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    threads : int, optional
        Number of threads.
    most : int
        Pairs that may be gone through: those that all passes without a count look at, and those of keys
        and lists behind one of them, whose new pairs depend on it.
    seed : int
        Seed of the draws.

    Returns
    -------
    PassSizes

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.blocking.index_builders import sorted_neighbourhood
    >>> from tallystick.blocking.passes import blocking_key
    >>> from tallystick.blocking.plan import plan_blocking
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> names, towns = pl.Series("name", ["ann", "anna", "bob"]), pl.Series("town", ["york", "bath", "york"])
    >>> table = Table("a", pl.Series(["1", "2", "3"]), {"name": names, "town": towns}, sha256="")
    >>> passes = [blocking_key("town"), sorted_neighbourhood("name", window=2)]
    >>> sizes = pass_sizes(plan_blocking(encode([table]), passes, "dedupe"))
    >>> [one.text for one in (*sizes.found, *sizes.new, sizes.together)]
    ['1', '2', '1', '2', '3']
    """
    n = len(plan.passes)
    first = next((k for k in range(n) if not plan.is_counted(k)), n)
    every = next((k for k, one in enumerate(plan.passes) if finds_all(one)), n)
    found = [counted(plan.count_pairs(k)) for k in range(first)]
    new = [counted(int(one)) for one in union_pairs(plan.before(first), threads).new] if first else []
    visited = [k for k in range(first, n) if not plan.is_counted(k) or k < every]
    sampled = _too_many(plan, visited, most)
    allowed = int(plan.allowed_pairs().sum())
    for number in range(first, n):
        own = _visited(plan, number, sampled, threads, seed) if number in visited else None
        found.append(own[0] if own and not plan.is_counted(number) else counted(plan.count_pairs(number)))
        if number == every:
            known = total_size(new, allowed)
            left = allowed - known.n_pairs
            new.append(Size(left, known.error, allowed - known.high, allowed - known.low))
        else:
            new.append(own[1] if own and number < every else counted(0))
    together = counted(allowed) if every < n else total_size(new, allowed)
    return PassSizes(tuple(found), tuple(new), together)


def found_sizes(
    plan: BlockingPlan, threads: int | None = None, most: int = MOST_VISITED, seed: int = 1
) -> tuple[Size, ...]:
    """Count or estimate the pairs that each pass finds, those of earlier passes included.

    Parameters
    ----------
    plan, threads, most, seed
        As of `pass_sizes`.

    Returns
    -------
    tuple of Size
    """
    visited = [k for k in range(len(plan.passes)) if not plan.is_counted(k)]
    sampled = _too_many(plan, visited, most)
    return tuple(
        _visited(plan, k, sampled, threads, seed, new=False)[0]
        if k in visited
        else counted(plan.count_pairs(k))
        for k in range(len(plan.passes))
    )


def _too_many(plan: BlockingPlan, visited: list[int], most: int) -> bool:
    """Whether the passes look at more pairs than may be gone through."""
    return sum(map(plan.slots, visited)) > most


def _visited(
    plan: BlockingPlan, number: int, sampled: bool, threads: int | None, seed: int, new: bool = True
) -> tuple[Size, Size]:
    """Pairs that a pass finds, and new ones, from all of its units or some."""

    def count(unit: PairBlocks | PairList) -> tuple[int, int]:
        if new:
            return plan.count_unit(unit)
        return len(plan.finders[number].positions(unit)[0]), 0

    sizes = plan.unit_sizes(number)
    if not sampled or len(sizes) <= DRAWN:
        pairs = np.array([*run_units(count, plan.units_of(number), threads)], np.int64).reshape(-1, 2)
        return counted(int(pairs[:, 0].sum())), counted(int(pairs[:, 1].sum()))
    draws = drawn_units(sizes, DRAWN, (seed, 31, number))
    wanted = set(draws.ravel().tolist())
    chosen = (unit for k, unit in enumerate(plan.units_of(number)) if k in wanted)
    pairs = np.array([*run_units(count, chosen, threads)], np.int64)
    one, other = (size_from_units(draws, column, sizes) for column in pairs.T)
    return one, other
