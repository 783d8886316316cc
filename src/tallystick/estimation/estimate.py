"""From counts of patterns to parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.bounded import bound_warnings, bounded
from tallystick.estimation.cautions import cautions, too_many_matches
from tallystick.estimation.cells import part_levels
from tallystick.estimation.contradiction import contradiction_warnings
from tallystick.estimation.dependence import advice, dependences, dependences_among_matches
from tallystick.estimation.em import Fit
from tallystick.estimation.factors import factors_of, selection_of
from tallystick.estimation.found_pairs import with_found_pairs
from tallystick.estimation.identified import identification_warnings
from tallystick.estimation.index_groups import index_groups
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.joint import AnyFactor, Joint, groups_of, joined, places_of
from tallystick.estimation.knowledge import Gathered, Knowledge, gather
from tallystick.estimation.labelled import Labels, known_of
from tallystick.estimation.labelled_cautions import label_cautions
from tallystick.estimation.labelled_use import Origins, with_labels
from tallystick.estimation.marginals import marginals_of_counts, marginals_of_random_pairs
from tallystick.estimation.match_dependence import match_tables
from tallystick.estimation.matches import match_limits, start_matches
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.estimation.settings import Estimation
from tallystick.estimation.similarities import level_similarities
from tallystick.estimation.starts import fit_from_starts, starts_warnings
from tallystick.estimation.table import table_of
from tallystick.estimation.uncertainty import of_held, uncertainty_of
from tallystick.estimation.weighed import weighed
from tallystick.patterns.count import PatternCounts
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records


def estimate(
    records: Records,
    plan: PairPlan,
    counts: PatternCounts,
    comparisons: Sequence[Comparison],
    passes: Sequence[AnyPass],
    settings: Estimation | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress = silent,
    known: Parameters | None = None,
    knowledge: Knowledge | None = None,
    doubtful: Callable[[Parameters], tuple[NDArray[np.int32], NDArray[np.int32]]] | None = None,
    labels: Labels | None = None,
) -> Parameters:
    """Estimate m- and u-probabilities and match rates from the patterns of the candidate pairs.

    Parameters
    ----------
    records : Records
        The records.
    plan : PairPlan
        Their plan.
    counts : PatternCounts
        What `count_patterns` counted.
    comparisons : sequence of Comparison
        As in the specification; m and u that it gives are not estimated.
    passes : sequence of passes
        As in the specification.
    settings : Estimation, optional
        Cap, tolerance, number of random pairs.
    seed : int
        Seed of the random pairs.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the random pairs are.
    known : Parameters, optional
        Parameters of which only the match rates, and the rate of related pairs, are estimated anew.
    knowledge : Knowledge, optional
        The previous model and the table of reference that the settings name.
    doubtful : callable, optional
        Gives, under parameters, the pairs that are no sure non-matches, as global rows (left, right);
        standard errors are worked out only where it is given, as they need to know which pairs share records.
    labels : Labels, optional
        Pairs of which it is known whether they match (see `tallystick.estimation.labelled`).

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    InputError
        Where the passes find no pair, or none of the labelled matches.
    """
    settings = settings or Estimation()
    if known is not None:
        comparisons = [
            one.model_copy(update={"m": own.m, "u": own.u})
            for one, own in zip(comparisons, known.comparisons, strict=True)
        ]
        together = tuple(one.names for one in known.interactions)
        settings = settings.model_copy(update={"interactions": together})
    require_pairs(counts, passes)
    coding = plan.coding
    names = [one.name for one in comparisons]
    single = factors_of(comparisons, plan.key_parts, coding)
    indexed = index_groups(comparisons, plan.key_parts, single)
    read = [tuple(names[number] for number in numbers) for _, numbers in indexed]
    factors = joined(
        single,
        groups_of((*settings.together, *read), names),
        names,
        groups_of((*settings.match_interactions, *read), names),
        indexed,
    )
    selection = selection_of(passes, plan.key_parts, factors)
    if plan.blocking.compares_all:
        marginals = marginals_of_counts(counts, factors)
    else:
        marginals = marginals_of_random_pairs(
            plan, comparisons, factors, settings.random_pairs, seed, threads, progress
        )
        marginals = with_found_pairs(marginals, counts, factors, plan.key_parts)
    found = gather(
        records,
        plan,
        comparisons,
        factors,
        settings,
        knowledge or Knowledge(),
        known,
        seed,
        threads,
        progress,
    )
    given = found.given
    settings = settings.model_copy(update={"related": found.related or settings.related})
    table = table_of(counts, factors, marginals)
    start = start_matches(plan) if given.matches is None else given.matches
    origins = Origins(_for_all(factors, found.m_origins), _for_all(factors, found.u_origins))
    if labels is not None:
        table = replace(table, known=known_of(labels, plan, table))
        given, origins = with_labels(labels, table, selection, given, origins, settings)
    free, starts = fit_from_starts(table, selection, given, start, settings, seed)
    limits = match_limits(records, plan, knowledge.links if knowledge else "many_to_many")
    fit = bounded(table, selection, given, settings, free, limits)
    places = [place for _, place in sorted(places_of(factors).items())]
    parts = [(k, part) for k, factor in enumerate(factors) for part in range(len(factor.parts))]
    shared = dict(zip(parts, fit.related.shared.tolist(), strict=True)) if fit.related else {}
    parameters = tuple(
        ComparisonParameters(
            comparison.name,
            comparison.labels,
            _level_list(factors[k], fit.m[k], part),
            _level_list(factors[k], fit.u[k], part),
            origins.m[number],
            origins.u[number] or _origin_of_u(marginals.origin, fit),
            _level_list(factors[k], fit.related.r[k], part) if fit.related else None,
            shared[k, part] if shared else None,
        )
        for number, (comparison, (k, part)) in enumerate(zip(comparisons, places, strict=True))
    )
    total = float(plan.blocking.allowed_pairs().sum())
    rates = fit.matches.sum() / total, fit.related.pairs.sum() / total if fit.related else 0.0
    parameters = tuple(
        weighed(own, comparison, level_similarities(plan, k, comparison, seed), *rates)
        for k, (own, comparison) in enumerate(zip(parameters, comparisons, strict=True))
    )
    pairs, related_share = _pairs(records, plan, counts, fit, found)
    parameters = parameters if known is None else known.comparisons
    asked = groups_of(settings.together, names)
    interactions = interactions_of(factors, names, fit, asked) if known is None else known.interactions
    of_class = np.array([fit.matches.sum(), sum(pair.expected_related for pair in pairs)])
    rare = of_class / sum(pair.pairs for pair in pairs)
    dependent = dependences(parameters, marginals, np.array([1.0 - rare.sum(), *rare]), interactions)
    counted = marginals.times.sum() / sum(pair.pairs for pair in pairs)
    passing = counted * sum(most for _, most in too_many_matches(plan, free))
    sizes = {names[n]: factors[k].parts[part].n_cells for n, (k, part) in enumerate(places)}
    if not dependent:  # else non-matches pass for matches, whose levels depend on each other for that alone
        dependent = dependences_among_matches(parameters, match_tables(table, selection, fit))
    result = Parameters(
        comparisons=parameters,
        pairs=pairs,
        related_share=related_share,
        passes=tuple(one.label for one in passes),
        selected_matches=fit.selected_m,
        iterations=fit.iterations,
        converged=fit.converged,
        log_likelihood=fit.log_likelihood,
        starts=starts,
        warnings=(
            *cautions(comparisons, passes, plan, selection, fit, settings, given.matches is not None),
            *(bound_warnings(free, limits) if given.matches is None else ()),
            *advice(dependent, settings, sizes, passing),
            *found.warnings,
            *starts_warnings(free, starts),
            *contradiction_warnings(table, selection, given, fit, settings, plan.blocking.compares_all),
            *identification_warnings(
                table, selection, given, fit, settings, comparisons, plan.blocking.compares_all
            ),
            *(
                label_cautions(comparisons, labels, table, fit, settings.labels_use == "alone")
                if labels
                else ()
            ),
        ),
        interactions=interactions,
    )
    if doubtful is None:
        return result
    drawn = None if marginals.origin == "all pairs" else int(marginals.times.sum())
    unsure = uncertainty_of(
        plan, comparisons, table, selection, given, fit, doubtful(result), drawn, settings, seed
    )
    if unsure is not None and known is not None and known.uncertainty is not None:
        unsure = of_held(unsure, known.uncertainty, sum(len(one.m) + len(one.u) for one in parameters))
    return replace(result, uncertainty=unsure)


def require_pairs(counts: PatternCounts, passes: Sequence[AnyPass]) -> None:
    """Raise `InputError` where the passes find no pair."""
    if counts.n_pairs == 0:
        raise InputError(
            "The passes find no pair at all (" + "; ".join(one.label for one in passes) + "): "
            "check that the blocking fields are coded alike, or add a pass."
        )


def given_parameters(comparisons: Sequence[Comparison]) -> Parameters:
    """Parameters of comparisons that all have m and u given, without any data.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Each with m and u.

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    InputError
        Where m or u of a comparison is not given.
    """
    found = []
    for one in comparisons:
        if one.m is None or one.u is None:
            raise InputError(
                f"Comparison {one.name!r} has no {'m' if one.m is None else 'u'}: without data give m and u "
                "of every comparison."
            )
        found.append(weighed(ComparisonParameters(one.name, one.labels, one.m, one.u, "given", "given"), one))
    return Parameters(tuple(found))


def interactions_of(
    factors: Sequence[AnyFactor], names: Sequence[str], fit: Fit, asked: Sequence[Sequence[int]]
) -> tuple[Interaction, ...]:
    """Joint probabilities of the levels of comparisons that were estimated together.

    Parameters
    ----------
    factors : sequence of Factor or Joint
        The factors.
    names : sequence of str
        Names of the comparisons.
    fit : Fit
        What EM found.
    asked : sequence of sequence of int
        Numbers of the comparisons that the settings name together; others are so for an index alone.

    Returns
    -------
    tuple of Interaction
    """
    found = []
    for k, factor in enumerate(factors):
        if not isinstance(factor, Joint):
            continue
        numbers = tuple(part.comparison for part in factor.parts if part.comparison is not None)
        if not any(set(one) <= set(numbers) for one in asked):
            continue
        classes = [fit.m[k], fit.u[k], *([fit.related.r[k]] if fit.related else [])]
        levels = [factor.levels(own) for own in classes]
        tables = [tuple(np.maximum(own, 1e-300).ravel().tolist()) for own in levels]
        found.append(Interaction(numbers, tuple(names[n] for n in numbers), levels[0].shape, *tables))
    return tuple(found)


def _level_list(factor: AnyFactor, cells: NDArray[np.float64], part: int) -> tuple[float, ...]:
    return tuple(np.maximum(part_levels(factor, cells, part), 1e-300).tolist())


def _for_all(factors: Sequence[AnyFactor], origins: Sequence[str | None]) -> tuple[str, ...]:
    """Origins of all factors; those of fields that are not compared come last and have none."""
    return tuple(one or "" for one in origins) + ("",) * (len(factors) - len(origins))


def _origin_of_u(origin: str, fit: Fit) -> str:
    return origin + (", less the matches and the related pairs" if fit.related else ", less the matches")


def _pairs(
    records: Records, plan: PairPlan, counts: PatternCounts, fit: Fit, found: Gathered
) -> tuple[tuple[PairOfSources, ...], float]:
    """Match rates of the pairs of sources, and the share of related pairs among all non-matches."""
    sizes = np.diff(records.offsets)
    related = fit.related.pairs if fit.related else np.zeros(len(fit.matches))
    allowed = plan.blocking.allowed_pairs()
    candidates = np.bincount(counts.source_pair, weights=counts.counts, minlength=len(allowed))
    least = np.maximum(candidates, 1)
    matches = fit.rate * least / fit.selected_m
    seen = fit.matches * fit.selected_m + related * (fit.related.selected if fit.related else 0.0)
    # Non-matches as the candidates tell them: those that are neither, over their chance of selection.
    unrelated = np.maximum(least - seen, least * 1e-9) / fit.selected_u
    odds = matches / (unrelated + related)
    if found.given.matches is not None:
        odds = matches / np.maximum(allowed - matches, 0.5)
    result = tuple(
        PairOfSources(
            records.sources[s],
            records.sources[t],
            int(sizes[s]),
            int(sizes[t]),
            int(allowed[k]),
            int(candidates[k]),
            float(fit.matches[k]),
            float(np.log(odds[k])),
            float(related[k]),
            float(related[k] / (unrelated[k] + related[k])),
            found.matches_origin,
            *records.declared(s, t),
        )
        for k, (s, t) in enumerate(plan.blocking.source_pairs)
    )
    return result, float(related.sum() / (unrelated + related).sum())
