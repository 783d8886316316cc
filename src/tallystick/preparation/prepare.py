"""A source prepared: steps field by field, edits, duplicates and reference numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from tallystick._problems import misspelt, written_path
from tallystick.errors import InputError, TallystickWarning
from tallystick.preparation.apply_edits import edited
from tallystick.preparation.chain import StepCount, run_steps
from tallystick.preparation.duplicates import survivors
from tallystick.preparation.harmonise import form_of
from tallystick.preparation.normalise import Normalise, normalise_column
from tallystick.preparation.prepared import FAILURES, REMOVED, REPORTED, PreparedTable, kept
from tallystick.preparation.read import RawTable, open_source, read_raw
from tallystick.preparation.reference import reference_numbers
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source, is_pandas
from tallystick.preparation.step_warnings import warn_of_steps
from tallystick.preparation.steps.step import Context

# Values as text and nothing more: what is done to them is for the steps to say, and to count.
_AS_TEXT = Normalise(trim=False, casefold=False, nfc=False, empty_is_missing=True, integers=True, dates=True)


def prepare_table(
    table: Any, preparation: Preparation, fields: Sequence[str] = (), *, processes: int = 1
) -> PreparedTable:
    """Prepare one table.

    Parameters
    ----------
    table : Source, path, or table in memory
        What is prepared.
    preparation : Preparation
        What is done to it; edits that drop records and duplicate rules too.
    fields : sequence of str
        Fields that are read besides those that the preparation needs, and stay as they are.
    processes : int
        How many processes may share the work of slow libraries.

    Returns
    -------
    PreparedTable

    Raises
    ------
    InputError
        If the source cannot be read or lacks a field, or a step needs a dictionary or library that is not
        there.

    Examples
    --------
    >>> persons = pl.DataFrame({"surname": [" Smith ", "UNKNOWN", "Jones"]})
    >>> steps = Preparation(fields=[{"field": "surname", "steps": ["missing"]}])
    >>> prepared = prepare_table(persons, steps)
    >>> prepared.columns["surname"].to_list()
    [' Smith ', None, 'Jones']
    >>> dict(prepared.steps[0].rules)
    {'label "unknown"': 1}
    """
    if isinstance(table, Source):
        source = table
    elif hasattr(table, "__arrow_c_stream__") or is_pandas(table):
        source = Source(name="table", table=table)
    else:
        source = Source(name="table", path=table)
    check_steps(preparation)
    check_named(preparation, [source.name])
    return prepare_raw(read_prepared_raw(source, preparation, fields), preparation, processes=processes)


def check_steps(preparation: Preparation) -> None:
    """Raise `InputError` where a step needs a file or a library that is not there, before anything is read.

    Parameters
    ----------
    preparation : Preparation
    """
    for number, one in enumerate(preparation.fields):
        for place, step in enumerate(one.steps):
            try:
                step.check()
            except InputError as error:
                raise InputError(f"prepare.fields[{number}].steps[{place}]: {error}") from error


def check_named(preparation: Preparation, sources: Sequence[str]) -> None:
    """Raise `InputError` where a part of the preparation is for a source that is not there.

    Parameters
    ----------
    preparation : Preparation
    sources : sequence of str
        Names of the sources.

    Warns
    -----
    TallystickWarning
        If there are steps, but none for a source.
    """
    for path, name in preparation.unknown_sources(sources):
        found = misspelt(name, list(sources), "the name of a source")
        raise InputError(f"{written_path(path[:-1])}: {found}.")
    for name in sources:
        if preparation.fields and not any(True for _ in preparation.of_source(name)):
            warnings.warn(
                f"No step of the preparation is for source {name!r}: it is linked as it is.",
                TallystickWarning,
                stacklevel=3,
            )


def read_prepared_raw(
    source: Source,
    preparation: Preparation,
    fields: Sequence[str] = (),
    readers: Mapping[str, str] | None = None,
) -> RawTable:
    """Read what the preparation of a source needs, and other fields that it does not write.

    Parameters
    ----------
    source : Source
    preparation : Preparation
    fields : sequence of str
        Fields that others will read.
    readers : mapping of str to str, optional
        Who reads a field (see `read_raw`).

    Returns
    -------
    RawTable
    """
    needed = preparation.read_by(source.name)
    made = preparation.made_by_steps(source.name)
    _check_names(source, preparation, made)
    wanted = [*needed, *(name for name in fields if name not in made)]
    return read_raw(source, wanted, {**(readers or {}), **needed})


def _check_names(source: Source, preparation: Preparation, made: set[str]) -> None:
    """Raise `InputError` where the preparation would write over a column of the file, or over its own."""
    columns = set(open_source(source).columns)
    own = {f"{name}_raw" for name in preparation.written(source.name) if name not in made}
    own |= {"reference"} if preparation.reference else set()
    lost = [name for name in sorted(made) if source.column(name) in columns or name in {*own, "id"}]
    lost += sorted(own & columns)
    if lost:
        raise InputError(
            f"{source.shown}: the preparation writes {lost[0]!r}, in place of a column of the "
            "file or of the preparation itself; write to another field (field, into), or give that column "
            "another name in columns."
        )


def _reported(ids: pl.Series, steps: Sequence[StepCount]) -> pl.DataFrame:
    """The values that steps reported, a row each, by step and reason."""
    parts = [
        pl.DataFrame({"id": ids.gather(rows)}).with_columns(
            field=pl.lit(one.field), step=pl.lit(one.step), place=pl.lit(one.place), reason=pl.lit(reason)
        )
        for one in steps
        for reason, rows in one.rows.items()
    ]
    return pl.concat([pl.DataFrame(schema=REPORTED), *parts])


def prepare_raw(
    raw: RawTable, preparation: Preparation, *, processes: int = 1, warn: bool = True
) -> PreparedTable:
    """Prepare a source that has been read.

    Parameters
    ----------
    raw : RawTable
        With the fields that the preparation reads.
    preparation : Preparation
    processes : int
        How many processes may share the work of slow libraries.
    warn : bool
        Warn of steps that take much away; not where the same was prepared before.

    Returns
    -------
    PreparedTable

    Raises
    ------
    InputError
        If a step or a rule cannot be applied; it names the source and the place.
    """
    source = raw.source
    context = Context(source.name, source.reference_date, processes)
    read: dict[str, pl.Series] = {}
    for name, column in raw.columns.items():
        try:
            read[name] = normalise_column(column, None, _AS_TEXT)[0].alias(name)
        except InputError as error:
            raise InputError(f"{source.shown}: {error}") from error
    columns = dict(read)
    steps: list[StepCount] = []
    for number, one in preparation.of_source(source.name):
        place = f"prepare.fields[{number}]"
        if one.of is not None or one.field not in columns:
            columns[one.field] = columns[one.of or one.field].alias(one.field)
        given = {name: columns[name] for name in dict.fromkeys([one.field, *one.reads]) if name in columns}
        try:
            written, counts = run_steps(given, one.field, one.steps, place, context)
        except InputError as error:
            raise InputError(f"{source.shown}, {place} (field {one.field!r}): {error}") from error
        columns |= {name: values.alias(name) for name, values in written.items()}
        steps += counts
        if warn:
            warn_of_steps(source, counts)
    touched = [name for name in read if name in preparation.touched(source.name)]
    references = (
        reference_numbers(preparation.reference, source.name, len(raw.ids)) if preparation.reference else None
    )
    whole = PreparedTable(
        source=source,
        n_read=len(raw.ids),
        rows=np.arange(len(raw.ids), dtype=np.int64),
        ids=raw.ids.alias("id"),
        columns=columns,
        raw={name: read[name] for name in touched},
        references=references,
        steps=tuple(steps),
        edits=(),
        failures=pl.DataFrame(schema=FAILURES),
        removed=pl.DataFrame(schema=REMOVED),
        reported=_reported(raw.ids, steps),
        sha256=raw.sha256,
        touched=frozenset(preparation.touched(source.name)),
        all_references=None if references is None else pl.DataFrame([raw.ids.alias("id"), references]),
    )
    done = _without_duplicates(edited(whole, preparation), preparation)
    if preparation.harmonise is None:
        return done
    asked = preparation.harmonise.fields or [name for name in done.columns if name in done.touched]
    forms = {name: form_of(done.columns[name]) for name in asked if name in done.columns}
    return replace(done, forms=forms)


def _without_duplicates(prepared: PreparedTable, preparation: Preparation) -> PreparedTable:
    """Rules one after the other; a record that a later rule takes out hands on those that it stood for."""
    rows = np.arange(prepared.n_records, dtype=np.int64)
    stands_for = rows.copy()
    rule_of = np.full(len(rows), -1)
    # Not the fields that a linkage reads besides: who survives is the same in every command.
    own = dict.fromkeys(
        [*preparation.read_by(prepared.source.name), *preparation.written(prepared.source.name)]
    )
    for number, rule in enumerate(preparation.duplicates):
        if rule.sources and prepared.source.name not in rule.sources:
            continue
        left = np.flatnonzero(stands_for == rows)
        frame = pl.DataFrame({name: prepared.columns[name].gather(left) for name in own})
        found = left[survivors(frame, rule)]
        new = left[found != left]
        stands_for[left] = found
        rule_of[new] = number
    while (further := stands_for[stands_for] != stands_for).any():
        stands_for[further] = stands_for[stands_for[further]]
    out = np.flatnonzero(stands_for != rows)
    names = [", ".join(rule.fields) for rule in preparation.duplicates]
    removed = pl.DataFrame(
        {
            "id": prepared.ids.gather(out),
            "survivor": prepared.ids.gather(stands_for[out]),
            "rule": pl.Series([names[k] for k in rule_of[out]], dtype=pl.String),
        },
        schema=REMOVED,
    )
    return kept(replace(prepared, removed=removed), np.flatnonzero(stands_for == rows))
