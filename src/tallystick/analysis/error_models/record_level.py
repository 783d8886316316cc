"""Linkage errors whose chance differs between the records of a block, as by bands of the score.

Where a link of record i is wrong with chance e_i = 1 - q_i, its outcome belongs to one of the other wrong
links of the block, so that doubtful links exchange outcomes with doubtful ones:

    Q = I - diag(w) + w w' / W,    W = sum w,    (Q v)_i = v_i - w_i (v_i - v_w),    v_w = sum(w v) / W.

Q is symmetric and its rows sum to 1. The chance that a link is right is Q_ii = 1 - w_i + w_i^2 / W, so that
w is taken to solve w_i (1 - w_i / W) = e_i: with equal e it is e n / (n - 1), and the model that of
`exchangeable`. Where q means something else, the chance that a link is not drawn anew among the doubtful
ones, itself included, w is 1 - q and Q = diag(q) + w w' / W.

No permutation has a single wrong link: if i is wrong, another one is. So e_i cannot exceed the sum of the
others'. Blocks where it does are said, and the others' chance is raised, evenly, as far as it takes.
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
from tallystick.analysis.error_models.exchangeable import SMALLEST_A
from tallystick.analysis.error_models.precision import LinkPrecision, precision_of
from tallystick.analysis.error_models.shares import shares
from tallystick.errors import InputError, TallystickWarning

CONVENTIONS = ("correct", "reshuffled")
_NEAR_HALF = 0.45  # share of one record in the wrong links of its block, near which derivatives diverge


@dataclass(frozen=True, eq=False)
class RecordLevel(CompleteLinkage):
    """Errors whose chance differs between records of a block.

    Attributes
    ----------
    blocks : Blocks
        Of the rows.
    bands : Blocks
        Which chance a row has.
    precision : LinkPrecision
        Chance of each band that its links are right.
    w : float64 array, shape (n_links,)
        Parts of the rows in the exchange of outcomes.
    convention : {"correct", "reshuffled"}
        What q means.
    index : array, shape (n_links,), or None
        Names of the rows.
    """

    blocks: Blocks
    bands: Blocks
    precision: LinkPrecision
    w: Floats
    convention: str = "correct"
    index: NDArray[Any] | None = None

    @property
    def q(self) -> Floats:
        """The given chance of each row, shape (n_links,)."""
        return self.precision.q[self.bands.codes]

    @cached_property
    def _total(self) -> Floats:
        return self.blocks.sums(self.w)

    @cached_property
    def correct(self) -> Floats:
        """Chance that each link is right, Q_ii, shape (n_links,)."""
        total = np.where(self._total > 0, self._total, 1.0)[self.blocks.codes]
        return 1 - self.w + self.w**2 / total

    def _means(self, values: Floats) -> Floats:
        """Means weighted by w, by block; 0 where all links are right."""
        total = np.where(self._total > 0, self._total, 1.0)
        return rows_times(1 / total, self.blocks.sums(rows_times(self.w, values)))

    def _centred(self, values: Floats) -> Floats:
        return values - self._means(values)[self.blocks.codes]

    def expected(self, values: Floats) -> Floats:
        """Values less w times what they are above their weighted mean."""
        return values - rows_times(self.w, self._centred(values))

    def inverse(self, values: Floats) -> Floats:
        """Values z give (z - w c) / (1 - w), c = sum(w z / (1 - w)) / sum(w / (1 - w)).

        That is the formula of Sherman and Morrison (1950). Refused where 1 - w is below 0.05 for a record:
        its outcome says next to nothing of it.
        """
        kept = 1 - self.w
        odds = self.w / np.where(kept == 0, 1.0, kept)
        sums, sizes = self.blocks.sums(odds), self.blocks.sums(np.abs(odds))
        near = np.flatnonzero(np.abs(kept) < SMALLEST_A)
        if not len(near):
            near = np.flatnonzero((np.abs(sums) < SMALLEST_A * sizes)[self.blocks.codes])
        if len(near):
            label, q = self.blocks.name(self.blocks.codes[near[0]]), self.q[near[0]]
            raise InputError(
                f"Block {label} has a link that is right with chance {q:.4g} and says next to nothing "
                f"({len(near)} of {self.n_links} rows are so): Q has no inverse to be used; leave such links "
                'out, take method="ratio", or use the mixture model or multiple imputation, which need none.'
            )
        centre = rows_times(1 / np.where(sizes > 0, sums, 1.0), self.blocks.sums(rows_times(odds, values)))
        return rows_times(1 / kept, values - rows_times(self.w, centre[self.blocks.codes]))

    def variance(self, values: Floats) -> Floats:
        """Exact: w_i ((1 - w_i) u_i^2 + weighted mean of u^2), u the values less their weighted mean."""
        u2 = self._centred(values) ** 2
        return self.w * ((1 - self.w) * u2 + self._means(u2)[self.blocks.codes])

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Sum of V_i g_i g_i', g centred by the weighted mean, less what a fixed number of wrong links takes.

        With o_i = e_i q_i and s_i = w_i / W a block has in addition -(sum o g u)^2 / sum o
        + (sum s g u)^2 / (1 - sum s^2): the wrong links are taken as drawn one by one, their number as
        given. That leaves out terms of the order 1 / n.
        """
        centred, u = self._centred(weights), self._centred(values)
        found: Floats = centred.T @ rows_times(self.variance(values), centred)
        total = np.where(self._total > 0, self._total, 1.0)
        right = self.correct
        odd = right * (1 - right)
        share = self.w / total[self.blocks.codes]
        for weight, below in (
            (odd, -self.blocks.sums(odd)),
            (share, 1 - self.blocks.sums(share**2)),
        ):
            products = self.blocks.sums(rows_times(weight * u, centred))
            factor = np.where(
                (self._total > 0) & (np.abs(below) > 1e-12), 1 / np.where(below == 0, 1, below), 0
            )
            found += products.T @ rows_times(factor, products)
        return found

    def gradient(self, weights: Floats, values: Floats) -> Floats:
        """Derivatives of G' Q v by the q of each band, shape (n_bands, p)."""
        change = rows_times(self._centred(values), self._centred(weights))
        if self.convention == "correct":
            change = self._by_e(change)
        return self.bands.sums(change)

    def _by_e(self, change: Floats) -> Floats:
        """From derivatives by w to those by e, where w (1 - w / W) = e."""
        codes = self.blocks.codes
        total = np.where(self._total > 0, self._total, 1.0)
        s = self.w / total[codes]
        largest = np.zeros(self.blocks.n_blocks)
        np.maximum.at(largest, codes, s)
        # Near a half w cannot follow one e alone: there all are taken to go up together.
        together = (largest >= _NEAR_HALF)[codes]
        slope = 1 / np.where(together, 1.0, 1 - 2 * s)
        common = self.blocks.sums(rows_times(s**2 * slope, change))
        common = rows_times(1 / (1 + self.blocks.sums(s**2 * slope)), common)[codes]
        in_step = rows_times(1 / np.maximum(1 - s, 0.5), change)
        exact = rows_times(slope, change - common)
        return np.where(together if change.ndim == 1 else together[:, None], in_step, exact)

    def at(self, q: float | Mapping[Any, float] | Floats) -> RecordLevel:
        """The same with another q of the bands, taken as known."""
        precision = self.precision.at(q)
        w = _exchanged(1 - precision.q[self.bands.codes], self.blocks, self.convention, warn=False)
        return replace(self, precision=precision, w=w)


