"""Files, their ids and their candidate pairs as the imputations take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.analysis.frames import read_frame
from tallystick.errors import InputError
from tallystick.preparation.extras import require

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TwoFiles:
    """Two files and the pairs of their records that may be matches.

    Attributes
    ----------
    left, right : pandas.DataFrame
        The files, rows from 0.
    left_row, right_row : int64 arrays, shape (n_pairs,)
        Rows of each pair.
    value : float64 array, shape (n_pairs,)
        What is known of it: a probability or a gain.
    """

    left: Any
    right: Any
    left_row: Ints
    right_row: Ints
    value: Floats

    def sides(self, first: str) -> tuple[Any, Any, Ints, Ints]:
        """Files and rows of the pairs, the file named `first` ("left" or "right") first."""
        if first == "left":
            return self.left, self.right, self.left_row, self.right_row
        return self.right, self.left, self.right_row, self.left_row

    def home_of(self, name: str) -> str:
        """The file that a variable of the formula is in, "left" or "right"."""
        homes = [side for side in ("left", "right") if name in getattr(self, side).columns]
        if len(homes) == 2:
            raise InputError(
                f"{name!r} is a column of both files: rename it in one of them, so that the formula says "
                "which is meant."
            )
        if not homes:
            raise InputError(f"The formula names {name!r}, which neither file has as a column.")
        return homes[0]


def frame_of(data: Any, what: str) -> Any:
    """A table as a pandas data frame with rows from 0.

    Parameters
    ----------
    data : pandas or polars data frame, anything that gives an Arrow stream, or a mapping of columns
    what : str
        What it is, for messages.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InputError
        Where it is no table.
    """
    pandas = require("pandas", "Multiple imputation", "analysis")
    if hasattr(data, "__arrow_c_stream__") and not isinstance(data, pandas.DataFrame):
        data = pl.DataFrame(data)
    if isinstance(data, Mapping) and len({len(column) for column in data.values()}) > 1:
        raise InputError(f"{what}: its columns differ in length.")
    names = [str(name) for name in getattr(data, "columns", data if isinstance(data, Mapping) else ())]
    return read_frame(data, names, what).table[names].reset_index(drop=True)


def column_of(frame: Any, name: str, what: str, *, finite: bool = True) -> Any:
    """A column without missing, and unless it is said without infinite values."""
    if name not in frame.columns:
        raise InputError(f"{what} has no column {name!r}; it has {', '.join(map(str, frame.columns))}.")
    column = frame[name]
    missing = int(column.isna().sum())
    if missing:
        raise InputError(
            f"{what}: column {name!r} has {missing} missing values; impute them or leave these records out "
            "first (together with their candidate pairs)."
        )
    if finite and column.dtype.kind == "f" and np.isinf(column.to_numpy()).any():
        raise InputError(f"{what}: column {name!r} holds infinite values.")
    return column


def two_files(left: Any, right: Any, pairs: Any, *, left_id: str, right_id: str, value: str) -> TwoFiles:
    """Files and pairs joined by ids.

    Parameters
    ----------
    left, right : tables
        The files, with a column of ids each.
    pairs : table
        Columns ``id_left``, ``id_right`` and `value`, a row per candidate pair.
    left_id, right_id : str
        Columns of ids.
    value : str
        Column with what is known of each pair.

    Returns
    -------
    TwoFiles

    Raises
    ------
    InputError
        Where ids repeat or a pair names a record that its file lacks, a pair stands twice, or values are
        missing.
    """
    files = {"left": (frame_of(left, "left"), left_id), "right": (frame_of(right, "right"), right_id)}
    table = frame_of(pairs, "pairs")
    rows = {
        side: _rows(frame, name, column_of(table, f"id_{side}", "pairs"), side)
        for side, (frame, name) in files.items()
    }
    known = column_of(table, value, "pairs", finite=False)
    try:
        numbers = known.to_numpy().astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"pairs: column {value!r} does not hold numbers.") from None
    both = rows["left"] * max(len(files["right"][0]), 1) + rows["right"]
    if len(np.unique(both)) < len(both):
        order = np.argsort(both, kind="stable")
        at = int(order[np.flatnonzero(np.diff(both[order]) == 0)[0]])
        ends = [table[f"id_{side}"].tolist()[at] for side in ("left", "right")]
        raise InputError(f"pairs: the pair {ends[0]!r} and {ends[1]!r} stands there twice.")
    return TwoFiles(files["left"][0], files["right"][0], rows["left"], rows["right"], numbers)


def _rows(frame: Any, name: str, ids: Any, side: str) -> Ints:
    pandas = require("pandas", "Multiple imputation", "analysis")
    index = pandas.Index(column_of(frame, name, side))
    if not index.is_unique:
        twice = index[index.duplicated()]
        raise InputError(
            f"{side}: the id {twice.tolist()[0]!r} stands there more than once ({len(twice)} of them do)."
        )
    rows: Ints = index.get_indexer(ids).astype(np.int64)
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        alike = (
            "" if index.dtype == ids.dtype else f" (ids are {ids.dtype} there and {index.dtype} in the file)"
        )
        first = ids.tolist()[unknown[0]]
        raise InputError(
            f"pairs: id_{side} {first!r} is no record of the {side} file{alike}; {len(unknown)} of "
            f"{len(rows)} pairs name records that are not there."
        )
    return rows
