"""Who is missed: rates of linkage by subgroup of the records of each source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind
from tallystick.linkage.identify import known_records
from tallystick.linkage.prepare import Known
from tallystick.preparation.normalise import normalise_column
from tallystick.preparation.read import ID_COLUMN, named_column, no_such_column, open_source, read_columns
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared
from tallystick.quality.missed import OTHER, subgroup_rates
from tallystick.quality.proportions import share_with_limits
from tallystick.quality.subgroups import MISSING, Grouping, Quality, Subgroup, default_subgroup, grouped
from tallystick.records.encode import encode_values
from tallystick.records.records import Records, records_of
from tallystick.spec import Spec

_LOOKED_AT = 2000
"""Distinct values of a field that tell what it holds."""

Codes = NDArray[np.integer[Any]]


def residual_rows(known: Known, residuals: pl.DataFrame) -> NDArray[np.int64]:
    """Global rows of the records that a table of residuals names, in its order.

    Parameters
    ----------
    known : Known
        The records.
    residuals : polars.DataFrame
        With ``source`` and ``id``.

    Returns
    -------
    int64 array, shape (n_residuals,)
        -1 for a record that is not there.
    """
    named = residuals.select(pl.col("source", "id").cast(pl.String))
    rows = named.join(known_records(known.records), on=["source", "id"], how="left", maintain_order="left")
    return np.asarray(rows["row"].fill_null(-1).to_numpy(), np.int64)


def unlinked_records(known: Known, residuals: pl.DataFrame) -> NDArray[np.bool_]:
    """Which records a table of residuals names.

    Parameters
    ----------
    known : Known
        The records.
    residuals : polars.DataFrame
        With ``source`` and ``id``.

    Returns
    -------
    bool array, shape (n_records,)
    """
    rows = residual_rows(known, residuals)
    found = np.zeros(known.records.n_records, bool)
    found[rows[rows >= 0]] = True
    return found


def missed_figures(
    known: Known,
    linked: NDArray[np.bool_],
    quality: Quality | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Rates of linkage by subgroup, source by source: what ``quality.json`` holds as ``missed``.

    Parameters
    ----------
    known : Known
        The records.
    linked : bool array, shape (n_records,)
        Which of them have a link.
    quality : Quality, optional
        The subgroups; by default those of the specification.
    names : sequence of str, optional
        Which sources; by default all.

    Returns
    -------
    dict
        ``smallest``, ``level`` (of the intervals), and ``sources``, a dict each: ``source``, ``records``,
        ``linked``, ``rate``, ``rate_low``, ``rate_high`` and ``subgroups``, a dict each: ``name``, ``field``,
        and what `tallystick.quality.missed.subgroup_rates` gives.

    Raises
    ------
    InputError
        Where no source has a field or column, it holds the truth, or its values cannot be put into groups.
    """
    asked = quality or known.spec.quality
    values = Values(known)
    subgroups = asked.subgroups
    if subgroups is None:
        subgroups = default_subgroups(known)
    records, chosen = known.records, names or known.records.sources
    sources = []
    for number, name in enumerate(records.sources):
        if name not in chosen:
            continue
        own = linked[records.rows(number).start : records.rows(number).stop]
        n_linked = int(own.sum())
        tables = []
        for by in subgroups:
            found = values.groups(by, number)
            if found is not None:
                grouping, codes = found
                rates = subgroup_rates(grouping, codes, own, asked.smallest)
                if asked.subgroups is None and {row["group"] for row in rates["groups"]} <= {OTHER, MISSING}:
                    continue  # a default that tells nothing
                tables.append({"name": by.label, "field": by.field, **rates})
        sources.append(
            {
                "source": name,
                "records": len(own),
                "linked": n_linked,
                **share_with_limits("rate", n_linked, len(own)),
                "subgroups": tables,
            }
        )
    return {"level": 0.95, "smallest": asked.smallest, "sources": sources}


def known_of_ids(spec: Spec, kind: Kind, ids: pl.DataFrame) -> Known:
    """Records of which nothing but their ids is read: columns are, when they are asked for (`Values`).

    Parameters
    ----------
    spec : Spec
        With the sources.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records were compared.
    ids : polars.DataFrame
        ``source`` and ``id`` of the records.

    Returns
    -------
    Known
    """
    names = [source.name for source in spec.sources]
    parts = [ids.filter(pl.col("source") == name)["id"].cast(pl.String) for name in names]
    return Known(spec, kind, (), records_of(names, pl.concat(parts), [len(part) for part in parts], {}))


