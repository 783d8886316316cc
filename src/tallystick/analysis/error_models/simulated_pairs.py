"""The pairs of a simulated linkage: matches with patterns of matches, chance competitors above a floor.

A file of n records a side has n^2 pairs, of which hardly any reaches the weight from which on a decision
looks at it. How many do is binomial, which ones they are is left to chance, and their patterns are those of
non-matches given that they reach it: so nothing else has to be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.quality.pattern_chances import PatternChances

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_PAIRS = 20_000_000
"""Chance pairs of a replicate beyond which it is refused: memory goes with them."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a replicate.

    Attributes
    ----------
    left, right : int64 arrays, shape (n,)
        Records, each numbered from 0 in its own file.
    weight : float64 array, shape (n,)
        Match weights.
    match_of : int64 array, shape (n_right,)
        The left record that is the match of each right one; -1 where there is none.
    """

    left: Ints
    right: Ints
    weight: Floats
    match_of: Ints


@dataclass(frozen=True)
class Population:
    """Records that can be linked: their blocks, how many matches there are, and what is missing.

    Attributes
    ----------
    left, right : int64 arrays
        Block of each record, from 0.
    matches : float64 array, shape (n_blocks,)
        Matches of each block; of a broken number the rest is left to chance.
    missing : (bool array, bool array), optional
        Which comparisons each record has no value for, shape (n_records, n_comparisons) a side.
    """

    left: Ints
    right: Ints
    matches: Floats
    missing: tuple[Bools, Bools] | None = None

    @cached_property
    def sizes(self) -> tuple[Ints, Ints]:
        """Records of each block a side."""
        n = len(self.matches)
        return np.bincount(self.left, minlength=n), np.bincount(self.right, minlength=n)

    @cached_property
    def starts(self) -> Ints:
        """Number of the first pair of each block, and of all pairs; shape (n_blocks + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes[0] * self.sizes[1])])

    @cached_property
    def begins(self) -> tuple[Ints, Ints]:
        """Records a side that stand before those of each block, where they are in order of blocks."""
        left, right = self.sizes
        return np.cumsum(left) - left, np.cumsum(right) - right

    @cached_property
    def in_order(self) -> tuple[Ints, Ints]:
        """Records a side in order of blocks."""
        return np.argsort(self.left, kind="stable"), np.argsort(self.right, kind="stable")

    @cached_property
    def ranks(self) -> tuple[Ints, Ints]:
        """Place of each record within its block, from 0, a side."""
        found = []
        for codes, order, begins in zip((self.left, self.right), self.in_order, self.begins, strict=True):
            rank = np.empty(len(codes), np.int64)
            rank[order] = np.arange(len(codes)) - begins[codes[order]]
            found.append(rank)
        return found[0], found[1]

    @property
    def n_pairs(self) -> int:
        """Number of pairs within blocks."""
        return int(self.starts[-1])

    @cached_property
    def masks(self) -> tuple[Ints, Ints, Bools]:
        """What is missing of each record, as a row of a table of all that occurs."""
        if self.missing is None:
            zero = np.zeros(len(self.left), np.int64), np.zeros(len(self.right), np.int64)
            return *zero, np.zeros((1, 0), bool)
        table, at = np.unique(np.concatenate(self.missing), axis=0, return_inverse=True)
        at = np.asarray(at).reshape(-1).astype(np.int64)
        return at[: len(self.left)], at[len(self.left) :], table

    @cached_property
    def unions(self) -> tuple[Ints, Bools]:
        """What is missing of a pair, by what is of its records: number of the union, and the unions."""
        table = self.masks[2]
        every = (table[:, None, :] | table[None, :, :]).reshape(len(table) ** 2, table.shape[1])
        unions, at = np.unique(every, axis=0, return_inverse=True)
        return np.asarray(at).reshape(len(table), len(table)).astype(np.int64), unions.astype(bool)


