"""A source prepared: steps field by field, edits, duplicates and reference numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.chain import StepCount, run_steps
from tallystick.preparation.duplicates import survivors
from tallystick.preparation.edits import Edit, judge, typed
from tallystick.preparation.harmonise import Form, form_of
from tallystick.preparation.normalise import Normalise, normalise_column
from tallystick.preparation.read import RawTable, read_raw
from tallystick.preparation.reference import reference_numbers
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source, is_pandas
from tallystick.preparation.steps.step import Context

# Values as text and nothing more: what is done to them is for the steps to say, and to count.
_AS_TEXT = Normalise(trim=False, casefold=False, nfc=False, empty_is_missing=True, integers=True, dates=True)

FAILURES = {
    "id": pl.String,
    "rule": pl.String,
    "fields": pl.String,
    "severity": pl.String,
    "action": pl.String,
}
REMOVED = dict.fromkeys(("id", "survivor", "rule"), pl.String)


@dataclass(frozen=True)
class EditCount:
    """What one edit found in one source.

    Attributes
    ----------
    source, rule, place, action : str
        The source, the name of the rule, where it stands, and what is done.
    n_failed, n_not_judged : int
        Records that fail, and those of which a value is missing that the rule needs.
    """

    source: str
    rule: str
    place: str
    action: str
    n_failed: int
    n_not_judged: int


@dataclass(frozen=True)
class PreparedTable:
    """One source, prepared.

    Attributes
    ----------
    source : Source
        The source.
    n_read : int
        Records that it has.
    rows : int64 array, shape (n_records,)
        Which of them are left, ascending.
    ids : polars.Series
        Their ids.
    columns : mapping of str to polars.Series
        Field to its values as text, those that no step touched too; null is missing.
    raw : mapping of str to polars.Series
        The same fields as they were read, where they are prepared.
    references : polars.Series or None
        Reference numbers, where there are any.
    steps : tuple of StepCount
        What each step did.
    edits : tuple of EditCount
        What each rule found.
    failures : polars.DataFrame
        ``id``, ``rule``, ``fields``, ``severity``, ``action``: a row for each record and rule that it fails.
    removed : polars.DataFrame
        ``id``, ``survivor``, ``rule``: each record taken out as a duplicate, and the one standing for it.
    sha256 : str
        Of the source.
    forms : mapping of str to Form
        How its fields are written, where they are to be harmonised.
    all_references : polars.DataFrame or None
        ``id`` and ``reference`` of all records that it has, those taken out too.
    """

    source: Source
    n_read: int
    rows: np.ndarray[Any, np.dtype[np.int64]]
    ids: pl.Series
    columns: Mapping[str, pl.Series]
    raw: Mapping[str, pl.Series]
    references: pl.Series | None
    steps: tuple[StepCount, ...]
    edits: tuple[EditCount, ...]
    failures: pl.DataFrame
    removed: pl.DataFrame
    sha256: str = field(default="", repr=False)
    forms: Mapping[str, Form] = field(default_factory=dict, repr=False)
    all_references: pl.DataFrame | None = field(default=None, repr=False)

    @property
    def n_records(self) -> int:
        """Records that are left."""
        return len(self.ids)

    @property
    def n_dropped(self) -> int:
        """Records that an edit has taken out."""
        return self.n_read - self.n_records - self.removed.height

    def table(self) -> pl.DataFrame:
        """The prepared records as one table.

        Returns
        -------
        polars.DataFrame
            ``id``, ``reference`` where there is one, then each field, and beside it as ``<field>_raw`` what
            was read, where the field is prepared.
        """
        out: dict[str, pl.Series] = {"id": self.ids}
        if self.references is not None:
            out["reference"] = self.references
        for name, values in self.columns.items():
            out[name] = values
            if name in self.raw:
                out[f"{name}_raw"] = self.raw[name]
        return pl.DataFrame(out)


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
    wanted = [*needed, *(name for name in fields if name not in made)]
    return read_raw(source, wanted, {**(readers or {}), **needed})


def prepare_raw(raw: RawTable, preparation: Preparation, *, processes: int = 1) -> PreparedTable:
    """Prepare a source that has been read.

    Parameters
    ----------
    raw : RawTable
        With the fields that the preparation reads.
    preparation : Preparation
    processes : int
        How many processes may share the work of slow libraries.

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
    touched = [name for name in read if name in preparation.written(source.name)]
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
        sha256=raw.sha256,
        all_references=None if references is None else pl.DataFrame([raw.ids.alias("id"), references]),
    )
    done = _without_duplicates(_edited(whole, preparation), preparation)
    if preparation.harmonise is None:
        return done
    return replace(done, forms={name: form_of(values) for name, values in done.columns.items()})


