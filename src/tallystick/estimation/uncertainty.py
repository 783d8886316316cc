"""How sure the estimates are: errors of m, u and the expected matches, with pairs that share records.

EM ends where its step changes nothing. With the expected matches by cell t = sum of p(g) over the pairs,
their sum f, and the pairs that are left r = S - t - E h(m), the state z = (m, u, log E) solves

    m = N(t(z) + E h(m) + prior),    u = N(r(z)),    E = f(z) / P(selected | match),

p the posterior of a pattern, h the share of a cell that no pass selects, N division by the sum of a
comparison. Two things are random. *Which pairs are matches is not seen*: had it been, t and f would be sums
of 1 over the matches and z the state z* of these files; z - z* is, to first order, a linear map of the sums
of p - 1(match), whose variance is p (1 - p) for each pair (the missing information of Orchard and Woodbury
1972). It is all that E is uncertain by, as E counts the matches of these files. *And z* itself differs from
file to file*: m* as the matches are a sample, u* as the records are (see `tallystick.estimation.chance`).

Pairs that share a record are no independent observations, so both sums are taken by record before they are
squared: with t_i the sum over the pairs of record i, the variance is the sum of t_i t_i' over the records,
less the sum of t_ij t_ij' over the pairs, which the former holds twice (clustering in two ways, Cameron,
Gelbach and Miller 2011, equation 2.8). The number of related pairs is taken as known.

Where comparisons are estimated together the state holds their joint cells, and errors of a comparison's
levels are those of the sums of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.chance import Matched, chance_covariance
from tallystick.estimation.em import TINY, Fit, Given
from tallystick.estimation.factors import Selection
from tallystick.estimation.joint import places_of
from tallystick.estimation.linearised import Linearised, gram, indicators, linearised
from tallystick.estimation.misfit import dispersion
from tallystick.estimation.observed import level_cells, too_many_cells
from tallystick.estimation.parameters import Uncertainty
from tallystick.estimation.posteriors import Posteriors, posteriors
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table
from tallystick.patterns.plan import PairPlan

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Doubtful:
    """Pairs that are no sure non-matches: on them m and the expected matches rest.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows.
    pattern : int64 array, shape (n,)
        Where the pattern of each stands in the table of patterns.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    pattern: NDArray[np.int64]


def uncertainty_of(
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    table: Table,
    selection: Selection,
    given: Given,
    fit: Fit,
    pairs: tuple[NDArray[np.int32], NDArray[np.int32]],
    drawn: int | None,
    settings: Estimation,
    seed: int,
) -> Uncertainty | None:
    """Standard errors and covariance of what EM found.

    Parameters
    ----------
    plan, comparisons : PairPlan, sequence of Comparison
        The records' pairs and what is compared.
    table, selection, given, fit
        As of `fit_em`, and what it found.
    pairs : tuple of int32 array
        Global rows, left and right, of all pairs that are no sure non-matches.
    drawn : int, optional
        Random pairs that u was counted on; None where it was on all.
    settings : Estimation
        As EM had them.
    seed : int
        Seed of the random records on which chance agreement is measured.

    Returns
    -------
    Uncertainty or None
        None where the estimates are not told by the pairs at all, or where comparisons that are estimated
        together have too many cells (see `observed.MOST_CELLS`).
    """
    if too_many_cells(table):
        return None
    known = posteriors(table, fit)
    doubtful = _located(plan, table, *pairs)
    try:
        moved = linearised(table, selection, given, fit, known, settings)
    except np.linalg.LinAlgError:
        return None
    shared = shared_records(table, known, doubtful, int(plan.blocking.offsets[-1]), len(fit.matches))
    odds = [
        np.log(np.maximum(f.likelihoods(m), TINY)) - np.log(np.maximum(f.likelihoods(u), TINY))
        for f, m, u in zip(table.factors, fit.m, fit.u, strict=True)
    ]
    allowed = float(plan.blocking.allowed_pairs().sum())
    odds[0] = odds[0] + np.log(max(fit.matches.sum(), TINY) / allowed)
    likely = Matched(
        doubtful.left, doubtful.right, table.cells[doubtful.pattern], known.match[doubtful.pattern]
    )
    chance = chance_covariance(plan, comparisons, table, odds, likely, drawn, seed)
    here, like = covariances(table, fit, known, moved, shared, chance)
    errors = np.sqrt(np.maximum(np.diag(like), 0.0))
    if not (np.isfinite(here).all() and np.isfinite(errors).all()):
        return None
    return Uncertainty(
        tuple(errors.tolist()), tuple(tuple(row) for row in here.tolist()), dispersion(table, fit, known)
    )


