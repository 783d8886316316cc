"""A run against the truth, in full: decision matrix, curves, entities, calibration, subgroups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.linkage.evaluation.evaluate import Evaluation, link_rates, read_truth, with_entities
from tallystick.linkage.evaluation.missed import Values, known_of_ids
from tallystick.linkage.evaluation.true_pairs import TrueRecords
from tallystick.linkage.model import Model
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.run_folder import read_facts, read_figures, read_sources, spec_of_run
from tallystick.linkage.saved import load_model
from tallystick.linkage.saved_run import saved_rule
from tallystick.linkage.tables import read_table
from tallystick.linking.constraints import any_competes
from tallystick.linking.decide import decide
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds
from tallystick.quality.decision_matrix import NOT_KEPT, DecisionMatrix, decision_matrix
from tallystick.quality.evaluate import b_cubed, entity_rates
from tallystick.quality.exact_entities import exact_entities
from tallystick.quality.rates import Rates
from tallystick.quality.subgroups import Subgroup
from tallystick.quality.true_subgroups import true_subgroup_rates
from tallystick.quality.truth_curves import calibration, threshold_curve

BY_STEPS = "Each step weighs pairs by itself, so that there is no threshold that all pairs have in common."
BY_KEYS = "Links by match keys have no weight, so that there is no threshold."
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RunTruth:
    """A run and the truth.

    Attributes
    ----------
    folder : path
        The directory of the run.
    facts : dict
        Its ``run.json``.
    records : TrueRecords
        Its records with who they are.
    pairs : polars.DataFrame
        Its ``links.parquet``.
    left, right : int64 arrays, shape (n_pairs,)
        Rows of the records of these.
    evaluation : Evaluation
        Rates of the links, in short.
    figures : dict
        What ``truth.json`` holds, but for the errors (see `truth_of_run`).
    """

    folder: Path
    facts: dict[str, Any]
    records: TrueRecords
    pairs: pl.DataFrame
    left: Ints
    right: Ints
    evaluation: Evaluation
    figures: dict[str, Any]

    @property
    def by_keys(self) -> bool:
        """Whether match keys alone have linked the records, so that no pair has a weight."""
        return not (self.folder / "model.json").is_file()


def truth_of_run(run: Path, truth: str, by: Sequence[Subgroup] = ()) -> RunTruth:
    """Count all errors of a run against the truth.

    Parameters
    ----------
    run : path
        The directory of a complete run.
    truth : str
        Field or column of every source that says who a record is; equal values are matches.
    by : sequence of Subgroup
        What precision and recall are told by.

    Returns
    -------
    RunTruth
        Its figures: ``truth`` (the column), ``kind``, ``allowed_pairs``, ``unknown_records``;
        ``matrix``, for each decision ``match``, ``non_match`` and ``unknown``
        (`tallystick.quality.decision_matrix`); ``rates`` of the links and ``rates_with_possible``, where
        possible links count as links: as `Rates.to_dict` and ``specificity``; ``curve`` (null where there
        is no threshold, then ``curve_note`` says why) with ``score`` (``weight`` or ``log_odds``),
        ``floor`` (the lowest score of a kept pair), ``below_floor`` with ``pairs`` and ``matches`` of
        unknown score, ``points`` (`tallystick.quality.truth_curves.threshold_curve`) of all pairs before an
        assignment, and ``note``; ``assigned_curve`` (null unless pairs compete for records), the same of
        the links that the assignment makes at each upper threshold, the lower one being that of the run,
        with ``score`` (``posterior``, ``weight`` or ``log_odds``); ``thresholds`` of the run as scores of
        the ``assigned_curve``; ``entities`` with ``pairwise`` (as ``rates``), ``b_cubed`` (``precision``,
        ``recall``, ``f1``) and ``exact`` (`tallystick.quality.exact_entities.exact_entities`);
        ``calibration`` of the kept pairs (`tallystick.quality.truth_curves.calibration`), null without
        posteriors; ``keys``, of match keys a dict each of ``key`` and its rates; ``by``, where subgroups
        are asked for, a dict each of ``source`` and ``subgroups``
        (`tallystick.quality.true_subgroups.true_subgroup_rates`).

    Raises
    ------
    InputError
        Where it is no complete run, a source is gone or has changed, or lacks the column.
    """
    facts = read_facts(run)
    sources = read_sources(run, facts)
    check_unchanged(sources, facts)
    pairs, entities = (read_table(run / f"{name}.parquet") for name in ("links", "entities"))
    keys = [one["key"] for one in facts["counts"].get("keys", [])]  # of a run of match keys
    taken_out = run / "removed.parquet"
    removed = read_table(taken_out) if taken_out.exists() else None
    parts = read_truth(sources, truth)
    everybody = with_entities(parts, entities)
    records = TrueRecords.of(parts, [source.name for source in sources], facts["kind"], removed)
    left, right = records.rows(pairs)
    links = (pairs["decision"] == "link").to_numpy()
    key = pairs["key"].filter(links) if keys else None
    rates, by_key = link_rates(records, left[links], right[links], keys, key)
    of_entities = entity_rates(everybody["entity_id"], everybody["truth"])
    evaluation = Evaluation(rates, None if records.kind == "link" else of_entities, by_key)
    match, known = records.match(left, right), records.known(left, right)
    matrix = decision_matrix(pairs["decision"].to_numpy(), match, known, *records.totals)
    figures: dict[str, Any] = {
        "truth": truth,
        "kind": facts["kind"],
        "allowed_pairs": records.totals[0],
        "unknown_records": int((records.codes < 0).sum()),
        "matrix": matrix.to_dict(),
        "rates": _rates(matrix.rates()),
        "rates_with_possible": _rates(matrix.rates(possible=True)),
        **_curves(run, facts, pairs, records, (left, right), match, matrix),
        "entities": _entities(everybody, of_entities),
        "calibration": None
        if "posterior" not in pairs.columns
        else calibration(pairs["posterior"].to_numpy()[known], match[known]),
        "keys": [{"key": label, **_rates(rates)} for label, rates in by_key],
    }
    found = RunTruth(run, facts, records, pairs, left, right, evaluation, figures)
    if by:
        figures["by"] = _by(found, by)
    return found


def _rates(rates: Rates) -> dict[str, Any]:
    return {**rates.to_dict(), "specificity": None if rates.type1 is None else 1 - rates.type1}


def _entities(everybody: pl.DataFrame, pairwise: Rates) -> dict[str, Any]:
    """Entity measures over all records."""
    entities, truth = everybody["entity_id"], everybody["truth"]
    precision, recall, f1 = b_cubed(entities, truth)
    return {
        "pairwise": _rates(pairwise),
        "b_cubed": {"precision": precision, "recall": recall, "f1": f1},
        "exact": exact_entities(entities, truth),
    }


def _curves(
    run: Path,
    facts: dict[str, Any],
    pairs: pl.DataFrame,
    records: TrueRecords,
    rows: tuple[Ints, Ints],
    match: NDArray[np.bool_],
    matrix: DecisionMatrix,
) -> dict[str, Any]:
    none: dict[str, Any] = {"curve": None, "assigned_curve": None, "thresholds": None}
    if not (run / "model.json").is_file():
        return {**none, "curve_note": BY_KEYS}
    model = load_model(run)
    if not isinstance(model, Model):
        return {**none, "curve_note": BY_STEPS}
    parameters, quality = model.parameters, read_figures(run / "quality.json")
    rule = saved_rule(model.spec.decision, quality)
    left, right = rows
    number = _source_pairs(parameters, records, left, right)
    weight = pairs["weight"].to_numpy()
    prior = np.array([pair.log_prior_odds for pair in parameters.pairs])
    several = len(parameters.pairs) > 1
    score = weight + prior[number] if several else weight
    matches, allowed = records.totals[2], records.totals[0]
    rest = matrix.rows[NOT_KEPT]
    below = {"pairs": sum(rest), "matches": rest[0]}
    floor = float(score.min()) if len(score) else None
    curve: dict[str, Any] = {
        "score": "log_odds" if several else "weight",
        "floor": floor,
        "below_floor": below,
        "points": threshold_curve(score, match, matches, allowed),
        "note": "Of pairs before any assignment: each pair at or above the threshold is taken. The curve "
        f"ends at the lowest weight that the run has kept; the {below['pairs']:,} pairs that no pass finds "
        f"or that weigh less, {below['matches']:,} of them matches, are known in number only.",
    }
    found = {**none, "curve": curve, "curve_note": None}
    if any_competes(rule, parameters.pairs):
        found["assigned_curve"] = _assigned(
            parameters,
            rule,
            ScoredPairs(
                left.astype(np.int32),
                right.astype(np.int32),
                weight,
                np.zeros(len(weight), np.int64),
                np.zeros(len(weight), np.int64),
                number,
            ),
            match,
            (matches, allowed),
        )
        found["thresholds"] = {"lower": rule.lower, "upper": rule.upper, "score": rule.scale}
    return found


def _source_pairs(parameters: Parameters, records: TrueRecords, left: Ints, right: Ints) -> Ints:
    """Number of the pair of sources of each pair of records."""
    n = len(records.sources)
    places = {name: k for k, name in enumerate(records.sources)}
    number = np.zeros(n * n, np.int64)
    for k, pair in enumerate(parameters.pairs):
        if pair.left in places and pair.right in places:
            a, b = places[pair.left], places[pair.right]
            number[a * n + b] = number[b * n + a] = k
    return np.asarray(number[records.source[left] * n + records.source[right]], np.int64)


def _assigned(
    parameters: Parameters,
    rule: Decision | Thresholds,
    pairs: ScoredPairs,
    match: NDArray[np.bool_],
    totals: tuple[float, float],
) -> dict[str, Any]:
    """The links at each upper threshold: which pairs an assignment chooses does not depend on it."""
    all_links = Thresholds(
        rule.lower, rule.lower, rule.scale, "", links=rule.links, assignment=rule.assignment
    )
    decided = decide(pairs, parameters, all_links)
    if rule.scale == "posterior":
        score = decided.posterior
    elif rule.scale == "weight":
        score = pairs.weight
    else:
        score = pairs.weight + np.array([one.log_prior_odds for one in parameters.pairs])[pairs.source_pair]
    chosen = decided.links
    return {
        "score": rule.scale,
        "floor": rule.lower,
        "points": threshold_curve(score[chosen], match[chosen], *totals),
        "note": "Of the links after the assignment, at each upper threshold; the lower one is that of the "
        "run, below which the curve ends.",
    }


def _by(found: RunTruth, by: Sequence[Subgroup]) -> list[dict[str, Any]]:
    """Precision and recall of the records of each subgroup, source by source."""
    records = found.records
    spec = spec_of_run(found.folder, found.facts)
    known = known_of_ids(spec, records.kind, records.frame.select("source", "id"))
    values = Values(known)
    links = (found.pairs["decision"] == "link").to_numpy()
    right_link = links & records.match(found.left, found.right)
    n = len(records.codes)

    def per_record(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        ends = np.concatenate([found.left[chosen], found.right[chosen]])
        return np.bincount(ends, minlength=n).astype(np.float64)

    counts = np.stack([records.partners, per_record(links), per_record(right_link)])
    result = []
    for number, name in enumerate(records.sources):
        rows = known.records.rows(number)
        own = counts[:, rows.start : rows.stop]
        tables = []
        for one in by:
            groups = values.groups(one, number)
            if groups is not None:
                grouping, codes = groups
                table = true_subgroup_rates(grouping, codes, own, spec.quality.smallest)
                tables.append({"name": one.label, "field": one.field, "groups": table})
        result.append({"source": name, "subgroups": tables})
    return result
