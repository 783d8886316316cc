"""The estimated model: immutable, with the origin of every parameter, written and read as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.similarity import PairFacts
from tallystick.estimation.interpolation import Interpolated
from tallystick.estimation.value_term import ValueTerm
from tallystick.patterns.coding import PatternCoding

NORMAL_95 = 1.959963984540054
"""The standard normal is within so much of 0 with probability 0.95."""
MOST_TABLED = 2**20
"""Patterns whose weights are held in a table."""


def logit_interval(p: float, error: float) -> list[float]:
    """Interval of 95 % of a probability, normal on the logit scale (delta method), so that it stays in (0, 1).

    Examples
    --------
    >>> [round(limit, 4) for limit in logit_interval(0.98, 0.01)]
    [0.9474, 0.9925]
    """
    if not 0 < p < 1:
        return [p, p]
    middle, spread = np.log(p) - np.log1p(-p), NORMAL_95 * error / (p * (1 - p))
    return [float(1 / (1 + np.exp(np.clip(-(middle + sign * spread), -700, 700)))) for sign in (-1, 1)]


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


@dataclass(frozen=True)
class PairOfSources:
    """Match rate between two sources, or within one.

    Attributes
    ----------
    left, right : str
        Names of the sources.
    n_left, n_right : int
        Numbers of their records.
    pairs, candidates : int
        Allowed pairs, and those that some pass selects.
    expected_matches : float
        Expected matches among the allowed pairs, those that no pass selects included.
    log_prior_odds : float
        Natural log of the odds that a candidate pair is a match before its comparisons are seen.
    expected_related : float
        Expected related pairs among the allowed pairs: non-matches that share values as relatives do.
    related_share : float
        Their share of the non-matches; 0 where they are no class of their own.
    origin : str
        Where the number of matches comes from.
    """

    left: str
    right: str
    n_left: int
    n_right: int
    pairs: int
    candidates: int
    expected_matches: float
    log_prior_odds: float
    expected_related: float = 0.0
    related_share: float = 0.0
    origin: str = "EM"


@dataclass(frozen=True)
class Start:
    """Where EM ended from one start.

    Attributes
    ----------
    log_likelihood : float
        Log-likelihood and log prior of m, up to a constant that all starts have in common.
    matches : float
        Expected matches.
    converged : bool
        Whether it got there before the cap.
    """

    log_likelihood: float
    matches: float
    converged: bool


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors, and the covariance of the estimates, that respect that pairs share records.

    Attributes
    ----------
    errors : tuple of float
        Standard errors of the probabilities m of every comparison by level, then of u likewise, as of other files
        like these; then of the log of the expected matches of each pair of sources. 0 where something was given.
    covariance : tuple of tuple of float
        In the same order, about what the estimates would be in these files if the matches were known.
    dispersion : float
        How many times more the patterns of matches vary than independent comparisons would have it, at least 1
        (see `tallystick.estimation.misfit`).
    """

    errors: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    dispersion: float


