"""Labelled pairs, a gold standard, in the estimation: pairs of which it is known whether they match.

**With EM.** A labelled candidate pair leaves the unlabelled counts and enters every M-step with its class
known: semi-supervised EM (Nigam, McCallum, Thrun and Mitchell 2000, section 4; for record linkage Larsen and
Rubin 2001). With share p of matches among the candidates and P(selected | .) as ever, the likelihood is

    product over unlabelled pairs of  p m(g) / P(selected | M) + (1 - p) u(g) / P(selected | U)
    times product over labelled matches of  p m(g) / P(selected | M)
    times product over labelled non-matches of  (1 - p) u(g) / P(selected | U)

which is right however the pairs were drawn, as long as the draw looked at no more than the pattern: what was
drawn says then nothing of the class that the pattern does not say (Rubin 1976). So the doubtful patterns may
be labelled more densely, and no inclusion probability is needed.

Where no non-match is labelled, the draw has looked at the class: the labels are matches that were known
already, and what is left is poorer in matches than the candidates as a whole. They are then taken for a
random sample of the matches, m(g) / P(selected | M) each, and p is that of the unlabelled pairs.

A labelled match that no pass selects was drawn by other means, so that the number of such labels says
nothing; it contributes m(g) / (1 - P(selected | M)). Its EM is that of a truncated sample in which some of
the pairs beyond the truncation are seen: they take the place of as many of the matches that EM imputes there,
which must be at least as many. A labelled non-match that no pass selects says nothing that is not known,
since u is counted among all pairs.

**Alone.** m is the share of each level among the labelled matches, weighted by 1 / inclusion probability
(Horvitz and Thompson 1952).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.plan import BlockingPlan
from tallystick.errors import InputError
from tallystick.patterns.plan import PairPlan

if TYPE_CHECKING:
    from tallystick.estimation.table import Table
    from tallystick.patterns.count import PatternCounts

NEVER = -1e9
"""Log of the share of a class that a labelled pair is known not to belong to."""


@dataclass(frozen=True)
class Labels:
    """Pairs of records of which it is known whether they match; each pair once.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.
    match : bool array, shape (n,)
        Whether they are records of one entity.
    inclusion : float64 array, shape (n,)
        Probability with which the pair was drawn for labelling; all 1 where it is not known.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    match: NDArray[np.bool_]
    inclusion: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)

    @property
    def text(self) -> str:
        """How many there are, as origins of parameters say it."""
        return f"{len(self):,} labelled pairs ({int(self.match.sum()):,} matches)"


@dataclass(frozen=True)
class Known:
    """What the labels say of the patterns that EM works on.

    Attributes
    ----------
    rows : int64 array, shape (n,)
        Row of the table of patterns of each labelled pair; -1 where no pass selects it.
    unlabelled : int64 array, shape (n_patterns,)
        Counts of the patterns without the labelled pairs.
    matches, non_matches : tuple of (rows, counts)
        Rows of the table with labelled matches and labelled non-matches, and how many.
    cells : int64 array, shape (n, n_factors)
        Cell of each factor of each labelled pair, numbered over all factors.
    outside_sums : float64 array, shape (n_cells,)
        Labelled matches that no pass selects, by cell.
    outside : float64 array, shape (n_source_pairs,)
        The same by pair of sources.
    apart : float64 array, shape (n_source_pairs,)
        Labelled matches among the candidates that say nothing of the share of matches: all of them where
        no non-match is labelled, else none.
    """

    rows: NDArray[np.int64]
    unlabelled: NDArray[np.int64]
    matches: tuple[NDArray[np.int64], NDArray[np.int64]]
    non_matches: tuple[NDArray[np.int64], NDArray[np.int64]]
    cells: NDArray[np.int64]
    outside_sums: NDArray[np.float64]
    outside: NDArray[np.float64]
    apart: NDArray[np.float64]

    def with_outside(self, found: NDArray[np.float64], chance: float) -> tuple[NDArray[np.float64], float]:
        """Expected matches where some that no pass selects are seen.

        Parameters
        ----------
        found : float64 array, shape (n_source_pairs,)
            Expected matches among the selected pairs.
        chance : float
            Probability that a match is selected.

        Returns
        -------
        expected : float64 array, shape (n_source_pairs,)
            Expected matches among all allowed pairs.
        total : float
            Number that, times 1 - `chance`, gives the matches that are neither selected nor seen.
        """
        unselected = np.maximum(found * (1.0 - chance) / chance, self.outside)
        unseen = float((unselected - self.outside).sum())
        return found + unselected, unseen / (1.0 - chance) if chance < 1.0 else 0.0


