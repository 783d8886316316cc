"""From sources to records and a plan of their pairs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclasses_field
from functools import cache
from threading import Thread
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick._progress import Progress, silent
from tallystick.blocking.limits import check_pairs
from tallystick.blocking.passes import PairTable
from tallystick.blocking.plan import Kind
from tallystick.blocking.sizes import large_block_warnings
from tallystick.comparisons.dictionaries import dictionary_files
from tallystick.comparisons.plan import with_frequencies
from tallystick.errors import InputError, TallystickWarning
from tallystick.estimation.labelled import Labels
from tallystick.linkage.cover import check_cover
from tallystick.linkage.duplicates import Duplicates, checked_duplicates
from tallystick.linkage.identify import pair_source, read_pair_table
from tallystick.linkage.preparing import prepared_raws
from tallystick.linkage.rate import measured_rate
from tallystick.linkage.same_files import check_different
from tallystick.linkage.value_tables import with_value_tables
from tallystick.patterns.plan import DEFAULT_MEMORY, PairPlan, plan_pairs
from tallystick.preparation.nicknames import dictionary_of
from tallystick.preparation.prepared import PreparedTable
from tallystick.preparation.read import RawTable, TableFacts, read_raw
from tallystick.preparation.source import Source
from tallystick.records.encode import encode_forms, encode_jointly, encode_values
from tallystick.records.records import Column, Records, records_of
from tallystick.spec import Spec
from tallystick.spec.readers import readers
from tallystick.spec.step_checks import require_steps

Rows = NDArray[np.int32]
Listed = Mapping[int, tuple[Rows, Rows]]
"""For each pass that is a table its pairs as global rows, left < right."""


@dataclass(frozen=True)
class Encoded:
    """Sources read and encoded; their text is held no longer.

    Attributes
    ----------
    inputs : tuple of TableFacts
        What is known of each source.
    records : Records
        Their records.
    prepared_sources : tuple of PreparedTable
        What was done to each source, where there is a preparation.
    """

    inputs: tuple[TableFacts, ...]
    records: Records
    prepared_sources: tuple[PreparedTable, ...] = ()


@dataclass(frozen=True)
class Known:
    """Records that are read and encoded: what a run tells of them, however they are linked.

    Attributes
    ----------
    spec : Spec
        The specification, its sources those that were read.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    inputs : tuple of TableFacts
        What is known of each source.
    records : Records
        Their records.
    prepared_sources : tuple of PreparedTable
        What was done to each source, where there is a preparation.
    """

    spec: Spec
    kind: Kind
    inputs: tuple[TableFacts, ...]
    records: Records
    prepared_sources: tuple[PreparedTable, ...] = dataclasses_field(default=(), kw_only=True)

    @property
    def names_sources(self) -> bool:
        """Whether a row of links has to name the sources of its records."""
        return len(self.records.sources) > 2 or self.kind == "link_and_dedupe"

    def source_of(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Number of the source of each global row."""
        return np.asarray(np.searchsorted(self.records.offsets, rows, side="right") - 1, np.int64)


@dataclass(frozen=True)
class Prepared(Known):
    """Records that are read and encoded, and the plan of their pairs.

    Attributes
    ----------
    spec, kind, inputs, records
        As of `Known`.
    plan : PairPlan
        The plan.
    labels : Labels, optional
        Labelled pairs to estimate with (`tallystick.linkage.labels.with_labels`).
    listed : mapping of int to (left, right)
        For each pass that is a table its pairs as global rows, left < right.
    duplicates : tuple of Duplicates
        Equal records of each source that is declared to be without duplicates.
    """

    plan: PairPlan
    labels: Labels | None = None
    listed: Listed = dataclasses_field(default_factory=dict)
    duplicates: tuple[Duplicates, ...] = ()


def as_sources(inputs: Sequence[Any], declared: Sequence[Source] = ()) -> tuple[Source, ...]:
    """Sources of what a user passes: `Source` objects, tables, or paths.

    Parameters
    ----------
    inputs : sequence
        Sources, tables or paths; where there is none the declared sources are taken.
    declared : sequence of Source
        Those of the specification.

    Returns
    -------
    tuple of Source
        A table or path without a name is called by its place: ``a``, ``b``, ...

    Raises
    ------
    InputError
        Where there is neither.
    """
    if not inputs and not declared:
        raise InputError("There is no source: give tables or files, or [[sources]] in the specification.")
    result = []
    for number, one in enumerate(inputs):
        name = declared[number].name if len(declared) == len(inputs) else chr(ord("a") + number % 26)
        if isinstance(one, Source):
            result.append(one)
        elif isinstance(one, str) or hasattr(one, "__fspath__"):
            result.append(Source(name=name, path=one))
        else:
            result.append(Source(name=name, table=one))
    return tuple(result) or tuple(declared)


