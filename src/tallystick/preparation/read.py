"""The one gate through which records come in."""

from __future__ import annotations

import difflib
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tallystick._files import file_sha256
from tallystick._problems import nearest
from tallystick.errors import InputError, TallystickWarning
from tallystick.preparation.normalise import FieldSettings, Normalise, normalise_column
from tallystick.preparation.opened import Opened
from tallystick.preparation.source import Source, is_pandas

ID_COLUMN = "__id__"
"""Name of the first column of what `read_columns` gives."""

_OF_IDS = Normalise(casefold=False, nfc=False, dates=False)
_OF_HASH = Normalise(
    trim=False, casefold=False, nfc=False, empty_is_missing=False, integers=False, dates=False
)
_FEW = 12
_HASHED_ROWS = 1_000_000


@dataclass(frozen=True)
class TableFacts:
    """What is known of a source once it has been read, when its text is no longer at hand.

    Attributes
    ----------
    name, n_rows, sha256, unreadable
        As of `Table`.
    completeness : mapping of str to float
        Field to the share of its values that are not missing.
    """

    name: str
    n_rows: int
    sha256: str
    unreadable: Mapping[str, int]
    completeness: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """One source, read and normalised.

    Attributes
    ----------
    name : str
        Name of the source.
    ids : polars.Series
        Record ids, dtype String, shape (n_rows,): unique, none missing, without spaces around them.
    fields : mapping of str to polars.Series
        One series of dtype String and shape (n_rows,) per field; null is missing.
    sha256 : str
        Of the bytes of the file; of names and values of the columns read where there is no file.
    unreadable : mapping of str to int
        Field to the number of values that are missing because they are not of the declared
        type; only fields that have any.
    """

    name: str
    ids: pl.Series
    fields: Mapping[str, pl.Series]
    sha256: str
    unreadable: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of records."""
        return len(self.ids)


@dataclass(frozen=True)
class RawTable:
    """One source, read but not normalised.

    Attributes
    ----------
    source : Source
        The source.
    ids : polars.Series
        As of `Table`.
    columns : mapping of str to polars.Series
        Field to its column as it was read.
    sha256 : str
        As of `Table`.
    prepared : frozenset of str
        Fields that are no longer as they were read, but as steps of a preparation left them.
    """

    source: Source
    ids: pl.Series
    columns: Mapping[str, pl.Series]
    sha256: str
    prepared: frozenset[str] = frozenset()

    def one_form(
        self, values: pl.Series, settings: FieldSettings | None, normalise: Normalise | None
    ) -> tuple[pl.Series, int]:
        """Values of a column in one form (`normalise_column`); an error names the source."""
        try:
            return normalise_column(values, settings, normalise)
        except InputError as error:
            raise InputError(f"{self.source.shown}: {error}") from error

    def check(
        self,
        missing: Mapping[str, int],
        unreadable: Mapping[str, int],
        settings: Mapping[str, FieldSettings],
    ) -> None:
        """Raise `InputError` where a field has no value at all, and warn of values that cannot be read.

        Parameters
        ----------
        missing, unreadable : mapping of str to int
            Field to the number of its rows without a value, and of those that are not of its type.
        settings : mapping of str to FieldSettings
            Of the fields that have any.
        """
        for name, n in missing.items():
            if n == len(self.ids) > 1:  # one record may well lack a field
                if name in self.prepared:
                    raise InputError(
                        f"{self.source.shown}: the preparation leaves no value of field {name!r}: see which "
                        "of its steps takes them away (tallystick prepare tells), or leave it out."
                    )
                raise _all_missing(self.source, name, settings.get(name), unreadable.get(name, 0))
        _warn(self.source, {name: n for name, n in unreadable.items() if n}, settings, len(self.ids))


def read_raw(source: Source, fields: Sequence[str], readers: Mapping[str, str] | None = None) -> RawTable:
    """Read the columns of a source that hold some fields, and nothing else.

    Parameters
    ----------
    source : Source
    fields : sequence of str
        Names of fields; ``source.columns`` says which column holds each.
    readers : mapping of str to str, optional
        Who reads a field, where that is to be said of one that has no column.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        If the source is missing, empty, malformed or without rows; a column is absent or holds truth; or an
        id is missing or occurs twice.
    """
    columns = {name: source.column(name) for name in dict.fromkeys(fields)}
    _refuse_truth(source, [*([source.id] if source.id else []), *columns.values()])
    who = {columns[field]: text for field, text in (readers or {}).items() if field in columns}
    frame, ids = _read(source, list(columns.values()), who)
    used = frame.select(sorted(set(columns.values())))
    try:
        digest = file_sha256(source.path) if source.path else _table_hash([ids, *used])
    except InputError as error:  # a column that has no form as text
        raise InputError(f"{source.shown}: {error}") from error
    return RawTable(source, ids, {name: frame[column] for name, column in columns.items()}, digest)


def read_source(
    source: Source,
    fields: Sequence[str],
    field_settings: Mapping[str, FieldSettings] | None = None,
    normalise: Normalise | None = None,
) -> Table:
    """Read the fields of a source that a linkage needs, and nothing else.

    Parameters
    ----------
    source : Source
    fields : sequence of str
        Names of fields; ``source.columns`` says which column holds each.
    field_settings : mapping of str to FieldSettings, optional
        For fields that are not plain text or are normalised in their own way.
    normalise : Normalise, optional
        The switches for all other fields.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If the source is missing, empty, malformed or without rows; a column is absent or holds truth; an id
        is missing or occurs twice; or a field has no value at all.

    Warns
    -----
    TallystickWarning
        If values are not of the type that their field is declared to be.

    Examples
    --------
    >>> persons = pl.DataFrame({"pid": [7, 8], "last": [" Smith", "MÜLLER"]})
    >>> source = Source(name="a", table=persons, id="pid", columns={"surname": "last"})
    >>> table = read_source(source, ["surname"])
    >>> table.ids.to_list(), table.fields["surname"].to_list()
    (['7', '8'], ['smith', 'müller'])
    """
    raw, settings = read_raw(source, fields), field_settings or {}
    values: dict[str, pl.Series] = {}
    unreadable: dict[str, int] = {}
    for name, column in raw.columns.items():
        series, bad = raw.one_form(column, settings.get(name), normalise)
        values[name] = series.alias(name)
        unreadable |= {name: bad} if bad else {}
    raw.check({name: series.null_count() for name, series in values.items()}, unreadable, settings)
    return Table(source.name, raw.ids, values, raw.sha256, unreadable)


def read_columns(source: Source, columns: Sequence[str], *, allow_truth: bool = False) -> pl.DataFrame:
    """Read columns of a source as they are, beside the ids of its records.

    Parameters
    ----------
    source : Source
    columns : sequence of str
        Names of columns, not of fields.
    allow_truth : bool
        Whether columns of ``source.truth`` may be read: for scoring against them, never for linking.

    Returns
    -------
    polars.DataFrame
        `ID_COLUMN` (the ids as `read_source` gives them), then the columns. Those of a CSV file are text, an
        empty value null; those of typed sources keep their types.

    Raises
    ------
    InputError
        As `read_source`, but columns may be wholly missing.
    """
    asked = list(dict.fromkeys(columns))
    if not allow_truth:
        _refuse_truth(source, [*([source.id] if source.id else []), *asked])
    frame, ids = _read(source, asked)
    frame = frame.select(asked)
    if source.kind == "csv":
        frame = frame.with_columns(pl.all().replace("", None))
    return frame.insert_column(0, ids.alias(ID_COLUMN))


def named_column(source: Source, have: Sequence[str], name: str) -> str | None:
    """The column of a source that a field or column is read from.

    Parameters
    ----------
    source : Source
    have : sequence of str
        The columns that it has.
    name : str
        A field, or a column.

    Returns
    -------
    str or None
        None where it has no such column.
    """
    return next((one for one in (source.column(name), name) if one in have), None)


def no_such_column(sources: Sequence[Source], name: str) -> InputError:
    """What is wrong where no source has a field or column, with the columns that there are."""
    names = sorted({column for source in sources for column in open_source(source).columns})
    near = nearest(name, names)
    hint = f" (did you mean {near!r}?)" if near else ""
    return InputError(f"No source has a field or column {name!r}{hint}: choose among {', '.join(names)}.")


def open_source(source: Source) -> Opened:
    """Find a source and the names of its columns.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Opened

    Raises
    ------
    InputError
        If it is missing, empty, or not what its format says.
    """
    kind = source.kind
    if source.path is not None:
        path = _existing(source, source.path)
        if kind == "csv":
            from tallystick.preparation.read_csv import open_csv

            return open_csv(source, path)
        from tallystick.preparation import read_files

        openers = {
            "parquet": read_files.open_parquet,
            "jsonl": read_files.open_jsonl,
            "excel": read_files.open_excel,
        }
        return openers.get(kind or "", read_files.open_statistics)(source, path)
    if kind == "sql":
        from tallystick.preparation.read_sql import open_sql

        return open_sql(source)
    return _open_table(source)


def _existing(source: Source, path: Path) -> Path:
    try:
        if path.is_dir():
            raise InputError(f"{source.shown}: this is a folder; give the path of a file in it.")
        if not path.exists():
            raise InputError(
                f"{source.shown}: there is no such file; check the path of source {source.name!r}."
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{source.shown}: the file is empty; give a file with records.")
    except OSError as error:
        raise InputError(
            f"{source.shown}: the file cannot be opened ({error.strerror}); check its permissions."
        ) from error
    return path


def _open_table(source: Source) -> Opened:
    table: Any = source.table
    if is_pandas(table):
        names = tuple(str(name) for name in table.columns)

        def read(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
            rows = slice(None, limit)
            return pl.DataFrame([_from_pandas(table.iloc[rows, names.index(c)], c) for c in columns])

        return Opened(names, read)
    frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)

    def select(columns: Sequence[str], limit: int | None) -> pl.DataFrame:
        return frame.select(columns).head(frame.height if limit is None else limit)

    return Opened(tuple(frame.columns), select)


def _from_pandas(column: Any, name: str) -> pl.Series:
    """One column of a pandas frame, without pyarrow and whatever mixture of values it holds."""
    if column.dtype.kind in "iufbM" and isinstance(column.dtype, np.dtype):
        return pl.Series(name, column.to_numpy())
    values = [None if absent else value for value, absent in zip(column.tolist(), column.isna(), strict=True)]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        # Text and numbers in one column, as pandas allows: each as its own text.
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _read(
    source: Source, columns: Sequence[str], readers: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, pl.Series]:
    """The columns (and that of the id) and the ids; rows sorted by id where the source has no order."""
    opened = open_source(source)
    wanted = list(dict.fromkeys([*([source.id] if source.id is not None else []), *columns]))
    if opened.columns or source.kind != "sql":
        for column in wanted:
            _require(source, opened, column, (readers or {}).get(column))
    # Where nothing is asked for, any column tells the number of rows.
    wanted = wanted or [column for column in opened.columns if column not in source.truth][:1]
    frame = opened.read(wanted, None) if opened.columns else pl.DataFrame()
    if frame.height == 0:
        raise InputError(f"{source.shown}: there are no rows besides the header; give a source with records.")
    ids = _ids(source, frame)
    if source.kind == "sql":
        order = ids.arg_sort()
        frame, ids = frame[order], ids.gather(order)
    return frame, ids


def _require(source: Source, opened: Opened, column: str, reader: str | None) -> None:
    found = opened.columns.count(column)
    if found == 1:
        return
    if found > 1:
        raise InputError(f"{source.shown}: {found} columns are called {column!r}; give them different names.")
    allowed = [c for c in opened.columns if c not in source.truth]
    near = difflib.get_close_matches(column.casefold(), [c.casefold() for c in allowed], n=1)
    hints = [f"did you mean {c!r}" for c in allowed if near and c.casefold() == near[0]][:1]
    if len(opened.columns) <= _FEW:
        hints.append(f"it has {', '.join(repr(c) for c in opened.columns)}")
    elif not hints:
        first, last = opened.columns[0], opened.columns[-1]
        hints.append(f"it has {len(opened.columns)} others, from {first!r} to {last!r}")
    if opened.hint:
        hints.append(opened.hint)
    if reader is not None:
        hints.append(f"{reader} reads it")
    raise InputError(f"{source.shown}: there is no column {column!r}; {'; '.join(hints)}.")


def _refuse_truth(source: Source, columns: Sequence[str]) -> None:
    for column in columns:
        if column in source.truth:
            raise InputError(
                f"{source.shown}: column {column!r} is declared as truth, which a linkage may not read; "
                "take it out of truth or do not use it."
            )


def _ids(source: Source, frame: pl.DataFrame) -> pl.Series:
    if source.id is None:
        return pl.int_range(1, frame.height + 1, eager=True).cast(pl.String).alias(ID_COLUMN)
    column = frame[source.id]
    if isinstance(column.dtype, pl.List | pl.Array):
        raise InputError(
            f"{source.shown}: the id column {source.id!r} holds lists; give a column of plain values."
        )
    ids = normalise_column(column, None, _OF_IDS)[0].alias(ID_COLUMN)
    if missing := ids.null_count():
        row = int(ids.is_null().arg_true()[0]) + 1
        raise InputError(
            f"{source.shown}: the id column {source.id!r} is missing in {missing:,} row"
            f"{'s' * (missing > 1)}, first in row {row}; fill it in, or leave out id so that "
            "records are numbered."
        )
    if ids.n_unique() != len(ids):
        # Only where something is wrong is it worth finding out where.
        rows = pl.DataFrame({"id": ids}).with_row_index("row", offset=1)
        again = rows.filter(~pl.col("id").is_first_distinct())
        second, value = again.row(0)
        first = rows.filter(pl.col("id") == value).row(0)[0]
        raise InputError(
            f"{source.shown}: the id column {source.id!r} repeats an earlier id in {len(again):,} "
            f"row{'s' * (len(again) > 1)}, first in row {second} that of row {first}; give a "
            "column that is unique."
        )
    return ids


def _all_missing(source: Source, name: str, settings: FieldSettings | None, unreadable: int) -> InputError:
    what = f"field {name!r} (column {source.column(name)!r})"
    if unreadable and settings:
        return InputError(
            f"{source.shown}: no value of {what} can be read as {_declared(settings)}; correct its type "
            "or format."
        )
    return InputError(f"{source.shown}: {what} is missing in every row; leave it out or give another column.")


def _declared(settings: FieldSettings) -> str:
    return settings.type + (f" in the format {settings.format!r}" if settings.format else "")


def _warn(
    source: Source, unreadable: Mapping[str, int], settings: Mapping[str, FieldSettings], rows: int
) -> None:
    for name, count in unreadable.items():
        values = f"{count:,} value{'s' * (count > 1)}"
        warnings.warn(
            f"{source.shown}: {values} of field {name!r} in {rows:,} rows cannot be read as "
            f"{_declared(settings[name])} and count as missing.",
            TallystickWarning,
            stacklevel=4,
        )


def _table_hash(columns: Sequence[pl.Series]) -> str:
    """Hash of names and values of columns, whatever their types and chunks."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(f"{len(column.name.encode())}:{column.name}:{len(column)}:".encode())
        for start in range(0, len(column), _HASHED_ROWS):
            text = normalise_column(column.slice(start, _HASHED_ROWS), None, _OF_HASH)[0]
            digest.update(
                text.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy().astype("<i8").tobytes()
            )
            digest.update(text.str.join("")[0].encode())
    return digest.hexdigest()
