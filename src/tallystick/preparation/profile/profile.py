"""Profile sources: what their fields hold, and what each is good for in a linkage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.detect import ColumnDescription
from tallystick.preparation.profile.associations import Association, associations
from tallystick.preparation.profile.columns import Column, read_fields
from tallystick.preparation.profile.combinations import unique_combinations
from tallystick.preparation.profile.compare import compare_fields
from tallystick.preparation.profile.criteria import (
    Role,
    accuracy,
    availability,
    role_of,
    stability,
    uniqueness,
)
from tallystick.preparation.profile.doubts import doubts_of
from tallystick.preparation.profile.kinds import Kind, check_kinds, kind_of
from tallystick.preparation.profile.model import (
    FieldProfile,
    FilesComparison,
    Lengths,
    Profile,
    SourceProfile,
)
from tallystick.preparation.profile.values import TopValue
from tallystick.preparation.profile.warn import warnings_of
from tallystick.preparation.roles import is_called_answer, is_called_id, names_the_record
from tallystick.preparation.source import Source

TOP = 10
"""Most common values that are kept of a field."""

Kinds = Mapping[str, str]


def profile(
    source: Any,
    *,
    name: str | None = None,
    reference_date: date | None = None,
    kinds: Kinds | None = None,
) -> Profile:
    """Profile one source.

    Parameters
    ----------
    source : Source, path or table
        A table is anything that `Source` takes as one: polars, pandas, pyarrow, DuckDB.
    name : str, optional
        Of the source; by default the file's, or ``table``.
    reference_date : date, optional
        The day that the source tells of.
    kinds : mapping of str to str, optional
        Field to ``"name"``, ``"birth"``, ``"changes"`` or ``"unknown"``, where its name does not say it.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        If the source cannot be read or has no rows, or a kind is not one or of no field.

    Examples
    --------
    >>> people = pl.DataFrame({"surname": ["Smith", "Jones", "Smith", None]})
    >>> found = profile(people).field("surname")
    >>> found.n_distinct, found.completeness, round(found.chance_agreement, 3), found.role
    (2, 0.75, 0.333, 'unsuitable')
    """
    sources = [_as_source(source, name or "table")]
    if name is not None:
        sources = [sources[0].model_copy(update={"name": name})]
    dates = {} if reference_date is None else {sources[0].name: reference_date}
    return profile_files(sources, reference_dates=dates, kinds=kinds)


def profile_files(
    sources: Sequence[Any], *, reference_dates: Mapping[str, date] | None = None, kinds: Kinds | None = None
) -> Profile:
    """Profile sources and compare every two of them field by field.

    Parameters
    ----------
    sources : sequence of Source, path or table
        Tables are called ``table_1``, ``table_2`` ...; give a `Source` to call one otherwise.
    reference_dates : mapping of str to date, optional
        Name of a source to the day that it tells of; by default what the sources declare.
    kinds : mapping of str to str, optional
        As of `profile`; for all sources.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        As of `profile`; or if two sources have one name, or a reference date is given for none.
    """
    given = [_as_source(one, f"table_{k}") for k, one in enumerate(sources, start=1)]
    own = _named(given, reference_dates or {})
    read = [read_fields(one) for one in own]
    tables = [{column.name: column for column in columns} for columns, _ in read]
    check_kinds(kinds or {}, {name for table in tables for name in table})
    profiled = tuple(
        replace(_profile_source(k, own, tables, kinds or {}), left_out=read[k][1]) for k in range(len(own))
    )
    compared = tuple(
        FilesComparison(
            own[a].name,
            own[b].name,
            tuple(
                compare_fields(tables[a][name], tables[b][name], (own[a].name, own[b].name))
                for name in tables[a]
                if name in tables[b]
            ),
            tuple(name for name in tables[a] if name not in tables[b]),
            tuple(name for name in tables[b] if name not in tables[a]),
        )
        for a, b in combinations(range(len(own)), 2)
    )
    return Profile(profiled, compared, tuple(warnings_of(profiled, compared)))


def _as_source(given: Any, name: str) -> Source:
    if isinstance(given, Source):
        return given
    if isinstance(given, str | Path):
        return Source(name=Path(given).stem or name, path=Path(given))
    return Source(name=name, table=given)


def _named(sources: list[Source], dates: Mapping[str, date]) -> list[Source]:
    if not sources:
        raise InputError("there is nothing to profile: give at least one file, source or table.")
    names = [one.name for one in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f'{names.count(name)} sources are called "{name}"; give each a name of its own.')
    for name in dates:
        if name not in names:
            raise InputError(
                f'a reference date is given for source "{name}", but the sources are {", ".join(names)}.'
            )
    return [
        one.model_copy(update={"reference_date": dates[one.name]}) if one.name in dates else one
        for one in sources
    ]


def _profile_source(
    number: int, sources: Sequence[Source], tables: Sequence[Mapping[str, Column]], kinds: Kinds
) -> SourceProfile:
    source, table = sources[number], tables[number]
    fields = tuple(_profile_field(column, number, sources, tables, kinds) for column in table.values())
    # What numbers the records agrees with nothing: it would only lengthen the table.
    able = [column for column, one in zip(table.values(), fields, strict=True) if not _is_key(one.reason)]
    together = associations(able)
    matching = [column for column in able if _role(fields, column.name) == "matching variable"]
    return SourceProfile(
        name=source.name,
        shown=source.shown,
        n_records=len(next(iter(table.values())).codes),
        reference_date=source.reference_date,
        fields=fields,
        combinations=unique_combinations(matching, _apart(together)),
        associations=tuple(together),
    )


_KEY = "names records or groups: "


def _is_key(reason: str) -> bool:
    return reason.startswith(_KEY)


def _role(fields: Sequence[FieldProfile], name: str) -> Role:
    return next(one.role for one in fields if one.name == name)


def _apart(found: Sequence[Association]) -> set[frozenset[str]]:
    return {frozenset((one.left, one.right)) for one in found if one.verdict == "associated"}


def _profile_field(
    column: Column,
    number: int,
    sources: Sequence[Source],
    tables: Sequence[Mapping[str, Column]],
    kinds: Kinds,
) -> FieldProfile:
    kind: Kind = kinds.get(column.name, kind_of(column.name))  # type: ignore[assignment]
    said_by = "user" if column.name in kinds else "field name" if kind != "unknown" else ""
    others = [table[column.name] for k, table in enumerate(tables) if k != number and column.name in table]
    dates = [one.reference_date for one, table in zip(sources, tables, strict=True) if column.name in table]
    doubts, right = doubts_of(column, sources[number].reference_date, others)
    criteria = (
        uniqueness(column.chance_agreement),
        availability(column.n_present, column.n_records),
        accuracy(right),
        stability(kind, dates, len(sources)),
    )
    role, blocks, reason = role_of(criteria)
    key = _key_reason(column, others)
    if key is not None:
        role, blocks, reason = "unsuitable", False, _KEY + key
    bits, share = _entropy(column)
    return FieldProfile(
        name=column.name,
        column=column.column,
        stored=column.stored,
        looks_like=column.looks_like,
        kind=kind,
        kind_from=said_by,
        n_records=column.n_records,
        n_present=column.n_present,
        n_empty=column.n_empty,
        labels=column.labels,
        n_distinct=len(column.values),
        n_once=int((column.counts == 1).sum()),
        entropy=bits,
        entropy_share=share,
        chance_agreement=column.chance_agreement,
        top=_top(column),
        lengths=_lengths(column),
        shapes=column.shapes,
        doubts=doubts,
        criteria=criteria,
        role=role,
        fits_blocking=blocks,
        reason=reason,
    )


def _key_reason(column: Column, others: Sequence[Column]) -> str | None:
    """Why a field is no evidence, where it seems to number records or to be the answer."""
    described = ColumnDescription(
        column.name, len(column.values), 1 - column.n_present / column.n_records, 0.0, column.looks_like
    )
    if is_called_answer(described):
        return "its name says that it is a key or the answer; declare it as id or truth, or call it otherwise"
    unique = len(column.values) == column.n_records > 1
    numbers = unique and names_the_record(described)
    if not (numbers or (is_called_id(described, column.n_records) and column.looks_like != "e-mail")):
        return None
    if any(bool(column.values.is_in(other.values.implode()).any()) for other in others):
        return (
            "it looks like an identifier that both files carry: link on it directly where it names persons, "
            "or declare it as id or truth"
        )
    return "it looks like the number of the record; declare it as id"


def _entropy(column: Column) -> tuple[float | None, float | None]:
    n = column.n_present
    if not n:
        return None, None
    counts = column.counts.astype(np.float64)
    bits = max(0.0, math.log2(n) - float((counts * np.log2(counts)).sum()) / n)
    return bits, bits / math.log2(n) if n > 1 else None


def _top(column: Column) -> tuple[TopValue, ...]:
    """The most common values; one that a single record has is not common, but tells of a person."""
    table = pl.DataFrame({"value": column.values, "n": column.counts}).filter(pl.col("n") > 1)
    first = table.sort("n", descending=True, maintain_order=True).head(TOP)
    return tuple(TopValue(value, n) for value, n in first.iter_rows())


def _lengths(column: Column) -> Lengths | None:
    if not column.n_present:
        return None
    length, n = column.lengths.T
    common = int(np.argmax(n))
    return Lengths(
        int(length[0]),
        int(length[-1]),
        float((length * n).sum()) / column.n_present,
        int(length[common]),
        float(n[common]) / column.n_present,
    )
