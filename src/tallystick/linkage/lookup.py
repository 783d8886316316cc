"""One record against an encoded file, value by value: no pair is compared twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.similarity import PairFacts, unit_similarities
from tallystick.comparisons.value_frequencies import shares_of
from tallystick.errors import InputError
from tallystick.estimation.settings import Estimation
from tallystick.linkage.prepare import as_sources, read_records
from tallystick.preparation.normalise import normalise_column
from tallystick.preparation.read import Table
from tallystick.records.encode import encode
from tallystick.records.records import Column, Records
from tallystick.spec import Spec

if TYPE_CHECKING:
    from tallystick.linkage.model import Model


@dataclass(frozen=True)
class Index:
    """A table that is read and encoded once for many look-ups.

    Attributes
    ----------
    records : Records
        Its records.
    columns : mapping of tuple of str to Column
        The columns on which comparisons need it, fields taken together where they are.
    comparisons : tuple of Comparison
        The comparisons, symmetric where the model is one of deduplication.
    """

    records: Records
    columns: Mapping[tuple[str, ...], Column]
    comparisons: tuple[Comparison, ...]


def make_index(model: Model, table: Any) -> Index:
    """Read and encode a table (see `Model.index`)."""
    spec = _without_passes(model.spec)
    return _index(model, read_records(spec, as_sources([table])).records)


def index_of_records(model: Model, records: Sequence[Mapping[str, Any]], name: str) -> Index:
    """Encode records given as field to value."""
    return _index(model, encode([_table(model.spec, records, name)]))


def _index(model: Model, records: Records) -> Index:
    within = model.spec.kind in ("dedupe", "link_and_dedupe")
    comparisons = tuple(one.symmetric() if within else one for one in model.spec.comparisons)
    needed = {leaf.right for one in comparisons for leaf in one.leaves()}
    return Index(records, {fields: records.column(fields) for fields in needed}, comparisons)


def _without_passes(spec: Spec) -> Spec:
    return spec.model_copy(update={"passes": (), "estimation": Estimation()})


def _table(spec: Spec, records: Sequence[Mapping[str, Any]], name: str) -> Table:
    """Records as a standardised table; a field that is absent is missing."""
    fields = _without_passes(spec).fields_used
    for record in records:
        if unknown := sorted(set(record) - set(spec.fields_used)):
            raise InputError(
                f"Record {name} has the field {unknown[0]!r}, which the linkage does not use; "
                f"it uses {', '.join(fields)}."
            )
    values = {}
    for field in fields:
        raw = pl.Series(field, [record.get(field) for record in records])
        if raw.dtype == pl.Null:
            raw = raw.cast(pl.String)
        values[field] = normalise_column(raw, spec.fields.get(field), spec.normalise)[0].alias(field)
    ids = pl.Series("id", [str(k + 1) for k in range(len(records))])
    return Table(name, ids, values, sha256="")


def compare_one(
    model: Model, record: Mapping[str, Any], index: Index
) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[int, NDArray[np.float64]]]:
    """Compare one record with every record of an index.

    Parameters
    ----------
    model : Model
        The model.
    record : mapping of str to value
        The record.
    index : Index
        The table.

    Returns
    -------
    weights : float64 array, shape (n_records,)
    patterns : int64 array, shape (n_records,)
    terms : dict of int to float64 array, shape (n_records,)
        What the values themselves add to the weight, by number of the comparison (see `linking.terms`).
    """
    one = encode([_table(model.spec, [record], "a")])
    digits = np.empty((index.records.n_records, len(index.comparisons)), np.uint8)
    terms = {}
    for number, comparison in enumerate(index.comparisons):
        levels = np.zeros(index.records.n_records, np.int64)
        radix = 1
        similarity = np.full(index.records.n_records, np.nan)
        for leaf in comparison.leaves():
            right = index.columns[leaf.right]
            left = one.column(leaf.left)
            measure = comparison.measure(leaf, left.values, right.values, False)
            by_value = np.empty(right.n_values + 1, np.uint8)
            code = np.full(len(by_value), left.codes[0], np.int32)
            measure.levels(code, np.arange(len(by_value), dtype=np.int32), by_value)
            levels += radix * by_value[right.codes].astype(np.int64)
            radix *= leaf.comparator.n_levels + 1
            if comparison.interpolation is not None:
                alike = unit_similarities(measure, code, np.arange(len(by_value), dtype=np.int32))
                similarity = np.fmax(similarity, alike[right.codes])
        combination = comparison.combination()
        digits[:, number] = levels if combination is None else combination[levels]
        own = model.parameters.comparisons[number]
        if own.has_terms:
            sides = None
            if comparison.value_frequencies is not None:
                a, b = (shares_of(column.values[0], comparison.shares) for column in (left, right))
                sides = np.full(len(digits), a[left.codes[0]]), b[right.codes]
            terms[number] = own.terms(digits[:, number], PairFacts(similarity, sides))
    # Where there are several pairs of sources nobody knows which one a record is of.
    pair = np.zeros(len(digits), np.int64) if len(model.parameters.pairs) == 1 else None
    parameters = model.parameters
    return parameters.weights(digits, pair, terms), parameters.coding.encode(digits), terms


def lookup(model: Model, record: Mapping[str, Any], index: Index, most: int) -> pl.DataFrame:
    """The best records of an index for one record (see `Model.lookup`)."""
    weights, patterns, _ = compare_one(model, record, index)
    order = np.lexsort((np.arange(len(weights)), -weights))[:most]
    columns: dict[str, Any] = {"id": index.records.ids.gather(order), "weight": weights[order]}
    if len(model.parameters.pairs) == 1:
        columns["posterior"] = model.parameters.posterior(weights[order], np.zeros(len(order), np.int64))
    columns["pattern"] = model.parameters.coding.texts(patterns[order])
    return pl.DataFrame(columns)
