"""How much chance agreement would differ in other files: pairs share records, so it is no binomial count.

How often a cell occurs among the pairs that are no matches is a sum over pairs of records, a U-statistic: its
variance is that of the records' own sums (Hoeffding 1948, section 5). A record with a common value agrees
with many others at once, so the count of agreements varies far more than one of as many independent pairs.

The agreements of a record on an equal value are exactly the records that have the value. All others are taken
from a rectangle of random records on either side, whose columns are halved: two sums of one record over
different columns have in common what is the record's own, so that the mean of their product has no share of
the sampling in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.keys import combine_codes
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.joint import AnyFactor
from tallystick.estimation.marginals import value_codes
from tallystick.estimation.table import Table
from tallystick.patterns.plan import PairPlan

Matrix = NDArray[np.float64]
Rows = NDArray[np.int32]
ROWS = 400
"""Random records of each source whose sums are taken."""
COLUMNS = 1000
"""Records of each source that they are summed over."""
WHOLE = 50_000
"""Records of each source whose equal values are counted."""


@dataclass(frozen=True)
class Matched:
    """Pairs that are matches with some probability, which are no chance agreement.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows.
    cells : int32 array, shape (n, n_factors)
        The cell of each factor, numbered over all factors.
    probability : float64 array, shape (n,)
        That the pair is a match.
    """

    left: Rows
    right: Rows
    cells: NDArray[np.int32]
    probability: Matrix


def chance_covariance(
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    table: Table,
    log_odds: Sequence[Matrix],
    matched: Matched,
    drawn: int | None,
    seed: int,
) -> Matrix:
    """Covariance of the numbers of pairs that are no matches, by cell.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    comparisons : sequence of Comparison
        As in the specification.
    table : Table
        Factors, and where their cells begin.
    log_odds : sequence of float64 array
        For every factor the log odds of a match that each cell adds, (n_cells,); the prior odds are in the
        first.
    matched : Matched
        Likely matches.
    drawn : int, optional
        Random pairs from which unequal values were counted; None where all pairs were.
    seed : int
        Seed of the random records.

    Returns
    -------
    float64 array, shape (n_cells, n_cells)
        Of all factors' cells.
    """
    n_cells = int(table.starts[-1])
    random = np.random.default_rng([seed, 7])
    sums = _Sums(plan, comparisons, table, log_odds, matched, random)
    covariance = np.zeros((n_cells, n_cells))
    for s in sums.sources:
        rows = random.permutation(plan.blocking.rows(s))[:WHOLE]
        exact = sums.equal(rows, s)
        mean = np.asarray(exact.mean(axis=0)).ravel()
        of_equal = (exact.T @ exact).toarray() / len(rows) - np.outer(mean, mean)
        halves = sums.unequal(rows[:ROWS], s)
        halves -= halves.mean(axis=1, keepdims=True)
        some = exact[:ROWS].toarray()
        cross = (some - some.mean(axis=0)).T @ halves.mean(axis=0) / len(some)
        own = halves[0].T @ halves[1] / len(some)
        covariance += len(plan.blocking.rows(s)) * (of_equal + cross + cross.T + 0.5 * (own + own.T))
    covariance += _of_matched(sums, matched, plan, random)
    total = float(plan.blocking.allowed_pairs().sum())
    least = _of_single_pairs(table, np.zeros(n_cells, bool), total, None)
    return _at_least(covariance + _of_single_pairs(table, sums.cells, total, drawn), least)


def _at_least(covariance: Matrix, least: Matrix) -> Matrix:
    """The covariance where it exceeds that of independent pairs, as that of pairs that share records must.

    Sums of even values hardly differ between records, so that what is estimated of them is little but noise.
    """
    known = np.diag(least) > 0
    scale = np.sqrt(np.where(known, np.diag(least), 1.0))
    both = np.outer(known, known)
    values, vectors = np.linalg.eigh(np.where(both, covariance - least, 0.0) / np.outer(scale, scale))
    excess = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return np.asarray(least + excess * np.outer(scale, scale))


def _of_matched(sums: _Sums, matched: Matched, plan: PairPlan, random: np.random.Generator) -> Matrix:
    """What the sums of two records of one entity have in common, as they have mostly the same values."""
    total = matched.probability.sum()
    if total < 1:
        return np.zeros((len(sums.cells), len(sums.cells)))
    chosen = random.choice(len(matched.left), ROWS, p=matched.probability / total)
    sides = []
    for rows in (matched.left[chosen], matched.right[chosen]):
        source = np.searchsorted(plan.blocking.offsets, rows, side="right") - 1
        own = np.zeros((len(rows), len(sums.cells)))
        for s in np.unique(source):
            mine = source == s
            own[mine] = sums.equal(rows[mine], s).toarray() + sums.unequal(rows[mine], s).mean(axis=0)
            own[mine] -= sums.mean(s)
        sides.append(own)
    common = total * sides[0].T @ sides[1] / ROWS
    return np.asarray(common + common.T)


def _of_single_pairs(table: Table, equal: NDArray[np.bool_], total: float, drawn: int | None) -> Matrix:
    """What single pairs add, or take off where the sums of both their records hold them.

    The exact sums of equal values hold the randomness of each pair twice, and so does their product with the
    others; the product of the halves does not hold it at all.
    """
    sign = np.where(equal[:, None] | equal[None, :], -1.0, 1.0 if drawn is None else total / drawn)
    counts = np.concatenate(table.among_all)
    own = np.zeros((len(counts), len(counts)))
    for start, stop in zip(table.starts[:-1], table.starts[1:], strict=True):
        part = counts[start:stop]
        own[start:stop, start:stop] = np.diag(part) - np.outer(part, part) / total
    return np.asarray(sign * own)


class _Sums:
    """Chance agreements of single records with all others, by cell."""

    def __init__(
        self,
        plan: PairPlan,
        comparisons: Sequence[Comparison],
        table: Table,
        log_odds: Sequence[Matrix],
        matched: Matched,
        random: np.random.Generator,
    ) -> None:
        self._plan, self._table, self._log_odds = plan, table, log_odds
        self._equal = _EqualValues(plan, comparisons, table)
        self.cells = self._equal.cells
        self._minus = _by_record(matched, self.cells, int(plan.blocking.offsets[-1]))
        self.sources = sorted({source for pair in plan.blocking.source_pairs for source in pair})
        self._columns = {s: random.permutation(plan.blocking.rows(s))[:COLUMNS] for s in self.sources}
        self._few = {s: random.permutation(plan.blocking.rows(s))[:ROWS] for s in self.sources}
        self._means: dict[int, Matrix] = {}

    def partners(self, s: int) -> list[int]:
        """The sources that records of a source are paired with."""
        return [t if own == s else own for own, t in self._plan.blocking.source_pairs if s in (own, t)]

    def equal(self, rows: Rows, s: int):  # type: ignore[no-untyped-def]
        """Agreements by an equal value, likely matches left out, (n_rows, n_cells)."""
        return self._equal.sums(rows, self.partners(s), s) - self._minus[rows]

    def unequal(self, rows: Rows, s: int) -> Matrix:
        """All others, estimated from either half of the columns, (2, n_rows, n_cells)."""
        halves = np.zeros((2, len(rows), len(self.cells)))
        for t in self.partners(s):
            n = len(self._plan.blocking.rows(t)) - (s == t)
            for half in range(2):
                columns = self._columns[t][half::2]
                halves[half] += n * _mean_cells(
                    self._plan, self._table, self._log_odds, self._equal, rows, columns
                )
        return halves

    def mean(self, s: int) -> Matrix:
        """Mean of both over the records of a source, (n_cells,)."""
        if s not in self._means:
            self._means[s] = self._mean(s)
        return self._means[s]

    def _mean(self, s: int) -> Matrix:
        rows = self._plan.blocking.rows(s)[:WHOLE]
        unequal = self.unequal(self._few[s], s).mean(axis=(0, 1))
        return np.asarray(np.asarray(self.equal(rows, s).mean(axis=0)).ravel() + unequal)


class _EqualValues:
    """What records agree on because they have the same value of a factor."""

    def __init__(self, plan: PairPlan, comparisons: Sequence[Comparison], table: Table) -> None:
        self.codes = [_codes_of(plan, comparisons, factor) for factor in table.factors]
        self._blocking = plan.blocking
        self.cell_of: list[NDArray[np.int64] | None] = []
        self.cells = np.zeros(int(table.starts[-1]), bool)
        self._n_cells = len(self.cells)
        # Where unequal values are all alike their number follows, and need not be sampled.
        self.other_cell: list[int | None] = []
        for factor, start, codes, possible in zip(
            table.factors, table.starts[:-1], self.codes, table.possible, strict=True
        ):
            self.other_cell.append(None)
            if codes is None:
                self.cell_of.append(None)
                continue
            values, first = np.unique(codes, return_index=True)
            rows = first.astype(np.int32)
            digits = np.ascontiguousarray(plan.digits.of(rows, rows).T)
            cell = np.full(int(codes.max(initial=0)) + 1, -1, np.int64)
            cell[values] = start + factor.cells(digits, len(plan.comparisons))
            cell[0] = -1
            self.cells[cell[cell >= 0]] = True
            self.cell_of.append(cell)
            rest = start + np.flatnonzero(possible & ~self.cells[start : start + factor.n_cells])
            if len(rest) == 1:
                self.other_cell[-1] = int(rest[0])
                self.cells[rest] = True

    def sums(self, rows: Rows, partners: Sequence[int], source: int):  # type: ignore[no-untyped-def]
        """For some records of a source how many others have their value, by cell, (n_rows, n_cells)."""
        from scipy.sparse import csr_array

        at, cells, times = [], [], []
        for codes, cell_of, other in zip(self.codes, self.cell_of, self.other_cell, strict=True):
            if codes is None or cell_of is None:
                continue
            have = np.zeros(len(cell_of))
            for t in partners:
                have += np.bincount(codes[self._blocking.rows(t)], minlength=len(have))
            value = codes[rows]
            known = np.flatnonzero((value != 0) & (cell_of[value] >= 0))
            at.append(known)
            cells.append(cell_of[value[known]])
            times.append(have[value[known]] - (source in partners))
            if other is not None:
                at.append(known)
                cells.append(np.full(len(known), other))
                times.append(have[1:].sum() - have[value[known]])
        if not at:
            return csr_array((len(rows), self._n_cells))
        where = np.concatenate(at), np.concatenate(cells)
        return csr_array((np.concatenate(times), where), shape=(len(rows), self._n_cells))


def _codes_of(
    plan: PairPlan, comparisons: Sequence[Comparison], factor: AnyFactor
) -> NDArray[np.int32] | None:
    """Codes whose equality means equal values of every part of a factor; None where there are no such."""
    codes = [value_codes(plan, comparisons, part) for part in factor.parts]
    known = [one for one in codes if one is not None]
    if len(known) < len(codes):
        return None
    return known[0] if len(known) == 1 else combine_codes(known)


def _by_record(matched: Matched, wanted: NDArray[np.bool_], n_records: int):  # type: ignore[no-untyped-def]
    """Likely matches of each record by cell, where the cell is wanted, (n_records, n_cells)."""
    from scipy.sparse import csr_array

    n_factors = matched.cells.shape[1]
    cell = matched.cells.ravel()
    weight = np.repeat(matched.probability, n_factors) * wanted[cell]
    rows = [np.repeat(side, n_factors) for side in (matched.left, matched.right)]
    where = np.concatenate(rows), np.concatenate([cell, cell])
    return csr_array((np.concatenate([weight, weight]), where), shape=(n_records, len(wanted)))


def _mean_cells(
    plan: PairPlan,
    table: Table,
    log_odds: Sequence[Matrix],
    equal: _EqualValues,
    rows: Rows,
    columns: Rows,
) -> Matrix:
    """Share of the columns with which each row shows a cell, other than by an equal value or as a match."""
    left, right = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    digits = plan.digits.of(left, right).T
    cells = [f.cells(digits, len(plan.comparisons)) for f in table.factors]
    odds = log_odds[0][cells[0]]
    for own, cell in zip(log_odds[1:], cells[1:], strict=True):
        odds += own[cell]
    np.exp(np.clip(odds, -700, 700, out=odds), out=odds)
    weight = (1.0 / (1.0 + odds)).reshape(len(rows), len(columns))
    weight[rows[:, None] == columns] = 0.0
    found = np.zeros((len(rows), int(table.starts[-1])))
    row = np.arange(len(rows))[:, None]
    for number, (cell, codes, only) in enumerate(zip(cells, equal.codes, equal.other_cell, strict=True)):
        if only is not None:
            continue
        other = weight
        if codes is not None:
            value = codes[rows][:, None]
            # A value that is missing on both sides is no equal value: that may be a level of its own.
            other = np.where((value == codes[columns]) & (value != 0), 0.0, weight)
        start, stop = table.starts[number : number + 2]
        size = int(stop - start)
        at = (row * size + cell.reshape(weight.shape)).ravel()
        sums = np.bincount(at, weights=other.ravel(), minlength=len(rows) * size)
        found[:, start:stop] = sums.reshape(-1, size)
    return found / max(1, len(columns))
