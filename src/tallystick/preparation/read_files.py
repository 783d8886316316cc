"""Parquet, JSON lines, Excel, SAS, SPSS and Stata files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.opened import Opened, need
from tallystick.preparation.source import Source


def open_parquet(source: Source, path: Path) -> Opened:
    """A Parquet file; values keep their types."""
    try:
        lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        names = tuple(lazy.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(source, "a Parquet", error) from error

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        try:
            return _head(lazy.select(columns), limit).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(source, "a Parquet", error) from error

    return Opened(names, read)


def open_jsonl(source: Source, path: Path) -> Opened:
    """A file with one JSON object a line.

    Types are told from all of its lines: a column of numbers stays one, one of numbers and texts is text.
    """
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source.shown}: line {line} is not valid UTF-8; convert the file to UTF-8."
        ) from None
    try:
        frame = pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise _bad_line(source, content, error) from error

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        return frame.select(columns).head(frame.height if limit is None else limit)

    return Opened(tuple(frame.columns), read)


def _bad_line(source: Source, content: bytes, error: Exception) -> InputError:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            good = isinstance(json.loads(line), dict)
        except ValueError:
            good = False
        if not good:
            return InputError(f"{source.shown}: line {number} is not a JSON object; correct or remove it.")
    return _unreadable(source, "a JSON lines", error)


def open_excel(source: Source, path: Path) -> Opened:
    """A sheet of an Excel file. Cells that hold an error (#N/A) are missing."""
    fastexcel = need("fastexcel", source.shown, "reading Excel files", "excel")
    try:
        book = fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise _unreadable(source, "an Excel", error) from error
    if source.sheet is not None and source.sheet not in book.sheet_names:
        raise InputError(
            f"{source.shown}: there is no sheet {source.sheet!r}; the file has {_listed(book.sheet_names)}."
        )
    header_row = None if source.header is False else 0
    sheet = source.sheet if source.sheet is not None else 0
    found = book.load_sheet(sheet, header_row=header_row, n_rows=0).available_columns()
    names = [f"column_{c.index + 1}" if header_row is None else c.name.strip() for c in found]

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        places = {name: found[names.index(name)].index for name in columns}
        loaded = book.load_sheet(
            sheet,
            header_row=header_row,
            n_rows=limit,
            schema_sample_rows=None,
            use_columns=sorted(places.values()),
        )
        in_order = sorted(places, key=lambda name: places[name])
        frame = pl.DataFrame(loaded)
        return frame.rename(dict(zip(frame.columns, in_order, strict=True))).select(columns)

    return Opened(tuple(names), read)


def open_statistics(source: Source, path: Path) -> Opened:
    """A SAS, SPSS or Stata file. Values are the codes, not their labels."""
    kind = source.kind or ""
    pyreadstat = need("pyreadstat", source.shown, f"reading {_STATISTICS[kind]} files", "statistics")
    reader: Callable[..., tuple[pl.DataFrame, Any]] = {
        ".sas7bdat": pyreadstat.read_sas7bdat,
        ".xpt": pyreadstat.read_xport,
        ".sav": pyreadstat.read_sav,
        ".zsav": pyreadstat.read_sav,
        ".por": pyreadstat.read_por,
        ".dta": pyreadstat.read_dta,
    }.get(path.suffix.lower(), getattr(pyreadstat, _READERS[kind]))
    options = {} if source.encoding is None else {"encoding": source.encoding}

    def load(**more: Any) -> tuple[pl.DataFrame, Any]:
        try:
            return reader(path, output_format="polars", **options, **more)
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, LookupError, UnicodeError) as error:
            raise _unreadable(source, f"a {_STATISTICS[kind]}", error) from error

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        frame, _ = load(usecols=list(columns), row_limit=limit or 0)
        return frame.select(columns)

    return Opened(tuple(load(metadataonly=True)[1].column_names), read)


_STATISTICS = {"sas": "SAS", "spss": "SPSS", "stata": "Stata"}
_READERS = {"sas": "read_sas7bdat", "spss": "read_sav", "stata": "read_dta"}


def _head(lazy: pl.LazyFrame, limit: int | None) -> pl.LazyFrame:
    return lazy if limit is None else lazy.head(limit)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _unreadable(source: Source, kind: str, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        f"{source.shown}: the file is not {kind} file or is damaged ({reason}); check its format."
    )
