"""Figures that charts of the report show, and nothing else needs: no value of a record is among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tallystick.blocking.criteria import selects
from tallystick.estimation.error_curve import ErrorCurve, joined
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.count import PatternCounts
from tallystick.records.records import MISSING, Records

POINTS = 100
"""Thresholds of a curve."""
LEAST_PRECISION = 0.5
LEAST_RECALL = 0.5
"""A curve ends where a threshold would be worse than that by either."""


def distinct_values(records: Records) -> dict[str, dict[str, dict[str, Any]]]:
    """How many distinct values the fields of each source have, and how common the commonest is.

    Parameters
    ----------
    records : Records
        The records.

    Returns
    -------
    dict
        By source and field: ``distinct``, ``records_per_value`` (mean) and ``commonest`` (its share of the
        records that have a value); only fields that the source has values in.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for number, source in enumerate(records.sources):
        own = slice(int(records.offsets[number]), int(records.offsets[number + 1]))
        found[source] = {}
        for field, column in records.columns.items():
            numbers = np.bincount(column.codes[own], minlength=1)
            numbers[MISSING] = 0
            n, distinct = int(numbers.sum()), int(np.count_nonzero(numbers))
            if n:
                found[source][field] = {
                    "distinct": distinct,
                    "records_per_value": n / distinct,
                    "commonest": float(numbers.max()) / n,
                }
    return found


def pairs_of_one_pass(prepared: Prepared, counts: PatternCounts) -> list[int | None]:
    """How many candidate pairs each pass finds that no other does.

    Parameters
    ----------
    prepared : Prepared
        The records and the passes.
    counts : PatternCounts
        Patterns of all candidate pairs.

    Returns
    -------
    list of int or None
        None where the patterns do not tell: there are pairs from a table, or a pass compares all pairs.
    """
    passes, criteria = prepared.spec.passes, prepared.plan.key_parts
    if len(passes) == 1:
        return [int(counts.counts.sum())]
    if not criteria:
        return [None] * len(passes)
    digits = counts.coding.decode(counts.patterns)[:, len(prepared.plan.comparisons) :].astype(bool)
    bits = {one: digits[:, number] for number, one in enumerate(criteria)}
    finds = np.stack([selects(number, one, bits) for number, one in enumerate(passes)])
    alone = finds & (finds.sum(axis=0) == 1)
    return [int(counts.counts[own].sum()) for own in alone]


def curve_points(curves: Sequence[ErrorCurve], parameters: Parameters) -> dict[str, Any] | None:
    """Expected precision and recall by threshold, each pair judged for itself.

    Parameters
    ----------
    curves : sequence of ErrorCurve
        One for each pair of sources.
    parameters : Parameters
        The model.

    Returns
    -------
    dict or None
        ``scale`` (``weight``, or ``log odds`` where pairs of sources have unlike priors) and ``points``, each
        with ``weight`` (the threshold on that scale), ``links`` (pairs at or above), ``precision`` and
        ``recall``, ascending; thresholds at which either would be poor are left out. None where nothing is
        expected.
    """
    if not curves:
        return None
    curve = curves[0] if len(curves) == 1 else joined(curves)
    if curve.all_matches <= 0 or not len(curve.low):
        return None
    prior = parameters.pairs[0].log_prior_odds if len(curves) == 1 else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = curve.matches_above / curve.pairs_above
    recall = curve.matches_above / curve.all_matches
    good = np.flatnonzero((precision >= LEAST_PRECISION) & (recall >= LEAST_RECALL))
    if not len(good):
        return None
    limits = curve.thresholds[good]
    points = []
    for at in np.linspace(limits.min(), limits.max(), POINTS):
        row = curve.rows_at(float(at))
        if row and np.isfinite(precision[row]):
            points.append(
                {
                    "weight": float(at) - prior,
                    "links": float(curve.pairs_above[row]),
                    "precision": min(1.0, float(precision[row])),
                    "recall": min(1.0, float(recall[row])),
                }
            )
    return {"scale": "weight" if len(curves) == 1 else "log odds", "points": points}
