"""The bootstrap of a finished linkage: its records, its patterns, its decision, simulated again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.analysis.error_models.bootstrap import REPLICATES, bootstrap_linkage
from tallystick.analysis.error_models.simulated_links import LinkageBootstrap
from tallystick.errors import InputError
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.links import Links
from tallystick.linkage.model import Model
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.saved_run import SavedRun, open_run
from tallystick.linking.decide import DecidedPairs
from tallystick.quality.pattern_chances import PatternChances, seen_patterns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAME_WEIGHT = 1e-9


def bootstrap_links(
    linked: str | Path | Links | SavedRun,
    blocks: str | tuple[Any, Any] | None = None,
    *,
    patterns: Literal["seen", "model"] = "seen",
    replicates: int = REPLICATES,
    seed: int = 1,
    progress: Progress = silent,
) -> LinkageBootstrap:
    """How often the links of a linkage of two files are right, by simulating that linkage.

    Parameters
    ----------
    linked : path, Links or SavedRun
        A linkage at once of two files: the directory of its run, or the linkage in memory.
    blocks : str, or (array, array), optional
        Within what links fall: a field that the linkage uses, or a value per record of either file in its
        order. By default all is one block.
    patterns : {"seen", "model"}
        ``"seen"`` draws the weights of matches and of other pairs from the candidate pairs themselves, each
        with its posterior: what is missing, what depends on what, what passes find and what values weigh are
        in them. ``"model"`` draws from m and u, with what each record lacks: right for a model whose
        comparisons are as independent as it takes them to be, and where all pairs of a block are compared.
    replicates : int
        Number of simulated linkages.
    seed : int
        Of all draws.
    progress : Progress
        Told how many replicates are done.

    Returns
    -------
    LinkageBootstrap
        Left records are numbered as they stand in the first file.

    Raises
    ------
    InputError
        Where it is no linkage at once of two files, a record has no block, or links cross blocks.
    """
    if isinstance(linked, str | Path):
        linked = open_run(Path(linked))
    prepared, parameters, decided = linked.prepared, _parameters(linked), linked.decided
    rule = linked.decision if isinstance(linked, Links) else linked.rule
    if prepared.kind != "link" or len(prepared.records.sources) != 2 or len(parameters.pairs) != 1:
        raise InputError("bootstrap: it simulates the linkage of two files, and this is another.")
    if patterns not in ("seen", "model"):
        raise InputError(f'patterns: {patterns!r} is neither "seen" nor "model".')
    left, right = _blocks(prepared, blocks)
    n_left = len(left)
    codes = np.unique(np.concatenate([left, right]), return_inverse=True)[1].astype(np.int64).reshape(-1)
    first, second = codes[:n_left], codes[n_left:]
    _check_links(first, second, decided, n_left)
    matches = _matches(first, second, decided, parameters, n_left)
    simulate = partial(
        bootstrap_linkage, matches=matches, replicates=replicates, seed=seed, progress=progress
    )
    if patterns == "seen":
        sizes = (np.bincount(side, minlength=len(matches)) for side in (first, second))
        chances = seen_chances(decided, float(matches.sum()), float(np.prod(list(sizes), axis=0).sum()))
        return simulate(chances, left, right, rule, model=parameters)
    comparisons = prepared.spec.comparisons
    return simulate(
        parameters,
        left,
        right,
        rule,
        missing=missing_by_record(prepared),
        comparisons=comparisons,
        agreeing=[one.left == one.right == (blocks,) for one in comparisons],
    )


def seen_chances(decided: DecidedPairs, matches: float, n_pairs: float) -> PatternChances:
    """Chances of weights as the kept pairs show them.

    Parameters
    ----------
    decided : DecidedPairs
        Pairs with their posteriors p.
    matches : float
        Number of all matches, E: a match weighs w with chance sum of p of such pairs / E. What lacks to 1 are
        matches that no pass finds, or that weigh too little to be kept.
    n_pairs : float
        Number of all pairs, N: other pairs weigh w with chance sum of (1 - p) / (N - E).

    Returns
    -------
    PatternChances
    """
    weight, at = np.unique(np.round(decided.pairs.weight / SAME_WEIGHT) * SAME_WEIGHT, return_inverse=True)
    at = np.asarray(at).reshape(-1)
    true = np.bincount(at, decided.posterior, len(weight))
    false = np.bincount(at, 1 - decided.posterior, len(weight))
    rest = max(n_pairs - matches, float(false.sum()), 1.0)
    return seen_patterns(weight, true / max(matches, float(true.sum())), false / rest)


def missing_by_record(prepared: Prepared) -> tuple[Bools, Bools]:
    """Which comparisons each record has no value for: those that say nothing of it beside itself.

    Parameters
    ----------
    prepared : Prepared
        The records.

    Returns
    -------
    left, right : bool arrays, shape (n_records, n_comparisons)
    """
    found = []
    for source in (0, 1):
        own = prepared.records.rows(source)
        rows = np.arange(own.start, own.stop, dtype=np.int32)
        table = np.zeros((len(rows), len(prepared.plan.comparisons)), bool)
        for k, (one, settings) in enumerate(
            zip(prepared.plan.comparisons, prepared.spec.comparisons, strict=True)
        ):
            levels = np.empty(len(rows), np.uint8)
            one.levels(rows, rows, levels)
            table[:, k] = levels == settings.n_levels
        found.append(table)
    return found[0], found[1]


def _parameters(linked: Links | SavedRun) -> Parameters:
    if not isinstance(linked.model, Model):
        raise InputError("bootstrap: it simulates a linkage at once; this one went by steps.")
    return linked.model.parameters


def _blocks(prepared: Prepared, blocks: str | tuple[Any, Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    records = prepared.records
    rows = records.rows(0), records.rows(1)
    if blocks is None:
        return np.zeros(len(rows[0]), np.int64), np.zeros(len(rows[1]), np.int64)
    if isinstance(blocks, str):
        if blocks not in records.columns:
            known = ", ".join(sorted(records.columns))
            raise InputError(
                f"blocks: the linkage does not use a field {blocks!r} (it uses {known}): name one of these, "
                "or give a value per record of either file."
            )
        column = records.columns[blocks]
        lacking = int((column.codes == 0).sum())
        if lacking:
            raise InputError(
                f"blocks: {lacking:,} records have no {blocks}, so that they are in no block: leave them "
                "out, or give a value per record of either file."
            )
        values = column.values[0].to_numpy()[column.codes]
        return values[rows[0].start : rows[0].stop], values[rows[1].start : rows[1].stop]
    left, right = (np.asarray(one) for one in blocks)
    if left.shape != (len(rows[0]),) or right.shape != (len(rows[1]),):
        raise InputError(
            f"blocks: the files have {len(rows[0])} and {len(rows[1])} records, and there are {left.size} "
            f"and {right.size} values."
        )
    return left, right


def _check_links(left: Ints, right: Ints, decided: DecidedPairs, n_left: int) -> None:
    links = decided.links
    crossing = left[decided.pairs.left[links]] != right[decided.pairs.right[links] - n_left]
    if crossing.any():
        raise InputError(
            f"blocks: {int(crossing.sum()):,} of {int(links.sum()):,} links join records of "
            "different blocks, so that wrong links do not stay within them: take blocks that the linkage "
            "keeps to, or none."
        )


def _matches(left: Ints, right: Ints, decided: DecidedPairs, parameters: Parameters, n_left: int) -> Floats:
    """Expected matches of each block: those among its kept pairs, and its share of the others."""
    n = int(max(left.max(), right.max())) + 1
    sizes = np.minimum(np.bincount(left, minlength=n), np.bincount(right, minlength=n)).astype(np.float64)
    first, second = left[decided.pairs.left], right[decided.pairs.right - n_left]
    own = first == second
    seen = np.minimum(np.bincount(first[own], decided.posterior[own], n), sizes)
    rest = max(parameters.pairs[0].expected_matches - float(seen.sum()), 0.0)
    room = sizes - seen
    return np.minimum(seen + rest * room / max(float(room.sum()), 1e-300), sizes)
