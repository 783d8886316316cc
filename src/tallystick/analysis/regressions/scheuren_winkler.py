"""Scheuren and Winkler's adjustment: outcomes less their estimated bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.weighted import Weighted
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.analysis.error_models.posterior import Posterior


def of_candidates(model: ErrorModel) -> TypeGuard[Posterior]:
    """Whether a model has probabilities of candidates; told without importing what makes them."""
    return hasattr(model, "matrix")


def check_times(method: str, times: int) -> None:
    """Refuse a number of adjustments that is none, or that the method would ignore."""
    if times < 1:
        raise InputError(f"times: {times} is below 1.")
    if times != 1 and method != "scheuren-winkler":
        raise InputError(
            f'times={times} is of the method "scheuren-winkler"; {method!r} has no such setting.'
        )


def adjusted_outcomes(model: ErrorModel, y: Floats, times: int = 1) -> Floats:
    """y* - B with B = Q y* - y*, repeated: sum over j from 0 to `times` of (I - Q)^j y*.

    The first terms of the Neumann series of Q^-1 y*. The bias of a slope that one adjustment leaves is
    -(1 - a)^2 times the slope under exchangeable errors in one block, that of `times` adjustments
    -(1 - a)^(times + 1) (Scheuren and Winkler 1993, with the whole of Q in place of the two best candidates).
    With posterior probabilities B is theirs: (q_1 - 1) y_1 + q_2 y_2, of the linked outcome and the next best
    one of the same record.

    Parameters
    ----------
    model : ErrorModel
        Of complete linkage, or posterior probabilities.
    y : float64 array, shape (n_links,) or (n_links, p)
        Outcomes as linked.
    times : int
        Adjustments.

    Returns
    -------
    float64 array, of the shape of y

    Examples
    --------
    >>> import numpy as np
    >>> from tallystick.analysis import exchangeable
    >>> adjusted_outcomes(exchangeable([0, 0, 0], 0.8), np.array([0.0, 0, 3])).round(2)
    array([-0.3, -0.3,  3.6])
    """
    if of_candidates(model):
        if times != 1:
            raise InputError(f"times={times}: of two candidates a record there is one adjustment.")
        return _by_two_candidates(model, y)
    if model.n_links != model.n_register or isinstance(model, Weighted):
        n = float(model.sizes.sum()) if isinstance(model, Weighted) else model.n_register
        raise InputError(
            f'method="scheuren-winkler" is of complete linkage; here {model.n_links} links are of '
            f'{n:.6g} records: take method="ratio" or "lahiri-larsen".'
        )
    total = left = y
    for _ in range(times):
        left = left - model.expected(left)
        total = total + left
    return total


def _by_two_candidates(model: Posterior, y: Floats) -> Floats:
    """Adjusted outcomes of rows with a link, NaN of others."""
    found = np.full(len(y), np.nan)
    rows = np.flatnonzero(model.has_link)
    by_record = model.matrix.tocsc()
    records = model.linked[rows]
    begin, end = by_record.indptr[records], by_record.indptr[records + 1]
    counts = end - begin
    at = np.repeat(begin - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
    of, candidate, chance = np.repeat(np.arange(len(rows)), counts), by_record.indices[at], by_record.data[at]
    own = candidate == rows[of]
    first = np.zeros(len(rows))
    first[of[own]] = chance[own]
    of, candidate, chance = of[~own], candidate[~own], chance[~own]
    order = np.lexsort((candidate, -chance, of))
    best = order[np.unique(of[order], return_index=True)[1]]
    second = np.zeros(len(rows))
    second[of[best]] = chance[best] * y[candidate[best]]
    found[rows] = y[rows] - ((first - 1) * y[rows] + second)
    return found


def adjustment(model: ErrorModel, instruments: Floats, times: int = 1) -> Floats:
    """P'G, with P the matrix of `adjusted_outcomes`; Q is symmetric where linkage is complete."""
    return adjusted_outcomes(model, instruments, times)


def adjustment_derivative(
    model: ErrorModel, instruments: Floats, mean: Floats, times: int = 1
) -> tuple[Floats, Floats]:
    """What the derivative of the score by q is of: G'(dP/dq) y* is -H'(dQ/dq) Q mu on average.

    Parameters
    ----------
    model : ErrorModel
        Of complete linkage.
    instruments : float64 array, shape (n_links, p)
        G.
    mean : float64 array, shape (n_register,)
        mu.
    times : int
        Adjustments.

    Returns
    -------
    (float64 array of shape (n_links, p), float64 array of shape (n_register,))
        H = sum over j from 1 to `times` of j (I - Q)^(j - 1) G, and Q mu.
    """
    found, power = instruments, instruments
    for j in range(2, times + 1):
        power = power - model.expected(power)
        found = found + j * power
    return found, model.expected(mean)
