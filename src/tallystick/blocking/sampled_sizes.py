"""How many pairs a pass finds, from a sample of its units, with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.959963984540054
DRAWN = 300
"""Units that are drawn of a pass: some 20 million pairs to go through."""
_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """A number of pairs, counted or estimated.

    Attributes
    ----------
    n_pairs : float
        The number; where it is an estimate, an unbiased one.
    error : float
        Its standard error; 0 of what was counted.
    low, high : float
        Limits of an interval of 95 per cent; both `n_pairs` of what was counted.

    Examples
    --------
    >>> Size(1_184_000_000, 4e7, 1.108e9, 1.265e9).text
    'about 1.18 billion (1.11 to 1.26)'
    >>> counted(1_184_000).text
    '1,184,000'
    """

    n_pairs: float
    error: float
    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether the pairs were counted."""
        return self.low == self.high

    @property
    def text(self) -> str:
        """The number for people, an estimate with its interval."""
        if self.exact:
            return f"{round(self.n_pairs):,}"
        for scale, name in _SCALES:
            if self.n_pairs >= scale:
                number, low, high = (f"{one / scale:.2f}" for one in (self.n_pairs, self.low, self.high))
                return f"about {number} {name} ({low} to {high})"
        number, low, high = (f"{_rounded(one):,}" for one in (self.n_pairs, self.low, self.high))
        return f"about {number} ({low} to {high})"

    @property
    def short(self) -> str:
        """The number without its interval."""
        return self.text.split(" (")[0]

    def to_dict(self, name: str) -> dict[str, float]:
        """Plain data for JSON: the number under a name, and its limits, which it is itself where counted."""
        number = round(self.n_pairs)
        low, high = (number, number) if self.exact else (self.low, self.high)
        return {name: number, f"{name}_low": low, f"{name}_high": high}


def _rounded(number: float) -> int:
    """To three digits."""
    return int(float(f"{number:.3g}"))


def counted(n_pairs: int) -> Size:
    """A number of pairs that was counted."""
    return Size(float(n_pairs), 0.0, float(n_pairs), float(n_pairs))


def drawn_units(sizes: Counts, n: int = DRAWN, seed: int | Sequence[int] = 1) -> Counts:
    """Draw units with replacement, each with a probability proportional to its size.

    The slots of all units are cut into equal stretches, and two slots are drawn of each: units that stand
    together have keys that stand together, and so are alike.

    Parameters
    ----------
    sizes : int64 array, shape (n_units,)
        Slots of each unit: pairs that it looks at.
    n : int
        How many are drawn, an even number.
    seed : int or sequence of int
        Seed of the draws.

    Returns
    -------
    int64 array, shape (n / 2, 2)
        The units drawn of each stretch.
    """
    ends = np.cumsum(sizes)
    within = np.random.default_rng(seed).random((n // 2, 2))
    places = (np.arange(n // 2)[:, None] + within) * (float(ends[-1]) / (n // 2))
    return np.minimum(np.searchsorted(ends, places, side="right"), len(sizes) - 1).astype(np.int64)


def size_from_units(draws: Counts, found: Counts, sizes: Counts) -> Size:
    """Pairs of a pass, from those in some of its units.

    The estimator of Hansen and Hurwitz (1943, On the theory of sampling from finite populations, Annals of
    Mathematical Statistics 14): all slots times the mean share of a drawn unit's slots that are pairs; its
    variance is that of two draws a stratum (Cochran 1977, Sampling Techniques, 5A.12). The interval is normal
    for the log odds of the share of slots, which is the log of the number where that is small, and within
    what the drawn units leave possible. Where all of them have the same share, the variance says nothing; as
    a share is at most 1, a part of all slots of more than ``1 - 0.05 ** (1 / n)`` would then have shown
    itself in n draws with a probability of 95 per cent (Hanley and Lippman-Hand 1983, Journal of the American
    Medical Association 249).

    Parameters
    ----------
    draws : int64 array, shape (n / 2, 2)
        The units drawn.
    found : int64 array, shape (n_distinct,)
        Pairs found in each of ``np.unique(draws)``.
    sizes : int64 array, shape (n_units,)
        Slots of each unit.

    Returns
    -------
    Size

    Examples
    --------
    >>> sizes = np.full(100, 10)
    >>> size_from_units(np.array([[3, 40], [60, 80]]), np.array([5, 6, 7, 8]), sizes).n_pairs
    650.0
    """
    units, place = np.unique(draws, return_inverse=True)
    shares = (found / sizes[units])[place.reshape(draws.shape)]
    n, n_slots = draws.size, float(sizes.sum())
    estimate = n_slots * float(shares.mean())
    error = n_slots / n * math.sqrt(float(((shares[:, 0] - shares[:, 1]) ** 2).sum()))
    least, most = float(found.sum()), n_slots - float((sizes[units] - found).sum())
    if least == most:  # every unit was drawn
        return counted(int(least))
    if error <= 1e-12 * n_slots:
        doubt = n_slots * (1 - 0.05 ** (1 / n))
        low, high = max(least, estimate - doubt), min(most, estimate + doubt)
        return Size(estimate, doubt / NORMAL_95, low, high)
    odds, spread = estimate / (n_slots - estimate), NORMAL_95 * error * n_slots
    factor = math.exp(spread / (estimate * (n_slots - estimate)))
    low, high = (n_slots * one / (1 + one) for one in (odds / factor, odds * factor))
    return Size(min(max(estimate, least), most), error, max(least, low), min(most, high))


def total_size(sizes: Sequence[Size], most: float = math.inf) -> Size:
    """The sum of numbers of pairs that were counted, or estimated independently.

    Parameters
    ----------
    sizes : sequence of Size
    most : float
        What the sum cannot exceed.

    Returns
    -------
    Size

    Examples
    --------
    >>> total_size([counted(3), counted(4)]).text
    '7'
    """
    known = sum(one.n_pairs for one in sizes if one.exact)
    guessed = [one for one in sizes if not one.exact]
    estimate = sum(one.n_pairs for one in guessed)
    if not guessed:
        return Size(known, 0.0, known, known)
    error = math.sqrt(sum(one.error**2 for one in guessed))
    if len(guessed) == 1 or estimate <= 0:
        low, high = sum(one.low for one in guessed), sum(one.high for one in guessed)
    else:
        factor = math.exp(NORMAL_95 * error / estimate)
        low, high = estimate / factor, estimate * factor
    number, low, high = (min(known + one, most) for one in (estimate, low, high))
    return Size(number, error, low, high)
