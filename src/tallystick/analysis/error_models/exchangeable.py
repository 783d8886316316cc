"""Exchangeable linkage errors: within a block every wrong record is as likely as any other.

Of the n records of a block a link is right with chance q and else falls on each of the other n - 1 alike
(Neter, Maynes and Ramanathan 1965; Chambers 2009). With a = (n q - 1) / (n - 1)

    Q = a I + (1 - a) 1 1' / n,    Q v = a v + (1 - a) mean(v),    Q^-1 v = (v - (1 - a) mean(v)) / a.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints
from tallystick.errors import InputError

SMALLEST_A = 0.05
"""The inverse multiplies variances by 1 / a^2: 400 times at this limit."""


@dataclass(frozen=True, eq=False)
class Exchangeable(ErrorModel):
    """Exchangeable errors by block, linkage complete.

    Attributes
    ----------
    blocks : Blocks
        Of the rows.
    q : float64 array, shape (n_blocks,)
        Chance that a link of the block is right: its precision, link by link.
    index : array, shape (n_links,), or None
        Names of the rows.
    """

    blocks: Blocks
    q: Floats
    index: NDArray[Any] | None = None

    @property
    def n_links(self) -> int:
        """Number of rows of the linked file."""
        return len(self.blocks.codes)

    @property
    def n_register(self) -> int:
        """The rows of the linked file themselves."""
        return self.n_links

    @property
    def register_index(self) -> NDArray[Any] | None:  # type: ignore[override]
        """That of the rows."""
        return self.index

    @property
    def groups(self) -> Ints:  # type: ignore[override]
        """Block of each row."""
        return self.blocks.codes

    @cached_property
    def a(self) -> Floats:
        """(n q - 1) / (n - 1) by block: 1 without errors or for one record, 0 where links say nothing."""
        n = self.blocks.sizes
        return np.where(n > 1, (n * self.q - 1) / np.maximum(n - 1, 1), 1.0)

    @cached_property
    def _a(self) -> Floats:
        return self.a[self.blocks.codes]

    def as_linked(self, values: Floats) -> Floats:
        """The values themselves: a row is about its own record."""
        return values

    def expected(self, values: Floats) -> Floats:
        """A v + (1 - a) mean(v)."""
        pulled = rows_times(1 - self.a, self.blocks.means(values))
        return rows_times(self._a, values) + pulled[self.blocks.codes]

    def inverse(self, values: Floats) -> Floats:
        """(v - (1 - a) mean(v)) / a; refused where |a| is below 0.05 in some block."""
        near = np.flatnonzero(np.abs(self.a) < SMALLEST_A)
        if len(near):
            raise InputError(
                f"Block {self.blocks.labels[near[0]]!r} ({len(near)} of {self.blocks.n_blocks} are alike): "
                f"with q = {self.q[near[0]]:.4g} of {self.blocks.sizes[near[0]]} records its links say next "
                f"to nothing (|a| below {SMALLEST_A:g}), so that Q has no inverse to be used: join blocks, "
                'take method="ratio", or use the mixture model or multiple imputation, which need none.'
            )
        pulled = rows_times(1 - self.a, self.blocks.means(values))
        return rows_times(1 / self._a, values - pulled[self.blocks.codes])

    def variance(self, values: Floats) -> Floats:
        """(1 - a) (a u_i^2 + sum(u^2) / n), with u the values less the mean of their block: exact."""
        u2 = self.blocks.centred(values) ** 2
        return (1 - self._a) * (self._a * u2 + self.blocks.means(u2)[self.blocks.codes])

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Sum of V_i g_i g_i' less what a fixed number of wrong links takes, with g centred by block.

        Exchangeable errors leave the second order open. Here the number of wrong links of a block is given:
        Var(g' C v) = sum V_i g_i^2 - (q (1 - q) / n - 1 / (n (n - 1))) (sum g_i u_i)^2.
        """
        centred, u = self.blocks.centred(weights), self.blocks.centred(values)
        products = self.blocks.sums(rows_times(u, centred))
        n = self.blocks.sizes.astype(np.float64)
        fixed = np.where(n > 1, self.q * (1 - self.q) / n - 1 / (n * np.maximum(n - 1, 1)), 0.0)
        found: Floats = centred.T @ rows_times(self.variance(values), centred)
        found -= products.T @ rows_times(np.where(self.q < 1, fixed, 0.0), products)
        return found

    def uncertainty(self, weights: Floats, values: Floats) -> Floats:
        """Zero: q is known."""
        return np.zeros((weights.shape[1], weights.shape[1]))


def exchangeable(
    blocks: Any, q: float | Mapping[Any, float] | Floats, *, index: NDArray[Any] | None = None
) -> Exchangeable:
    """Exchangeable errors by block with a known chance of a right link.

    Parameters
    ----------
    blocks : array-like, shape (n_links,)
        Block of each row.
    q : float, mapping or array of shape (n_blocks,)
        Chance that a link is right: of all blocks, by the name of the block, or in the order of their names.
    index : array, shape (n_links,), optional
        Names of the rows.

    Returns
    -------
    Exchangeable

    Raises
    ------
    InputError
        Where a block has no q, a q is no share or below 1 / n.

    Examples
    --------
    >>> model = exchangeable(["a"] * 3 + ["b"] * 5, {"a": 0.7, "b": 0.9})
    >>> model.a.round(3)
    array([0.55 , 0.875])
    >>> model.expected(np.array([0.0, 0, 3, 1, 1, 1, 1, 1])).round(3)
    array([0.45, 0.45, 2.1 , 1.  , 1.  , 1.  , 1.  , 1.  ])
    """
    found = blocks_of(blocks)
    return Exchangeable(found, checked_q(found, q), index)


def checked_q(blocks: Blocks, q: float | Mapping[Any, float] | Floats) -> Floats:
    """The chance of a right link of each block, checked; shape (n_blocks,)."""
    if isinstance(q, Mapping):
        lacking = [label for label in blocks.labels.tolist() if label not in q]
        if lacking:
            raise InputError(
                f"q: block {lacking[0]!r} has none ({len(lacking)} of {blocks.n_blocks} blocks lack it): "
                "give the chance that its links are right; there is no default."
            )
        q = np.array([q[label] for label in blocks.labels.tolist()], np.float64)
    q = np.asarray(q, np.float64)
    if q.ndim == 0:
        q = np.full(blocks.n_blocks, float(q))
    if q.shape != (blocks.n_blocks,):
        raise InputError(
            f"q: there are {blocks.n_blocks} blocks and {q.size} values: give one for each block."
        )
    wrong = np.flatnonzero(~((q >= 0) & (q <= 1)))
    if len(wrong):
        raise InputError(f"q: {q[wrong[0]]:g} of block {blocks.labels[wrong[0]]!r} is no share from 0 to 1.")
    below = np.flatnonzero(q * blocks.sizes < 1 - 1e-9)
    if len(below):
        n = int(blocks.sizes[below[0]])
        raise InputError(
            f"q: {q[below[0]]:g} of block {blocks.labels[below[0]]!r} is below 1 / {n}, what random "
            "links would reach: they say nothing of their records; leave the block out or join it with others."
        )
    return q
