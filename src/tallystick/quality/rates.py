"""Rates of error: estimated from the model, or counted against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


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

    def to_dict(self) -> dict[str, float | None]:
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


def estimated_rates(posterior: NDArray[np.float64], expected_matches: float, allowed_pairs: float) -> Rates:
    """Rates of a set of links by the model that decided them.

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
    Rates

    Examples
    --------
    >>> estimated_rates(np.array([0.9, 0.6]), 2.0, 100).precision
    0.75
    """
    true = float(posterior.sum())
    links = float(len(posterior))
    return Rates(links, true, links - true, max(0.0, expected_matches - true), float(allowed_pairs))


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
