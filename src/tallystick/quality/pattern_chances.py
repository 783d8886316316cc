"""How often agreement patterns occur among matches and among non-matches, without listing all patterns.

Some comparisons are estimated together, the others are independent of each other given the class. So a
pattern is a cell of each of a few *parts*, its weight the sum of theirs, and its chance their product. Ten
comparisons of five levels have ten million patterns, but two halves of them have three thousand each: sorted
by weight, these tell the chance of any weight and above, and let patterns be drawn that reach a floor,
however rare they are, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.estimation.weighing import Weighing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_CELLS = 2**22
"""Cells of one half."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Part:
    """Comparisons whose levels come together, and the chances of their cells.

    Attributes
    ----------
    comparisons : tuple of int
        Their numbers.
    digits : uint8 array, shape (n_cells, n_comparisons of the part)
        Levels of each cell; the number of levels stands for missing.
    m, u : float64 arrays, shape (n_cells,)
        Chances of each cell among matches, and among non-matches that are not related.
    weight : float64 array, shape (n_cells,)
        What each cell weighs.
    r, related_weight : float64 arrays, shape (n_cells,), or None
        Chances of each cell among related pairs, and log r / u, where these are a class of their own.
    """

    comparisons: tuple[int, ...]
    digits: NDArray[np.uint8]
    m: Floats
    u: Floats
    weight: Floats
    r: Floats | None = None
    related_weight: Floats | None = None


@dataclass(frozen=True)
class DrawnPatterns:
    """Patterns that were drawn.

    Attributes
    ----------
    cells : int64 array, shape (n, n_parts)
        Cell of each part.
    weight : float64 array, shape (n,)
        Match weight.
    """

    cells: Ints
    weight: Floats


@dataclass(frozen=True)
class PatternChances:
    """Chances of agreement patterns by class, and draws of them.

    Attributes
    ----------
    parts : tuple of Part
        Independent of each other in each class.
    related_share : float
        Share of related pairs among the non-matches.
    """

    parts: tuple[Part, ...]
    related_share: float = 0.0

    def __post_init__(self) -> None:
        for part in self.parts:
            for name in "mur":
                chances = getattr(part, name)
                if chances is None:
                    continue
                if (chances < 0).any() or not np.isfinite(chances).all() or chances.sum() > 1 + 1e-6:
                    raise InputError(
                        f"{name}: the chances of the cells of a part are 0 or more and sum to 1 at most."
                    )

    def rate(self, threshold: float, matches: bool) -> float:
        """The exact chance that a pair of one class weighs a threshold or more.

        Parameters
        ----------
        threshold : float
            A match weight.
        matches : bool
            Of matches, or of non-matches.

        Returns
        -------
        float
        """
        if matches:
            return self._at_least(self._halves("m"), threshold)
        rate = (1 - self.related_share) * self._at_least(self._halves("u"), threshold)
        if self.related_share:
            rate += self.related_share * self._at_least(self._halves("r"), threshold)
        return rate

    def draw(self, n: int, which: str, random: np.random.Generator, floor: float = -np.inf) -> DrawnPatterns:
        """Draw patterns of a class, given that the sum of their cells' weights reaches a floor.

        Parameters
        ----------
        n : int
            How many.
        which : {"m", "u", "r"}
            Among matches, unrelated non-matches or related pairs.
        random : numpy.random.Generator
            The generator.
        floor : float
            The floor; weights themselves may be above it by `gained` and below it by any amount.

        Returns
        -------
        DrawnPatterns
        """
        halves = self._halves(which)
        mass = halves.tail(floor)
        if n and mass.sum() <= 0:
            raise ValueError("no pattern reaches the floor")
        one = _drawn_by(np.cumsum(mass), random.random(n)) if n else np.zeros(0, np.int64)
        reach = halves.reach(floor)[one]
        two = np.searchsorted(
            halves.second_cumulative[1:],
            random.random(n) * halves.second_cumulative[reach],
            side="right",
        )
        two = np.minimum(two, reach - 1)
        cells = halves.first_cells[one] + halves.second_cells[two]  # each is 0 in the other's columns
        return DrawnPatterns(cells, self.weights(cells))

    def reaching(self, which: str, floor: float) -> float:
        """Chance that a pattern of a class is one that `draw` gives: its cells' weights sum to the floor."""
        return float(self._halves(which).tail(floor).sum())

    def weights(self, cells: Ints) -> Floats:
        """Match weights of patterns, by their cells."""
        total, related = np.zeros(len(cells)), np.zeros(len(cells))
        for k, part in enumerate(self.parts):
            total += part.weight[cells[:, k]]
            if part.related_weight is not None:
                related += part.related_weight[cells[:, k]]
        return Weighing.corrected(self.related_share, total, related if self.related_share else None)

    def digits(self, cells: Ints) -> NDArray[np.uint8]:
        """Levels of each comparison, shape (n, n_comparisons)."""
        width = sum(len(part.comparisons) for part in self.parts)
        found = np.zeros((len(cells), width), np.uint8)
        for k, part in enumerate(self.parts):
            found[:, list(part.comparisons)] = part.digits[cells[:, k]]
        return found

    def mass(self, which: str) -> float:
        """Sum of the chances of a class, ``m``, ``u`` or ``r``: below 1 where patterns are never found."""
        return float(np.prod([self._chance(part, which).sum() for part in self.parts]))

    @staticmethod
    def _chance(part: Part, which: str) -> Floats:
        return part.u if which == "r" and part.r is None else np.asarray(getattr(part, which))

    @property
    def gained(self) -> float:
        """The most by which a weight can exceed the sum of its cells'."""
        return -float(np.log1p(-self.related_share))

    def _at_least(self, halves: _Halves, threshold: float) -> float:
        if not self.related_share:
            return float(halves.tail(threshold).sum())
        # What relatives take off is no sum over the parts: patterns that could reach it are weighed one by
        # one.
        return halves.exact_tail(threshold, self.related_share)

    def _halves(self, which: str) -> _Halves:
        if which not in self._made:
            self._made[which] = _halves(self.parts, which)
        return self._made[which]

    @cached_property
    def _made(self) -> dict[str, _Halves]:
        return {}


