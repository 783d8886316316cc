"""Given pairs of records weighed and looked up, many at a time: what explanations of errors are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.estimation.labelled import first_pass
from tallystick.linkage.evaluation.residual_figures import Weighed
from tallystick.linkage.figures import RELATED
from tallystick.linkage.household_model import OUTSIDE
from tallystick.linkage.saved_run import SavedRun
from tallystick.linking.constraints import constraint_of
from tallystick.linking.decide import DecidedPairs, decide, weight_thresholds
from tallystick.linking.score import weigh_pairs
from tallystick.linking.terms import pair_terms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class WeighedPairs:
    """What is known of given pairs; arrays of shape (n_pairs,).

    Attributes
    ----------
    scene : int64 array
        Number of the scene that is told of; -1 where none had both records.
    weight : float64 array
        NaN where there is none.
    lower : float64 array
        The lower threshold as a weight.
    competes : bool array
        Whether pairs compete for records there.
    found : bool array
        Whether a pass finds the pair.
    passes : polars.Series
        Label of the first such pass, null where none does.
    kept, tie : bool array
        Whether the run has kept the pair, and whether it is a tie.
    parts : mapping of str to float64 array
        The weight by comparison; NaN of a comparison that was not made.
    labels : mapping of str to polars.Series
        What the two records show in each comparison.
    """

    scene: Ints
    weight: Floats
    lower: Floats
    competes: Bools
    found: Bools
    passes: pl.Series
    kept: Bools
    tie: Bools
    parts: dict[str, Floats]
    labels: dict[str, pl.Series]


def scenes_of(run: SavedRun) -> tuple[Weighed, ...]:
    """Where the pairs of a run were decided.

    Parameters
    ----------
    run : SavedRun

    Returns
    -------
    tuple of Weighed
        In the order of the steps: the scenes.
    """
    if run.steps is not None:
        return run.steps.weighed()
    prepared, decided = run.prepared, run.decided
    parameters = run.model.parameters  # type: ignore[union-attr] # only a linkage by steps has none of its own
    # links.parquet does not tell ties from other possible links.
    again = decide(decided.pairs, parameters, run.rule)
    with_ties = DecidedPairs(
        decided.pairs, decided.posterior, decided.posterior_pair, decided.verdict, again.tie
    )
    rows = np.arange(prepared.records.n_records, dtype=np.int32)
    return (Weighed(prepared, rows, parameters, run.rule, with_ties),)


def weigh_given(scenes: Sequence[Weighed], left: Ints, right: Ints) -> WeighedPairs:
    """Weigh given pairs in the scene that decided them.

    Of steps that is the last one that had both records; with households a stage that has kept the pair, else
    the one outside of households, as `HouseholdLinks.why` has it.

    Parameters
    ----------
    scenes : sequence of Weighed
        What `scenes_of` gives.
    left, right : int64 arrays, shape (n_pairs,)
        Global rows, left < right.

    Returns
    -------
    WeighedPairs
    """
    n = len(left)
    scene = _scenes_of_pairs(scenes, left, right)
    weight, lower = np.full(n, np.nan), np.full(n, np.nan)
    found, kept, tie, competes = (np.zeros(n, bool) for _ in range(4))
    passes = np.full(n, -1, np.int64)
    pass_labels: list[str] = []
    parts: dict[str, Floats] = {}
    labels: dict[str, NDArray[Any]] = {}
    for number, one in enumerate(scenes):
        own = np.flatnonzero(scene == number)
        if not len(own):
            continue
        a, b = (np.searchsorted(one.rows, side[own]).astype(np.int32) for side in (left, right))
        at = _looked_up(one, a, b)
        kept[own] = at >= 0
        tie[own] = (at >= 0) & one.decided.tie[np.maximum(at, 0)] if len(one.decided.tie) else False
        first = first_pass(one.prepared.plan.blocking, a, b)
        found[own] = first >= 0
        passes[own] = np.where(first >= 0, first + len(pass_labels), -1)
        pass_labels += [made.label for made in one.prepared.spec.passes]
        of_sources = one.prepared.plan.blocking.source_pair_of(a, b)
        limits = weight_thresholds(one.parameters, one.rule)
        for pair in np.unique(of_sources).tolist():
            group = np.flatnonzero(of_sources == pair)
            if pair < 0:
                continue
            where = own[group]
            lower[where] = limits[pair][0]
            competes[where] = constraint_of(one.rule, one.parameters.pairs[pair]).competes
            weight[where] = _split(one, a[group], b[group], pair, where, n, parts, labels)
    shown = pl.Series(pass_labels, dtype=pl.String)
    return WeighedPairs(
        scene,
        weight,
        lower,
        competes,
        found,
        shown.gather(pl.Series(passes).replace(-1, None))
        if pass_labels
        else pl.Series([None] * n, dtype=pl.String),
        kept,
        tie,
        parts,
        {name: pl.Series(values.tolist(), dtype=pl.String) for name, values in labels.items()},
    )


def _split(
    one: Weighed,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    pair: int,
    where: Ints,
    n: int,
    parts: dict[str, Floats],
    labels: dict[str, NDArray[Any]],
) -> Floats:
    """Weights of pairs of a scene; what each comparison adds goes into `parts`, its level into `labels`."""
    parameters, plan = one.parameters, one.prepared.plan
    weight, patterns = weigh_pairs(plan, parameters, left, right, pair)
    digits = np.ascontiguousarray(parameters.coding.decode(patterns).T)
    terms = pair_terms(plan.comparisons, parameters, left, right, digits)
    total = np.zeros(len(left))
    added: list[tuple[str, Floats]] = []
    for number, made in enumerate(parameters.comparisons):
        own = parameters.level_weights[number][digits[number]] + terms.get(number, 0.0)
        added.append((made.name, np.asarray(own, np.float64)))
        shown = labels.setdefault(made.name, np.full(n, None, object))
        shown[where] = np.array([*made.labels, "missing"], object)[digits[number]]
    added += [
        (own.label, np.asarray(own.at(own.terms, digits), np.float64)) for own in parameters.interactions
    ]
    for name, values in added:
        parts.setdefault(name, np.full(n, np.nan))[where] = values
        total += values
    if parameters.related_share:
        parts.setdefault(RELATED, np.full(n, np.nan))[where] = weight - total
    return weight


def _scenes_of_pairs(scenes: Sequence[Weighed], left: Ints, right: Ints) -> Ints:
    chosen = np.full(len(left), -1, np.int64)
    last = [int(one.rows.max(initial=0)) for one in scenes]
    n_records = 1 + max(int(left.max(initial=0)), int(right.max(initial=0)), *last)
    both = []
    for one in scenes:
        there = np.zeros(n_records, bool)
        there[one.rows] = True
        both.append(there[left] & there[right])
    outside = [number for number, one in enumerate(scenes) if (one.step or "").startswith(OUTSIDE)]
    for number in (*range(len(scenes)), *outside):  # the last that had both
        chosen[both[number]] = number
    if outside:
        for number, one in enumerate(scenes):
            at = np.flatnonzero(both[number])
            a, b = (np.searchsorted(one.rows, side[at]).astype(np.int32) for side in (left, right))
            chosen[at[_looked_up(one, a, b) >= 0]] = number
    return chosen


def _looked_up(one: Weighed, left: NDArray[np.int32], right: NDArray[np.int32]) -> Ints:
    """Place of each pair among the kept ones; -1 where it is not kept."""
    pairs, n = one.decided.pairs, one.prepared.records.n_records
    if not len(pairs):
        return np.full(len(left), -1, np.int64)
    key = np.minimum(pairs.left, pairs.right).astype(np.int64) * n + np.maximum(pairs.left, pairs.right)
    order = np.argsort(key, kind="stable")
    wanted = left.astype(np.int64) * n + right
    at = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    return np.where(key[order][at] == wanted, order[at], -1)
