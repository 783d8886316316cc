"""Rates of error: estimated from the model, or counted against the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.whole_numbers import whole_limits


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


@dataclass(frozen=True)
class Rates:
    """Counts of right and wrong decisions, and the rates made of them.

    Attributes
    ----------
    links : float
        Number of links.
    true_links, false_links, missed : float
        Links that are matches, links that are not, and matches that are no links.
    allowed_pairs : float
        All pairs that could have been linked; the denominator of the type 1 error is those that
        are no matches, candidates or not.
    """

    links: float
    true_links: float
    false_links: float
    missed: float
    allowed_pairs: float

    @property
    def matches(self) -> float:
        """Number of matches."""
        return self.true_links + self.missed

    @property
    def precision(self) -> float | None:
        """Share of the links that are matches; None without links."""
        return _ratio(self.true_links, self.links)

    @property
    def recall(self) -> float | None:
        """Share of the matches that are links (sensitivity); None without matches."""
        return _ratio(self.true_links, self.matches)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None without links and matches."""
        return _ratio(2 * self.true_links, self.links + self.matches)

    @property
    def type1(self) -> float | None:
        """Share of the pairs that are no matches which are links."""
        return _ratio(self.false_links, self.allowed_pairs - self.matches)

    @property
    def type2(self) -> float | None:
        """Share of the matches that are no links."""
        return _ratio(self.missed, self.matches)

    def to_dict(self) -> dict[str, Any]:
        """Counts and rates, for JSON."""
        return {
            **asdict(self),
            "matches": self.matches,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "type1": self.type1,
            "type2": self.type2,
        }


@dataclass(frozen=True)
class Interval:
    """Limits of an estimate that hold it with a stated probability.

    Attributes
    ----------
    low, high : float
    """

    low: float
    high: float


@dataclass(frozen=True)
class EstimatedRates(Rates):
    """Rates by the model itself, with intervals of 95 %.

    Attributes
    ----------
    true_links_error, missed_error : float, optional
        Standard errors of the numbers of true links and of missed matches; None where they are not known.
    covariance : float
        Their covariance.
    """

    true_links_error: float | None = None
    missed_error: float | None = None
    covariance: float = 0.0

    @property
    def intervals(self) -> dict[str, Interval]:
        """Intervals of precision, recall, type 1 and type 2 error and of the number of matches, where known.

        The numbers of false links and of missed matches are whole numbers, and few: their limits are the
        quantiles of gamma distributions with their means and variances, widened to whole numbers, so that
        a linkage without an error is within them.
        """
        if self.true_links_error is None or self.missed_error is None:
            return {}
        found: dict[str, Interval] = {}
        negative = max(self.allowed_pairs - self.matches, 1.0)
        if self.links > 0:
            false = _count_interval(self.false_links, self.true_links_error, self.links)
            found["precision"] = Interval(1 - false.high / self.links, 1 - false.low / self.links)
            found["type1"] = Interval(false.low / negative, false.high / negative)
        if self.true_links > 0:
            missed = _count_interval(self.missed, self.missed_error, self.allowed_pairs)
            found["recall"] = Interval(
                *(self.true_links / (self.true_links + n) for n in (missed.high, missed.low))
            )
            found["type2"] = Interval(1 - found["recall"].high, 1 - found["recall"].low)
        variance = self.true_links_error**2 + self.missed_error**2 + 2 * self.covariance
        half = NORMAL_95 * max(0.0, variance) ** 0.5
        found["matches"] = Interval(max(0.0, self.matches - half), self.matches + half)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Counts, rates and intervals, for JSON."""
        shown = {name: [one.low, one.high] for name, one in self.intervals.items()}
        plain = Rates.to_dict(self)
        for name in ("true_links_error", "missed_error", "covariance"):
            plain.pop(name)
        return {**plain, "intervals": shown}


def _count_interval(mean: float, error: float, most: float) -> Interval:
    """Limits of a number of pairs of which there are at most so many."""
    if mean <= 0 or error <= 0:
        return Interval(math.floor(max(0.0, mean)), min(math.ceil(mean), most))
    low, high = whole_limits(mean, error**2)
    return Interval(low, min(high, most))


def estimated_rates(
    posterior: NDArray[np.float64], expected_matches: float, allowed_pairs: float
) -> EstimatedRates:
    """Rates of a set of links by the model that decided them; without the errors that intervals need.

    Parameters
    ----------
    posterior : float64 array, shape (n_links,)
        Probability of each link that it is a match.
    expected_matches : float
        Expected matches among the allowed pairs, those that no pass finds included. Where it is
        less than the expected true links, these count as all matches.
    allowed_pairs : float
        Number of allowed pairs.

    Returns
    -------
    EstimatedRates

    Examples
    --------
    >>> estimated_rates(np.array([0.9, 0.6]), 2.0, 100).precision
    0.75
    """
    true = float(posterior.sum())
    links = float(len(posterior))
    return EstimatedRates(links, true, links - true, max(0.0, expected_matches - true), float(allowed_pairs))


def true_rates(
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    truth: pl.Series,
    groups: Sequence[int],
    within: bool,
    between: bool,
) -> Rates:
    """Rates of a set of links counted against the truth.

    Parameters
    ----------
    left, right : integer arrays, shape (n_links,)
        Rows of the linked records.
    truth : polars.Series, shape (n_records,)
        Who each record is; records with equal values are matches, null matches nothing.
    groups : sequence of int
        Number of records of each source, in the order of the rows.
    within, between : bool
        Whether pairs within a source, and between sources, are allowed.

    Returns
    -------
    Rates

    Examples
    --------
    >>> truth = pl.Series(["a", "b", "a", "c"])
    >>> rates = true_rates(np.array([0]), np.array([2]), truth, [2, 2], within=False, between=True)
    >>> rates.true_links, rates.missed, rates.allowed_pairs
    (1.0, 0.0, 4.0)
    """
    source = np.repeat(np.arange(len(groups)), groups)
    sizes = np.array(groups, np.float64)
    in_source = float((sizes * (sizes - 1) / 2).sum())
    everywhere = float(sizes.sum() * (sizes.sum() - 1) / 2)
    allowed = in_source * within + (everywhere - in_source) * between
    table = pl.DataFrame({"truth": truth, "source": source}).drop_nulls("truth")
    per_source = table.group_by("truth", "source").len().with_columns(pl.col("len").cast(pl.Float64))
    same = float((per_source["len"] * (per_source["len"] - 1) / 2).sum())
    total = per_source.group_by("truth").agg(pl.col("len").sum())
    every = float((total["len"] * (total["len"] - 1) / 2).sum())
    matches = same * within + (every - same) * between
    agree = truth.gather(left) == truth.gather(right)
    true = float(agree.fill_null(False).sum())
    return Rates(float(len(left)), true, len(left) - true, matches - true, allowed)
