"""From ids in a user's table of pairs to global rows."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._files import file_sha256
from tallystick.blocking.passes import AnyPass, PairTable
from tallystick.blocking.plan import Kind, source_pairs
from tallystick.errors import InputError, TallystickWarning
from tallystick.preparation.read import ID_COLUMN, open_source, read_columns
from tallystick.preparation.source import Source
from tallystick.records.records import Records

Rows = NDArray[np.int32]


def pair_columns(n_sources: int, kind: Kind) -> list[str]:
    """Columns that identify pairs of records: sources are named where ids alone do not tell them.

    Examples
    --------
    >>> pair_columns(2, "link"), len(pair_columns(3, "link"))
    (['id_left', 'id_right'], 4)
    """
    several = n_sources > 2 or kind == "link_and_dedupe"
    return ["id_left", "id_right"] + (["source_left", "source_right"] if several else [])


def pair_source(one: PairTable) -> Source:
    """Where the pairs of a pass are listed."""
    if one.path is not None:
        return Source(name="pairs", path=Path(one.path))
    return Source(name="pairs", uri=one.uri, query=one.query, id="id_left")


def pairs_sha256(source: Source) -> str:
    """A digest of a table of pairs: of the bytes of a file, or of the rows of a query, in whatever order."""
    opened = open_source(source)  # which says what is wrong with it
    if source.path is not None:
        return file_sha256(source.path)
    rows = opened.read(opened.columns, None).select(pl.all().cast(pl.String))
    return hashlib.sha256(rows.sort(pl.all()).write_csv().encode()).hexdigest()


def tables_of_old(passes: Sequence[AnyPass], needed: Sequence[str]) -> list[int]:
    """Numbers of the passes by a table that lists pairs of the old files alone, when a new file is added.

    Parameters
    ----------
    passes : sequence of passes
        The passes.
    needed : sequence of str
        The columns that identify pairs of all files (`pair_columns`).

    Returns
    -------
    list of int

    Warns
    -----
    TallystickWarning
        For each of them.
    """
    found = []
    for number, one in enumerate(passes):
        if not isinstance(one, PairTable) or set(needed) <= set(open_source(pair_source(one)).columns):
            continue
        found.append(number)
        warnings.warn(
            f"Pass {one.label} is a table of pairs without source_left and source_right, so one of the files "
            "before: it finds no pair of the new file; name the sources in it to list such pairs.",
            TallystickWarning,
            stacklevel=3,
        )
    return found


def read_pair_table(
    path: str | Path | Source, records: Records, kind: Kind, more: Sequence[str] = ()
) -> tuple[pl.DataFrame, Rows, Rows]:
    """A user's table of pairs, its records found.

    Parameters
    ----------
    path : path or Source
        A CSV or Parquet file, or a query, with the columns of `pair_columns`.
    records : Records
        The records.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    more : sequence of str
        Further columns that are read where the file has them.

    Returns
    -------
    frame : polars.DataFrame
        The columns as text, in the order of the file.
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.

    Raises
    ------
    InputError
        Where an id belongs to no record, or a pair is one that a linkage of this kind does not compare.
    """
    source = path if isinstance(path, Source) else Source(name="pairs", path=Path(path))
    path = source.shown
    columns = pair_columns(len(records.sources), kind)
    have = open_source(source).columns if more else ()
    columns += [name for name in more if name in have]
    if source.uri is None:
        frame = read_columns(source, columns).drop(ID_COLUMN)
    else:  # whose id_left is the id of a record, and not of a row of this table
        opened = open_source(source)
        if lacking := [name for name in columns if name not in opened.columns]:
            raise InputError(f"{path}: the query gives no column {lacking[0]!r}: name it in the SELECT.")
        frame = opened.read(columns, None)
    frame = frame.select(pl.col(columns).cast(pl.String).str.strip_chars())
    left, right = _rows(path, frame, records)
    _check_kinds(path, records, kind, left, right)
    return frame, left, right


def known_records(records: Records) -> pl.DataFrame:
    """Every record: ``source``, ``id`` and its global ``row``."""
    return pl.DataFrame(
        {
            "source": np.repeat(np.array(records.sources), np.diff(records.offsets)),
            "id": records.ids,
            "row": np.arange(records.n_records, dtype=np.int32),
        }
    )


def rows_of_side(frame: pl.DataFrame, known: pl.DataFrame, side: str, only: str) -> pl.Series:
    """Global rows of one side of a table of pairs, null where there is no such record.

    Parameters
    ----------
    frame : polars.DataFrame
        With ``id_left``, ``id_right``, and where ids do not tell records ``source_left``, ``source_right``.
    known : polars.DataFrame
        What `known_records` gives.
    side : {"left", "right"}
        Which.
    only : str
        The source of that side, where the table names none.

    Returns
    -------
    polars.Series
        int32, in the order of the table.
    """
    named = pl.col(f"source_{side}") if f"source_{side}" in frame.columns else pl.lit(only)
    wanted = frame.select(named.alias("source"), pl.col(f"id_{side}").alias("id"))
    return wanted.join(known, on=["source", "id"], how="left", maintain_order="left")["row"]


def _rows(path: str | Path, frame: pl.DataFrame, records: Records) -> tuple[Rows, Rows]:
    """Global rows of the pairs, left < right."""
    known = known_records(records)
    several = "source_left" in frame.columns

    def found(side: str, only: str) -> pl.Series:
        return rows_of_side(frame, known, side, only)

    first, last = records.sources[0], records.sources[-1]
    rows = []
    for side, only, other in (("left", first, last), ("right", last, first)):
        own = found(side, only)
        if own.null_count():
            line = int(own.is_null().arg_true()[0]) + 1
            if not several and found(side, other)[line - 1] is not None:
                raise InputError(
                    f"{path}: row {line} has a record of source {other!r} in id_{side}, where one of "
                    f"{only!r} belongs: id_left and id_right are the wrong way round; swap the names of the "
                    "columns."
                )
            raise InputError(
                f"{path}: {own.null_count()} of {len(frame)} values of id_{side} belong to no record, "
                f"first in row {line}: check that it holds record ids of the sources, and "
                "none of a record that a preparation takes out."
            )
        rows.append(own.to_numpy())
    return np.minimum(*rows), np.maximum(*rows)


def _check_kinds(path: str | Path, records: Records, kind: Kind, left: Rows, right: Rows) -> None:
    n_sources = len(records.sources)
    sources = np.searchsorted(records.offsets, np.stack([left, right]), side="right") - 1
    allowed = [s * n_sources + t for s, t in source_pairs(n_sources, kind, records.duplicate_free)]
    wrong = np.flatnonzero(~np.isin(sources[0] * n_sources + sources[1], allowed) | (left == right))
    if len(wrong):
        raise InputError(
            f"{path}: row {wrong[0] + 1} pairs records that a linkage of kind {kind!r} does not compare "
            f"({len(wrong)} such rows): take them out."
        )
