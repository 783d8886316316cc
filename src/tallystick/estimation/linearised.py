"""How the end of EM moves with what is random in the pairs: the derivative of each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import with_missing
from tallystick.estimation.em import TINY, Fit, Given
from tallystick.estimation.factors import Selection
from tallystick.estimation.joint import Joint
from tallystick.estimation.mixture import by_factor
from tallystick.estimation.observed import block_diagonal, blocks, constraints, related_by, scaled_by, shown
from tallystick.estimation.posteriors import Posteriors
from tallystick.estimation.settings import Estimation
from tallystick.estimation.start import prior_of, usual_start
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
    seen = np.concatenate([f.seen for f in factors])
    show = block_diagonal([shown(f) for f in factors])
    both = indicators(table, n_pairs)

    # Posterior p of a pattern: dp = p (1 - p) (d log odds); each part of the log odds is the log of a sum of
    # cells.
    spread = n * known.match * (1.0 - known.match)
    unrelated = 1.0 - known.related
    whole, unrelated_part = gram(table, spread, n_pairs), gram(table, spread * unrelated, n_pairs)
    related_part = whole - unrelated_part
    sel_m, dsel_m, beyond, dbeyond = _selection(selection, fit.m, table, show)
    sel_u, dsel_u, _, _ = _selection(selection, fit.u, table, show)
    candidates = np.maximum(np.bincount(source_pair, weights=n, minlength=n_pairs), 1.0)
    share = fit.matches * sel_m / candidates
    odds = share / np.maximum(1.0 - share, 1e-9)
    # d log(1 - share) takes w0 odds (d log E + d log sel_m) from the log odds of what is no match.
    by_source = unrelated_part[:, n_cells:]
    of_m = whole[:, :n_cells] @ _log_slopes(show, m) + np.outer(by_source @ odds, dsel_m / sel_m)
    of_u = -unrelated_part[:, :n_cells] @ _log_slopes(show, u)
    of_u += np.outer(by_source.sum(axis=1), dsel_u / sel_u)
    if fit.related is not None:
        of_r = related_part[:, :n_cells] @ _log_slopes(show, np.concatenate(fit.related.r))
        shared = by_factor(factors, fit.related.shared)
        own = [related_by(*one) for one in zip(factors, shared, fit.m, fit.u, strict=True)]
        of_m -= of_r @ block_diagonal([by_m for by_m, _ in own])
        of_u -= of_r @ block_diagonal([by_u for _, by_u in own])
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

    matches = np.where(seen, (both.T @ (n * known.match))[:n_cells] + total * beyond, 0.0)
    rest = np.concatenate(table.among_all) - matches
    if fit.related is not None:
        full = np.concatenate(with_missing(factors, fit.related.r, table.missing))
        rest -= fit.related.pairs.sum() * np.where(seen, full, 0.0)
    free = rest > np.concatenate(table.floors)
    rest = np.where(seen, np.maximum(rest, np.concatenate(table.floors)), 0.0)
    shift_m, again_m = _step_of_m(table, given, fit, matches, settings)
    shift_u, again_u = _step_of_u(table, given, fit, rest)
    shift_u = shift_u * free
    if settings.u == "all_pairs":
        shift_u[:], again_u[:] = 0.0, 0.0
    # Were the matches known, p would not move with the state.
    fixed = np.zeros((n_state, n_state))
    fixed[by_m], fixed[by_u], fixed[by_e] = shift_m @ cells_z, -shift_u @ cells_z, e_z
    fixed[by_m, by_m] += again_m
    fixed[by_u, by_u] += again_u
    direct = np.vstack([shift_m @ cells_y, -shift_u @ cells_y, e_y])
    respond = np.linalg.inv(np.eye(n_state) - fixed - direct @ moved)
    complete = np.linalg.solve(np.eye(n_state) - fixed, direct)
    chance = np.linalg.solve(np.eye(n_cells) - again_u, shift_u)
    return Linearised(np.asarray(respond), direct, np.asarray(complete), np.asarray(chance), whole)


def _log_slopes(show: Matrix, p: Matrix) -> Matrix:
    """Derivative of the log likelihood of what a pair shows by the complete cells."""
    return np.asarray(show / np.maximum(show @ p, TINY)[:, None], np.float64)


def _selection(
    selection: Selection, given: Sequence[Matrix], table: Table, show: Matrix
) -> tuple[float, Matrix, Matrix, Matrix]:
    """Chance of selection and its derivative; share of each cell that none selects, and its derivative.

    The derivatives are by the complete cells.
    """
    factors, n_cells = table.factors, int(table.starts[-1])
    full = with_missing(factors, given, table.missing)
    seen = np.concatenate([f.seen for f in factors])

    def beyond(cells: Sequence[Matrix]) -> tuple[float, Matrix, Matrix]:
        total, by_cell = selection.probabilities(cells)
        chosen = np.concatenate(by_cell)
        return total, chosen, np.where(seen, np.concatenate(cells) * (1.0 - chosen), 0.0)

    total, chosen, left_out = beyond(full)
    derivative = np.zeros((n_cells, n_cells))
    for k, factor in enumerate(factors):
        for cell in np.flatnonzero(factor.seen):
            at = table.starts[k] + cell
            if not factor.keys:  # it has no part in the selection
                derivative[at, at] = 1.0 - total
                continue
            moved = [one.copy() if j == k else one for j, one in enumerate(full)]
            moved[k][cell] += STEP
            derivative[:, at] = (beyond(moved)[2] - left_out) / STEP
    by_complete = np.where(seen, np.concatenate(table.missing), 0.0)[:, None] * show
    return total, chosen @ by_complete, left_out, derivative @ by_complete


def _completed(show: Matrix, seen: Matrix, p: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Pairs by complete cell, shared out by p; their derivatives by the pairs seen, and by p."""
    slopes = _log_slopes(show, p)
    shares = slopes.T * p[:, None]
    cells = shares @ seen
    by_p = np.diag(cells / np.maximum(p, TINY)) - shares * seen @ slopes
    return cells, shares, by_p


