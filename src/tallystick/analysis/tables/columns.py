"""Columns that a table is of, put in the order of an error model."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.frames import aligned, read_frame
from tallystick.analysis.tables.counts import Classified, classified
from tallystick.errors import InputError
from tallystick.preparation.extras import require


def read_columns(
    rows: Any, columns: Any, weights: Any, model: ErrorModel, data: Any, index: Any
) -> tuple[Classified, Classified, Floats | None]:
    """Row, column and weight of every link, in the order of the error model.

    Parameters
    ----------
    rows, columns, weights : str or array-like, shape (n_links,)
        Names of columns of `data`, or the columns themselves; weights may be None.
    model : ErrorModel
        Of the links.
    data : table or None
        Anything that `read_frame` takes.
    index : str, array-like or None
        Names of the rows: a column of `data`, or the names themselves where there are no data.

    Returns
    -------
    tuple of Classified, Classified, and float64 array of shape (n_links,) or None

    Raises
    ------
    InputError
        Where they are not of the rows of the error model, values are missing, or weights are no weights.
    """
    asked = {"rows": rows, "columns": columns} | ({} if weights is None else {"weights": weights})
    if data is None:
        names, data, index = _given(asked, index)
    else:
        wrong = [what for what, value in asked.items() if not isinstance(value, str)]
        if wrong or not isinstance(index, str | None):
            raise InputError(f"{', '.join(wrong) or 'index'}: give the name of a column of data.")
        names = {what: str(value) for what, value in asked.items()}
        if names["rows"] == names["columns"]:
            raise InputError(
                f"rows and columns are both {names['rows']!r}: a table is of two variables, one of "
                "either file."
            )
    frame = read_frame(data, names.values(), "data", index=index)
    frame.refuse_missing()
    frame, _ = aligned(frame, model.index, "index")
    frame.refuse_other_length(model.n_links, "links")
    weighed = _weights(frame.table[names["weights"]]) if "weights" in names else None
    found = [classified(frame.table[names[what]], names[what]) for what in ("rows", "columns")]
    return found[0], found[1], weighed


def _given(asked: dict[str, Any], index: Any) -> tuple[dict[str, str], Any, str | None]:
    """Columns that stand by themselves, as a table."""
    for what, value in asked.items():
        if isinstance(value, str):
            raise InputError(f"{what}: {value!r} names a column, but there are no data=.")
    names: dict[str, str] = {}
    for what, value in asked.items():
        own = getattr(value, "name", None)
        names[what] = str(own) if own and str(own) not in names.values() else what
    sizes = {what: len(value) for what, value in asked.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{what} {size:,}" for what, size in sizes.items())
        raise InputError(f"The columns differ in their number of rows: {told}.")
    table = {names[what]: value for what, value in asked.items()}
    indexes = [value.index for value in table.values() if hasattr(value, "iloc")]
    if index is None and indexes:
        if any(not indexes[0].equals(other) for other in indexes[1:]):
            raise InputError(
                "The columns have different indexes: put them in one table, and give it as data=."
            )
        index = indexes[0]
    plain = {name: value.array if hasattr(value, "iloc") else value for name, value in table.items()}
    if index is None:
        return names, plain, None
    if isinstance(index, str):
        raise InputError(f"index: {index!r} names a column, but there are no data=.")
    if len(index) != sizes["rows"]:
        raise InputError(f"index: {len(index):,} names for {sizes['rows']:,} rows: give one for each.")
    pandas = require("pandas", "the analysis", "analysis")
    return names, pandas.DataFrame(plain, index=pandas.Index(np.asarray(index))), None


def _weights(values: Any) -> Floats:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("weights: they are no numbers.") from None
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(wrong):
        raise InputError(
            f"weights: {len(wrong):,} of {len(found):,} are negative or infinite, the first of them "
            f"{found[wrong[0]]:g}: weights are what a link counts for."
        )
    if not found.any():
        raise InputError("weights: all of them are 0.")
    return found
