"""m, u and the match rate of three comparisons that agree or disagree, in closed form.

Eight patterns, seven of whose shares are free, and seven parameters: the case that Fellegi and Sunter (1969,
appendix, method II) solve without iteration. The solution here is by moments, which for two classes are
few. With match rate p, d_j = m_j - u_j and x_j = 1 where comparison j agrees,

    mean of x_j                        a_j  = p m_j + (1 - p) u_j
    covariance of x_i and x_j          c_ij = p (1 - p) d_i d_j
    third central moment of all three  t    = p (1 - p) (1 - 2 p) d_1 d_2 d_3,

since within a class the three are independent, and between the classes each moves by its d. So the product of
two covariances over the third is a square, (s_1)^2 = c_12 c_13 / c_23 = p (1 - p) (d_1)^2, and

    g = t / (s_1 s_2 s_3) = (1 - 2 p) / sqrt(p (1 - p)),   p = (1 - g / sqrt(4 + g^2)) / 2,
    m_j = a_j + s_j sqrt((1 - p) / p),   u_j = a_j - s_j sqrt(p / (1 - p)).

There are as many parameters as free shares, so that where the solution is in range it is also the maximum
of the likelihood, which EM climbs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tallystick.errors import InputError

ROUNDING = 1e-9
"""What a probability may be out of range by before it is no rounding error any more."""
INDEPENDENT = 1e-9
"""A correlation this small is none."""


@dataclass(frozen=True)
class ThreeVariables:
    """Parameters of three comparisons with two levels.

    Attributes
    ----------
    m, u : float64 arrays, shape (3,)
        Chance of each comparison to agree among matches, and among non-matches.
    match_rate : float
        Share of the pairs that are matches.
    """

    m: NDArray[np.float64]
    u: NDArray[np.float64]
    match_rate: float


def solve_three_variables(counts: ArrayLike) -> ThreeVariables:
    """Solve for m, u and the match rate by the shares of the eight patterns.

    Which of the two classes are the matches the counts do not say: they are those in which more of the three
    comparisons agree more often.

    Parameters
    ----------
    counts : array, shape (2, 2, 2)
        Number of pairs, or their expected number or share, with each pattern: ``counts[1, 0, 1]`` is of pairs
        that agree on the first and the third comparison alone.

    Returns
    -------
    ThreeVariables

    Raises
    ------
    InputError
        Where the counts are none; where no solution exists, or many: two comparisons are independent over all
        pairs, their covariances would need an imaginary root, or a probability is outside 0 to 1, so that
        no two classes within which the three are independent give these counts.

    Examples
    --------
    >>> m, u, rate = np.array([0.9, 0.9, 0.8]), np.array([0.05, 0.1, 0.5]), 0.1
    >>> def shares(p):
    ...     return np.einsum("i,j,k->ijk", *[[1 - one, one] for one in p])
    >>> found = solve_three_variables(rate * shares(m) + (1 - rate) * shares(u))
    >>> found.m.round(6).tolist(), found.u.round(6).tolist(), round(found.match_rate, 6)
    ([0.9, 0.9, 0.8], [0.05, 0.1, 0.5], 0.1)
    """
    table = np.asarray(counts, np.float64)
    if table.shape != (2, 2, 2) or not np.isfinite(table).all() or (table < 0).any() or not table.sum():
        raise InputError(
            "Three variables need the counts of their eight patterns as an array of shape (2, 2, 2), none of "
            "them negative and not all 0."
        )
    shares = table / table.sum()
    mean = np.array([shares.take(1, axis=j).sum() for j in range(3)])
    if constant := [j + 1 for j in range(3) if not shares.sum(axis=_OTHERS[j]).all()]:
        raise InputError(
            f"Comparison {constant[0]} has the same level in all pairs, so that it says nothing of matches: "
            "take another one."
        )
    apart = [np.array([-mean[j], 1 - mean[j]]) for j in range(3)]
    covariance = np.ones((3, 3))
    for i, j in combinations(range(3), 2):
        both = shares.sum(axis=3 - i - j)
        covariance[i, j] = covariance[j, i] = apart[i] @ both @ apart[j]
        if abs(covariance[i, j]) < INDEPENDENT * np.sqrt(np.prod((mean * (1 - mean))[[i, j]])):
            raise InputError(
                f"Comparisons {i + 1} and {j + 1} are independent of each other over all pairs, so that the "
                "parameters are not identified: m and u of one of them, or of all, may be anything."
            )
    ratios = np.array([covariance[j, k] * covariance[j, i] / covariance[k, i] for j, k, i in _TURNS])
    if (ratios < 0).any():
        raise InputError(
            "An odd number of the three covariances between the comparisons is negative, which no two "
            "classes give in which the comparisons are independent: the differences m - u would be imaginary."
        )
    # The sign of m - u, first such that it is positive for comparison 1, then for most of them.
    sign = np.array([1.0, np.sign(covariance[0, 1]), np.sign(covariance[0, 2])])
    spread = np.sqrt(ratios) * sign * np.sign(sign.sum())
    third = np.einsum("ijk,i,j,k->", shares, *apart)
    skewness = third / np.prod(spread)
    # Without a difference of nearly equal numbers where matches are rare: p (1 - p) = 1 / (4 + g^2).
    root = np.sqrt(4 + skewness**2)
    smaller = 2 / (root * (root + abs(skewness)))
    rate, rest = (smaller, 1 - smaller) if skewness > 0 else (1 - smaller, smaller)
    m, u = mean + spread * np.sqrt(rest / rate), mean - spread * np.sqrt(rate / rest)
    for name, found in (("m", m), ("u", u)):
        for j, one in enumerate(found):
            if not -ROUNDING <= one <= 1 + ROUNDING:
                raise InputError(
                    f"The solution has {name} = {one:.4g} for comparison {j + 1}, which is no probability: "
                    "no two classes in which the comparisons are independent give these counts."
                )
    return ThreeVariables(np.clip(m, 0, 1), np.clip(u, 0, 1), float(rate))


_OTHERS = ((1, 2), (0, 2), (0, 1))
_TURNS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
