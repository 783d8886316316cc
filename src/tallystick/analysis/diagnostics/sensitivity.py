"""What a corrected estimate would be were there more wrong links, or fewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.scaled import Scaled

TIMES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
"""How many times as many wrong links a curve is drawn for."""


@dataclass(frozen=True)
class SensitivityPoint:
    """The estimate, were the wrong links `times` as many.

    Attributes
    ----------
    times : float
    q : float
        Mean chance of a right link then.
    estimates, standard_errors : tuple of float
        NaN where the equations have no solution.
    """

    times: float
    q: float
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]


def sensitivity(
    estimate: Callable[[ErrorModel], tuple[Floats, Floats]],
    model: ErrorModel,
    q: float,
    times: Sequence[float] = TIMES,
) -> tuple[SensitivityPoint, ...]:
    """The estimate over q: what it would be with fewer wrong links, and with more.

    Of one block the slope of a linear model is in proportion to 1 / a, so that d log(b) / d a = -1 / a.

    Parameters
    ----------
    estimate : callable
        From an error model to estimates and their standard errors; NaN where there is no solution.
    model : ErrorModel
        The errors as they are taken to be.
    q : float
        Mean chance of a right link under it.
    times : sequence of float
        How many times as many wrong links there are; what would make q negative is left out.

    Returns
    -------
    tuple of SensitivityPoint

    Examples
    --------
    >>> import numpy as np
    >>> from tallystick.analysis import exchangeable, fit
    >>> X = np.column_stack([np.ones(4), [0.0, 1, 2, 3]])
    >>> model = exchangeable([0] * 4, 0.85)
    >>> y = model.expected(X @ [1.0, 2.0])
    >>> def slope(errors):
    ...     found = fit(y, X, errors, variance="centred")
    ...     return found.coefficients, found.standard_errors
    >>> [(point.q, round(point.estimates[1], 3)) for point in sensitivity(slope, model, 0.85, (0.0, 1.0))]
    [(1.0, 1.6), (0.85, 2.0)]
    """
    found = []
    for one in times:
        if 1 - one * (1 - q) < 0:
            continue
        values, errors = estimate(model if one == 1 else Scaled(model, one))
        found.append(
            SensitivityPoint(
                float(one), 1 - one * (1 - q), tuple(map(float, values)), tuple(map(float, errors))
            )
        )
    return tuple(found)
