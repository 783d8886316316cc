"""The preparation as the first stage of a linkage: sources prepared, and what a run keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tallystick._files import write_json
from tallystick._progress import Progress, silent
from tallystick.preparation.harmonise import check_harmonised
from tallystick.preparation.prepare import (
    check_named,
    check_steps,
    prepare_raw,
    read_prepared_raw,
)
from tallystick.preparation.prepared import PreparedTable
from tallystick.preparation.read import RawTable
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source
from tallystick.preparation.write import write_table

if TYPE_CHECKING:
    from tallystick.linkage.prepare import Known

PREPARATION = "prepare.json"
"""What each step did, in the directory of a run."""


def prepared_raws(
    preparation: Preparation,
    sources: Sequence[Source],
    fields: Sequence[str],
    readers: Mapping[str, str],
    processes: int,
    progress: Progress = silent,
) -> tuple[list[RawTable], tuple[PreparedTable, ...]]:
    """Read sources and prepare them.

    Parameters
    ----------
    preparation : Preparation
    sources : sequence of Source
    fields : sequence of str
        Fields that the linkage reads.
    readers : mapping of str to str
        Which part of the specification reads a field.
    processes : int
        How many processes may share the work of slow libraries.
    progress : Progress
        Told the number of sources done and to do.

    Returns
    -------
    raws : list of RawTable
        The fields of the linkage as they are prepared, of the records that are left.
    prepared : tuple of PreparedTable
        What was done, without any values.

    Raises
    ------
    InputError
        If a source cannot be read or prepared, or the sources differ where they have to be alike.
    """
    check_steps(preparation)
    check_named(preparation, [source.name for source in sources])
    raws, done = [], []
    progress("preparing", 0, len(sources))
    for number, source in enumerate(sources, start=1):
        raw = read_prepared_raw(source, preparation, fields, readers)
        prepared = prepare_raw(raw, preparation, processes=processes)
        # What nothing was done to is for [fields] to read, as without a preparation.
        columns = {
            name: prepared.columns[name]
            if name in prepared.touched
            else raw.columns[name].gather(prepared.rows)
            for name in dict.fromkeys(fields)
        }
        raws.append(replace(raw, ids=prepared.ids, columns=columns, prepared=prepared.touched))
        done.append(replace(prepared, columns={}, raw={}))
        progress("preparing", number, len(sources))
    if preparation.harmonise is not None:
        check_harmonised(preparation.harmonise, [one.name for one in sources], [one.forms for one in done])
    return raws, tuple(done)


def preparation_dict(prepared: Sequence[PreparedTable]) -> dict[str, Any]:
    """What was done to each source, as ``prepare.json`` holds it.

    Parameters
    ----------
    prepared : sequence of PreparedTable

    Returns
    -------
    dict
    """
    return {
        "sources": [
            {
                "name": one.source.name,
                "sha256": one.sha256,
                "records_read": one.n_read,
                "records_dropped": one.n_dropped,
                "duplicates_removed": one.removed.height,
                "records": one.n_records,
                "steps": [
                    {
                        "place": step.place,
                        "field": step.field,
                        "step": step.step,
                        "records": step.n_records,
                        "distinct_values": step.n_values,
                        "changed": dict(step.n_changed),
                        "rules": dict(step.rules),
                        "reported": dict(step.reported),
                        "set_missing": step.n_emptied,
                    }
                    for step in one.steps
                ],
                "edits": [
                    {
                        "place": edit.place,
                        "rule": edit.rule,
                        "action": edit.action,
                        "failed": edit.n_failed,
                        "not_judged": edit.n_not_judged,
                        "unreadable": dict(edit.unreadable),
                    }
                    for edit in one.edits
                ],
            }
            for one in prepared
        ]
    }


def failures_table(prepared: Sequence[PreparedTable]) -> pl.DataFrame:
    """Records and the rules that they fail, as of `PreparedTable`, with the ``source``."""
    return _of_all(prepared, [one.failures for one in prepared])


def removed_table(prepared: Sequence[PreparedTable]) -> pl.DataFrame:
    """Records taken out as duplicates, as of `PreparedTable`, with the ``source``."""
    return _of_all(prepared, [one.removed for one in prepared])


def reported_table(prepared: Sequence[PreparedTable]) -> pl.DataFrame:
    """Values that steps could not decide or found wrong, as of `PreparedTable`, with the ``source``."""
    return _of_all(prepared, [one.reported for one in prepared])


def with_removed(entities: pl.DataFrame, prepared: Sequence[PreparedTable]) -> pl.DataFrame:
    """Entities with the records that were taken out as duplicates: each is of the entity of its survivor.

    Parameters
    ----------
    entities : polars.DataFrame
        ``entity_id``, ``source`` and ``id`` of the records that were linked.
    prepared : sequence of PreparedTable

    Returns
    -------
    polars.DataFrame
    """
    if not any(one.removed.height for one in prepared):
        return entities
    survivors = entities.rename({"id": "survivor"})
    added = removed_table(prepared).join(
        survivors, on=["source", "survivor"], how="left", maintain_order="left"
    )
    return pl.concat([entities, added.select(entities.columns)])


def taken_out(known: Known, source: str, record: str) -> str | None:
    """Why a preparation has taken a record out; None where it has not.

    Parameters
    ----------
    known : Known
        The records that are left.
    source, record : str
        Name of the source, and the id.

    Returns
    -------
    str or None
    """
    for one in known.prepared_sources:
        if one.source.name != source:
            continue
        removed = one.removed.filter(pl.col("id") == record)
        if removed.height:
            survivor = removed["survivor"][0]
            return f"{source!r}, {record!r}: taken out as a duplicate of {survivor!r}; ask for that one."
        dropped = one.failures.filter((pl.col("id") == record) & (pl.col("action") == "drop"))
        if dropped.height:
            return f"{source!r}, {record!r}: dropped by the edit {dropped['rule'][0]!r}."
    return None


def preparation_sentence(prepared: Sequence[PreparedTable]) -> str | None:
    """What a preparation has done to the number of records, and what is to be looked at; None where nothing.

    Parameters
    ----------
    prepared : sequence of PreparedTable

    Returns
    -------
    str or None
    """
    told = {
        "dropped by edits": sum(one.n_dropped for one in prepared),
        "removed as duplicates": sum(one.removed.height for one in prepared),
    }
    listed = {
        "rules broken (failures.parquet)": sum(one.failures.height for one in prepared),
        "values reported by steps (reported.parquet)": sum(one.reported.height for one in prepared),
    }
    said = [f"{n:,} {what}" for what, n in told.items() if n]
    read, left = (sum(one.n_read for one in prepared), sum(one.n_records for one in prepared))
    parts = [f"{left:,} of {read:,} records are linked once prepared: {', '.join(said)}"] if said else []
    parts += [f"{n:,} {what}" for what, n in listed.items() if n]
    return "; ".join(parts) or None


def _of_all(prepared: Sequence[PreparedTable], tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    parts = [
        table.insert_column(0, pl.Series("source", [one.source.name] * table.height, dtype=pl.String))
        for one, table in zip(prepared, (table.clone() for table in tables), strict=True)
    ]
    return pl.concat(parts)


def without_references(table: pl.DataFrame) -> pl.DataFrame:
    """A table of a run without the reference numbers that `with_references` gave it."""
    return table.drop([name for _, name in _ID_COLUMNS.values()], strict=False)


def preparation_tables(prepared: Sequence[PreparedTable]) -> dict[str, pl.DataFrame]:
    """The tables of a preparation by their names, with reference numbers."""
    tables = {
        "failures": failures_table(prepared),
        "removed": removed_table(prepared),
        "reported": reported_table(prepared),
    }
    return {name: with_references(table, prepared) for name, table in tables.items()}


def write_preparation(folder: Path, prepared: Sequence[PreparedTable]) -> None:
    """Write what a run keeps of its preparation; nothing where nothing was prepared.

    Parameters
    ----------
    folder : path
        The directory of the run.
    prepared : sequence of PreparedTable
    """
    if not prepared:
        return
    for name, table in preparation_tables(prepared).items():
        write_table(table, folder / f"{name}.parquet")
    write_json(folder / PREPARATION, preparation_dict(prepared))


_ID_COLUMNS = {
    "id": ("source", "reference"),
    "id_left": ("source_left", "reference_left"),
    "id_right": ("source_right", "reference_right"),
    "id_candidate": ("source_candidate", "reference_candidate"),
    "survivor": ("source", "reference_survivor"),
}
"""Columns that hold ids: the column of their source, and what their reference numbers are called."""


def with_references(table: pl.DataFrame, prepared: Sequence[PreparedTable]) -> pl.DataFrame:
    """A table of a run with the reference numbers of its records, where records have them.

    Parameters
    ----------
    table : polars.DataFrame
        With columns of ids.
    prepared : sequence of PreparedTable
        In the order of the sources.

    Returns
    -------
    polars.DataFrame
        Beside each column of ids one of reference numbers.
    """
    known = [
        one.all_references.with_columns(source=pl.lit(one.source.name))
        for one in prepared
        if one.all_references is not None
    ]
    if not known:
        return table
    numbers = pl.concat(known)
    # A golden record says of each field from which record of which source its value is.
    origins = [one.removesuffix("_id") for one in table.columns if one.endswith("_id")]
    golden = {
        f"{field}_id": (f"{field}_source", f"{field}_reference")
        for field in origins
        if f"{field}_source" in table.columns
    }
    for column, (source, name) in {**_ID_COLUMNS, **golden}.items():
        if column not in table.columns:
            continue
        keyed = numbers.rename({"id": column, "reference": name})
        if source in table.columns:
            keyed, on = keyed.rename({"source": source}), [source, column]
        else:  # of two sources the left one is the first
            own = prepared[-1 if column == "id_right" else 0].source.name
            keyed, on = keyed.filter(pl.col("source") == own).drop("source"), [column]
        order = list(table.columns)
        if name in order:
            table, order = table.drop(name), [one for one in order if one != name]
        order.insert(order.index(column) + 1, name)
        table = table.join(keyed, on=on, how="left", maintain_order="left").select(order)
    return table
