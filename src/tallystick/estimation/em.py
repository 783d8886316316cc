"""EM for the m-probabilities and the match rate, on counts of agreement patterns.

The model is that of Fellegi and Sunter (1969): given match or non-match, factors are independent.
Values missing at random drop out of the likelihood. The observed patterns are those of selected
pairs, so the likelihood is conditional on selection, P(pattern | selected), and matches that no
pass selects are imputed in the E-step, as for a truncated sample (Dempster, Laird and Rubin 1977,
section 4.2). The u-probability of a cell is its chance among non-matches, u = (S - E m) / (N - E),
where S of N allowed pairs show the cell and E of the pairs are matches: E and m come from the
current iteration.

Pairs of relatives, such as members of one household, agree on surname and address without being
matches, against the independence of factors among non-matches. They can be a class of their own: a
related pair has the true value of field k in common with chance s_k, and then agrees as a match does,
and else as any other pair does, so that r = s m + (1 - s) u (a mixture in each factor; s by EM). The
m-probabilities learn from the matches alone.

m has a prior (`tallystick.estimation.start`), so that the estimate is the mode of a posterior.
Labelled pairs are of a known class in every E-step (see `tallystick.estimation.labelled`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import Levels, first_u, fix_levels, with_missing
from tallystick.estimation.factors import Selection
from tallystick.estimation.labelled import expect_classes
from tallystick.estimation.m_step import maximise
from tallystick.estimation.mixture import mixed, shared_of
from tallystick.estimation.settings import Estimation
from tallystick.estimation.start import prior_of, usual_start
from tallystick.estimation.table import Table

TINY = 1e-300
HALF = 0.5
"""Share of related pairs that have a value in common from which EM starts."""
TRIAL = 50
"""Iterations after which it can be seen what kind of class the related pairs are."""


@dataclass(frozen=True)
class Related:
    """Pairs of related records.

    Attributes
    ----------
    shared : float64 array, shape (n_parts,)
        Share of the related pairs that have the true value in common, by part of the factors.
    r : tuple of float64 array
        For every factor the probabilities of its cells among related pairs, (n_cells,).
    pairs : float64 array, shape (n_source_pairs,)
        Expected related pairs among all allowed pairs, those that no pass selects included.
    selected : float
        Share of them that some pass selects.
    """

    shared: NDArray[np.float64]
    r: tuple[NDArray[np.float64], ...]
    pairs: NDArray[np.float64]
    selected: float


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
    related : Related, optional
        The class of related pairs, where there is one.
    selected_m, selected_u : float
        Share of the matches, and of the non-matches, that some pass selects.
    log_likelihood : tuple of float
        Its path, conditional on selection, up to a constant.
    without_matches : float
        Log-likelihood where no pair is a match, up to the same constant; with related pairs, where these
        are as they were found.
    iterations : int
        Number of iterations.
    converged : bool
        Whether the tolerance was reached before the cap.
    """

    m: tuple[NDArray[np.float64], ...]
    u: tuple[NDArray[np.float64], ...]
    rate: NDArray[np.float64]
    matches: NDArray[np.float64]
    related: Related | None
    selected_m: float
    selected_u: float
    log_likelihood: tuple[float, ...]
    without_matches: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Given:
    """What is known before EM looks at the pairs, one of each tuple for every factor; None: nothing.

    Probabilities are by level. Of a factor with several parts they are those of the joint levels, or, in a
    tuple, those of each part.

    Attributes
    ----------
    m, u : tuple of float64 array, tuple or None
        Probabilities which are not estimated.
    shared : tuple of float or None
        Shares of related pairs that have the true value in common, by part of the factors; empty for none
        known.
    matches : float64 array, shape (n_source_pairs,), optional
        Number of matches among all allowed pairs, which is not estimated.
    start : tuple of float64 array, tuple or None
        m that EM starts from; empty for the usual start.
    prior : tuple of float64 array, tuple or None
        m of the matches that the prior is worth; empty for the usual prior.
    prior_weight : float
        How many matches that prior is worth.
    """

    m: tuple[Levels, ...]
    u: tuple[Levels, ...]
    shared: tuple[float | None, ...] = ()
    matches: NDArray[np.float64] | None = None
    start: tuple[Levels, ...] = ()
    prior: tuple[Levels, ...] = ()
    prior_weight: float = 0.0


