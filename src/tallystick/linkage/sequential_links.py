"""The result of a sequential linkage: the pairs of all steps as of one, and what each step did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve
from tallystick.estimation.parameters import Parameters
from tallystick.linkage import sequential_figures, tables
from tallystick.linkage.entities import entity_figures
from tallystick.linkage.evaluation.residual_figures import Weighed
from tallystick.linkage.matches import Matches
from tallystick.linkage.merged import Merged, last_candidates, merged, pass_labels
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.results import Results
from tallystick.linkage.sequential import StepLinks, require_some, run_steps
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.why import Why, rows_of_pair
from tallystick.linking.decide import DecidedPairs
from tallystick.patterns.coding import PatternCoding
from tallystick.quality.rates import EstimatedRates


@dataclass(frozen=True)
class SequentialLinks(Results):
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

    @property
    def curves(self) -> tuple[ErrorCurve, ...]:
        """None: each step has its own."""
        return ()

    @cached_property
    def coding(self) -> PatternCoding:
        """Of the patterns of all comparisons; one that a step does not make is missing."""
        return PatternCoding(tuple(one.n_levels for one in self.prepared.plan.comparisons))

    @property
    def whole(self) -> Prepared:
        """All records, with the passes by which pairs of the steps are numbered."""
        return self.prepared

    @cached_property
    def merged(self) -> Merged:
        """The pairs of all steps, with the step of each."""
        return merged(self.prepared, self.steps, self.coding)

    @property
    def decided(self) -> DecidedPairs:  # type: ignore[override] # no field here
        """The pairs of all steps as arrays."""
        return self.merged.decided

    @cached_property
    def matches(self) -> Matches | None:
        """What match keys that came first have linked, and what is ambiguous; None without keys."""
        keys = next((one.keys for one in self.steps if one.keys is not None), None)
        return None if keys is None else Matches(self.prepared, keys.matched)

    def _pair_table(self, name: str) -> pl.DataFrame:
        if name == "links":
            steps = pl.Series("step", [one.step.label for one in self.steps], dtype=pl.String)
            labels = pass_labels(self.prepared)
            frame = tables.links_table(self.prepared, self.coding, self.decided, passes=labels)
            # What match keys have linked has no weight.
            return frame.with_columns(pl.col("weight").fill_nan(None), steps.gather(self.merged.step))
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

    def quality(self) -> EstimatedRates:
        """Estimated precision, recall, type 1 and type 2 error of all steps together, with intervals.

        Returns
        -------
        EstimatedRates
        """
        return self.estimated()[0]

    def estimated(self) -> tuple[EstimatedRates, float]:
        """Estimated rates of all steps, and the matches that no pass finds."""
        return sequential_figures.estimate_rates(self.prepared, self.steps)

    def table_of_steps(self) -> pl.DataFrame:
        """A row per step: records, pairs, links, possible links, residuals, seconds and estimated errors.

        Returns
        -------
        polars.DataFrame
        """
        return pl.DataFrame(sequential_figures.step_rows(self.prepared, self.steps))

    def why(self, left: str | tuple[str, str], right: str | tuple[str, str]) -> Why:
        """Why two records are linked, or why not, in the last step that had both (see `Links.why`)."""
        rows = rows_of_pair(self.prepared, left, right)
        for one in reversed(self.steps):
            if one.links is not None and one.has(rows):
                found = one.links.why(left, right)
                reason = f"Step {one.step.label}: {found.reason}{self._set_aside(rows)}"
                return replace(found, reason=reason)
        raise InputError(f"{left!r} and {right!r}: no step compared both.{self._set_aside(rows)}")

    def _set_aside(self, rows: tuple[int, int]) -> str:
        """By which step each of two records was linked, and to whom."""
        decided, ids = self.decided, self.prepared.records.ids
        said = []
        pairs = decided.pairs
        own = (pairs.left == rows[0]) | (pairs.left == rows[1])
        own |= (pairs.right == rows[0]) | (pairs.right == rows[1])
        for at in np.flatnonzero(own & decided.links):
            ends = int(pairs.left[at]), int(pairs.right[at])
            step = self.steps[int(self.merged.step[at])]
            by = pass_labels(self.prepared)[int(decided.pairs.pass_number[at])]
            how = (
                f"the match key {by}, on which no other record agrees"
                if step.keys
                else f"step {step.step.label}"
            )
            said.append(f" {ids[ends[0]]} and {ids[ends[1]]} were linked by {how}.")
        return "".join(said)

    def own_figures(self) -> dict[str, Any]:
        """What ``quality.json`` of a run holds but for residuals and who is missed."""
        quality = sequential_figures.quality_dict(self.prepared, self.steps, self.estimated())
        return {**quality, "entities": entity_figures(self.prepared, self.clustering)}

    def weighed(self) -> tuple[Weighed, ...]:
        """What each step that decided pairs has compared its records by."""
        return tuple(
            Weighed(
                one.links.prepared,
                one.records.rows,
                one.links.model.parameters,
                one.links.decision,
                one.links.decided,
                one.step.label,
            )
            for one in self.steps
            if one.links is not None
        )

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
