"""Residuals checked: the records without a link by reason, and what they lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.linkage.evaluation.missed import residual_rows
from tallystick.linkage.prepare import Known, Prepared
from tallystick.linking.attainable import attainable_weights, has_key
from tallystick.linking.decide import DecidedPairs, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.thresholds import Thresholds
from tallystick.quality.steps import named
from tallystick.records.records import MISSING

BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Weighed:
    """What some records were compared by: of a linkage at once all records, of a step those that it had.

    Attributes
    ----------
    prepared : Prepared
        The records and their plan, as of a linkage of their own.
    rows : int32 array, shape (n,)
        Their global rows among all records, ascending.
    parameters : Parameters
        The model.
    rule : Decision or Thresholds
        The rule, its thresholds worked out.
    decided : DecidedPairs
        The pairs that were kept; rows are those of `prepared`.
    step : str or None
        The label of the step.
    """

    prepared: Prepared
    rows: NDArray[np.int32]
    parameters: Parameters
    rule: Decision | Thresholds
    decided: DecidedPairs
    step: str | None = None


@dataclass(frozen=True)
class _Reach:
    """What is true of each record, over all steps that it was in; arrays of shape (n_records,)."""

    passes: tuple[tuple[str, Bools, Bools], ...]
    """Label, which records the pass has seen, and which of these lack what it needs."""
    no_pass: Bools
    too_little: Bools
    weight: NDArray[np.float64]


def residual_figures(
    known: Known, linked: Bools, residuals: pl.DataFrame, weighed: Sequence[Weighed] = ()
) -> dict[str, Any]:
    """The unlinked records by reason, source by source: what ``quality.json`` holds as ``residuals``.

    Parameters
    ----------
    known : Known
        The records.
    linked : bool array, shape (n_records,)
        Which of them have a link.
    residuals : polars.DataFrame
        ``source``, ``id``, ``reason``, and ``weight`` of the best candidate, where pairs are weighed.
    weighed : sequence of Weighed
        What the records were compared by; none of a linkage by match keys.

    Returns
    -------
    dict
        ``sources``, a dict each: ``source``, ``records``, ``unlinked``, ``share``; ``reasons``, a dict each
        of ``reason``, ``records``, ``share`` (of the unlinked), the most frequent first; ``completeness``,
        a dict each of ``field``, ``linked`` and ``unlinked`` (share of these that have a value; null of
        none) and ``by_reason``; ``passes``, a dict each of ``pass``, ``unlinked``, ``share_unlinked``,
        ``linked`` and ``share_linked``: how many lack what the pass needs (of steps, of the records that
        the step had); ``unlinkable`` (null for match keys) with ``no_pass`` (unlinked records that have
        what no pass needs), ``too_little`` (that have it, but could not reach the upper threshold with any
        record, even if it agreed on all they have), ``either`` (the two together), ``share`` (of the
        unlinked), and ``of_all_records`` (either, linked or not); ``attainable`` (null but for a linkage at
        once) with ``weights``, the same of all sources, and ``below``, the share of records that could not
        reach each; ``best`` (null without weights) with ``edges`` and ``counts`` of a histogram of the best
        candidates' weights, and ``quantiles`` (text to weight).
    """
    records = known.records
    rows = np.flatnonzero(~linked)
    # The table of a run names the unlinked records in their order; any other is looked up.
    if len(rows) != len(residuals) or not (records.ids.gather(rows) == residuals["id"].cast(pl.String)).all():
        rows = residual_rows(known, residuals)
    labels = residuals["reason"].unique().sort()
    reason = residuals["reason"].cast(pl.Enum(labels)).to_physical().to_numpy()
    weights = residuals["weight"].to_numpy() if "weight" in residuals.columns else None
    reach = _reach(records.n_records, weighed) if weighed else None
    grid = (
        _grid(reach.weight) if reach is not None and len(weighed) == 1 and weighed[0].step is None else None
    )
    sources = []
    for number, name in enumerate(records.sources):
        part = slice(records.rows(number).start, records.rows(number).stop)
        own = (rows >= part.start) & (rows < part.stop)
        free = ~linked[part]
        n, n_free = len(free), int(free.sum())
        of = np.full(n, -1, np.int64)
        of[rows[own] - part.start] = reason[own]
        counted = [(label, int((of == k).sum())) for k, label in enumerate(labels)]
        sources.append(
            {
                "source": name,
                "records": n,
                "unlinked": n_free,
                "share": n_free / n if n else None,
                "reasons": [
                    {"reason": label, "records": count, "share": count / int(own.sum())}
                    for label, count in sorted(counted, key=lambda one: (-one[1], one[0]))
                    if count
                ],
                "completeness": _completeness(
                    known, part, free, {label: of == k for k, label in enumerate(labels)}
                ),
                "passes": [] if reach is None else _passes(reach, part, free),
                "unlinkable": None if reach is None else _unlinkable(reach, part, free),
                "attainable": None if reach is None or grid is None else _below(reach.weight[part], grid),
                "best": None if weights is None else _best(weights[own]),
            }
        )
    return {"sources": sources}


def _completeness(
    known: Known, part: slice, free: Bools, by_reason: Mapping[str, Bools]
) -> list[dict[str, Any]]:
    return [
        {
            "field": field,
            "linked": _share(present, ~free),
            "unlinked": _share(present, free),
            "by_reason": {name: _share(present, own) for name, own in by_reason.items() if own.any()},
        }
        for field, present in (
            (field, column.codes[part] != MISSING) for field, column in known.records.columns.items()
        )
    ]


def _share(which: Bools, among: Bools) -> float | None:
    n = int(among.sum())
    return int((which & among).sum()) / n if n else None


def _reach(n_records: int, weighed: Sequence[Weighed]) -> _Reach:
    no_pass, too_little, seen_at_all = (
        np.ones(n_records, bool),
        np.ones(n_records, bool),
        np.zeros(n_records, bool),
    )
    passes = []
    weight = np.full(n_records, np.nan)
    for one in weighed:
        seen = np.zeros(n_records, bool)
        seen[one.rows] = True
        seen_at_all |= seen
        own = np.arange(len(one.rows), dtype=np.int32)
        any_key = np.zeros(len(own), bool)
        for made, finder in zip(one.prepared.spec.passes, one.prepared.plan.blocking.finders, strict=True):
            has = has_key(finder, own)
            any_key |= has
            lacks = np.zeros(n_records, bool)
            lacks[one.rows] = ~has
            label = made.label if one.step is None else named(made.label, one.step)
            passes.append((label, seen, lacks))
        most, surplus = _attainable(one)
        weight[one.rows] = most
        no_pass[one.rows] &= ~any_key
        too_little[one.rows] &= any_key & (surplus < 0)
    return _Reach(tuple(passes), no_pass & seen_at_all, too_little & seen_at_all & ~no_pass, weight)


def _attainable(one: Weighed) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The most that each record could weigh, and by how much that is above the upper threshold."""
    plan, records = one.prepared.plan, one.prepared.records
    most = np.full(records.n_records, -np.inf)
    surplus = np.full(records.n_records, -np.inf)
    limits = weight_thresholds(one.parameters, one.rule)
    for number, pair in enumerate(plan.blocking.source_pairs):
        for source in dict.fromkeys(pair):
            own = records.rows(source)
            rows = np.arange(own.start, own.stop, dtype=np.int32)
            found = attainable_weights(
                records, one.prepared.spec.comparisons, plan, one.parameters, rows, number
            )
            part = slice(own.start, own.stop)
            most[part] = np.maximum(most[part], found)
            surplus[part] = np.maximum(surplus[part], found - limits[number][1])
    return most, surplus


