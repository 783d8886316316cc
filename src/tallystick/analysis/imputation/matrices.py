"""Variables and matrices of a formula whose columns are of two files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.formulas import first_line, names_in, sides_of, stateful_call
from tallystick.errors import InputError

Floats = NDArray[np.float64]


def names_of_sides(formula: str) -> tuple[frozenset[str], frozenset[str]]:
    """Variables of the outcome and of the right side of a formula.

    Parameters
    ----------
    formula : str

    Returns
    -------
    (frozenset of str, frozenset of str)

    Raises
    ------
    InputError
        Where it is not one outcome and one right side, or has a term that depends on all rows at once.

    Examples
    --------
    >>> outcome, covariates = names_of_sides("log(y) ~ x + z:x")
    >>> sorted(outcome), sorted(covariates)
    (['y'], ['x', 'z'])
    """
    outcome, covariates = sides_of(formula)
    call = stateful_call([*outcome, *covariates])
    if call is not None:
        raise InputError(
            f"formula {formula!r}: {call!r} depends on all rows at once, which differ between imputations, "
            "so that its coefficients could not be pooled: write it with fixed numbers, such as I(x - 40)."
        )
    return frozenset(names_in(outcome)), frozenset(names_in(covariates))


def main_effects(names: Iterable[str]) -> str:
    """The right-hand side with the constant and each variable by itself, in the order of their names."""
    return " + ".join(["1", *(f"`{name}`" for name in sorted(names))])


def matrix_of(terms: Any, frame: Any, what: str) -> tuple[Floats, tuple[str, ...]]:
    """The matrix of one side of a formula, and the names of its columns."""
    try:
        found = terms.get_model_matrix(frame, context={}, na_action="raise")
    except Exception as error:  # evaluates what the user wrote
        raise InputError(f"The {what} of the formula cannot be worked out: {first_line(error)}") from None
    values = np.asarray(found, np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"The {what} of the formula has values that are no numbers (a logarithm of 0?).")
    return values, tuple(map(str, found.columns))


def outcome_of(formula: str, frame: Any) -> Floats:
    """The outcome of a formula, shape (n,)."""
    values, names = matrix_of(sides_of(formula)[0], frame, "outcome")
    if values.shape[1] != 1:
        raise InputError(f"The outcome of the formula has {len(names)} columns; it takes one, as numbers.")
    return values[:, 0]
