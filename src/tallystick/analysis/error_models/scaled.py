"""The same errors, but more or fewer of them: how much an estimate depends on the number of wrong links."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError


@dataclass(frozen=True, eq=False)
class Scaled(ErrorModel):
    """An error model whose wrong links are `times` as many.

    With probability 1 - t a row is as linked and else as the model has it, so that Q_t = (1 - t) L + t Q
    with L the links as they are. For t above 1 this is the same line gone on. Exchangeable errors scaled
    are exchangeable: 1 - q becomes t (1 - q).

    Attributes
    ----------
    model : ErrorModel
        The errors at t = 1.
    times : float
        t; at 0 all links are right.

    Examples
    --------
    >>> from tallystick.analysis import exchangeable
    >>> v = np.array([0.0, 0, 3])
    >>> Scaled(exchangeable([0, 0, 0], 0.7), 2.0).expected(v), exchangeable([0, 0, 0], 0.4).expected(v)
    (array([0.9, 0.9, 1.2]), array([0.9, 0.9, 1.2]))
    """

    model: ErrorModel
    times: float
    groups: Ints = field(init=False)
    precision: LinkPrecision | None = field(init=False, default=None)
    index: NDArray[Any] | None = field(init=False)
    register_index: NDArray[Any] | None = field(init=False)

    def __post_init__(self) -> None:
        """Rows are those of the model."""
        if not self.times >= 0:
            raise InputError(f"times: errors cannot be {self.times:g} times as many: give 0 or more.")
        for name in ("groups", "index", "register_index"):
            object.__setattr__(self, name, getattr(self.model, name))

    @property
    def n_links(self) -> int:
        """That of the model."""
        return self.model.n_links

    @property
    def n_register(self) -> int:
        """That of the model."""
        return self.model.n_register

    def as_linked(self, values: Floats) -> Floats:
        """That of the model."""
        return self.model.as_linked(values)

    def expected(self, values: Floats) -> Floats:
        """(1 - t) L v + t Q v."""
        linked, expected = self.model.as_linked(values), self.model.expected(values)
        return (1 - self.times) * linked + self.times * expected

    def inverse(self, values: Floats) -> Floats:
        """Refused: it is no sum of the two inverses."""
        raise InputError(
            'Scaled errors have no inverse in closed form: take method="ratio" or "lahiri-larsen" for a '
            "curve over q, which need none."
        )

    def variance(self, values: Floats) -> Floats:
        """Of the mixture: t (V + (Q v)^2) + (1 - t) (L v)^2 - (Q_t v)^2, not below 0."""
        linked, expected = self.model.as_linked(values), self.model.expected(values)
        of_wrong = self.model.variance(values) + expected**2
        squares = self.times * of_wrong + (1 - self.times) * linked**2
        return np.asarray(np.maximum(squares - self.expected(values) ** 2, 0.0), np.float64)

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Sum of V_i g_i g_i': covariances between rows are left out."""
        found: Floats = weights.T @ rows_times(self.variance(values), weights)
        return found
