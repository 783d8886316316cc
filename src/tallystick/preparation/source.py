"""Where records come from: a file, a table in memory, or a table of a database."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializationInfo, StrictBool, field_serializer, model_validator

from tallystick._schema import Settings
from tallystick.errors import InputError

Format = Literal["csv", "parquet", "jsonl", "excel", "sas", "spss", "stata", "sql"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".sas7bdat": "sas",
    ".xpt": "sas",
    ".sav": "spss",
    ".zsav": "spss",
    ".por": "spss",
    ".dta": "stata",
}
"""The format that a file's suffix stands for, where `Source.format` is not given."""

_OPTIONS: dict[str, tuple[str, ...]] = {
    "delimiter": ("csv",),
    "quote": ("csv",),
    "encoding": ("csv", "sas", "spss", "stata"),
    "header": ("csv", "excel"),
    "sheet": ("excel",),
}

# The user's name ends at the first colon, the password at the last @: too much is hidden rather
# than too little where a password holds characters that should have been percent-encoded.
_PASSWORD = re.compile(r"^(\w[\w+.-]*://[^:/?#@]*):(.*)@", re.DOTALL)
_PASSWORD_OPTION = re.compile(r"((?:ssl)?password)=[^&]*", re.IGNORECASE)


def mask_password(uri: str) -> str:
    """A URI as it may be shown: the password, where it has one, is ``***``.

    Parameters
    ----------
    uri : str

    Returns
    -------
    str

    Examples
    --------
    >>> mask_password("postgresql://reader:secret@db.example.org/persons")
    'postgresql://reader:***@db.example.org/persons'
    """
    return _PASSWORD_OPTION.sub(r"\1=***", _PASSWORD.sub(r"\1:***@", uri))


