"""What a pair of values is asked beyond its level: how alike the two are, and how common each is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.measure import Measure, WrappedMeasure

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairFacts:
    """What some pairs of values are, beyond their level.

    Attributes
    ----------
    similarity : float64 array, shape (n,), optional
        From 0 to 1; NaN where missing. None where nobody asks.
    shares : (float64 array, float64 array), optional
        Relative frequencies of the left and the right values, shape (n,); NaN where they are not known.
    """

    similarity: Floats | None = None
    shares: tuple[Floats, Floats] | None = None


def unit_similarities(measure: Measure, a: Codes, b: Codes) -> Floats:
    """Similarity of each pair of codes, from 0 to 1 whatever the measure's own scale is.

    An edit distance d of strings of len1 and len2 characters is the similarity 1 - d / max(len1, len2).

    Parameters
    ----------
    measure : Measure
        Of strings.
    a, b : int32 arrays, shape (n,)
        Codes.

    Returns
    -------
    float64 array, shape (n,)
        NaN where missing.
    """
    from tallystick.comparisons.measures_strings import EditMeasure
    from tallystick.comparisons.memo import distinct_code_pairs

    while isinstance(measure, WrappedMeasure):
        measure = measure.measure
    first, number_of = distinct_code_pairs(a, b)
    left, right = a[first], b[first]
    found = measure.similarities(left, right)
    if isinstance(measure, EditMeasure):
        longer = np.maximum(measure.tables.left.heads[left, 1], measure.tables.right.heads[right, 1])
        found = 1.0 - found / np.maximum(longer.astype(np.float64), 1.0)
    return np.asarray(found[number_of], np.float64)
