"""A check of whether the rows taken as wrong links look like wrong links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from tallystick.analysis.mixture.likelihood import Data, Parameters, directions, evaluate, mean_of, scores

FEWEST_WRONG = 10
"""Expected wrong links below which there is nothing to check."""


@dataclass(frozen=True)
class WrongLinksCheck:
    """Whether outcomes of rows taken as wrong links follow the covariates that they stand beside.

    NaN where fewer than 10 links are expected to be wrong. Those of wrong links are others' and do not.
    Where errors have heavy tails or counts vary more than Poisson counts do, the mixture takes right links
    with large errors as wrong; their outcomes follow their covariates all the same.

    Attributes
    ----------
    slope : float
        Slope of the outcome on its fitted mean, over rows weighted by their chance to be wrong links: near
        0 for wrong links, near 1 for right ones.
    z : float
        Distance of it from 0 in standard errors, that of the fit included.
    pvalue : float
        One-sided.
    """

    slope: float
    z: float
    pvalue: float


def check_wrong_links(data: Data, parameters: Parameters) -> WrongLinksCheck:
    """Sum of (1 - w_i) (mu_i - mean) (y_i - mean), which has mean 0 where the mixture holds.

    Since E[1 - w | x, y] is the chance of a wrong link, it is the covariance of outcome and fitted mean
    among wrong links. What the fit takes of its variance is its projection on the scores.
    """
    unsure = ~data.matches.safe
    if not unsure.any():
        return WrongLinksCheck(float("nan"), float("nan"), float("nan"))
    mean = mean_of(data, parameters)
    wrong = np.where(unsure, 1 - evaluate(data, parameters).right, 0.0)
    along = np.where(unsure, mean - mean[unsure].mean(), 0.0)
    term = wrong * along * (data.y - data.y.mean())
    of_fit = scores(data, parameters) @ directions(data, parameters)
    rest = term - of_fit @ np.linalg.lstsq(of_fit, term, rcond=None)[0]
    if wrong.sum() < FEWEST_WRONG:
        return WrongLinksCheck(float("nan"), float("nan"), float("nan"))
    error, spread = float(np.sqrt((rest**2).sum())), float((wrong * along**2).sum())
    if not error > 0 or not spread > 0:
        return WrongLinksCheck(float("nan"), float("nan"), float("nan"))
    z = float(term.sum()) / error
    return WrongLinksCheck(float(term.sum()) / spread, z, float(norm.sf(z)))
