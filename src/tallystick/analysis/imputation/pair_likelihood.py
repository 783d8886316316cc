"""What the values of two records say about whether they are of one person, given an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.formulas import parse, sides_of
from tallystick.analysis.imputation.conditional_models import (
    Parts,
    fit_parts,
    log_density,
    log_marginal_density,
)
from tallystick.analysis.imputation.frames import TwoFiles, column_of
from tallystick.analysis.imputation.marginals import log_marginal
from tallystick.analysis.imputation.matrices import main_effects, matrix_of, names_of_sides, outcome_of
from tallystick.analysis.imputation.outcome_models import OutcomeModel
from tallystick.analysis.imputation.variables import Variable, variables_of
from tallystick.errors import InputError
from tallystick.preparation.extras import require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairLikelihood:
    """Values of all candidate pairs.

    Attributes
    ----------
    model : OutcomeModel
    names : tuple of str
        Of the p columns of the design.
    y : float64 array, shape (n_pairs,)
        Outcome of each pair.
    design : float64 array, shape (n_pairs, p)
        Its covariates.
    outcome_row, covariate_row : int64 arrays, shape (n_pairs,)
        Rows in the file with the outcome and in the other.
    log_g : float64 array, shape (n_pairs,)
        Log density of y, given the covariates of its own file, whoever is linked.
    variables : tuple of Variable
        Linked covariates, where there are such on both files; else none.
    values, given : float64 arrays, shape (n_pairs, k) and (n_pairs, q)
        Theirs, and the covariates of the other file with a constant.
    log_h : float64 array, shape (n_pairs,)
        Log density of the linked covariates in their file.
    modelled : frozenset of str
        Variables of the analysis.
    """

    model: OutcomeModel
    names: tuple[str, ...]
    y: Floats
    design: Floats
    outcome_row: Ints
    covariate_row: Ints
    log_g: Floats
    variables: tuple[Variable, ...]
    values: Floats
    given: Floats
    log_h: Floats
    modelled: frozenset[str]

    def log_ratio(self, beta: Floats, scale: float, linked: Parts) -> Floats:
        """Log f(y | x; beta) / g(y), and that of the linked covariates, of each pair."""
        found = self.model.log_likelihood(self.y, self.design @ beta, scale) - self.log_g
        if self.variables:
            found += log_density(self.variables, linked, self.values, self.given) - self.log_h
        return found

    def draw_linked(self, chosen: Ints, random: np.random.Generator) -> Parts:
        """Parameters of the linked covariates given those of the other file, drawn given a matching."""
        if not self.variables:
            return ()
        return fit_parts(self.variables, self.values[chosen], self.given[chosen], random)


def pair_likelihood(
    formula: str, files: TwoFiles, model: OutcomeModel, complete: bool, categorical: Sequence[str] = ()
) -> PairLikelihood:
    """Join both files pair by pair, as far as the formula needs it.

    Raises
    ------
    InputError
        Where a variable is in both files or in none, the outcome takes variables of both, all variables are
        in one file, or the outcome is not of its family.
    """
    outcome, covariates = names_of_sides(formula)
    home = {name: files.home_of(name) for name in sorted(outcome | covariates)}
    for name, side in home.items():
        column_of(getattr(files, side), name, side)
    homes = {home[name] for name in outcome}
    if len(homes) != 1:
        raise InputError(f"The outcome of {formula!r} takes columns of both files: it has to be in one.")
    with_outcome = homes.pop()
    own, other, outcome_row, covariate_row = files.sides(with_outcome)
    linked = [name for name in sorted(covariates) if home[name] != with_outcome]
    also = [name for name in sorted(covariates) if home[name] == with_outcome]
    if not linked:
        raise InputError(
            f"All variables of {formula!r} are in the {with_outcome} file: it needs no linkage, and gains "
            "nothing by it."
        )
    y = outcome_of(formula, own)
    model.check(y, formula.partition("~")[0].strip())
    pandas = require("pandas", "Multiple imputation", "analysis")
    joined = pandas.DataFrame(
        {
            **{name: own[name].to_numpy()[outcome_row] for name in also},
            **{name: other[name].to_numpy()[covariate_row] for name in linked},
        }
    )
    design, names = matrix_of(sides_of(formula)[1], joined, "right-hand side")
    given = matrix_of(parse(main_effects(also)), own, "covariates")[0]
    log_g = np.zeros(len(own)) if complete else log_marginal(model, y, given)
    variables: tuple[Variable, ...] = ()
    values, log_h = np.empty((len(outcome_row), 0)), np.zeros(len(outcome_row))
    if also:
        variables, known = variables_of(linked, other, categorical)
        log_h = log_marginal_density(variables, known)[covariate_row]
        values = known[covariate_row]
    return PairLikelihood(
        model,
        names,
        y[outcome_row],
        design,
        outcome_row,
        covariate_row,
        log_g[outcome_row],
        variables,
        values,
        given[outcome_row],
        log_h,
        outcome | covariates,
    )
