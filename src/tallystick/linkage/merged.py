"""The decided pairs of all steps as those of one linkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.linkage.key_links import KeyLinks
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.sequential import StepLinks
from tallystick.linking.decide import DecidedPairs, Verdict
from tallystick.linking.residuals import BestCandidates
from tallystick.linking.score import ScoredPairs
from tallystick.patterns.coding import PatternCoding


@dataclass(frozen=True)
class Merged:
    """Pairs of all steps.

    Attributes
    ----------
    decided : DecidedPairs
        A pair that several steps have kept is there once: as the link or possible link that it is, else as
        the last of the steps had it. Rows, passes and patterns are numbered as in the whole linkage; a
        comparison that the step does not make is missing in the pattern.
    step : int64 array, shape (n_pairs,)
        The step of each, from 0.
    """

    decided: DecidedPairs
    step: NDArray[np.int64]


def merged(whole: Prepared, steps: Sequence[StepLinks], coding: PatternCoding) -> Merged:
    """Put the pairs of all steps together.

    A possible link of a step stays one as long as neither of its records is linked by a later step.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.
    coding : PatternCoding
        Of the patterns of all comparisons.

    Returns
    -------
    Merged
    """
    parts = [
        _of_keys(whole, one.keys, number, coding) if one.keys else _in_whole(one, number, coding)
        for number, one in enumerate(steps)
        if one.links is not None or one.keys is not None
    ]
    columns: list[NDArray[Any]]
    columns = [np.concatenate([part[k] for part in parts]) for k in range(len(_TYPES))] if parts else _none()
    left, right, weight, pattern, passes, pair, posterior, posterior_pair, verdict, tie, step = columns
    linked = np.zeros(whole.records.n_records, bool)
    links = verdict == Verdict.LINK
    linked[left[links]] = linked[right[links]] = True
    settled = (verdict == Verdict.POSSIBLE) & (linked[left] | linked[right])
    verdict = np.where(settled, Verdict.NON_LINK, verdict).astype(np.int8)
    order = np.lexsort((-step, -verdict, right, left))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(left[order]) != 0) | (np.diff(right[order]) != 0)
    at = order[first]
    pairs = ScoredPairs(*(column[at] for column in (left, right, weight, pattern, passes, pair)))
    decided = DecidedPairs(pairs, posterior[at], posterior_pair[at], verdict[at], tie[at])
    return Merged(decided, step[at])


_TYPES = (
    np.int32,
    np.int32,
    np.float64,
    np.int64,
    np.int64,
    np.int64,
    np.float64,
    np.float64,
    np.int8,
    np.bool_,
    np.int64,
)


def _none() -> list[NDArray[Any]]:
    return [np.zeros(0, dtype) for dtype in _TYPES]


def _in_whole(one: StepLinks, number: int, coding: PatternCoding) -> tuple[NDArray[Any], ...]:
    """The pairs of a step, numbered as in the whole linkage."""
    assert one.links is not None
    decided, rows = one.links.decided, one.records.rows
    pairs = decided.pairs
    own = one.links.model.parameters.coding.decode(pairs.pattern)
    digits = np.broadcast_to(np.array(coding.n_levels, np.uint8), (len(pairs), len(coding.n_levels))).copy()
    digits[:, list(one.records.comparisons)] = own
    return (
        rows[pairs.left],
        rows[pairs.right],
        pairs.weight,
        coding.encode(digits),
        np.array(one.records.passes, np.int64)[pairs.pass_number],
        pairs.source_pair,
        decided.posterior,
        decided.posterior_pair,
        decided.verdict,
        decided.tie,
        np.full(len(pairs), number, np.int64),
    )


def _of_keys(whole: Prepared, keys: KeyLinks, number: int, coding: PatternCoding) -> tuple[NDArray[Any], ...]:
    """Links by match keys, which come behind the passes; they have no weight."""
    found = keys.matched
    left, right = found.left.astype(np.int32), found.right.astype(np.int32)
    n = len(left)
    digits = whole.plan.digits.of(left, right)[: len(coding.n_levels)]
    return (
        left,
        right,
        np.full(n, np.nan),
        coding.encode(digits.T),
        len(whole.spec.passes) + found.key.astype(np.int64),
        np.zeros(n, np.int64),
        keys.posterior,
        keys.posterior,
        np.full(n, Verdict.LINK, np.int8),
        np.zeros(n, bool),
        np.full(n, number, np.int64),
    )


def pass_labels(whole: Prepared) -> list[str]:
    """Labels of the passes, and of the match keys behind them."""
    keys = () if whole.spec.match is None else whole.spec.match.keys
    return [*(one.label for one in whole.spec.passes), *(key.label for key in keys)]


def last_candidates(whole: Prepared, steps: Sequence[StepLinks], wanted: NDArray[np.bool_]) -> BestCandidates:
    """The best candidate of each wanted record in the last step that found one for it.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.
    wanted : bool array, shape (n_records,)
        Which records are asked for.

    Returns
    -------
    BestCandidates
    """
    n = whole.records.n_records
    row, weight = np.full(n, -1, np.int32), np.full(n, np.nan)
    pass_number = np.full(n, -1, np.int64)
    for one in steps:
        if one.links is None:
            continue
        rows, best = one.records.rows, one.links.best or one.links.find_best()
        found = np.flatnonzero((best.row >= 0) & wanted[rows])
        row[rows[found]] = rows[best.row[found]]
        weight[rows[found]] = best.weight[found]
        pass_number[rows[found]] = np.array(one.records.passes, np.int64)[best.pass_number[found]]
    return BestCandidates(row, weight, pass_number)