def of_held(now: Uncertainty, known: Uncertainty, n_held: int) -> Uncertainty:
    """The uncertainty of match rates estimated now together with that of m and u, which are those of a model.

    Parameters
    ----------
    now, known : Uncertainty
        Of this estimate, which held m and u, and of the model.
    n_held : int
        Number of its m- and u-probabilities, which come first.

    Returns
    -------
    Uncertainty
    """
    covariance = np.array(now.covariance)
    covariance[:n_held, :n_held] = np.array(known.covariance)[:n_held, :n_held]
    return Uncertainty(
        known.errors[:n_held] + now.errors[n_held:],
        tuple(tuple(row) for row in covariance.tolist()),
        now.dispersion,
    )


def _located(plan: PairPlan, table: Table, left: NDArray[np.int32], right: NDArray[np.int32]) -> Doubtful:
    """Pairs with the place of their pattern in the table: of any pass, as these differ in nothing else."""
    from tallystick.patterns.kernels_patterns import fold

    counts, blocking = table.counts, plan.blocking
    pattern = np.empty(len(left), np.int64)
    fold(plan.digits.of(left, right), plan.coding.digit_values(), pattern)
    distinct, place = np.unique(counts.patterns.astype(np.int64), return_inverse=True)
    key = counts.source_pair * len(distinct) + place
    order = np.argsort(key, kind="stable")
    wanted = blocking.source_pair_of(left, right) * len(distinct) + np.searchsorted(distinct, pattern)
    return Doubtful(left, right, order[np.searchsorted(key[order], wanted)])


def shared_records(
    table: Table, known: Posteriors, pairs: Doubtful, n_records: int, n_pairs: int
) -> tuple[Matrix, Matrix]:
    """What covariances gain as pairs share records: of the sums over matches, and of those of p - 1(match).

    Parameters
    ----------
    table : Table
        The patterns.
    known : Posteriors
        Of the patterns.
    pairs : Doubtful
        All pairs but those that are surely no matches.
    n_records, n_pairs : int
        Numbers of records and of pairs of sources.

    Returns
    -------
    of_matches, of_unseen : float64 array, shape (n_cells + n_source_pairs, n_cells + n_source_pairs)
    """
    from scipy.sparse import csc_array, csr_array

    n_cells = int(table.starts[-1])
    both = np.stack([pairs.left, pairs.right])
    often = np.bincount(both.ravel(), minlength=n_records) > 1
    some = np.flatnonzero(often[both].any(axis=0))  # most pairs share no record with another
    n, pattern = len(some), pairs.pattern[some]
    columns = np.column_stack([table.cells[pattern], n_cells + table.counts.source_pair[pattern]])
    distinct, rows = np.unique(both[:, some], return_inverse=True)
    at = np.arange(n + 1, dtype=np.int64)
    incidence = (np.ones(2 * n), rows.reshape(2, n).T.ravel(), 2 * at)
    of_record = csc_array(incidence, shape=(len(distinct), n)).tocsr()
    p = known.match[pattern]
    found = []
    for weight in (p, p * (1.0 - p)):
        cells = (np.repeat(weight, columns.shape[1]), columns.ravel(), columns.shape[1] * at)
        own = csr_array(cells, shape=(n, n_cells + n_pairs))
        by_record = of_record @ own
        found.append((by_record.T @ by_record - 2.0 * (own.T @ own)).toarray())
    return found[0], found[1]


