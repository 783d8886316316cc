"""What agreement on a value weighs, value by value.

Agreement on the value v has among matches the chance m f_M(v) and among non-matches u(v), so that it weighs

    w(v) = log m + log f_M(v) - log u(v)

(Fellegi and Sunter 1969, section 3.3.1). Full agreement stands in the patterns by bands of frequency, which
EM estimates one by one. With m and u those of a band, and F the share of records whose value is in it, the
values of matches are distributed as those of records, f_M(v) = f(v) / F, and of the f(v)^2 pairs that agree
on v the matches, a share p of all pairs, and the related pairs, a share p_R that agree with the chance r, are
taken out:

    u(v) = s f(v) q(v),    q(v) = f(v) - (p m + p_R r) / F,

with s such that the u(v) of a band sum to its u, which is counted from the values of either side. So

    w(v) = log(m / u) + log(Q / F) - log q(v),    Q = sum of f(v) q(v) over the band:

Q / F is the mean of q, and a value weighs more than its band by as much as it is rarer than usual. Values
that the table does not hold are taken together: their q is what the others leave of u, a tenth of the band's
mean at least, since little may be left but noise. A power a damps: with
w_0 = log(sum of m / sum of u) over the bands, the weight is w_0 + a (w(v) - w_0), as if frequencies were f^a.

Partial agreement, of two values of which at least one is an error for the other, counts by the commoner of
the two (after Winkler 1989): its likelihood ratio is multiplied by (u / f)^a, with the sum of u over the
bands, which is the mean frequency of a record's value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.as_plain import AsPlain

Floats = NDArray[np.float64]
LEAST = 0.1
"""What values that the table does not hold are as common as at least, to those of their band on average."""


@dataclass(frozen=True)
class ValueTerm(AsPlain):
    """What the terms of values need.

    Attributes
    ----------
    first : int
        Lowest level of full agreement; the bands follow, the commonest first.
    partial : tuple of int
        Levels of partial agreement that count by value, too.
    power : float
        a.
    undivided : float
        w_0.
    usual : tuple of float
        log(Q / F) of every band.
    others : tuple of float
        (p m + p_R r) / F of every band: what matches and related pairs take off a frequency.
    floor : float
        What q is at least.
    rest : float
        q of values that the table does not hold.
    mean : float
        u over all bands.
    least, most : tuple of float
        Lowest and highest q of every band, and last of any value as it counts in partial agreement.
    """

    first: int
    partial: tuple[int, ...]
    power: float
    undivided: float
    usual: tuple[float, ...]
    others: tuple[float, ...]
    floor: float
    rest: float
    mean: float
    least: tuple[float, ...]
    most: tuple[float, ...]

    def damped(self, plain: Sequence[float]) -> tuple[float, ...]:
        """Weights of the levels, those of bands damped; `plain` are log m / u."""
        top = (self.undivided + self.power * (weight - self.undivided) for weight in plain[self.first :])
        return (*plain[: self.first], *top)

    def terms(self, levels: NDArray[np.uint8], left: Floats, right: Floats) -> Floats:
        """What pairs weigh beyond their level.

        Parameters
        ----------
        levels : uint8 array, shape (n,)
            Their levels.
        left, right : float64 array, shape (n,)
            Relative frequencies of their values; NaN of one that the table does not hold.

        Returns
        -------
        float64 array, shape (n,)
        """
        found = np.zeros(len(levels))
        full = (levels >= self.first) & (levels < self.first + len(self.usual))
        band = levels[full].astype(np.int64) - self.first
        own = self.frequency(left[full], np.array(self.others)[band])
        found[full] = self.power * (np.array(self.usual)[band] - np.log(own))
        near = np.isin(levels, self.partial)
        commoner = np.fmax(left[near], right[near])
        found[near] = self.power * (np.log(self.mean) - np.log(self.frequency(commoner, 0.0)))
        return found

    def frequency(self, share: Floats, others: float | Floats) -> Floats:
        """The q of frequencies, at least the floor; that of the rest where they are NaN."""
        return np.where(np.isnan(share), self.rest, np.maximum(share - others, self.floor))

    def ranges(self) -> tuple[Floats, Floats]:
        """Least and greatest term of every level and of a missing value, shape (n_levels + 1,) each."""
        n_levels = self.first + len(self.usual)
        low, high = np.zeros(n_levels + 1), np.zeros(n_levels + 1)
        low[self.first : -1] = self.power * (np.array(self.usual) - np.log(self.most[:-1]))
        high[self.first : -1] = self.power * (np.array(self.usual) - np.log(self.least[:-1]))
        for level in self.partial:
            low[level] = self.power * float(np.log(self.mean / self.most[-1]))
            high[level] = self.power * float(np.log(self.mean / self.least[-1]))
        return low, high


def value_term(
    comparison: Comparison,
    m: Sequence[float],
    u: Sequence[float],
    rate: float,
    r: Sequence[float] | None = None,
    related_rate: float = 0.0,
) -> ValueTerm | None:
    """What the terms of a comparison's values need, from its m and u.

    Parameters
    ----------
    comparison : Comparison
        As in the specification, with the frequencies of its values.
    m, u : sequence of float
        Probabilities of its levels.
    rate : float
        p: share of matches among all pairs.
    r : sequence of float, optional
        Probabilities of its levels among related pairs.
    related_rate : float
        p_R: share of related pairs among all pairs.

    Returns
    -------
    ValueTerm or None
        None where agreement is not weighed by value.

    Examples
    --------
    Two values, of a half and a tenth of the records, and rare ones besides; m is 0.9 whatever the value, so
    that agreement has the likelihood ratio 0.9 / f.

    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.equality import exact
    >>> by_value = {"by": "value", "table": {"smith": 0.5, "otto": 0.1}}
    >>> name = comparison("name", exact(), frequencies=by_value)
    >>> name.labels[1:]
    ('equal, value of 3 % of records or more', 'equal, value of less than 3 %')
    >>> found = value_term(name, (0.1, 0.54, 0.36), (0.73, 0.26, 0.01), 0.0)
    >>> share = np.array([0.5, 0.1])
    >>> terms = found.terms(np.array([1, 1], np.uint8), share, share)
    >>> (0.54 / 0.26 * np.exp(terms)).round(9).tolist()
    [1.8, 9.0]
    """
    settings = comparison.value_frequencies
    if settings is None:
        return None
    n_top, floor = comparison.n_top, settings.floor
    first, last = comparison.n_levels - n_top, n_top - 1
    shares = np.array([*comparison.shares.values()], np.float64)
    bands = np.searchsorted(-np.array(comparison.edges), -shares).astype(np.int64)
    masses = np.bincount(bands, weights=shares, minlength=n_top)
    # The last band has also the values that the table does not hold.
    rest_mass = max(1.0 - float(shares.sum()), 0.0)
    masses[last] = max(masses[last] + rest_mass, floor)
    top_m, top_u, top_r = (np.array(one[first:]) for one in (m, u, r or u))
    others = (rate * top_m + related_rate * top_r) / masses
    frequency = np.maximum(shares - others[bands], floor)
    chance = np.bincount(bands, weights=shares * frequency, minlength=n_top)
    rest = floor
    if rest_mass > 0:
        # What the others leave of u; but none is commoner than the values that the table holds.
        mean = float(top_u[last]) / masses[last]
        commonest = min([*frequency[bands == last], *comparison.edges[-1:], 1.0])
        rest = float(
            np.clip((top_u[last] - chance[last]) / rest_mass, LEAST * mean, max(LEAST * mean, commonest))
        )
        chance[last] += rest_mass * rest
    every = [frequency[bands == band] for band in range(n_top)]
    every[last] = np.append(every[last], rest)
    uncorrected = np.append(np.maximum(shares, floor), rest)
    return ValueTerm(
        first,
        tuple(range(2 if comparison.missing_level is not None else 1, first)) if settings.partial else (),
        settings.power,
        float(np.log(top_m.sum() / top_u.sum())),
        tuple(np.log(np.maximum(chance, 1e-300) / masses).tolist()),
        tuple(others.tolist()),
        floor,
        rest,
        float(top_u.sum()),
        (*(float(own.min()) for own in every), float(uncorrected.min())),
        (*(float(own.max()) for own in every), float(uncorrected.max())),
    )
