"""What a missing value says: nothing, a level of its own, or one of k categories left to chance.

By default a value that is missing on either side drops out. Two settings say otherwise: ``"level"`` makes of
it a level with m and u of its own, for values that are not missing at random; `Categories` weighs it as a
value that agrees to the share 1 / k (Shlomo 2019, chapter 4 of Data-Driven Policy Impact Evaluation), which
is neutral only where u = 1 / k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tallystick._schema import Settings

MISSING_LEVEL = 1
"""Number of the level of missing values, where they are one: above disagreement, which stays 0."""
MISSING_LABEL = "missing"


class Categories(Settings):
    """A missing value agrees to the share 1 / k, as one of k equally likely values would.

    Attributes
    ----------
    categories : int
        k, at least 2.
    """

    categories: int = Field(ge=2)

    @property
    def share(self) -> float:
        """To what share a missing value counts as agreement."""
        return 1.0 / self.categories


def with_missing_level(levels: NDArray[np.uint8], n_levels: int) -> NDArray[np.uint8]:
    """Levels in which missing is `MISSING_LEVEL` and all levels but disagreement are one higher.

    Parameters
    ----------
    levels : uint8 array
        Levels as they are otherwise; `n_levels` is missing.
    n_levels : int
        Their number.

    Returns
    -------
    uint8 array of the same shape

    Examples
    --------
    >>> with_missing_level(np.array([0, 1, 2, 3], np.uint8), 3).tolist()
    [0, 2, 3, 1]
    """
    above = levels + (levels >= MISSING_LEVEL)
    return np.where(levels == n_levels, MISSING_LEVEL, above).astype(np.uint8)


def labels_with_missing(labels: tuple[str, ...]) -> tuple[str, ...]:
    """What each level means where missing is one of them."""
    return (*labels[:MISSING_LEVEL], MISSING_LABEL, *labels[MISSING_LEVEL:])
