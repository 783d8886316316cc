"""What an analysis of a run gives, and the same as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.stats import norm
from scipy.stats import t as student

from tallystick.analysis.diagnostics.plain import as_plain
from tallystick.analysis.error_models.error_model import Floats
from tallystick.linkage.analyses.choose import Choice
from tallystick.linkage.analyses.known_errors import KnownErrors
from tallystick.linkage.analyses.linked_file import LinkedFile
from tallystick.linkage.analyses.settings import Analysis

if TYPE_CHECKING:
    from tallystick.analysis.imputation.rubin import Pooled
    from tallystick.analysis.regressions.result import RegressionResult
    from tallystick.analysis.tables.independence import IndependenceTest
    from tallystick.analysis.tables.result import ContingencyTable

FORMAT = "tallystick-analysis/1"
COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("estimate_of", "term"), pl.String),
    **dict.fromkeys(("estimate", "se", "low", "high", "p_value"), pl.Float64),
}
"""Of the table of estimates."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of a regression, however they were estimated.

    Attributes
    ----------
    names : tuple of str
    values, standard_errors : float64 arrays, shape (p,)
    df : float64 array, shape (p,)
        Degrees of freedom of t intervals; infinite where they are normal.
    """

    names: tuple[str, ...]
    values: Floats
    standard_errors: Floats
    df: Floats

    @classmethod
    def of(cls, result: RegressionResult) -> Coefficients:
        """Those of a regression."""
        found = result.estimate
        df = np.full(len(found.coefficients), float(found.df))
        return cls(tuple(result.design.names), found.coefficients, found.standard_errors, df)

    @classmethod
    def pooled(cls, result: Pooled) -> Coefficients:
        """Those of multiple imputation."""
        errors = np.sqrt(np.diag(result.total))
        return cls(tuple(result.names), result.estimate, errors, np.asarray(result.df, np.float64))


@dataclass(frozen=True, eq=False)
class AnalysisResult:
    """An analysis of a run, done.

    Attributes
    ----------
    settings : Analysis
        What was asked for.
    file : LinkedFile
        The links with their variables.
    errors : KnownErrors
        What is known of their errors.
    choice : Choice
        The method, and why.
    regression : RegressionResult, MixtureResult, Pooled or None
        The corrected regression.
    corrected : Coefficients or None
        Its coefficients.
    naive : Coefficients or None
        The regression that takes links as right, with its own standard errors.
    variance : str
        How standard errors were found.
    blocks : int
        Blocks or components of it.
    table : ContingencyTable or None
        The corrected table.
    test : IndependenceTest or None
        Of the table.
    diagnostics : dict
        ``linked``, ``bands``, ``residuals`` and ``sensitivity``, each as `tallystick.analysis.diagnostics`
        has
        it; empty where none are asked for.
    warnings : tuple of str
        What a reader has to know before using the figures.
    """

    settings: Analysis
    file: LinkedFile
    errors: KnownErrors
    choice: Choice
    regression: RegressionResult | Pooled | None = None
    corrected: Coefficients | None = None
    naive: Coefficients | None = None
    variance: str = ""
    blocks: int = 1
    table: ContingencyTable | None = None
    test: IndependenceTest | None = None
    diagnostics: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether there are estimates."""
        return self.regression is None or self.regression.converged

    @property
    def estimates(self) -> pl.DataFrame:
        """All estimates as one table.

        ``estimate_of`` (which), ``term``, ``estimate``, ``se``, ``low``, ``high`` and ``p_value``.
        """
        return pl.DataFrame(self.rows(), schema=COLUMNS)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `estimates`; what is no number is None."""
        if self.corrected is not None:
            assert self.naive is not None
            found = [*_coefficients("naive", self.naive), *_coefficients("corrected", self.corrected)]
        else:
            assert self.table is not None
            found = _cells(self.table)
        return [as_plain(row) for row in found]

    def to_dict(self) -> dict[str, Any]:
        """The analysis as plain data, as ``analysis.json`` holds it; no value of a record is in it."""
        file, errors = self.file, self.errors
        return {
            "format": FORMAT,
            "name": self.settings.name,
            "run": {"fingerprint": file.run.fingerprint, "finalised": file.run.finalised},
            "what": self._what(),
            "converged": self.converged,
            "method": {"name": self.choice.method, "why": self.choice.why},
            "data": {
                "links": len(file.rows),
                "outcome": file.outcome,
                "covariates": file.covariates,
                "register": None if errors.register is None else len(errors.register),
                "left_out": list(file.left_out),
                "variables": [
                    {"name": one.name, "source": one.source, "column": one.column, "type": one.type}
                    for one in file.variables
                ],
            },
            "errors": {
                "from": errors.origin,
                "block": self.settings.errors.block,
                "mean_q": errors.mean_q,
                "limits": None if errors.limits is None else list(errors.limits),
                "assumed": list(errors.sentences),
                "groups": as_plain(list(errors.groups)),
            },
            "estimates": self.rows(),
            "test": self._test(),
            "diagnostics": as_plain(self.diagnostics),
            "warnings": list(self.warnings),
        }

    def _what(self) -> dict[str, Any]:
        asked = self.settings.regression
        if asked is not None:
            return {
                "kind": "regression",
                "formula": asked.formula,
                "family": asked.family,
                "variance": self.variance,
                "blocks": self.blocks,
            }
        assert self.table is not None
        return {
            "kind": "table",
            "rows": self.table.row_name,
            "columns": self.table.column_name,
            "row_labels": [str(one) for one in self.table.row_labels],
            "column_labels": [str(one) for one in self.table.column_labels],
            "kept_of_association": float(self.table.k),
        }

    def _test(self) -> dict[str, Any] | None:
        if self.test is None:
            return None
        found: dict[str, Any] = as_plain(
            {
                "name": self.test.method,
                "statistic": self.test.statistic,
                "df": self.test.df,
                "p_value": self.test.pvalue,
            }
        )
        return found

    def __str__(self) -> str:
        from tallystick.linkage.analyses.text import analysis_text

        return analysis_text(self.to_dict())


def _coefficients(which: str, found: Coefficients) -> list[dict[str, Any]]:
    values, errors = found.values, found.standard_errors
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(np.isfinite(found.df), student.isf(0.025, found.df), norm.isf(0.025)) * errors
        size = np.abs(values / errors)
        p = 2 * np.where(np.isfinite(found.df), student.sf(size, found.df), norm.sf(size))
    return [
        {
            "estimate_of": which,
            "term": name,
            "estimate": float(values[k]),
            "se": float(errors[k]),
            "low": float(values[k] - half[k]),
            "high": float(values[k] + half[k]),
            "p_value": float(p[k]),
        }
        for k, name in enumerate(found.names)
    ]


def _cells(table: ContingencyTable) -> list[dict[str, Any]]:
    """Cells of each estimate; standard errors are those of the unbiased one for these records."""
    low, high = table.conf_int()
    errors = table.se("finite")
    found = []
    for which in ("naive", "unbiased", "shrunk", "raked", "biased"):
        cells = table.estimate(which)
        for i, row in enumerate(table.row_labels):
            for j, column in enumerate(table.column_labels):
                own: Sequence[float] = (
                    (float(errors[i, j]), float(low[i, j]), float(high[i, j]))
                    if which == "unbiased"
                    else (float("nan"),) * 3
                )
                found.append(
                    {
                        "estimate_of": which,
                        "term": f"{row}, {column}",
                        "estimate": float(cells[i, j]),
                        "se": own[0],
                        "low": own[1],
                        "high": own[2],
                        "p_value": None,
                    }
                )
    return found
