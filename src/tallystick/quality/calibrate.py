"""Weights with which the linked records have the totals of the whole register: calibration.

Records that no link was found for are not missing at random. Where totals of some variables are known for
all of them (from the register itself, or published), weights near the given ones are found with which the
linked records reproduce these totals (Deville and Sarndal 1992). They mend missed links as far as these
depend on the calibration variables alone; false links they do not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError, RunError

Floats = NDArray[np.float64]
Method = Literal["greg", "raking", "logit"]

STEPS = 200
HALVINGS = 40
SAME = 1e-9
"""Totals are met when none is off by more than this share of its size."""
FARTHEST = 500.0
"""An exponent of a weight beyond which no totals are met any more."""
CHECKED = 200_000
"""Records up to which a linear programme says whether totals can be met at all."""


@dataclass(frozen=True)
class Calibrated:
    """Calibrated weights.

    Attributes
    ----------
    weights : float64 array, shape (n,)
        w, with which the totals are met.
    g : float64 array, shape (n,)
        w / d: what calibration makes of the given weights d.
    names : tuple of str
        Names of the calibration variables.
    totals : float64 array, shape (p,)
        The totals that are met.
    method : {"greg", "raking", "logit"}
        How.
    steps : int
        Steps of Newton's method.
    """

    weights: Floats
    g: Floats
    names: tuple[str, ...]
    totals: Floats
    method: Method
    steps: int
    _x: Floats

    @property
    def negative(self) -> int:
        """Number of weights below 0, which only the linear method gives."""
        return int((self.weights < 0).sum())

    @property
    def below_one(self) -> int:
        """Number of weights below 1: records that count for less than themselves."""
        return int((self.weights < 1).sum())

    def total(self, values: Any) -> tuple[float, float]:
        """Estimated total of a variable over the register, and its standard error.

        The variance is sum of (w e)^2 (1 - 1 / w), e the residual of the variable on the calibration
        variables, weighted by w (Deville and Sarndal 1992, equation 3.4, for records that are linked
        independently of each other with chance 1 / w). A weight below 1 adds nothing. That the chances
        are estimated is in it as far as residuals are; a false link is not.

        Parameters
        ----------
        values : array-like, shape (n,)
            The variable, of the linked records.

        Returns
        -------
        total, error : float

        Raises
        ------
        InputError
            Where a value is missing, or their number is another.
        """
        y = _column(values, "the variable", len(self.weights))
        residual = y - self._x @ _solve(self._x, self.weights, self._x.T @ (self.weights * y))
        part = (self.weights * residual) ** 2 * np.clip(1 - 1 / np.maximum(self.weights, 1.0), 0.0, None)
        return float(self.weights @ y), float(np.sqrt(part.sum()))

    def mean(self, values: Any) -> tuple[float, float]:
        """Estimated mean of a variable over the register, and its standard error.

        The ratio of two totals, by its residuals (y - mean) / sum of w (Sarndal, Swensson and Wretman 1992,
        result 5.6.2).
        """
        y = _column(values, "the variable", len(self.weights))
        size = float(self.weights.sum())
        mean = float(self.weights @ y) / size
        return mean, self.total((y - mean) / size)[1]

    def summary(self) -> str:
        """What there is to know of the weights, a line each."""
        lines = [
            f"calibration ({self.method}) of {len(self.weights):,} records to {len(self.totals)} totals, "
            f"{self.steps} steps",
            f"weights {self.weights.min():.4g} to {self.weights.max():.4g}, "
            f"g-weights {self.g.min():.4g} to {self.g.max():.4g}",
        ]
        if self.negative:
            lines.append(
                f"{self.negative:,} weights are negative: use raking, or logit with bounds, where weights "
                "stand for records"
            )
        elif self.below_one:
            lines.append(f"{self.below_one:,} weights are below 1")
        return "\n".join(lines)


def calibrate(
    x: Any,
    totals: Any,
    weights: Any = None,
    *,
    method: Method = "greg",
    bounds: tuple[float, float] | None = None,
) -> Calibrated:
    """Weights with which the linked records have given totals.

    The weights are w = d F(x' lambda), with lambda such that sum of w x is T (Deville and Sarndal 1992): F(u)
    = 1 + u gives the generalised regression estimator, F(u) = exp(u) raking (their case 2), and F(u) = [L (U
    - 1) + U (1 - L) exp(A u)] / [U - 1 + (1 - L) exp(A u)] with A = (U - L) / ((1 - L)(U - 1)) is raking
    between bounds L < w / d < U (their case 6, the logit method).

    Parameters
    ----------
    x : array-like of shape (n, p), or mapping of str to array-like of shape (n,)
        Calibration variables of the linked records. The number of records is one of them where it is known:
        give a column of ones.
    totals : array-like of shape (p,), or mapping of str to float
        Their totals over the register; by name where `x` is by name.
    weights : array-like, shape (n,), optional
        d, above 0; by default 1.
    method : {"greg", "raking", "logit"}
        GREG weights can be negative, which `Calibrated.summary` tells; those of raking are positive.
    bounds : (float, float), optional
        L and U of ``"logit"``, L < 1 < U.

    Returns
    -------
    Calibrated

    Raises
    ------
    InputError
        Where values are missing, variables are collinear, names do not fit, or the totals cannot be met.
    RunError
        Where no weights were found although they may exist.

    References
    ----------
    Deville, J.-C. and Sarndal, C.-E. (1992). Calibration estimators in survey sampling. Journal of the
    American Statistical Association 87, 376-382.

    Examples
    --------
    Of 100 men and 100 women 50 and 80 were linked:

    >>> man = np.repeat([1.0, 0.0], [50, 80])
    >>> found = calibrate({"man": man, "woman": 1 - man}, {"man": 100, "woman": 100}, method="raking")
    >>> found.weights[[0, -1]].round(4)
    array([2.  , 1.25])
    """
    names, matrix, wanted = _inputs(x, totals)
    n = len(matrix)
    d = np.ones(n) if weights is None else _column(weights, "weights", n)
    if (d <= 0).any():
        raise InputError("weights: a weight is 0 or less: leave such records out, or give positive weights.")
    if method not in ("greg", "raking", "logit"):
        raise InputError(f'method: {method!r} is none of "greg", "raking" and "logit".')
    if (method == "logit") != (bounds is not None):
        raise InputError('bounds: method="logit" needs bounds (L, U), and no other method takes any.')
    low, high = bounds or (0.0, np.inf)
    if method == "logit" and not 0 <= low < 1 < high < np.inf:
        raise InputError(
            f"bounds: ({low:g}, {high:g}) are no bounds of w / d: they lie on either side of 1, from 0 up."
        )
    _check_rank(names, matrix, d)
    if method == "greg":
        g = 1 + matrix @ _solve(matrix, d, wanted - matrix.T @ d)
        steps = 1
    else:
        found = _newton(matrix, d, wanted, _logit(low, high) if method == "logit" else _exponential)
        if isinstance(found, int):
            raise _not_met(names, matrix, d, wanted, low, high, found)
        g, steps = found
    return Calibrated(d * g, g, names, wanted, method, steps, matrix)


def _inputs(x: Any, totals: Any) -> tuple[tuple[str, ...], Floats, Floats]:
    if isinstance(x, Mapping) != isinstance(totals, Mapping):
        raise InputError("calibrate: give both x and totals by name, or both as arrays.")
    if isinstance(x, Mapping):
        odd = [name for name in x if name not in totals] + [name for name in totals if name not in x]
        if odd or not x:
            said = f"{odd[0]!r} is in only one of the two" if odd else "there are none"
            raise InputError(f"calibrate: x and totals have the same names, but {said}.")
        names = tuple(str(name) for name in x)
        n = len(next(iter(x.values())))
        matrix = np.column_stack([_column(values, f"x: {name!r}", n) for name, values in x.items()])
        wanted = np.array([float(totals[name]) for name in x])
    else:
        matrix = np.asarray(x, np.float64)
        if matrix.ndim == 1:
            matrix = matrix[:, None]
        names = tuple(f"column {k}" for k in range(matrix.shape[1]))
        wanted = np.atleast_1d(np.asarray(totals, np.float64))
        if matrix.ndim != 2 or wanted.shape != (matrix.shape[1],):
            raise InputError(
                f"calibrate: x has {matrix.shape[1]} columns and there are {wanted.size} totals: give one "
                "for each column."
            )
        if not np.isfinite(matrix).all():
            raise InputError("x: a value is missing or infinite: leave the record out, or fill the value in.")
    if not np.isfinite(wanted).all():
        raise InputError("totals: a total is missing or infinite.")
    if not len(matrix):
        raise InputError("x: there is no record.")
    return names, matrix, wanted


def _column(values: Any, what: str, n: int) -> Floats:
    found = np.asarray(values, np.float64)
    if found.shape != (n,):
        raise InputError(f"{what}: there are {n} records and {found.size} values: give one a record.")
    if not np.isfinite(found).all():
        raise InputError(f"{what}: a value is missing or infinite: leave the record out, or fill it in.")
    return found


def _check_rank(names: Sequence[str], x: Floats, d: Floats) -> None:
    """Raise `InputError` where a calibration variable follows from those before it."""
    scaled = x * np.sqrt(d)[:, None]
    norms = np.linalg.norm(scaled, axis=0)
    diagonal = np.abs(np.diag(np.linalg.qr(scaled / np.where(norms > 0, norms, 1.0), mode="r")))
    bad = [k for k in range(len(names)) if k >= len(diagonal) or diagonal[k] < 1e-10]
    if bad:
        raise InputError(
            f"x: {names[bad[0]]} follows from the variables before it (or is 0 for all linked records), so "
            "that its total adds nothing or cannot be met: leave it out."
        )


def _solve(x: Floats, w: Floats, right: Floats) -> Floats:
    # With negative weights the matrix is still regular where the totals were met by it, but not definite.
    return np.asarray(np.linalg.solve(x.T @ (w[:, None] * x), right), np.float64)


Distance = Callable[[Floats], tuple[Floats, Floats]]


def _exponential(u: Floats) -> tuple[Floats, Floats]:
    found = np.exp(np.clip(u, -FARTHEST, FARTHEST))
    return found, found


def _logit(low: float, high: float) -> Distance:
    a = (high - low) / ((1 - low) * (high - 1))

    def distance(u: Floats) -> tuple[Floats, Floats]:
        # With p the share of the way from L to U, logit p = A u + log((1 - L) / (U - 1)).
        p = 1 / (1 + np.exp(-np.clip(a * u + np.log((1 - low) / (high - 1)), -FARTHEST, FARTHEST)))
        return low + (high - low) * p, (high - low) * a * p * (1 - p)

    return distance


def _newton(x: Floats, d: Floats, wanted: Floats, distance: Distance) -> tuple[Floats, int] | int:
    """g-weights and the steps taken; or the number of the total that is farthest off.

    The equations are the gradient of a convex function of lambda, so that a step that is short enough always
    lowers the length of what is off, measured by the inverse of the starting matrix.
    """
    scale = np.maximum(np.abs(wanted), np.abs(x).T @ d)
    at = np.zeros(x.shape[1])
    g, slope = distance(x @ at)
    off = wanted - x.T @ (d * g)
    for step in range(1, STEPS + 1):
        if (np.abs(off) <= SAME * scale).all():
            return g, step - 1
        try:
            move = np.linalg.solve(x.T @ ((d * slope)[:, None] * x), off)
        except np.linalg.LinAlgError:
            break
        size = float(np.linalg.norm(off / scale))
        for _ in range(HALVINGS):
            g, slope = distance(x @ (at + move))
            new = wanted - x.T @ (d * g)
            if float(np.linalg.norm(new / scale)) < size:
                break
            move = move / 2
        else:
            break
        at, off = at + move, new
    return int(np.argmax(np.abs(off) / scale))


def _not_met(
    names: Sequence[str], x: Floats, d: Floats, wanted: Floats, low: float, high: float, worst: int
) -> InputError | RunError:
    """What to say where no weights were found: whether there are any."""
    within = f"between {low:g} and {high:g} times the given ones" if np.isfinite(high) else "above 0"
    if len(x) <= CHECKED:
        from scipy.optimize import linprog

        scale = np.maximum(np.abs(wanted), np.abs(x).T @ d)
        limits = np.column_stack([d * low, d * high])
        answer = linprog(np.zeros(len(x)), A_eq=x.T / scale[:, None], b_eq=wanted / scale, bounds=limits)
        if answer.status == 2:
            return InputError(
                f"totals: no weights {within} give all of them (that of {names[worst]} is off most): check "
                "that totals and records are of the same population, widen the bounds, or leave a variable "
                "out."
            )
    return RunError(
        f"calibrate: no weights {within} were found in {STEPS} steps (the total of {names[worst]} is off "
        "most): widen the bounds, or leave a variable out."
    )
