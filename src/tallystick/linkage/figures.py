"""The figures of a run: what quality.json and the counts of run.json hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.blocking.pass_sizes import found_sizes
from tallystick.blocking.sizes import largest_blocks
from tallystick.estimation.error_curve import ErrorCurve
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.chart_figures import curve_points, distinct_values, pairs_of_one_pass
from tallystick.linkage.neighbours import neighbours
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.reach import copies, reach_figures, value_figures
from tallystick.linking.clustering import Clustering
from tallystick.linking.constraints import constraint_of, zero_weight
from tallystick.linking.decide import DecidedPairs, Verdict, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.expected import expected_matches, gradient, shared_doubt
from tallystick.linking.floors import matches_below
from tallystick.linking.resolve import floors_for
from tallystick.linking.terms import pair_terms, part_terms
from tallystick.linking.thresholds import Thresholds
from tallystick.patterns.count import PatternCounts
from tallystick.quality.rates import EstimatedRates, estimated_rates

BINS = 60
EXAMPLES_EACH = 3
RELATED = "related records"
"""What the part of a weight is called that is taken away because relatives agree so, too."""


def estimate_rates(
    prepared: Prepared,
    parameters: Parameters,
    decided: DecidedPairs,
    curves: Sequence[ErrorCurve],
    certain: int = 0,
) -> tuple[EstimatedRates, float]:
    """Estimated rates of the links, and the matches that no pass finds.

    Matches are those that the posteriors of the kept pairs add up to, under the constraint and given what
    people have decided, those below the floor, and those that no pass finds, whose share the model tells.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.
    decided : DecidedPairs
        The pairs.
    curves : sequence of ErrorCurve
        Of the candidate pairs, one for each pair of sources.
    certain : int
        Links that people have decided.

    Returns
    -------
    rates : EstimatedRates
    missed_by_blocking : float
        Matches that no pass finds, and nobody has found.
    """
    allowed = float(prepared.plan.blocking.allowed_pairs().sum())
    links = prepared.spec.decision.links
    pairs = decided.pairs
    digits = parameters.coding.decode(pairs.pattern)
    linked = decided.links
    of_links = expected_matches(
        parameters, digits[linked], pairs.source_pair[linked], decided.posterior[linked]
    )
    of_all = expected_matches(parameters, digits, pairs.source_pair, decided.posterior)
    below = matches_below(parameters, curves, floors_for(prepared.spec.decision, parameters, curves))
    # Matches that no pass finds, which people have found, are of those that are expected beyond.
    outside = float(decided.posterior[pairs.pass_number >= len(prepared.spec.passes)].sum())
    found = of_all.matches - outside + below
    missed_by_blocking = max(0.0, found / parameters.selected_matches - found - outside)
    matches = found + outside + missed_by_blocking
    rates = replace(estimated_rates(decided.posterior[linked], matches, allowed), certain=float(certain))
    unsure = parameters.uncertainty
    if unsure is not None:
        covariance = np.array(unsure.covariance)
        parts = (of_links, of_all - of_links)
        moves = np.stack([gradient(parameters, one, links) for one in parts])
        spread = moves @ covariance @ moves.T
        for k, (one, own) in enumerate(zip(parts, (linked, ~linked), strict=True)):
            sharing = shared_doubt(decided.posterior[own], pairs.left[own], pairs.right[own])
            spread[k, k] += one.doubt + max(0.0, sharing)
        # What no pass finds is known as well as the number of matches of all pairs of sources is.
        beyond = max(0.0, matches - of_all.matches)
        by_pair = np.array([pair.expected_matches for pair in parameters.pairs])
        share, n_pairs = by_pair / max(by_pair.sum(), 1e-300), len(by_pair)
        spread[1, 1] += beyond**2 * float(share @ covariance[-n_pairs:, -n_pairs:] @ share) + beyond
        spread *= unsure.dispersion
        rates = replace(
            rates,
            true_links_error=float(np.sqrt(max(0.0, spread[0, 0]))),
            missed_error=float(np.sqrt(max(0.0, spread[1, 1]))),
            covariance=float(spread[0, 1]),
        )
    return rates, missed_by_blocking


def counts_dict(
    prepared: Prepared, counts: PatternCounts, decided: DecidedPairs, clustering: Clustering
) -> dict[str, Any]:
    """Counts per stage and pass; the key of the largest block of a pass holds values of records."""
    pairs = decided.pairs
    linked = decided.records_of(decided.links, prepared.records.n_records)
    offsets = prepared.records.offsets
    found = found_sizes(prepared.plan.blocking)
    largest = largest_blocks(prepared.plan.blocking, prepared.records)
    alone = pairs_of_one_pass(prepared, counts)
    passes = []
    for number, one in enumerate(prepared.spec.passes):
        own = pairs.pass_number == number
        passes.append(
            {
                "name": one.label,
                "found": round(found[number].n_pairs),
                **({} if (size := found[number]).exact else {"found_low": size.low, "found_high": size.high}),
                "pairs": int(counts.counts[counts.pass_number == number].sum()),
                "unique": alone[number],
                "kept": int(own.sum()),
                "links": int((own & decided.links).sum()),
                "possible": int((own & decided.possible).sum()),
                "largest_block": None if (block := largest[number]) is None else asdict(block),
            }
        )
    return {
        "records": {name: int(n) for name, n in zip(prepared.records.sources, np.diff(offsets), strict=True)},
        "pairs_allowed": int(prepared.plan.blocking.allowed_pairs().sum()),
        "candidates": counts.n_pairs,
        "passes": passes,
        "large_block": LARGE_BLOCK,
        "kept": len(pairs),
        "links": int(decided.links.sum()),
        "possible": int(decided.possible.sum()),
        "ties": int(decided.tie.sum()),
        "unlinked": {
            name: int((~linked[offsets[k] : offsets[k + 1]]).sum())
            for k, name in enumerate(prepared.records.sources)
        },
        **(
            {"duplicates": {one.source: len(one.rows) for one in prepared.duplicates}}
            if prepared.duplicates
            else {}
        ),
        "entities": int(clustering.entity.max()) + 1,  # numbered from 0
        "cut_links": int(clustering.cut.sum()),
        "unreadable": {plan.name: plan.unreadable for plan in prepared.plan.comparisons if plan.unreadable},
    }


def quality_dict(
    prepared: Prepared,
    parameters: Parameters,
    counts: PatternCounts,
    decided: DecidedPairs,
    decision: Decision | Thresholds,
    curves: Sequence[ErrorCurve],
    certain: int = 0,
) -> dict[str, Any]:
    """What ``quality.json`` holds: estimated rates, weights, completeness, example pairs."""
    rates, missed_by_blocking = estimate_rates(prepared, parameters, decided, curves, certain)
    thresholds = weight_thresholds(parameters, decision)
    limits = [constraint_of(decision, pair) for pair in parameters.pairs]
    of_none = zero_weight(parameters.pairs[0], limits[0]) if len(limits) == 1 and limits[0].competes else None
    second = neighbours(prepared, parameters, decided, decision, rates.matches)
    upper = max(upper for _, upper in thresholds)
    known = copies(prepared, parameters)
    return {
        "estimated": {**rates.to_dict(), "blocking_missed": missed_by_blocking},
        "neighbours": second.to_dict() if second else None,
        "histogram": _histogram(parameters, counts, decided),
        "no_link_constant": of_none if limits[0].one_to_one else None,
        "none_weight": None if limits[0].one_to_one else of_none,
        "lower": min(lower for lower, _ in thresholds),
        "upper": upper,
        "scale": decision.scale,
        "thresholds": {"lower": decision.lower, "upper": decision.upper},
        "rule": _rule(prepared.spec.decision, decision),
        "curve": curve_points(curves, parameters),
        "completeness": {table.name: dict(table.completeness) for table in prepared.inputs},
        "distinct": distinct_values(prepared.records),
        "values": value_figures(prepared, parameters, known),
        "reach": reach_figures(prepared, known, upper),
        "examples": _examples(prepared, parameters, decided),
    }


def _rule(asked: Decision, decision: Decision | Thresholds) -> dict[str, Any] | None:
    """What the thresholds were worked out from, and how; None where they were given."""
    if asked.thresholds is None or isinstance(decision, Decision):
        return None
    rule = {key: value for key, value in asked.thresholds.model_dump().items() if value is not None}
    return {**rule, "explanation": decision.explanation, "notes": list(decision.notes)}


def _histogram(parameters: Parameters, counts: PatternCounts, decided: DecidedPairs) -> dict[str, Any]:
    digits = counts.coding.decode(counts.patterns)[:, : len(parameters.comparisons)]
    weights = parameters.weights(digits, counts.source_pair)
    low, high = np.floor(weights.min()), np.ceil(weights.max())
    edges = np.linspace(low, max(high, low + 1), BINS + 1)
    candidates, _ = np.histogram(weights, edges, weights=counts.counts)
    posterior = parameters.posterior(weights, counts.source_pair)
    matches, _ = np.histogram(weights, edges, weights=counts.counts * posterior)
    of_links = decided.pairs.weight[decided.links]
    if parameters.with_terms:  # as the candidates, of which only the patterns are known
        patterns = parameters.coding.decode(decided.pairs.pattern[decided.links])
        of_links = parameters.weights(patterns, decided.pairs.source_pair[decided.links])
    links, _ = np.histogram(of_links, edges)
    return {
        "edges": [float(edge) for edge in edges],
        "candidates": [int(n) for n in candidates],
        "links": [int(n) for n in links],
        "matches": [float(n) for n in matches],
    }


def _examples(prepared: Prepared, parameters: Parameters, decided: DecidedPairs) -> list[dict[str, Any]]:
    """A few pairs of each decision: the weakest, the middle and the strongest by weight."""
    result = []
    for verdict in (Verdict.LINK, Verdict.POSSIBLE, Verdict.NON_LINK):
        own = np.flatnonzero(decided.verdict == verdict)
        own = own[np.lexsort((own, decided.pairs.weight[own]))]
        if not len(own):
            continue
        places = np.unique(np.linspace(0, len(own) - 1, EXAMPLES_EACH).astype(np.int64))
        result += [_example(prepared, parameters, decided, int(own[place])) for place in places]
    return result


def _example(prepared: Prepared, parameters: Parameters, decided: DecidedPairs, at: int) -> dict[str, Any]:
    pairs = decided.pairs
    digits = parameters.coding.decode(pairs.pattern[at : at + 1])[0]
    rows = pairs.left[at : at + 1], pairs.right[at : at + 1]
    terms = pair_terms(prepared.plan.comparisons, parameters, rows[0], rows[1], digits[:, None])
    return {
        "decision": Verdict(int(decided.verdict[at])).label,
        "weight": float(pairs.weight[at]),
        "posterior": float(decided.posterior[at]),
        "parts": weight_parts(parameters, digits, float(pairs.weight[at]), part_terms(terms, 0)),
        "left": values_of(prepared, int(pairs.left[at])),
        "right": values_of(prepared, int(pairs.right[at])),
    }


def weight_parts(
    parameters: Parameters,
    digits: NDArray[np.uint8],
    weight: float,
    terms: Mapping[int, float] | None = None,
) -> list[dict[str, Any]]:
    """The weight of a pair split by comparison; `digits` has shape (n_comparisons,).

    `terms` is what the values themselves add to comparisons, by number (see `tallystick.linking.terms`).

    After the comparisons come the terms of those that were estimated together. Where related pairs are a
    class of their own the last part is what their agreement takes from it.
    """
    parts: list[dict[str, Any]] = [
        {
            "comparison": one.name,
            "level": int(level) if level < len(one.labels) else None,
            "label": one.labels[level] if level < len(one.labels) else "missing",
            "weight": float(parameters.level_weights[number][level]) + (terms or {}).get(number, 0.0),
        }
        for number, (one, level) in enumerate(zip(parameters.comparisons, digits, strict=True))
    ]
    for own in parameters.interactions:
        levels = [(parameters.comparisons[number].labels, int(digits[number])) for number in own.comparisons]
        label = " and ".join(labels[level] if level < len(labels) else "missing" for labels, level in levels)
        term = float(own.at(own.terms, digits))
        parts.append({"comparison": own.label, "level": None, "label": label, "weight": term})
    if parameters.related_share:
        rest = weight - sum(float(part["weight"]) for part in parts)
        parts.append({"comparison": RELATED, "level": None, "label": "agree as relatives do", "weight": rest})
    return parts


def values_of(prepared: Prepared, row: int) -> dict[str, str | None]:
    """Values of a record as they were compared, by field."""
    return {
        field: column.values[0][int(column.codes[row])] for field, column in prepared.records.columns.items()
    }
