"""The estimated model: immutable, with the origin of every parameter, written and read as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.weighing import Weighing

__all__ = ["ComparisonParameters", "PairOfSources", "Parameters", "Start", "Uncertainty"]

NORMAL_95 = 1.959963984540054
"""The standard normal is within so much of 0 with probability 0.95."""
MOST_TABLED = 2**20
"""Patterns whose weights are held in a table."""


def logit_interval(p: float, error: float) -> list[float]:
    """Interval of 95 % of a probability, normal on the logit scale (delta method), so within (0, 1).

    Examples
    --------
    >>> [round(limit, 4) for limit in logit_interval(0.98, 0.01)]
    [0.9474, 0.9925]
    """
    if not 0 < p < 1:
        return [p, p]
    middle, spread = np.log(p) - np.log1p(-p), NORMAL_95 * error / (p * (1 - p))
    return [float(1 / (1 + np.exp(np.clip(-(middle + sign * spread), -700, 700)))) for sign in (-1, 1)]


DECLARED = ("left_duplicate_free", "right_duplicate_free")


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
    left_duplicate_free, right_duplicate_free : bool
        Whether the sources are declared to hold every entity once; False within one source.
    constant : float, optional
        The no-link constant where it does not follow from the numbers of records, since only records of
        linked households are compared.
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
    left_duplicate_free: bool = False
    right_duplicate_free: bool = False
    constant: float | None = None


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
        Standard errors of the probabilities m of every comparison by level, then of u likewise, as of other
        files like these; then of the log of the expected matches of each pair of sources. 0 where something
        was given.
    covariance : tuple of tuple of float
        In the same order, with u as it is in these files.
    dispersion : float
        How many times more the patterns of matches vary than independent comparisons would have it, at least
        1 (see `tallystick.estimation.misfit`).
    """

    errors: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    dispersion: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, lists in place of tuples."""
        covariance = [list(row) for row in self.covariance]
        return {"errors": list(self.errors), "covariance": covariance, "dispersion": self.dispersion}


@dataclass(frozen=True)
class Parameters(Weighing):
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
    interactions : tuple of Interaction
        Comparisons whose levels were estimated together; no comparison is in two of them.
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
    interactions: tuple[Interaction, ...] = ()

    def share_of(self, source_pair: int | None) -> float:
        """Share of related pairs among the non-matches of a pair of sources, or (None) of all together."""
        if source_pair is None or not self.pairs:
            return self.related_share
        return self.pairs[source_pair].related_share

    def pattern_weights(self, source_pair: int) -> NDArray[np.float64]:
        """Weight of every pattern by its number, shape (coding.size,); empty where that is too many."""
        share = self.share_of(source_pair)
        if share not in self._pattern_weights:
            weights = np.zeros(0)
            if self.coding.size <= MOST_TABLED:
                sums = [self._by_pattern(table) for table in self.tables]
                if self.interactions:
                    sums = list(self.add_terms(sums, self.coding.decode(np.arange(self.coding.size)).T))
                weights = self.corrected(share, *sums)
            self._pattern_weights[share] = weights
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

    def most_gained(self, source_pair: int) -> float:
        """The most by which a weight can exceed the sum over comparisons, terms included."""
        return -float(np.log1p(-self.share_of(source_pair)))

    def weights(
        self,
        digits: NDArray[np.uint8],
        source_pair: NDArray[np.int64] | None = None,
        terms: Mapping[int, NDArray[np.float64]] | None = None,
    ) -> NDArray[np.float64]:
        """Match weights (natural log) of patterns, or of pairs.

        Parameters
        ----------
        digits : uint8 array, shape (n, n_comparisons)
            Levels; the number of levels stands for missing.
        source_pair : int64 array, shape (n,), optional
            Which pair of sources each belongs to, where that is known.
        terms : mapping of int to float64 array, shape (n,), optional
            What the values of pairs weigh beyond their level, by number of the comparison; by default they
            are usual ones.

        Returns
        -------
        float64 array, shape (n,)
        """
        rows = np.arange(len(self.comparisons))
        share: float | NDArray[np.float64] = self.related_share
        if source_pair is not None and self.pairs:
            share = np.array([pair.related_share for pair in self.pairs])[source_pair]
        sums = [table[rows, digits].sum(axis=1) for table in self.tables]
        return self.corrected(share, *self.add_terms(sums, digits.T, terms))

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
        if not spread:
            return {}
        pair = self.pairs[number]
        # Where hardly a match is expected the error of its log is beyond all bounds; the pairs are one.
        most = np.log(max(pair.pairs, 1)) - np.log(max(pair.expected_matches, 1e-300))
        low, high = (pair.expected_matches * np.exp(min(sign * spread, most)) for sign in (-1, 1))
        return {"matches_interval": [float(low), float(high)]}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it back without loss."""
        return {
            "comparisons": [
                {**one.to_dict(), **self._intervals(number)} for number, one in enumerate(self.comparisons)
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
                    **{key: True for key in DECLARED if getattr(pair, key)},
                    **({} if pair.constant is None else {"constant": pair.constant}),
                    **self._matches_interval(number),
                }
                for number, pair in enumerate(self.pairs)
            ],
            "passes": list(self.passes),
            **({"interactions": [one.to_dict() for one in self.interactions]} if self.interactions else {}),
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
            **({} if self.uncertainty is None else {"uncertainty": self.uncertainty.to_dict()}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameters:
        """Read what `to_dict` gave."""
        em = data["em"]
        return cls(
            comparisons=tuple(ComparisonParameters.from_dict(one) for one in data["comparisons"]),
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
            interactions=tuple(
                Interaction.from_dict(one, [own["name"] for own in data["comparisons"]])
                for one in data.get("interactions", ())
            ),
        )
