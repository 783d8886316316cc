"""Formulas as formulaic reads them: their sides, and the variables that these need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tallystick.errors import InputError
from tallystick.preparation.extras import require


def parse(formula: str) -> Any:
    """A formula of formulaic, of one side or two.

    Parameters
    ----------
    formula : str

    Returns
    -------
    formulaic.Formula

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    formulaic = require("formulaic", "the formula", "analysis")
    try:
        return formulaic.Formula(formula)
    except Exception as error:  # its parser has many classes of errors
        raise InputError(f"formula {formula!r} cannot be read: {first_line(error)}") from None


def sides_of(formula: str) -> tuple[Any, Any]:
    """Terms of the outcome and of the covariates.

    Parameters
    ----------
    formula : str

    Returns
    -------
    (formulaic.SimpleFormula, formulaic.SimpleFormula)

    Raises
    ------
    InputError
        Where it cannot be read, or is not one outcome and one right side.
    """
    found = parse(formula)
    sides = getattr(found, "lhs", None), getattr(found, "rhs", None)
    if any(side is None or isinstance(side, tuple) for side in sides):
        raise InputError(
            f'formula {formula!r}: write outcome, tilde, covariates, such as "income ~ age + region".'
        )
    return sides


def names_in(terms: Iterable[Any]) -> set[str]:
    """Columns that terms need, those within the calls of stateful functions included.

    formulaic itself overlooks these: of ``bs(x, df=4)`` it names no variable.

    Parameters
    ----------
    terms : iterable of formulaic.Term
        A side of a formula.

    Returns
    -------
    set of str

    Examples
    --------
    >>> outcome, covariates = sides_of("np.log(y) ~ bs(x, df=4) + C(g, contr.sum):z")
    >>> names_in(outcome), sorted(names_in(covariates))
    ({'y'}, ['g', 'x', 'z'])
    """
    return {name for term in terms for factor in term.factors for name in _of_factor(factor)}


def stateful_call(terms: Iterable[Any]) -> str | None:
    """The first factor that depends on all rows at once, such as ``bs(x, df=4)`` or ``center(x)``.

    Parameters
    ----------
    terms : iterable of formulaic.Term

    Returns
    -------
    str or None
    """
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.variables import get_required_variables

    for term in terms:
        for factor in term.factors:
            if factor.eval_method.value != "python":
                continue
            called = {str(name) for name in get_required_variables(factor.expr)} & set(TRANSFORMS)
            called -= {"Q"}  # only quotes a name
            if any(getattr(TRANSFORMS[name], "__is_stateful_transform__", False) for name in called):
                return str(factor.expr)
    return None


def first_line(error: Exception) -> str:
    """The first line of another library's message, without its marks."""
    text = str(error).partition("\n")[0]
    return "".join(letter for letter in text if letter.isprintable()).strip().rstrip(".") + "."


def _of_factor(factor: Any) -> set[str]:
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.variables import get_required_variables

    if factor.eval_method.value != "python":
        return {str(name) for name in factor.required_variables}
    called = factor.required_variables | {
        name for name in get_required_variables(factor.expr) if "value" in name.roles or "." in name
    }
    return {str(name.root) for name in called if name.root not in TRANSFORMS}