def record_level(
    blocks: Any,
    q: float | Mapping[Any, float] | Floats | LinkPrecision,
    *,
    bands: Any = None,
    convention: str = "correct",
    index: Any = None,
) -> RecordLevel:
    """Errors whose chance differs between the records of a block.

    Parameters
    ----------
    blocks : array-like, shape (n_links,)
        Block of each row: wrong links stay within it.
    q : array of shape (n_links,); with `bands` a mapping, array of shape (n_bands,), or LinkPrecision
        Chance that a link is right: of each row, or of each band, by its name or in the order of names.
        With a `LinkPrecision`, as of an audit by band of the score, its uncertainty is carried on.
    bands : array-like, shape (n_links,), optional
        Band of each row, over all blocks.
    convention : {"correct", "reshuffled"}
        Whether q is the chance that a link is right, or that it is not drawn anew among the doubtful ones,
        itself included.
    index : array-like, shape (n_links,), optional
        Names of the rows.

    Returns
    -------
    RecordLevel

    Raises
    ------
    InputError
        Where a row or band has no q, a q is no share, or a block of one record has a q below 1.

    Examples
    --------
    >>> model = record_level(["a"] * 4, {"sure": 1.0, "less": 0.8}, bands=["sure", "sure", "less", "less"])
    >>> model.expected(np.array([0.0, 1.0, 2.0, 3.0]))
    array([0. , 1. , 2.2, 2.8])
    """
    found = blocks_of(blocks)
    n = len(found.codes)
    if convention not in CONVENTIONS:
        raise InputError(f'convention: {convention!r} is neither "correct" nor "reshuffled".')
    if bands is None:
        if isinstance(q, Mapping | LinkPrecision):
            raise InputError("bands: q goes by bands: say which band each row is of.")
        banded = Blocks(np.arange(n), np.arange(n))
        precision = precision_of(banded.labels, q, "row")
    else:
        banded = blocks_of(bands, "bands")
        if len(banded.codes) != n:
            raise InputError(f"bands: {len(banded.codes)} rows, but blocks have {n}: give one for each.")
        precision = precision_of(banded.labels, q, "band")
    doubt = 1 - precision.q[banded.codes]
    alone = np.flatnonzero((found.sizes[found.codes] == 1) & (doubt > 0))
    if len(alone):
        raise InputError(
            f"q: block {found.name(found.codes[alone[0]])} has one record ({len(alone)} blocks do), whose "
            "link cannot fall on another of the block: give it q = 1, join it with another block, or leave "
            "it out."
        )
    w = _exchanged(doubt, found, convention, warn=True)
    return RecordLevel(found, banded, precision, w, convention, checked_index(index, n))


def _exchanged(doubt: Floats, blocks: Blocks, convention: str, *, warn: bool) -> Floats:
    """W of each row."""
    if convention == "reshuffled":
        alone = int((np.bincount(blocks.codes[doubt > 0], minlength=blocks.n_blocks) == 1).sum())
        if alone and warn:
            warnings.warn(
                f"{alone} of {blocks.n_blocks} blocks have one doubtful link, which among the doubtful ones "
                'can fall on its own record only: it is taken as right; convention="correct" lets others be '
                "wrong with it.",
                TallystickWarning,
                stacklevel=3,
            )
        return doubt
    found = shares(doubt, blocks)
    raised = int(found.raised.sum())
    if raised and warn:
        warnings.warn(
            f"{raised} of {blocks.n_blocks} blocks have a link that is more doubtful than all others "
            "together, which no permutation allows: if it is wrong, another one is. There the chance of a "
            "wrong link is raised for the others; larger blocks avoid that.",
            TallystickWarning,
            stacklevel=3,
        )
    return found.s * found.total[blocks.codes]
