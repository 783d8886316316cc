"""Columns of a design that say the same, and a basis in which the others are easy to solve for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from tallystick.errors import InputError

Floats = NDArray[np.float64]

SMALLEST = 1e-10
"""A column of which less than this share is its own is a combination of the others."""


def basis(columns: Floats, names: Sequence[str], what: str) -> Floats:
    """Combinations of the columns that are orthogonal and of mean square 1.

    Solved for in these, an estimate does not depend on the units of the covariates, and loses no digits to
    them.

    Parameters
    ----------
    columns : float64 array, shape (n, p)
        What the coefficients are identified by: X, or Q X.
    names : sequence of str
        Of the columns.
    what : str
        What the columns are, for the message: "The design".

    Returns
    -------
    float64 array, shape (p, p)
        T with (columns T)'(columns T) = n I; coefficients are T times those of the basis.

    Raises
    ------
    InputError
        Where a column is a combination of others; it names them.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 9.0]])
    >>> T = basis(X, ["a", "b"], "The design")
    >>> np.abs((X @ T).T @ (X @ T)).round(6)
    array([[3., 0.],
           [0., 3.]])
    """
    n, p = columns.shape
    if n < p:
        raise InputError(f"{what} has {n} rows and {p} columns: there is no estimate; leave covariates out.")
    size = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    if not size.all():
        name = names[int(np.flatnonzero(size == 0)[0])]
        level = (
            " (a category that no row has: take it off the categories of the column)" if "[" in name else ""
        )
        raise InputError(f"{what}: the column {name!r} is 0 in all rows; leave it out{level}.")
    r = np.asarray(np.linalg.qr(columns / size, mode="r"), np.float64)
    pivoted, order = qr(r, mode="r", pivoting=True)[-2:]
    own = np.abs(np.diag(pivoted))
    if own[-1] <= SMALLEST * own[0]:
        rank = int((own > SMALLEST * own[0]).sum())
        on = np.linalg.lstsq(pivoted[:rank, :rank], pivoted[:rank, rank], rcond=None)[0]
        others = [repr(names[order[k]]) for k in np.flatnonzero(np.abs(on) > 1e-6)]
        raise InputError(
            f"{what} is singular: the column {names[order[rank]]!r} is a combination of "
            f"{', '.join(others)}; leave one of them out."
        )
    found: Floats = solve_triangular(r, np.eye(p)) * np.sqrt(n) / size[:, None]
    return found
