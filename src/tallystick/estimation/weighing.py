"""From the levels of a pair to its weight, and the bounds of what pairs of some levels can weigh.

The weight of a pair is made of three layers. Each comparison has a weight for its level. Comparisons that
were estimated together have a *term* for their levels together (`tallystick.estimation.interactions`): what
the pattern weighs more than the sum. And where the weight of a comparison follows the values themselves, each
*pair* has a term of its own besides (`ComparisonParameters.terms`). Log r / u of related pairs is summed
alike, and `corrected` takes off what relatives weigh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.interactions import Interaction
from tallystick.patterns.coding import PatternCoding

Floats = NDArray[np.float64]


class Weighing:
    """What `Parameters` weigh pairs by.

    Attributes
    ----------
    comparisons : tuple of ComparisonParameters
        In the order of the pattern's digits.
    interactions : tuple of Interaction
        Comparisons whose levels were estimated together; no comparison is in two of them.
    related_share : float
        Share of related pairs among the non-matches; 0 where they are no class of their own.
    """

    comparisons: tuple[ComparisonParameters, ...]
    interactions: tuple[Interaction, ...]
    related_share: float

    @cached_property
    def coding(self) -> PatternCoding:
        """Coding of the comparisons' patterns, without digits of keys."""
        return PatternCoding(tuple(len(one.labels) for one in self.comparisons))

    @cached_property
    def level_weights(self) -> Floats:
        """Weight of each level of each comparison, and of a missing value: (n_comparisons, largest radix)."""
        return self._table([(*one.weights, one.missing_weight) for one in self.comparisons])

    @cached_property
    def related_level_weights(self) -> Floats:
        """Log r / u of each level of each comparison, shape (n_comparisons, largest radix); missing is 0."""
        return self._table([(*one.related_weights, 0.0) for one in self.comparisons])

    @property
    def tables(self) -> tuple[Floats, ...]:
        """What is summed over a pair's comparisons: log m / u, and log r / u where pairs may be related."""
        return (
            (self.level_weights, self.related_level_weights) if self.related_share else (self.level_weights,)
        )

    @cached_property
    def with_terms(self) -> tuple[int, ...]:
        """Numbers of the comparisons in which a pair's own values make a term (see `linking.terms`)."""
        return tuple(number for number, one in enumerate(self.comparisons) if one.has_terms)

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """Which levels have terms of pairs that are not 0, shape as of `level_weights`."""
        low, high = self._term_ranges
        return np.asarray((low != 0) | (high != 0), np.bool_)

    def add_terms(
        self,
        sums: Sequence[Floats],
        digits: Sequence[NDArray[Any]] | NDArray[Any],
        terms: Mapping[int, Floats] | None = None,
    ) -> tuple[Floats, ...]:
        """Add the terms of interactions, and of the pairs themselves, to the sums of `tables`.

        Parameters
        ----------
        sums : sequence of float64 array, shape (n,)
            One for each of `tables`.
        digits : sequence of integer array, shape (n,)
            Levels of each comparison.
        terms : mapping of int to float64 array, shape (n,), optional
            Terms of the pairs by number of the comparison (see `linking.terms.pair_terms`); by default they
            are pairs of usual values.

        Returns
        -------
        tuple of float64 array, shape (n,)
            Related pairs share values, so that they too agree the less often on a rare one.
        """
        added = list(sums)
        for one in self.interactions:
            for k, table in enumerate((one.terms, one.related_terms)[: len(added)]):
                added[k] = added[k] + one.at(table, digits)
        for number, own in (terms or {}).items():
            added[0] = added[0] + own
            if len(added) > 1:
                added[1] = added[1] + self.comparisons[number].related_terms(digits[number], own)
        return tuple(added)

    @cached_property
    def extreme_tables(self) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """`tables` with the least and with the greatest term that a pair of every level can have.

        Weights rise with the terms, whatever the terms of interactions are.
        """
        low, high = self._term_ranges
        return self._with_pair_terms(low), self._with_pair_terms(high)

    @cached_property
    def bounding_weights(self) -> Floats:
        """As `level_weights`, but no pair weighs more than the sum of them, terms of either kind included.

        It may yet gain by `Parameters.most_gained`.
        """
        table = self.extreme_tables[1][0].copy()
        for one in self.interactions:
            for number, most in zip(one.comparisons, one.bounds, strict=True):
                table[number, : len(most)] += most
        return table

    @cached_property
    def _term_ranges(self) -> tuple[Floats, Floats]:
        low, high = zip(*(one.term_ranges for one in self.comparisons), strict=True)
        return self._table(low), self._table(high)

    def _with_pair_terms(self, terms: Floats) -> tuple[Floats, ...]:
        related = [
            one.related_terms(np.arange(len(one.labels) + 1, dtype=np.uint8), own[: len(one.labels) + 1])
            for one, own in zip(self.comparisons, terms, strict=True)
        ]
        added = (terms, self._table(related))
        return tuple(table + more for table, more in zip(self.tables, added, strict=False))

    def _table(self, rows: Sequence[Sequence[float] | Floats]) -> Floats:
        table = np.zeros((len(rows), max(len(row) for row in rows)))
        for own, row in zip(table, rows, strict=True):
            own[: len(row)] = row
        return table

    @staticmethod
    def corrected(
        share: float | NDArray[np.float64],
        weights: NDArray[np.float64],
        related: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Match weights from the sums over the comparisons of a pair.

        A pair that is no match is related with probability rho, so that its weight is
        log m - log((1 - rho) u + rho r), m, u and r the probabilities of its pattern in the three classes:
        the sum of log m / u less log((1 - rho) + rho r / u). The correction is at most -log(1 - rho).

        Parameters
        ----------
        share : float or float64 array, shape (n,)
            rho: the share of related pairs among the non-matches of the pair's sources.
        weights : float64 array, shape (n,)
            Sums of `level_weights`.
        related : float64 array, shape (n,), optional
            Sums of `related_level_weights`.

        Returns
        -------
        float64 array, shape (n,)
        """
        if related is None:
            return weights
        with np.errstate(divide="ignore"):  # a share of 0 takes nothing off
            correction = np.logaddexp(np.log1p(-np.asarray(share)), np.log(share) + related)
        return np.asarray(weights - correction, np.float64)