class Source(Settings):
    """One source of records.

    Exactly one of `path`, `uri` and a `table` object says where the records are.

    Parameters
    ----------
    name : str
        Name of the source in results and messages.
    path : path, optional
        A CSV, Parquet, JSON lines, Excel, SAS, SPSS or Stata file.
    table : object or str, optional
        A table in memory: anything with ``__arrow_c_stream__`` (polars, pyarrow, DuckDB, pandas) or
        a pandas data frame. Together with `uri`: the name of a database table, ``schema.table``
        where it needs a schema.
    uri : str, optional
        A database: ``sqlite:///file.db`` or ``postgresql://user@host/database``. A password is
        better kept out of it: PostgreSQL's own ``PGPASSWORD`` and ``~/.pgpass`` are honoured.
    query : str, optional
        A SELECT statement instead of the name of a table.
    id : str, optional
        The column that identifies a record. Without it records are numbered, as text, "1" to
        "n" in the order of the file; a database has no order, so there it must be given.
    truth : tuple of str
        Columns that hold the answers. A linkage cannot read them.
    columns : mapping of str to str
        Field to column, where they differ in name.
    covers_other : bool
        The source is a register that holds every entity of the other source, each once. Of two
        sources that are linked, numbers of links then tell the recall (see `tallystick.quality.neighbours`).
    duplicate_free : bool
        No two records of the source are one entity. Records within it are not compared then, and a record of
        another source has at most one link to it.
    reference_date : date, optional
        The day that the source tells of: ages are as of that day, and addresses those of that day.
    format : str, optional
        By default told from the suffix of `path`.
    delimiter, encoding, header, quote : optional
        Of a CSV file. The delimiter (comma, semicolon, tab or bar) and the header are detected.
        The encoding is UTF-8 unless it is given. ``quote = ""`` takes double quotes as ordinary
        characters. `encoding` also applies to SAS, SPSS and Stata files, `header` to Excel.
    sheet : str, optional
        Of an Excel file; by default the first one.

    Examples
    --------
    >>> source = Source(name="census", path="census.csv", id="person", columns={"surname": "last"})
    >>> source.kind, source.column("surname"), source.column("sex")
    ('csv', 'last', 'sex')
    """

    # A validation error must not print a password or a whole table.
    model_config = ConfigDict(hide_input_in_errors=True)

    name: str = Field(min_length=1)
    path: Path | None = None
    table: Any = Field(default=None, repr=False)
    uri: str | None = Field(default=None, repr=False)
    query: str | None = None
    id: str | None = None
    truth: tuple[str, ...] = ()
    columns: dict[str, str] = Field(default_factory=dict)
    covers_other: StrictBool = False
    duplicate_free: StrictBool = False
    reference_date: date | None = None
    format: Format | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, pattern=r"^[ -~\t]$")
    encoding: str | None = None
    header: StrictBool | None = None
    quote: str = Field(default='"', max_length=1, pattern=r"^[!-~]?$")
    sheet: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        in_memory = self.table is not None and self.uri is None
        if (self.path is not None) + (self.uri is not None) + in_memory != 1:
            raise ValueError("a source needs exactly one of path, uri and (in Python) table")
        if in_memory:
            if isinstance(self.table, str):
                raise ValueError("the name of a database table needs a uri beside it")
            if not (hasattr(self.table, "__arrow_c_stream__") or is_pandas(self.table)):
                raise ValueError(
                    f"a table of type {type(self.table).__name__} cannot be read: give a polars, pandas "
                    "or DuckDB table or another object with __arrow_c_stream__"
                )
            if self.format is not None:
                raise ValueError("a table in memory has no format")
        if self.uri is None:
            if self.query is not None or self.format == "sql":
                raise ValueError("a query needs the uri of a database beside it")
        else:
            if not self.uri.startswith(("sqlite://", "postgresql://", "postgres://", "${")):
                raise ValueError("a uri must begin with sqlite:// or postgresql://")
            if self.format not in (None, "sql"):
                raise ValueError("the format of a uri is sql")
            if (self.table is None) == (self.query is None) or not isinstance(self.table, str | None):
                raise ValueError("a uri needs either the name of a table or a query beside it")
            if self.id is None:
                raise ValueError("a database has no order of rows to number records by: give the id column")
        return self

    @model_validator(mode="after")
    def _options_apply(self) -> Source:
        kind = self.format or (
            "sql" if self.uri else SUFFIXES.get(self.path.suffix.lower()) if self.path else None
        )
        for option, kinds in _OPTIONS.items():
            given = getattr(self, option) != type(self).model_fields[option].default
            if given and kind not in kinds and (kind is not None or self.path is None):
                raise ValueError(f"{option} does not apply to {kind or 'a table in memory'}: take it out")
        if self.delimiter is not None and self.delimiter == self.quote:
            raise ValueError("delimiter and quote must differ")
        return self

    @field_serializer("uri")
    def _uri_without_password(self, uri: str | None, info: SerializationInfo) -> str | None:
        if uri is None or (info.context or {}).get("secrets"):
            return uri
        return mask_password(uri)

    @field_serializer("table")
    def _table_name(self, table: Any) -> str | None:
        # A table in memory cannot be written down.
        return table if isinstance(table, str) else None

    @property
    def kind(self) -> Format | None:
        """The format; None for a table in memory.

        Raises
        ------
        InputError
            If the suffix of the file is not known and `format` is not given.
        """
        if self.format is not None:
            return self.format
        if self.uri is not None:
            return "sql"
        if self.path is None:
            return None
        try:
            return SUFFIXES[self.path.suffix.lower()]
        except KeyError:
            raise InputError(
                f"{self.shown}: the suffix {self.path.suffix!r} does not tell the format of the file; "
                f"give format = one of csv, parquet, jsonl, excel, sas, spss, stata."
            ) from None

    @property
    def shown(self) -> str:
        """The source as messages name it, without any password."""
        if self.path is not None:
            return str(self.path)
        if self.uri is not None:
            return f"{mask_password(self.uri)}, {'query' if self.table is None else f'table {self.table}'}"
        return f"table of source {self.name!r}"

    def column(self, field: str) -> str:
        """The column that holds a field."""
        return self.columns.get(field, field)


def is_pandas(table: object) -> bool:
    """Whether a table is a pandas data frame, told without importing pandas."""
    return any(
        c.__name__ == "DataFrame" and c.__module__.split(".")[0] == "pandas" for c in type(table).__mro__
    )