def read_records(
    spec: Spec,
    sources: Sequence[Source],
    threads: int | None = None,
    progress: Progress = silent,
    fields: Sequence[str] | None = None,
) -> Encoded:
    """Read, standardise and encode the fields that a specification uses, and nothing else.

    Parameters
    ----------
    spec : Spec
        The specification.
    sources : sequence of Source
        What to read.
    threads : int, optional
        Number of fields encoded at a time.
    progress : Progress
        Told the number of sources done and to do.
    fields : sequence of str, optional
        Which fields; by default those that comparisons, passes, rules, and match keys that come first read.

    Returns
    -------
    Encoded
    """
    wanted = fields
    if wanted is None:  # pairs will be compared
        wanted = spec.fields_named if spec.by_steps else spec.fields_used
        _load_kernels()
    if spec.match is not None and spec.match.nicknames is not None:
        dictionary_of(
            spec.match.nicknames, "match.nicknames, "
        )  # a list that cannot be used is told before anything is read
    for one in spec.comparisons:
        dictionary_of(tuple(dictionary_files(one.comparator)), f'comparison "{one.name}", nicknames, ')
    who = readers(spec)
    raws: list[RawTable] = []
    prepared_sources: tuple[PreparedTable, ...] = ()
    if spec.prepare is not None:
        processes = threads or os.cpu_count() or 1
        raws, prepared_sources = prepared_raws(spec.prepare, sources, wanted, who, processes, progress)
    else:
        progress("reading", 0, len(sources))
        for number, source in enumerate(sources, start=1):
            raws.append(read_raw(source, wanted, who))
            progress("reading", number, len(sources))
    check_different(sources, [raw.sha256 for raw in raws], wanted)
    fields = list(raws[0].columns)
    # Text is let go field by field: together they are the most that a linkage ever holds.
    held = [dict(raw.columns) for raw in raws]
    raws = [replace(raw, columns={}) for raw in raws]

    def encoded(field: str) -> tuple[Column, list[int]]:
        found = [
            _encode(raw, columns.pop(field), field, spec) for raw, columns in zip(raws, held, strict=True)
        ]
        return encode_jointly([(codes, distinct) for codes, distinct, _ in found]), [bad for *_, bad in found]

    columns, unreadable = {}, []
    for field, (column, bad) in zip(fields, run_units(encoded, fields, threads), strict=True):
        columns[field] = column
        unreadable.append(bad)
    records = records_of(
        tuple(raw.source.name for raw in raws),
        pl.concat([raw.ids.alias("id") for raw in raws]),
        [len(raw.ids) for raw in raws],
        columns,
        [number for number, raw in enumerate(raws) if raw.source.duplicate_free],
    )
    facts = []
    for number, raw in enumerate(raws):
        own = records.rows(number)
        present = {
            field: int(np.count_nonzero(column.codes[own.start : own.stop]))
            for field, column in columns.items()
        }
        bad_by_field = {
            field: bad[number] for field, bad in zip(fields, unreadable, strict=True) if bad[number]
        }
        raw.check({field: len(own) - n for field, n in present.items()}, bad_by_field, spec.fields)
        shares = {field: n / max(1, len(own)) for field, n in present.items()}
        facts.append(TableFacts(raw.source.name, len(own), raw.sha256, bad_by_field, shares))
    return Encoded(tuple(facts), records, prepared_sources)


@cache
def _load_kernels() -> None:
    """Begin to load what compiled code needs, in the background, once in a process.

    Numba takes most of a second to be ready. Reading a file leaves the interpreter to others meanwhile.
    """

    def load() -> None:
        from tallystick.comparisons.kernels_levels import gather

        nothing = np.zeros(1, np.int32)
        gather(nothing, nothing, nothing)

    Thread(target=load, daemon=True).start()


def _encode(raw: RawTable, column: pl.Series, field: str, spec: Spec) -> tuple[Rows, pl.Series, int]:
    """Codes and distinct values of one field of one source, and how many of its values cannot be read."""
    settings = spec.fields.get(field)
    column = column.alias(field)
    if column.dtype == pl.String and (settings is None or settings.type == "text"):
        codes, distinct = encode_forms(column, lambda texts: raw.one_form(texts, settings, spec.normalise)[0])
        return codes, distinct, 0
    text, bad = raw.one_form(column, settings, spec.normalise)
    return (*encode_values(text), bad)


