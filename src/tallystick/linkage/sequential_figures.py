"""The figures of a sequential linkage: what each step did, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.linkage.chart_figures import distinct_values
from tallystick.linkage.key_links import KeyLinks
from tallystick.linkage.merged import Merged
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.sequential import StepLinks
from tallystick.linking.clustering import Clustering
from tallystick.linking.decide import weight_thresholds
from tallystick.quality.rates import EstimatedRates, StepRates, rates_of_steps
from tallystick.quality.steps import named


def estimate_rates(whole: Prepared, steps: Sequence[StepLinks]) -> tuple[EstimatedRates, float]:
    """Estimated rates of all steps together, and the matches that no pass finds.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.

    Returns
    -------
    rates : EstimatedRates
    missed_by_blocking : float
        Of the last step that had pairs: what its passes miss no other step finds.
    """
    allowed = float(whole.plan.blocking.allowed_pairs().sum())
    parts, missed = [], 0.0
    for one in steps:
        if one.estimated is not None:
            rates, missed = one.estimated
            left, right = np.diff(one.records.prepared.records.offsets).tolist()[:2]
            parts.append(StepRates(rates, left, right))
    if len(parts) > 1 and steps[0].keys is not None:
        # Match keys estimate nothing: the matches among all records are theirs and those of the next step.
        rates = replace(parts[0].rates, missed=parts[1].rates.matches)
        parts[0] = replace(parts[0], rates=rates)
    return rates_of_steps(parts, allowed), missed


def step_rows(whole: Prepared, steps: Sequence[StepLinks]) -> list[dict[str, Any]]:
    """What each step did, a row each.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.

    Returns
    -------
    list of dict
        ``step``, ``records`` that it had, ``pairs`` it compared, ``links`` and ``possible`` links it made,
        ``residuals`` it left, ``false_links`` and ``missed`` as it estimates them (of the records that it
        had; what it misses a later step may find), ``seconds``, and ``reason`` where there was nothing to
        decide.
    """
    rows = []
    for one in steps:
        n = len(one.records.rows)
        row: dict[str, Any] = {
            "step": one.step.label,
            "records": n,
            "pairs": 0,
            "links": 0,
            "possible": 0,
            "residuals": n,
            "false_links": None,
            "missed": None,
            "seconds": one.seconds,
            "reason": one.reason or None,
        }
        if one.keys is not None and one.estimated is not None:
            counts = one.keys.matched.counts
            row |= {
                "pairs": sum(key.pairs for key in counts),
                "links": sum(key.links for key in counts),
                "residuals": n - int(one.linked(whole.records.n_records).sum()),
                "false_links": one.estimated[0].false_links,
            }
        if one.links is not None and one.estimated is not None:
            rates, own = one.estimated[0], one.links.counts_dict()
            row |= {
                "pairs": own["candidates"],
                "links": own["links"],
                "possible": own["possible"],
                "residuals": n - int(one.linked(whole.records.n_records).sum()),
                "false_links": rates.false_links,
                "missed": rates.missed,
            }
        rows.append(row)
    return rows


def counts_dict(
    whole: Prepared, steps: Sequence[StepLinks], pairs: Merged, clustering: Clustering
) -> dict[str, Any]:
    """Counts per stage, step and pass.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.
    pairs : Merged
        Their pairs.
    clustering : Clustering
        Their entities.

    Returns
    -------
    dict
        As of a linkage at once, and ``steps`` (see `step_rows`).
    """
    decided, offsets = pairs.decided, whole.records.offsets
    linked = decided.records_of(decided.links, whole.records.n_records)
    own = [(one, one.links.counts_dict()) for one in steps if one.links is not None]
    passes = [item for one in steps if one.keys is not None for item in _key_rows(one.keys)]
    passes += [
        {**item, "name": named(item["name"], one.step.label)}
        for one, counts in own
        for item in counts["passes"]
    ]
    return {
        "records": {name: int(n) for name, n in zip(whole.records.sources, np.diff(offsets), strict=True)},
        "pairs_allowed": int(whole.plan.blocking.allowed_pairs().sum()),
        "candidates": sum(item["pairs"] for item in passes),
        "passes": passes,
        "steps": step_rows(whole, steps),
        "large_block": LARGE_BLOCK,
        "kept": len(decided.pairs),
        "links": int(decided.links.sum()),
        "possible": int(decided.possible.sum()),
        "ties": int(decided.tie.sum()),
        "unlinked": {
            name: int((~linked[offsets[k] : offsets[k + 1]]).sum())
            for k, name in enumerate(whole.records.sources)
        },
        "entities": int(clustering.entity.max()) + 1,  # numbered from 0
        "cut_links": int(clustering.cut.sum()),
        **(
            {"duplicates": {one.source: len(one.rows) for one in whole.duplicates}}
            if whole.duplicates
            else {}
        ),
        "unreadable": {plan.name: plan.unreadable for plan in whole.plan.comparisons if plan.unreadable},
    }


def quality_dict(
    whole: Prepared, steps: Sequence[StepLinks], estimated: tuple[EstimatedRates, float]
) -> dict[str, Any]:
    """What ``quality.json`` holds: rates of all steps together, and figures and example pairs of each.

    Parameters
    ----------
    whole : Prepared
        All records.
    steps : sequence of StepLinks
        What the steps did.
    estimated : EstimatedRates, float
        Rates of all steps together, and the matches that no pass finds.

    Returns
    -------
    dict
    """
    rates, missed_by_blocking = estimated
    own: list[dict[str, Any]] = []
    examples: list[dict[str, Any]] = []
    for one in steps:
        if one.keys is not None:
            own.append({"step": one.step.label, "keys": _key_rows(one.keys)})
            continue
        if one.links is None:
            own.append({"step": one.step.label, "reason": one.reason})
            continue
        figures = one.links.own_figures()
        found = figures.pop("examples")
        figures.pop("distinct")  # of the records that the step had; those of all stand once
        parameters, decision = one.links.model.parameters, one.links.decision
        lower, upper = weight_thresholds(parameters, decision)[0]
        own.append({"step": one.step.label, **figures, "lower": lower, "upper": upper})
        examples += [_example(example, one.step.label) for example in found]
    return {
        "estimated": {**rates.to_dict(), "blocking_missed": missed_by_blocking},
        "neighbours": None,
        "histogram": None,
        "completeness": {table.name: dict(table.completeness) for table in whole.inputs},
        "distinct": distinct_values(whole.records),
        "steps": own,
        "examples": examples,
    }


def _key_rows(keys: KeyLinks) -> list[dict[str, Any]]:
    """What each match key did, as a pass."""
    return [
        {
            "name": one.label,
            "found": one.pairs,
            "pairs": one.pairs,
            "kept": one.links,
            "links": one.links,
            "possible": 0,
            "largest_block": None,
        }
        for one in keys.matched.counts
    ]


def _example(example: dict[str, Any], step: str) -> dict[str, Any]:
    """An example pair whose parts name the comparisons as the report does."""
    parts = [{**part, "comparison": named(part["comparison"], step)} for part in example["parts"]]
    return {**example, "parts": parts}
