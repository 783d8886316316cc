"""What is left of a source when it is prepared, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.chain import StepCount
from tallystick.preparation.harmonise import Form
from tallystick.preparation.source import Source

FAILURES = dict.fromkeys(("id", "rule", "fields", "severity", "action"), pl.String)
REMOVED = dict.fromkeys(("id", "survivor", "rule"), pl.String)
REPORTED = dict.fromkeys(("id", "field", "step", "place", "reason"), pl.String)


@dataclass(frozen=True)
class EditCount:
    """What one edit found in one source.

    Attributes
    ----------
    source, rule, place, action : str
        The source, the name of the rule, where it stands, and what is done.
    n_failed, n_not_judged : int
        Records that fail, and those of which a value is missing that the rule needs.
    unreadable : mapping of str to int
        Field to the number of its values that are not of the type that ``prepare.types`` says, and count as
        missing for the rule.
    """

    source: str
    rule: str
    place: str
    action: str
    n_failed: int
    n_not_judged: int
    unreadable: Mapping[str, int] = field(default_factory=dict)


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
    reported : polars.DataFrame
        ``id``, ``field``, ``step``, ``place``, ``reason``: a row for each value that a step could not decide
        or found wrong.
    sha256 : str
        Of the source.
    touched : frozenset of str
        Fields that steps or edits may have changed.
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
    reported: pl.DataFrame
    sha256: str = field(default="", repr=False)
    touched: frozenset[str] = frozenset()
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

    def table(self, id_name: str = "id") -> pl.DataFrame:
        """The prepared records as one table.

        Parameters
        ----------
        id_name : str
            What the column of ids is called.

        Returns
        -------
        polars.DataFrame
            The ids, ``reference`` where there is one, then each field that steps or edits may have changed,
            and beside it as ``<field>_raw`` what was read.

        Raises
        ------
        InputError
            If a field is called as one of these columns.
        """
        out: dict[str, pl.Series] = {id_name: self.ids}
        if self.references is not None:
            out["reference"] = self.references
        for name, values in self.columns.items():
            if name not in self.touched:
                continue
            if name in out:
                raise InputError(
                    f"{self.source.shown}: the field {name!r} is called as a column of the prepared table "
                    "itself: give it another name by columns of the source."
                )
            out[name] = values
            if name in self.raw:
                out[f"{name}_raw"] = self.raw[name]
        return pl.DataFrame(out)


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
