"""What every kind of linkage gives once the decisions of people count."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.linkage import tables
from tallystick.linkage.entities import fixed_clustering
from tallystick.linkage.household_links import HouseholdLinks
from tallystick.linkage.links import Links
from tallystick.linkage.merged import Merged, merged, pass_labels
from tallystick.linkage.results import Results
from tallystick.linkage.sequential_links import SequentialLinks
from tallystick.linkage.tables import BY_REVIEW, NO_PASS
from tallystick.linking.clustering import Clustering
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.fixed import Fixed, displace
from tallystick.linking.score import ScoredPairs
from tallystick.quality.rates import EstimatedRates

REFUSED = "refused in review"
"""Why a record has no link whose best candidate a reviewer has refused."""


@dataclass(frozen=True)
class Settled:
    """Pairs with those that people have decided among them.

    Attributes
    ----------
    fixed : Fixed
        Which they are.
    more : ScoredPairs
        Those that the linkage had not kept, which are put in.
    limits : tuple of Constraint
        For each pair of sources, which records have at most one link.
    """

    fixed: Fixed
    more: ScoredPairs
    limits: tuple[Constraint, ...]


@dataclass(frozen=True)
class Reviewed(Results):
    """What the decisions of people make of any linkage, before whose class this one stands.

    Attributes
    ----------
    settled : Settled, optional
        What people have decided.
    """

    settled: Settled | None = None

    @cached_property
    def clustering(self) -> Clustering:
        """Entities that hold what reviewers have linked, and never two records that they hold apart."""
        return fixed_clustering(self.prepared, self.decided, fixed_of(self))

    def _pair_table(self, name: str) -> pl.DataFrame:
        if name == "links":
            return _with_deciders(self._links_table(), fixed_of(self))
        table = super()._pair_table(name)  # type: ignore[safe-super] # that of the linkage
        return _refused(self, table, fixed_of(self)) if name == "residuals" else table

    @abstractmethod
    def _links_table(self) -> pl.DataFrame:
        """The table ``links`` without who decided, pairs that no pass finds among them."""


@dataclass(frozen=True)
class FinalLinks(Reviewed, Links):
    """Links at once, with the decisions of people as constraints."""

    @property
    def certain_links(self) -> int:
        """Links that people have decided."""
        return int(fixed_of(self).link.sum())

    def _links_table(self) -> pl.DataFrame:
        prepared = self.prepared
        labels = [*(one.label for one in prepared.spec.passes), NO_PASS]
        return tables.links_table(prepared, self.model.parameters.coding, self.decided, passes=labels)


@dataclass(frozen=True)
class FinalSequentialLinks(Reviewed, SequentialLinks):
    """Links by steps, with the decisions of people in the place of those of the steps."""

    @cached_property
    def merged(self) -> Merged:
        """The pairs of all steps, decided ones among them; those that no step had are of the last number."""
        made = merged(self.prepared, self.steps, self.coding)
        return settled_pairs(made, len(self.steps), settled_of(self))

    @property
    def n_passes(self) -> int:
        """Numbers of passes are below this."""
        return len(pass_labels(self.prepared))

    @cached_property
    def before(self) -> DecidedPairs:
        """The pairs as the steps decided them."""
        return merged(self.prepared, self.steps, self.coding).decided

    def _links_table(self) -> pl.DataFrame:
        steps = pl.Series("step", [*(one.step.label for one in self.steps), BY_REVIEW], dtype=pl.String)
        labels = [*pass_labels(self.prepared), NO_PASS]
        frame = tables.links_table(self.prepared, self.coding, self.decided, passes=labels)
        return frame.with_columns(pl.col("weight").fill_nan(None), steps.gather(self.merged.step))

    def estimated(self) -> tuple[EstimatedRates, float]:
        """Estimated rates of all steps, what is decided now in place of what they expected of it."""
        return with_decisions(super().estimated(), self.before, self.decided, fixed_of(self), self.n_passes)


@dataclass(frozen=True)
class FinalHouseholdLinks(HouseholdLinks):
    """Links by households, with the decisions of people in the place of those of the stages.

    Attributes
    ----------
    settled : Settled, optional
        What people have decided.
    """

    settled: Settled | None = None

    @cached_property
    def _by_pass(self) -> FinalSequentialLinks:
        return FinalSequentialLinks(self.model, self.whole, self.steps, self.threads, settled=self.settled)

    @cached_property
    def merged(self) -> Merged:
        """The pairs of all stages, decided ones among them."""
        return self._by_pass.merged

    @property
    def before(self) -> DecidedPairs:
        """The pairs as the stages decided them."""
        return self._by_pass.before

    @cached_property
    def clustering(self) -> Clustering:
        """Entities that hold what reviewers have linked, and never two records that they hold apart."""
        return self._by_pass.clustering

    def estimated(self) -> tuple[EstimatedRates, float]:
        """Estimated rates of all stages, what is decided now in place of what they expected of it."""
        own = self._by_pass
        return with_decisions(super().estimated(), own.before, own.decided, fixed_of(self), own.n_passes)


Final = FinalLinks | FinalSequentialLinks | FinalHouseholdLinks


def settled_pairs(made: Merged, n_steps: int, settled: Settled) -> Merged:
    """The pairs of all steps with the decisions of people in their place.

    Parameters
    ----------
    made : Merged
        The pairs as the steps decided them.
    n_steps : int
        Number of the steps, which is that of the pairs that are put in.
    settled : Settled
        What people have decided.

    Returns
    -------
    Merged
    """
    old, n = made.decided, len(settled.more)
    pairs, order = with_pairs(old.pairs, settled.more)
    nothing = np.zeros(n)
    filled = DecidedPairs(
        pairs,
        np.concatenate((old.posterior, nothing))[order],
        np.concatenate((old.posterior_pair, nothing))[order],
        np.concatenate((old.verdict, nothing.astype(np.int8)))[order],
        np.concatenate((old.tie, np.zeros(n, np.bool_)))[order],
    )
    step = np.concatenate((made.step, np.full(n, n_steps, np.int64)))[order]
    return Merged(displace(filled, settled.limits, settled.fixed), step)


def with_pairs(pairs: ScoredPairs, more: ScoredPairs) -> tuple[ScoredPairs, NDArray[np.int64]]:
    """Pairs with some more among them, by left and right row.

    Parameters
    ----------
    pairs, more : ScoredPairs
        No pair is in both.

    Returns
    -------
    pairs : ScoredPairs
    order : int64 array
        Where each stood, those of `more` behind the others.
    """
    columns = [np.concatenate(both) for both in zip(vars(pairs).values(), vars(more).values(), strict=True)]
    order = np.lexsort((columns[1], columns[0])).astype(np.int64)
    return ScoredPairs(*(column[order] for column in columns)), order


def with_decisions(
    estimated: tuple[EstimatedRates, float],
    before: DecidedPairs,
    after: DecidedPairs,
    fixed: Fixed,
    n_passes: int,
) -> tuple[EstimatedRates, float]:
    """Estimated rates in which decided pairs are certain, and displaced ones no matches.

    The expected matches move by what the posteriors of the kept pairs do. Variances go down in proportion to
    the doubt that is left: of the links the sum of p (1 - p), of what is missed that of the other kept pairs
    and the number of matches that are expected among the pairs that are not kept.

    Parameters
    ----------
    estimated : EstimatedRates, float
        As the linkage estimated them, with the matches that no pass finds.
    before, after : DecidedPairs
        The pairs without and with the decisions.
    fixed : Fixed
        Which pairs people have decided.
    n_passes : int
        Numbers of passes are below this; a pair without one was expected among those that no pass finds.

    Returns
    -------
    rates : EstimatedRates
    missed_by_blocking : float
        Matches that no pass finds, and nobody has found.
    """
    rates, missed_by_blocking = estimated
    links = float(after.links.sum())
    true = rates.true_links + float(after.posterior[after.links].sum() - before.posterior[before.links].sum())
    true = min(max(true, 0.0), links)
    found = after.pairs.pass_number < n_passes
    kept, outside = float(after.posterior[found].sum()), float(after.posterior[~found].sum())
    missed_by_blocking = max(0.0, missed_by_blocking - outside)
    matches = rates.matches + kept - float(before.posterior.sum())
    missed = max(matches - true, missed_by_blocking)
    known = replace(
        rates,
        links=links,
        true_links=true,
        false_links=links - true,
        missed=missed,
        certain=float(fixed.link.sum()),
    )
    if rates.true_links_error is None or rates.missed_error is None:
        return known, missed_by_blocking
    of_links, of_missed = (
        min(1.0, now / then) if then > 0 else 1.0
        for now, then in zip(_doubts(after, missed), _doubts(before, rates.missed), strict=True)
    )
    return replace(
        known,
        true_links_error=rates.true_links_error * of_links**0.5,
        missed_error=rates.missed_error * of_missed**0.5,
        covariance=rates.covariance * (of_links * of_missed) ** 0.5,
    ), missed_by_blocking


def _doubts(decided: DecidedPairs, missed: float) -> tuple[float, float]:
    """Of how many matches it is not known whether they are links, and whether they are missed."""
    doubt, links = decided.posterior * (1.0 - decided.posterior), decided.links
    not_kept = max(0.0, missed - float(decided.posterior[~links].sum()))
    return float(doubt[links].sum()), float(doubt[~links].sum()) + not_kept


def settled_of(links: Reviewed | FinalHouseholdLinks) -> Settled:
    """What people have decided of the pairs of a finalised linkage."""
    assert links.settled is not None
    return links.settled


def fixed_of(links: Reviewed | FinalHouseholdLinks) -> Fixed:
    """Which of the pairs of a finalised linkage people have decided."""
    return settled_of(links).fixed


def _with_deciders(table: pl.DataFrame, fixed: Fixed) -> pl.DataFrame:
    by = pl.Series(["model", "reviewer"], dtype=pl.String).gather(fixed.decided.astype(np.int64))
    return table.with_columns(by.alias("decided_by"))


def _refused(links: Results, table: pl.DataFrame, fixed: Fixed) -> pl.DataFrame:
    """The residuals, those whose best candidate a reviewer has refused told as such."""
    pairs = links.decided.pairs
    own = np.flatnonzero(fixed.refused)
    left, right = pairs.left[own], pairs.right[own]
    sources = np.array(links.prepared.records.sources)
    ids = links.prepared.records.ids
    rows: Sequence[NDArray[Any]] = (np.concatenate((left, right)), np.concatenate((right, left)))
    keys = pl.DataFrame(
        {
            "source": sources[links.prepared.source_of(rows[0])],
            "id": ids.gather(rows[0]),
            "source_candidate": sources[links.prepared.source_of(rows[1])],
            "id_candidate": ids.gather(rows[1]),
        },
        schema=dict.fromkeys(("source", "id", "source_candidate", "id_candidate"), pl.String),
    ).with_columns(refused=pl.lit(True))
    joined = table.join(keys, on=keys.columns[:-1], how="left", maintain_order="left")
    reason = pl.when(pl.col("refused").fill_null(False)).then(pl.lit(REFUSED)).otherwise(pl.col("reason"))
    return joined.with_columns(reason.alias("reason")).drop("refused")