def fit_em(
    table: Table,
    selection: Selection,
    given: Given,
    start_matches: NDArray[np.float64],
    settings: Estimation,
    related: bool = False,
    go_on: Callable[[NDArray[np.float64], Related], bool] | None = None,
) -> Fit:
    """Estimate m, u and the match rates.

    Parameters
    ----------
    table : Table
        The patterns.
    selection : Selection
        Which patterns are selected.
    given : Given
        What is not estimated, one per factor.
    start_matches : float64 array, shape (n_source_pairs,)
        Number of matches that EM starts from.
    settings : Estimation
        Cap, tolerance and start.
    related : bool
        Whether related pairs are a class of their own.
    go_on : callable, optional
        Asked once, after `TRIAL` iterations, with matches and related pairs: EM stops there if it says no.

    Returns
    -------
    Fit
    """
    counts, factors, missing = table.counts, table.factors, table.missing
    labelled = table.known
    n_pairs, n_classes = len(start_matches), 3 if related else 2
    weights = counts.counts.astype(np.float64)
    candidates = np.maximum(np.bincount(counts.source_pair, weights=weights, minlength=n_pairs), 1)
    apart = np.zeros(n_pairs) if labelled is None else labelled.apart
    counted = np.maximum(candidates - apart, 1)
    u = [
        fix_levels(f, first_u(f, s, floor), g)
        for f, s, floor, g in zip(factors, table.among_all, table.floors, given.u, strict=True)
    ]
    m = usual_start(table, given.m, settings)
    prior = prior_of(table, m, given.prior, given.prior_weight, settings)
    if given.start:
        m = [
            fix_levels(f, fix_levels(f, p, s), g)
            for f, p, s, g in zip(factors, m, given.start, given.m, strict=True)
        ]
    known = given.shared or (None,) * sum(len(f.parts) for f in factors)
    shared = np.array([HALF if one is None else one for one in known])
    classes = [u, m, mixed(factors, shared, m, u)][:n_classes]
    chances = [selection.probabilities(with_missing(factors, one, missing)) for one in classes]
    # Shares of the selected pairs, all classes but the first; at first as many related pairs as matches.
    shares = np.stack([start_matches * chance / candidates for chance, _ in chances[1:]])
    shares = np.clip(shares, 1e-12, 1 / n_classes)
    if given.matches is not None:
        shares[0] = _share_of(given.matches, chances, candidates)

    path: list[float] = []
    without_matches = 0.0
    converged = False
    iteration = 0
    expected = np.repeat(start_matches[None], n_classes - 1, axis=0)
    for iteration in range(1, settings.max_iterations + 1):
        logs = np.stack(
            [
                np.concatenate(
                    [np.log(np.maximum(f.likelihoods(p), TINY)) for f, p in zip(factors, one, strict=True)]
                )
                for one in classes
            ]
        )
        selected = np.maximum([chance for chance, _ in chances], TINY)
        others = np.maximum(1.0 - shares.sum(axis=0), 1e-9)
        log_shares = np.log(np.vstack([others, shares])) - np.log(selected)[:, None]
        sums, found = np.zeros((n_classes - 1, len(logs[0]))), np.zeros((n_classes - 1, n_pairs))
        path.append(expect_classes(table, logs, log_shares, selected, sums, found))
        if iteration == 1:  # u is still that of all pairs
            log_u = logs[0][table.cells].sum(axis=1) - np.log(selected[0])
            without_matches = float(weights @ log_u)

        old_m, old_u, old_expected = m, u, expected
        found[0] -= apart
        shares = np.clip(found / counted, 1e-15, 1 - 1e-9)
        found[0] += apart
        expected = found / selected[1:, None]
        totals = expected.sum(axis=1)
        if labelled is not None:
            sums[0] += labelled.outside_sums
            expected[0], totals[0] = labelled.with_outside(found[0], selected[1])
        if given.matches is not None:
            expected[0] = given.matches
            totals[0] = given.matches.sum()
        # The pairs of each class by cell, those that no pass selects included.
        cells = []
        for one, (_, by_cell), seen, total in zip(classes[1:], chances[1:], sums, totals, strict=True):
            full = with_missing(factors, one, missing)
            cells.append(
                [
                    np.where(f.seen, own + total * p * (1.0 - chosen), 0.0)
                    for f, own, p, chosen in zip(factors, table.split(seen), full, by_cell, strict=True)
                ]
            )
        if related:
            shared = shared_of(factors, known, shared, cells[1], classes)
        m, u = maximise(table, cells, prior, given, settings, m, u)
        classes = [u, m, mixed(factors, shared, m, u)][:n_classes]
        chances = [selection.probabilities(with_missing(factors, one, missing)) for one in classes]
        if given.matches is not None:
            shares[0] = _share_of(given.matches, chances, candidates)
        change = max(
            max(float(np.abs(a - b).max()) for a, b in zip(m, old_m, strict=True)),
            max(float(np.abs(a - b).max()) for a, b in zip(u, old_u, strict=True)),
            float(np.max(np.abs(expected[0] - old_expected[0]) / np.maximum(expected[0], 1.0))),
        )
        if change < settings.tolerance:
            converged = True
            break
        if (
            iteration == TRIAL
            and go_on is not None
            and not go_on(expected[0], _related(shared, classes, expected, chances))
        ):
            break
    if related:
        none = np.zeros_like(sums), np.zeros_like(found)
        log_shares[1] = np.log(1e-15)
        without_matches = expect_classes(table, logs, log_shares, selected, *none)
    if labelled is not None:
        without_matches = -np.inf  # of some pairs it is known that they match
    return Fit(
        tuple(m),
        tuple(u),
        (shares[0] * counted + apart) / candidates,
        expected[0],
        _related(shared, classes, expected, chances) if related else None,
        chances[1][0],
        chances[0][0],
        tuple(path),
        without_matches,
        iteration,
        converged,
    )


def _share_of(
    matches: NDArray[np.float64],
    chances: Sequence[tuple[float, list[NDArray[np.float64]]]],
    candidates: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of the selected pairs that so many matches are, as far as some pass selects them."""
    return np.asarray(np.clip(matches * chances[1][0] / candidates, 1e-15, 1 - 1e-9), np.float64)


def _related(
    shared: NDArray[np.float64],
    classes: Sequence[Sequence[NDArray[np.float64]]],
    expected: NDArray[np.float64],
    chances: Sequence[tuple[float, list[NDArray[np.float64]]]],
) -> Related:
    return Related(shared, tuple(classes[2]), expected[1], chances[2][0])
