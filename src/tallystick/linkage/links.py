"""The result of a linkage: pairs, entities, residuals, figures, and the linked table itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.estimation.error_curve import ErrorCurve, error_curves, joined
from tallystick.estimation.estimate import estimate
from tallystick.estimation.knowledge import Knowledge
from tallystick.estimation.parameters import Parameters
from tallystick.linkage import figures, tables
from tallystick.linkage.constrained_matches import at_bound, constrained_matches
from tallystick.linkage.entities import (
    entity_figures,
)
from tallystick.linkage.evaluation.residual_figures import Weighed
from tallystick.linkage.forecast import ThresholdForecast, forecast, reaches
from tallystick.linkage.model import Model
from tallystick.linkage.neighbours import Neighbours, neighbours
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.results import Results
from tallystick.linkage.why import Why, why
from tallystick.linking.constraints import any_competes
from tallystick.linking.decide import DecidedPairs, decide
from tallystick.linking.decision import Decision
from tallystick.linking.residuals import BestCandidates, best_candidates
from tallystick.linking.resolve import floors_for, resolve
from tallystick.linking.rules import ThresholdRule
from tallystick.linking.score import ScoredPairs, score
from tallystick.linking.thresholds import Thresholds
from tallystick.patterns.count import PatternCounts, count_patterns
from tallystick.preparation.source import Source
from tallystick.quality.rates import EstimatedRates

if TYPE_CHECKING:
    from tallystick.linkage.addition import Added


@dataclass(frozen=True)
class Links(Results):
    """Decided pairs of records.

    Attributes
    ----------
    model : Model
        The model that scored them.
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs above the floor as arrays.
    counts : PatternCounts
        Counts of the patterns of all candidate pairs.
    decision : Decision or Thresholds
        The decision rule, its thresholds worked out where they are not given.
    curves : tuple of ErrorCurve
        The model's error curve of each pair of sources, on log odds.
    threads : int, optional
        Number of threads for what is worked out when it is asked for.
    best : BestCandidates, optional
        Best candidates of the unlinked records, where they have been found already.
    """

    model: Model
    prepared: Prepared
    decided: DecidedPairs
    counts: PatternCounts
    decision: Decision | Thresholds
    curves: tuple[ErrorCurve, ...]
    threads: int | None = None
    best: BestCandidates | None = None

    def _pair_table(self, name: str) -> pl.DataFrame:
        prepared, parameters, decided = self.prepared, self.model.parameters, self.decided
        if name == "links":
            return tables.links_table(prepared, parameters.coding, decided)
        if name == "residuals":
            return tables.residuals_table(prepared, decided, self.best or self.find_best())
        return tables.review_table(prepared, parameters, decided)

    @property
    def certain_links(self) -> int:
        """Links that people have decided."""
        return 0

    def find_best(self) -> BestCandidates:
        """The best candidate of every record without a link: goes through all candidate pairs."""
        unlinked = ~self.decided.records_of(self.decided.links, self.prepared.records.n_records)
        return best_candidates(
            self.prepared.plan,
            self.model.parameters,
            unlinked,
            self.threads,
            remembered=self.counts.remembered,
        )

    def light(self) -> Links:
        """The same once nothing goes through all candidate pairs any more, so that they are let go."""
        best = self.best or self.find_best()
        return replace(self, best=best, counts=replace(self.counts, remembered=None))

    def quality(self) -> EstimatedRates:
        """Estimated precision, recall, type 1 and type 2 error, by the model itself, with intervals.

        Returns
        -------
        EstimatedRates
        """
        parameters, certain = self.model.parameters, self.certain_links
        return figures.estimate_rates(self.prepared, parameters, self.decided, self.curves, certain)[0]

    def error_curve(self) -> ErrorCurve:
        """Expected matches and non-matches of the candidate pairs by log odds, all sources together.

        Returns
        -------
        ErrorCurve
        """
        return joined(self.curves)

    def thresholds(self, rule: ThresholdRule | None = None) -> ThresholdForecast:
        """What thresholds are expected to do, before they are applied; nothing is changed.

        Parameters
        ----------
        rule : ErrorBounds, Targets, Capacity or Costs, optional
            Where they come from; by default those that were applied.

        Returns
        -------
        ThresholdForecast

        Raises
        ------
        InputError
            Where no thresholds do what the rule asks for.
        """
        parameters, asked = self.model.parameters, self.prepared.spec.decision
        kept = floors_for(asked, parameters, self.curves)
        pairs = self.decided.pairs
        if rule is not None:
            asked = asked.with_rule(rule)
            floors = floors_for(asked, parameters, self.curves)
            if any_competes(asked, parameters.pairs) and not reaches(kept, floors):
                remembered = self.counts.remembered
                pairs = score(
                    self.prepared.plan, parameters, floors, remembered=remembered, threads=self.threads
                )
        return forecast(asked, parameters, self.curves, pairs)

    def neighbours(self) -> Neighbours | None:
        """Estimates of the pairs before one-to-one that do not rest on the model, beside its own.

        Returns
        -------
        Neighbours or None
            None but for a linkage of two files.
        """
        return neighbours(
            self.prepared, self.model.parameters, self.decided, self.decision, self.quality().matches
        )

    def why(self, left: str | tuple[str, str], right: str | tuple[str, str]) -> Why:
        """Why two records are linked, or why not: their weight split by comparison, and what decided.

        Parameters
        ----------
        left, right : str or tuple of str
            Ids of the records, or (source, id) where ids alone do not tell them.

        Returns
        -------
        Why

        Raises
        ------
        InputError
            Where a record does not exist, or the linkage does not compare the two.
        """
        return why(self.prepared, self.model.parameters, self.decided, self.decision, left, right)

    def add(self, source: Source, **how: Any) -> Added:
        """Link a new file to the entities, and leave all else as it is (see `tallystick.linkage.addition`).

        Parameters
        ----------
        source : Source
            The new file, under a name of its own.
        **how
            ``threads``, ``memory`` and ``progress``, as in `Model.link`.

        Returns
        -------
        Added

        Raises
        ------
        InputError
            Where the file is one of the sources, or cannot be used.
        """
        from tallystick.linkage.addition import Entered, add_source

        prepared = self.prepared
        hashes = tuple(table.sha256 for table in prepared.inputs)
        entered = Entered(self.model, prepared.spec.sources, hashes, self.pairs, self.entities)
        return add_source(entered, source, **how)

    def own_figures(self) -> dict[str, Any]:
        """What ``quality.json`` of a run holds but for residuals and who is missed."""
        quality = figures.quality_dict(
            self.prepared,
            self.model.parameters,
            self.counts,
            self.decided,
            self.decision,
            self.curves,
            self.certain_links,
        )
        return {**quality, "entities": entity_figures(self.prepared, self.clustering)}

    def weighed(self) -> tuple[Weighed, ...]:
        """What the records were compared by."""
        rows = np.arange(self.prepared.records.n_records, dtype=np.int32)
        return (Weighed(self.prepared, rows, self.model.parameters, self.decision, self.decided),)

    def counts_dict(self) -> dict[str, Any]:
        """Counts per stage and pass, as ``run.json`` holds them."""
        return self._counts_dict

    @cached_property
    def _counts_dict(self) -> dict[str, Any]:
        return figures.counts_dict(self.prepared, self.counts, self.decided, self.clustering)


def score_prepared(
    prepared: Prepared,
    parameters: Parameters,
    counts: PatternCounts,
    threads: int | None = None,
    progress: Progress = silent,
) -> ScoredPairs:
    """Score the candidate pairs of prepared records, down to the lowest weight that can matter."""
    return score(
        prepared.plan,
        parameters,
        floors_for(prepared.spec.decision, parameters, error_curves(parameters, counts)),
        remembered=counts.remembered,
        threads=threads,
        progress=progress,
    )


@dataclass(frozen=True)
class Fitted:
    """Parameters, and the pairs that were scored to say how sure they are.

    Attributes
    ----------
    parameters : Parameters
    scored : ScoredPairs
        What `score_prepared` gives with them.
    """

    parameters: Parameters
    scored: ScoredPairs


def fit_counts(
    prepared: Prepared,
    counts: PatternCounts,
    threads: int | None = None,
    progress: Progress = silent,
    known: Parameters | None = None,
    knowledge: Knowledge | None = None,
) -> Fitted:
    """Estimate the parameters of prepared records from the counts of their patterns (see `estimate`)."""
    spec = prepared.spec
    scored: list[ScoredPairs] = []

    def doubtful(parameters: Parameters) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        scored.append(score_prepared(prepared, parameters, counts, threads, progress))
        return scored[0].left, scored[0].right

    parameters = estimate(
        prepared.records,
        prepared.plan,
        counts,
        spec.comparisons,
        spec.passes,
        spec.estimation,
        spec.seed,
        threads,
        progress,
        known,
        knowledge or Knowledge(links=spec.decision.links),
        doubtful,
        prepared.labels if known is None else None,
    )
    if at_bound(parameters, spec.decision):
        parameters = constrained_matches(parameters, scored[0], spec.decision)
        return Fitted(parameters, score_prepared(prepared, parameters, counts, threads, progress))
    return Fitted(parameters, scored[0])


def assemble(
    prepared: Prepared,
    parameters: Parameters,
    counts: PatternCounts,
    scored: ScoredPairs,
    threads: int | None = None,
) -> Links:
    """Decide scored pairs and put everything together."""
    spec = prepared.spec.model_copy(update={"kind": prepared.kind, "sources": ()})
    asked = prepared.spec.decision
    curves = error_curves(parameters, counts)
    decision = resolve(asked, parameters, curves, scored)
    decided = decide(scored, parameters, decision)
    return Links(Model(spec, parameters), prepared, decided, counts, decision, curves, threads)


def link_prepared(
    prepared: Prepared, parameters: Parameters, *, threads: int | None = None, progress: Progress = silent
) -> Links:
    """Link prepared records with given parameters.

    Where the sources differ in name or size from those of the fit, the match rate is estimated
    anew with m and u as they are.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    Links
    """
    counts = count_patterns(prepared.plan, threads, progress)
    fitted = rated(prepared, parameters, counts, threads, progress)
    return assemble(prepared, fitted.parameters, counts, fitted.scored, threads)


def rated(
    prepared: Prepared,
    parameters: Parameters,
    counts: PatternCounts,
    threads: int | None = None,
    progress: Progress = silent,
) -> Fitted:
    """The parameters with match rates of these records, and the pairs scored with them.

    Those of the fit where the sources have the same names and sizes; else they are estimated
    with m and u as they are.
    """
    if _same_sources(prepared, parameters):
        parameters = with_declared(prepared, parameters)
        return Fitted(parameters, score_prepared(prepared, parameters, counts, threads, progress))
    return fit_counts(prepared, counts, threads, progress, known=parameters)


def with_declared(prepared: Prepared, parameters: Parameters) -> Parameters:
    """The parameters with what the sources at hand, not those of the fit, are declared to be free of."""
    pairs = tuple(
        replace(pair, left_duplicate_free=left, right_duplicate_free=right)
        for pair, (left, right) in zip(
            parameters.pairs,
            (prepared.records.declared(s, t) for s, t in prepared.plan.blocking.source_pairs),
            strict=True,
        )
    )
    return replace(parameters, pairs=pairs)


def _same_sources(prepared: Prepared, parameters: Parameters) -> bool:
    sizes = np.diff(prepared.records.offsets)
    names = prepared.records.sources
    now = [(names[s], names[t], int(sizes[s]), int(sizes[t])) for s, t in prepared.plan.blocking.source_pairs]
    return now == [(pair.left, pair.right, pair.n_left, pair.n_right) for pair in parameters.pairs]
