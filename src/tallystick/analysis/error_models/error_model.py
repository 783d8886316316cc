"""The contract of an error model: what the rows of a linked file are expected to show.

A linked file has a row per link. Its covariates are those of the record that the row is about, its outcome
y* may belong to another: y* = C y, where C moves outcomes between records. Linkage is taken to be
non-informative, C independent of y given X, and all that an analysis needs of C is Q = E[C | X]:

    E[y* | X] = Q mu(X)                                           (Chambers 2009; Lahiri and Larsen 2005)

Q goes from the *register*, the records whose covariates are known (with complete linkage the rows of the
linked file themselves), to the rows of the linked file. No model ever builds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ErrorModel(ABC):
    """Expected values, variances and uncertainty under linkage errors.

    Attributes
    ----------
    n_links : int
        Number of rows of the linked file.
    n_register : int
        Number of records whose covariates are known; `n_links` where linkage is complete.
    groups : int64 array, shape (n_links,)
        Which block or component a row is of, from 0: rows of different groups are independent.
    precision : LinkPrecision or None
        The chances q that links are right which the model rests on, with their uncertainty; None where it
        rests on none.
    index : array, shape (n_links,), or None
        Names of the rows, where data have such: data are put in this order, never taken by position.
    register_index : array, shape (n_register,), or None
        The same of the register.
    """

    groups: Ints
    precision: LinkPrecision | None
    index: NDArray[Any] | None
    register_index: NDArray[Any] | None

    @property
    @abstractmethod
    def n_links(self) -> int:
        """Number of rows of the linked file."""

    @property
    @abstractmethod
    def n_register(self) -> int:
        """Number of records of the register."""

    @property
    def n_groups(self) -> int:
        """Number of blocks or components."""
        return int(self.groups.max(initial=-1)) + 1

    @property
    def of_the_rows(self) -> bool:
        """Whether the register is the rows of the linked file themselves, in their order."""
        rows = np.arange(self.n_links, dtype=np.float64)
        return self.n_register == self.n_links and bool(np.array_equal(self.as_linked(rows), rows))

    @abstractmethod
    def as_linked(self, values: Floats) -> Floats:
        """Values of the record that each row names: what an analysis without correction uses.

        Parameters
        ----------
        values : float64 array, shape (n_register,) or (n_register, k)
            A value per record of the register.

        Returns
        -------
        float64 array, shape (n_links,) or (n_links, k)
        """

    @abstractmethod
    def expected(self, values: Floats) -> Floats:
        """Q v: what each row is expected to show.

        Parameters
        ----------
        values : float64 array, shape (n_register,) or (n_register, k)
            A value per record of the register, such as its mean outcome.

        Returns
        -------
        float64 array, shape (n_links,) or (n_links, k)
        """

    @abstractmethod
    def inverse(self, values: Floats) -> Floats:
        """Q^-1 v, the values whose expectation under linkage errors is v.

        Parameters
        ----------
        values : float64 array, shape (n_links,) or (n_links, k)
            A value per row.

        Returns
        -------
        float64 array, shape (n_register,) or (n_register, k)

        Raises
        ------
        InputError
            Where Q has no inverse, or one that multiplies noise beyond use; it says what to do instead.
        """

    @abstractmethod
    def variance(self, values: Floats) -> Floats:
        """V_i = Var((C v)_i): how much what a row shows varies by the linkage alone.

        Parameters
        ----------
        values : float64 array, shape (n_register,)
            A value per record of the register.

        Returns
        -------
        float64 array, shape (n_links,)
        """

    @abstractmethod
    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Var(G' C v), covariances between the rows included.

        Parameters
        ----------
        weights : float64 array, shape (n_links, p)
            G.
        values : float64 array, shape (n_register,)
            v.

        Returns
        -------
        float64 array, shape (p, p)
        """

    def uncertainty(self, weights: Floats, values: Floats) -> Floats:
        """Variance of G' Q v that comes of Q being estimated; zero where it is known.

        Parameters
        ----------
        weights : float64 array, shape (n_links, p)
            G.
        values : float64 array, shape (n_register,)
            v.

        Returns
        -------
        float64 array, shape (p, p)
        """
        return self._propagated(self.precision, weights, values)

    @property
    def shared_precision(self) -> LinkPrecision | None:
        """`precision` with only such errors as several groups have in common.

        An error of a q that is of one group alone moves the score of that group alone, and so is in a
        variance from the scores of the groups already; to such a variance only what is shared is added.
        """
        return self.precision

    def shared_uncertainty(self, weights: Floats, values: Floats) -> Floats:
        """The part of `uncertainty` that several groups have in common, shape (p, p).

        Parameters
        ----------
        weights : float64 array, shape (n_links, p)
            G.
        values : float64 array, shape (n_register,)
            v.

        Returns
        -------
        float64 array, shape (p, p)
        """
        return self._propagated(self.shared_precision, weights, values)

    def _propagated(self, precision: LinkPrecision | None, weights: Floats, values: Floats) -> Floats:
        if precision is None or precision.known:
            return np.zeros((weights.shape[1], weights.shape[1]))
        return precision.quadratic(self.gradient(weights, values))

    def gradient(self, weights: Floats, values: Floats) -> Floats:
        """Derivatives of G' Q v by the chances q that links are right, one after the other.

        Parameters
        ----------
        weights : float64 array, shape (n_links, p)
            G.
        values : float64 array, shape (n_register,)
            v.

        Returns
        -------
        float64 array, shape (k, p)
            k is the number of chances in `precision`; 0 where the model has none.
        """
        return np.zeros((0, weights.shape[1]))

    def at(self, q: float | Mapping[Any, float] | Floats) -> ErrorModel:
        """The same model with another q, taken as known: for curves of an estimate over q.

        Parameters
        ----------
        q : float, mapping or array of shape (k,)
            As `precision` has them.

        Returns
        -------
        ErrorModel

        Raises
        ------
        InputError
            Where the model has no q, or it is below 1 / n.
        """
        raise InputError(f"{type(self).__name__}: this error model has no q that could be another.")


def checked_index(index: Any, n: int, what: str = "index") -> NDArray[Any] | None:
    """Names of rows, refused where they are not one for each row, or not unique, or missing."""
    if index is None:
        return None
    if isinstance(index, str):
        raise InputError(f"{what}: give the names of the rows themselves, not that of a column.")
    names = np.asarray(index)
    if names.shape != (n,):
        raise InputError(f"{what}: {names.size} names for {n} rows: give one for each.")
    try:
        different = len(set(names.tolist()))
    except TypeError:
        raise InputError(f"{what}: names of rows are numbers or texts.") from None
    if different < n:
        raise InputError(
            f"{what}: {n - different} of {n} names occur again: give every row a name of its own."
        )
    return names
