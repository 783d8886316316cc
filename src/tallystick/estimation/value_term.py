"""What agreement on a value weighs, value by value.

Agreement on the value v has among matches the chance m f_M(v) and among non-matches u(v), so that it weighs

    w(v) = log m + log f_M(v) - log u(v)

(Fellegi and Sunter 1969, section 3.3.1). Full agreement stands in the patterns by bands of frequency, which
EM estimates one by one. With F the share of records whose value is in a band, m and u those of the band, and
p the share of matches among all pairs, the values of matches are distributed as those of records, f_M(v) =
f(v) / F within the band, and of the f(v)^2 pairs that agree on v the matches are taken out,

    u(v) = s (f(v)^2 - p m f_M(v)) / (1 - p) = s f(v) (f(v) - p m / F) / (1 - p),

with s such that the u(v) of a band sum to its u, which is counted from the values of either side. What the
frequency cancels leaves

    w(v) = log(m / F) - log(s (f(v) - p m / F) / (1 - p)).

Values that the table does not hold are taken together: their u is what the others leave. A power a damps:
with w_0 = log(sum of m / sum of u) over the bands, the weight is w_0 + a (w(v) - w_0), as if frequencies were
f^a.

Partial agreement, of two values of which at least one is an error for the other, counts by the commoner of
the two (after Winkler 1989): its likelihood ratio is multiplied by (u / f)^a, with the sum of u over the
bands, which is the mean frequency of a record's value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison

Floats = NDArray[np.float64]
SPREAD = 3.0
"""By what factor the pairs of a band may differ from those of the squared frequencies."""


@dataclass(frozen=True)
class ValueTerm:
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
    agreement : tuple of float
        log(m / F) + log(1 - p) - log(s) of every band.
    matches : tuple of float
        p m / F of every band.
    floor : float
        What a frequency, less its matches, is at least.
    rest : float
        The same of values that the table does not hold.
    mean : float
        u over all bands.
    least, most : tuple of float
        Lowest and highest frequency of a value, less its matches, in every band, and last of any value.
    """

    first: int
    partial: tuple[int, ...]
    power: float
    undivided: float
    agreement: tuple[float, ...]
    matches: tuple[float, ...]
    floor: float
    rest: float
    mean: float
    least: tuple[float, ...]
    most: tuple[float, ...]

    def damped(self, plain: Sequence[float]) -> tuple[float, ...]:
        """Weights of the levels, those of bands damped; `plain` are log m / u."""
        top = (self.undivided + self.power * (weight - self.undivided) for weight in plain[self.first :])
        return (*plain[: self.first], *top)

    def terms(self, levels: NDArray[np.uint8], left: Floats, right: Floats, plain: Floats) -> Floats:
        """What pairs weigh beyond their level.

        Parameters
        ----------
        levels : uint8 array, shape (n,)
            Their levels.
        left, right : float64 array, shape (n,)
            Relative frequencies of their values; NaN of one that the table does not hold.
        plain : float64 array, shape (n_levels,)
            log m / u of every level.

        Returns
        -------
        float64 array, shape (n,)
        """
        found = np.zeros(len(levels))
        full = (levels >= self.first) & (levels < len(plain))
        band = levels[full].astype(np.int64) - self.first
        found[full] = self._full(band, self.frequency(left[full], np.array(self.matches)[band]), plain)
        near = np.isin(levels, self.partial)
        commoner = np.fmax(left[near], right[near])
        found[near] = self.power * (np.log(self.mean) - np.log(self.frequency(commoner, 0.0)))
        return found

    def frequency(self, share: Floats, matches: float | Floats) -> Floats:
        """Relative frequency less the matches' part, at least the floor; that of the rest where it is NaN."""
        return np.where(np.isnan(share), self.rest, np.maximum(share - matches, self.floor))

    def _full(self, band: NDArray[np.int64], frequency: Floats, plain: Floats) -> Floats:
        exact = np.array(self.agreement)[band] - np.log(frequency)
        return self.power * (exact - plain[self.first :][band])

    def ranges(self, plain: Floats) -> tuple[Floats, Floats]:
        """Least and greatest term of every level and of a missing value, shape (n_levels + 1,) each."""
        low, high = np.zeros(len(plain) + 1), np.zeros(len(plain) + 1)
        bands = np.arange(len(self.agreement))
        low[self.first : -1] = self._full(bands, np.array(self.most[:-1]), plain)
        high[self.first : -1] = self._full(bands, np.array(self.least[:-1]), plain)
        for level in self.partial:
            low[level] = self.power * float(np.log(self.mean / self.most[-1]))
            high[level] = self.power * float(np.log(self.mean / self.least[-1]))
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back without loss."""
        return {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ValueTerm:
        """Read what `to_dict` gave."""
        known: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in data.items()
        }
        return cls(**known)


def value_term(
    comparison: Comparison, m: Sequence[float], u: Sequence[float], rate: float
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

    Returns
    -------
    ValueTerm or None
        None where agreement is not weighed by value.

    Examples
    --------
    Two values, of a half and a tenth of the records, and no matches among the pairs: u is 0.26 together.

    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.equality import exact
    >>> by_value = {"by": "value", "table": {"smith": 0.5, "otto": 0.1}}
    >>> name = comparison("name", exact(), frequencies=by_value)
    >>> name.labels[1:]
    ('equal, value of 3 % of records or more', 'equal, value of less than 3 %')
    >>> found = value_term(name, (0.1, 0.54, 0.36), (0.73, 0.26, 0.01), 0.0)
    >>> plain = np.log([0.1 / 0.73, 0.54 / 0.26, 0.36 / 0.01])
    >>> share = np.array([0.5, 0.1])
    >>> exact = plain[1] + found.terms(np.array([1, 1], np.uint8), share, share, plain)
    >>> np.exp(exact).round(9).tolist()  # 0.9 / f, as m is 0.9 whatever the value
    [1.8, 9.0]
    """
    settings = comparison.value_frequencies
    if settings is None:
        return None
    shares = np.array([*comparison.shares.values()], np.float64)
    bands = np.searchsorted(-np.array(comparison.edges), -shares) if len(shares) else np.zeros(0, np.int64)
    first = comparison.n_levels - comparison.n_top
    floor, last = settings.floor, comparison.n_top - 1
    masses = np.bincount(bands, weights=shares, minlength=comparison.n_top)
    # The last band has also the values that the table does not hold.
    whole = masses.copy()
    whole[last] = max(1.0 - masses[:last].sum(), masses[last], floor)
    top_m, top_u = np.array(m[first:]), np.array(u[first:])
    matches = rate * top_m / whole
    frequency = np.maximum(shares - matches[bands], floor)
    pairs = np.bincount(bands, weights=shares * frequency, minlength=comparison.n_top) / (1.0 - rate)
    scale = np.clip(top_u[:last] / np.maximum(pairs[:last], 1e-300), 1.0 / SPREAD, SPREAD)
    rest = floor
    if (left := whole[last] - masses[last]) > 0:
        # Together they are what the others leave; none is commoner than the values that the table holds.
        commonest = min([*frequency[bands == last], *comparison.edges[-1:], 1.0])
        rest = float(np.clip((top_u[last] - pairs[last]) * (1.0 - rate) / left, floor, max(commonest, floor)))
    agreement = np.log(np.maximum(top_m, 1e-300) / whole) + np.log1p(-rate)
    agreement[:last] -= np.log(scale)
    every = [frequency[bands == band] for band in range(comparison.n_top)]
    every[last] = np.append(every[last], rest)
    uncorrected = np.append(np.maximum(shares, floor), rest)
    return ValueTerm(
        first,
        tuple(range(2 if comparison.missing_level is not None else 1, first)) if settings.partial else (),
        settings.power,
        float(np.log(top_m.sum() / top_u.sum())),
        tuple(agreement.tolist()),
        tuple(matches.tolist()),
        floor,
        rest,
        float(top_u.sum()),
        (*(float(own.min()) for own in every), float(uncorrected.min())),
        (*(float(own.max()) for own in every), float(uncorrected.max())),
    )
