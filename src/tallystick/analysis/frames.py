"""Tables of an analysis: polars, pandas, Arrow or a dict of columns, as rows that have names or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.preparation.extras import require


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns of a table, and what its rows are called.

    Attributes
    ----------
    table : pandas.DataFrame
        The columns in use.
    names : array, shape (n,), or None
        Of the rows; None where they have none.
    what : str
        What the table is, for messages: "data" or "register".
    """

    table: Any
    names: NDArray[Any] | None
    what: str

    def __len__(self) -> int:
        return len(self.table)

    def refuse_missing(self) -> None:
        """Refuse missing values, naming the columns and how many of their values are missing."""
        missing = self.table.isna().sum()
        found = [f"{name!r} ({count:,})" for name, count in missing.items() if count]
        if found:
            raise InputError(
                f"{self.what}: values are missing in {', '.join(found)} of {len(self):,} rows: leave these "
                "rows out before the error model is made, since its blocks shrink with them, or impute the "
                "values."
            )

    def refuse_other_length(self, wanted: int, what: str) -> None:
        """Refuse other rows than the error model has: so many "links" or "records"."""
        if len(self) != wanted:
            raise InputError(
                f"{self.what} has {len(self):,} rows and the error model is of {wanted:,} {what}: make both "
                "of the same."
            )


def read_frame(data: Any, columns: Iterable[str], what: str, *, index: str | None = None) -> Frame:
    """The columns of a table that are needed.

    Parameters
    ----------
    data : polars.DataFrame, pandas.DataFrame, any object with ``__arrow_c_stream__``, or mapping
        A table; a mapping is from names to columns.
    columns : iterable of str
        Columns that are needed.
    what : str
        What the table is, for messages.
    index : str, optional
        Column that names the rows; else a pandas index does.

    Returns
    -------
    Frame

    Raises
    ------
    InputError
        Where it is no table, or a column is not in it.

    Examples
    --------
    >>> read_frame({"id": ["a", "b"], "x": [1, 2]}, ["x"], "data", index="id").names.tolist()
    ['a', 'b']
    """
    pandas = require("pandas", "the analysis", "analysis")
    names = np.asarray(data.index) if isinstance(data, pandas.DataFrame) else None
    data = _opened(data, what)
    wanted = sorted(set(columns))
    for name in [*wanted, *([] if index is None else [index])]:
        if name not in data.columns:
            raise InputError(f"{what}: there is no column {name!r}; there are {_listed(data.columns)}.")
    if index is not None:
        names = np.asarray(_values(pandas, data[index]))
        if pandas.isna(names).any():
            raise InputError(f"{what}: the column {index!r}, which names the rows, has missing values.")
    if isinstance(data, pl.DataFrame):
        table = pandas.DataFrame({name: _values(pandas, data[name]) for name in wanted})
    else:
        table = data[wanted]
    return Frame(_as_numbers(pandas, table), names, what)


def _as_numbers(pandas: Any, table: Any) -> Any:
    """Numbers that pandas holds as objects: a formula would make each value of them a category."""
    found = {}
    for name in table.columns:
        column = table[name]
        if column.dtype != object or column.isna().any():
            continue
        kind = pandas.api.types.infer_dtype(column)
        if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
            found[name] = column.astype("int64" if kind == "integer" else "float64")
    return table.assign(**found) if found else table


def _opened(data: Any, what: str) -> Any:
    """A table as a frame of pandas or polars, whatever it was."""
    pandas = require("pandas", "the analysis", "analysis")
    if isinstance(data, pandas.DataFrame | pl.DataFrame):
        return data
    if isinstance(data, Mapping):
        return pandas.DataFrame({name: _values(pandas, column) for name, column in data.items()})
    if hasattr(data, "__arrow_c_stream__"):
        return pl.DataFrame(data)
    raise InputError(
        f"{what}: give a polars or pandas DataFrame, an Arrow table or a dict of columns, not "
        f"{type(data).__name__}."
    )


def aligned(frame: Frame, wanted: NDArray[Any] | None, of: str) -> tuple[Frame, NDArray[np.int64] | None]:
    """A frame in the order of the error model, by name.

    Parameters
    ----------
    frame : Frame
        Rows in any order.
    wanted : array, shape (n,), or None
        Names that the error model has, in its order; None where it has none.
    of : str
        What the names are of, for messages: "index" or "register_index".

    Returns
    -------
    (Frame, int64 array or None)
        The frame, and which of its rows were taken; None where they were in order.
    """
    what, names = frame.what, frame.names
    if wanted is None:
        if names is None or _numbered(names):
            return frame, None
        raise InputError(
            f"{what}: the rows have names and those of the error model have none, so that they could only be "
            f"taken by position: make the model with {of}= the same names, or take the names off "
            "(reset_index, no index=)."
        )
    if names is None:
        raise InputError(
            f"{what}: the error model names its rows; say with {of}= which column has the names."
        )
    pandas = require("pandas", "the analysis", "analysis")
    have, want = pandas.Index(names), pandas.Index(wanted)
    for index, whose in ((have, what), (want, "the error model")):
        if not index.is_unique:
            twice = index[index.duplicated()]
            raise InputError(
                f"{whose}: {len(twice):,} names of rows stand there before (the first is {twice[0]!r}): a "
                "name has to be of one row."
            )
    if len(have) == len(want) and bool((have == want).all()):
        return frame, None
    rows = have.get_indexer(want)
    if _numbered(names) and bool((rows < 0).all()):
        raise InputError(
            f"{what}: the error model names its rows, and those of the table are only numbered: say with "
            f"{of}= which column has the names."
        )
    lacking, more = int((rows < 0).sum()), len(have) - int((rows >= 0).sum())
    if lacking or more:
        raise InputError(
            f"{what}: of the {len(want):,} rows that the error model names {lacking:,} are not in it, and "
            f"{more:,} of its {len(have):,} are not in the error model: make both of the same rows."
        )
    rows = np.asarray(rows, np.int64)
    return Frame(frame.table.iloc[rows], names[rows], what), rows


def _numbered(names: NDArray[Any]) -> bool:
    """Whether names are but 0, 1, 2 ..., as pandas gives them."""
    return names.dtype.kind == "i" and bool((names == np.arange(len(names))).all())


def _listed(names: Iterable[str], most: int = 12) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _values(pandas: Any, column: Any) -> Any:
    """A column as pandas takes it, categories kept."""
    if not isinstance(column, pl.Series):
        return column
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        categories = (
            column.dtype.categories
            if isinstance(column.dtype, pl.Enum)
            else column.unique().drop_nulls().sort()
        )
        return pandas.Categorical(column.cast(pl.String).to_list(), categories=list(categories))
    if column.dtype.is_decimal():
        column = column.cast(pl.Float64)
    return column.to_numpy()
