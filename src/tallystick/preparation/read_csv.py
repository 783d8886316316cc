"""CSV files: polars parses them, after every row has been looked at (see `csv_rows`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.csv_rows import Dialect, check_rows, detect_dialect
from tallystick.preparation.opened import Opened
from tallystick.preparation.source import Source

_UTF8 = ("utf8", "utf8sig", "ascii", "usascii")


def open_csv(source: Source, path: Path) -> Opened:
    """Find out how a CSV file is written.

    Parameters
    ----------
    source : Source
    path : path
        An existing file that is not empty.

    Returns
    -------
    Opened
        Reads all values as text; a value without any character is "".

    Raises
    ------
    InputError
        Here or on reading: see `detect_dialect` and `check_rows`.
    """
    content = _transcoded(source, path)
    with _start(content) as file:
        dialect = detect_dialect(
            file, source.shown, delimiter=source.delimiter, quote=source.quote, header=source.header
        )

    def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        with _start(content) as file:
            rows = check_rows(file, dialect, source.shown, limit)
        return _parse(content, dialect, source.shown, columns, rows if limit is None else min(rows, limit))

    hint = ""
    if not dialect.header and source.header is None:
        hint = "the first row was taken for data, so if it is a header set header = true"
    return Opened(dialect.names, read, hint)


def _transcoded(source: Source, path: Path) -> Path | bytes:
    """The path of a file in UTF-8, or the content of another one as UTF-8."""
    encoding = source.encoding
    if encoding is None or encoding.lower().replace("-", "").replace("_", "") in _UTF8:
        return path
    try:
        return path.read_bytes().decode(encoding).encode()
    except LookupError:
        raise InputError(
            f"{source.shown}: there is no encoding {encoding!r}; use for example utf-8, cp1252, latin-1 or "
            "utf-16."
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source.shown}: the file is not in {encoding}: the byte at position {error.start} does not "
            "fit; give its true encoding."
        ) from None


def _start(content: Path | bytes) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def _parse(
    content: Path | bytes, dialect: Dialect, shown: str, columns: Sequence[str], rows: int
) -> pl.DataFrame:
    # The header is parsed as a row and left out: our names for the columns are then the only ones.
    places = [dialect.names.index(column) for column in columns]
    try:
        frame = (
            pl.scan_csv(
                content,
                has_header=False,
                schema={str(i): pl.String for i in range(len(dialect.names))},
                separator=dialect.delimiter,
                quote_char=dialect.quote or None,
                eol_char=dialect.end,
                empty_string_is_null=False,
                glob=False,
            )
            .slice(int(dialect.header), rows)
            .select(pl.col(str(place)).alias(column) for place, column in zip(places, columns, strict=True))
            .collect()
        )
    except pl.exceptions.PolarsError as error:
        # The parser's own words would show values.
        raise InputError(
            f"{shown}: the file cannot be parsed as CSV; look for stray quotes, or set "
            'quote = "" if quotes are ordinary characters here.'
        ) from error
    if frame.height != rows:
        raise InputError(
            f"{shown}: {rows:,} rows were counted but {frame.height:,} parsed; look for stray quotes, or set "
            'quote = "" if quotes are ordinary characters here.'
        )
    return frame
