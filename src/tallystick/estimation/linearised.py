"""How the end of EM moves with what is random in the pairs: the derivative of each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.em import TINY, Fit, Given
from tallystick.estimation.factors import Factor, Selection
from tallystick.estimation.posteriors import Posteriors
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

Matrix = NDArray[np.float64]
STEP = 1e-6
"""Step of the derivative of the chance of selection, which is a polynomial of the cells."""


@dataclass(frozen=True)
class Linearised:
    """How the estimates move with what is random; the state holds the cells of m, those of u, and log E.

    Attributes
    ----------
    respond : float64 array, shape (n_state, n_state)
        By what one step of EM is moved by, all later steps included.
    direct : float64 array, shape (n_state, n_cells + n_source_pairs)
        One step, by the sums over the pairs by cell and by pair of sources.
    complete : float64 array, shape (n_state, n_cells + n_source_pairs)
        The state by these sums, were the matches known.
    chance : float64 array, shape (n_cells, n_cells)
        u by the numbers of pairs that are no matches.
    spread : float64 array, shape (n_cells + n_source_pairs, n_cells + n_source_pairs)
        Covariance of the sums of p - 1(match), pairs taken as independent.
    """

    respond: Matrix
    direct: Matrix
    complete: Matrix
    chance: Matrix
    spread: Matrix


def linearised(
    table: Table, selection: Selection, given: Given, fit: Fit, known: Posteriors, settings: Estimation
) -> Linearised:
    """Differentiate the step of EM where it has ended.

    Parameters
    ----------
    table, selection, given, fit
        As of `fit_em`, and what it found.
    known : Posteriors
        Of the patterns of the table.
    settings : Estimation
        Whether u is held, and what the prior of m is worth.

    Returns
    -------
    Linearised
        States are the cells of m, those of u, and log E of each pair of sources.
    """
    n, n_cells, n_pairs = table.counts.counts, int(table.starts[-1]), len(fit.matches)
    factors, source_pair = table.factors, table.counts.source_pair
    m, u = (np.maximum(np.concatenate(one), TINY) for one in (fit.m, fit.u))
    present, sizes = np.concatenate([f.present for f in factors]), [f.n_cells for f in factors]
    both = indicators(table, n_pairs)

    # Posterior p of a pattern: dp = p (1 - p) (d log odds); each part of the log odds is linear in the state.
    spread = n * known.match * (1.0 - known.match)
    unrelated = 1.0 - known.related
    whole, unrelated_part = gram(table, spread, n_pairs), gram(table, spread * unrelated, n_pairs)
    related_part = whole - unrelated_part
    sel_m, dsel_m, beyond, dbeyond = _selection(selection, factors, fit.m, table)
    sel_u, dsel_u, _, _ = _selection(selection, factors, fit.u, table)
    candidates = np.maximum(np.bincount(source_pair, weights=n, minlength=n_pairs), 1.0)
    share = fit.matches * sel_m / candidates
    odds = share / np.maximum(1.0 - share, 1e-9)
    # d log(1 - share) takes w0 odds (d log E + d log sel_m) from the log odds of what is no match.
    by_source = unrelated_part[:, n_cells:]
    of_m = whole[:, :n_cells] / m + np.outer(by_source @ odds, dsel_m / sel_m)
    of_u = -unrelated_part[:, :n_cells] / u + np.outer(by_source.sum(axis=1), dsel_u / sel_u)
    if fit.related is not None:
        r = np.maximum(np.concatenate(fit.related.r), TINY)
        in_common = np.repeat(fit.related.shared, sizes)
        of_m -= related_part[:, :n_cells] * (in_common / r)
        of_u -= related_part[:, :n_cells] * ((1.0 - in_common) / r)
    moved = np.hstack([of_m, of_u, whole[:, n_cells:] + by_source * odds])  # d(t, f) by the state

    n_state = 2 * n_cells + n_pairs
    by_m, by_u, by_e = slice(0, n_cells), slice(n_cells, 2 * n_cells), slice(2 * n_cells, n_state)
    found = np.maximum(share * candidates, TINY)
    free_e = given.matches is None
    e_y = np.hstack([np.zeros((n_pairs, n_cells)), np.diag(1.0 / found) * free_e])
    e_z = np.zeros((n_pairs, n_state))
    e_z[:, by_m] = -dsel_m / sel_m * free_e
    total = fit.matches.sum()
    cells_y = np.hstack([np.eye(n_cells), np.zeros((n_cells, n_pairs))]) + np.outer(beyond, fit.matches @ e_y)
    cells_z = np.outer(beyond, fit.matches @ e_z)
    cells_z[:, by_m] += total * dbeyond

    seen = (both.T @ (n * known.match))[:n_cells]
    matches = np.where(present, seen + total * beyond, 0.0)
    rest = np.concatenate(table.among_all) - matches
    if fit.related is not None:
        rest -= fit.related.pairs.sum() * r * np.repeat([1.0 - own.sum() for own in table.missing], sizes)
    free = rest > np.concatenate(table.floors)
    rest = np.maximum(rest, np.concatenate(table.floors))
    priors = [
        settings.prior_matches if not given.prior or given.prior[k] is None else given.prior_weight
        for k in range(len(factors))
    ]
    shift_m = _normaliser(factors, table, given.m, m, matches, priors)
    shift_u = _normaliser(factors, table, given.u, u, rest, [0.0] * len(factors)) * free
    if settings.u == "all_pairs":
        shift_u[:] = 0.0
    # Were the matches known, p would not move with the state.
    fixed = np.zeros((n_state, n_state))
    fixed[by_m], fixed[by_u], fixed[by_e] = shift_m @ cells_z, -shift_u @ cells_z, e_z
    direct = np.vstack([shift_m @ cells_y, -shift_u @ cells_y, e_y])
    respond = np.linalg.inv(np.eye(n_state) - fixed - direct @ moved)
    complete = np.linalg.solve(np.eye(n_state) - fixed, direct)
    return Linearised(np.asarray(respond), direct, np.asarray(complete), shift_u, whole)


def _selection(
    selection: Selection, factors: Sequence[Factor], given: Sequence[Matrix], table: Table
) -> tuple[float, Matrix, Matrix, Matrix]:
    """Chance of selection and its derivative by cell; share of each cell that none selects, and its derivative."""
    stay = [1.0 - own.sum() for own in table.missing]
    full = [p * share + own for p, share, own in zip(given, stay, table.missing, strict=True)]
    present = np.concatenate([f.present for f in factors])

    def beyond(cells: Sequence[Matrix]) -> tuple[float, Matrix, Matrix]:
        total, by_cell = selection.probabilities(cells)
        chosen = np.concatenate(by_cell)
        return total, chosen, np.where(present, np.concatenate(cells) * (1.0 - chosen), 0.0)

    total, chosen, left_out = beyond(full)
    n_cells = len(present)
    derivative = np.zeros((n_cells, n_cells))
    keyed = [k for k, factor in enumerate(factors) if factor.keys]
    for k in keyed:
        for cell in np.flatnonzero(factors[k].present):
            moved = [one.copy() if j == k else one for j, one in enumerate(full)]
            moved[k][cell] += STEP * stay[k]
            derivative[:, table.starts[k] + cell] = (beyond(moved)[2] - left_out) / STEP
    scale = np.repeat(stay, [f.n_cells for f in factors])
    return total, np.where(present, chosen * scale, 0.0), left_out, derivative


def _normaliser(
    factors: Sequence[Factor],
    table: Table,
    given: Sequence[Matrix | None],
    shares: Matrix,
    sums: Matrix,
    prior: Sequence[float],
) -> Matrix:
    """Derivative of shares by the sums that they are made of: within a comparison, or a level where these are given."""
    derivative = np.zeros((len(shares), len(shares)))
    for k, factor in enumerate(factors):
        every = np.arange(factor.n_cells)[factor.present]
        groups = (
            [every] if given[k] is None else [every[factor.level[every] == n] for n in range(factor.n_levels)]
        )
        for group in groups:
            own = table.starts[k] + group
            mass = shares[own].sum()
            whole = max(sums[own].sum() + prior[k] * (given[k] is None), TINY)
            if len(own) > 1:
                derivative[np.ix_(own, own)] = (mass * np.eye(len(own)) - shares[own][:, None]) / whole
    return derivative


def indicators(table: Table, n_pairs: int):  # type: ignore[no-untyped-def]
    """Cells that are present and source pair of every pattern, (n_patterns, n_cells + n_source_pairs)."""
    from scipy.sparse import csr_array

    n_patterns, n_factors = table.cells.shape
    n_cells, source_pair = int(table.starts[-1]), table.counts.source_pair
    present = np.concatenate([factor.present for factor in table.factors])
    columns = np.column_stack([table.cells, n_cells + source_pair])
    ones = np.column_stack([present[table.cells], np.ones(n_patterns)])
    rows = np.repeat(np.arange(n_patterns), n_factors + 1)
    shape = (n_patterns, n_cells + n_pairs)
    return csr_array((ones.ravel(), (rows, columns.ravel())), shape=shape)


def gram(table: Table, weights: Matrix, n_pairs: int) -> Matrix:
    """Weighted sum over the patterns of the products of their indicators."""
    both = indicators(table, n_pairs)
    return np.asarray((both.multiply(weights[:, None]).T @ both).toarray())
