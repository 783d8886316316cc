r"""m and u whose weights rise with the level of agreement.

With a(l) expected matches and b(l) expected non-matches at level l, A and B in all, the M-step maximises
sum a(l) log m(l) + sum b(l) log u(l). Where the ratio m(l) / u(l) must not fall from a level to the next:

- m and u both free. Put t(l) = A m(l) / (A m(l) + B u(l)), the share of matches at a level, and
  q(l) = (A m(l) + B u(l)) / (A + B), how many pairs are at it. The sum is, up to a constant,
  sum (a + b) log q + sum [a log t + b log(1 - t)], and m / u rises where t does. Its parts are maximised
  apart: q(l) = (a(l) + b(l)) / (A + B), and t is the isotonic regression of a / (a + b) with the weights
  a + b (Barlow, Bartholomew, Bremner and Brunk 1972, example 1.10: isotonic binomial proportions). As it
  leaves the sum of (a + b) t as it is, m = (a + b) t / A and u = (a + b) (1 - t) / B sum to 1 of themselves
  (Dykstra, Kochar and Robertson 1995, which is this for the likelihood ratio ordering of two samples).
- u held. With r = m / u the sum is sum a log r where sum u r = 1, which the isotonic regression of
  a / (A u) with the weights u maximises (Barlow and others 1972, theorem 1.10, with the function x log x).

Either pools levels that stand in the wrong order until none does, so that pooled levels weigh alike. Full
agreement by bands of frequency is left out: bands are ordered by rarity, not by agreement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import Levels, fix_levels, level_sums, part_levels
from tallystick.estimation.factors import Factor
from tallystick.estimation.joint import AnyFactor, Joint

TINY = 1e-300


def isotonic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted least-squares fit that does not fall, by pooling adjacent violators.

    Parameters
    ----------
    values : float64 array, shape (n,)
        What is fitted.
    weights : float64 array, shape (n,)
        Above 0.

    Returns
    -------
    float64 array, shape (n,)
        Each pooled block has the weighted mean of its values (Barlow and others 1972, section 1.2).

    Examples
    --------
    >>> isotonic(np.array([1.0, 3.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0, 1.0])).tolist()
    [1.0, 2.25, 2.25, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []  # weighted sum, weight, how many
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        total, mass, size = value * weight, weight, 1
        # A mean below that of the block before takes it in; equal ones may stay apart.
        while blocks and blocks[-1][0] * mass > total * blocks[-1][1]:
            before = blocks.pop()
            total, mass, size = total + before[0], mass + before[1], size + before[2]
        blocks.append((total, mass, size))
    return np.concatenate([np.full(size, total / mass) for total, mass, size in blocks])


def ordered_levels(
    matches: NDArray[np.float64], others: NDArray[np.float64], u: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The m and u that maximise the M-step where m / u does not fall with the level.

    Parameters
    ----------
    matches, others : float64 array, shape (n_levels,)
        Expected matches and non-matches at each level.
    u : float64 array, shape (n_levels,), optional
        u where it is held.

    Returns
    -------
    m, u : float64 array, shape (n_levels,)
        Shares of all matches and non-matches: they sum to what those given do.

    Examples
    --------
    >>> m, u = ordered_levels(np.array([10.0, 30.0, 60.0]), np.array([80.0, 5.0, 15.0]))
    >>> m.round(4).tolist(), u.round(4).tolist()
    ([0.1, 0.2864, 0.6136], [0.8, 0.0636, 0.1364])
    """
    if u is not None:
        mass = np.maximum(u, TINY)
        ratio = isotonic(matches / mass, mass)
        m = ratio * mass / max(float(matches.sum()), TINY)
        return m, u
    both = np.maximum(matches + others, TINY)
    share = isotonic(matches / both, both)
    return share * both / max(float(matches.sum()), TINY), (1 - share) * both / max(float(others.sum()), TINY)


def in_order(
    factor: AnyFactor,
    matches: NDArray[np.float64],
    others: NDArray[np.float64],
    m: NDArray[np.float64],
    u: NDArray[np.float64],
    held: bool,
    given_m: Levels = None,
    given_u: Levels = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put the weights of a factor's levels in order, bands of frequency and a missing level left alone.

    Of comparisons that are estimated together the margins are put in order, which make the weights of each.

    Parameters
    ----------
    factor : Factor or Joint
        The factor; one without a comparison has no levels and is returned as it is.
    matches, others : float64 array, shape (n_cells,)
        Expected matches (those of the prior included) and non-matches by cell.
    m, u : float64 array, shape (n_cells,)
        What they would be without the constraint.
    held : bool
        Whether u is held, whatever is known of it.
    given_m, given_u : float64 array, tuple or None
        What is known of either by level.

    Returns
    -------
    m, u : float64 array, shape (n_cells,)
    """
    if not isinstance(factor, Joint):
        if factor.comparison is None or given_m is not None:
            return m, u
        held = held or given_u is not None
        found = _ordered(factor, matches, others, level_sums(factor, m), level_sums(factor, u), held)
        return (m, u) if found is None else (fix_levels(factor, m, found[0]), fix_levels(factor, u, found[1]))
    levels: tuple[list[NDArray[np.float64] | None], ...] = [], []
    changed = False
    for number, part in enumerate(factor.parts):
        known = [_known(one, number) for one in (given_m, given_u)]
        own = [part_levels(factor, one, number) for one in (m, u)]
        found = None
        if known[0] is None:
            margins = factor.margin(matches, number), factor.margin(others, number)
            found = _ordered(part, *margins, own[0], own[1], held or known[1] is not None)
        changed |= found is not None
        for which, one in enumerate(own if found is None else found):
            # Raking to one margin must not move the others: they are held where they are.
            levels[which].append(one)
    if not changed:
        return m, u
    # A joint table that is given in whole is held.
    new_u = u if held or isinstance(given_u, np.ndarray) else fix_levels(factor, u, tuple(levels[1]))
    return fix_levels(factor, m, tuple(levels[0])), new_u


def _known(given: Levels, number: int) -> NDArray[np.float64] | None:
    """What is given of a part; of a joint table something is."""
    return given[number] if isinstance(given, tuple) else given


def _ordered(
    factor: Factor,
    matches: NDArray[np.float64],
    others: NDArray[np.float64],
    levels_m: NDArray[np.float64],
    levels_u: NDArray[np.float64],
    held: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Levels of m and u with weights in order, None where they are; `matches` and `others` are by cell."""
    up_to = factor.n_levels - factor.n_top if factor.edges else factor.n_levels
    own = np.array([level for level in range(up_to) if level != factor.missing_level], np.int64)
    ratio = levels_m[own] / np.maximum(levels_u[own], TINY)
    if len(own) < 2 or (np.diff(ratio) >= 0).all():
        return None
    by_match, by_other = level_sums(factor, matches)[own], level_sums(factor, others)[own]
    share_m, share_u = levels_m[own].sum(), levels_u[own].sum()
    new_m, new_u = ordered_levels(by_match, by_other, levels_u[own] if held else None)
    levels_m, levels_u = levels_m.copy(), levels_u.copy()
    levels_m[own] = new_m * share_m / new_m.sum()
    if not held:
        levels_u[own] = new_u * share_u
    return levels_m, levels_u
