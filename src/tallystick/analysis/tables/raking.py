"""A table with negative cells made one without, that keeps its margins."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.errors import InputError, TallystickWarning


@dataclass(frozen=True, eq=False)
class Raked:
    """A table raked to margins.

    Attributes
    ----------
    table : float64 array, shape (n_rows, n_columns)
        No cell negative; not a number where the margins could not be met.
    converged : bool
        Whether the margins are met.
    steps : int
        How often rows and columns were fitted.
    """

    table: Floats
    converged: bool
    steps: int


def rake(
    table: Floats, rows: Floats, columns: Floats, *, tolerance: float = 1e-10, max_steps: int = 10_000
) -> Raked:
    """Negative cells set to zero and the rest fitted to margins by turns.

    Iterative proportional fitting (Deming and Stephan 1940). Cells of zero stay so: there are tables whose
    zeros no factors can fit to the margins, and then this does not converge.

    Parameters
    ----------
    table : float64 array, shape (n_rows, n_columns)
        Cells may be negative.
    rows, columns : float64 arrays, shapes (n_rows,) and (n_columns,)
        Margins, with the same sum.
    tolerance : float
        Largest error of a margin, as a share of the total.
    max_steps : int
        Steps after which it is given up.

    Returns
    -------
    Raked
        Of NaN, with a `TallystickWarning`, where it did not converge.

    Raises
    ------
    InputError
        Where a margin is negative or the two differ in their sum.

    Examples
    --------
    >>> import numpy as np
    >>> rake(np.array([[52.0, -2], [8, 42]]), np.array([50.0, 50]), np.array([60.0, 40])).table.round(4)
    array([[50.,  0.],
           [10., 40.]])
    """
    total = float(rows.sum())
    if (rows < 0).any() or (columns < 0).any() or not np.isclose(total, columns.sum()):
        raise InputError(
            f"Margins to be raked to must not be negative and must have one sum: rows have {total:g}, "
            f"columns {columns.sum():g}."
        )
    fitted = np.maximum(table, 0.0)
    for step in range(1, max_steps + 1):
        fitted = fitted * _factors(rows, fitted.sum(axis=1))[:, None]
        fitted = fitted * _factors(columns, fitted.sum(axis=0))[None, :]
        error = max(np.abs(fitted.sum(axis=1) - rows).max(), np.abs(fitted.sum(axis=0) - columns).max())
        if error <= tolerance * total:
            return Raked(fitted, True, step)
    warnings.warn(
        f"The table with its negative cells set to zero could not be raked to the margins in {max_steps:,} "
        "steps: the raked table is not a number. Join rows or columns with few records.",
        TallystickWarning,
        stacklevel=2,
    )
    return Raked(np.full_like(fitted, np.nan), False, max_steps)


def _factors(wanted: Floats, found: Floats) -> Floats:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)
