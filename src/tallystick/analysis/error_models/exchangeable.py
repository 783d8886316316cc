"""Exchangeable linkage errors: within a block every wrong record is as likely as any other.

Of the n records of a block a link is right with chance q and else falls on each of the other n - 1 alike
(Neter, Maynes and Ramanathan 1965; Chambers 2009). With a = (n q - 1) / (n - 1)

    Q = a I + (1 - a) 1 1' / n,    Q v = a v + (1 - a) mean(v),    Q^-1 v = (v - (1 - a) mean(v)) / a.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.complete import CompleteLinkage
from tallystick.analysis.error_models.error_model import Floats, checked_index
from tallystick.analysis.error_models.precision import LinkPrecision, precision_of
from tallystick.analysis.error_models.second_order import coefficients
from tallystick.errors import InputError, TallystickWarning

SMALLEST_A = 0.05
"""The inverse multiplies variances by 1 / a^2: 400 times at this limit."""


@dataclass(frozen=True, eq=False)
class Exchangeable(CompleteLinkage):
    """Exchangeable errors by block, linkage complete.

    Attributes
    ----------
    blocks : Blocks
        Of the rows.
    precision : LinkPrecision
        Chance that a link of the block is right, its precision link by link, and how well it is known.
    index : array, shape (n_links,), or None
        Names of the rows.
    """

    blocks: Blocks
    precision: LinkPrecision
    index: NDArray[Any] | None = None

    @property
    def q(self) -> Floats:
        """Chance that a link is right, by block."""
        return self.precision.q

    @cached_property
    def a(self) -> Floats:
        """(n q - 1) / (n - 1) by block: 1 without errors or for one record, 0 where links say nothing."""
        n = self.blocks.sizes
        return np.where(n > 1, (n * self.q - 1) / np.maximum(n - 1, 1), 1.0)

    @cached_property
    def _a(self) -> Floats:
        return self.a[self.blocks.codes]

    def expected(self, values: Floats) -> Floats:
        """A v + (1 - a) mean(v)."""
        pulled = rows_times(1 - self.a, self.blocks.means(values))
        return rows_times(self._a, values) + pulled[self.blocks.codes]

    def inverse(self, values: Floats) -> Floats:
        """(v - (1 - a) mean(v)) / a; refused where |a| is below 0.05 in some block."""
        refuse_small_a(self.blocks, self.q, self.a)
        pulled = rows_times(1 - self.a, self.blocks.means(values))
        return rows_times(1 / self._a, values - pulled[self.blocks.codes])

    def variance(self, values: Floats) -> Floats:
        """(1 - a) (a u_i^2 + sum(u^2) / n), with u the values less the mean of their block: exact."""
        u2 = self.blocks.centred(values) ** 2
        return (1 - self._a) * (self._a * u2 + self.blocks.means(u2)[self.blocks.codes])

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Exact where the number of wrong links of a block is given and all such sets of links are alike.

        Exchangeable errors leave the second order open; see `second_order`, whose formula this is.
        """
        square, size, product = coefficients(self.blocks.sizes, self.q)
        centred, u = self.blocks.centred(weights), self.blocks.centred(values)
        by_row = (size * self.blocks.sums(u**2))[self.blocks.codes] + square[self.blocks.codes] * u**2
        products = self.blocks.sums(rows_times(u, centred))
        found: Floats = centred.T @ rows_times(by_row, centred)
        found += products.T @ rows_times(product, products)
        return found

    @property
    def da_dq(self) -> Floats:
        """Derivative of a by q: n / (n - 1) by block, 0 for one record."""
        n = self.blocks.sizes
        return np.where(n > 1, n / np.maximum(n - 1, 1), 0.0)

    def gradient(self, weights: Floats, values: Floats) -> Floats:
        """Derivatives of G' Q v by the q of each block, n / (n - 1) sum(u g); shape (n_blocks, p)."""
        found = self.blocks.sums(rows_times(self.blocks.centred(values), weights))
        return rows_times(self.da_dq, found)

    @property
    def shared_precision(self) -> LinkPrecision:
        """That of a pooled audit, or of the mean that blocks are shrunk to."""
        return replace(self.precision, own=None)

    def at(self, q: float | Mapping[Any, float] | Floats) -> Exchangeable:
        """The same with another q, taken as known."""
        precision = self.precision.at(q)
        refuse_uninformative(self.blocks, precision.q, self.blocks.sizes)
        return replace(self, precision=precision)


