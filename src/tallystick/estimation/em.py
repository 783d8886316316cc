"""EM for the m-probabilities and the match rate, on counts of agreement patterns.

The model is that of Fellegi and Sunter (1969): given match or non-match, factors are independent.
Values missing at random drop out of the likelihood. The observed patterns are those of selected
pairs, so the likelihood is conditional on selection, P(pattern | selected), and matches that no
pass selects are imputed in the E-step, as for a truncated sample (Dempster, Laird and Rubin 1977,
section 4.2). The u-probability of a cell is its chance among non-matches, u = (S - E m) / (N - E),
where S of N allowed pairs show the cell and E of the pairs are matches: E and m come from the
current iteration.

With few matches the likelihood says little of m, and a class of chance agreements may fit as well as
the matches. So m has a prior worth a few matches that look like the start, mostly in agreement (a
Dirichlet prior; the estimate is the mode of the posterior, Dempster, Laird and Rubin 1977, section 1).
A thousand matches overrule it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.factors import Factor, Selection
from tallystick.estimation.marginals import Marginals
from tallystick.estimation.settings import Estimation
from tallystick.patterns.count import PatternCounts

TINY = 1e-300


@dataclass(frozen=True)
class Fit:
    """What EM found.

    Attributes
    ----------
    m, u : tuple of float64 array
        For every factor the probabilities of its cells given that they are not missing, (n_cells,).
    rate : float64 array, shape (n_source_pairs,)
        Share of matches among the selected pairs.
    matches : float64 array, shape (n_source_pairs,)
        Expected matches among all allowed pairs, those that no pass selects included.
    selected_m, selected_u : float
        Share of the matches, and of the non-matches, that some pass selects.
    log_likelihood : tuple of float
        Its path, conditional on selection, up to a constant.
    without_matches : float
        Log-likelihood where no pair is a match, up to the same constant.
    iterations : int
        Number of iterations.
    converged : bool
        Whether the tolerance was reached before the cap.
    """

    m: tuple[NDArray[np.float64], ...]
    u: tuple[NDArray[np.float64], ...]
    rate: NDArray[np.float64]
    matches: NDArray[np.float64]
    selected_m: float
    selected_u: float
    log_likelihood: tuple[float, ...]
    without_matches: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Given:
    """Probabilities that the user gave, by level; None where they are to be estimated."""

    m: tuple[NDArray[np.float64] | None, ...]
    u: tuple[NDArray[np.float64] | None, ...]


def fit_em(
    counts: PatternCounts,
    factors: Sequence[Factor],
    selection: Selection,
    marginals: Marginals,
    given: Given,
    start_matches: NDArray[np.float64],
    settings: Estimation,
) -> Fit:
    """Estimate m, u and the match rates.

    Parameters
    ----------
    counts : PatternCounts
        Counts of the patterns of the selected pairs.
    factors : sequence of Factor
        The factors.
    selection : Selection
        Which patterns are selected.
    marginals : Marginals
        How often each cell occurs among all allowed pairs.
    given : Given
        Probabilities by level that are not estimated, one per factor.
    start_matches : float64 array, shape (n_source_pairs,)
        Number of matches that EM starts from.
    settings : Estimation
        Cap, tolerance and start.

    Returns
    -------
    Fit
    """
    digits = counts.coding.decode(counts.patterns)
    n_comparisons = len(counts.coding.n_levels)
    cells = [factor.cells(digits, n_comparisons) for factor in factors]
    weights = counts.counts.astype(np.float64)
    n_pairs = len(start_matches)
    candidates = np.bincount(counts.source_pair, weights=weights, minlength=n_pairs)

    missing = [_shares(~f.present, s) for f, s in zip(factors, marginals.counts, strict=True)]
    possible = [
        _possible(f, s, np.bincount(c, minlength=f.n_cells))
        for f, s, c in zip(factors, marginals.counts, cells, strict=True)
    ]
    # A level that was never seen keeps a small u, so that its weight is finite.
    floors = [np.where(p, s, 0.0) for p, s in zip(possible, marginals.smallest, strict=True)]
    among_all = [np.where(p, s, 0.0) for p, s in zip(possible, marginals.counts, strict=True)]
    u = [_normalise(np.maximum(s, floor)) for s, floor in zip(among_all, floors, strict=True)]
    u = [_fix_levels(f, p, g) for f, p, g in zip(factors, u, given.u, strict=True)]
    m = [_start(f, p, settings.start_agreement) for f, p in zip(factors, possible, strict=True)]
    m = [_fix_levels(f, p, g) for f, p, g in zip(factors, m, given.m, strict=True)]
    start = m
    selected_m, given_m = selection.probabilities(_full(m, missing))
    selected_u, _ = selection.probabilities(_full(u, missing))
    rate = np.clip(start_matches * selected_m / np.maximum(candidates, 1), 1e-12, 0.5)

    path: list[float] = []
    without_matches = 0.0
    converged = False
    iteration = 0
    matches = start_matches
    for iteration in range(1, settings.max_iterations + 1):
        ratio = np.full(len(weights), np.log(max(selected_u, TINY)) - np.log(max(selected_m, TINY)))
        log_u = np.full(len(weights), -np.log(max(selected_u, TINY)))
        for factor, cell, mm, uu in zip(factors, cells, m, u, strict=True):
            logs_m = np.where(factor.present, np.log(np.maximum(mm, TINY)), 0.0)
            logs_u = np.where(factor.present, np.log(np.maximum(uu, TINY)), 0.0)
            ratio += (logs_m - logs_u)[cell]
            log_u += logs_u[cell]
        p = rate[counts.source_pair]
        odds = ratio + np.log(p) - np.log1p(-p)
        posterior = 1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700)))
        path.append(float(weights @ (log_u + np.log1p(-p) + np.logaddexp(0.0, odds))))
        if iteration == 1:
            without_matches = float(weights @ log_u)  # u is still that of all pairs

        found = weights * posterior
        found_by_pair = np.bincount(counts.source_pair, weights=found, minlength=n_pairs)
        old_m, old_u, old_matches = m, u, matches
        rate = np.clip(found_by_pair / np.maximum(candidates, 1), 1e-15, 1 - 1e-9)
        matches = found_by_pair / max(selected_m, TINY)
        total_matches = float(matches.sum())
        full = _full(m, missing)
        new_m, new_u = [], []
        for k, factor in enumerate(factors):
            seen = np.bincount(cells[k], weights=found, minlength=factor.n_cells)
            unseen = total_matches * full[k] * (1.0 - given_m[k])  # matches that no pass selects
            expected = np.where(factor.present, seen + unseen, 0.0)
            prior = settings.prior_matches * start[k]
            new_m.append(_fix_levels(factor, _normalise(expected + prior), given.m[k]))
            rest = np.maximum(among_all[k] - expected, floors[k])
            new_u.append(_fix_levels(factor, _normalise(rest), given.u[k]))
        m, u = new_m, new_u
        selected_m, given_m = selection.probabilities(_full(m, missing))
        selected_u, _ = selection.probabilities(_full(u, missing))
        change = max(
            max(float(np.abs(a - b).max()) for a, b in zip(m, old_m, strict=True)),
            max(float(np.abs(a - b).max()) for a, b in zip(u, old_u, strict=True)),
            float(np.max(np.abs(matches - old_matches) / np.maximum(matches, 1.0))),
        )
        if change < settings.tolerance:
            converged = True
            break
    return Fit(
        tuple(m),
        tuple(u),
        rate,
        matches,
        selected_m,
        selected_u,
        tuple(path),
        without_matches,
        iteration,
        converged,
    )


def _normalise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1.0 / len(values))


def _shares(mask: NDArray[np.bool_], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each missing cell; 0 elsewhere."""
    return np.where(mask, counts, 0.0) / max(1.0, float(counts.sum()))