def known_of(labels: Labels, plan: PairPlan, table: Table) -> Known:
    """Find the patterns of labelled pairs among those of the candidates.

    Parameters
    ----------
    labels : Labels
        The labelled pairs.
    plan : PairPlan
        The plan of the pairs.
    table : Table
        The patterns of the candidates.

    Returns
    -------
    Known

    Raises
    ------
    InputError
        Where no labelled match can be used.
    """
    counts, blocking = table.counts, plan.blocking
    digits = np.ascontiguousarray(plan.digits.of(labels.left, labels.right).T)
    n_comparisons = len(counts.coding.n_levels)
    cells = np.stack(
        [
            f.cells(digits, n_comparisons) + start
            for f, start in zip(table.factors, table.starts, strict=False)
        ],
        axis=1,
    )
    first = first_pass(blocking, labels.left, labels.right)
    source_pair = blocking.source_pair_of(labels.left, labels.right)
    rows = _rows(counts, source_pair, first, counts.coding.encode(digits))
    assert ((rows >= 0) == (first >= 0)).all(), "a candidate pair was not counted"
    n_cells, n_pairs = int(table.starts[-1]), len(blocking.source_pairs)
    # Where a pass is a table of pairs its selection is not known, so that nothing is said of what it leaves.
    beyond = (rows < 0) & labels.match & bool(plan.key_parts)
    if not (labels.match & (rows >= 0)).any() and not beyond.any():
        raise InputError(
            "labels: no pass finds any of the labelled matches, so that they say nothing of the candidate "
            "pairs: label pairs that the passes find, or change the passes."
        )
    taken = np.bincount(rows[rows >= 0], minlength=len(counts.counts))
    apart = (rows >= 0) & bool(labels.match.all())
    return Known(
        rows,
        counts.counts - taken,
        _counted(rows[labels.match & (rows >= 0)]),
        _counted(rows[~labels.match & (rows >= 0)]),
        cells,
        np.bincount(cells[beyond].ravel(), minlength=n_cells).astype(np.float64),
        np.bincount(source_pair[beyond], minlength=n_pairs).astype(np.float64),
        np.bincount(source_pair[apart], minlength=n_pairs).astype(np.float64),
    )


def expect_classes(
    table: Table,
    logs: NDArray[np.float64],
    log_shares: NDArray[np.float64],
    selected: NDArray[np.float64],
    sums: NDArray[np.float64],
    found: NDArray[np.float64],
) -> float:
    """The E-step over all candidate pairs, labelled ones with their class known.

    Parameters
    ----------
    table, logs, log_shares, sums, found
        As of `tallystick.estimation.kernels_em.expect`.
    selected : float64 array, shape (n_classes,)
        Chance of selection of each class.

    Returns
    -------
    float
        The log-likelihood of the candidate pairs.
    """
    from tallystick.estimation.kernels_em import expect

    of, counts, known = table.counts.source_pair, table.counts.counts, table.known
    if known is None:
        return float(expect(table.cells, logs, log_shares, of, counts, sums, found))
    total = float(expect(table.cells, logs, log_shares, of, known.unlabelled, sums, found))
    for (rows, n), is_match in ((known.matches, True), (known.non_matches, False)):
        allowed = (np.arange(len(logs)) == 1) == is_match
        masked = np.where(allowed[:, None], log_shares, NEVER)
        if known.apart.any():
            masked[1] = -np.log(selected[1])
        total += float(expect(table.cells[rows], logs, masked, of[rows], n, sums, found))
    return total


def first_pass(
    blocking: BlockingPlan, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.int64]:
    """First pass that finds each of some pairs; -1 where none does.

    Parameters
    ----------
    blocking : BlockingPlan
        The passes.
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.

    Returns
    -------
    int64 array, shape (n,)
    """
    found = np.full(len(left), -1, np.int64)
    for k in reversed(range(len(blocking.passes))):
        found[blocking.finders[k].holds(left, right)] = k
    return found


def _rows(
    counts: PatternCounts,
    source_pair: NDArray[np.int64],
    pass_number: NDArray[np.int64],
    patterns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Row of the counts of each pair of sources, pass and pattern, shape (n,); -1 where there is none."""
    asked = np.flatnonzero(np.isin(counts.patterns, patterns))
    columns = (counts.source_pair, counts.pass_number, counts.patterns)
    number = dict(
        zip(zip(*(one[asked].tolist() for one in columns), strict=True), asked.tolist(), strict=True)
    )
    wanted = zip(source_pair.tolist(), pass_number.tolist(), patterns.tolist(), strict=True)
    return np.array([number.get(one, -1) for one in wanted], np.int64)


def _counted(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found: tuple[NDArray[Any], NDArray[Any]] = np.unique(rows, return_counts=True)
    return found[0].astype(np.int64), found[1].astype(np.int64)
