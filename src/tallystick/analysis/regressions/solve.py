"""Estimating equations solved: in closed form, by iterated weights, or by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.regressions.dispersion import dispersion
from tallystick.analysis.regressions.equations import (
    NoErrors,
    Problem,
    State,
    best_instruments,
    fixed_instruments,
    score,
    state_at,
)

TOLERANCE = 1e-9
"""Largest last step, as a share of the size of linear predictor or outcome."""
MOST_STEPS = 100
MOST_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution of estimating equations.

    Attributes
    ----------
    state : State
        At the solution.
    instruments : float64 array, shape (n_links, p)
        G.
    jacobian : float64 array, shape (p, p)
        G'Q D.
    scale : float
        sigma^2; 1 but for the linear family.
    replaced : bool
        Whether sigma^2 had to be replaced.
    steps : int
        Iterations; 1 for a closed form.
    converged : bool
        Whether the iterations came to rest.
    """

    state: State
    instruments: Floats
    jacobian: Floats
    scale: float
    replaced: bool
    steps: int
    converged: bool


def solve(problem: Problem, naive: Solved | None = None) -> Solved:
    """The solution, whose coefficients mean something only where it converged.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    naive : Solved, optional
        The solution that takes all links as right, from which iterations begin where `problem` does not.

    Returns
    -------
    Solved
    """
    return _linear(problem) if problem.family.linear else _newton(problem, naive)


def _step(jacobian: Floats, of: Floats) -> Floats | None:
    """The solution of a linear system, or None where there is none to speak of."""
    if not (np.isfinite(jacobian).all() and np.isfinite(of).all()):
        return None
    try:
        found = np.asarray(np.linalg.solve(jacobian, of), np.float64)
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found).all() else None


def _failed(problem: Problem, slope: Floats, instruments: Floats, steps: int) -> Solved:
    p = problem.X.shape[1]
    nan = np.full(p, np.nan)
    state = State(nan, np.full(len(problem.X), np.nan), np.full(len(problem.y), np.nan), slope)
    return Solved(state, instruments, np.full((p, p), np.nan), np.nan, False, steps, False)


def _linear(problem: Problem) -> Solved:
    """(G'Q X)^-1 G'y*; with EBLUE over and over until coefficients and sigma^2 rest, from Lahiri-Larsen."""
    slope = problem.model.expected(problem.X)
    best = problem.method == "eblue"
    fixed = problem.weighted(slope) if best else fixed_instruments(problem)
    assert fixed is not None
    instruments, size = fixed, float(np.sqrt(np.mean(problem.y**2)))
    beta, scale = np.full(problem.X.shape[1], np.inf), np.inf
    for steps in range(1, MOST_STEPS + 1):
        jacobian = instruments.T @ slope
        found = _step(jacobian, instruments.T @ problem.y)
        if found is None:
            return _failed(problem, slope, instruments, steps)
        state = state_at(problem, found, slope)
        now, replaced = dispersion(problem, state)
        rests = _rests(found - beta, size) and abs(now - scale) <= TOLERANCE * now
        # Where outcomes have no error of their own, weights would be infinite, and change nothing.
        if not best or rests or now <= 0:
            return Solved(state, instruments, jacobian, now, replaced, steps, True)
        beta, scale = found, now
        instruments = best_instruments(problem, state, now)
    return _failed(problem, slope, instruments, MOST_STEPS)


def _rests(step: Floats, size: float) -> bool:
    return bool(np.abs(step).max() <= TOLERANCE * size)


def _start(problem: Problem, naive: Solved | None) -> Floats:
    """Where Newton's method begins: the naive estimate, EBLUE at that of Lahiri and Larsen."""
    if isinstance(problem.model, NoErrors):
        first = None
    elif problem.method == "eblue":
        first = _newton(replace(problem, method="lahiri-larsen"), naive)
    else:
        first = naive
    return np.zeros(problem.X.shape[1]) if first is None or not first.converged else first.state.beta


def _newton(problem: Problem, naive: Solved | None) -> Solved:
    """Newton's method b + J^-1 H, a step halved until J^-1 H becomes smaller.

    The size of J^-1 H with the Jacobian of the step before does not depend on units of covariates (Deuflhard
    2004, section 2.1.2).
    """
    fixed = fixed_instruments(problem)
    state = state_at(problem, _start(problem, naive))
    steps = 0
    while True:
        instruments = best_instruments(problem, state, 1.0) if fixed is None else fixed
        jacobian = instruments.T @ state.slope
        step = _step(jacobian, score(problem, instruments, state))
        if step is None:
            return _failed(problem, state.slope, instruments, steps)
        if _rests(step, max(1.0, float(np.abs(state.beta).max()))):
            return Solved(state, instruments, jacobian, 1.0, False, steps, True)
        if steps == MOST_STEPS:
            return _failed(problem, state.slope, instruments, steps)
        steps += 1
        length = 1.0
        for _ in range(MOST_HALVINGS):
            there = state.beta + length * step
            shown = problem.model.expected(problem.family.mean(problem.X @ there))
            after = _step(jacobian, instruments.T @ (problem.y - shown))
            if after is not None and np.linalg.norm(after) < (1 - length / 4) * np.linalg.norm(step):
                break
            length /= 2
        else:
            return _failed(problem, state.slope, instruments, steps)
        state = state_at(problem, there)
