"""The result of a sequential linkage: the pairs of all steps as of one, and what each step did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve
from tallystick.estimation.parameters import Parameters
from tallystick.linkage import sequential_figures, tables
from tallystick.linkage.duplicates import duplicates_table
from tallystick.linkage.entities import clustering_of, clusters_table, entities_table, entity_ids
from tallystick.linkage.evaluate import Evaluation, evaluate
from tallystick.linkage.export import join_pairs
from tallystick.linkage.golden import golden_records
from tallystick.linkage.merged import Merged, last_candidates, merged, pass_labels
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.sequential import StepLinks, require_some, run_steps
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.why import Why, rows_of_pair
from tallystick.linking.clustering import Clustering
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.entities import Golden
from tallystick.patterns.coding import PatternCoding
from tallystick.quality.rates import EstimatedRates


@dataclass(frozen=True)
class SequentialLinks:
    """Decided pairs of records of all steps.

    Attributes
    ----------
    model : SequentialModel
        The parameters of the steps.
    prepared : Prepared
        All records.
    steps : tuple of StepLinks
        What each step did; its ``links`` are those of a linkage of the records that it had.
    threads : int, optional
        Number of threads.
    """

    model: SequentialModel
    prepared: Prepared
    steps: tuple[StepLinks, ...]
    threads: int | None = None
    table_names: ClassVar[tuple[str, ...]] = tables.NAMES

    @property
    def curves(self) -> tuple[ErrorCurve, ...]:
        """None: each step has its own."""
        return ()

    @cached_property
    def coding(self) -> PatternCoding:
        """Of the patterns of all comparisons; one that a step does not make is missing."""
        return PatternCoding(tuple(one.n_levels for one in self.prepared.plan.comparisons))

    @cached_property
    def merged(self) -> Merged:
        """The pairs of all steps, with the step of each."""
        return merged(self.prepared, self.steps, self.coding)

    @property
    def decided(self) -> DecidedPairs:
        """The pairs of all steps as arrays."""
        return self.merged.decided

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """A row per kept pair: ids, weight, posteriors, pattern, pass, decision, step."""
        return self.table("links")

    @cached_property
    def entities(self) -> pl.DataFrame:
        """Every record with its ``entity_id``, linked or not."""
        return self.table("entities")

    @cached_property
    def residuals(self) -> pl.DataFrame:
        """Every record without a link, its last step's best candidate, and why that is no link."""
        return self.table("residuals")

    @cached_property
    def review(self) -> pl.DataFrame:
        """The possible links with what a reviewer needs."""
        return self.table("review")

    def table(self, name: str) -> pl.DataFrame:
        """One of the tables, made anew: what is held is held by the properties.

        Parameters
        ----------
        name : {"links", "entities", "clusters", "residuals", "review", "duplicates"}
            Which; ``links`` are `pairs`.

        Returns
        -------
        polars.DataFrame
        """
        if name == "links":
            steps = pl.Series("step", [one.step.label for one in self.steps], dtype=pl.String)
            labels = pass_labels(self.prepared)
            frame = tables.links_table(self.prepared, self.coding, self.decided, passes=labels)
            # What match keys have linked has no weight.
            return frame.with_columns(pl.col("weight").fill_nan(None), steps.gather(self.merged.step))
        if name == "duplicates":
            return duplicates_table(self.prepared.duplicates, self.prepared.records)
        if name == "entities":
            return entities_table(self.prepared.records, self.clustering.entity, self.entity_ids)
        if name == "clusters":
            return clusters_table(self.prepared, self.decided, self.clustering, self.entity_ids)
        if name == "residuals":
            unlinked = ~self.decided.records_of(self.decided.links, self.prepared.records.n_records)
            best = last_candidates(self.prepared, self.steps, unlinked)
            return tables.residuals_table(self.prepared, self.decided, best)
        return self._review()

    def _review(self) -> pl.DataFrame:
        """The review tables of the steps, less the pairs that are no possible links any more."""
        kept = self.table("links").filter(pl.col("decision") == "possible")
        ids = [name for name in kept.columns if name.startswith(("id_", "source_"))]
        found = [
            one.links.table("review").with_columns(step=pl.lit(one.step.label))
            for one in self.steps
            if one.links is not None
        ]
        if not found:
            return kept
        whole = pl.concat(found, how="diagonal")
        return kept.select(*ids, "step").join(whole, on=[*ids, "step"], how="left", maintain_order="left")

    @cached_property
    def clustering(self) -> Clustering:
        """Entity of every record by number, and the links that were cut."""
        return clustering_of(self.prepared, self.decided)

    @cached_property
    def entity_ids(self) -> pl.Series:
        """Id of each entity by number."""
        return entity_ids(self.prepared.records, self.clustering.entity)

    def golden(self, golden: Golden | None = None) -> pl.DataFrame:
        """The golden record of each entity (see `Links.golden`)."""
        asked = golden or self.prepared.spec.entities.golden or Golden()
        return golden_records(self.entities, self.prepared.spec.sources, asked)

    def quality(self) -> EstimatedRates:
        """Estimated precision, recall, type 1 and type 2 error of all steps together, with intervals.

        Returns
        -------
        EstimatedRates
        """
        return sequential_figures.estimate_rates(self.prepared, self.steps)[0]

    def table_of_steps(self) -> pl.DataFrame:
        """A row per step: records, pairs, links, possible links, residuals, seconds and estimated errors.

        Returns
        -------
        polars.DataFrame
        """
        return pl.DataFrame(sequential_figures.step_rows(self.prepared, self.steps))

    def evaluate(self, truth: str) -> Evaluation:
        """Count the errors against the truth (see `Links.evaluate`)."""
        return evaluate(self.pairs, self.entities, self.prepared.spec.sources, self.prepared.kind, truth)

    def why(self, left: str | tuple[str, str], right: str | tuple[str, str]) -> Why:
        """Why two records are linked, or why not, in the last step that had both (see `Links.why`)."""
        rows = rows_of_pair(self.prepared, left, right)
        for one in reversed(self.steps):
            if one.links is not None and np.isin(rows, one.records.rows).all():
                found = one.links.why(left, right)
                return replace(found, reason=f"Step {one.step.label}: {found.reason}")
        raise InputError(f"{left!r} and {right!r}: no step had both records.")

    def join(self, *columns: str, decisions: Sequence[str] = ("link",)) -> pl.DataFrame:
        """The linked table: columns of the sources side by side, a row per link (see `Links.join`)."""
        return join_pairs(self.pairs, self.prepared.spec.sources, columns, decisions)

    def report(self, path: str | Path, *, show_values: bool = False) -> None:
        """Write the report, one self-contained HTML page (see `Links.report`)."""
        from tallystick.linkage.run import run_facts
        from tallystick.quality.report import write_report

        facts = run_facts(self.prepared, self.counts_dict(), timings={}, threads=None)
        write_report(path, self.model.to_dict(), facts, self.quality_dict(), show_values=show_values)

    def quality_dict(self) -> dict[str, Any]:
        """What ``quality.json`` of a run holds."""
        return sequential_figures.quality_dict(self.prepared, self.steps)

    def counts_dict(self) -> dict[str, Any]:
        """Counts per stage, step and pass, as ``run.json`` holds them."""
        return sequential_figures.counts_dict(self.prepared, self.steps, self.merged, self.clustering)


def link_by_steps(
    whole: Prepared,
    known: Sequence[Parameters | None] = (),
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> SequentialLinks:
    """Link prepared records step by step.

    Parameters
    ----------
    whole : Prepared
        All records.
    known : sequence of Parameters or None
        Parameters of the steps; where there are none they are estimated.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    SequentialLinks
    """
    steps = tuple(run_steps(whole, known, threads=threads, progress=progress))
    require_some(steps)
    return assembled(whole, steps, threads)


def assembled(whole: Prepared, steps: tuple[StepLinks, ...], threads: int | None = None) -> SequentialLinks:
    """Put the steps together."""
    spec = whole.spec.model_copy(update={"kind": whole.kind, "sources": ()})
    model = SequentialModel(spec, tuple(one.parameters for one in steps if one.keys is None))
    return SequentialLinks(model, whole, steps, threads)