@dataclass(frozen=True)
class PairSimulator:
    """Draws the pairs of replicates.

    Attributes
    ----------
    population : Population
        The records.
    by_union : tuple of PatternChances
        Chances of patterns by what is missing of a pair, in the order of `Population.unions`.
    floor : float
        Lowest weight that matters.
    """

    population: Population
    by_union: tuple[PatternChances, ...]
    floor: float

    @cached_property
    def _reached(self) -> tuple[Floats, Floats]:
        """Chance of non-matches to reach the floor as unrelated and as related pairs, by what is missing."""
        found = np.zeros((2, len(self.by_union)))
        for k, own in enumerate(self.by_union):
            least = self.floor - own.gained
            found[0, k] = (1 - own.related_share) * own.reaching("u", least)
            if own.related_share:
                found[1, k] = own.related_share * own.reaching("r", least)
        return found[0], found[1]

    @property
    def _most(self) -> float:
        """The same of either kind, whatever is missing."""
        return min(1.0, float((self._reached[0] + self._reached[1]).max()))

    @property
    def expected_pairs(self) -> float:
        """Chance pairs of a replicate at most, about."""
        return self.population.n_pairs * self._most

    def draw(self, random: np.random.Generator) -> Pairs:
        """Draw the pairs of one replicate.

        Raises
        ------
        InputError
            Where there would be too many.
        """
        if self.expected_pairs > MOST_PAIRS:
            raise InputError(
                f"About {self.expected_pairs:,.0f} chance pairs reach a weight of {self.floor:.2f} in "
                f"every replicate, more than the {MOST_PAIRS:,} that are held: give a higher floor, or "
                "smaller blocks."
            )
        population = self.population
        first, second = _matched(population, random)
        match_of = np.full(len(population.right), -1, np.int64)
        match_of[second] = first
        by_chance = _cells(population, self._chance_cells(first, second, random))
        left, right = np.concatenate([first, by_chance[0]]), np.concatenate([second, by_chance[1]])
        weight = self._weights(left, right, len(first), random)
        kept = weight >= self.floor
        return Pairs(left[kept], right[kept], weight[kept], match_of)

    def _chance_cells(self, first: Ints, second: Ints, random: np.random.Generator) -> Ints:
        population = self.population
        taken = np.sort(_numbers(population, first, second))
        n = int(random.binomial(population.n_pairs - len(taken), self._most))
        return _distinct(population.n_pairs, n, taken, random)

    def _weights(self, left: Ints, right: Ints, n_matches: int, random: np.random.Generator) -> Floats:
        """Weights of the pairs, minus infinity for those that do not come about; the matches are first."""
        at_left, at_right, _ = self.population.masks
        union = self.population.unions[0][at_left[left], at_right[right]]
        weight = np.full(len(left), -np.inf)
        most = self._most
        is_match = np.arange(len(left)) < n_matches
        for k, own in enumerate(self.by_union):
            here = union == k
            matched = np.flatnonzero(here & is_match)
            found = matched[random.random(len(matched)) < own.mass("m")]
            weight[found] = own.draw(len(found), "m", random).weight
            chance = np.flatnonzero(here & ~is_match)
            if not len(chance) or not most:
                continue
            plain, related = (one[k] / most for one in self._reached)
            u = random.random(len(chance))
            for which, chosen in (
                ("u", chance[u < plain]),
                ("r", chance[(u >= plain) & (u < plain + related)]),
            ):
                if len(chosen):
                    drawn = own.draw(len(chosen), which, random, self.floor - own.gained)
                    weight[chosen] = drawn.weight
        return weight


def _matched(population: Population, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Which records are each other's matches: of every block as many as it has, at random."""
    whole = np.floor(population.matches)
    numbers = whole + (random.random(len(whole)) < population.matches - whole)
    sides = []
    for codes, begins in zip((population.left, population.right), population.begins, strict=True):
        order = np.lexsort((random.random(len(codes)), codes))
        block = codes[order]
        sides.append(order[np.arange(len(codes)) - begins[block] < numbers[block]])
    return sides[0], sides[1]


def _numbers(population: Population, left: Ints, right: Ints) -> Ints:
    """Numbers of pairs within blocks: those of a block follow each other, row by row."""
    ranks = population.ranks
    block = population.left[left]
    return population.starts[block] + ranks[0][left] * population.sizes[1][block] + ranks[1][right]


def _cells(population: Population, numbers: Ints) -> tuple[Ints, Ints]:
    """The records of pairs, by their numbers."""
    block = np.searchsorted(population.starts, numbers, side="right") - 1
    within = numbers - population.starts[block]
    wide = population.sizes[1][block]
    left, right = population.in_order
    first, second = population.begins
    return left[first[block] + within // wide], right[second[block] + within % wide]


def _distinct(total: int, n: int, taken: Ints, random: np.random.Generator) -> Ints:
    """`n` different numbers below `total`, none of them taken; `taken` is sorted."""
    if n > total / 4:
        free = np.ones(total, bool)
        free[taken] = False
        return random.choice(np.flatnonzero(free), n, replace=False)
    found = np.zeros(0, np.int64)
    while len(found) < n:
        more = random.integers(0, total, int(1.1 * (n - len(found))) + 16)
        found = np.unique(np.concatenate([found, more]))
        if len(taken):
            at = np.minimum(np.searchsorted(taken, found), len(taken) - 1)
            found = found[taken[at] != found]
    return random.permutation(found)[:n]
