"""Which variables a formula needs, and its matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.preparation.extras import require

Floats = NDArray[np.float64]


def sides_of(formula: str) -> tuple[frozenset[str], frozenset[str]]:
    """Variables of the outcome and of the right-hand side of a formula with both.

    Examples
    --------
    >>> outcome, covariates = sides_of("log(y) ~ x + z:x")
    >>> sorted(outcome), sorted(covariates)
    (['y'], ['x', 'z'])
    """
    parsed = parse(formula)
    if not hasattr(parsed, "lhs"):
        raise InputError(f"The formula {formula!r} has no outcome: write it as 'y ~ x'.")
    return frozenset(map(str, parsed.lhs.required_variables)), frozenset(
        map(str, parsed.rhs.required_variables)
    )


def parse(formula: str) -> Any:
    """A formula of formulaic."""
    formulaic = require("formulaic", "Multiple imputation", "analysis")
    try:
        return formulaic.Formula(formula)
    except Exception as error:  # its parser has many classes of errors
        raise InputError(f"The formula {formula!r} cannot be read: {_first_line(error)}") from None


def matrix_of(terms: Any, frame: Any, what: str) -> tuple[Floats, tuple[str, ...]]:
    """The matrix of one side of a formula, and the names of its columns."""
    try:
        found = terms.get_model_matrix(frame, context={}, na_action="raise")
    except Exception as error:  # evaluates what the user wrote
        raise InputError(f"The {what} of the formula cannot be worked out: {_first_line(error)}") from None
    values = np.asarray(found, np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"The {what} of the formula has values that are no numbers (a logarithm of 0?).")
    return values, tuple(map(str, found.columns))


def outcome_of(formula: str, frame: Any) -> Floats:
    """The outcome of a formula, shape (n,)."""
    values, names = matrix_of(parse(formula).lhs, frame, "outcome")
    if values.shape[1] != 1:
        raise InputError(f"The outcome of the formula has {len(names)} columns; it takes one, as numbers.")
    return values[:, 0]


def _first_line(error: Exception) -> str:
    return "".join(letter for letter in str(error).partition("\n")[0] if letter.isprintable())