def exchangeable(
    blocks: Any,
    q: float | Mapping[Any, float] | Floats | LinkPrecision,
    *,
    index: NDArray[Any] | None = None,
    single: str = "refuse",
) -> Exchangeable:
    """Exchangeable errors by block with a given chance of a right link.

    Parameters
    ----------
    blocks : array-like, shape (n_links,)
        Block of each row.
    q : float, mapping, array of shape (n_blocks,), or LinkPrecision
        Chance that a link is right: of all blocks, by the name of the block, or in the order of their names.
        A `LinkPrecision` has its uncertainty with it; else q is taken as known.
    index : array, shape (n_links,), optional
        Names of the rows.
    single : {"refuse", "right"}
        What is done with a block of one record with q below 1, where there is nobody to be mistaken for:
        refuse it, or take its link as right, with a warning that counts such blocks.

    Returns
    -------
    Exchangeable

    Raises
    ------
    InputError
        Where a block has no q, a q is no share or below 1 / n, or names of rows are not unique.

    Examples
    --------
    >>> model = exchangeable(["a"] * 3 + ["b"] * 5, {"a": 0.7, "b": 0.9})
    >>> model.a.round(3)
    array([0.55 , 0.875])
    >>> model.expected(np.array([0.0, 0, 3, 1, 1, 1, 1, 1])).round(3)
    array([0.45, 0.45, 2.1 , 1.  , 1.  , 1.  , 1.  , 1.  ])
    """
    found = blocks_of(blocks)
    precision = precision_of(found.labels, q)
    heed_single(found, precision.q, found.sizes, single)
    refuse_uninformative(found, precision.q, found.sizes)
    return Exchangeable(found, precision, checked_index(index, len(found.codes)))


def heed_single(blocks: Blocks, q: Floats, sizes: NDArray[Any], single: str) -> None:
    """Refuse blocks of one record whose link may be wrong, or warn of them."""
    if single not in ("refuse", "right"):
        raise InputError(f'single: {single!r} is neither "refuse" nor "right".')
    alone = np.flatnonzero((sizes < 1 + 1e-9) & (q < 1))
    if not len(alone):
        return
    if single == "refuse":
        raise InputError(
            f"q: block {blocks.name(alone[0])} has one record ({len(alone)} of {blocks.n_blocks} do), "
            "whose link cannot fall on another of the block: give it q = 1, join it with another block, "
            'leave it out, or say single="right" to take such links as right.'
        )
    warnings.warn(
        f"{len(alone)} of {blocks.n_blocks} blocks have one record, and their links are taken as right: what "
        "is wrong with them is not corrected.",
        TallystickWarning,
        stacklevel=3,
    )


def refuse_uninformative(blocks: Blocks, q: Floats, sizes: NDArray[Any]) -> None:
    """Refuse a q below that of random links among so many records; one record alone is none of these."""
    below = np.flatnonzero((q * sizes < 1 - 1e-9) & (sizes > 1))
    if len(below):
        n = sizes[below[0]]
        raise InputError(
            f"q: {q[below[0]]:.4g} of block {blocks.name(below[0])} is below 1 / {n:g}, what random "
            f"links would reach ({len(below)} of {blocks.n_blocks} blocks are so): they say nothing of their "
            "records; leave the block out, join it with others, or pool or shrink its audit."
        )


def refuse_small_a(blocks: Blocks, q: Floats, a: Floats, least: float = SMALLEST_A) -> None:
    """Refuse the inverse where it would multiply noise beyond use."""
    near = np.flatnonzero(np.abs(a) < least)
    if len(near):
        raise InputError(
            f"Block {blocks.name(near[0])} ({len(near)} of {blocks.n_blocks} are alike): with "
            f"q = {q[near[0]]:.4g} of {blocks.sizes[near[0]]} records its links say next to nothing (|a| "
            f'below {least:g}), so that Q has no inverse to be used: join blocks, take method="ratio", or '
            "use the mixture model or multiple imputation, which need none."
        )
