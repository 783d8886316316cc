"""The model's own error curve: what is expected above and below every weight that candidate pairs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.patterns.count import PatternCounts

Floats = NDArray[np.float64]

MOST_ROWS = 10_000
"""Rows of a curve of one pair of sources; where more weights occur, near ones are taken together."""
AT_A_TIME = 2**16
SAME = 1e-9
"""Weights that are nearer to each other are one: sums in another order differ by less."""


@dataclass(frozen=True)
class Forecast:
    """What a decision rule is expected to do to all allowed pairs.

    Attributes
    ----------
    links, possible, non_links : float
        Numbers of pairs; non-links are all other allowed pairs, those that no pass finds included.
    false_links : float
        Links that are no matches.
    matches_possible : float
        Matches among the possible links.
    missed : float
        Matches among the non-links, those that no pass finds included.
    matches, non_matches : float
        Of all allowed pairs.
    """

    links: float
    possible: float
    non_links: float
    false_links: float
    matches_possible: float
    missed: float
    matches: float
    non_matches: float

    @property
    def precision(self) -> float | None:
        """Share of the links that are matches; None without links."""
        return 1 - self.false_links / self.links if self.links > 0 else None

    @property
    def recall(self) -> float | None:
        """Share of the matches that are links, nothing reviewed; None without matches."""
        linked = self.matches - self.matches_possible - self.missed
        return max(0.0, linked / self.matches) if self.matches > 0 else None

    @property
    def type1(self) -> float | None:
        """Share of the non-matches that are links: mu of Fellegi and Sunter (1969)."""
        return self.false_links / self.non_matches if self.non_matches > 0 else None

    @property
    def type2(self) -> float | None:
        """Share of the matches that are non-links: lambda of Fellegi and Sunter (1969).

        A possible link is no error of either kind.
        """
        return self.missed / self.matches if self.matches > 0 else None

    def to_dict(self) -> dict[str, float | None]:
        """Counts and rates, for JSON."""
        return {
            **vars(self),
            "precision": self.precision,
            "recall": self.recall,
            "type1": self.type1,
            "type2": self.type2,
        }


@dataclass(frozen=True)
class ErrorCurve:
    """Expected matches and non-matches by score, from the highest score down.

    A row holds the pairs of one score, or of scores that are taken together. A threshold never
    divides a row.

    Attributes
    ----------
    low, high : float64 arrays, shape (n,)
        Least and greatest score of each row, descending.
    pairs, matches, non_matches : float64 arrays, shape (n,)
        Numbers of pairs; expected matches and non-matches among them.
    blocking_missed : float
        Expected matches that no pass finds.
    other_pairs : float
        Allowed pairs that no pass finds; the missed matches are some of them.
    lost : str
        Words for what misses those matches.

    Examples
    --------
    >>> scores, pairs, matches = np.array([5.0, 0, -5]), np.array([10, 4, 100]), np.array([10, 2, 0])
    >>> curve = ErrorCurve(scores, scores, pairs, matches, pairs - matches)
    >>> curve.thresholds.tolist()
    [6.0, 2.5, -2.5, -6.0]
    >>> curve.forecast(-2.5, 2.5).possible
    4.0
    """

    low: Floats
    high: Floats
    pairs: Floats
    matches: Floats
    non_matches: Floats
    blocking_missed: float = 0.0
    other_pairs: float = 0.0
    lost: str = "The passes miss"

    @classmethod
    def of_candidates(
        cls,
        low: Floats,
        high: Floats,
        pairs: Floats,
        matches: Floats,
        non_matches: Floats,
        parameters: Parameters,
        source_pair: int,
    ) -> ErrorCurve:
        """The curve of the candidates of a pair of sources.

        Expected matches that the candidates do not account for are missed, whatever is decided. Where all
        pairs are candidates there are none.
        """
        pair = parameters.pairs[source_pair]
        unseen = pair.expected_matches - float(matches.sum()) if parameters.selected_matches < 1 else 0.0
        others = float(pair.pairs - pairs.sum())
        return cls(low, high, pairs, matches, non_matches, min(max(0.0, unseen), others), others)

    @cached_property
    def thresholds(self) -> Floats:
        """Scores that divide the rows, shape (n + 1,): the i-th has exactly the first i rows at or above it.

        They lie halfway between rows, so that no rounding of a sum of weights decides.
        """
        if not len(self.low):
            return np.zeros(1)
        between = (self.low[:-1] + self.high[1:]) / 2
        return np.concatenate([[self.high[0] + 1], between, [self.low[-1] - 1]])

    @cached_property
    def pairs_above(self) -> Floats:
        """Pairs at or above each of the `thresholds`, shape (n + 1,)."""
        return _above(self.pairs)

    @cached_property
    def matches_above(self) -> Floats:
        """Expected matches at or above each of the `thresholds`, shape (n + 1,)."""
        return _above(self.matches)

    @cached_property
    def non_matches_above(self) -> Floats:
        """Expected non-matches at or above each of the `thresholds`, shape (n + 1,)."""
        return _above(self.non_matches)

    @property
    def all_matches(self) -> float:
        """Expected matches among all allowed pairs."""
        return float(self.matches_above[-1]) + self.blocking_missed

    @property
    def all_non_matches(self) -> float:
        """Expected non-matches among all allowed pairs."""
        return float(self.non_matches_above[-1]) + self.other_pairs - self.blocking_missed

    def rows_at(self, threshold: float) -> int:
        """How many rows are at or above a threshold."""
        return int(np.searchsorted(-self.low, -threshold, side="right"))

    def forecast(self, lower: float, upper: float) -> Forecast:
        """What two thresholds are expected to do.

        Parameters
        ----------
        lower, upper : float
            Scores: at or above `upper` a pair is a link, below `lower` a non-link.

        Returns
        -------
        Forecast
        """
        i, j = self.rows_at(upper), self.rows_at(lower)
        links, to_lower = float(self.pairs_above[i]), float(self.pairs_above[j])
        return Forecast(
            links=links,
            possible=to_lower - links,
            non_links=float(self.pairs_above[-1]) - to_lower + self.other_pairs,
            false_links=float(self.non_matches_above[i]),
            matches_possible=float(self.matches_above[j] - self.matches_above[i]),
            missed=float(self.matches_above[-1] - self.matches_above[j]) + self.blocking_missed,
            matches=self.all_matches,
            non_matches=self.all_non_matches,
        )


def _above(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def error_curves(
    parameters: Parameters, counts: PatternCounts, most_rows: int = MOST_ROWS
) -> tuple[ErrorCurve, ...]:
    """The error curve of each pair of sources, on log odds.

    The score is the log odds that a candidate pair is a match, W0 + W: the match weight, whatever
    additive terms it has, and the log prior odds of its pair of sources, so that the scores of all
    pairs of sources are on one scale. A pair of score s is a match with probability
    exp(s) / (1 + exp(s)) (Bayes).

    Parameters
    ----------
    parameters : Parameters
        The model.
    counts : PatternCounts
        Patterns of all candidate pairs.
    most_rows : int
        Where more weights occur, those of one cell of an even grid are taken together.

    Returns
    -------
    tuple of ErrorCurve
        In the order of ``parameters.pairs``.
    """
    scores = _log_odds(parameters, counts)
    width = _cell_width(scores, most_rows)
    result = []
    for number in range(len(parameters.pairs)):
        own = np.flatnonzero(counts.source_pair == number)
        own = own[np.argsort(-scores[own], kind="stable")]
        score, n = scores[own], counts.counts[own].astype(np.float64)
        rows = _rows(score, score, n, n * _chance(score), n * _chance(-score), width)
        result.append(ErrorCurve.of_candidates(*rows, parameters, number))
    return tuple(result)


def _log_odds(parameters: Parameters, counts: PatternCounts) -> Floats:
    """Log odds of a match of every counted pattern, some at a time: their digits take more room than they."""
    prior = np.array([pair.log_prior_odds for pair in parameters.pairs])
    scores = np.empty(len(counts.patterns))
    for start in range(0, len(scores), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        digits = counts.coding.decode(counts.patterns[part])[:, : len(parameters.comparisons)]
        source_pair = counts.source_pair[part]
        scores[part] = parameters.weights(digits, source_pair) + prior[source_pair]
    return scores


def joined(curves: Sequence[ErrorCurve]) -> ErrorCurve:
    """One curve of the pairs of several.

    Parameters
    ----------
    curves : sequence of ErrorCurve
        On one scale, as `error_curves` gives them.

    Returns
    -------
    ErrorCurve
    """
    names = ("low", "high", "pairs", "matches", "non_matches")
    low, high, pairs, matches, non_matches = (
        np.concatenate([getattr(curve, name) for curve in curves]) for name in names
    )
    order = np.lexsort((-high, -low))
    return ErrorCurve(
        *_rows(low[order], high[order], pairs[order], matches[order], non_matches[order], 0.0),
        sum(curve.blocking_missed for curve in curves),
        sum(curve.other_pairs for curve in curves),
        curves[0].lost,
    )


def _chance(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700, 700))), np.float64)


def _cell_width(scores: Floats, most_rows: int) -> float:
    """Width of cells of which there are at most so many, 0 where the scores are no more than that."""
    if len(scores) <= most_rows or len(np.unique(scores)) <= most_rows:
        return 0.0
    return float(np.ptp(scores)) / (most_rows - 1)


def _rows(
    low: Floats, high: Floats, pairs: Floats, matches: Floats, non_matches: Floats, width: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Sum what is one row: scores in one cell, the same scores, ranges of scores that overlap."""
    if not len(low):
        return low, high, pairs, matches, non_matches
    least = np.minimum.accumulate(low)
    new = np.ones(len(low), bool)
    new[1:] = least[:-1] - high[1:] > SAME
    if width:
        # The cells begin at 0, the same for all pairs of sources.
        cell = np.floor(low / width)
        new[1:] &= cell[1:] != cell[:-1]
    starts = np.flatnonzero(new)
    return (
        np.minimum.reduceat(low, starts),
        np.maximum.reduceat(high, starts),
        np.add.reduceat(pairs, starts),
        np.add.reduceat(matches, starts),
        np.add.reduceat(non_matches, starts),
    )
