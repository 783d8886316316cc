"""The mixture fitted: EM from several starts, then Newton."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.mixture.components import log_density
from tallystick.analysis.mixture.likelihood import (
    Data,
    Parameters,
    directions,
    evaluate,
    gradient,
    hessian,
    mean_of,
    moved,
)
from tallystick.analysis.mixture.matches import Matches

EM_STEPS = 5000
FIRST_STEPS = 200
NEWTON_STEPS = 100
FEWEST_RIGHT = 0.1
"""Fits that take fewer of the links as right are left out: a few rows that a line goes through exactly have a
likelihood without bound."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """The best fit of several starts.

    Attributes
    ----------
    parameters : Parameters
        Where the best start came to.
    loglik : float
        Log-likelihood.
    penalised : float
        The same with the prior.
    right : float64 array, shape (n,)
        Chance that each link is right, given its outcome.
    none_wrong : bool
        Whether the likelihood is largest where no link is wrong: gamma has no finite value then.
    converged : bool
        Whether that start came to rest.
    monotone : bool
        Whether its likelihood rose at every step of EM, as it must.
    steps : int
        Of EM and Newton, of that start.
    starts : tuple of float
        Penalised log-likelihood that each start came to, best first.
    """

    parameters: Parameters
    loglik: float
    penalised: float
    right: Floats
    none_wrong: bool
    converged: bool
    monotone: bool
    steps: int
    starts: tuple[float, ...]


def fit_mixture(data: Data, n_starts: int, seed: int) -> Fitted | None:
    """A few steps of EM from several starts, and Newton from the best; None where every start fails.

    Parameters
    ----------
    data : Data
        What is fitted.
    n_starts : int
        How many starts.
    seed : int
        Of the random ones.

    Returns
    -------
    Fitted or None
    """
    starts = _starts(data, n_starts, np.random.default_rng(seed))
    tried = [_em(data, start, 1e-8, FIRST_STEPS) for start in starts]
    ends = sorted((end for end in tried if end is not None), key=lambda end: -end.penalised)
    found = _polished(data, ends[0]) if ends else None
    none = _none_wrong(data)
    if none is not None and (found is None or none.penalised >= found.penalised - 1e-6):
        found = none
    if found is None:
        return None
    return replace(
        found, converged=found.converged and found.monotone, starts=tuple(end.penalised for end in ends)
    )


def _none_wrong(data: Data) -> Fitted | None:
    """The fit with all links right, where nothing says that some are wrong."""
    matches = data.matches
    if matches.prior is not None or matches.rate not in (None, 0.0):
        return None
    everything = np.ones(len(data.y))
    beta = weighted_fit(data, everything, np.zeros(data.X.shape[1]))
    parameters = _with(data, beta, everything, 0.0)
    now = evaluate(data, parameters)
    return Fitted(parameters, now.loglik, now.penalised, everything, True, True, True, 1, ())


def _em(data: Data, parameters: Parameters, tolerance: float, steps: int = EM_STEPS) -> Fitted | None:
    now = evaluate(data, parameters)
    monotone, done = True, 0
    while done < steps:
        done += 1
        parameters = _maximised(data, parameters, now.right)
        new = evaluate(data, parameters)
        if not np.isfinite(new.penalised) or new.right.sum() < FEWEST_RIGHT * len(data.y):
            return None
        gain = new.penalised - now.penalised
        monotone &= gain >= -1e-8 * (1 + abs(now.penalised))
        now = new
        if abs(gain) <= tolerance * (1 + abs(now.penalised)):
            break
    return Fitted(parameters, now.loglik, now.penalised, now.right, False, done < steps, monotone, done, ())


def _maximised(data: Data, parameters: Parameters, right: Floats) -> Parameters:
    """The M-step."""
    beta = weighted_fit(data, right, parameters.beta)
    sigma = 1.0
    if data.family.name == "linear":
        sigma = float(np.sqrt((right * (data.y - data.X @ beta) ** 2).sum() / right.sum()))
        sigma = max(sigma, 1e-10 * float(np.abs(data.y).max()), np.finfo(float).tiny)
    return Parameters(beta, sigma, data.matches.fitted(right, parameters.gamma))


def weighted_fit(data: Data, weights: Floats, beta: Floats) -> Floats:
    """Coefficients that are likeliest with weights on the rows; shape (p,)."""
    X, y = data.X, data.y
    if data.family.name == "linear":
        root = np.sqrt(weights)
        return np.asarray(np.linalg.lstsq(root[:, None] * X, root * y, rcond=None)[0])

    def value(b: Floats) -> float:
        return float((weights * log_density(data.family, y, data.family.mean(X @ b), 1.0)).sum())

    now = value(beta)
    for _ in range(25):
        eta = X @ beta
        mean = data.family.mean(eta)
        information = X.T @ ((weights * data.family.slope(eta, mean))[:, None] * X)
        step = np.linalg.lstsq(information, X.T @ (weights * (y - mean)), rcond=None)[0]
        size = 1.0
        while size > 1e-8 and not value(beta + size * step) >= now:
            size /= 2
        if size <= 1e-8:
            break
        beta = beta + size * step
        new = value(beta)
        if new - now <= 1e-12 * (1 + abs(now)):
            break
        now = new
    return beta


def _polished(data: Data, end: Fitted) -> Fitted:
    """Newton in the directions that are free: EM creeps where alpha is hard to tell."""
    matches = data.matches
    if matches.at_bound(end.parameters.gamma) and not matches.constant_alone:
        # Straight steps would leave the curve on which alpha is held.
        return _em(data, end.parameters, 1e-13) or end
    parameters, now = end.parameters, evaluate(data, end.parameters)
    for step in range(NEWTON_STEPS):
        free = directions(data, parameters)
        score = free.T @ gradient(data, parameters)
        information = -(free.T @ hessian(data, parameters) @ free)
        values, vectors = np.linalg.eigh(information)
        # Where the likelihood is not concave the step goes up along every direction all the same.
        bent = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
        along = vectors.T @ score
        decrement = float((along**2 / bent).sum())
        if decrement <= 1e-9 and values.min() > 0:
            return _ended(data, end, parameters, step, True)
        move = free @ (vectors @ (along / bent))
        size = 1.0
        while True:
            tried = moved(data, parameters, size * move)
            new = evaluate(data, tried)
            allowed = matches.at_most is None or matches.alpha(tried.gamma) <= matches.at_most + 1e-9
            if allowed and new.penalised >= now.penalised:
                break
            size /= 2
            if size < 1e-10:
                # No way up: at the top but for rounding, or in a corner (alpha at its bound, or at 0).
                if decrement <= 1e-6:
                    return _ended(data, end, parameters, step, True)
                return _em(data, parameters, 1e-13) or end
        parameters, now = tried, new
    return _ended(data, end, parameters, NEWTON_STEPS, False)


def _ended(data: Data, end: Fitted, parameters: Parameters, steps: int, converged: bool) -> Fitted:
    now = evaluate(data, parameters)
    return Fitted(
        parameters,
        now.loglik,
        now.penalised,
        now.right,
        False,
        converged,
        end.monotone,
        end.steps + steps,
        (),
    )


def _starts(data: Data, n_starts: int, rng: np.random.Generator) -> list[Parameters]:
    """All links right; those nearest to a fit, by turns; the safe ones alone; random parts of the file."""
    n, p = data.X.shape
    everything = np.ones(n)
    naive = weighted_fit(data, everything, np.zeros(p))
    found = [_with(data, naive, everything, 0.1)]
    if data.matches.safe.sum() >= 2 * p:
        weights = data.matches.safe.astype(np.float64)
        found.append(_with(data, weighted_fit(data, weights, naive), weights, 0.2))
    while len(found) < n_starts:
        share = rng.uniform(0.4, 0.9)
        beta = naive
        if len(found) % 2:
            some = rng.permutation(n)[: max(5 * p, 50)]
            beta = weighted_fit(data, np.bincount(some, minlength=n).astype(np.float64), naive)
        weights = everything
        for _ in range(10):
            # The rows that are nearest to the fit, fitted again (as in least trimmed squares, Rousseeuw
            # 1984).
            away = -log_density(data.family, data.y, data.family.mean(data.X @ beta), 1.0)
            weights = (away <= np.quantile(away, share)).astype(np.float64)
            beta = weighted_fit(data, weights, beta)
        found.append(_with(data, beta, weights, 1 - share))
    return found[:n_starts]


def _with(data: Data, beta: Floats, weights: Floats, alpha: float) -> Parameters:
    sigma = 1.0
    if data.family.name == "linear":
        residual = data.y - mean_of(data, Parameters(beta, 1.0, np.zeros(1)))
        sigma = float(np.sqrt((weights * residual**2).sum() / weights.sum()))
        sigma = max(sigma, 1e-6 * float(np.std(data.y)), np.finfo(float).tiny)
    return Parameters(beta, sigma, data.matches.start(alpha))


def largest_rate(data: Data, none: Fitted, drop: float = 1.353) -> float:
    """Largest alpha that is no less likely than none by more than `drop`: its 95 % limit from above.

    The profile likelihood, with one alpha for all links; the drop is half the 0.9 quantile of chi-square,
    since alpha is at the end of its range.
    """

    def short(alpha: float) -> float:
        known = Matches(np.ones((len(data.y), 1)), data.matches.safe, rate=alpha)
        held = replace(data, matches=known)
        start = replace(none.parameters, gamma=known.start(alpha))
        end = _em(held, start, 1e-8, 500)
        return drop if end is None else none.loglik - end.loglik - drop

    low, high = 0.0, 0.01
    while short(high) < 0:
        low, high = high, 2 * high
        if high > 0.9:
            return 1.0
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (middle, high) if short(middle) < 0 else (low, middle)
    return high
