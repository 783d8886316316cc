"""Comparisons whose levels are estimated together: the cells of chosen interactions.

Comparisons that depend on each other, an e-mail address and the name that it is made of, are one factor, for
which the joint probabilities of the levels are estimated, among non-matches without any structure (a
saturated interaction of a log-linear model, Bishop, Fienberg and Holland 1975, chapter 2; in record linkage
Thibaudeau 1993). Among matches only those that are said to depend on each other there have joint
probabilities, and all others are independent: errors in a name and in the address do not come together for
the address being made of the name, and what is free among matches may be bent to take other pairs for them.
A cell is a cell of each of the parts, which are factors of one comparison each.

Where one part is missing and another is not, the likelihood is the sum of the joint probabilities over what
is missing, and the E-step shares such a pair out over the cells that it may be in (Little and Rubin 2002,
section 13.3). So all pairs say something, and the estimate is right where values are missing at random.

Thin cells: of a cell that would hold fewer than one pair if the parts were independent nothing is known when
it is empty, so that it is taken to hold what independence says, and of an emptier one than that a pair at the
most. So an empty cell is no infinite weight, and many pairs are believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.estimation.factors import Factor

Floats = NDArray[np.float64]

MAX_CELLS = 32_768
"""Cells that a group of comparisons may have, agreement on parts of keys included."""
FIRST_STEPS = 20
"""Steps of EM that share out pairs with a missing part before u is used for the first time."""
RAKING = 100
"""Steps of raking to given margins."""
TINY = 1e-300


@dataclass(frozen=True)
class Joint:
    """Factors that are estimated together; a stand-in for `Factor`.

    The cells are those of an array with an axis for each part, numbered in C order.

    Attributes
    ----------
    parts : tuple of Factor
        Factors of one comparison each, two or more.
    blocks : tuple of tuple of int, optional
        Numbers of the parts that depend on each other among matches; the blocks are independent. By default
        all parts are one block.
    indexed : tuple of (int, tuple of int)
        Key digit of each index that reads several of the parts, and the numbers of these parts. It finds no
        pair in which one of them is missing, whatever the others are: of such a pair it is not known whether
        the index would find it, and the likelihood is the sum over both.
    """

    parts: tuple[Factor, ...]
    blocks: tuple[tuple[int, ...], ...] | None = None
    indexed: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @property
    def keys(self) -> tuple[int, ...]:
        """Numbers of the key parts, part by part."""
        return tuple(key for part in self.parts for key in part.keys)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells of each part."""
        return tuple(part.n_cells for part in self.parts)

    @property
    def n_cells(self) -> int:
        """Number of cells, the missing ones included."""
        return int(np.prod(self.shape))

    @cached_property
    def of_part(self) -> tuple[NDArray[np.int64], ...]:
        """Cell of each part for each cell, shape (n_cells,) each."""
        found = np.unravel_index(np.arange(self.n_cells), self.shape)
        return tuple(np.asarray(one, np.int64) for one in found)

    @cached_property
    def bits(self) -> NDArray[np.int64]:
        """Agreement bits of each cell, those of the first part lowest, shape (n_cells,)."""
        bits, shift = np.zeros(self.n_cells, np.int64), 0
        for part, cell in zip(self.parts, self.of_part, strict=True):
            bits |= part.bits[cell] << shift
            shift += len(part.keys)
        return bits

    def bits_of(self, number: int) -> NDArray[np.int64]:
        """Agreement bits of one part for each cell, shape (n_cells,)."""
        return self.parts[number].bits[self.of_part[number]]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether no part of a cell is missing, shape (n_cells,)."""
        return np.asarray(np.logical_and.reduce(self._present), np.bool_)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Whether some part of a cell is not missing, shape (n_cells,)."""
        return np.asarray(np.logical_or.reduce(self._present), np.bool_)

    @property
    def _present(self) -> list[NDArray[np.bool_]]:
        return [part.present[cell] for part, cell in zip(self.parts, self.of_part, strict=True)]

    def cells(self, digits: NDArray[np.uint8], n_comparisons: int) -> NDArray[np.int64]:
        """Cell of each pattern; `digits` has shape (n, n_digits)."""
        own = tuple(part.cells(digits, n_comparisons) for part in self.parts)
        return np.asarray(np.ravel_multi_index(own, self.shape), np.int64)

    @cached_property
    def maybe_found(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """For each index the cells in which it is not known whether it finds the pair, and as if it did."""
        found = []
        strides = np.cumprod((1, *self.shape[:0:-1]))[::-1]
        for digit, parts in self.indexed:
            owner = next(k for k, part in enumerate(self.parts) if digit in part.keys)
            own = self.parts[owner]
            place = own.keys.index(digit)
            present = self._present
            lacking = np.logical_or.reduce([~present[k] for k in parts if k != owner])
            low = lacking & present[owner] & ((self.bits_of(owner) >> place) & 1 == 0)
            cells = np.flatnonzero(low)
            found.append((cells, cells + (own.n_levels + 1) * 2**place * int(strides[owner])))
        return tuple(found)

    def margin(self, values: Floats, number: int) -> Floats:
        """Sums by the cell of one part, shape (n_cells of the part,)."""
        sums = np.bincount(self.of_part[number], weights=values, minlength=self.shape[number])
        return np.asarray(sums, np.float64)

    def independent(self, values: Floats) -> Floats:
        """What the cells would hold with the same total and margins if the parts were independent."""
        total = max(float(values.sum()), TINY)
        shares = [self.margin(values, k)[cell] / total for k, cell in enumerate(self.of_part)]
        return np.asarray(total * np.prod(shares, axis=0), np.float64)

    def structured(self, matches: Floats) -> Floats:
        """Expected matches by complete cell as they would be with independent blocks."""
        if self.blocks is None or len(self.blocks) == 1:
            return matches
        total = max(float(matches.sum()), TINY)
        result = np.full(self.n_cells, total)
        for block in self.blocks:
            at = np.ravel_multi_index(
                tuple(self.of_part[k] for k in block), tuple(self.shape[k] for k in block)
            )
            result *= (np.bincount(at, weights=matches) / total)[at]
        return result

    def shrunk(self, values: Floats) -> Floats:
        """Fill up thin cells: by what independence would put there, one pair at the most."""
        if self.blocks is not None and len(self.blocks) == len(self.parts):
            return values  # all independent
        if self.indexed:
            return values  # the parts weigh alone, and a thin cell has no weight of its own
        return values + np.minimum(1.0, self.independent(values))

    def likelihoods(self, p: Floats) -> Floats:
        """Probability of what is not missing in each cell, from those of complete cells; (n_cells,)."""
        table = np.where(self.present, p, 0.0).reshape(self.shape)
        for axis, part in enumerate(self.parts):
            table = np.moveaxis(table, axis, 0).copy()
            table[~part.present] = table[part.present].sum(axis=0)
            table = np.moveaxis(table, 0, axis)
        likely = np.ascontiguousarray(table).reshape(-1)
        for cells, as_if_found in self.maybe_found:
            likely[cells] += likely[as_if_found]
            likely[as_if_found] = 0.0  # no pair shows them
        return likely

    def completed(self, seen: Floats, p: Floats) -> Floats:
        """Share pairs with a missing part out over complete cells with probabilities `p`; (n_cells,)."""
        likely = self.likelihoods(p)
        each = np.where(self.seen & (likely > 0), seen / np.maximum(likely, TINY), 0.0)
        for cells, as_if_found in reversed(self.maybe_found):
            each[as_if_found] += each[cells]
        table = each.reshape(self.shape)
        for axis, part in enumerate(self.parts):
            table = np.moveaxis(table, axis, 0).copy()
            table[part.present] += table[~part.present].sum(axis=0)
            table[~part.present] = 0.0
            table = np.moveaxis(table, 0, axis)
        return np.asarray(p * table.reshape(-1), np.float64)

    def missing_shares(self, counts: Floats) -> Floats:
        """Share of the pairs in which the same parts are missing, with the same key bits; (n_cells,)."""
        table = counts.reshape(self.shape)
        for axis, part in enumerate(self.parts):
            table = np.moveaxis(table, axis, 0).copy()
            table[part.present] = table[part.present].sum(axis=0)
            table = np.moveaxis(table, 0, axis)
        return np.asarray(table.reshape(-1) / max(1.0, float(counts.sum())), np.float64)

    def possible(self, by_part: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Cells whose parts are possible or missing each."""
        own = [one | ~part.present for part, one in zip(self.parts, by_part, strict=True)]
        return np.asarray(self._outer(own, np.logical_and), np.bool_)

    def product(self, by_part: Sequence[Floats]) -> Floats:
        """Cells of independent parts."""
        return np.asarray(self._outer(by_part, np.multiply), np.float64)

    def _outer(self, by_part: Sequence[NDArray[np.generic]], operation: np.ufunc) -> NDArray[np.generic]:
        return reduce(operation, [one[cell] for one, cell in zip(by_part, self.of_part, strict=True)])

    def first(self, counts: Floats, floors: Floats) -> Floats:
        """Probabilities of the complete cells from counts of all, floors kept."""
        p = np.maximum(np.where(self.present, counts, 0.0), floors)
        p = p / max(float(p.sum()), TINY)
        for _ in range(FIRST_STEPS):
            found = np.maximum(self.completed(counts, p), floors)
            p = found / max(float(found.sum()), TINY)
        return p

    def floors(self, counts: Floats, smallest: Floats) -> Floats:
        """The least that is taken for each cell: half a counted pair, less where independence says less."""
        expected = self.independent(self.first(counts, np.zeros(self.n_cells))) * counts[self.seen].sum()
        return np.where(self.present, np.minimum(smallest, expected), 0.0)

    def levels(self, cells: Floats) -> Floats:
        """Joint probabilities of the levels, key bits summed out, (n_levels of each part)."""
        shape = tuple(part.n_levels + 1 for part in self.parts)
        own = tuple(part.level[cell] for part, cell in zip(self.parts, self.of_part, strict=True))
        sums = np.bincount(np.ravel_multi_index(own, shape), weights=cells, minlength=int(np.prod(shape)))
        levels = sums.reshape(shape)[tuple(slice(part.n_levels) for part in self.parts)]
        return np.asarray(levels / levels.sum(), np.float64)

    def fixed(self, cells: Floats, levels: Floats) -> Floats:
        """Scale cells so that the joint levels have the given probabilities."""
        now = self.levels(cells) * cells.sum()
        index = tuple(
            np.minimum(part.level[cell], part.n_levels - 1)
            for part, cell in zip(self.parts, self.of_part, strict=True)
        )
        # Where a level is given that no cell shows, its cells are as likely as each other.
        each = 1.0 / 2 ** len(self.keys)
        wanted, found = levels[index], now[index]
        scaled = np.where(found > 0, cells * wanted / np.maximum(found, TINY), wanted * each)
        return np.where(self.present, scaled, 0.0)

    def raked(self, cells: Floats, by_part: Sequence[Floats | None]) -> Floats:
        """Scale cells so that the levels of single parts have the given probabilities (raking)."""
        for _ in range(RAKING):
            before = cells
            for number, levels in enumerate(by_part):
                if levels is None:
                    continue
                part = self.parts[number]
                level = part.level[self.of_part[number]]
                now = np.bincount(level, weights=cells, minlength=part.n_levels + 1)
                scale = np.append(levels, 0.0) / np.maximum(now, TINY)
                cells = cells * scale[level]
            if np.abs(cells - before).max() < 1e-12:
                break
        return cells

    def shared_in(self, shared: Floats, m: Floats, u: Floats) -> Iterator[tuple[tuple[int, ...], Floats]]:
        """What related pairs that have the true values of some parts in common, and of no others, show.

        The parts in common show what those of a match do, and the others what those of a non-match do that
        shows the same in these: m(a) u(b | a) for a in common and b not.

        Parameters
        ----------
        shared : float64 array, shape (n_parts,)
            Share of the related pairs that have the true value of each part in common.
        m, u : float64 array, shape (n_cells,)
            Cells of matches and of unrelated pairs.

        Yields
        ------
        tuple of int, float64 array
            1 for each part in common, and the probability of each cell together with that.
        """
        m_table, u_table = m.reshape(self.shape), u.reshape(self.shape)
        for common in product((0, 1), repeat=len(self.parts)):
            share = float(np.prod(np.where(common, shared, 1.0 - shared)))
            rest = tuple(axis for axis, own in enumerate(common) if not own)
            in_m = m_table.sum(axis=rest, keepdims=True)
            in_u = u_table.sum(axis=rest, keepdims=True)
            given = np.divide(u_table, in_u, out=np.zeros_like(u_table), where=in_u > 0)
            yield common, (share * in_m * given if rest else share * m_table).reshape(-1)

    def mixed(self, shared: Floats, m: Floats, u: Floats) -> Floats:
        """Cells of related pairs."""
        total = np.sum([own for _, own in self.shared_in(shared, m, u)], axis=0)
        return np.asarray(total / max(float(total.sum()), TINY), np.float64)

    def shares(self, shared: Floats, own: Floats, m: Floats, u: Floats, r: Floats) -> Floats:
        """Shares of related pairs with a value in common, from expected related pairs by complete cell."""
        found = np.zeros(len(self.parts))
        each = own / np.maximum(r, TINY)
        for common, joint in self.shared_in(shared, m, u):
            found += np.array(common) * float(each @ joint)
        return np.asarray(found / max(float(own.sum()), TINY), np.float64)


AnyFactor = Factor | Joint


def joined(
    factors: Sequence[Factor],
    groups: Sequence[Sequence[int]],
    names: Sequence[str],
    among_matches: Sequence[Sequence[int]] | None = None,
    indexed: Sequence[tuple[int, Sequence[int]]] = (),
) -> tuple[AnyFactor, ...]:
    """Put the factors of each group of comparisons together.

    Parameters
    ----------
    factors : sequence of Factor
        Factors of one comparison each at most.
    groups : sequence of sequence of int
        Numbers of comparisons; no comparison is in two groups.
    names : sequence of str
        Names of all comparisons.
    among_matches : sequence of sequence of int, optional
        Numbers of comparisons that depend on each other among matches, each within one group; by default
        those of every group do.
    indexed : sequence of (int, sequence of int)
        Key digit of each index, and numbers of the comparisons that it reads together, within one group.

    Returns
    -------
    tuple of Factor or Joint
        A group stands where its first comparison was.

    Raises
    ------
    InputError
        Where a group has too many cells.
    """
    of_comparison = {factor.comparison: factor for factor in factors if factor.comparison is not None}
    group_of = {number: tuple(sorted(group)) for group in groups for number in group}
    found: list[AnyFactor] = []
    for factor in factors:
        group = None if factor.comparison is None else group_of.get(factor.comparison)
        if group is None:
            found.append(factor)
        elif group[0] == factor.comparison:
            blocks = None
            if among_matches is not None:
                own = [tuple(sorted(one)) for one in among_matches if set(one) <= set(group)]
                alone = [(number,) for number in group if not any(number in one for one in own)]
                blocks = tuple(tuple(group.index(number) for number in one) for one in (*own, *alone))
            read = tuple(
                (digit, tuple(group.index(number) for number in one))
                for digit, one in indexed
                if set(one) <= set(group)
            )
            joint = Joint(tuple(of_comparison[number] for number in group), blocks, read)
            if joint.n_cells > MAX_CELLS:
                which = ", ".join(names[number] for number in group)
                raise InputError(
                    f"estimation.interactions: {which} have {joint.n_cells:,} combinations of levels and "
                    f"parts of keys together, at most {MAX_CELLS:,} can be estimated: name fewer that share "
                    "a comparison, or give them fewer levels."
                )
            found.append(joint)
    return tuple(found)


def groups_of(interactions: Sequence[Sequence[str]], names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Numbers of the comparisons that are estimated together: what shares a comparison is one group.

    Parameters
    ----------
    interactions : sequence of sequence of str
        Names of comparisons.
    names : sequence of str
        Names of all comparisons.

    Returns
    -------
    tuple of tuple of int

    Examples
    --------
    >>> groups_of([["surname", "email"], ["forename", "email"]], ["forename", "surname", "email", "town"])
    ((0, 1, 2),)
    """
    groups: list[set[int]] = []
    for one in interactions:
        own = {names.index(name) for name in one}
        apart = []
        for group in groups:
            if own & group:
                own |= group
            else:
                apart.append(group)
        groups = [*apart, own]
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def places_of(factors: Sequence[AnyFactor]) -> dict[int, tuple[int, int]]:
    """Factor, and part of it, of each comparison."""
    return {
        part.comparison: (k, number)
        for k, factor in enumerate(factors)
        for number, part in enumerate(factor.parts)
        if part.comparison is not None
    }
