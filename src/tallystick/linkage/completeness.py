"""The share of the matches that the passes of a linkage find, estimated without truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.passes import AnyPass, BlockingKey, KeyPart
from tallystick.estimation.factors import MAX_KEY_PARTS
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.count import PatternCounts
from tallystick.quality.overlap import Agreements, Completeness, completeness, two_passes

MOST_CELLS = 2_000
"""Of larger tables of agreements no models are fitted."""

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
        Expected matches that each pass finds, those of earlier passes included.
    only : float64 array, shape (n_passes,)
        Expected matches that no other pass finds.
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
        none = np.zeros(len(passes))
        return EstimatedCompleteness(1.0, None, none, none, "since all pairs are compared")
    parts = [part for part in plan.key_parts if isinstance(part, KeyPart)]
    keyed = all(isinstance(one, BlockingKey) and not one.filters for one in passes)
    if not parts or len(parts) < len(plan.key_parts) or not keyed:
        none = np.zeros(len(passes))
        reason = "since not all passes are blocking keys without filters"
        return EstimatedCompleteness(parameters.selected_matches, None, none, none, reason)
    bits = digits[:, n_comparisons:].astype(bool)
    finds = found_by(passes, parts, bits)
    expected = finds.T @ matches
    only = (finds & (finds.sum(axis=1) == 1)[:, None]).T @ matches
    overlap, reason = _by_overlap(passes, parts, bits, finds, matches, prepared.spec.seed)
    return EstimatedCompleteness(parameters.selected_matches, overlap, expected, only, reason)


def found_by(passes: Sequence[AnyPass], parts: Sequence[KeyPart], bits: Bits) -> Bits:
    """Which passes find pairs by agreement on parts of keys.

    Parameters
    ----------
    passes : sequence of BlockingKey
        The passes.
    parts : sequence of KeyPart
        All parts of their keys.
    bits : bool array, shape (n, n_parts)
        Whether pairs agree on each part.

    Returns
    -------
    bool array, shape (n, n_passes)
    """
    number_of = {part: number for number, part in enumerate(parts)}
    found = [
        bits[:, [number_of[part] for part in one.parts]].all(axis=1)
        for one in passes
        if isinstance(one, BlockingKey)
    ]
    return np.stack(found, axis=1)


def _by_overlap(
    passes: Sequence[AnyPass],
    parts: Sequence[KeyPart],
    bits: Bits,
    finds: Bits,
    matches: NDArray[np.float64],
    seed: int,
) -> tuple[Completeness | None, str]:
    if len(passes) == 1:
        return None, "since there is one pass only"
    if len(passes) == 2 and not set(passes[0].fields) & set(passes[1].fields):
        first, second, both = (
            float(matches[one].sum()) for one in (finds[:, 0], finds[:, 1], finds.all(axis=1))
        )
        if both <= 0:
            return None, "since no match is found by both passes"
        return two_passes(first, second, both), ""
    table = agreements(passes, parts, bits, matches)
    if table is None:
        return None, f"since the parts of the keys can agree in more than {MOST_CELLS:,} ways"
    found = completeness(table, seed)
    return found, "" if found is not None else "since the passes overlap too little"


def agreements(
    passes: Sequence[AnyPass], parts: Sequence[KeyPart], bits: Bits, matches: NDArray[np.float64]
) -> Agreements | None:
    """Expected matches by what agrees, a field a column.

    A missing value is no agreement: no key finds it. Parts of one field are one column, whose levels are the
    combinations of parts that may agree: names that are equal have equal Soundex codes.

    Parameters
    ----------
    passes : sequence of BlockingKey
        The passes.
    parts : sequence of KeyPart
        All parts of their keys.
    bits : bool array, shape (n, n_parts)
        Whether pairs agree on each part.
    matches : float64 array, shape (n,)
        Expected matches among the pairs.

    Returns
    -------
    Agreements or None
        None where there are more than `MOST_CELLS` cells.
    """
    fields = tuple(dict.fromkeys(part.field for part in parts))
    own = [[number for number, part in enumerate(parts) if part.field == field] for field in fields]
    levels_of = [_levels([parts[k] for k in numbers], bits[:, numbers]) for numbers in own]
    sizes = [len(one) for one in levels_of]
    if len(parts) > MAX_KEY_PARTS or np.prod(sizes) > MOST_CELLS:
        return None
    levels = np.indices(sizes).reshape(len(sizes), -1).T
    of_cell = np.zeros((len(levels), len(parts)), bool)
    cell = np.zeros(len(bits), np.int64)
    codes_of: list[NDArray[np.int64]] = []
    for column, (numbers, known) in enumerate(zip(own, levels_of, strict=True)):
        place = 1 << np.arange(len(numbers))
        codes = known @ place
        codes_of.append(codes)
        of_cell[:, numbers] = known[levels[:, column]]
        cell = cell * len(codes) + np.searchsorted(codes, bits[:, numbers] @ place)
    seen = found_by(passes, parts, of_cell).any(axis=1)
    counts = np.where(seen, np.bincount(cell, weights=matches, minlength=len(levels)), 0.0)
    return Agreements(fields, levels, np.asarray(seen, np.bool_), counts, tuple(codes_of))


def _levels(parts: Sequence[KeyPart], seen: Bits) -> Bits:
    """Combinations of parts of one field that may agree, by ascending number, shape (n, n_parts)."""
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
