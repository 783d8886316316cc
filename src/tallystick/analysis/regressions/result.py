"""What a regression of linked data gives: as statsmodels' results, and what linkage adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from tallystick.analysis.confidence import check_alpha
from tallystick.analysis.design import Design, new_columns
from tallystick.analysis.error_models.error_model import ErrorModel
from tallystick.analysis.regressions.equations import NAMES, taken_as_true
from tallystick.analysis.regressions.families import family_of
from tallystick.analysis.regressions.fit import Estimate
from tallystick.errors import InputError
from tallystick.preparation.extras import require


@dataclass(frozen=True, eq=False)
class RegressionResult:
    """A fitted regression of linked data.

    Names are those of statsmodels' results, so that what reads these reads this: `params`, `bse`, `tvalues`,
    `pvalues`, `conf_int()`, `cov_params()`, `t_test()`, `wald_test()`, `predict()`, `summary()`.

    Attributes
    ----------
    estimate : Estimate
        The same as arrays.
    design : Design
        What was fitted.
    error_model : ErrorModel
        The links'.
    """

    estimate: Estimate
    design: Design
    error_model: ErrorModel

    @property
    def method(self) -> str:
        """How linkage errors were allowed for."""
        return self.estimate.method

    @property
    def family(self) -> str:
        """Family of the outcome."""
        return self.estimate.family

    @property
    def cov_type(self) -> str:
        """How the variance was estimated."""
        return self.estimate.variance

    @property
    def converged(self) -> bool:
        """Whether the iterations came to rest; estimates are NaN where not."""
        return self.estimate.converged

    @property
    def steps(self) -> int:
        """Iterations; 1 for a closed form."""
        return self.estimate.steps

    @property
    def n_blocks(self) -> int:
        """Blocks or components that have rows."""
        return self.estimate.n_blocks

    @property
    def scale_replaced(self) -> bool:
        """Whether sigma^2 came out as none, and half the mean square of the residuals stands for it."""
        return self.estimate.scale_replaced

    @property
    def nobs(self) -> int:
        """Rows of the linked file."""
        return self.estimate.n_links

    @property
    def df_model(self) -> int:
        """Columns of the design less the constant."""
        return len(self.design.names) - int("Intercept" in self.design.names)

    @property
    def df_resid(self) -> float:
        """Rows less columns."""
        return float(self.nobs - len(self.design.names))

    @property
    def df_resid_inference(self) -> float:
        """Degrees of freedom of tests and intervals: blocks less one where blocks tell the variance."""
        return self.estimate.df

    @property
    def use_t(self) -> bool:
        """Whether tests and intervals are of t, or normal."""
        return bool(np.isfinite(self.estimate.df))

    @property
    def scale(self) -> float:
        """sigma^2, the variance of the outcome given the covariates, without that of linkage; else 1."""
        return self.estimate.scale

    def _series(self, values: Any, name: str | None = None) -> Any:
        pandas = require("pandas", "the regression", "analysis")
        return pandas.Series(values, index=list(self.design.names), name=name)

    @cached_property
    def params(self) -> Any:
        """Coefficients, a pandas Series by name."""
        return self._series(self.estimate.coefficients)

    @cached_property
    def naive(self) -> Any:
        """Coefficients of the regression that takes all links as right, a pandas Series by name."""
        return self._series(self.estimate.naive)

    @cached_property
    def sensitivity(self) -> Any:
        """Derivative of the coefficients by q, all q moved alike; None where there is no q in them.

        Times 0.01 it is how far a coefficient moves for a q that is one in a hundred higher.
        """
        found = self.estimate.sensitivity
        return None if found is None else self._series(found)

    @cached_property
    def bse(self) -> Any:
        """Standard errors."""
        return self._series(self.estimate.standard_errors)

    @cached_property
    def tvalues(self) -> Any:
        """Coefficients over standard errors."""
        return self.params / self.bse

    @cached_property
    def pvalues(self) -> Any:
        """Of two-sided tests that a coefficient is 0."""
        size = np.abs(self.tvalues.to_numpy())
        return self._series(2 * (stdtr(self.estimate.df, -size) if self.use_t else ndtr(-size)))

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Limits of the coefficients at confidence 1 - alpha: pandas DataFrame of two columns, 0 and 1."""
        pandas = require("pandas", "the regression", "analysis")
        check_alpha(alpha)
        half = -(stdtrit(self.estimate.df, alpha / 2) if self.use_t else ndtri(alpha / 2))
        limits = {0: self.params - half * self.bse, 1: self.params + half * self.bse}
        return pandas.DataFrame(limits)

    def cov_params(self) -> Any:
        """Covariance of the coefficients: pandas DataFrame by name."""
        pandas = require("pandas", "the regression", "analysis")
        names = list(self.design.names)
        return pandas.DataFrame(self.estimate.covariance, index=names, columns=names)

    @cached_property
    def fittedvalues(self) -> Any:
        """Mean outcome of each record by its own covariates, pandas Series, shape (n_register,)."""
        return self._rows(self.estimate.fitted, self.design.register_index)

    @cached_property
    def resid(self) -> Any:
        """Outcome of each row less what the row is expected to show, pandas Series, shape (n_links,)."""
        y, names = self.design.y, self.design.index
        if self.estimate.n_links < len(y):  # rows without a link were left out
            linked = taken_as_true(self.error_model)
            y, names = linked.of_rows(y), None if names is None else linked.of_rows(names)
        return self._rows(y - self.estimate.shown, names)

    def _rows(self, values: Any, names: NDArray[Any] | None) -> Any:
        pandas = require("pandas", "the regression", "analysis")
        return pandas.Series(values, index=names)

    @cached_property
    def as_statsmodels(self) -> Any:
        """Coefficients and covariance as statsmodels' LikelihoodModelResults."""
        base = require("statsmodels.base.model", "the regression", "analysis")
        names = list(self.design.names)
        model = SimpleNamespace(
            data=SimpleNamespace(cov_names=names, param_names=names),
            exog_names=names,
            endog_names=self.design.outcome,
        )
        found = base.LikelihoodModelResults(
            model, self.estimate.coefficients, self.estimate.covariance, scale=1.0, use_t=self.use_t
        )
        found.df_resid = found.df_resid_inference = self.estimate.df
        return found

    def t_test(self, restrictions: Any) -> Any:
        """Tests of linear combinations of coefficients, each alone, as statsmodels gives them.

        Parameters
        ----------
        restrictions : str, array or tuple
            Such as ``"x = 2"`` or a matrix, as statsmodels takes them.

        Returns
        -------
        statsmodels.stats.contrast.ContrastResults
        """
        return self._tested("t_test", restrictions)

    def wald_test(self, restrictions: Any, *, use_f: bool | None = None) -> Any:
        """Test of linear combinations of coefficients together, as statsmodels gives it.

        Parameters
        ----------
        restrictions : str, array or tuple
            Such as ``"x1 = x2, x3 = 0"``.
        use_f : bool, optional
            F in place of chi-square; where intervals are of t unless said otherwise.

        Returns
        -------
        statsmodels.stats.contrast.ContrastResults
        """
        return self._tested("wald_test", restrictions, use_f=use_f, scalar=True)

    def _tested(self, test: str, restrictions: Any, **options: Any) -> Any:
        """A test of statsmodels, with what it says of restrictions that it cannot read."""
        if not self.converged:
            raise InputError("The iterations did not converge: there is no estimate to test.")
        try:
            return getattr(self.as_statsmodels, test)(restrictions, **options)
        except Exception as error:
            told = str(error).partition("\n")[0]
            raise InputError(
                f"restrictions: {restrictions!r} cannot be read ({told}): the coefficients are "
                f'{", ".join(self.design.names)}; write such as "{self.design.names[-1]} = 0", or a matrix '
                f"of {len(self.design.names)} columns."
            ) from None

    def predict(self, data: Any = None) -> Any:
        """Mean outcomes by covariates.

        Parameters
        ----------
        data : table, optional
            With the covariates of the formula; else those that were fitted.

        Returns
        -------
        pandas.Series
        """
        if data is None:
            return self.fittedvalues
        mean = family_of(self.family).mean(new_columns(self.design.spec, data) @ self.estimate.coefficients)
        return self._rows(mean, getattr(data, "index", None))

    def summary(self, alpha: float = 0.05) -> Any:
        """The result as a table, printed as those of statsmodels are.

        Parameters
        ----------
        alpha : float, default 0.05
            Intervals are of confidence 1 - alpha.

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        check_alpha(alpha)
        from tallystick.analysis.regressions.summary import summary_of

        return summary_of(self, alpha)

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        return f"<RegressionResult: {self.design.formula}, {NAMES[self.method]}, {self.nobs} links>"
