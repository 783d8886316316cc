"""Settings of the estimation of m, u and the match rate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tallystick._schema import Settings


class Estimation(Settings):
    """How m, u and the match rate are estimated.

    Attributes
    ----------
    max_iterations : int
        Cap of the EM iterations; reaching it is reported as not converged.
    tolerance : float
        EM has converged when no m- or u-probability and no relative change of the expected
        number of matches exceeds it in an iteration.
    random_pairs : int
        Number of random pairs from which u-probabilities are counted where the passes do not
        compare all pairs.
    start_agreement : float
        Probability of full agreement among matches that EM starts from, and of the prior.
    prior_matches : float
        Number of matches that the prior of the m-probabilities is worth. It keeps EM from taking
        chance agreements for matches where there are few or none; 0 is maximum likelihood.
    related : {"auto", "none", "class"}
        Whether pairs of relatives, who share surname and address but are not matches, are a class of
        their own: where the pairs look so (see `tallystick.estimation.related`), never, or always.
    """

    max_iterations: int = Field(default=1000, ge=1)
    tolerance: float = Field(default=1e-6, gt=0)
    random_pairs: int = Field(default=5_000_000, ge=1000)
    start_agreement: float = Field(default=0.9, gt=0, lt=1)
    prior_matches: float = Field(default=5, ge=0)
    related: Literal["auto", "none", "class"] = "auto"
