"""Who is missed by a run in its directory: any column of its sources, afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tallystick.errors import InputError
from tallystick.linkage.evaluation.missed import known_of_ids, missed_figures, unlinked_records
from tallystick.linkage.prepare import Known, read_records
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.run_folder import read_facts, read_figures, spec_of_run
from tallystick.linkage.tables import read_table
from tallystick.quality.subgroups import Quality, Subgroup
from tallystick.spec import Spec

COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("source", "subgroup", "group"), pl.String),
    **dict.fromkeys(("records", "linked"), pl.Int64),
    **dict.fromkeys(("rate", "rate_low", "rate_high", "share_linked", "share_unlinked"), pl.Float64),
    **dict.fromkeys(("difference", "difference_low", "difference_high"), pl.Float64),
}
"""Of the table of groups."""


def missed_of_run(
    run: Path, by: Sequence[Subgroup] = (), names: Sequence[str] = (), smallest: int | None = None
) -> dict[str, Any]:
    """What `missed_figures` gives of a run in its directory, of whichever kind it is.

    Parameters
    ----------
    run : path
        The directory of a complete run.
    by : sequence of Subgroup
        The subgroups; by default those of its specification.
    names : sequence of str
        Which sources; by default all.
    smallest : int, optional
        Groups with fewer records are put together; by default as in the specification.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Where it is no complete run, a source is gone or has changed, has another name, or lacks what is asked
        for.
    """
    facts = read_facts(run)
    spec = spec_of_run(run, facts)
    check_unchanged(spec.sources, facts)
    for name in names:
        if name not in facts["counts"]["records"]:
            known_names = ", ".join(facts["counts"]["records"])
            raise InputError(f"{run}: there is no source {name!r}: the sources are {known_names}.")
    if not by and spec.quality.subgroups is None:
        figures = read_figures(run / "quality.json").get("missed")
        if figures is not None and smallest in (None, figures["smallest"]):
            kept = [one for one in figures["sources"] if not names or one["source"] in names]
            return {**figures, "sources": kept}
        known = _known(run, facts, spec, spec.fields_named)
    else:
        known = _known(run, facts, spec, ())
    linked = ~unlinked_records(known, read_table(run / "residuals.parquet"))
    asked = tuple(by) or spec.quality.subgroups
    quality = Quality(subgroups=asked, smallest=smallest or spec.quality.smallest)
    return missed_figures(known, linked, quality, names or None)


def groups_table(figures: Mapping[str, Any]) -> pl.DataFrame:
    """The groups of all sources and subgroups as one table.

    Parameters
    ----------
    figures : mapping
        What `missed_figures` gives.

    Returns
    -------
    polars.DataFrame
        ``source``, ``subgroup``, and what each group has (`tallystick.quality.missed.subgroup_rates`).
    """
    rows = [
        {"source": source["source"], "subgroup": by["name"], **group}
        for source in figures["sources"]
        for by in source["subgroups"]
        for group in by["groups"]
    ]
    return pl.DataFrame(rows, schema=COLUMNS)


def _known(run: Path, facts: Mapping[str, Any], spec: Spec, fields: Sequence[str]) -> Known:
    """The records of a run with some fields; without any, nothing is read but ids."""
    kind = spec.kind_of(len(spec.sources))
    if fields:
        encoded = read_records(spec, spec.sources, fields=fields)
        return Known(spec, kind, encoded.inputs, encoded.records, prepared_sources=encoded.prepared_sources)
    ids = read_table(run / "entities.parquet").select(pl.col("source", "id").cast(pl.String))
    taken_out = run / "removed.parquet"
    if taken_out.exists():
        removed = read_table(taken_out).select(pl.col("source", "id").cast(pl.String))
        ids = ids.join(removed, on=["source", "id"], how="anti", maintain_order="left")
    return known_of_ids(spec, kind, ids)
