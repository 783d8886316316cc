"""EM from several starts, since the likelihood may have more than one maximum.

Besides the usual start (full agreement in most matches) EM starts from random ones: full agreement of each
comparison anywhere between chance and certainty, the lower levels at random, between a tenth and twice as
many matches. The end with the highest posterior density is taken: the likelihood times the prior of m,
which is what EM climbs. An end at which most pairs are matches has the classes exchanged and is passed over,
and so is one whose related pairs do not look related.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import Levels, all_known, level_sums, levels_of
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Factor, Selection
from tallystick.estimation.joint import Joint
from tallystick.estimation.parameters import Start
from tallystick.estimation.related import fit_classes, looks_related
from tallystick.estimation.settings import Estimation
from tallystick.estimation.start import prior_of, usual_start
from tallystick.estimation.table import Table

SAME = 0.5
"""Ends whose log densities differ by less, and matches by 1 %, are one maximum."""


def fit_from_starts(
    table: Table,
    selection: Selection,
    given: Given,
    start_matches: NDArray[np.float64],
    settings: Estimation,
    seed: int = 1,
    fit: Callable[..., Fit] = fit_classes,
) -> tuple[Fit, tuple[Start, ...]]:
    """The likeliest end of EM, and what each start came to.

    Parameters
    ----------
    table, selection, given, start_matches, settings
        As of `fit_em`; ``settings.starts`` says how many.
    seed : int
        Of the random starts.
    fit : callable
        EM from the usual start, by default `fit_classes`.

    Returns
    -------
    fit : Fit
    starts : tuple of Start
        The usual one first; empty where it is the only one.
    """
    usual = fit(table, selection, given, start_matches, settings)
    if settings.starts == 1:
        return usual, ()
    fits = [usual]
    for number in range(1, settings.starts):
        random = np.random.default_rng([seed, number])
        own = replace(given, start=tuple(_random_levels(table, k, random) for k in range(len(table.factors))))
        matches = start_matches * np.exp(random.uniform(np.log(0.1), np.log(2.0)))
        fits.append(fit_em(table, selection, own, matches, settings, related=usual.related is not None))
    densities = [log_density(table, given, settings, one) for one in fits]
    best = max(
        (k for k, one in enumerate(fits) if k == 0 or _is_sound(table, one, settings)),
        key=lambda k: densities[k],
    )
    if same_maximum(_ended(fits[best], densities[best]), _ended(usual, densities[0])):
        best = 0
    return fits[best], tuple(_ended(one, density) for one, density in zip(fits, densities, strict=True))


def log_density(table: Table, given: Given, settings: Estimation, fit: Fit) -> float:
    """Log-likelihood of a fit, and the log density of the Dirichlet prior of the m that is estimated.

    Parameters
    ----------
    table, given, settings
        As of `fit_em`.
    fit : Fit
        The fit.

    Returns
    -------
    float
        Up to a constant. ``sum of a log m`` over the cells, a the matches that the prior is worth at each.
    """
    usual = usual_start(table, given.m, settings)
    prior = prior_of(table, usual, given.prior, given.prior_weight, settings)
    logs = [np.log(np.maximum(m, 1e-300)) for m in fit.m]
    parts = (
        float(a @ log) for a, log, known in zip(prior, logs, given.m, strict=True) if not all_known(known)
    )
    return fit.log_likelihood[-1] + sum(parts)


def same_maximum(one: Start, other: Start) -> bool:
    """Whether two starts ended at one maximum."""
    apart = abs(one.log_likelihood - other.log_likelihood)
    return apart < SAME and abs(one.matches - other.matches) <= 0.01 * max(one.matches, other.matches)


def distinct_maxima(starts: tuple[Start, ...]) -> list[Start]:
    """The maxima that several starts ended at, the likeliest first."""
    found: list[Start] = []
    for one in sorted(starts, key=lambda start: -start.log_likelihood):
        if not any(same_maximum(one, other) for other in found):
            found.append(one)
    return found


def starts_warnings(fit: Fit, starts: tuple[Start, ...]) -> list[str]:
    """What to say where the likeliest end is not that of the usual start.

    Parameters
    ----------
    fit : Fit
        The end that was taken.
    starts : tuple of Start
        The usual one first.

    Returns
    -------
    list of str
    """
    matches = float(fit.matches.sum())
    best = next((one for one in starts if one.matches == matches), None)
    if best is None or best == starts[0]:
        return []
    return [
        f"Of {len(starts)} starts of EM the likeliest end, with {matches:,.0f} matches, is not that of the "
        f"usual start, with {starts[0].matches:,.0f} (log-likelihood lower by "
        f"{best.log_likelihood - starts[0].log_likelihood:,.1f}; {len(distinct_maxima(starts))} maxima were "
        "found): the likeliest is taken; look whether its m is that of matches before relying on it."
    ]


def _ended(fit: Fit, density: float) -> Start:
    return Start(density, float(fit.matches.sum()), fit.converged)


def _is_sound(table: Table, fit: Fit, settings: Estimation) -> bool:
    """Whether an end is a reading of the pairs in which matches are few, and relatives look related."""
    pairs = max(float(one.sum()) for one in table.among_all)
    if fit.matches.sum() > 0.5 * pairs:
        return False
    return (
        fit.related is None or settings.related == "class" or looks_related(table, fit.matches, fit.related)
    )


def _random_levels(table: Table, k: int, random: np.random.Generator) -> Levels:
    """Draw m of a factor by level for a random start; None for one without a comparison."""
    factor, among_all, possible = table.factors[k], table.among_all[k], table.possible[k].astype(np.float64)
    if isinstance(factor, Joint):
        return tuple(
            _random_part(part, factor.margin(among_all, number), factor.margin(possible, number), random)
            for number, part in enumerate(factor.parts)
        )
    return None if factor.comparison is None else _random_part(factor, among_all, possible, random)


def _random_part(
    factor: Factor,
    among_all: NDArray[np.float64],
    possible: NDArray[np.float64],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw m of a comparison by level; where missing is a level it is as likely as among all pairs."""
    below = factor.n_levels - factor.n_top
    all_levels = levels_of(factor, among_all)
    by_chance = all_levels[below:]
    chance = float(by_chance.sum())
    agreement = min(chance + (1 - chance) * random.uniform(), 0.99)
    partial = [level for level in range(below) if level != factor.missing_level]
    lower = np.zeros(below)
    lower[partial] = random.dirichlet(np.ones(len(partial)))
    edges = np.array([1.0, *factor.edges, factor.edges[-1] / 10]) if factor.edges else np.ones(2)
    top = np.maximum(by_chance, 1e-12) / np.sqrt(edges[1:] * edges[:-1])
    levels = np.concatenate([(1 - agreement) * lower, agreement * top / top.sum()])
    if factor.missing_level is not None:
        absent = float(all_levels[factor.missing_level])
        levels *= 1 - absent
        levels[factor.missing_level] = absent
    seen = level_sums(factor, possible) > 0
    levels = np.where(seen, np.maximum(levels, 1e-6), 0.0)
    return np.asarray(levels / levels.sum(), np.float64)
