"""Equivocal links as missing values, imputed with what is known of the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.formulas import names_in, parse
from tallystick.analysis.imputation.candidate_weights import Candidates, candidates_of, draw_donors
from tallystick.analysis.imputation.conditional_models import (
    draw_values,
    fit_parts,
    log_density,
    log_marginal_density,
)
from tallystick.analysis.imputation.frames import TwoFiles, column_of, two_files
from tallystick.analysis.imputation.imputed import Imputations, check_congenial
from tallystick.analysis.imputation.matrices import main_effects, matrix_of, names_of_sides
from tallystick.analysis.imputation.variables import Variable, variables_of
from tallystick.errors import InputError
from tallystick.preparation.extras import require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES = ("density-ratio", "threshold", "standard")


@dataclass(frozen=True, eq=False, kw_only=True)
class EquivocalImputations(Imputations):
    """The primary file with the variables of the other one, completed several times.

    Attributes
    ----------
    variables : tuple of Variable
        Those that are imputed, in the order of their models.
    values : float64 array, shape (D, n, k)
        Numbers and codes of categories.
    donor : int64 array, shape (D, n)
        Row of the other file whose values each record has; -1 where they were drawn from the model.
    primary : pandas.DataFrame
        The primary file.
    n_unequivocal, n_equivocal, n_without : int
        Records whose link is taken as right, those with candidates in doubt, and those without candidates.
    """

    variables: tuple[Variable, ...]
    values: Floats
    donor: Ints
    primary: Any
    n_unequivocal: int
    n_equivocal: int
    n_without: int

    @property
    def n_imputations(self) -> int:
        """D."""
        return len(self.values)

    def table(self, k: int) -> Any:
        """The primary file with the imputed columns, categories the same in all of them."""
        pandas = require("pandas", "Multiple imputation", "analysis")
        table = self.primary.copy()
        for j, variable in enumerate(self.variables):
            column: Any = variable.decoded(self.values[k, :, j])
            if variable.categories is not None:
                numeric = all(isinstance(value, (int, float, np.number)) for value in variable.categories)
                column = (
                    column.astype(np.float64)
                    if numeric
                    else pandas.Categorical(column, list(variable.categories))
                )
            table[variable.name] = column
        return table


def impute_equivocal(
    formula: str,
    left: Any,
    right: Any,
    pairs: Any,
    *,
    primary: str = "left",
    left_id: str = "id",
    right_id: str = "id",
    probability: str = "posterior",
    predictors: str | None = None,
    categorical: Sequence[str] = (),
    rule: str = "density-ratio",
    unequivocal: float = 0.95,
    lower: float = 0.9,
    family: str = "linear",
    n_imputations: int = 20,
    sweeps: int = 3,
    burn_in: int = 10,
    seed: int = 0,
) -> EquivocalImputations:
    """Impute the variables of the other file where it is in doubt which record is the right one.

    Records of the primary file whose best candidate has a probability of `unequivocal` or more have its
    values. For the others Gibbs sampling alternates between the parameters of f(z | x, y), given completed
    data, and their values: those of candidate j with a weight of

        p_ij f(z_j | x_i, y_i) / g(z_j),

    g the density of z in the other file, or, with the weight p_i0 of none of them, values drawn from f.

    Parameters
    ----------
    formula : str
        The analysis, such as ``"y ~ x + z"``. Variables that only the other file has are imputed (several of
        them together, from one record).
    left, right : tables
        The files, with a column of ids each.
    pairs : table
        Columns ``id_left``, ``id_right`` and `probability`, a row per candidate pair: as ``links.parquet`` of
        a run.
    primary : {"left", "right"}
        The file with the records that are analysed; each record of it is kept.
    left_id, right_id : str
        Columns of ids.
    probability : str
        Column of calibrated probabilities that the pair is a match; what they lack to 1, over the candidates
        of a record, is p_i0.
    predictors : str, optional
        Right-hand side of the model of what is imputed, such as ``"y * x + age"``. It must hold the outcome;
        by default all other variables of the analysis.
    categorical : sequence of str
        Numeric columns that are categories. Texts, truth values and numbers with two values are categories
        anyway.
    rule : {"density-ratio", "threshold", "standard"}
        "threshold": the published rule. The candidate with the largest p_ij f(z_j | x_i, y_i), among
        candidates, if its share is above `lower`; else f. "standard": f alone, for comparison.
    unequivocal : float, default 0.95
    lower : float, default 0.9
    family : {"linear", "logistic", "poisson"}
        Of the analysis.
    n_imputations : int, default 20
    sweeps, burn_in : int
        Sweeps of the Gibbs sampler between two imputations, and before the first.
    seed : int

    Returns
    -------
    EquivocalImputations
        Its `regression()` gives the pooled analysis.

    Raises
    ------
    InputError
        Where the model of what is imputed lacks the outcome, a variable is in both files or in none, values
        are missing, probabilities are none, or too few records are unequivocal to begin with.

    Notes
    -----
    It rests on calibrated probabilities; on a right model f, which is joint normal for numbers and
    multinomial logit for categories, one variable after the other; and on equivocal records not differing
    from others given x and y. Without g a candidate is favoured for values that are common, and the
    association of z and x is made too strong.

    References
    ----------
    Goldstein, H., Harron, K. and Wade, A. (2012). The analysis of record-linked data using multiple
    imputation with data value priors. Statistics in Medicine 31, 3481-3493.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> z, x = random.normal(size=60), random.normal(size=60)
    >>> left = {"id": np.arange(60), "x": x, "y": 1 + x + 2 * z + random.normal(size=60)}
    >>> right = {"id": np.arange(60), "z": z}
    >>> pairs = {
    ...     "id_left": np.repeat(np.arange(60), 2),
    ...     "id_right": np.stack((np.arange(60), (np.arange(60) + 1) % 60), axis=1).reshape(-1),
    ...     "posterior": np.where(np.arange(120) % 2, 0.0, 1.0),
    ... }
    >>> pairs["posterior"][:20] = 0.5
    >>> found = impute_equivocal("y ~ x + z", left, right, pairs)
    >>> found.n_unequivocal, found.n_equivocal
    (50, 10)
    >>> found.regression().params.index.tolist()
    ['Intercept', 'x', 'z']
    """
    if primary not in ("left", "right"):
        raise InputError(f"primary: {primary!r} is neither 'left' nor 'right'.")
    if rule not in RULES:
        raise InputError(f"rule: {rule!r} is none of {', '.join(RULES)}.")
    if n_imputations < 2 or sweeps < 1 or burn_in < 0:
        raise InputError("n_imputations is 2 or more (better 20), sweeps 1 or more, burn_in 0 or more.")
    for name, share in (("unequivocal", unequivocal), ("lower", lower)):
        if not 0 < share <= 1:
            raise InputError(f"{name}: {share} is no share above 0 and up to 1.")
    files = two_files(left, right, pairs, left_id=left_id, right_id=right_id, value=probability)
    own, other, row, donor_row = files.sides(primary)
    here, there = primary, "right" if primary == "left" else "left"
    names = _imputed_names(formula, files, there)
    for name in names:
        column_of(other, name, there)
    variables, donors = variables_of(names, other, categorical)
    x, modelled = _predictors(formula, predictors, own, here, names)
    check_congenial(formula, modelled | frozenset(names))
    candidates = candidates_of(row, donor_row, files.value, len(own), unequivocal)

    random = np.random.default_rng(seed)
    log_g = log_marginal_density(variables, donors)
    values, chosen = np.empty((len(own), len(names))), np.full(len(own), -1, np.int64)
    sure = candidates.sure_donor >= 0
    chosen[sure] = candidates.sure_donor[sure]
    values[sure] = donors[chosen[sure]]
    if np.count_nonzero(sure) <= x.shape[1] + len(names):
        raise InputError(
            f"{np.count_nonzero(sure)} records have an unequivocal link (a probability of {unequivocal:g} or "
            "more): too few to begin with; lower unequivocal, or see whether the probabilities are right."
        )
    parts = fit_parts(variables, values[sure], x[sure], random)
    kept, kept_donors = [], []
    for sweep in range(burn_in + sweeps * n_imputations):
        drawn = _draw_donors(candidates, rule, lower, variables, parts, donors, log_g, x, random)
        chosen[~sure] = drawn
        modelled_rows = np.flatnonzero(chosen < 0)
        values[modelled_rows] = draw_values(variables, parts, x[modelled_rows], random)
        linked_rows = np.flatnonzero(chosen >= 0)
        values[linked_rows] = donors[chosen[linked_rows]]
        parts = fit_parts(variables, values, x, random)
        if sweep >= burn_in and (sweep - burn_in + 1) % sweeps == 0:
            kept.append(values.copy())
            kept_donors.append(chosen.copy())
    return EquivocalImputations(
        formula=formula,
        family=family,
        modelled=modelled | frozenset(names),
        seed=seed,
        variables=variables,
        values=np.array(kept),
        donor=np.array(kept_donors),
        primary=own,
        n_unequivocal=int(np.count_nonzero(sure)),
        n_equivocal=candidates.n_open,
        n_without=len(own) - int(np.count_nonzero(sure)) - candidates.n_open,
    )


def _draw_donors(
    candidates: Candidates,
    rule: str,
    lower: float,
    variables: Sequence[Variable],
    parts: Any,
    donors: Floats,
    log_g: Floats,
    x: Floats,
    random: np.random.Generator,
) -> Ints:
    """Donor of each record that is not sure, or -1."""
    if rule == "standard":
        return np.full(int(np.count_nonzero(candidates.sure_donor < 0)), -1, np.int64)
    log_f = log_density(variables, parts, donors[candidates.donor], x[candidates.row])
    return draw_donors(
        candidates, log_f, log_g[candidates.donor], lower if rule == "threshold" else None, random
    )


def _imputed_names(formula: str, files: TwoFiles, there: str) -> tuple[str, ...]:
    outcome, covariates = names_of_sides(formula)
    home = {name: files.home_of(name) for name in sorted(outcome | covariates)}
    names = tuple(name for name in home if home[name] == there)
    if not names:
        here = "left" if there == "right" else "right"
        raise InputError(
            f"All variables of the formula are in the {here} file, so that nothing is to be taken from the "
            f"{there} one."
        )
    return names


def _predictors(
    formula: str, predictors: str | None, own: Any, what: str, names: Sequence[str]
) -> tuple[Floats, frozenset[str]]:
    """Covariates of the model of what is imputed, and the variables that it has."""
    if predictors is None:
        outcome, covariates = names_of_sides(formula)
        predictors = main_effects((outcome | covariates) - set(names))
    parsed = parse(predictors)
    if hasattr(parsed, "lhs"):
        raise InputError(f"predictors: {predictors!r} has an outcome; give the right-hand side alone.")
    needed = frozenset(names_in(parsed))
    for name in sorted(needed):
        column_of(own, name, what)
    return matrix_of(parsed, own, "predictors")[0], needed
