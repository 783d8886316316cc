"""Whether probabilities of links are what an audit finds: posteriors are worth no more than that."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import blocks_of
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError, TallystickWarning

Floats = NDArray[np.float64]
_NORMAL = 1.96


@dataclass(frozen=True, eq=False)
class Calibration:
    """Mean probability of links beside the share of right ones that people found.

    Attributes
    ----------
    bands : array, shape (k,)
        Bands of links.
    links : int64 array, shape (k,)
        How many each has.
    expected, audited, standard_error : float64 array, shape (k,)
        Mean probability, share of right links by the audit, and its standard error.
    overall : tuple of float
        The same three of all links.
    """

    bands: NDArray[Any]
    links: NDArray[np.int64]
    expected: Floats
    audited: Floats
    standard_error: Floats
    overall: tuple[float, float, float]

    @property
    def differs(self) -> bool:
        """Whether all links together differ by more than 1.96 standard errors of the audit."""
        expected, found, error = self.overall
        return abs(expected - found) > _NORMAL * error


def calibration(probability: Any, precision: LinkPrecision, bands: Any = None) -> Calibration:
    """Compare the probabilities of links with an audit of them.

    Parameters
    ----------
    probability : array-like, shape (n_links,)
        Posterior of each link.
    precision : LinkPrecision
        What the audit has found, as `audited_precision` gives it (not shrunk), by band.
    bands : array-like, shape (n_links,), optional
        Band of each link; not needed where the audit has one band.

    Returns
    -------
    Calibration

    Warns
    -----
    TallystickWarning
        Where both differ by more than the error of the audit.

    Raises
    ------
    InputError
        Where a probability is missing, or a band has not been audited.

    Examples
    --------
    >>> from tallystick.analysis import audited_precision
    >>> found = calibration([0.9, 0.8, 1.0, 0.9], audited_precision({"all": 4}, [2], [3], shrink=False))
    >>> [round(one, 3) for one in found.overall], found.differs
    ([0.9, 0.667, 0.167], False)
    """
    chance = np.asarray(probability, np.float64)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise InputError("probability: give a posterior from 0 to 1 for each link.")
    if bands is None:
        if len(precision.labels) > 1:
            raise InputError("bands: the audit has several: say which one each link is of.")
        bands = np.repeat(precision.labels, len(chance))
    banded = blocks_of(bands, "bands")
    if len(banded.codes) != len(chance):
        raise InputError(f"bands: {len(banded.codes)} for {len(chance)} links: give one for each.")
    found = precision.of(banded.labels, "band")
    share = banded.sizes / len(chance)
    error = float(np.sqrt(found.quadratic(share[:, None])[0, 0]))
    overall = (float(chance.mean()), float(share @ found.q), error)
    result = Calibration(
        banded.labels, banded.sizes, banded.means(chance), found.q, found.standard_errors, overall
    )
    if result.differs:
        warnings.warn(
            f"By their posteriors {overall[0]:.1%} of the links are right, by the audit {overall[1]:.1%} "
            f"(standard error {error:.1%}): the posteriors are not calibrated; estimates from them carry "
            "that on, those from the audit do not.",
            TallystickWarning,
            stacklevel=2,
        )
    return result
