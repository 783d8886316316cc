"""The tables of a run: links, entities, residuals, and what a reviewer needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Known, Prepared
from tallystick.linking.decide import DecidedPairs, Verdict
from tallystick.linking.residuals import BestCandidates
from tallystick.linking.terms import pair_terms
from tallystick.patterns.coding import PatternCoding

REASONS = ["no candidate", "below threshold", "lost the assignment", "possible link", "tie", "not unique"]
NO_PASS = "no pass: found in review"
"""What the pass of a pair is called that people have decided and no pass finds."""
BY_REVIEW = "review"
"""What the step of a pair is called that people have decided and no step has kept."""
NAMES = ("links", "entities", "clusters", "residuals", "review")
"""The tables of a run, but for those that only some runs have."""
LABELS = pl.Series([verdict.label for verdict in Verdict])


def read_table(path: Path) -> pl.DataFrame:
    """A table that a run has written.

    Parameters
    ----------
    path : path
        A file of the directory of the run.

    Returns
    -------
    polars.DataFrame

    Raises
    ------
    InputError
        Where it is absent or damaged.
    """
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: the table cannot be read ({str(error).splitlines()[0]}): run the linkage again."
        ) from error


def _labels(names: list[str], numbers: NDArray[np.integer[Any]]) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(numbers)


def pair_ids(
    prepared: Known, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
) -> dict[str, pl.Series]:
    """Ids of both records of pairs of global rows, with their sources where ids alone do not tell them."""
    columns = {}
    for side, rows in (("left", left), ("right", right)):
        if prepared.names_sources:
            columns[f"source_{side}"] = _labels(list(prepared.records.sources), prepared.source_of(rows))
        columns[f"id_{side}"] = prepared.records.ids.gather(rows)
    return columns


def links_table(
    prepared: Prepared,
    coding: PatternCoding,
    decided: DecidedPairs,
    where: NDArray[np.int64] | None = None,
    passes: Sequence[str] | None = None,
) -> pl.DataFrame:
    """A row per kept pair, in the order of the records.

    Parameters
    ----------
    prepared : Prepared
        The records.
    coding : PatternCoding
        Of the patterns.
    decided : DecidedPairs
        The pairs.
    where : int64 array, optional
        Which of them, in this order; by default all.
    passes : sequence of str, optional
        What their pass numbers mean; by default the labels of the passes.

    Returns
    -------
    polars.DataFrame
        As DESIGN: ``id_left``, ``id_right`` (with sources where there are more than two),
        ``weight``, ``posterior``, ``posterior_pair``, ``pattern``, ``pass``, ``decision``.
    """
    chosen = slice(None) if where is None else where
    pairs = decided.pairs
    columns: dict[str, Any] = pair_ids(prepared, pairs.left[chosen], pairs.right[chosen])
    patterns, inverse = np.unique(pairs.pattern[chosen], return_inverse=True)
    columns |= {
        "weight": pairs.weight[chosen],
        "posterior": decided.posterior[chosen],
        "posterior_pair": decided.posterior_pair[chosen],
        "pattern": _labels(coding.texts(patterns), inverse),
        "pass": _labels(
            list(passes or (one.label for one in prepared.spec.passes)), pairs.pass_number[chosen]
        ),
        "decision": LABELS.gather(decided.verdict[chosen]),
    }
    return pl.DataFrame(columns)


def residuals_table(prepared: Prepared, decided: DecidedPairs, best: BestCandidates) -> pl.DataFrame:
    """Every record without a link, its best candidate, and why that is no link.

    Parameters
    ----------
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs.
    best : BestCandidates
        The best candidates of the unlinked records.

    Returns
    -------
    polars.DataFrame
        ``source``, ``id``, ``source_candidate``, ``id_candidate``, ``weight``, ``pass`` and
        ``reason``: no candidate, below threshold, lost the assignment, tie, not unique, possible link.
    """
    records, pairs = prepared.records, decided.pairs
    linked = decided.records_of(decided.links, records.n_records)
    rows = np.flatnonzero(~linked)
    candidate = best.row[rows]
    found = candidate >= 0
    reason = np.where(found, REASONS.index("below threshold"), REASONS.index("no candidate"))
    # What the best candidate's own pair was decided to be, where it was kept.
    kept = pairs.left.astype(np.int64) * records.n_records + pairs.right
    low, high = np.minimum(rows, candidate), np.maximum(rows, candidate)
    wanted = low.astype(np.int64) * records.n_records + high
    at = np.minimum(np.searchsorted(kept, wanted), max(0, len(kept) - 1))
    is_kept = found & (kept[at] == wanted) if len(kept) else np.zeros(len(rows), bool)
    possible = decided.possible
    taken = decided.records_of(decided.links | possible, records.n_records)
    reason[is_kept & taken[np.maximum(candidate, 0)]] = REASONS.index("lost the assignment")
    if len(kept):
        reason[is_kept & possible[at]] = REASONS.index("possible link")
        unchosen = "not unique" if prepared.spec.decision.assignment == "unique" else "tie"
        reason[is_kept & decided.tie[at]] = REASONS.index(unchosen)
    partner = np.maximum(candidate, 0)
    passes = [one.label for one in prepared.spec.passes]
    sources = list(records.sources)
    missing = pl.Series(found)
    frame = pl.DataFrame(
        {
            "source": _labels(sources, prepared.source_of(rows)),
            "id": records.ids.gather(rows),
            "source_candidate": _labels(sources, prepared.source_of(partner)),
            "id_candidate": records.ids.gather(partner),
            "weight": best.weight[rows],
            "pass": _labels(passes, np.maximum(best.pass_number[rows], 0)),
            "reason": _labels(REASONS, reason),
        }
    )
    blank = ["source_candidate", "id_candidate", "weight", "pass"]
    return frame.with_columns(pl.when(missing).then(pl.col(name)).alias(name) for name in blank)


def review_table(prepared: Prepared, parameters: Parameters, decided: DecidedPairs) -> pl.DataFrame:
    """The possible links, by falling weight, with the values compared and the weight of each comparison.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.
    decided : DecidedPairs
        The pairs.

    Returns
    -------
    polars.DataFrame
        The columns of `links_table`, then for every field ``left_`` and ``right_`` values, and for
        every comparison ``level_`` and ``weight_``; for comparisons that were estimated together
        ``weight_`` with their names joined by ``_x_``, what they add together; where related pairs are a
        class of their own, ``related_weight`` is what their agreement takes from the sum.
    """
    where = np.flatnonzero(decided.possible)
    where = where[
        np.lexsort((decided.pairs.right[where], decided.pairs.left[where], -decided.pairs.weight[where]))
    ]
    digits = parameters.coding.decode(decided.pairs.pattern[where])
    columns: dict[str, Any] = {}
    for field, column in prepared.records.columns.items():
        for side, rows in (("left", decided.pairs.left), ("right", decided.pairs.right)):
            columns[f"{side}_{field}"] = column.values[0].gather(column.codes[rows[where]])
    left, right = decided.pairs.left[where], decided.pairs.right[where]
    terms = pair_terms(prepared.plan.comparisons, parameters, left, right, np.ascontiguousarray(digits.T))
    for number, one in enumerate(parameters.comparisons):
        columns[f"level_{one.name}"] = _labels([*one.labels, "missing"], digits[:, number])
        columns[f"weight_{one.name}"] = parameters.level_weights[number][digits[:, number]]
        if number in terms:
            columns[f"weight_{one.name}"] = columns[f"weight_{one.name}"] + terms[number]
    for own in parameters.interactions:
        columns[f"weight_{'_x_'.join(own.names)}"] = own.at(own.terms, digits.T)
    if parameters.related_share:
        summed = np.sum([values for name, values in columns.items() if name.startswith("weight_")], axis=0)
        columns["related_weight"] = decided.pairs.weight[where] - summed
    links = links_table(prepared, parameters.coding, decided, where)
    return links.with_columns(pl.Series(name, values) for name, values in columns.items())