def kept(prepared: PreparedTable, rows: np.ndarray[Any, np.dtype[np.int64]]) -> PreparedTable:
    """Some of the records.

    Parameters
    ----------
    prepared : PreparedTable
    rows : int64 array
        Their places among those that are left, ascending.

    Returns
    -------
    PreparedTable
    """
    if len(rows) == prepared.n_records:
        return prepared
    references = prepared.references
    return replace(
        prepared,
        rows=prepared.rows[rows],
        ids=prepared.ids.gather(rows),
        columns={name: values.gather(rows) for name, values in prepared.columns.items()},
        raw={name: values.gather(rows) for name, values in prepared.raw.items()},
        references=None if references is None else references.gather(rows),
    )


def _edited(prepared: PreparedTable, preparation: Preparation) -> PreparedTable:
    """All rules are asked of the values as the steps left them, and then their actions are done."""
    types = {name: "date" for one in preparation.fields for name in one.dates} | dict(preparation.types)
    columns = dict(prepared.columns)
    gone = np.zeros(prepared.n_records, bool)
    failures, counts = [], []
    emptied: list[tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.bool_]]]] = []
    for number, edit in enumerate(preparation.edits):
        if edit.sources and prepared.source.name not in edit.sources:
            continue
        place = f"prepare.edits[{number}]"
        frame = pl.DataFrame(
            {name: typed(prepared.columns[name], types.get(name, "text")) for name in edit.reads}
        )
        try:
            found = judge(edit, frame)
        except InputError as error:
            raise InputError(f"{prepared.source.shown}, {place}: {error}") from error
        failed = found.fill_null(False).to_numpy()
        counts.append(
            EditCount(
                prepared.source.name, edit.name, place, edit.action, int(failed.sum()), found.null_count()
            )
        )
        failures.append(_failures(prepared, edit, failed))
        if edit.action == "set_missing":
            emptied.append((edit.blames, failed))
        if edit.action == "drop":
            gone |= failed
    for names, failed in emptied:
        for name in names:
            columns[name] = columns[name].set(pl.Series(failed), None)
    table = pl.concat([prepared.failures, *failures])
    edited = replace(prepared, columns=columns, edits=tuple(counts), failures=table)
    if gone.all() and len(gone):
        raise InputError(f"{prepared.source.shown}: the edits that drop records leave none.")
    return kept(edited, np.flatnonzero(~gone))


def _failures(
    prepared: PreparedTable, edit: Edit, failed: np.ndarray[Any, np.dtype[np.bool_]]
) -> pl.DataFrame:
    ids = prepared.ids.gather(np.flatnonzero(failed))
    return pl.DataFrame({"id": ids}).with_columns(
        rule=pl.lit(edit.name),
        fields=pl.lit(", ".join(edit.blames)),
        severity=pl.lit(edit.severity),
        action=pl.lit(edit.action),
    )


def _without_duplicates(prepared: PreparedTable, preparation: Preparation) -> PreparedTable:
    """Rules one after the other; a record that a later rule takes out hands on those that it stood for."""
    rows = np.arange(prepared.n_records, dtype=np.int64)
    stands_for = rows.copy()
    rule_of = np.full(len(rows), -1)
    for number, rule in enumerate(preparation.duplicates):
        if rule.sources and prepared.source.name not in rule.sources:
            continue
        left = np.flatnonzero(stands_for == rows)
        frame = pl.DataFrame({name: values.gather(left) for name, values in prepared.columns.items()})
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