@dataclass(frozen=True)
class _Halves:
    """Cells of the first parts and of the others, the latter in falling order of weight."""

    first_cells: Ints
    first_chance: Floats
    first_weight: Floats
    first_related: Floats
    second_cells: Ints
    second_chance: Floats
    second_weight: Floats
    second_related: Floats
    second_cumulative: Floats

    def reach(self, threshold: float) -> Ints:
        """With how many cells of the second half each of the first reaches a threshold."""
        least = threshold - ROUNDING - self.first_weight
        return np.searchsorted(-self.second_weight, -least, side="right").astype(np.int64)

    def tail(self, threshold: float) -> Floats:
        """Chance that each cell of the first half comes and the sum of weights reaches a threshold."""
        return np.asarray(self.first_chance * self.second_cumulative[self.reach(threshold)])

    def exact_tail(self, threshold: float, share: float) -> float:
        """The same, summed, of weights that allow for relatives."""
        total = 0.0
        reach = self.reach(threshold + np.log1p(-share))
        for k in np.flatnonzero(self.first_chance > 0):
            own = Weighing.corrected(
                share,
                self.first_weight[k] + self.second_weight[: reach[k]],
                self.first_related[k] + self.second_related[: reach[k]],
            )
            reached = own >= threshold - ROUNDING
            total += float(self.first_chance[k] * self.second_chance[: reach[k]][reached].sum())
        return total