@dataclass(frozen=True)
class Parameters:
    """Everything that scoring needs.

    Attributes
    ----------
    comparisons : tuple of ComparisonParameters
        In the order of the pattern's digits.
    pairs : tuple of PairOfSources
        Match rates; empty where m and u were given without data.
    passes : tuple of str
        Labels of the passes.
    selected_matches : float
        Estimated share of the matches that the passes find (1 where all pairs are compared).
    iterations, converged, log_likelihood
        How EM went; None, None and empty where nothing was estimated.
    warnings : tuple of str
        What the user should know of the estimates.
    related_share : float
        Share of related pairs among the non-matches of all pairs of sources; 0 where they are no class of
        their own.
    starts : tuple of Start
        Where EM ended from each of several starts, the usual one first; empty where there was one.
    uncertainty : Uncertainty, optional
        How sure the estimates are; None where nothing was estimated, or no pairs were looked at for it.
    """

    comparisons: tuple[ComparisonParameters, ...]
    pairs: tuple[PairOfSources, ...] = ()
    passes: tuple[str, ...] = ()
    selected_matches: float = 1.0
    iterations: int | None = None
    converged: bool | None = None
    log_likelihood: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    related_share: float = 0.0
    starts: tuple[Start, ...] = ()
    uncertainty: Uncertainty | None = None

    @cached_property
    def coding(self) -> PatternCoding:
        """Coding of the comparisons' patterns, without digits of keys."""
        return PatternCoding(tuple(len(one.labels) for one in self.comparisons))

    @cached_property
    def level_weights(self) -> NDArray[np.float64]:
        """Weight of each level of each comparison, and of a missing value: (n_comparisons, largest radix)."""
        return self._table([(*one.weights, one.missing_weight) for one in self.comparisons])

    @cached_property
    def related_level_weights(self) -> NDArray[np.float64]:
        """Log r / u of each level of each comparison, shape (n_comparisons, largest radix); missing is 0."""
        return self._table([(*one.related_weights, 0.0) for one in self.comparisons])

    @cached_property
    def with_terms(self) -> tuple[int, ...]:
        """Numbers of the comparisons in which a pair's own values make a term (see `linking.terms`)."""
        return tuple(number for number, one in enumerate(self.comparisons) if one.has_terms)

    @cached_property
    def term_ranges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest term of each level of each comparison, shapes as of `level_weights`."""
        low, high = zip(*(one.term_ranges for one in self.comparisons), strict=True)
        return self._table(low), self._table(high)

    @cached_property
    def extreme_tables(self) -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...]]:
        """`tables` with the least and with the greatest term of every level; weights rise with the terms."""
        return self._with_terms(self.term_ranges[0]), self._with_terms(self.term_ranges[1])

    def _with_terms(self, terms: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        related = [
            one.related_terms(np.arange(len(one.labels) + 1, dtype=np.uint8), own[: len(one.labels) + 1])
            for one, own in zip(self.comparisons, terms, strict=True)
        ]
        added = (terms, self._table(related))
        return tuple(table + more for table, more in zip(self.tables, added, strict=False))

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """Which levels have terms that are not 0, shape as of `level_weights`."""
        low, high = self.term_ranges
        return np.asarray((low != 0) | (high != 0), np.bool_)

    def _table(self, rows: Sequence[Sequence[float] | NDArray[np.float64]]) -> NDArray[np.float64]:
        table = np.zeros((len(rows), max(len(row) for row in rows)))
        for own, row in zip(table, rows, strict=True):
            own[: len(row)] = row
        return table

    def share_of(self, source_pair: int | None) -> float:
        """Share of related pairs among the non-matches of a pair of sources, or (None) of all together."""
        if source_pair is None or not self.pairs:
            return self.related_share
        return self.pairs[source_pair].related_share

    def pattern_weights(self, source_pair: int) -> NDArray[np.float64]:
        """Weight of every pattern by its number, shape (coding.size,); empty where that is too many."""
        share = self.share_of(source_pair)
        if share not in self._pattern_weights:
            few = self.coding.size <= MOST_TABLED
            sums = (self._by_pattern(table) for table in self.tables)
            self._pattern_weights[share] = self.corrected(share, *sums) if few else np.zeros(0)
        return self._pattern_weights[share]

    @cached_property
    def _pattern_weights(self) -> dict[float, NDArray[np.float64]]:
        return {}

    def _by_pattern(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of a table's values for every pattern, shape (coding.size,)."""
        total = np.zeros(1)
        for one, values in zip(self.comparisons, table, strict=True):
            total = (values[: len(one.labels) + 1, None] + total[None, :]).ravel()
        return total

    @property
    def tables(self) -> tuple[NDArray[np.float64], ...]:
        """What is summed over a pair's comparisons: log m / u, and log r / u where pairs may be related."""
        return (
            (self.level_weights, self.related_level_weights) if self.related_share else (self.level_weights,)
        )

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

    def most_gained(self, source_pair: int) -> float:
        """The most by which a weight can exceed the sum of the weights of its comparisons."""
        return -float(np.log1p(-self.share_of(source_pair)))

    def weights(
        self, digits: NDArray[np.uint8], source_pair: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Match weights (natural log) of patterns.

        Parameters
        ----------
        digits : uint8 array, shape (n, n_comparisons)
            Levels; the number of levels stands for missing.
        source_pair : int64 array, shape (n,), optional
            Which pair of sources each belongs to, where that is known.

        Returns
        -------
        float64 array, shape (n,)
        """
        rows = np.arange(len(self.comparisons))
        share: float | NDArray[np.float64] = self.related_share
        if source_pair is not None and self.pairs:
            share = np.array([pair.related_share for pair in self.pairs])[source_pair]
        return self.corrected(share, *(table[rows, digits].sum(axis=1) for table in self.tables))

    def posterior(self, weights: NDArray[np.float64], source_pair: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that a candidate pair is a match given its pattern alone.

        Parameters
        ----------
        weights : float64 array, shape (n,)
            Match weights.
        source_pair : int64 array, shape (n,)
            Which pair of sources each belongs to.

        Returns
        -------
        float64 array, shape (n,)
        """
        prior = np.array([pair.log_prior_odds for pair in self.pairs])
        odds = weights + prior[source_pair]
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700))), np.float64)

    def errors_of(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Standard errors of m and of u of a comparison by level; None where they are not known."""
        if self.uncertainty is None:
            return None
        errors = np.array(self.uncertainty.errors)
        sizes = [len(one.labels) for one in self.comparisons]
        start, total = sum(sizes[:number]), sum(sizes)
        own = slice(start, start + sizes[number])
        return errors[own], errors[total:][own]

    def _intervals(self, number: int) -> dict[str, Any]:
        found = self.errors_of(number)
        if found is None:
            return {}
        one = self.comparisons[number]
        return {
            f"{which}_intervals": [
                logit_interval(p, error) if error > 0 else None
                for p, error in zip(getattr(one, which), errors.tolist(), strict=True)
            ]
            for which, errors in zip("mu", found, strict=True)
        }

    def _matches_interval(self, number: int) -> dict[str, Any]:
        if self.uncertainty is None:
            return {}
        spread = NORMAL_95 * self.uncertainty.errors[number - len(self.pairs)]
        matches = self.pairs[number].expected_matches
        return (
            {"matches_interval": [float(matches * np.exp(sign * spread)) for sign in (-1, 1)]}
            if spread
            else {}
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back without loss."""
        return {
            "comparisons": [
                {
                    "name": one.name,
                    "labels": list(one.labels),
                    "m": list(one.m),
                    "u": list(one.u),
                    "weights": list(one.weights),
                    "m_origin": one.m_origin,
                    "u_origin": one.u_origin,
                    **self._intervals(number),
                    **({} if one.r is None else {"r": list(one.r), "shared": one.shared}),
                    **({} if one.missing_level is None else {"missing_level": one.missing_level}),
                    **({} if not one.missing_weight else {"missing_weight": one.missing_weight}),
                    **({} if one.interpolation is None else {"interpolation": one.interpolation.to_dict()}),
                    **({} if one.values is None else {"values": one.values.to_dict()}),
                }
                for number, one in enumerate(self.comparisons)
            ],
            "match_rates": [
                {
                    "left": pair.left,
                    "right": pair.right,
                    "n_left": pair.n_left,
                    "n_right": pair.n_right,
                    "pairs": pair.pairs,
                    "candidates": pair.candidates,
                    "expected_matches": pair.expected_matches,
                    "rate": pair.expected_matches / pair.pairs if pair.pairs else 0.0,
                    "log_prior_odds": pair.log_prior_odds,
                    "expected_related": pair.expected_related,
                    "related_share": pair.related_share,
                    "origin": pair.origin,
                    **self._matches_interval(number),
                }
                for number, pair in enumerate(self.pairs)
            ],
            "passes": list(self.passes),
            "related_share": self.related_share,
            "selected_matches": self.selected_matches,
            "em": None
            if self.iterations is None
            else {
                "iterations": self.iterations,
                "converged": self.converged,
                "log_likelihood": list(self.log_likelihood),
                **({"starts": [asdict(one) for one in self.starts]} if self.starts else {}),
            },
            "warnings": list(self.warnings),
            **({} if self.uncertainty is None else {"uncertainty": asdict(self.uncertainty)}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameters:
        """Read what `to_dict` gave."""
        em = data["em"]
        return cls(
            comparisons=tuple(
                ComparisonParameters(
                    one["name"],
                    tuple(one["labels"]),
                    tuple(one["m"]),
                    tuple(one["u"]),
                    one["m_origin"],
                    one["u_origin"],
                    tuple(one["r"]) if "r" in one else None,
                    one.get("shared"),
                    one.get("missing_level"),
                    one.get("missing_weight", 0.0),
                    Interpolated.from_dict(one["interpolation"]) if "interpolation" in one else None,
                    ValueTerm.from_dict(one["values"]) if "values" in one else None,
                )
                for one in data["comparisons"]
            ),
            pairs=tuple(
                PairOfSources(
                    **{key: value for key, value in pair.items() if key not in ("rate", "matches_interval")}
                )
                for pair in data["match_rates"]
            ),
            passes=tuple(data["passes"]),
            related_share=data.get("related_share", 0.0),
            selected_matches=data["selected_matches"],
            iterations=None if em is None else em["iterations"],
            converged=None if em is None else em["converged"],
            log_likelihood=() if em is None else tuple(em["log_likelihood"]),
            starts=() if em is None else tuple(Start(**one) for one in em.get("starts", ())),
            warnings=tuple(data["warnings"]),
            uncertainty=None
            if (known := data.get("uncertainty")) is None
            else Uncertainty(
                tuple(known["errors"]), tuple(tuple(row) for row in known["covariance"]), known["dispersion"]
            ),
        )
