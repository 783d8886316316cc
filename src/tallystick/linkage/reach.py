"""How much records can tell: the greatest weight that a pair with them could have.

That is the weight of a pair in which all that the record holds agrees, as if it met its own copy. Records for
which it stays below the upper threshold can never be linked, whatever the other file holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.plan import ComparisonPlan
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.linking.attainable import attainable_weights
from tallystick.linking.terms import pair_terms
from tallystick.patterns.digits import PairDigits

MOST_RECORDS = 200_000
"""Of more records a systematic sample is looked at: figures of the report need no more."""
BINS = 60
APART = 0.05
"""Weights of agreement that differ by less are those of one level, not of values."""

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Copies:
    """Records paired with themselves.

    Attributes
    ----------
    rows : int32 array, shape (n,)
        The records that were looked at.
    source : int array, shape (n,)
        The source of each.
    weight : float64 array, shape (n,)
        Weight of the pair of each with itself.
    parts : float64 array, shape (n_comparisons, n)
        What each comparison gives of it.
    """

    rows: Rows
    source: NDArray[np.int64]
    weight: Floats
    parts: Floats


def copies(prepared: Prepared, parameters: Parameters) -> Copies:
    """Weigh records against themselves: of more than `MOST_RECORDS` every k-th.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.

    Returns
    -------
    Copies
    """
    n = prepared.records.n_records
    rows = np.arange(0, n, max(1, -(-n // MOST_RECORDS)), dtype=np.int32)
    comparisons = prepared.plan.comparisons
    source = prepared.source_of(rows).astype(np.int64)
    pair = _pair_of_source(prepared)
    weight = np.empty(len(rows))
    for number in range(len(prepared.records.sources)):
        own = np.flatnonzero(source == number)
        weight[own] = attainable_weights(
            prepared.records,
            prepared.spec.comparisons,
            prepared.plan,
            parameters,
            rows[own],
            int(pair[number]),
        )
    digits = PairDigits(comparisons, ()).of(rows, rows)
    terms = pair_terms(comparisons, parameters, rows, rows, digits)
    parts = np.stack(
        [
            np.asarray(parameters.level_weights[number])[own] + np.nan_to_num(terms.get(number, 0.0))
            for number, own in enumerate(digits)
        ]
    )
    return Copies(rows, source, weight, parts)


def _pair_of_source(prepared: Prepared) -> NDArray[np.int64]:
    """A pair of sources that each source is in, by its number."""
    found = np.zeros(len(prepared.records.sources), np.int64)
    for number, (left, right) in reversed(list(enumerate(prepared.plan.blocking.source_pairs))):
        found[left] = found[right] = number
    return found


def reach_figures(prepared: Prepared, known: Copies, upper: float) -> dict[str, Any]:
    """The distribution of the greatest weight, by source.

    Parameters
    ----------
    prepared : Prepared
        The records.
    known : Copies
        Of these.
    upper : float
        The upper threshold as a weight.

    Returns
    -------
    dict
        ``edges`` of the bins; ``sampled``, whether some records were looked at only; ``sources``: by name
        ``records`` (looked at), ``counts`` by bin, ``median``, and ``below`` the upper threshold.
    """
    finite = known.weight[np.isfinite(known.weight)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    edges = np.linspace(np.floor(low), max(np.ceil(high), np.floor(low) + 1), BINS + 1)
    sources = {}
    for number, name in enumerate(prepared.records.sources):
        own = known.weight[known.source == number]
        if len(own):
            sources[name] = {
                "records": len(own),
                "counts": np.histogram(own, edges)[0].tolist(),
                "median": float(np.median(own)),
                "below": int((own < upper).sum()),
            }
    return {
        "edges": edges.tolist(),
        "sampled": len(known.rows) < prepared.records.n_records,
        "sources": sources,
    }


def value_figures(prepared: Prepared, parameters: Parameters, known: Copies) -> list[dict[str, Any]]:
    """What agreement weighs by how many records have the value, where that is not the same for all.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.
    known : Copies
        Of these.

    Returns
    -------
    list of dict
        ``comparison`` and ``bands``, the commonest values last: ``first`` and ``last`` number of records that
        have such a value, distinct ``values``, ``records``, mean ``share`` of all records, and mean, least
        and greatest weight (``weight``, ``low``, ``high``).
    """
    found = []
    for number, plan in enumerate(prepared.plan.comparisons):
        if (
            len(plan.leaves) != 1
            or prepared.spec.comparisons[number].left != prepared.spec.comparisons[number].right
        ):
            continue
        bands = _bands(plan, known, known.parts[number])
        if bands:
            found.append({"comparison": parameters.comparisons[number].name, "bands": bands})
    return found


def _bands(plan: ComparisonPlan, known: Copies, parts: Floats) -> list[dict[str, Any]]:
    codes = plan.leaves[0].left_codes
    held = np.bincount(codes)
    total = int(held[1:].sum())
    own, at = np.unique(codes[known.rows], return_index=True)
    own, at = own[own > 0], at[own > 0]
    weight = parts[at]
    finite = np.isfinite(weight)
    own, weight = own[finite], weight[finite]
    if len(own) < 2 or np.ptp(weight) < APART:
        return []
    n = held[own]
    band = np.floor(np.log2(n)).astype(np.int64)
    rows = []
    for one in np.unique(band):
        of_band = band == one
        size, weighs = n[of_band], weight[of_band]
        low, high = float(weighs.min()), float(weighs.max())
        rows.append(
            {
                "first": int(size.min()),
                "last": int(size.max()),
                "values": len(size),
                "records": int(size.sum()),
                "share": float(size.mean()) / total,
                "weight": min(high, max(low, float(np.average(weighs, weights=size)))),
                "low": low,
                "high": high,
            }
        )
    return rows
