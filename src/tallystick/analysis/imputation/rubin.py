"""Rubin's rules: one estimate from the analyses of several imputed data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.confidence import check_alpha
from tallystick.errors import InputError
from tallystick.preparation.extras import require

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WaldTest:
    """A test of several linear restrictions at once.

    Attributes
    ----------
    statistic : float
        D1, to be compared with the F distribution.
    df_num, df_denom : float
        Its degrees of freedom.
    pvalue : float
    relative_increase : float
        Mean relative increase of variance by the missing data, over the restrictions.
    """

    statistic: float
    df_num: float
    df_denom: float
    pvalue: float
    relative_increase: float


@dataclass(frozen=True, eq=False)
class Pooled:
    """Estimates pooled over imputations.

    Attributes
    ----------
    names : tuple of str
        Of the p parameters.
    estimate : float64 array, shape (p,)
        Mean of the estimates.
    within, between, total : float64 arrays, shape (p, p)
        Mean covariance within the imputations, covariance between them, and what comes of both:
        total = within + (1 + 1 / D) between.
    df : float64 array, shape (p,)
        Degrees of freedom of each parameter (Barnard and Rubin 1999).
    n_imputations : int
        D.
    complete_df : float
        Degrees of freedom that the analysis of complete data would have.
    converged : bool
        Whether what made the imputations converged; where it is False all estimates are NaN.
    """

    names: tuple[str, ...]
    estimate: Floats
    within: Floats
    between: Floats
    total: Floats
    df: Floats
    n_imputations: int
    complete_df: float = np.inf
    converged: bool = True

    def _series(self, values: Floats) -> Any:
        pandas = require("pandas", "The table of estimates", "analysis")
        return pandas.Series(values, index=list(self.names))

    @property
    def params(self) -> Any:
        """Estimates, as a pandas series by name."""
        return self._series(self.estimate)

    @property
    def bse(self) -> Any:
        """Standard errors."""
        return self._series(np.sqrt(np.diag(self.total)))

    @property
    def tvalues(self) -> Any:
        """Estimates by their standard errors."""
        return self.params / self.bse

    @property
    def pvalues(self) -> Any:
        """Two-sided, by the t distribution of each parameter."""
        from scipy.stats import t

        return self._series(2 * t.sf(np.abs(self.tvalues.to_numpy()), self.df))

    def cov_params(self) -> Any:
        """The total covariance, as a pandas data frame."""
        pandas = require("pandas", "The table of estimates", "analysis")
        return pandas.DataFrame(self.total, index=list(self.names), columns=list(self.names))

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Intervals of 1 - alpha, as a pandas data frame with columns 0 and 1."""
        from scipy.stats import t

        check_alpha(alpha)
        pandas = require("pandas", "The table of estimates", "analysis")
        half = t.ppf(1 - alpha / 2, self.df) * np.sqrt(np.diag(self.total))
        return pandas.DataFrame({0: self.estimate - half, 1: self.estimate + half}, index=list(self.names))

    @property
    def relative_increase(self) -> Any:
        """By how much the missing data increase the variance of each parameter, r = (1 + 1 / D) B / U."""
        return self._series(
            _ratio((1 + 1 / self.n_imputations) * np.diag(self.between), np.diag(self.within))
        )

    @property
    def fraction_missing(self) -> Any:
        """Fraction of missing information (Rubin 1987, equation 3.1.10).

        (r + 2 / (nu + 3)) / (1 + r) with his nu = (D - 1) (1 + 1 / r)^2.
        """
        r = self.relative_increase
        with np.errstate(divide="ignore"):
            nu = (self.n_imputations - 1) * (1 + 1 / r) ** 2
        return (r + 2 / (nu + 3)) / (1 + r)

    def wald_test(self, restrictions: Any, value: Any = 0.0) -> WaldTest:
        """Test R beta = value by D1 of Li, Raghunathan and Rubin (1991).

        With r = (1 + 1 / D) trace(B U^-1) / k, U and B those of R beta, and t = k (D - 1)

            D1 = (R b - value)' U^-1 (R b - value) / (k (1 + r)) ~ F(k, nu),

        nu = 4 + (t - 4) (1 + (1 - 2 / t) / r)^2 for t > 4, else t (1 + 1 / k) (1 + 1 / r)^2 / 2. It takes the
        fraction of missing information as alike for all restrictions, and samples as large. One restriction
        is tested with the degrees of freedom of Barnard and Rubin instead.

        Parameters
        ----------
        restrictions : sequence of str, or array-like of shape (k, p)
            Names of parameters, or R.
        value : float or array-like of shape (k,), default 0

        Returns
        -------
        WaldTest

        Raises
        ------
        InputError
            Where there is no parameter of that name, or restrictions repeat each other.
        """
        from scipy.stats import f

        matrix = self._restrictions(restrictions)
        k = len(matrix)
        within, between = (matrix @ part @ matrix.T for part in (self.within, self.between))
        if np.isfinite(within).all() and np.linalg.matrix_rank(within) < k:
            raise InputError("Restrictions of a Wald test repeat each other: leave out those that follow.")
        distance = matrix @ self.estimate - np.broadcast_to(np.asarray(value, np.float64), k)
        d = self.n_imputations
        r = (1 + 1 / d) * float(np.trace(np.linalg.solve(within, between))) / k
        statistic = float(distance @ np.linalg.solve(within, distance)) / (k * (1 + r))
        if k == 1:
            df = _barnard_rubin(np.array([r / (1 + r)]), d, self.complete_df)[0]
        else:
            t = k * (d - 1)
            with np.errstate(divide="ignore"):
                inverse = np.float64(1) / r
            df = 4 + (t - 4) * (1 + (1 - 2 / t) * inverse) ** 2
            df = df if t > 4 else t * (1 + 1 / k) * (1 + inverse) ** 2 / 2
        return WaldTest(statistic, float(k), float(df), float(f.sf(statistic, k, df)), r)

    def _restrictions(self, restrictions: Any) -> Floats:
        if isinstance(restrictions, str):
            restrictions = [restrictions]
        found = list(restrictions)
        if found and all(isinstance(name, str) for name in found):
            unknown = [name for name in found if name not in self.names]
            if unknown:
                raise InputError(f"There is no parameter {unknown[0]!r}; there are {', '.join(self.names)}.")
            return np.eye(len(self.names))[[self.names.index(name) for name in found]]
        matrix = np.atleast_2d(np.asarray(found, np.float64))
        if matrix.shape[1] != len(self.names) or not matrix.size:
            raise InputError(
                f"Restrictions have {matrix.shape[1]} columns; there are {len(self.names)} parameters."
            )
        return matrix

    def summary(self) -> Any:
        """The table of estimates, as a pandas data frame."""
        pandas = require("pandas", "The table of estimates", "analysis")
        limits = self.conf_int()
        return pandas.DataFrame(
            {
                "coef": self.params,
                "std err": self.bse,
                "t": self.tvalues,
                "P>|t|": self.pvalues,
                "[0.025": limits[0],
                "0.975]": limits[1],
                "df": self._series(self.df),
                "missing": self.fraction_missing,
            }
        )

    def __str__(self) -> str:
        said = "" if self.converged else "\nNot converged: there are no estimates."
        table = self.summary().to_string(float_format=lambda value: f"{value:.4f}")
        return f"Pooled over {self.n_imputations} imputations (Rubin's rules){said}\n{table}"