def _step_of_m(
    table: Table, given: Given, fit: Fit, matches: Matrix, settings: Estimation
) -> tuple[Matrix, Matrix]:
    """Derivative of the next m by the expected matches seen, and by the m that shares them out."""
    usual = usual_start(table, given.m, settings)
    prior = prior_of(table, usual, given.prior, given.prior_weight, settings)
    by_seen, by_itself = [], []
    for factor, own, m, first, known in zip(
        table.factors, table.split(matches), fit.m, prior, given.m, strict=True
    ):
        cells, shares, by_p = _completed(shown(factor), own, m)
        if isinstance(factor, Joint):
            joint = factor.structured(cells)
            structure = _structure(factor, cells, joint)
            # What thin cells are filled up by is a matter of a pair or less.
            cells, shares, by_p = factor.shrunk(joint), structure @ shares, structure @ by_p
        norm = scaled_by(m, cells + first, constraints(factor, known))
        by_seen.append(norm @ shares)
        by_itself.append(norm @ by_p)
    return block_diagonal(by_seen), block_diagonal(by_itself)


def _step_of_u(table: Table, given: Given, fit: Fit, rest: Matrix) -> tuple[Matrix, Matrix]:
    """The same of u by the pairs that are no matches."""
    by_seen, by_itself = [], []
    for factor, own, u, known in zip(table.factors, table.split(rest), fit.u, given.u, strict=True):
        cells, shares, by_p = _completed(shown(factor), own, u)
        norm = scaled_by(u, cells, constraints(factor, known))
        by_seen.append(norm @ shares)
        by_itself.append(norm @ by_p)
    return block_diagonal(by_seen), block_diagonal(by_itself)


def _structure(factor: Joint, cells: Matrix, joint: Matrix) -> Matrix:
    """Derivative of `Joint.structured`, where it gave `joint`, by the cells."""
    if factor.blocks is None or len(factor.blocks) == 1:
        return np.eye(len(cells))
    total = max(float(cells.sum()), TINY)
    found = np.full((len(cells), len(cells)), (1.0 - len(factor.blocks)) / total)
    for block in blocks(factor):
        found += block / np.maximum(cells @ block, TINY) @ block.T
    return np.asarray(joint[:, None] * found, np.float64)


def indicators(table: Table, n_pairs: int):  # type: ignore[no-untyped-def]
    """Cells that say something and source pair of every pattern, (n_patterns, n_cells + n_source_pairs)."""
    from scipy.sparse import csr_array

    n_patterns, n_factors = table.cells.shape
    n_cells, source_pair = int(table.starts[-1]), table.counts.source_pair
    seen = np.concatenate([factor.seen for factor in table.factors])
    columns = np.column_stack([table.cells, n_cells + source_pair])
    ones = np.column_stack([seen[table.cells], np.ones(n_patterns)])
    rows = np.repeat(np.arange(n_patterns), n_factors + 1)
    shape = (n_patterns, n_cells + n_pairs)
    return csr_array((ones.ravel(), (rows, columns.ravel())), shape=shape)


def gram(table: Table, weights: Matrix, n_pairs: int) -> Matrix:
    """Weighted sum over the patterns of the products of their indicators."""
    both = indicators(table, n_pairs)
    return np.asarray((both.multiply(weights[:, None]).T @ both).toarray())
