"""Links of simulated linkages: how often they are right, by block, by weight, or by anything known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SimulatedLinks:
    """Links of one replicate, or of all.

    Attributes
    ----------
    replicate : int64 array, shape (n,)
        Which replicate each is of.
    left, right : int64 arrays, shape (n,)
        Linked records, each numbered from 0 in its own file.
    source : int64 array, shape (n,)
        The left record that the right one is the match of: what it shows is this one's. -1 where the
        right record has no match.
    weight : float64 array, shape (n,)
        Match weights.
    """

    replicate: Ints
    left: Ints
    right: Ints
    source: Ints
    weight: Floats

    @property
    def is_right(self) -> Bools:
        """Which links are right."""
        return np.asarray(self.source == self.left)


@dataclass(frozen=True, eq=False)
class LinkageBootstrap:
    """What simulated linkages say of the links.

    Attributes
    ----------
    left, right : Blocks
        Blocks of the records of either file, called the same.
    replicates : int
        Number of simulated linkages.
    links : SimulatedLinks
        All their links.
    floor : float
        Lowest weight of the pairs that were simulated.
    """

    left: Blocks
    right: Blocks
    replicates: int
    links: SimulatedLinks
    floor: float

    @property
    def q(self) -> float:
        """Share of right links among all."""
        return float(self.links.is_right.mean()) if len(self.links.left) else float("nan")

    @property
    def q_error(self) -> float:
        """Monte Carlo standard error of `q`."""
        found = self.by(np.zeros(len(self.left.codes), np.int64)).standard_errors
        return float(found[0]) if len(found) else float("nan")

    def precision(self) -> LinkPrecision:
        """Share of right links by block, with its Monte Carlo error; goes into `exchangeable`.

        Blocks in which no replicate had a link have no share.
        """
        found = self._precision(self.left.codes[self.links.left], self.left.n_blocks)
        return _named(found, self.left.labels)

    def by(self, values: Any) -> LinkPrecision:
        """Share of right links by something that is known of the left records.

        Parameters
        ----------
        values : array-like, shape (n_left,)
            A value per left record, such as its block and what it lacks.

        Returns
        -------
        LinkPrecision
            Of the values for which there are links.
        """
        of = blocks_of(values)
        if len(of.codes) != len(self.left.codes):
            raise InputError(
                f"by: there are {len(self.left.codes)} left records and {len(of.codes)} values: give one "
                "each."
            )
        return _named(self._precision(of.codes[self.links.left], of.n_blocks), of.labels)

    def by_weight(self, edges: Sequence[float] | Floats) -> LinkPrecision:
        """Share of right links by band of their weight; goes into `record_level`.

        Parameters
        ----------
        edges : sequence of float
            Rising limits between the bands: band k holds the weights from edges[k - 1] to below edges[k], so
            that `numpy.searchsorted(edges, weights, side="right")` gives the bands of the real links.

        Returns
        -------
        LinkPrecision
            Labels are the numbers of the bands that have links.
        """
        limits = np.asarray(edges, np.float64)
        if limits.ndim != 1 or np.isnan(limits).any() or (np.diff(limits) <= 0).any():
            raise InputError("edges: give rising limits of the bands.")
        bands = np.searchsorted(limits, self.links.weight, side="right")
        return _named(self._precision(bands, len(limits) + 1), np.arange(len(limits) + 1))

    @cached_property
    def linked_share(self) -> Floats:
        """Share of the left records of each block that have a link, shape (n_blocks,)."""
        linked = np.bincount(self.left.codes[self.links.left], minlength=self.left.n_blocks)
        return np.asarray(linked / np.maximum(self.left.sizes, 1) / self.replicates, np.float64)

    def candidates(self) -> tuple[Any, Floats]:
        """Q by pairs of records: how often what is linked to a left record belongs to each left record.

        Returns
        -------
        csr_array, shape (n_left, n_left)
            Rows of records that were ever linked sum to 1 less what is in `none`.
        none : float64 array, shape (n_left,)
            Share of the links of each left record that lead to a right record without a match.
        """
        from scipy.sparse import csr_array

        n, links = len(self.left.codes), self.links
        total = np.maximum(np.bincount(links.left, minlength=n), 1).astype(np.float64)
        matched = links.source >= 0
        share = 1 / total[links.left]
        found = csr_array((share[matched], (links.left[matched], links.source[matched])), shape=(n, n))
        none = np.bincount(links.left[~matched], share[~matched], n)
        return found, np.asarray(none, np.float64)

    def analyse(self, statistic: Callable[[SimulatedLinks], Any]) -> Floats:
        """Repeat an analysis in every replicate.

        Parameters
        ----------
        statistic : callable
            Gets the links of a replicate and gives numbers. The row of a link has the covariates of its
            `left` record and the outcome of its `source`.

        Returns
        -------
        float64 array, shape (replicates, n_numbers)
            Their covariance (`numpy.cov(found.T)`) is that of the analysis by the linkage, and by what
            `statistic` itself draws, such as new outcomes from a fitted model.
        """
        ends = np.searchsorted(self.links.replicate, np.arange(self.replicates + 1))
        rows = []
        for first, last in pairwise(ends.tolist()):
            one = SimulatedLinks(*(column[first:last] for column in vars(self.links).values()))
            rows.append(np.atleast_1d(np.asarray(statistic(one), np.float64)))
        return np.stack(rows)

    def _precision(self, codes: Ints, n: int) -> tuple[Floats, Floats, Floats]:
        """Links, share of right ones and its Monte Carlo variance, as a ratio over replicates."""
        links, right = (
            np.bincount(
                codes * self.replicates + self.links.replicate, weights, minlength=n * self.replicates
            ).reshape(n, self.replicates)
            for weights in (None, self.links.is_right.astype(np.float64))
        )
        total = links.sum(axis=1).astype(np.float64)
        q = right.sum(axis=1) / np.maximum(total, 1)
        off = right - q[:, None] * links
        variance = (off**2).sum(axis=1) / np.maximum(total, 1) ** 2
        return total, q, variance * self.replicates / max(self.replicates - 1, 1)


def _named(found: tuple[Floats, Floats, Floats], labels: NDArray[Any]) -> LinkPrecision:
    links, q, variance = found
    some = links > 0
    return LinkPrecision(labels[some], q[some], variance[some])
