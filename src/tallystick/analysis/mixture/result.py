"""What a mixture regression gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import norm

from tallystick.analysis.confidence import check_alpha
from tallystick.analysis.mixture.check import WrongLinksCheck
from tallystick.analysis.mixture.fit import MixtureEstimate, concerns
from tallystick.analysis.mixture.uncertainty import log_odds_limits
from tallystick.analysis.regressions.result import RegressionResult
from tallystick.preparation.extras import require


@dataclass(frozen=True, eq=False)
class MixtureResult(RegressionResult):
    """A fitted mixture regression: as other regressions, and what it says of the links.

    `params` and all that goes with them are of the regression of right links. `error_model` is of no use
    here: it has the names of the rows and takes all links as right.

    Attributes
    ----------
    mixture : MixtureEstimate
        The same as arrays.
    match_names : tuple of str
        What the chance of a right link depends on.
    n_safe : int
        Links that are known to be right.
    """

    mixture: MixtureEstimate
    match_names: tuple[str, ...]
    n_safe: int

    @property
    def mismatch_rate(self) -> float:
        """Share of wrong links among those that are not safe."""
        return self.mixture.mismatch_rate

    @property
    def mismatch_rate_error(self) -> float:
        """Its standard error; 0 where it is known or held, NaN where there is none."""
        return self.mixture.mismatch_rate_error

    def mismatch_rate_limits(self, alpha: float = 0.05) -> tuple[float, float]:
        """Limits of the mismatch rate at confidence 1 - alpha, symmetric in its log-odds.

        Where no link was found to be wrong, 0 and the 95 % limit of the profile likelihood, whatever `alpha`
        is; NaN where the rate is known or held.
        """
        check_alpha(alpha)
        found = self.mixture
        if found.none_wrong:
            return (0.0, found.mismatch_rate_limit)
        if found.mismatch_rate_error == 0:
            return (float("nan"), float("nan"))
        return log_odds_limits(found.mismatch_rate, found.mismatch_rate_error, float(norm.isf(alpha / 2)))

    @cached_property
    def match_params(self) -> Any:
        """gamma, coefficients of the log-odds that a link is right: a pandas Series by name."""
        return self._matches(self.mixture.match_coefficients)

    @cached_property
    def match_bse(self) -> Any:
        """Their standard errors."""
        return self._matches(np.sqrt(np.diag(self.mixture.match_covariance)))

    def _matches(self, values: Any) -> Any:
        pandas = require("pandas", "the mixture regression", "analysis")
        return pandas.Series(values, index=list(self.match_names))

    @cached_property
    def right(self) -> Any:
        """Chance of each link to be right, given its outcome: a pandas Series, shape (n_links,)."""
        return self._rows(self.mixture.right, self.design.index)

    @property
    def check(self) -> WrongLinksCheck:
        """Whether the rows taken as wrong links look like such."""
        return self.mixture.check

    @property
    def llf(self) -> float:
        """Log-likelihood."""
        return self.mixture.loglik

    def concerns(self) -> list[str]:
        """What speaks against relying on this, a sentence each."""
        return concerns(self.mixture)

    def summary(self, alpha: float = 0.05) -> Any:
        """The result as a table, printed as those of statsmodels are; see `RegressionResult.summary`."""
        check_alpha(alpha)
        from tallystick.analysis.mixture.summary import summary_of

        return summary_of(self, alpha)

    def __repr__(self) -> str:
        return f"<MixtureResult: {self.design.formula}, {self.family}, {self.nobs} links>"