def _passes(reach: _Reach, part: slice, free: Bools) -> list[dict[str, Any]]:
    rows = []
    for label, seen, lacks in reach.passes:
        row: dict[str, Any] = {"pass": label}
        for name, among in (("unlinked", free), ("linked", ~free)):
            own = among & seen[part]
            row[name] = int((lacks[part] & own).sum())
            row[f"share_{name}"] = _share(lacks[part], own)
        rows.append(row)
    return rows


def _unlinkable(reach: _Reach, part: slice, free: Bools) -> dict[str, Any]:
    no_pass, too_little = reach.no_pass[part], reach.too_little[part]
    either = no_pass | too_little
    return {
        "no_pass": int((no_pass & free).sum()),
        "too_little": int((too_little & free).sum()),
        "either": int((either & free).sum()),
        "share": _share(either, free),
        "of_all_records": int(either.sum()),
    }


def _grid(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    known = weights[np.isfinite(weights)]
    return _edges(known, 2 * BINS) if len(known) else np.zeros(0)


def _edges(weights: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    low, high = float(np.floor(weights.min())), float(np.ceil(weights.max()))
    return np.linspace(low, max(high, low + 1), bins + 1)


def _below(weights: NDArray[np.float64], grid: NDArray[np.float64]) -> dict[str, Any]:
    ordered = np.sort(weights)
    below = np.searchsorted(ordered, grid, side="left") / max(1, len(ordered))
    return {"weights": grid.tolist(), "below": below.tolist()}


def _best(weights: NDArray[np.float64]) -> dict[str, Any]:
    known = weights[np.isfinite(weights)].astype(np.float64)
    if not len(known):
        return {"edges": [], "counts": [], "quantiles": {}}
    counts, edges = np.histogram(known, _edges(known, BINS))
    found = np.quantile(known, QUANTILES)
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "quantiles": {f"{100 * q:g} %": float(value) for q, value in zip(QUANTILES, found, strict=True)},
    }