def prepare_inputs(
    spec: Spec, inputs: Sequence[Any], *, memory: int | None, threads: int | None, progress: Progress
) -> Prepared:
    """`prepare` what a user passes to a fitted linkage: one source, table or path for each of its sources."""
    return prepare(
        spec, as_sources(inputs), memory=memory or DEFAULT_MEMORY, threads=threads, progress=progress
    )


def prepare(
    spec: Spec,
    sources: Sequence[Source],
    *,
    memory: int = DEFAULT_MEMORY,
    threads: int | None = None,
    progress: Progress = silent,
    encoded: Encoded | None = None,
    limited: bool = True,
    unlisted: Sequence[int] = (),
) -> Prepared:
    """Read, encode and plan.

    Parameters
    ----------
    spec : Spec
        The specification.
    sources : sequence of Source
        What is linked.
    memory : int
        Bytes that whole level tables may take together.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the reading is.
    encoded : Encoded, optional
        The sources where they have been read already.
    limited : bool
        Refuse passes that make more than `Spec.most_pairs` pairs. Where match keys come first neither that
        nor large blocks are looked at: which records the passes see is known later
        (`step_plan.step_records`).
    unlisted : sequence of int
        Numbers of passes by a table that has no pair of these sources, and is not read.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        Where a source, a field or a table of pairs cannot be used, a source that is declared to be without
        duplicates has many, or the passes make too many pairs.

    Warns
    -----
    TallystickWarning
        Where a source that is declared to be without duplicates has some, or a block of a pass is large (see
        `tallystick.blocking.key_pairs.LARGE_BLOCK`).
    """
    kind = spec.kind_of(len(sources))
    encoded = encoded or read_records(spec, sources, threads, progress)
    records = encoded.records
    check_cover(spec, sources, [table.n_rows for table in encoded.inputs])
    if spec.by_steps:
        require_steps(spec.model_copy(update={"sources": tuple(sources)}), len(sources))
    duplicates = checked_duplicates(records, spec.fields_used)
    spec = with_value_tables(spec)
    listed = read_listed(spec, records, kind, unlisted)
    spec = spec.model_copy(update={"comparisons": with_frequencies(spec.comparisons, records)})
    progress("preparing comparisons", 0, 1)
    # Of sequential passes the records as a whole have the plan of the first step: others see what it leaves.
    chosen = range(len(spec.passes)) if spec.mode == "union" else spec.pass_numbers(spec.all_steps[0])
    plan = plan_pairs(
        records,
        spec.comparisons,
        [spec.passes[k] for k in chosen],
        kind,
        listed={place: listed[k] for place, k in enumerate(chosen) if k in listed},
        memory=memory,
        threads=threads,
        seed=spec.seed,
    )
    progress("preparing comparisons", 1, 1)
    if not (spec.by_steps and spec.match is not None):
        rate = cache(lambda: measured_rate(plan, threads, seconds=0.25).seconds(1))
        for text in large_block_warnings(plan.blocking, records, rate):
            warnings.warn(text, TallystickWarning, stacklevel=2)
        if limited and plan.blocking.pairs_to_visit() > spec.most_pairs:
            check_pairs(plan.blocking, records, spec.most_pairs, rate())
    spec = spec.model_copy(update={"sources": tuple(sources)})
    return Prepared(
        spec,
        kind,
        encoded.inputs,
        records,
        plan,
        listed=listed,
        duplicates=duplicates,
        prepared_sources=encoded.prepared_sources,
    )


def read_listed(spec: Spec, records: Records, kind: Kind, unlisted: Sequence[int] = ()) -> Listed:
    """Read the pairs of the passes that are tables.

    Parameters
    ----------
    spec : Spec
        The specification.
    records : Records
        The records.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    unlisted : sequence of int
        Numbers of passes whose table is not read, and gives no pair.

    Returns
    -------
    mapping of int to (left, right)
        For each pass that is a table its pairs as global rows, left < right, each pair once.
    """
    none = np.zeros(0, np.int32), np.zeros(0, np.int32)
    return {
        number: none if number in unlisted else _read_pairs(one, records, kind)
        for number, one in enumerate(spec.passes)
        if isinstance(one, PairTable)
    }


def _read_pairs(one: PairTable, records: Records, kind: Kind) -> tuple[Rows, Rows]:
    """A table of candidate pairs as global rows, left < right."""
    _, left, right = read_pair_table(pair_source(one), records, kind)
    distinct = np.unique(left.astype(np.int64) * records.n_records + right)
    return (distinct // records.n_records).astype(np.int32), (distinct % records.n_records).astype(np.int32)