def _full(
    cells: Sequence[NDArray[np.float64]], missing: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Probabilities of all cells, the missing ones included."""
    return [p * (1.0 - r.sum()) + r for p, r in zip(cells, missing, strict=True)]


def _fix_levels(
    factor: Factor, cells: NDArray[np.float64], levels: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Scale cells so that the levels have the given probabilities."""
    if levels is None:
        return cells
    now = np.bincount(factor.level, weights=cells, minlength=factor.n_levels + 1)[: factor.n_levels]
    n_cells_of = 2 ** len(factor.keys)
    result = np.zeros(len(cells))
    for level, probability in enumerate(levels):
        own = factor.level == level
        result[own] = probability * (cells[own] / now[level] if now[level] > 0 else 1.0 / n_cells_of)
    return result


def _possible(
    factor: Factor, among_all: NDArray[np.float64], patterns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Cells that pairs may show: all but key bits that never come with a level that does occur.

    Equal surnames, say, cannot differ in the key part that is the surname.
    """
    seen = (among_all > 0) | (patterns > 0)
    level_seen = np.bincount(factor.level, weights=seen, minlength=factor.n_levels + 1) > 0
    return np.asarray(factor.present & (seen | ~level_seen[factor.level]), np.bool_)


def _start(factor: Factor, possible: NDArray[np.bool_], agreement: float) -> NDArray[np.float64]:
    """Start of m, and its prior: full agreement as given, each lower level a third as likely as the next."""
    all_bits = factor.bits == 2 ** len(factor.keys) - 1
    if factor.comparison is None:
        agreed = np.where(all_bits, agreement, (1 - agreement) / max(1, (possible & ~all_bits).sum()))
        return _normalise(np.where(possible, agreed, 0.0))
    levels = 3.0 ** np.arange(factor.n_levels)
    levels[-1] = 0.0
    levels *= (1 - agreement) / levels.sum()
    levels[-1] = agreement
    # Within a level half the matches agree on all key parts, and the others on any of them.
    bits = np.where(possible, 0.5 * all_bits + 0.5 / 2 ** len(factor.keys), 0.0)
    result = np.zeros(factor.n_cells)
    for level in range(factor.n_levels):
        own = factor.level == level
        result[own] = levels[level] * _normalise(bits[own])
    return result
