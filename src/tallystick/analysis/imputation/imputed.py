"""Several completed data sets, and the analysis of all of them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.analysis.formulas import sides_of
from tallystick.analysis.imputation.matrices import matrix_of, names_of_sides, outcome_of
from tallystick.analysis.imputation.outcome_models import Fit, family_of
from tallystick.analysis.imputation.rubin import Pooled, pool, pool_results
from tallystick.errors import InputError, TallystickWarning


@dataclass(frozen=True, eq=False, kw_only=True)
class Imputations(ABC):
    """Completed data sets.

    Attributes
    ----------
    formula, family : str
        The analysis that they were made for.
    modelled : frozenset of str
        Variables that the model of the imputations holds.
    seed : int
        With the same seed, files and pairs the draws are the same.
    """

    formula: str
    family: str
    modelled: frozenset[str]
    seed: int

    @property
    @abstractmethod
    def n_imputations(self) -> int:
        """D."""

    @abstractmethod
    def table(self, k: int) -> Any:
        """Completed data set k, from 0, as a pandas data frame."""

    def tables(self) -> Iterator[Any]:
        """The completed data sets one after the other."""
        return (self.table(k) for k in range(self.n_imputations))

    def analyse(self, analysis: Callable[[Any], Any]) -> Pooled:
        """Any analysis of the completed data sets, pooled.

        Whether the model of the imputations holds what this analysis relates is not checked here.

        Parameters
        ----------
        analysis : callable
            Takes a pandas data frame, gives a result with `params` and `cov_params`: ``lambda table:
            smf.ols("y ~ x", table).fit()``.

        Returns
        -------
        Pooled
        """
        return pool_results([analysis(table) for table in self.tables()])

    def regression(self, formula: str | None = None, family: str | None = None) -> Pooled:
        """A regression on every completed data set, pooled.

        Parameters
        ----------
        formula : str, optional
            Another one than that of the imputations. Its outcome must be in their model; a warning names
            covariates that are not, whose coefficients would be drawn towards 0 (Meng 1994, on congeniality).
        family : {"linear", "logistic", "poisson"}, optional

        Returns
        -------
        Pooled
        """
        chosen = self.formula if formula is None else formula
        check_congenial(chosen, self.modelled)
        model = family_of(self.family if family is None else family)
        fits: list[Fit] = []
        names: tuple[str, ...] = ()
        for k, table in enumerate(self.tables()):
            y = outcome_of(chosen, table)
            model.check(y, chosen.partition("~")[0].strip())
            x, columns = matrix_of(sides_of(chosen)[1], table, "right-hand side")
            if k and columns != names:
                raise InputError(
                    f"Imputation {k} has other coefficients than those before (a category is lacking): join "
                    "rare categories."
                )
            names = columns
            fits.append(model.fit(y, x, fits[-1].beta if fits else None))
        return pool_fits(fits, names)


def pool_fits(fits: list[Fit], names: tuple[str, ...]) -> Pooled:
    """Rubin's rules for fits of an `OutcomeModel`."""
    df = min(fit.df for fit in fits)
    return pool(
        np.array([fit.beta for fit in fits]),
        np.array([fit.covariance for fit in fits]),
        df=None if np.isinf(df) else df,
        names=names,
    )


def check_congenial(formula: str, modelled: frozenset[str]) -> None:
    """Refuse an outcome that the imputations know nothing of; warn of such covariates."""
    outcome, covariates = names_of_sides(formula)
    unknown = sorted(outcome - modelled)
    if unknown:
        raise InputError(
            f"The outcome {unknown[0]!r} is not in the model of the imputations: what is imputed without it "
            "is unrelated to it, and coefficients would be drawn towards 0. Name it among the predictors, or "
            "impute anew for this formula."
        )
    lacking = sorted(covariates - modelled)
    if lacking:
        warnings.warn(
            f"{', '.join(map(repr, lacking))}: not in the model of the imputations, which takes what is "
            "imputed as unrelated to it given the rest; add it to the predictors, or impute anew for this "
            "formula.",
            TallystickWarning,
            stacklevel=3,
        )
