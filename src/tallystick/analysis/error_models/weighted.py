"""Missed links where the register has no covariates: its means from the linked records, by weights.

See `incomplete` for the model. The means of the register are estimated from the linked records, weighted by
the inverse of their chance of being linked (which has to be modelled or known) or calibrated to totals of
the register.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.complete import CompleteLinkage
from tallystick.analysis.error_models.error_model import Floats, checked_index
from tallystick.analysis.error_models.exchangeable import heed_single, refuse_small_a, refuse_uninformative
from tallystick.analysis.error_models.precision import LinkPrecision, precision_of
from tallystick.analysis.error_models.second_order import coefficients
from tallystick.errors import InputError


@dataclass(frozen=True, eq=False)
class Weighted(CompleteLinkage):
    """Links of some records of a register whose means are estimated from the linked records by weights.

    Attributes
    ----------
    blocks : Blocks
        Of the links.
    precision : LinkPrecision
        Chance that a link of the block is right, given that there is one.
    weights : float64 array, shape (n_links,)
        How many records of the register a link stands for; their sum is N by block.
    index : array, shape (n_links,), or None
        Names of the links.
    """

    blocks: Blocks
    precision: LinkPrecision
    weights: Floats
    index: NDArray[Any] | None = None

    @property
    def q(self) -> Floats:
        """Chance that a link is right, by block."""
        return self.precision.q

    @cached_property
    def sizes(self) -> Floats:
        """N, the records of the register by block."""
        return self.blocks.sums(self.weights)

    @cached_property
    def a(self) -> Floats:
        """(N q - 1) / (N - 1) by block."""
        return np.where(self.sizes > 1, 1 - (1 - self.q) * self.da_dq, 1.0)

    @property
    def da_dq(self) -> Floats:
        """Derivative of a by q: N / (N - 1) by block."""
        return np.where(self.sizes > 1, self.sizes / np.maximum(self.sizes - 1, 1e-9), 0.0)

    def _means(self, values: Floats) -> Floats:
        """Estimated means of the register, by block."""
        return rows_times(1 / self.sizes, self.blocks.sums(rows_times(self.weights, values)))

    def _centred(self, values: Floats) -> Floats:
        return values - self._means(values)[self.blocks.codes]

    def expected(self, values: Floats) -> Floats:
        """A v + (1 - a) times the weighted mean."""
        a = self.a[self.blocks.codes]
        return rows_times(a, values) + rows_times(1 - self.a, self._means(values))[self.blocks.codes]

    def inverse(self, values: Floats) -> Floats:
        """(v - (1 - a) times the weighted mean) / a; refused where |a| is below 0.05 in some block."""
        refuse_small_a(self.blocks, self.q, self.a)
        pulled = rows_times(1 - self.a, self._means(values))[self.blocks.codes]
        return rows_times(1 / self.a[self.blocks.codes], values - pulled)

    def variance(self, values: Floats) -> Floats:
        """(1 - a) (a u_i^2 + weighted mean of u^2), u the values less their weighted mean."""
        a = self.a[self.blocks.codes]
        u2 = self._centred(values) ** 2
        return (1 - a) * (a * u2 + self._means(u2)[self.blocks.codes])

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """That of `Exchangeable` over the register, sums over records without a link estimated by weights."""
        codes, n = self.blocks.codes, self.sizes
        square, size, product = coefficients(n, self.q)
        u = self._centred(values)
        u2 = u**2
        mean = rows_times(1 / n, self.blocks.sums(weights))
        centred = weights - mean[codes]
        spread = size * self.blocks.sums(self.weights * u2)
        found: Floats = centred.T @ rows_times(spread[codes] + square[codes] * u2, centred)
        unlinked = self.blocks.sums((self.weights - 1) * u2)
        found += mean.T @ rows_times(square * unlinked + spread * (n - self.blocks.sizes), mean)
        products = self.blocks.sums(rows_times(u, weights))
        found += products.T @ rows_times(product, products)
        return found

    def gradient(self, weights: Floats, values: Floats) -> Floats:
        """Derivatives of G' Q v by the q of each block, N / (N - 1) sum(u g); shape (n_blocks, p)."""
        return rows_times(self.da_dq, self.blocks.sums(rows_times(self._centred(values), weights)))

    @property
    def shared_precision(self) -> LinkPrecision:
        """That of a pooled audit, or of the mean that blocks are shrunk to."""
        return replace(self.precision, own=None)

    def at(self, q: float | Mapping[Any, float] | Floats) -> Weighted:
        """The same with another q, taken as known."""
        precision = self.precision.at(q)
        refuse_uninformative(self.blocks, precision.q, self.sizes)
        return replace(self, precision=precision)


def weighted(
    blocks: Any,
    q: float | Mapping[Any, float] | Floats | LinkPrecision,
    weights: Any,
    *,
    n_register: float | Mapping[Any, float] | Floats | None = None,
    index: Any = None,
    single: str = "refuse",
) -> Weighted:
    """Exchangeable errors by block among some records of a register whose covariates are not known.

    Parameters
    ----------
    blocks : array-like, shape (n_links,)
        Block of each link.
    q : float, mapping, array of shape (n_blocks,), or LinkPrecision
        Chance that a link is right given that there is one.
    weights : array-like, shape (n_links,)
        Inverse of the chance that the record is linked, or weights calibrated to totals of the register. That
        they are estimated themselves is not in any variance.
    n_register : mapping or array of shape (n_blocks,), optional
        Records of the register by block; weights are then scaled to them. By default the sums of the weights.
    index : array-like, shape (n_links,), optional
        Names of the links.
    single : {"refuse", "right"}
        See `exchangeable`.

    Returns
    -------
    Weighted

    Raises
    ------
    InputError
        Where a weight is missing or not above 0, a block has more links than records, or as `exchangeable`
        does.

    Examples
    --------
    >>> model = weighted(["a", "a"], 0.7, [3.0, 1.0])
    >>> model.expected(np.array([1.0, 3.0])).round(3)
    array([1.2, 2.4])
    """
    found = blocks_of(blocks)
    given = np.asarray(weights, np.float64)
    if given.shape != found.codes.shape:
        raise InputError(f"weights: {given.size} weights for {len(found.codes)} links: give one for each.")
    wrong = np.flatnonzero(~(np.isfinite(given) & (given > 0)))
    if len(wrong):
        raise InputError(
            f"weights: {given[wrong[0]]:g} of row {wrong[0]} is no weight above 0 ({len(wrong)} rows have "
            "none): a link stands for one record or more."
        )
    sums = found.sums(given)
    if n_register is not None:
        if isinstance(n_register, Mapping):
            lacking = [label for label in found.labels.tolist() if label not in n_register]
            if lacking:
                raise InputError(
                    f"n_register: block {lacking[0]!r} has none ({len(lacking)} blocks lack it)."
                )
            n_register = np.array([n_register[label] for label in found.labels.tolist()], np.float64)
        wanted = np.broadcast_to(np.asarray(n_register, np.float64), sums.shape)
        given = given * (wanted / sums)[found.codes]
        sums = wanted
    few = np.flatnonzero(~(sums >= found.sizes * (1 - 1e-9)))
    if len(few):
        raise InputError(
            f"weights: block {found.name(few[0])} has {found.sizes[few[0]]} links of {sums[few[0]]:.6g} "
            f"records ({len(few)} blocks are so): weights sum to the records of the register, which "
            "n_register gives."
        )
    precision = precision_of(found.labels, q)
    heed_single(found, precision.q, sums, single)
    refuse_uninformative(found, precision.q, sums)
    return Weighted(found, precision, given, checked_index(index, len(found.codes)))
