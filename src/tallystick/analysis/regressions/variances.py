"""Variances of estimates: J^-1 M J^-T, with the middle M from the blocks or from the error model.

Three middles (section 2.3 of the specification names what each was checked for):

- "block": M / (M - 1) sum_m s_m s_m', s_m the score of block m. It asks nothing of how links go wrong within
  blocks (Liang and Zeger 1986).
- "centred": sum_i g_i g_i' (Var_i - V_i) + Var(G'C mu), which knows that C moves outcomes about within
  blocks.
- "published": sum_i g_i g_i' Var_i (Chambers 2009), which leaves the covariances of C out.
"""

from __future__ import annotations

import numpy as np

from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.regressions.equations import Problem
from tallystick.analysis.regressions.solve import Solved
from tallystick.errors import InputError

VARIANCES = ("block", "centred", "published", "jackknife")
FEWEST_BLOCKS = 10
"""With fewer blocks the variance is taken from the error model unless asked for otherwise."""

LARGEST_CONDITION = 1e10


def groups_of(model: ErrorModel) -> Blocks:
    """The groups that have rows, as blocks."""
    return blocks_of(model.groups)


def sandwich(jacobian: Floats, middle: Floats) -> Floats:
    """J^-1 M J^-T."""
    left = np.linalg.solve(jacobian, middle)
    found: Floats = np.linalg.solve(jacobian, left.T).T
    return (found + found.T) / 2


def block_middle(scores: Floats, groups: Blocks) -> Floats:
    """M / (M - 1) sum s_m s_m' of the scores of the rows, shape (p, p)."""
    by_group = groups.sums(scores)
    found: Floats = by_group.T @ by_group * (groups.n_blocks / (groups.n_blocks - 1))
    return found


def model_middle(problem: Problem, solved: Solved, instruments: Floats, *, centred: bool) -> Floats:
    """The middle that the error model gives, centred or as published; shape (p, p)."""
    state = solved.state
    by_linkage = problem.model.variance(state.mean)
    varying = problem.family.variance(state.shown, by_linkage, solved.scale)
    if not centred:
        published: Floats = instruments.T @ rows_times(varying, instruments)
        return published
    own: Floats = instruments.T @ rows_times(varying - by_linkage, instruments)
    return own + problem.model.noise(instruments, state.mean)


def jackknife(instruments: Floats, slope: Floats, residuals: Floats, groups: Blocks) -> Floats:
    """Delete-a-block jackknife from sums by block, which is no more than a p x p system a block.

    (M - 1) / M sum_m (b_(m) - mean b_(m)) (...)', where b_(m) leaves block m out. With a linear family and
    a G that does not depend on b this is what fitting anew gives (ratio type, Lahiri-Larsen, inverse Q: all
    are ratios of sums over blocks); else it is one Newton step from the estimate, G and sigma^2 held.

    Parameters
    ----------
    instruments : float64 array, shape (n_links, p)
        G.
    slope : float64 array, shape (n_links, p)
        Q D.
    residuals : float64 array, shape (n_links,)
        y* - Q mu.
    groups : Blocks
        Of the rows.

    Returns
    -------
    float64 array, shape (p, p)
    """
    p = instruments.shape[1]
    jacobians = np.stack([groups.sums(rows_times(slope[:, k], instruments)) for k in range(p)], axis=-1)
    scores = groups.sums(rows_times(residuals, instruments))
    whole = jacobians.sum(axis=0)
    without = np.eye(p) - np.linalg.solve(whole, jacobians)
    if (np.linalg.cond(without) > LARGEST_CONDITION).any():
        raise InputError(
            'variance="jackknife": without one of the blocks the design is singular (a covariate that varies '
            'in one block alone?); leave that covariate out or take variance="centred".'
        )
    rest = np.linalg.solve(whole, (scores.sum(axis=0) - scores).T).T
    moved = np.linalg.solve(without, rest[:, :, None])[:, :, 0]
    moved -= moved.mean(axis=0)
    found: Floats = moved.T @ moved * ((groups.n_blocks - 1) / groups.n_blocks)
    return found
