"""sigma^2 of the linear family, free of what the linkage adds to the residuals."""

from __future__ import annotations

import numpy as np

from tallystick.analysis.regressions.equations import Problem, State

ROUNDING = 1e-26
"""Mean square of residuals that is rounding, as a share of that of the outcome."""


def dispersion(problem: Problem, state: State) -> tuple[float, bool]:
    """sigma^2, and whether it had to be replaced.

    Residuals about the covariates that are linked hold, beside the error of the outcome, the wrong links:

        E sum (y*_i - x_i'b)^2 = n sigma^2 + sum (V_i + ((Q mu)_i - mu_i)^2),

    with exchangeable errors the latter is 2 sum (1 - a) u_i^2 (after Chambers 2009). Where taking it off
    leaves nothing, half of the mean square of the residuals is taken.

    Parameters
    ----------
    problem : Problem
        Of a linear family.
    state : State
        At the estimate.

    Returns
    -------
    (float, bool)
        sigma^2; True where it is half the mean square instead.
    """
    own = problem.model.as_linked(state.mean)
    own = np.where(np.isfinite(own), own, state.shown)
    squares = (problem.y - own) ** 2
    by_linkage = problem.model.variance(state.mean) + (state.shown - own) ** 2
    left = len(problem.y) - problem.X.shape[1]
    if left <= 0:
        return float("nan"), False
    found = float(problem.weighted(squares - by_linkage).sum() / left)
    total = float(problem.weighted(squares).sum() / left)
    # Without a residual at all there is nothing to replace.
    nothing = ROUNDING * float(np.mean(problem.y**2))
    if found > nothing or total <= nothing:
        return (found if found > nothing else 0.0), False
    return total / 2, True
