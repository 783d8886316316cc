"""Agreement on a rare value says more than on a common one: full agreement split by bands of frequency.

Two records that agree on Smith agree by chance a thousand times as often as two that agree on a name in
ten thousand. So full agreement is a level for each band of relative frequency, with m and u of its own:
u of a band is the sum of its values' squared frequencies among pairs (counted exactly), m comes from EM, and
the weight of agreement on a value is that of its band (Fellegi and Sunter 1969, section 3.3.1, with
values of about one frequency taken together). Disagreement and partial agreement stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.comparisons.measure import WrappedMeasure

EDGES = (0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Lowest relative frequency of each band but the last, the commonest first."""
LEAST = 0.005
"""Records that have a value of a band, for it to stand by itself."""
FEWEST = 5
"""Records that must share a value for it to count as common: rarer ones are not written down in a model."""


def edges_of(shares: Mapping[str, float]) -> tuple[float, ...]:
    """Lowest relative frequency of each band but the last, the commonest first: those of `EDGES` that tell.

    Parameters
    ----------
    shares : mapping of str to float
        Relative frequencies of the common values.

    Returns
    -------
    tuple of float
        A band that less than `LEAST` of the records have a value of goes with the next rarer one, since its
        m could not be estimated. Empty where all values are rare.

    Examples
    --------
    >>> edges_of({"smith": 0.012, "jones": 0.009, "otto": 0.0002})
    (0.01, 0.003)
    """
    found, mass, above = [], 0.0, np.inf
    every = np.array(list(shares.values()))
    for edge in EDGES:
        mass += float(every[(every >= edge) & (every < above)].sum()) if len(every) else 0.0
        above = edge
        if mass >= LEAST:
            found.append(edge)
            mass = 0.0
    return tuple(found)


def band_labels(edges: Sequence[float]) -> tuple[str, ...]:
    """What each band means, the commonest values first.

    Examples
    --------
    >>> band_labels((0.01, 0.001))[1:]
    ('equal, value of 0.1 % to 1 %', 'equal, value of less than 0.1 %')
    """
    texts = [f"{100 * edge:g} %" for edge in edges]
    between = [f"equal, value of {low} to {high}" for high, low in pairwise(texts)]
    first = f"equal, value of {texts[0]} of records or more"
    return (first, *between, f"equal, value of less than {texts[-1]}")


def common_values(codes: NDArray[np.int32], values: pl.Series, least: float = EDGES[-1]) -> dict[str, float]:
    """Relative frequencies of the values that are common enough for a band of their own.

    Parameters
    ----------
    codes : int32 array, shape (n_records,)
        Code of every record; 0 is missing.
    values : polars.Series
        The distinct values, row 0 null.
    least : float
        The share of the records that a common value has at least.

    Returns
    -------
    dict of str to float
        Of values that at least `FEWEST` records have and at least the share `least`; by falling frequency.

    Examples
    --------
    >>> codes = np.array([1] * 6 + [2] * 4 + [0] * 5, np.int32)
    >>> common_values(codes, pl.Series([None, "smith", "zyskowski"]))
    {'smith': 0.6}
    """
    counts = np.bincount(codes, minlength=len(values))
    counts[0] = 0
    shares = counts / max(1, counts.sum())
    common = np.flatnonzero((counts >= FEWEST) & (shares >= least))
    common = common[np.argsort(-shares[common], kind="stable")]
    names = values.gather(common).to_list()
    return dict(zip(names, shares[common].tolist(), strict=True))


def bands_of(values: pl.Series, shares: Mapping[str, float], edges: Sequence[float]) -> NDArray[np.uint8]:
    """Band of every distinct value, 0 the commonest; shape (n_values + 1,).

    Parameters
    ----------
    values : polars.Series
        The distinct values, row 0 null.
    shares : mapping of str to float
        Relative frequencies; a value that is not there is rare.
    edges : sequence of float
        Lowest relative frequency of each band but the last.
    """
    found = np.array([shares.get(value, 0.0) for value in values.to_list()])
    return np.searchsorted(-np.array(edges), -found).astype(np.uint8)


@dataclass(frozen=True)
class BandedMeasure(WrappedMeasure):
    """A measure whose full agreement, which is equality of values, is split by bands.

    Attributes
    ----------
    bands : uint8 array, shape (n_values + 1,)
        Band of every left value.
    n_bands : int
        Number of bands.
    """

    bands: NDArray[np.uint8]
    n_bands: int

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return self.measure.n_levels - 1 + self.n_bands

    @property
    def dear(self) -> bool:
        """As of the measure."""
        return bool(getattr(self.measure, "dear", False))

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`."""
        from tallystick.comparisons.kernels_bands import split_by_band

        self.measure.levels(a, b, out)
        split_by_band(a, self.measure.n_levels - 1, self.n_bands, self.bands, out)
