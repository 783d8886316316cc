"""A run opened again: its records, its model and its pairs as they were decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tallystick._progress import Progress, silent
from tallystick.blocking.constraint import Constraint, constraint
from tallystick.linkage.household_links import link_by_households
from tallystick.linkage.household_model import HouseholdModel
from tallystick.linkage.identify import known_records, rows_of_side
from tallystick.linkage.merged import pass_labels
from tallystick.linkage.model import Model
from tallystick.linkage.prepare import Prepared, prepare
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.run_folder import model_version, read_facts, read_figures, read_sources
from tallystick.linkage.saved import load_model
from tallystick.linkage.sequential_links import SequentialLinks, link_by_steps
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.tables import LABELS, NO_PASS, read_table
from tallystick.linkage.why import Why, rows_of_pair, why
from tallystick.linking.constraints import constraint_of
from tallystick.linking.decide import DecidedPairs, Verdict
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds
from tallystick.patterns.coding import PatternCoding, parse_pattern


@dataclass(frozen=True)
class SavedRun:
    """A complete run, read from its directory.

    Attributes
    ----------
    folder : path
        The directory.
    facts, quality : dict
        ``run.json`` and ``quality.json``.
    model : Model or SequentialModel
        What decided its pairs.
    prepared : Prepared
        Its records, read and encoded again from sources that are unchanged.
    decided : DecidedPairs
        All pairs that the run has kept. Of a linkage at once and of a finalised run they are those of
        ``links.parquet``, which does not say what ties are; of steps they were decided anew.
    steps : SequentialLinks or None
        The linkage itself, run again, where it goes by steps.
    """

    folder: Path
    facts: dict[str, Any]
    quality: dict[str, Any]
    model: Model | SequentialModel
    prepared: Prepared
    decided: DecidedPairs
    steps: SequentialLinks | None

    @property
    def fingerprint(self) -> str:
        """What the run depends on, as one text: two runs with the same are the same."""
        return str(self.facts["fingerprint"])

    @cached_property
    def model_version(self) -> str:
        """SHA-256 of the file of the model."""
        return model_version(self.folder, self.facts)

    @cached_property
    def rule(self) -> Decision | Thresholds:
        """How its pairs became links, with the thresholds that the run has worked out."""
        return saved_rule(self.model.spec.decision, self.quality)

    @cached_property
    def links(self) -> pl.DataFrame:
        """``links.parquet``: a row per kept pair, in the order of `decided`."""
        return read_table(self.folder / "links.parquet")

    @cached_property
    def entities(self) -> pl.DataFrame:
        """``entities.parquet``."""
        return read_table(self.folder / "entities.parquet")

    def why(self, left: str | tuple[str, str], right: str | tuple[str, str]) -> Why:
        """Why two records are linked, or why not (see `tallystick.linkage.why.why`)."""
        if self.steps is not None:
            found = self.steps.why(left, right)
        else:
            assert isinstance(self.model, Model)
            found = why(self.prepared, self.model.parameters, self.decided, self.rule, left, right)
        return self._as_decided(found) if "finalised" in self.facts else found

    def _as_decided(self, found: Why) -> Why:
        """What decided a pair of a finalised run, where that was no machine."""
        pairs = self.decided.pairs
        rows = rows_of_pair(self.prepared, found.left, found.right)
        at = np.flatnonzero((pairs.left == rows[0]) & (pairs.right == rows[1]))
        if not len(at):
            return found
        decision = Verdict(int(self.decided.verdict[at[0]])).label
        posterior = float(self.decided.posterior[at[0]])
        if self.links["decided_by"][int(at[0])] == "reviewer":
            reason = f"A reviewer has decided it. Before that: {found.reason}"
        elif decision != found.decision:
            reason = f"A reviewer has linked one of its records with another. Before that: {found.reason}"
        else:
            reason = found.reason
        return replace(found, decision=decision, posterior=posterior, reason=reason)


def open_run(folder: Path, *, threads: int | None = None, progress: Progress = silent) -> SavedRun:
    """Open the directory of a run.

    Parameters
    ----------
    folder : path
        The directory.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    SavedRun

    Raises
    ------
    InputError
        Where it is no complete run with a model, or a source is gone or has changed.
    """
    facts = read_facts(folder)
    model = load_model(folder)
    quality = read_figures(folder / "quality.json")
    sources = read_sources(folder, facts)
    check_unchanged(sources, facts)
    prepared = prepare(model.spec, sources, threads=threads, progress=progress)
    if isinstance(model, SequentialModel):  # what a step had is known once the ones before it have run
        steps = (
            link_by_households(prepared, model.parameters, threads=threads, progress=progress)
            if isinstance(model, HouseholdModel)
            else link_by_steps(prepared, model.steps, threads=threads, progress=progress)
        )
        pairs = steps.decided
        if "finalised" in facts:
            table = read_table(folder / "links.parquet")
            pairs = decided_pairs(prepared, steps.coding, table, pass_labels(steps.whole))
        return SavedRun(folder, facts, quality, model, prepared, pairs, steps)
    decided = decided_pairs(prepared, model.parameters.coding, read_table(folder / "links.parquet"))
    return SavedRun(folder, facts, quality, model, prepared, decided, None)


def saved_rule(decision: Decision, quality: dict[str, Any]) -> Decision | Thresholds:
    """The decision rule of a run, its thresholds those that the run has worked out."""
    if decision.thresholds is None:
        return decision
    limits = quality["thresholds"]
    return Thresholds(
        limits["lower"],
        limits["upper"],
        quality["scale"],
        "",
        links=decision.links,
        assignment=decision.assignment,
    )


def decided_pairs(
    prepared: Prepared, coding: PatternCoding, table: pl.DataFrame, passes: Sequence[str] | None = None
) -> DecidedPairs:
    """Rows of the links table as decided pairs; which of the possible links are ties is not known.

    Parameters
    ----------
    prepared : Prepared
        The records.
    coding : PatternCoding
        Of the patterns.
    table : polars.DataFrame
        ``links.parquet`` of a linkage at once, or some rows of it.
    passes : sequence of str, optional
        What passes are called there, in the order of their numbers; by default as the specification says.

    Returns
    -------
    DecidedPairs
        In the order of the table.
    """
    records = prepared.records
    known = known_records(records)
    sides = (("left", records.sources[0]), ("right", records.sources[-1]))
    left, right = (rows_of_side(table, known, side, only).to_numpy() for side, only in sides)
    texts = table["pattern"].unique(maintain_order=True)
    digits = np.array([parse_pattern(text, coding.n_levels) for text in texts], np.uint8)
    numbers = coding.encode(digits) if len(texts) else np.zeros(0, np.int64)
    if passes is None:
        passes = [one.label for one in prepared.spec.passes]
    pass_numbers = {name: number for number, name in reversed(list(enumerate([*passes, NO_PASS])))}
    pairs = ScoredPairs(
        left,
        right,
        table["weight"].fill_null(np.nan).to_numpy(),
        table["pattern"]
        .replace_strict(texts, pl.Series(numbers, dtype=pl.Int64), return_dtype=pl.Int64)
        .to_numpy(),
        table["pass"].replace_strict(pass_numbers, return_dtype=pl.Int64).to_numpy(),
        prepared.plan.blocking.source_pair_of(np.minimum(left, right), np.maximum(left, right)),
    )
    verdict = table["decision"].replace_strict(
        LABELS.to_list(), list(range(len(LABELS))), return_dtype=pl.Int8
    )
    return DecidedPairs(
        pairs,
        table["posterior"].to_numpy(),
        table["posterior_pair"].to_numpy(),
        verdict.to_numpy(),
        np.zeros(len(table), bool),
    )


def limits_of(opened: SavedRun) -> list[Constraint]:
    """How many links a record of a run may have, for each pair of sources."""
    prepared, model = opened.prepared, opened.model
    if isinstance(model, Model):
        return [constraint_of(model.spec.decision, pair) for pair in model.parameters.pairs]
    links = model.spec.decision.links
    source_pairs = prepared.plan.blocking.source_pairs
    return [constraint(links, *prepared.records.declared(s, t)) for s, t in source_pairs]