def check_subgroups(spec: Spec, sources: Sequence[Source], kind: Kind, records: Records) -> None:
    """Raise `InputError` where the subgroups of a specification cannot be told apart, before a run.

    Parameters
    ----------
    spec : Spec
        The specification.
    sources : sequence of Source
        What is linked.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    records : Records
        The records.
    """
    values = Values(Known(spec.model_copy(update={"sources": tuple(sources)}), kind, (), records))
    for by in spec.quality.subgroups or ():
        for number in range(len(sources)):
            values.groups(by, number)


def default_subgroups(known: Known) -> tuple[Subgroup, ...]:
    """What records are told apart by where a specification does not say (see `default_subgroup`)."""
    found = [
        default_subgroup(name, column.values[0].slice(1, _LOOKED_AT))
        for name, column in known.records.columns.items()
    ]
    return tuple(one for one in found if one is not None)


@dataclass(frozen=True)
class Values:
    """Values of fields and columns of records, in groups; what the linkage has not read is read now.

    Attributes
    ----------
    known : Known
        The records.
    """

    known: Known
    _read: dict[str, dict[int, tuple[Codes, pl.Series]]] = field(default_factory=dict, repr=False)
    _grouped: dict[tuple[Subgroup, int], Grouping] = field(default_factory=dict, repr=False)

    def groups(self, by: Subgroup, source: int) -> tuple[Grouping, Codes] | None:
        """The groups of distinct values, and the values of the records of a source; None where it has none.

        Parameters
        ----------
        by : Subgroup
            What is asked for.
        source : int
            Number of the source.

        Returns
        -------
        (Grouping, integer array of shape (n_records of the source,)) or None
        """
        records = self.known.records
        reference = self.known.spec.sources[source].reference_date
        if by.field in records.columns:
            column, rows = records.columns[by.field], records.rows(source)
            # Distinct values are of all sources, so that they are grouped once; ages are as of a day.
            key = (by, source if by.age else -1)
            if key not in self._grouped:
                self._grouped[key] = grouped(column.values[0], by, reference)
            return self._grouped[key], column.codes[rows.start : rows.stop]
        found = self._columns_of(by.field).get(source)
        if found is None:
            return None
        codes, values = found
        return grouped(values, by, reference), codes

    def _columns_of(self, name: str) -> dict[int, tuple[Codes, pl.Series]]:
        """Codes and distinct values of a column that the linkage does not read, by source."""
        if name not in self._read:
            spec, records = self.known.spec, self.known.records
            found: dict[int, tuple[Codes, pl.Series]] = {}
            for number, values in enumerate(column_of_sources(spec, self._sources, name)):
                if values is None:
                    continue
                rows = records.rows(number)
                ids = records.ids[rows.start : rows.stop].to_frame("id")
                own = ids.join(values, on="id", how="left", maintain_order="left")["value"]
                found[number] = encode_values(own)
            self._read[name] = found
        return self._read[name]

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        return as_prepared(self.known.spec.sources, self.known.spec.prepare)


def column_of_sources(spec: Spec, sources: Sequence[Source], name: str) -> list[pl.DataFrame | None]:
    """A field or column of each source: ``id`` and ``value`` as text in one form; None where it has none.

    Parameters
    ----------
    spec : Spec
        How fields are normalised.
    sources : sequence of Source
        The sources.
    name : str
        A field, or a column.

    Returns
    -------
    list of polars.DataFrame or None

    Raises
    ------
    InputError
        Where no source has it, or it holds the truth.
    """
    found: list[pl.DataFrame | None] = []
    for source in sources:
        column = named_column(source, open_source(source).columns, name)
        if column is None:
            found.append(None)
            continue
        frame = read_columns(source, [column])
        text, _ = normalise_column(frame[column], spec.fields.get(name), spec.normalise)
        found.append(pl.DataFrame({"id": frame[ID_COLUMN], "value": text}))
    if not any(one is not None for one in found):
        raise no_such_column(sources, name)
    return found
