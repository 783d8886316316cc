"""An analysis of the links of a run, from its specification to corrected estimates."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tallystick.analysis.diagnostics.bands import naive_by_band, residuals_by_band
from tallystick.analysis.diagnostics.linked_unlinked import linked_and_unlinked
from tallystick.analysis.diagnostics.sensitivity import sensitivity
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.formulas import names_in, sides_of
from tallystick.errors import InputError, TallystickWarning
from tallystick.linkage.analyses.choose import Choice, choose_method
from tallystick.linkage.analyses.errors import errors_of
from tallystick.linkage.analyses.instead import imputation_analysis, mixture_analysis, naive_coefficients
from tallystick.linkage.analyses.known_errors import KnownErrors
from tallystick.linkage.analyses.linked_file import LinkedFile, linked_file
from tallystick.linkage.analyses.linked_pairs import linked_pairs
from tallystick.linkage.analyses.results import AnalysisResult, Coefficients
from tallystick.linkage.analyses.settings import Analysis, RegressionSettings, load_analysis

if TYPE_CHECKING:
    from tallystick.linkage.matches import Matches
    from tallystick.linkage.results import Results

SURE_P = 0.01
"""A check of residuals below it is a warning."""


def analyse(settings: Analysis | str | Path, run: Results | Matches | None = None) -> AnalysisResult:
    """Analyse the links of a finished run, corrected for their errors.

    Parameters
    ----------
    settings : Analysis or path
        What is asked for, or the TOML file that says it.
    run : Links, SequentialLinks, HouseholdLinks or Matches, optional
        A linkage in memory, in place of the directory of the specification.

    Returns
    -------
    AnalysisResult

    Raises
    ------
    InputError
        Where the specification asks for what the run or its sources do not have.

    Warns
    -----
    TallystickWarning
        Where the equations have no solution; the estimates are NaN then.
    """
    if not isinstance(settings, Analysis):
        settings = load_analysis(settings)
    pairs = linked_pairs(settings.run if run is None else run)
    if settings.regression is not None:
        outcome, covariates = formula_variables(settings.regression.formula)
        if settings.regression.weights is not None:
            outcome = [*outcome, settings.regression.weights]
    else:
        assert settings.table is not None
        outcome, covariates = [settings.table.rows], [settings.table.columns]
    file = linked_file(pairs, outcome, covariates, variables=settings.variables, block=settings.errors.block)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TallystickWarning)
        if settings.mixture is not None or settings.imputation is not None:
            done = _instead(settings, file)
        else:
            done = _by_errors(settings, file)
    told = [str(one.message) for one in caught if issubclass(one.category, TallystickWarning)]
    for one in caught:
        if not issubclass(one.category, TallystickWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return replace(done, warnings=tuple(dict.fromkeys([*told, *done.errors.warnings, *done.warnings])))


def _by_errors(settings: Analysis, file: LinkedFile) -> AnalysisResult:
    own = own_covariates(settings, file)
    complete = settings.table is not None or bool(own)
    if own:
        _check_both(settings, own)
    errors = errors_of(file, settings.errors, register=settings.register_, complete=complete)
    if settings.table is not None:
        return _table(settings, file, errors)
    return _both_files(settings, file, errors) if own else _regression(settings, file, errors)


def own_covariates(settings: Analysis, file: LinkedFile) -> list[str]:
    """Covariates that stand in the source of the outcome, beside linked ones."""
    if settings.regression is None:
        return []
    return [name for name in formula_variables(settings.regression.formula)[1] if name in file.own]


def _check_both(settings: Analysis, own: Sequence[str]) -> None:
    asked = settings.regression
    assert asked is not None
    wrong = None
    if asked.family != "linear":
        wrong = f'family = "{asked.family}"'
    elif asked.method not in ("auto", "naive"):
        wrong = f'method = "{asked.method}"'
    elif asked.weights is not None:
        wrong = "weights"
    elif asked.variance not in ("auto", "block"):
        wrong = f'variance = "{asked.variance}"'
    if wrong is not None:
        raise InputError(
            f"regression: {', '.join(own)} stands in the source of the outcome, beside linked covariates, "
            "and such a regression is by moments, of the linear family, with standard errors by block; "
            f"{wrong} does not go with it: leave it out, or use a table [imputation]."
        )


def _both_files(settings: Analysis, file: LinkedFile, errors: KnownErrors) -> AnalysisResult:
    """A linear regression with covariates of both sources, by moments."""
    from tallystick.analysis.regressions.both_files import regression_of_both_files

    asked = settings.regression
    assert asked is not None
    assert errors.model is not None
    _check_outcome(asked, file)
    found = regression_of_both_files(
        asked.formula, file.rows, errors.model, linked=list(file.linked), index="link_outcome"
    )
    naive = naive_coefficients(settings, file)
    choice = Choice(
        "moments",
        "covariates stand in both sources: each cross product of linked and own columns is corrected.",
    )
    if asked.method == "naive":
        choice = Choice("naive", "it is the one that the specification asks for.")
    return AnalysisResult(
        settings,
        file,
        errors,
        choice,
        regression=found,
        corrected=naive if asked.method == "naive" else Coefficients.of(found),
        naive=naive,
        variance=found.cov_type,
        blocks=found.n_blocks,
        diagnostics={"linked": _linked(file)} if settings.diagnostics else {},
    )


def _instead(settings: Analysis, file: LinkedFile) -> AnalysisResult:
    """What needs no error model."""
    assert settings.regression is not None
    _check_outcome(settings.regression, file)
    if settings.mixture is not None:
        done = mixture_analysis(settings, file)
    else:
        done = imputation_analysis(settings, file)
    return replace(done, diagnostics={"linked": _linked(file)} if settings.diagnostics else {})


def formula_variables(formula: str) -> tuple[list[str], list[str]]:
    """Variables that the sides of a formula read.

    Parameters
    ----------
    formula : str

    Returns
    -------
    (list of str, list of str)
        Of the outcome and of the covariates, in alphabetical order.

    Raises
    ------
    InputError
        Where it cannot be read.

    Examples
    --------
    >>> formula_variables("np.log(income) ~ age + C(region)")
    (['income'], ['age', 'region'])
    """
    try:
        sides = [sorted(names_in(terms)) for terms in sides_of(formula)]
    except InputError as error:
        raise InputError(f"regression.{error}") from None
    if not sides[0] or not sides[1]:
        raise InputError(f"regression.formula {formula!r} has no variable on one of its sides.")
    return sides[0], sides[1]


def _regression(settings: Analysis, file: LinkedFile, errors: KnownErrors) -> AnalysisResult:
    from tallystick.analysis.regressions.regression import regression

    asked = settings.regression
    assert asked is not None
    assert errors.model is not None
    _check_outcome(asked, file)
    choice = choose_method(asked, settings.errors, record_level=errors.record_level)
    common: dict[str, Any] = {
        "family": asked.family,
        "variance": None if asked.variance == "auto" else asked.variance,
        "weights": asked.weights,
        "index": "link_outcome",
    }
    if errors.register is not None:
        common |= {"register": errors.register, "register_index": "link_record"}

    def fitted(method: str, model: ErrorModel) -> Any:
        return regression(asked.formula, file.rows, model, method=method, **common)

    corrected = fitted(choice.method, errors.model)
    naive = corrected if choice.method == "naive" else fitted("naive", errors.model)
    told: list[str] = []
    diagnostics: dict[str, Any] = {}
    if settings.diagnostics:
        diagnostics, told = _diagnostics(settings, file, errors, choice, corrected)
    return AnalysisResult(
        settings,
        file,
        errors,
        choice,
        regression=corrected,
        corrected=Coefficients.of(corrected),
        naive=Coefficients.of(naive),
        variance=corrected.cov_type,
        blocks=corrected.n_blocks,
        diagnostics=diagnostics,
        warnings=tuple(told),
    )


def _check_outcome(asked: RegressionSettings, file: LinkedFile) -> None:
    kinds = {one.name: one.type for one in file.variables}
    outcome, _ = formula_variables(asked.formula)
    for name in [*outcome, *([asked.weights] if asked.weights else [])]:
        if kinds[name] == "category":
            raise InputError(
                f"{name}: a regression needs numbers, and this column holds categories: give an outcome of "
                "numbers (0 and 1 for the logistic family)."
            )


def _diagnostics(
    settings: Analysis, file: LinkedFile, errors: KnownErrors, choice: Choice, result: Any
) -> tuple[dict[str, Any], list[str]]:
    from tallystick.analysis.regressions.fit import fit

    asked = settings.regression
    assert asked is not None
    assert errors.model is not None
    design, estimate = result.design, result.estimate
    linked_design = errors.model.as_linked(design.X)
    found: dict[str, Any] = {"linked": _linked(file)}
    told: list[str] = []
    q = errors.q
    if result.converged:
        shown = estimate.shown if choice.method not in ("naive", "scheuren-winkler") else None
        found["bands"] = naive_by_band(
            design.y,
            linked_design,
            q,
            design.names,
            family=asked.family,
            shown=shown,
            weights=design.weights,
        )
        if shown is not None:
            check = residuals_by_band(design.y, shown, q)
            found["residuals"] = check
            if check.p_value < SURE_P:
                told.append(
                    "Residuals differ between bands of the chance of a right link (p = "
                    f"{check.p_value:.2g}): linkage may go with the outcome beyond the covariates, or q is "
                    "not that of these links."
                )
    method = choice.method if choice.method in ("ratio", "lahiri-larsen") else "ratio"

    def at(model: ErrorModel) -> tuple[Floats, Floats]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TallystickWarning)
            one = fit(
                design.y,
                design.X,
                model,
                method=method,
                family=asked.family,
                variance=estimate.variance,
                weights=design.weights,
                names=design.names,
            )
        return one.coefficients, one.standard_errors

    points = sensitivity(at, errors.model, errors.mean_q)
    found["sensitivity"] = {"method": method, "names": list(design.names), "points": points}
    return found, told


def _linked(file: LinkedFile) -> list[Any]:
    found: list[Any] = []
    for frame, names, source in (
        (file.outcomes, file.own, file.outcome),
        (file.all_covariates, file.linked, file.covariates),
    ):
        linked = frame["link_made"].to_numpy()
        if linked.all() or not names:
            continue
        found += linked_and_unlinked(frame.select(names), linked, source)
    return found


def _table(settings: Analysis, file: LinkedFile, errors: KnownErrors) -> AnalysisResult:
    from tallystick.analysis.tables.contingency import contingency_table
    from tallystick.analysis.tables.independence import independence_test

    asked = settings.table
    assert asked is not None
    rows = file.rows.with_columns(_as_categories(file.rows, (asked.rows, asked.columns)))
    assert errors.model is not None
    table = contingency_table(asked.rows, asked.columns, errors.model, data=rows, index="link_outcome")
    test = independence_test(table)
    choice = Choice(
        "unbiased",
        "the errors are taken out block by block; the shrunk table has the smaller error where the "
        "association is weak, and the raked one no negative cells.",
    )
    diagnostics: dict[str, Any] = {"linked": _linked(file)} if settings.diagnostics else {}
    return AnalysisResult(settings, file, errors, choice, table=table, test=test, diagnostics=diagnostics)


def _as_categories(rows: pl.DataFrame, names: Sequence[str]) -> list[pl.Series]:
    """Numbers as categories: whole ones without a decimal point."""
    found = []
    for name in names:
        values = rows[name]
        if values.dtype.is_numeric():
            numbers = values.to_numpy()
            if len(np.unique(numbers)) > 50:
                raise InputError(
                    f"{name}: a table needs categories, and this column has {len(np.unique(numbers)):,} "
                    "different numbers: put them into bands in the source, or choose a regression."
                )
            values = pl.Series(name, [f"{one:g}" for one in numbers])
        found.append(values)
    return found
