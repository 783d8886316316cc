"""The likelihood of the neighbour-count model (see `tallystick.quality.neighbours`), and its maximum.

Parameters are unbounded: logit p, log lambda of every class of records, and the logs of the classes' shares
over that of the first, so that G classes have 2 G of them. Second derivatives are exact, by those of the
complete data, in which the class of every record is known and whether its match is among its neighbours
(Louis 1982, equations 3.1 and 3.2), so that Newton's method with a trust region gets there in few steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CHI2 = 3.841458820694124
"""95 % quantile of chi-square with one degree of freedom."""
FURTHEST = 40.0
"""Logits and logs beyond it are of a chance of 0 or 1."""


def parameters_of(p: float, means: Floats, shares: Floats) -> Floats:
    """Unbounded parameters: logit p, log means, logs of shares over the first.

    Parameters
    ----------
    p : float
        Chance of a record to be linked to its match.
    means, shares : float64 arrays, shape (n_classes,)
        Mean number of false neighbours of each class of records, and the classes' shares.

    Returns
    -------
    float64 array, shape (2 n_classes,)

    Examples
    --------
    >>> parts_of(parameters_of(0.5, np.array([0.1, 2.0]), np.array([0.75, 0.25])))
    (0.5, array([0.1, 2. ]), array([0.75, 0.25]))
    """
    tiny = np.exp(-FURTHEST)
    p = np.clip(p, tiny, 1 - 1e-16)
    return np.concatenate(
        [[np.log(p) - np.log1p(-p)], np.log(np.maximum(means, tiny)), np.log(shares[1:] / shares[0])]
    )


def parts_of(theta: Floats) -> tuple[float, Floats, Floats]:
    """Chance of a link to the match, means and shares: the inverse of `parameters_of`."""
    n_classes = len(theta) // 2
    logits = np.concatenate([[0.0], theta[n_classes + 1 :]])
    shares = np.exp(logits - logits.max())
    return (
        float(1 / (1 + np.exp(-np.clip(theta[0], -FURTHEST, FURTHEST)))),
        np.exp(np.clip(theta[1 : n_classes + 1], -FURTHEST, FURTHEST)),
        shares / shares.sum(),
    )


def log_chances(theta: Floats, number: Counts) -> Floats:
    """Log chance of each number of neighbours together with class and match.

    Parameters
    ----------
    theta : float64 array, shape (2 n_classes,)
        Unbounded parameters.
    number : int64 array, shape (n,)
        Numbers of neighbours.

    Returns
    -------
    float64 array, shape (n, n_classes, 2)
        ``a_g (1 - p) Pois(k; lambda_g)`` and ``a_g p Pois(k - 1; lambda_g)``.

    Examples
    --------
    >>> theta = parameters_of(0.9, np.array([0.2]), np.ones(1))
    >>> np.exp(log_chances(theta, np.array([0, 1]))).sum(axis=(1, 2)).round(4).tolist()
    [0.0819, 0.7532]
    """
    from scipy.special import gammaln

    _, means, shares = parts_of(theta)
    with np.errstate(divide="ignore"):
        log_match = -np.logaddexp(0.0, np.array([theta[0], -theta[0]]))  # log (1 - p), log p
        result = np.empty((len(number), len(means), 2))
        for match in (0, 1):
            k = np.maximum(number[:, None] - match, 0)
            result[:, :, match] = (
                log_match[match] + np.log(shares) + k * np.log(means) - means - gammaln(k + 1)
            )
    result[number == 0, :, 1] = -np.inf
    return result


def given_counts(theta: Floats, number: Counts) -> tuple[Floats, Floats, Floats]:
    """What a number of neighbours says of class and match, the complete data, which have 2 G states.

    Parameters
    ----------
    theta : float64 array, shape (n_parameters,)
        Unbounded parameters.
    number : int64 array, shape (n,)
        Numbers of neighbours.

    Returns
    -------
    log_f : float64 array, shape (n,)
        Log chance of the number.
    chance : float64 array, shape (n, n_states)
        Chance of each state given the number, no match and match in turn for each class.
    score : float64 array, shape (n, n_states, n_parameters)
        Gradient of the log chance of number and state.
    """
    p, means, shares = parts_of(theta)
    n_classes, size = len(means), len(theta)
    log_joint = log_chances(theta, number).reshape(len(number), -1)
    top = log_joint.max(axis=1, keepdims=True)
    chance = np.exp(log_joint - top)
    whole = chance.sum(axis=1, keepdims=True)
    score = np.zeros((len(number), n_classes, 2, size))
    score[:, :, 1, 0] += 1.0
    score[..., 0] -= p
    for g in range(n_classes):
        score[:, g, 0, 1 + g] = number - means[g]
        score[:, g, 1, 1 + g] = number - 1.0 - means[g]
        if g:
            score[:, g, :, n_classes + g] += 1.0
    score[..., n_classes + 1 :] -= shares[1:]
    return (top + np.log(whole))[:, 0], chance / whole, score.reshape(len(number), -1, size)


def derivatives(theta: Floats, number: Counts, weights: Floats) -> tuple[float, Floats, Floats]:
    """Log-likelihood, gradient, and second derivatives, all by the complete data (Louis 1982).

    Parameters
    ----------
    theta : float64 array, shape (n_parameters,)
        Unbounded parameters.
    number : int64 array, shape (n,)
        Numbers of neighbours.
    weights : float64 array, shape (n,)
        Number of records with so many.

    Returns
    -------
    float; float64 array, shape (n_parameters,); float64 array, shape (n_parameters, n_parameters)
    """
    p, means, shares = parts_of(theta)
    n_classes, total = len(means), weights.sum()
    log_f, chance, score = given_counts(theta, number)
    expected = np.einsum("ks,ksi->ki", chance, score)
    spread = np.einsum("k,ks,ksi,ksj->ij", weights, chance, score, score)
    spread -= np.einsum("k,ki,kj->ij", weights, expected, expected)
    complete = np.zeros_like(spread)
    complete[0, 0] = p * (1 - p) * total
    at = np.arange(1, n_classes + 1)
    complete[at, at] = means * (weights @ (chance[:, ::2] + chance[:, 1::2]))
    rest = shares[1:]
    complete[n_classes + 1 :, n_classes + 1 :] = total * (np.diag(rest) - np.outer(rest, rest))
    return float(weights @ log_f), weights @ expected, spread - complete


class _Ascent:
    """What is minimised, minus the log-likelihood a record; derivatives at one place are worked out once."""

    def __init__(self, start: Floats, free: NDArray[np.bool_], number: Counts, weights: Floats) -> None:
        self.start, self.free, self.number, self.weights = start, free, number, weights
        self.at: Floats | None = None

    def whole(self, x: Floats) -> Floats:
        theta = self.start.copy()
        theta[self.free] = x
        return np.clip(theta, -FURTHEST, FURTHEST)

    def _found(self, x: Floats) -> tuple[float, Floats, Floats]:
        if self.at is None or not np.array_equal(self.at, x):
            value, gradient, hessian = derivatives(self.whole(x), self.number, self.weights)
            n = -self.weights.sum()
            self.at, free = x.copy(), self.free
            self.found = float(value / n), gradient[free] / n, hessian[np.ix_(free, free)] / n
        return self.found

    def value(self, x: Floats) -> float:
        return self._found(x)[0]

    def gradient(self, x: Floats) -> Floats:
        return self._found(x)[1]

    def hessian(self, x: Floats) -> Floats:
        return self._found(x)[2]


def maximise(
    starts: list[Floats], number: Counts, weights: Floats, fixed: tuple[int, float] | None = None
) -> tuple[Floats, float]:
    """The best parameters reached from any of some starts.

    Parameters
    ----------
    starts : list of float64 arrays, shape (n_parameters,)
        Unbounded parameters.
    number, weights : arrays, shape (n,)
        Numbers of neighbours, and how many records have so many.
    fixed : int and float, optional
        Place and value of a parameter that is held.

    Returns
    -------
    theta : float64 array, shape (n_parameters,)
    log_likelihood : float
    """
    from scipy.optimize import minimize

    n = weights.sum()
    best, best_value = starts[0], -np.inf
    for start in starts:
        free = np.ones(len(start), bool)
        if fixed is not None:
            start = start.copy()
            start[fixed[0]], free[fixed[0]] = fixed[1], False

        ascent = _Ascent(start, free, number, weights)
        reached = minimize(
            ascent.value,
            start[free],
            method="trust-exact",
            jac=ascent.gradient,
            hess=ascent.hessian,
            options={"gtol": 1e-9, "maxiter": 200},
        )
        if -reached.fun * n > best_value:
            best, best_value = ascent.whole(reached.x), -reached.fun * n
    return best, float(best_value)


def split_starts(theta: Floats, most: int) -> list[Floats]:
    """Starts with one class more: each class in two, or a small new one that has the most neighbours.

    Parameters
    ----------
    theta : float64 array, shape (2 n_classes,)
        Unbounded parameters.
    most : int
        Most neighbours of any record.

    Returns
    -------
    list of float64 arrays, shape (2 n_classes + 2,)
    """
    p, means, shares = parts_of(theta)
    starts = []
    for g in range(len(means)):
        for ratio, part in ((3.0, 0.5), (10.0, 0.2)):
            apart = np.append(means, means[g] * ratio)
            apart[g] /= ratio ** (part / (1 - part))
            parted = np.append(shares, shares[g] * part)
            parted[g] *= 1 - part
            starts.append(parameters_of(p, apart, parted))
    starts.append(parameters_of(p, np.append(means, float(most)), np.append(shares * 0.99, 0.01)))
    return starts


def likelihood_limit(
    theta: Floats, found: float, number: Counts, weights: Floats, which: int, side: int
) -> float:
    """How far a parameter can go until twice the log-likelihood falls by 3.84.

    Parameters
    ----------
    theta : float64 array, shape (n_parameters,)
        The best parameters; all but one are adapted.
    found : float
        Their log-likelihood.
    number, weights : arrays, shape (n,)
        Numbers of neighbours, and how many records have so many.
    which, side : int
        Place of the parameter, and whether it goes down (-1) or up (1).

    Returns
    -------
    float
        The unbounded parameter there.
    """
    from scipy.optimize import brentq

    def lost(value: float) -> float:
        best = maximise([theta], number, weights, (which, value))[1]
        return 2 * (found - best) - CHI2

    inner = outer = float(np.clip(theta[which], -20.0, 20.0))
    while lost(outer) < 0 and abs(outer) <= FURTHEST:
        inner, outer = outer, outer + 2.0 * side
    return float(brentq(lost, inner, outer, xtol=1e-6)) if lost(outer) >= 0 else outer
