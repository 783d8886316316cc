"""The chance q that links are right, of blocks or of score bands, and how well it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinkPrecision:
    """Shares of right links with their covariance, diag(own) + shared shared'.

    Attributes
    ----------
    labels : array, shape (k,)
        What the blocks or bands are called.
    q : float64 array, shape (k,)
        Share of links that are right.
    own : float64 array, shape (k,)
        Variance of each that is independent of the others.
    shared : float64 array, shape (k, r)
        What they have in common: of a pooled audit one column, the same standard error for all.

    Examples
    --------
    >>> known = LinkPrecision(np.array(["a", "b"]), np.array([0.7, 0.9]), np.array([1e-4, 4e-4]))
    >>> known.standard_errors
    array([0.01, 0.02])
    """

    labels: NDArray[Any]
    q: Floats
    own: Floats | None = None
    shared: Floats | None = None

    @property
    def known(self) -> bool:
        """Whether no uncertainty is stated."""
        return self.own is None and self.shared is None

    @property
    def standard_errors(self) -> Floats:
        """Of each share, shape (k,)."""
        found = np.zeros(len(self.q)) if self.own is None else self.own
        return np.sqrt(found if self.shared is None else found + (self.shared**2).sum(axis=1))

    def quadratic(self, gradient: Floats) -> Floats:
        """Variance of something by its derivatives: D' covariance D.

        Parameters
        ----------
        gradient : float64 array, shape (k, p)
            D, derivatives by each share.

        Returns
        -------
        float64 array, shape (p, p)
        """
        found = np.zeros((gradient.shape[1], gradient.shape[1]))
        if self.own is not None:
            found += gradient.T @ (self.own[:, None] * gradient)
        if self.shared is not None:
            together = self.shared.T @ gradient
            found += together.T @ together
        return found

    def at(self, q: float | Mapping[Any, float] | Floats) -> LinkPrecision:
        """Other shares, taken as known."""
        return LinkPrecision(self.labels, shares_of(self.labels, q))

    def of(self, labels: NDArray[Any], what: str = "block") -> LinkPrecision:
        """The same of the labels that are asked for, in their order.

        Parameters
        ----------
        labels : array, shape (m,)
            Labels.
        what : str
            What they are, for the message.

        Returns
        -------
        LinkPrecision

        Raises
        ------
        InputError
            Where one has no share.
        """
        where = {label: k for k, label in enumerate(self.labels.tolist())}
        refuse_lacking([label for label in labels.tolist() if label not in where], len(labels), what)
        at = np.array([where[label] for label in labels.tolist()], np.int64)
        return replace(
            self,
            labels=labels,
            q=self.q[at],
            own=None if self.own is None else self.own[at],
            shared=None if self.shared is None else self.shared[at],
        )


def precision_of(
    labels: NDArray[Any], q: LinkPrecision | float | Mapping[Any, float] | Floats, what: str = "block"
) -> LinkPrecision:
    """Any way to state the share of right links of blocks or bands, checked to be shares.

    Parameters
    ----------
    labels : array, shape (k,)
        The blocks or bands.
    q : LinkPrecision, float, mapping or array of shape (k,)
        Of all alike, by label, or in the order of the labels.
    what : str
        What they are, for the message.

    Returns
    -------
    LinkPrecision

    Raises
    ------
    InputError
        Where one has none, or it is no share from 0 to 1.

    Examples
    --------
    >>> precision_of(np.array(["a", "b"]), {"b": 0.9, "a": 0.7}).q
    array([0.7, 0.9])
    """
    if isinstance(q, LinkPrecision):
        found = q.of(labels, what)
        check_shares(found.q, labels, what)
        return found
    return LinkPrecision(labels, shares_of(labels, q, what))


def shares_of(labels: NDArray[Any], q: float | Mapping[Any, float] | Floats, what: str = "block") -> Floats:
    """A share for each label, checked; shape (k,)."""
    if isinstance(q, Mapping):
        refuse_lacking([label for label in labels.tolist() if label not in q], len(labels), what)
        q = np.array([q[label] for label in labels.tolist()], np.float64)
    try:
        q = np.asarray(q, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"q: give a number, or one for each {what}: some value is no number.") from None
    if q.ndim == 0:
        q = np.full(len(labels), float(q))
    if q.shape != (len(labels),):
        raise InputError(f"q: there are {len(labels)} {what}s and {q.size} values: give one for each {what}.")
    check_shares(q, labels, what)
    return q


def check_shares(q: Floats, labels: NDArray[Any], what: str) -> None:
    """Refuse what is no share from 0 to 1."""
    wrong = np.flatnonzero(~((q >= 0) & (q <= 1)))
    if len(wrong):
        raise InputError(
            f"q: {q[wrong[0]]:g} of {what} {labels.tolist()[wrong[0]]!r} is no share from 0 to 1 "
            f"({len(wrong)} of {len(q)} are none)."
        )


def refuse_lacking(lacking: list[Any], n: int, what: str) -> None:
    """Refuse labels without a share."""
    if lacking:
        raise InputError(
            f"q: {what} {lacking[0]!r} has none ({len(lacking)} of {n} {what}s lack it): "
            "give the chance that its links are right; there is no default."
        )
