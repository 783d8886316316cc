"""The parameters of one comparison, and what its levels and the values of a pair weigh by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.similarity import PairFacts
from tallystick.estimation.interpolation import Interpolated
from tallystick.estimation.value_term import ValueTerm


@dataclass(frozen=True)
class ComparisonParameters:
    """m- and u-probabilities of one comparison.

    Attributes
    ----------
    name : str
        Name of the comparison.
    labels : tuple of str
        Meaning of each level, from disagreement up.
    m, u : tuple of float
        Probability of each level among matches and among non-matches, given that it is not missing.
    m_origin, u_origin : str
        Where they come from.
    r : tuple of float, optional
        The same among related pairs, where these are a class of their own.
    shared : float, optional
        Share of the related pairs that have the true value in common.
    missing_level : int, optional
        The level that is a missing value, where that is a level.
    missing_weight : float
        What a missing value weighs where it is no level.
    interpolation : Interpolated, optional
        Where the weight of a pair follows the similarity of its values.
    values : ValueTerm, optional
        Where it follows how common the very values are.
    """

    name: str
    labels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]
    m_origin: str
    u_origin: str
    r: tuple[float, ...] | None = None
    shared: float | None = None
    missing_level: int | None = None
    missing_weight: float = 0.0
    interpolation: Interpolated | None = None
    values: ValueTerm | None = None

    @cached_property
    def plain_weights(self) -> tuple[float, ...]:
        """Natural log of m / u of each level (Fellegi and Sunter 1969)."""
        return tuple(float(np.log(m / u)) for m, u in zip(self.m, self.u, strict=True))

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Weight of each level: log m / u, or, where it follows the values of a pair, that of usual ones."""
        found = self.plain_weights
        if self.values is not None:
            found = self.values.damped(found)
        return found if self.interpolation is None else self.interpolation.level_weights(found)

    @cached_property
    def related_weights(self) -> tuple[float, ...]:
        """Log r / u of each level; where weights follow values, log(s R + 1 - s), R the level's own ratio."""
        if self.r is None:
            return (0.0,) * len(self.u)
        if not self.has_terms or self.shared is None:
            return tuple(float(np.log(r / u)) for r, u in zip(self.r, self.u, strict=True))
        return tuple(self._related(np.array(self.weights)).tolist())

    def _related(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log r / u of pairs that weigh so much: r = s m + (1 - s) u, s the chance to share the value."""
        assert self.shared is not None
        return np.asarray(np.logaddexp(np.log(self.shared) + weights, np.log1p(-self.shared)), np.float64)

    def related_terms(self, levels: NDArray[np.uint8], terms: NDArray[np.float64]) -> NDArray[np.float64]:
        """What pairs with these terms add to log r / u of their level, shape (n,)."""
        if self.r is None or self.shared is None:
            return np.zeros(len(levels))
        weights = np.array([*self.weights, self.missing_weight])[levels]
        return np.where(terms == 0, 0.0, self._related(weights + terms) - self._related(weights))

    @property
    def has_terms(self) -> bool:
        """Whether a pair's own values make a term of its weight, beyond its level."""
        return self.interpolation is not None or self.values is not None

    def terms(self, levels: NDArray[np.uint8], facts: PairFacts) -> NDArray[np.float64]:
        """What pairs weigh beyond their level.

        Parameters
        ----------
        levels : uint8 array, shape (n,)
            Their levels.
        facts : PairFacts
            What their values are.

        Returns
        -------
        float64 array, shape (n,)
        """
        found = np.zeros(len(levels))
        if self.interpolation is not None and facts.similarity is not None:
            weights = np.array([*self.weights, self.missing_weight])
            found += self.interpolation.pair_weights(levels, facts.similarity, weights) - weights[levels]
        if self.values is not None and facts.shares is not None:
            found += self.values.terms(levels, *facts.shares)
        return found

    @cached_property
    def term_ranges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest term by level, the missing one included, shape (n_levels + 1,) each."""
        weights = np.array([*self.weights, self.missing_weight])
        low, high = np.zeros(len(weights)), np.zeros(len(weights))
        if self.interpolation is not None:
            least, most = self.interpolation.ranges(weights)
            low, high = least - weights, most - weights
        if self.values is not None:
            least, most = self.values.ranges()
            low, high = low + least, high + most
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back without loss."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "m": list(self.m),
            "u": list(self.u),
            "weights": list(self.weights),
            "m_origin": self.m_origin,
            "u_origin": self.u_origin,
            **({} if self.r is None else {"r": list(self.r), "shared": self.shared}),
            **({} if self.missing_level is None else {"missing_level": self.missing_level}),
            **({} if not self.missing_weight else {"missing_weight": self.missing_weight}),
            **({} if self.interpolation is None else {"interpolation": self.interpolation.to_dict()}),
            **({} if self.values is None else {"values": self.values.to_dict()}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ComparisonParameters:
        """Read what `to_dict` gave."""
        return cls(
            data["name"],
            tuple(data["labels"]),
            tuple(data["m"]),
            tuple(data["u"]),
            data["m_origin"],
            data["u_origin"],
            tuple(data["r"]) if "r" in data else None,
            data.get("shared"),
            data.get("missing_level"),
            data.get("missing_weight", 0.0),
            Interpolated.from_dict(data["interpolation"]) if "interpolation" in data else None,
            ValueTerm.from_dict(data["values"]) if "values" in data else None,
        )
