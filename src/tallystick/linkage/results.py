"""What every linkage gives, however its pairs were decided: tables, entities, the linked table, a report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.linkage.duplicates import duplicates_table
from tallystick.linkage.entities import clustering_of, clusters_table, entities_table, entity_ids
from tallystick.linkage.evaluation.evaluate import Evaluation, evaluate
from tallystick.linkage.evaluation.missed import missed_figures
from tallystick.linkage.evaluation.residual_figures import Weighed, residual_figures
from tallystick.linkage.export import join_pairs
from tallystick.linkage.golden import golden_records
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.preparing import removed_table, with_references, with_removed
from tallystick.linkage.tables import NAMES
from tallystick.linking.clustering import Clustering
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.entities import Golden
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared
from tallystick.quality.subgroups import Quality, Subgroup

if TYPE_CHECKING:
    from tallystick.linkage.model import Model
    from tallystick.linkage.sequential_model import SequentialModel


class Results(ABC):
    """Decided pairs of records, and what is made of them.

    Attributes
    ----------
    model : Model or SequentialModel
        What decided them.
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs above the floor as arrays.
    table_names : tuple of str
        The tables that every run writes.
    """

    model: Model | SequentialModel
    prepared: Prepared
    decided: DecidedPairs
    table_names: ClassVar[tuple[str, ...]] = NAMES

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """A row per kept pair: ids, weight, posteriors, pattern, pass, decision; with steps that of each."""
        return self.table("links")

    @cached_property
    def entities(self) -> pl.DataFrame:
        """Every record with its ``entity_id``, linked or not."""
        return self.table("entities")

    @cached_property
    def clusters(self) -> pl.DataFrame:
        """What holds each entity together, the least sure first (see `entities.clusters_table`)."""
        return self.table("clusters")

    @cached_property
    def residuals(self) -> pl.DataFrame:
        """Every record without a link, its best candidate (that of the last step), and why it is none."""
        return self.table("residuals")

    @cached_property
    def duplicates(self) -> pl.DataFrame:
        """Equal records of sources that are declared to be without duplicates."""
        return self.table("duplicates")

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
        return with_references(self._table(name), self.prepared.prepared_sources)

    def _table(self, name: str) -> pl.DataFrame:
        """One of the tables, without reference numbers."""
        prepared = self.prepared
        if name == "entities":
            table = entities_table(prepared.records, self.clustering.entity, self.entity_ids)
            return with_removed(table, prepared.prepared_sources)
        if name == "clusters":
            return clusters_table(prepared, self.decided, self.clustering, self.entity_ids)
        if name == "duplicates":
            return duplicates_table(prepared.duplicates, prepared.records)
        return self._pair_table(name)

    @abstractmethod
    def _pair_table(self, name: str) -> pl.DataFrame:
        """The table ``links``, ``residuals`` or ``review``."""

    @cached_property
    def clustering(self) -> Clustering:
        """Entity of every record by number, and the links that were cut."""
        return clustering_of(self.prepared, self.decided)

    @cached_property
    def entity_ids(self) -> pl.Series:
        """Id of each entity by number."""
        return entity_ids(self.prepared.records, self.clustering.entity)

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        """The sources as they were linked: prepared, where there is a preparation."""
        return as_prepared(self.prepared.spec.sources, self.prepared.spec.prepare)

    def evaluate(self, truth: str) -> Evaluation:
        """Count the errors against the truth, which the linkage itself could not read.

        Parameters
        ----------
        truth : str
            Field or column of every source that says who a record is; equal values are matches.

        Returns
        -------
        Evaluation
        """
        prepared = self.prepared
        removed = removed_table(prepared.prepared_sources) if prepared.prepared_sources else None
        return evaluate(self.pairs, self.entities, prepared.spec.sources, prepared.kind, truth, (), removed)

    def golden(self, golden: Golden | None = None) -> pl.DataFrame:
        """The golden record of each entity (see `tallystick.linkage.golden.golden_records`).

        Parameters
        ----------
        golden : Golden, optional
            The rules; by default those of the specification, or the most frequent value.

        Returns
        -------
        polars.DataFrame

        Raises
        ------
        InputError
            Where a rule names what no source has.
        """
        asked = golden or self.prepared.spec.entities.golden or Golden()
        table = golden_records(self.entities, self._sources, asked)
        return with_references(table, self.prepared.prepared_sources)

    def join(self, *columns: str, decisions: Sequence[str] = ("link",)) -> pl.DataFrame:
        """The linked table: columns of the sources side by side, a row per link.

        Parameters
        ----------
        *columns : str
            Fields, or columns of the files. One that both sides have comes as ``_left`` and
            ``_right``; without any, all columns come that are no truth.
        decisions : sequence of str
            Which pairs: ``link``, ``possible``, ``non-link``.

        Returns
        -------
        polars.DataFrame

        Raises
        ------
        InputError
            Where no source has a column.
        """
        return join_pairs(self.pairs, self._sources, columns, decisions)

    def report(self, path: str | Path, *, show_values: bool = False) -> None:
        """Write the report, one self-contained HTML page.

        Parameters
        ----------
        path : path
            The file; one that exists is replaced.
        show_values : bool
            Show the values of example pairs; masked otherwise.
        """
        from tallystick._files import write_text
        from tallystick.quality.report import render_page

        write_text(path, render_page(self.report_content(show_values=show_values)))

    def charts(self, folder: str | Path, form: Literal["png", "svg"] = "png") -> list[Path]:
        """Write every chart of the report, a file each; none of them shows a value of a record.

        Parameters
        ----------
        folder : path
            Made where it is not there; files of the same name are replaced.
        form : {"png", "svg"}
            What they are written as.

        Returns
        -------
        list of Path
        """
        from tallystick.quality.report.chart_files import save_report_charts

        return save_report_charts(self.report_content(), folder, form)

    def report_content(self, *, show_values: bool = False) -> dict[str, Any]:
        """What the report says, as ``report.json`` of a run holds it.

        Parameters
        ----------
        show_values : bool
            Show the values of example pairs; masked otherwise.

        Returns
        -------
        dict
            See `tallystick.quality.report.content.report_content`.
        """
        from tallystick.linkage.run import run_facts
        from tallystick.quality.report import Figures, report_content

        facts = run_facts(self.prepared, self.counts_dict(), timings={}, threads=None)
        figures = Figures(self.model.to_dict(), facts, self.quality_dict(), show_values=show_values)
        return report_content(figures)

    def quality_dict(self, residuals: pl.DataFrame | None = None) -> dict[str, Any]:
        """What ``quality.json`` of a run holds.

        Parameters
        ----------
        residuals : polars.DataFrame, optional
            `residuals`, where it has been made or written already.

        Returns
        -------
        dict
            Estimated rates, thresholds, example pairs; ``residuals``
            (`tallystick.linkage.evaluation.residual_figures.residual_figures`) and ``missed``
            (`tallystick.linkage.evaluation.missed.missed_figures`).
        """
        table = self.residuals if residuals is None else residuals
        linked = self._linked
        return {
            **self.own_figures(),
            "residuals": residual_figures(self.prepared, linked, table, self.weighed()),
            "missed": missed_figures(self.prepared, linked),
        }

    def missed(self, *by: str | Subgroup, smallest: int | None = None) -> dict[str, Any]:
        """Who is missed: rates of linkage by subgroup, and how linked and unlinked records differ.

        Parameters
        ----------
        *by : str or Subgroup
            Fields or columns; by default those of the specification.
        smallest : int, optional
            Groups with fewer records are put together; by default as in the specification.

        Returns
        -------
        dict
            As of `tallystick.linkage.evaluation.missed.missed_figures`.

        Raises
        ------
        InputError
            Where no source has a field or column, or it holds the truth.
        """
        asked = self.prepared.spec.quality
        subgroups = tuple(one if isinstance(one, Subgroup) else Subgroup(field=one) for one in by)
        quality = Quality(subgroups=subgroups or asked.subgroups, smallest=smallest or asked.smallest)
        return missed_figures(self.prepared, self._linked, quality)

    @property
    def _linked(self) -> NDArray[np.bool_]:
        """Which records have a link, shape (n_records,)."""
        return self.decided.records_of(self.decided.links, self.prepared.records.n_records)

    @abstractmethod
    def own_figures(self) -> dict[str, Any]:
        """What ``quality.json`` of a run holds but for residuals and who is missed."""

    @abstractmethod
    def weighed(self) -> tuple[Weighed, ...]:
        """What the records were compared by."""

    @abstractmethod
    def counts_dict(self) -> dict[str, Any]:
        """Counts per stage and pass, as ``run.json`` holds them."""