def without_estimates(pooled: Pooled) -> Pooled:
    """The same where what made the imputations did not converge: all estimates NaN."""
    nothing = np.full_like(pooled.total, np.nan)
    return replace(
        pooled,
        estimate=nothing[0],
        within=nothing,
        between=nothing,
        total=nothing,
        df=nothing[0],
        converged=False,
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(above == 0, 0.0, above / below)
    return np.where(np.isnan(above), np.nan, found)


def _barnard_rubin(share: Floats, n_imputations: int, complete: float) -> Floats:
    """Degrees of freedom: share is that of the variance between imputations in the total one."""
    with np.errstate(divide="ignore"):
        old = (n_imputations - 1) / share**2
    if np.isinf(complete):
        return old
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    return 1 / (1 / old + 1 / observed)


def pool(
    estimates: Any, covariances: Any, *, df: float | None = None, names: Sequence[str] | None = None
) -> Pooled:
    """Rubin's rules.

    Parameters
    ----------
    estimates : array-like, shape (D, p)
        Estimates of each imputed data set.
    covariances : array-like, shape (D, p, p)
        Their covariance matrices.
    df : float, optional
        Degrees of freedom that the analysis of complete data would have, such as n - p of a linear
        regression; without it they are taken as infinite.
    names : sequence of str, optional
        Names of the parameters.

    Returns
    -------
    Pooled

    Raises
    ------
    InputError
        With fewer than two imputations, where shapes do not fit, or something is not a number.

    Notes
    -----
    The estimate is the mean, its variance T = U + (1 + 1 / D) B (Rubin 1987, section 3.1). With
    g = (1 + 1 / D) B / T the degrees of freedom are 1 / (1 / nu_m + 1 / nu_obs), nu_m = (D - 1) / g^2 and
    nu_obs = (df + 1) / (df + 3) df (1 - g) (Barnard and Rubin 1999, equation 3).

    References
    ----------
    Barnard, J. and Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. Biometrika
    86, 948-955.

    Li, K. H., Raghunathan, T. E. and Rubin, D. B. (1991). Large-sample significance levels from multiply
    imputed data using moment-based statistics and an F reference distribution. Journal of the American
    Statistical Association 86, 1065-1073.

    Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.

    Examples
    --------
    >>> pooled = pool([[47.0], [47.3], [47.5]], [[[0.9]], [[1.0]], [[0.8]]], df=30, names=["mean"])
    >>> pooled.estimate.round(3), pooled.total.round(3), pooled.df.round(1)
    (array([47.267]), array([[0.984]]), array([23.5]))
    """
    values, within = np.asarray(estimates, np.float64), np.asarray(covariances, np.float64)
    if values.ndim != 2 or within.shape != (*values.shape, values.shape[1]):
        raise InputError(
            f"Estimates and covariances have shapes {values.shape} and {within.shape}: give (imputations, "
            "parameters) and (imputations, parameters, parameters)."
        )
    d, p = values.shape
    if d < 2:
        raise InputError(
            f"There is {d} imputation: what varies between imputations takes at least 2, better 20 and more."
        )
    if not (np.isfinite(values).all() and np.isfinite(within).all()):
        at = int(np.argmin(np.isfinite(values).all(axis=1) & np.isfinite(within).all(axis=(1, 2))))
        raise InputError(f"The analysis of imputation {at} has no estimates (NaN): see why it failed.")
    if df is not None and not df > 0:
        raise InputError(f"The degrees of freedom of complete data are {df}: give a number above 0.")
    labels = tuple(str(name) for name in names) if names is not None else tuple(f"b{k}" for k in range(p))
    if len(labels) != p:
        raise InputError(f"There are {len(labels)} names and {p} parameters.")
    inside = within.mean(axis=0)
    between = np.atleast_2d(np.cov(values, rowvar=False))
    total = inside + (1 + 1 / d) * between
    share = _ratio((1 + 1 / d) * np.diag(between), np.diag(total))
    complete = np.inf if df is None else float(df)
    return Pooled(
        labels, values.mean(axis=0), inside, between, total, _barnard_rubin(share, d, complete), d, complete
    )


def pool_results(results: Sequence[Any]) -> Pooled:
    """Rubin's rules for fitted models: results of statsmodels, of this package, or alike.

    Parameters
    ----------
    results : sequence
        A result per imputation, with `params` and `cov_params`, which may be a method. Where results use the
        t distribution (`use_t`) their `df_resid` is that of complete data, the smallest of them.

    Returns
    -------
    Pooled

    Raises
    ------
    InputError
        Where results have different parameters, or as `pool` does.
    """
    fitted = list(results)
    if not fitted:
        raise InputError("There are no results to pool.")
    names: list[tuple[str, ...] | None] = []
    estimates: list[Floats] = []
    covariances: list[Floats] = []
    for result in fitted:
        if not bool(getattr(result, "converged", True)):
            raise InputError(
                f"The analysis of imputation {len(estimates)} did not converge: see why it failed."
            )
        params = result.params
        names.append(
            tuple(map(str, params.index)) if hasattr(params, "index") and not callable(params.index) else None
        )
        covariance = result.cov_params
        estimates.append(np.asarray(params, np.float64))
        covariances.append(np.asarray(covariance() if callable(covariance) else covariance, np.float64))
    if len(set(names)) > 1 or len({len(values) for values in estimates}) > 1:
        raise InputError(
            "The analyses have different parameters, as where a category is lacking in some imputations: "
            "state the categories, or leave it out."
        )
    found = [float(result.df_resid) for result in fitted if getattr(result, "use_t", False)]
    df = min(found) if len(found) == len(fitted) else None
    return pool(np.array(estimates), np.array(covariances), df=df, names=names[0])