def covariances(
    table: Table,
    fit: Fit,
    known: Posteriors,
    moved: Linearised,
    shared: tuple[Matrix, Matrix],
    by_chance: Matrix,
) -> tuple[Matrix, Matrix]:
    """Covariance of the estimates, with u as it is in these files, and in files like them.

    Where each comparison stands by itself it is the sandwich (Huber 1967) of the equations that EM solves, so
    that it holds however pairs that share records hang together. The equations of joint cells, of which many
    hold few pairs, are too far from linear for it.

    Parameters
    ----------
    table, fit, known, moved
        The patterns, what EM found, what they are, and how it moves.
    shared : tuple of float64 array
        As `shared_records` gives it.
    by_chance : float64 array, shape (n_cells, n_cells)
        As `chance_covariance` gives it.

    Returns
    -------
    here, like : float64 array
        m of every comparison by level, u likewise, log E of each pair of sources.
    """
    n_cells, n_pairs = len(by_chance), len(fit.matches)
    # The number of matches is what it is: their share of what is random goes (per pair of sources).
    both = indicators(table, n_pairs)
    n, p, pairs = table.counts.counts, known.match, table.counts.source_pair
    m, u = slice(0, n_cells), slice(n_cells, 2 * n_cells)
    drift, sure = np.zeros((n_pairs, both.shape[1])), np.zeros((n_pairs, both.shape[1]))
    for k in range(n_pairs):
        own = np.where(pairs == k, n * p, 0.0)
        scale = 1.0 / np.sqrt(max(own.sum(), TINY))
        drift[k], sure[k] = (both.T @ (own * (1.0 - p))) * scale, (both.T @ (own * p)) * scale
    if any(len(factor.parts) > 1 for factor in table.factors):
        # Information adds up: that of estimates which know the matches, and what is missing of it.
        spread = moved.spread + shared[1] - drift.T @ drift
        here = moved.respond @ moved.direct @ spread @ moved.complete.T
        here = 0.5 * (here + here.T)
        sums = sure + drift
        of_matches = shared[0] + gram(table, n * p, n_pairs) - sums.T @ sums
        here[m, m] += moved.complete[m] @ of_matches @ moved.complete[m].T
    else:
        once = np.zeros_like(moved.respond)
        of_m, others = moved.direct[:n_cells], moved.direct[n_cells:]
        once[m, m] = of_m @ (shared[0] + gram(table, n * p**2, n_pairs)) @ of_m.T
        once[n_cells:, n_cells:] = others @ (moved.spread + shared[1]) @ others.T
        mean = np.hstack([sure @ of_m.T, -drift @ others.T])
        here = moved.respond @ (once - mean.T @ mean) @ moved.respond.T
    like = here.copy()
    like[u, u] += moved.chance @ by_chance @ moved.chance.T
    # The matches that no pass selects are themselves random, whatever is known of their chance.
    left_out = (1.0 - fit.selected_m) / np.maximum(fit.matches * fit.selected_m, TINY)
    for one in (here, like):
        one[2 * n_cells :, 2 * n_cells :] += np.diag(left_out)
    levels = _levels(table, n_pairs)
    return levels @ here @ levels.T, levels @ like @ levels.T


def _levels(table: Table, n_pairs: int) -> Matrix:
    """Sums the cells of m and of u by level of every comparison, and leaves log E as it is."""
    n_cells = int(table.starts[-1])
    rows = []
    for _, (k, part) in sorted(places_of(table.factors).items()):
        own = level_cells(table.factors[k], part)
        row = np.zeros((len(own), n_cells))
        row[:, table.starts[k] : table.starts[k + 1]] = own
        rows.append(row)
    one = np.concatenate(rows)
    whole = np.zeros((2 * len(one) + n_pairs, 2 * n_cells + n_pairs))
    whole[: len(one), :n_cells] = one
    whole[len(one) : 2 * len(one), n_cells : 2 * n_cells] = one
    whole[2 * len(one) :, 2 * n_cells :] = np.eye(n_pairs)
    return whole
