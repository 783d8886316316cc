"""Rates of error: estimated from the model, or counted against the truth.

Every other way to estimate them has a file of its own and is reached from here, too: audits in numbers,
simulated patterns, mixtures of weights, numbers of neighbours, capture and recapture, calibration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.whole_numbers import whole_limits

_HOMES = {
    "audit_numbers": ("large_sample_intervals", "neyman", "stratified_audit"),
    "audit_rates": ("audit_rates",),
    "belin_rubin": ("belin_rubin",),
    "belin_rubin_training": ("belin_rubin_training",),
    "calibrate": ("calibrate",),
    "capture_recapture": ("capture_recapture", "ding_fienberg"),
    "model_patterns": ("model_patterns",),
    "neighbours": ("count_neighbours", "fit_neighbours"),
    "overlap": ("chapman", "completeness"),
    "pattern_chances": ("plain_chances", "seen_patterns"),
    "simrate": ("simrate",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Imported when first used: these files themselves use the classes below.
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tallystick.quality.rates' has no attribute {name!r}")
    return getattr(import_module(f"tallystick.quality.{_HOME_OF[name]}"), name)


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
    certain : float
        Links of which it is known that they are matches, since people have said so.
    """

    true_links_error: float | None = None
    missed_error: float | None = None
    covariance: float = 0.0
    certain: float = 0.0

    @property
    def intervals(self) -> dict[str, Interval]:
        """Intervals of precision, recall, type 1 and type 2 error and of the number of matches, where known.

        The numbers of false links and of missed matches are whole numbers, and few: their limits are the
        quantiles of gamma distributions with their means and variances, widened to whole numbers, so that
        a linkage without an error is within them. Links that are known to be matches bound all limits: there
        are no fewer true links, nor matches, than these.
        """
        if self.true_links_error is None or self.missed_error is None:
            return {}
        found: dict[str, Interval] = {}
        negative = max(self.allowed_pairs - self.matches, 1.0)
        if self.links > 0:
            false = _count_interval(self.false_links, self.true_links_error, self.links - self.certain)
            found["precision"] = Interval(1 - false.high / self.links, 1 - false.low / self.links)
            found["type1"] = Interval(false.low / negative, false.high / negative)
        variance = self.true_links_error**2 + self.missed_error**2 + 2 * self.covariance
        half = NORMAL_95 * max(0.0, variance) ** 0.5
        most = self.matches + half
        found["matches"] = Interval(max(self.certain, self.matches - half), most)
        if self.true_links > 0:
            missed = _count_interval(self.missed, self.missed_error, self.allowed_pairs)
            low, high = (self.true_links / (self.true_links + n) for n in (missed.high, missed.low))
            found["recall"] = Interval(max(low, self.certain / most), high)
            found["type2"] = Interval(1 - found["recall"].high, 1 - found["recall"].low)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Counts, rates and intervals, for JSON."""
        shown = {name: [one.low, one.high] for name, one in self.intervals.items()}
        plain = Rates.to_dict(self)
        for name in ("true_links_error", "missed_error", "covariance", "certain"):
            plain.pop(name)
        return {**plain, "intervals": shown}


def _count_interval(mean: float, error: float, most: float) -> Interval:
    """Limits of a number of pairs of which there are at most so many."""
    if mean <= 0 or error <= 0:
        return Interval(math.floor(max(0.0, mean)), min(math.ceil(mean), most))
    low, high = whole_limits(mean, error**2)
    # Of a mean that is hardly known at all the gamma distribution has nearly all its mass at 0.
    return Interval(min(low, mean), min(max(high, mean), most))


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


@dataclass(frozen=True)
class StepRates:
    """The rates of one step of a sequential linkage, among the records that it had.

    Attributes
    ----------
    rates : EstimatedRates
    n_left, n_right : int
        Numbers of these records.
    """

    rates: EstimatedRates
    n_left: int
    n_right: int

    @property
    def hidden(self) -> float:
        """Matches that no later step can find, since a false link has taken a record of theirs."""
        matches = self.rates.matches
        share = matches / max(1, self.n_left) + matches / max(1, self.n_right)
        return self.rates.false_links * min(2.0, share)


def rates_of_steps(steps: Sequence[StepRates], allowed_pairs: float) -> EstimatedRates:
    """Rates of a linkage by several steps, each of the records that the ones before it have left.

    The links of all steps are added. What is missed are the matches that the last step expects and does not
    link, and those that false links of earlier steps hide: each takes two records, of which as many have a
    match elsewhere as of the records of that step. The errors of the steps are taken as independent.

    Parameters
    ----------
    steps : sequence of StepRates
        Of the steps that decided pairs, in their order.
    allowed_pairs : float
        Number of allowed pairs of the files.

    Returns
    -------
    EstimatedRates

    Examples
    --------
    >>> first = StepRates(EstimatedRates(800, 798, 2, 202, 1e6), 1000, 1000)
    >>> second = StepRates(EstimatedRates(190, 185, 5, 15, 4e4), 200, 200)
    >>> total = rates_of_steps([first, second], 1e6)
    >>> total.links, total.true_links, total.missed
    (990, 983, 19.0)
    """
    if not steps:
        return EstimatedRates(0.0, 0.0, 0.0, 0.0, float(allowed_pairs))
    links, true = (sum(getattr(one.rates, name) for one in steps) for name in ("links", "true_links"))
    hidden = sum(one.hidden for one in steps[:-1])
    last = steps[-1].rates
    errors = [one.rates.true_links_error for one in steps]
    known = [error for error in errors if error is not None]
    if len(known) < len(errors) or last.missed_error is None:
        return EstimatedRates(links, true, links - true, last.missed + hidden, float(allowed_pairs))
    return EstimatedRates(
        links,
        true,
        links - true,
        last.missed + hidden,
        float(allowed_pairs),
        true_links_error=math.sqrt(sum(error**2 for error in known)),
        missed_error=math.sqrt(last.missed_error**2 + hidden),
        covariance=last.covariance,
    )


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
