"""The share of the matches that the passes of a linkage find, estimated without truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.criteria import Criterion, selects, ways_of
from tallystick.blocking.passes import AnyPass, KeyPart, PairTable, fields_read
from tallystick.estimation.factors import MAX_KEY_PARTS
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.count import PatternCounts
from tallystick.quality.overlap import Agreements, Completeness, completeness, two_passes

MOST_CELLS = 2_000
"""Of larger tables of agreements no models are fitted."""

NO_CRITERIA = "since the passes ask nothing of a pair"

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class EstimatedCompleteness:
    """Two estimates of the share of the matches that the passes find.

    Attributes
    ----------
    by_model : float
        Of the model, its likelihood conditional on selection.
    by_overlap : Completeness or None
        From the overlap of the passes; None where that tells nothing.
    expected : float64 array, shape (n_passes,)
        Expected matches that each pass finds, those of earlier passes included; NaN where that is not known.
    only : float64 array, shape (n_passes,)
        Expected matches that no other pass finds; NaN where that is not known.
    reason : str
        Why there is no estimate from the overlap.
    """

    by_model: float
    by_overlap: Completeness | None
    expected: NDArray[np.float64]
    only: NDArray[np.float64]
    reason: str = ""

    def lines(self) -> list[str]:
        """Sentences for people."""
        result = [
            f"matches found, by the model: {self.by_model:.1%} "
            "(assuming that in matches the comparisons agree independently of each other)"
        ]
        if (one := self.by_overlap) is None:
            result.append(f"matches found, by the overlap of the passes: not known, {self.reason}")
        else:
            result.append(
                f"matches found, by the {one.method}: {one.share:.1%} ({one.low:.1%} to {one.high:.1%}), "
                f"about {one.missed:,.0f} missed (assuming that {one.assumption})"
            )
        return result


def estimated_completeness(
    prepared: Prepared, parameters: Parameters, counts: PatternCounts
) -> EstimatedCompleteness:
    """Estimate how many of the matches the passes find.

    Parameters
    ----------
    prepared : Prepared
        The records and the plan.
    parameters : Parameters
        A model of them.
    counts : PatternCounts
        Counts of the patterns of the candidate pairs.

    Returns
    -------
    EstimatedCompleteness
    """
    plan = prepared.plan
    passes = plan.blocking.passes
    digits = counts.coding.decode(counts.patterns)
    n_comparisons = len(counts.coding.n_levels)
    weights = parameters.weights(digits[:, :n_comparisons], counts.source_pair)
    matches = parameters.posterior(weights, counts.source_pair) * counts.counts
    if plan.blocking.compares_all:
        unknown = np.full(len(passes), np.nan)
        return EstimatedCompleteness(1.0, None, unknown, unknown, "since all pairs are compared")
    tables = [one.label for one in passes if isinstance(one, PairTable)]
    if tables or not plan.key_parts:
        unknown = np.full(len(passes), np.nan)
        reason = f"since nothing says how the pairs of {tables[0]} were chosen" if tables else NO_CRITERIA
        return EstimatedCompleteness(parameters.selected_matches, None, unknown, unknown, reason)
    criteria = plan.key_parts
    bits = digits[:, n_comparisons:].astype(bool)
    finds = found_by(passes, criteria, bits)
    expected = finds.T @ matches
    only = (finds & (finds.sum(axis=1) == 1)[:, None]).T @ matches
    overlap, reason = _by_overlap(passes, criteria, bits, finds, matches, prepared.spec.seed)
    return EstimatedCompleteness(parameters.selected_matches, overlap, expected, only, reason)


def found_by(passes: Sequence[AnyPass], criteria: Sequence[Criterion], bits: Bits) -> Bits:
    """Which passes find pairs that meet criteria so.

    Parameters
    ----------
    passes : sequence of passes
        The passes; no tables.
    criteria : sequence of Criterion
        All criteria of theirs, such as the parts of keys.
    bits : bool array, shape (n, n_criteria)
        Whether pairs meet each criterion.

    Returns
    -------
    bool array, shape (n, n_passes)
    """
    by_criterion = dict(zip(criteria, bits.T, strict=True))
    return np.stack([selects(number, one, by_criterion) for number, one in enumerate(passes)], axis=1)


def _by_overlap(
    passes: Sequence[AnyPass],
    criteria: Sequence[Criterion],
    bits: Bits,
    finds: Bits,
    matches: NDArray[np.float64],
    seed: int,
) -> tuple[Completeness | None, str]:
    ways = sum(len(ways_of(number, one)) for number, one in enumerate(passes))
    if ways == 1:
        return None, "since there is one pass only"
    if ways == len(passes) == 2 and not set(fields_read(passes[0])) & set(fields_read(passes[1])):
        first, second, both = (
            float(matches[one].sum()) for one in (finds[:, 0], finds[:, 1], finds.all(axis=1))
        )
        if both <= 0:
            return None, "since no match is found by both passes"
        return two_passes(first, second, both), ""
    table = agreements(passes, criteria, bits, matches)
    if table is None:
        return None, f"since what the passes ask can hold in more than {MOST_CELLS:,} ways"
    needed = [
        name
        for name, column in zip(table.fields, table.levels.T, strict=True)
        if (column[table.seen] != column.min()).all()
    ]
    if needed:
        return None, f"since every pass asks something of {needed[0]}"
    found = completeness(table, seed)
    return found, "" if found is not None else "since the passes overlap too little"


def agreements(
    passes: Sequence[AnyPass], criteria: Sequence[Criterion], bits: Bits, matches: NDArray[np.float64]
) -> Agreements | None:
    """Expected matches by what agrees, a field a column.

    A missing value is no agreement: no key finds it. Criteria of one field are one column, whose levels are
    the combinations that may hold: names that are equal have equal Soundex codes. Fields that an index reads
    together are one column, too, since it finds a pair by both.

    Parameters
    ----------
    passes : sequence of passes
        The passes; no tables.
    criteria : sequence of Criterion
        All criteria of theirs, such as the parts of keys.
    bits : bool array, shape (n, n_criteria)
        Whether pairs meet each criterion.
    matches : float64 array, shape (n,)
        Expected matches among the pairs.

    Returns
    -------
    Agreements or None
        None where there are more than `MOST_CELLS` cells.
    """
    groups = columns_of(criteria)
    if len(criteria) > MAX_KEY_PARTS:
        return None
    levels_of = [_levels([criteria[k] for k in numbers], bits[:, numbers]) for numbers in groups.values()]
    sizes = [len(one) for one in levels_of]
    if np.prod(sizes) > MOST_CELLS:
        return None
    levels = np.indices(sizes).reshape(len(sizes), -1).T
    of_cell = np.zeros((len(levels), len(criteria)), bool)
    cell = np.zeros(len(bits), np.int64)
    codes_of: list[NDArray[np.int64]] = []
    for column, (numbers, known) in enumerate(zip(groups.values(), levels_of, strict=True)):
        place = 1 << np.arange(len(numbers))
        codes = known @ place
        codes_of.append(codes)
        of_cell[:, numbers] = known[levels[:, column]]
        cell = cell * len(codes) + np.searchsorted(codes, bits[:, numbers] @ place)
    seen = found_by(passes, criteria, of_cell).any(axis=1)
    counts = np.where(seen, np.bincount(cell, weights=matches, minlength=len(levels)), 0.0)
    return Agreements(tuple(groups), levels, np.asarray(seen, np.bool_), counts, tuple(codes_of))


def columns_of(criteria: Sequence[Criterion]) -> dict[str, list[int]]:
    """Which criteria are a column of a table of agreements: those that read fields in common.

    Parameters
    ----------
    criteria : sequence of Criterion

    Returns
    -------
    dict of str to list of int
        Numbers of the criteria of each column, under the names of its fields.

    Examples
    --------
    >>> from tallystick.blocking.passes import blocking_key, first
    >>> columns_of(blocking_key("surname", "sex", first("surname", 3)).parts)
    {'surname': [0, 2], 'sex': [1]}
    """
    together: list[set[str]] = []
    for one in criteria:
        joined = set(one.fields).union(*(group for group in together if group & set(one.fields)))
        together = [group for group in together if not group & joined] + [joined]
    order = list(dict.fromkeys(field for one in criteria for field in one.fields))
    found: dict[str, list[int]] = {}
    for number, one in enumerate(criteria):
        (group,) = (group for group in together if group & set(one.fields))
        found.setdefault(" with ".join(sorted(group, key=order.index)), []).append(number)
    return found


def _levels(criteria: Sequence[Criterion], seen: Bits) -> Bits:
    """Combinations of the criteria of one column that may hold, by ascending number, shape (n, n_criteria).

    Which parts of keys hold together is known. What an index finds is seen: it may be any combination that
    occurs, and that none holds.
    """
    parts = [own for own in criteria if isinstance(own, KeyPart)]
    if len(parts) < len(criteria):
        return np.unique(np.concatenate([seen, np.zeros((1, len(criteria)), bool)])[:, ::-1], axis=0)[:, ::-1]
    every = np.indices((2,) * len(parts)).reshape(len(parts), -1).T[:, ::-1].astype(bool)
    possible = np.ones(len(every), bool)
    for a, one in enumerate(parts):
        for b, other in enumerate(parts):
            if _implies(one, other):
                possible &= ~every[:, a] | every[:, b]
    place = 1 << np.arange(len(parts))
    possible[np.unique(seen @ place)] = True  # equal values may have no year, so neither agrees nor differs
    return every[possible]


def _implies(one: KeyPart, other: KeyPart) -> bool:
    """Whether agreement on a part of a field is agreement on another."""
    if one == other:
        return False
    if one.transform == "value":
        return True
    return one.transform == other.transform and (one.n or 0) > (other.n or 0)
