"""From counts of patterns to parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.cautions import cautions
from tallystick.estimation.dependence import dependences
from tallystick.estimation.em import Fit, Given, levels_of
from tallystick.estimation.factors import Factor, factors_of, selection_of
from tallystick.estimation.marginals import marginals_of_counts, marginals_of_random_pairs
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.estimation.related import fit_classes
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import table_of
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

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    InputError
        Where the passes find no pair.
    """
    settings = settings or Estimation()
    if known is not None:
        comparisons = [
            one.model_copy(update={"m": own.m, "u": own.u})
            for one, own in zip(comparisons, known.comparisons, strict=True)
        ]
        settings = settings.model_copy(update={"related": "class" if known.related_share else "none"})
    require_pairs(counts, passes)
    coding = plan.coding
    factors = factors_of(comparisons, plan.key_parts, coding)
    selection = selection_of(passes, plan.key_parts, factors)
    if plan.blocking.compares_all:
        marginals = marginals_of_counts(counts, factors)
    else:
        marginals = marginals_of_random_pairs(
            plan, comparisons, factors, settings.random_pairs, seed, threads, progress
        )
    given = Given(
        tuple(_given(comparisons, factor, "m") for factor in factors),
        tuple(_given(comparisons, factor, "u") for factor in factors),
        tuple(_known_share(known, factor) for factor in factors) if known is not None else (),
    )
    table = table_of(counts, factors, marginals)
    fit = fit_classes(table, selection, given, start_matches(plan), settings)
    parameters = tuple(
        ComparisonParameters(
            comparison.name,
            comparison.labels,
            tuple(_level_list(factor, fit.m[k])),
            tuple(_level_list(factor, fit.u[k])),
            "EM" if given.m[k] is None else "given",
            _origin_of_u(marginals.origin, fit) if given.u[k] is None else "given",
            tuple(_level_list(factor, fit.related.r[k])) if fit.related else None,
            float(fit.related.shared[k]) if fit.related else None,
        )
        for k, (factor, comparison) in enumerate(zip(factors, comparisons, strict=False))
    )
    pairs, related_share = _pairs(records, plan, counts, fit)
    parameters = parameters if known is None else known.comparisons
    of_class = np.array([fit.matches.sum(), sum(pair.expected_related for pair in pairs)])
    rare = of_class / sum(pair.pairs for pair in pairs)
    found = dependences(parameters, marginals, np.array([1.0 - rare.sum(), *rare]))
    return Parameters(
        comparisons=parameters,
        pairs=pairs,
        related_share=related_share,
        passes=tuple(one.label for one in passes),
        selected_matches=fit.selected_m,
        iterations=fit.iterations,
        converged=fit.converged,
        log_likelihood=fit.log_likelihood,
        warnings=(
            *cautions(comparisons, passes, plan, selection, fit, settings),
            *(one.sentence() for one in found),
        ),
    )


def require_pairs(counts: PatternCounts, passes: Sequence[AnyPass]) -> None:
    """Raise `InputError` where the passes find no pair."""
    if counts.n_pairs == 0:
        raise InputError(
            "The passes find no pair at all (" + "; ".join(one.label for one in passes) + "): "
            "check that the blocking fields are coded alike, or add a pass."
        )


def start_matches(plan: PairPlan) -> NDArray[np.float64]:
    """Numbers of matches that EM starts from: half the smaller file, or a fifth of one file."""
    sizes = np.diff(plan.blocking.offsets)
    return np.array(
        [0.2 * sizes[s] if s == t else 0.5 * min(sizes[s], sizes[t]) for s, t in plan.blocking.source_pairs]
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
        found.append(ComparisonParameters(one.name, one.labels, one.m, one.u, "given", "given"))
    return Parameters(tuple(found))


def _given(comparisons: Sequence[Comparison], factor: Factor, which: str) -> NDArray[np.float64] | None:
    if factor.comparison is None:
        return None
    values = getattr(comparisons[factor.comparison], which)
    return None if values is None else np.array(values, np.float64)


def _level_list(factor: Factor, cells: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.maximum(levels_of(factor, cells), 1e-300)]


def _known_share(known: Parameters, factor: Factor) -> float | None:
    return None if factor.comparison is None else known.comparisons[factor.comparison].shared


def _origin_of_u(origin: str, fit: Fit) -> str:
    return origin + (", less the matches and the related pairs" if fit.related else ", less the matches")


def _pairs(
    records: Records, plan: PairPlan, counts: PatternCounts, fit: Fit
) -> tuple[tuple[PairOfSources, ...], float]:
    """Match rates of the pairs of sources, and the share of related pairs among all non-matches."""
    sizes = np.diff(records.offsets)
    related = fit.related.pairs if fit.related else np.zeros(len(fit.matches))
    allowed = plan.blocking.allowed_pairs()
    candidates = np.bincount(counts.source_pair, weights=counts.counts, minlength=len(allowed))
    least = np.maximum(candidates, 1)
    matches = fit.rate * least / fit.selected_m
    found = fit.matches * fit.selected_m + related * (fit.related.selected if fit.related else 0.0)
    # Non-matches as the candidates tell them: those that are neither, over their chance of selection.
    unrelated = np.maximum(least - found, least * 1e-9) / fit.selected_u
    result = tuple(
        PairOfSources(
            records.sources[s],
            records.sources[t],
            int(sizes[s]),
            int(sizes[t]),
            int(allowed[k]),
            int(candidates[k]),
            float(fit.matches[k]),
            float(np.log(matches[k]) - np.log(unrelated[k] + related[k])),
            float(related[k]),
            float(related[k] / (unrelated[k] + related[k])),
        )
        for k, (s, t) in enumerate(plan.blocking.source_pairs)
    )
    return result, float(related.sum() / (unrelated + related).sum())