def _halves(parts: Sequence[Part], which: str) -> _Halves:
    order = sorted(range(len(parts)), key=lambda k: len(parts[k].m))
    sizes: list[int] = [1, 1]
    groups: tuple[list[int], list[int]] = ([], [])
    for k in reversed(order):
        side = int(sizes[1] < sizes[0])
        groups[side].append(k)
        sizes[side] *= len(parts[k].m)
    if max(sizes) > MOST_CELLS:
        raise InputError(
            f"The comparisons have {sizes[0]:,} times {sizes[1]:,} agreement patterns, too many to draw "
            "from: use fewer comparisons, or the patterns that were seen."
        )
    made = []
    for group in groups:
        cells = np.zeros((1, len(parts)), np.int64)
        chance, weight, related = np.ones(1), np.zeros(1), np.zeros(1)
        for k in group:
            part = parts[k]
            n = len(part.m)
            cells = np.repeat(cells, n, axis=0)
            cells[:, k] = np.tile(np.arange(n), len(chance))
            own = part.u if which == "r" and part.r is None else getattr(part, which)
            chance = (chance[:, None] * own[None, :]).ravel()
            weight = (weight[:, None] + part.weight[None, :]).ravel()
            extra = np.zeros(n) if part.related_weight is None else part.related_weight
            related = (related[:, None] + extra[None, :]).ravel()
        made.append((cells, chance, weight, related))
    first, second = made
    falling = np.argsort(-second[2], kind="stable")
    chances = second[1][falling]
    return _Halves(
        *first,
        second[0][falling],
        chances,
        second[2][falling],
        second[3][falling],
        np.concatenate([[0.0], np.cumsum(chances)]),
    )


def _drawn_by(cumulative: Floats, uniform: Floats) -> Ints:
    found = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return np.asarray(np.minimum(found, len(cumulative) - 1), np.int64)


def plain_chances(m: Sequence[Any], u: Sequence[Any]) -> PatternChances:
    """Chances of patterns from m and u alone, the comparisons independent of each other.

    Parameters
    ----------
    m, u : sequence of float or of sequence of float
        For each comparison its chance to agree among matches and among non-matches, or the chances of its
        levels from disagreement up, which sum to 1.

    Returns
    -------
    PatternChances

    Raises
    ------
    InputError
        Where they are no such chances, or a level has a chance of 0 in one class and not in the other.

    Examples
    --------
    >>> chances = plain_chances([0.9, 0.8], [0.1, 0.2])
    >>> round(chances.rate(0.0, matches=True), 2), round(chances.rate(0.0, matches=False), 2)
    (0.9, 0.1)
    """
    if len(m) != len(u) or not len(m):
        raise InputError(f"m and u: there are {len(m)} and {len(u)} comparisons, expected the same number.")
    return PatternChances(tuple(_plain_part(k, m[k], u[k]) for k in range(len(m))))


def _plain_part(number: int, m: Any, u: Any) -> Part:
    first, second = (
        np.array([1 - float(one), float(one)]) if np.ndim(one) == 0 else np.array(one, np.float64)
        for one in (m, u)
    )
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise InputError(
            f"m and u: comparison {number} has chances of {first.size} and {second.size} levels."
        )
    for name, one in (("m", first), ("u", second)):
        if not (one > 0).all() or abs(float(one.sum()) - 1) > 1e-6:
            raise InputError(
                f"{name}: the chances of comparison {number} are no chances above 0 that sum to 1: a level "
                "that cannot be is left out."
            )
    digits = np.arange(len(first), dtype=np.uint8)[:, None]
    return Part((number,), digits, first, second, np.log(first) - np.log(second))


def seen_patterns(
    weight: Any, matches: Any, non_matches: Any, digits: NDArray[np.uint8] | None = None
) -> PatternChances:
    """Chances of patterns as they were seen: joint, whatever depends on what, missing values included.

    Parameters
    ----------
    weight : float64 array, shape (n,)
        What each pattern weighs.
    matches, non_matches : float64 arrays, shape (n,)
        Its chance among matches, and among non-matches; either sums to 1 at most. What lacks are patterns
        that are never found.
    digits : uint8 array, shape (n, n_comparisons), optional
        Their levels.

    Returns
    -------
    PatternChances
    """
    values = np.asarray(weight, np.float64)
    levels = np.zeros((len(values), 1), np.uint8) if digits is None else digits
    numbers = tuple(range(levels.shape[1]))
    first, second = np.asarray(matches, np.float64), np.asarray(non_matches, np.float64)
    return PatternChances((Part(numbers, levels, first, second, values),))
