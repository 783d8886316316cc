"""The steps of one field run over its distinct values, and what each did, counted in records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep, differs, mask

EXAMPLES = 3
"""Values that are kept as examples of a rule."""


@dataclass(frozen=True)
class StepCount:
    """What one step did in one source.

    Attributes
    ----------
    source : str
        Name of the source.
    field : str
        The field that it is a step of.
    place : str
        Where it stands: ``prepare.fields[0].steps[1]``.
    step : str
        Its type.
    n_records, n_values : int
        Records that it saw, and distinct values (or combinations of values) among them.
    n_changed : mapping of str to int
        Field that it writes to the number of records whose value became another one.
    rules : mapping of str to int
        Rule to the number of records that it changed.
    reported : mapping of str to int
        Reason to the number of records that could not be decided, or are wrong.
    n_present : int
        Records that have a value of a field that it reads.
    n_emptied : int
        Records whose value of a field that was there became missing.
    n_reported : int
        Records that are reported, each once.
    rows : mapping of str to int32 array
        Reason to the records that are reported for it, by their place in the source.
    examples : mapping of str to tuple of (before, after)
        Rule or reason to the values that most records have of those that it changed or reported, as text.
    """

    source: str
    field: str
    place: str
    step: str
    n_records: int
    n_values: int
    n_changed: Mapping[str, int]
    rules: Mapping[str, int]
    reported: Mapping[str, int]
    n_present: int
    n_emptied: int
    n_reported: int
    rows: Mapping[str, NDArray[np.int32]] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    examples: Mapping[str, tuple[tuple[str, str], ...]] = dataclasses.field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Distinct:
    """Some fields of the records of a source as distinct rows.

    Attributes
    ----------
    codes : int32 array, shape (n_records,)
        Row of `rows` of each record.
    rows : polars.DataFrame
        The distinct combinations of values, a column of text a field.
    n_records : int64 array, shape (n_rows,)
        How many records have each.
    """

    codes: NDArray[np.int32]
    rows: pl.DataFrame
    n_records: NDArray[np.int64]

    def columns(self) -> dict[str, pl.Series]:
        """The fields, record by record."""
        return {name: self.rows[name].gather(self.codes) for name in self.rows.columns}


def distinct_rows(columns: Mapping[str, pl.Series]) -> Distinct:
    """Find the distinct combinations of some fields.

    Parameters
    ----------
    columns : mapping of str to polars.Series
        Text, shape (n_records,).

    Returns
    -------
    Distinct
        Rows are sorted, missing first, so that nothing depends on the order of the records.

    Examples
    --------
    >>> found = distinct_rows({"name": pl.Series(["b", None, "a", "b"])})
    >>> found.rows["name"].to_list(), found.codes.tolist(), found.n_records.tolist()
    ([None, 'a', 'b'], [2, 0, 1, 2], [1, 1, 2])
    """
    frame = pl.DataFrame(dict(columns))
    names = frame.columns
    rows = frame.unique().sort(names, nulls_last=False)
    numbered = rows.with_row_index("__row")
    found = frame.join(numbered, on=names, how="left", nulls_equal=True, maintain_order="left")["__row"]
    codes = found.to_numpy().astype(np.int32)
    return Distinct(codes, rows, np.bincount(codes, minlength=rows.height).astype(np.int64))


def run_steps(
    columns: Mapping[str, pl.Series],
    field: str,
    steps: Sequence[PreparationStep],
    place: str,
    context: Context,
) -> tuple[dict[str, pl.Series], list[StepCount]]:
    """Apply the steps of a field one after the other.

    Parameters
    ----------
    columns : mapping of str to polars.Series
        The fields that the steps read, text, shape (n_records,).
    field : str
        The field that they are steps of.
    steps : sequence of PreparationStep
    place : str
        Where they stand in the specification, without the number of the step.
    context : Context

    Returns
    -------
    columns : dict of str to polars.Series
        The fields that the steps wrote.
    counts : list of StepCount
        One a step.
    """
    held = dict(columns)
    counts: list[StepCount] = []
    distinct: Distinct | None = None
    written: dict[str, None] = {}
    for number, step in enumerate(steps):
        reads = step.reads(field)
        if distinct is not None and set(reads) != set(distinct.rows.columns):
            held |= distinct.columns()
            distinct = None
        if distinct is None:
            distinct = distinct_rows({name: held[name] for name in reads})
        distinct, count = _applied(step, distinct, field, f"{place}.steps[{number}]", context, held)
        counts.append(count)
        written |= dict.fromkeys(step.writes(field))
    if distinct is not None:
        held |= distinct.columns()
    return {name: held[name] for name in written}, counts


def _examples(
    before: pl.DataFrame, applied: Applied, n: NDArray[np.int64]
) -> dict[str, tuple[tuple[str, str], ...]]:
    """For each rule and reason the commonest values that it was about, before and after."""
    after = pl.DataFrame(dict(applied.columns))
    found = {}
    for what, where in {**applied.changed, **applied.reported}.items():
        rows = np.flatnonzero(where)
        if not len(rows):
            continue
        best = rows[np.argsort(-n[rows], kind="stable")[:EXAMPLES]].tolist()
        found[what] = tuple((_shown(before, row), _shown(after, row)) for row in best)
    return found


def _shown(frame: pl.DataFrame, row: int) -> str:
    """The values of a row: one as it is, several with their names, those that are missing left out."""
    values = frame.row(row, named=True)
    present = {name: value for name, value in values.items() if value is not None}
    if not present:
        return "(missing)"
    if len(values) == 1:
        return str(*present.values())
    return ", ".join(f"{name} {value}" for name, value in present.items())


def _applied(
    step: PreparationStep,
    distinct: Distinct,
    field: str,
    place: str,
    context: Context,
    held: Mapping[str, pl.Series],
) -> tuple[Distinct, StepCount]:
    """One step over distinct rows; rows that it made equal are one afterwards."""
    before = distinct.rows
    applied = step.apply(before.select(step.reads(field)), distinct.n_records, context)
    new = before.with_columns(**dict(applied.columns))
    n = distinct.n_records

    def records(chosen: Mask) -> int:
        return int(n[chosen].sum())

    def counted(masks: Mapping[str, Mask]) -> dict[str, int]:
        found = {what: records(np.asarray(where, bool)) for what, where in masks.items()}
        return {what: found[what] for what in sorted(found) if found[what]}

    changed = {}
    emptied = np.zeros(before.height, bool)
    for name, values in applied.columns.items():
        if name in before.columns:
            changed[name] = records(differs(before[name], values))
            emptied |= mask(before[name].is_not_null() & values.is_null())
        elif name in held:  # a field that stands beside: told record by record
            changed[name] = int(differs(held[name], values.gather(distinct.codes)).sum())
        else:
            changed[name] = records(mask(values.is_not_null()))
    told = {why: np.asarray(where, bool) for why, where in sorted(applied.reported.items()) if where.any()}
    any_told = np.any(list(told.values()), axis=0) if told else np.zeros(before.height, bool)
    count = StepCount(
        source=context.source,
        field=field,
        place=place,
        step=str(getattr(step, "type", type(step).__name__)),
        n_records=len(distinct.codes),
        n_values=before.height,
        n_changed=changed,
        rules=counted(applied.changed),
        reported=counted(told),
        n_present=records(np.any([mask(before[name].is_not_null()) for name in step.reads(field)], axis=0)),
        n_emptied=records(emptied),
        n_reported=records(any_told),
        rows={why: np.flatnonzero(where[distinct.codes]).astype(np.int32) for why, where in told.items()},
        examples=_examples(before.select(step.reads(field)), applied, n),
    )
    if not any(changed.values()) and set(applied.columns) <= set(before.columns):
        return distinct, count
    merged = distinct_rows({name: new[name] for name in new.columns})
    of_row = np.bincount(merged.codes, weights=n, minlength=merged.rows.height).astype(np.int64)
    return Distinct(merged.codes[distinct.codes], merged.rows, of_row), count
