"""How often links are right, by a parametric bootstrap of the linkage (Chipperfield and Chambers 2015).

Files with known matches are simulated as often as asked for: agreement patterns of matches and of chance
pairs are drawn from a model of them, weighed, and decided by the very code that decided the real pairs,
thresholds, one-to-one assignment and ties included. What share of the links is right in these files, by
block, by weight or by anything else, is an estimate of q for which nobody has judged a link. It is as good as
the model: where m and u are wrong, or comparisons that depend on each other are taken as independent, q is
wrong, and nothing shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.analysis.error_models.blocks import Blocks, blocks_of
from tallystick.analysis.error_models.simulated_links import LinkageBootstrap, SimulatedLinks
from tallystick.analysis.error_models.simulated_pairs import Pairs, PairSimulator, Population
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linking.constraints import constraint_of, zero_weight
from tallystick.linking.decide import decide, logit, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.floors import DEEP
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds
from tallystick.quality.model_patterns import model_patterns
from tallystick.quality.pattern_chances import PatternChances

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Rule = Decision | Thresholds | Callable[[Pairs], Bools]

REPLICATES = 100
PAIRS_PER_RECORD = 10
"""Chance pairs a record down to which pairs below the lower threshold are simulated, too, as competitors."""
FEW_PAIRS = 100_000
"""As many of them are simulated in any case."""
DEPTHS = 25


def bootstrap_linkage(
    patterns: PatternChances | Parameters,
    left_blocks: Any,
    right_blocks: Any,
    rule: Rule,
    *,
    matches: Any = None,
    missing: tuple[Any, Any] | None = None,
    comparisons: Sequence[Comparison] | None = None,
    agreeing: Sequence[bool] | None = None,
    model: Parameters | None = None,
    replicates: int = REPLICATES,
    floor: float | None = None,
    seed: int = 1,
    progress: Progress = silent,
) -> LinkageBootstrap:
    """Simulate a linkage of two files by a model of their agreement patterns, and see which links are right.

    Matches have patterns of matches, all other pairs of a block those of non-matches; pairs of different
    blocks are never compared. Of the other pairs only those that reach the `floor` are drawn, as many as is a
    binomial number, so that files of 20,000 records take a second or so a replicate.

    Parameters
    ----------
    patterns : PatternChances or Parameters
        How often agreement patterns occur: `plain_chances(m, u)`, `seen_patterns`, or a fitted model, of
        which joint probabilities, related pairs and agreement by value are kept (`model_patterns`).
    left_blocks, right_blocks : array-like, shape (n_left,) and (n_right,)
        Block of each record; give one value to all where there are none.
    rule : Decision, Thresholds or callable
        How pairs become links: a decision whose thresholds are given or worked out, applied as in a linkage
        (`tallystick.linking.decide.decide`), or a function of `Pairs` that says which are links.
    matches : float, or array of shape (n_blocks,), optional
        Matches of each block in the order of the blocks' names; by default as many as the smaller file has.
    missing : (array, array), optional
        Which comparisons each record has no value for, bool, shape (n_records, n_comparisons) a side; only
        with `Parameters`. A pair lacks what either lacks.
    comparisons : sequence of Comparison, optional
        The comparisons with their tables of values, for agreement by value; only with `Parameters`.
    agreeing : sequence of bool, shape (n_comparisons,), optional
        Which comparisons all pairs of a block agree on, being of what blocks are made of; only with
        `Parameters`.
    model : Parameters, optional
        What the decision goes by, with one pair of sources; by default `patterns`, or where these are no
        `Parameters` what follows from the numbers of records, pairs and matches.
    replicates : int
        Number of simulated linkages.
    floor : float, optional
        Lowest weight of pairs that matter. By default that of the lower threshold, or of no link, whichever
        is lower; where thresholds are posteriors, which competitors lower, below it as far as there are not
        too many, down to where a pair without competitors has a posterior of 0.001. Needed with a rule that
        is a function; minus infinity takes all pairs.
    seed : int
        Of all draws.
    progress : Progress
        Told how many replicates are done.

    Returns
    -------
    LinkageBootstrap

    Raises
    ------
    InputError
        Where sizes, blocks or chances do not fit, or the rule has thresholds still to be worked out.

    Notes
    -----
    Records of a block are alike but for what they lack: that some have common names, and more competitors for
    it, is in the patterns but not in the records, so that q varies less between records than it does.

    References
    ----------
    Chipperfield, J. O. and Chambers, R. L. (2015). Using the bootstrap to account for linkage errors when
    analysing probabilistically linked categorical data. Journal of Official Statistics 31, 397-414.

    Examples
    --------
    >>> from tallystick.quality.pattern_chances import plain_chances
    >>> chances = plain_chances([0.9, 0.85, 0.8], [0.1, 0.1, 0.2])
    >>> blocks = np.repeat(np.arange(40), 25)
    >>> found = bootstrap_linkage(chances, blocks, blocks, Decision(one_to_one=True), replicates=20)
    >>> round(found.q, 2), found.precision().q.shape
    (0.98, (40,))
    """
    if replicates < 2:
        raise InputError(f"replicates: {replicates} are too few to tell an error by: give 2 or more.")
    left, right = _same_blocks(left_blocks, right_blocks)
    population = Population(
        left.codes, right.codes, _matches(left, right, matches), _missing(missing, patterns, left, right)
    )
    if isinstance(patterns, Parameters):
        of_pair = 0 if patterns.pairs else None
        rows = [None] if population.missing is None else population.unions[1].tolist()
        by_union = tuple(model_patterns(patterns, row, comparisons, of_pair, agreeing) for row in rows)
        own = _of_these(model or patterns, population)
    else:
        by_union = (patterns,)
        own = _of_these(model or _parameters(population), population)
    simulator = PairSimulator(population, by_union, -np.inf)
    simulator = replace(simulator, floor=_floor(rule, own, simulator) if floor is None else float(floor))
    parts = []
    progress("simulating the linkage", 0, replicates)
    # A stream of its own for every replicate: the first are the same however many there are.
    streams = np.random.SeedSequence(seed).spawn(replicates)
    for k, stream in enumerate(streams):
        pairs = simulator.draw(np.random.default_rng(stream))
        chosen = _links(rule, own, pairs, len(left.codes))
        at = np.flatnonzero(chosen)
        number = np.full(len(at), k, np.int64)
        of = pairs.match_of[pairs.right[at]]
        parts.append((number, pairs.left[at], pairs.right[at], of, pairs.weight[at]))
        progress("simulating the linkage", k + 1, replicates)
    links = SimulatedLinks(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return LinkageBootstrap(left, right, replicates, links, simulator.floor)


def _same_blocks(left: Any, right: Any) -> tuple[Blocks, Blocks]:
    """Blocks of both files, numbered alike."""
    one, two = np.asarray(left), np.asarray(right)
    if one.ndim != 1 or two.ndim != 1 or not len(one) or not len(two):
        raise InputError("blocks: give one for each record of either file.")
    both = blocks_of(np.concatenate([one, two]))
    return Blocks(both.codes[: len(one)], both.labels), Blocks(both.codes[len(one) :], both.labels)


def _matches(left: Blocks, right: Blocks, matches: Any) -> Floats:
    most = np.minimum(left.sizes, right.sizes).astype(np.float64)
    if matches is None:
        return most
    given = np.asarray(matches, np.float64)
    if given.ndim == 0:
        given = np.full(left.n_blocks, float(given))
    if given.shape != most.shape:
        raise InputError(f"matches: there are {len(most)} blocks and {given.size} numbers: give one each.")
    bad = np.flatnonzero(~((given >= 0) & (given <= most + 1e-9)))
    if len(bad):
        k = int(bad[0])
        raise InputError(
            f"matches: {given[k]:g} of block {left.labels[k]!r}, whose smaller side has {most[k]:g} records."
        )
    return np.minimum(given, most)


def _missing(
    missing: tuple[Any, Any] | None, patterns: PatternChances | Parameters, left: Blocks, right: Blocks
) -> tuple[Bools, Bools] | None:
    if missing is None:
        return None
    if not isinstance(patterns, Parameters):
        raise InputError(
            "missing: it goes with the parameters of a model; patterns that were seen have it in them."
        )
    width = len(patterns.comparisons)
    made = tuple(np.asarray(one) for one in missing)
    for side, one, of in zip(("left", "right"), made, (left, right), strict=True):
        if one.dtype != bool or one.shape != (len(of.codes), width):
            raise InputError(
                f"missing: that of the {side} file is no table of True and False with {len(of.codes)} rows "
                f"and {width} columns."
            )
    return made[0], made[1]


def _parameters(population: Population) -> Parameters:
    """What a decision needs of a model without one: numbers of records, pairs and matches."""
    comparison = ComparisonParameters("any", ("differ", "agree"), (0.5, 0.5), (0.5, 0.5), "given", "given")
    return Parameters((comparison,), (_pair(population),))


def _pair(population: Population) -> PairOfSources:
    pairs, matches = population.n_pairs, float(population.matches.sum())
    odds = float(np.log(max(matches, 0.5)) - np.log(max(pairs - matches, 0.5)))
    return PairOfSources(
        "left",
        "right",
        len(population.left),
        len(population.right),
        pairs,
        pairs,
        matches,
        odds,
        origin="given",
    )


def _of_these(parameters: Parameters, population: Population) -> Parameters:
    """The model with a pair of sources: its own, or one for the records at hand."""
    if len(parameters.pairs) == 1:
        return parameters
    if parameters.pairs:
        raise InputError(
            f"The model has {len(parameters.pairs)} pairs of sources; a bootstrap is of one, of two files."
        )
    return replace(parameters, pairs=(_pair(population),))


def _floor(rule: Rule, parameters: Parameters, simulator: PairSimulator) -> float:
    if not isinstance(rule, (Decision, Thresholds)):
        raise InputError("floor: a rule that is a function does not say how low its pairs may be: give it.")
    if isinstance(rule, Decision) and rule.thresholds is not None:
        raise InputError(
            "rule: its thresholds are still to be worked out: give the decision of a linkage "
            "(Links.decision), or numbers."
        )
    lower = weight_thresholds(parameters, rule)[0][0]
    zero = zero_weight(parameters.pairs[0], constraint_of(rule, parameters.pairs[0]))
    if rule.scale == "weight":
        # An assignment looks at pairs that gain by a link, too, but competitors below change no weight.
        return float(min(lower, max(0.0, zero)))
    deep = zero + logit(DEEP)
    population = simulator.population
    most = max(FEW_PAIRS, PAIRS_PER_RECORD * (len(population.left) + len(population.right)))
    for depth in np.linspace(min(deep, lower), lower, DEPTHS):
        if replace(simulator, floor=float(depth)).expected_pairs <= most:
            return float(depth)
    return float(lower)


def _links(rule: Rule, parameters: Parameters, pairs: Pairs, n_left: int) -> Bools:
    if not isinstance(rule, (Decision, Thresholds)):
        chosen = np.asarray(rule(pairs))
        if chosen.dtype != bool or chosen.shape != pairs.left.shape:
            raise InputError("rule: a function of the pairs gives True or False for each of them.")
        return chosen
    order = np.lexsort((pairs.right, pairs.left))
    none = np.zeros(len(order), np.int64)
    scored = ScoredPairs(
        pairs.left[order].astype(np.int32),
        (pairs.right[order] + n_left).astype(np.int32),
        pairs.weight[order],
        none,
        none,
        none,
    )
    chosen = np.zeros(len(order), bool)
    chosen[order] = decide(scored, parameters, rule).links
    return chosen
