"""Edits asked of a prepared source, and what they ask for done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.edits import Edit, judge, typed
from tallystick.preparation.prepared import EditCount, PreparedTable, kept
from tallystick.preparation.settings import Preparation


def edited(prepared: PreparedTable, preparation: Preparation) -> PreparedTable:
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
        values = {name: typed(prepared.columns[name], types.get(name, "text")) for name in edit.reads}
        unreadable = {
            name: n
            for name, one in values.items()
            if (n := one.null_count() - prepared.columns[name].null_count())
        }
        frame = pl.DataFrame(values)
        try:
            _check_types(prepared, edit, types, unreadable)
            found = judge(edit, frame)
        except InputError as error:
            raise InputError(f"{prepared.source.shown}, {place}: {error}") from error
        failed = found.fill_null(False).to_numpy()
        counts.append(
            EditCount(
                prepared.source.name,
                edit.name,
                place,
                edit.action,
                int(failed.sum()),
                found.null_count(),
                unreadable,
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


def _check_types(
    prepared: PreparedTable, edit: Edit, types: dict[str, str], unreadable: dict[str, int]
) -> None:
    """Raise `InputError` where no value of a field is of its type, so that the rule could judge nobody."""
    form = {"date": "a date as 1980-01-31", "integer": "a whole number", "number": "a number"}
    for name, n in unreadable.items():
        if n == len(prepared.ids) - prepared.columns[name].null_count():
            raise InputError(
                f"no value of {name!r} is {form[types[name]]}, as prepare.types says: correct it or add a "
                "step that writes it so."
            )


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
