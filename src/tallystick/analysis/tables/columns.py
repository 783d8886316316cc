"""Columns of a table, put in the order of an error model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.tables.counts import Classified, classified
from tallystick.errors import InputError


def category(values: Any, what: str, model: ErrorModel, data: Any, index: Any) -> Classified:
    """Categories of a column, a row of it per link in the order of the error model."""
    name, column = _column(values, what, data)
    found = classified(column, name)
    order = _order(column, name, model, data, index, len(found.codes))
    return found if order is None else Classified(name, found.codes[order], found.labels)


def weights_of(values: Any, model: ErrorModel, data: Any, index: Any) -> Floats:
    """Weights of the links, in the order of the error model: finite and none negative."""
    name, column = _column(values, "weights", data)
    found = np.asarray(column, dtype=np.float64)
    order = _order(column, name, model, data, index, len(found))
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(wrong) or not found.sum() > 0:
        at = f", the first in row {wrong[0] + 1}" if len(wrong) else ""
        raise InputError(
            f"{name}: {len(wrong)} weights are missing, infinite or negative{at}, or all of them are 0."
        )
    return found if order is None else found[order]


def _column(values: Any, what: str, data: Any) -> tuple[str, Any]:
    if isinstance(values, str):
        if data is None:
            raise InputError(f"{what}: {values!r} names a column, but there are no data=.")
        return values, _named(data, values)
    return str(getattr(values, "name", None) or what), values


def _named(data: Any, name: str) -> Any:
    import polars as pl

    if not (isinstance(data, (dict, pl.DataFrame)) or _is_pandas(data)):
        data = pl.DataFrame(data)
    have = list(data if isinstance(data, dict) else data.columns)
    if name not in have:
        raise InputError(f"data: there is no column {name!r}; there are {', '.join(map(str, have))}.")
    return data[name]


def _is_pandas(data: Any) -> bool:
    return hasattr(data, "index") and hasattr(data, "iloc")


def _order(
    column: Any, name: str, model: ErrorModel, data: Any, index: Any, n: int
) -> NDArray[np.intp] | None:
    """Which row of the data is which of the error model; None where they have no names."""
    if n != model.n_links:
        raise InputError(
            f"{name}: there are {n} rows, and {model.n_links} in the error model: give those of the "
            "linked file."
        )
    if isinstance(index, str):
        index = np.asarray(_named(data, index)) if data is not None else None
    elif index is None and model.index is not None and _is_pandas(column):
        index = column.index
    if index is None:
        if model.index is not None:
            raise InputError(
                "The rows of the error model have names: give those of the data by index= (a column of "
                "data, or an array), so that both are put in one order."
            )
        return None
    if model.index is None:
        raise InputError("index: the rows of the error model have no names; give it an index= as well.")
    place = {label: k for k, label in enumerate(np.asarray(index).tolist())}
    lacking = [label for label in np.asarray(model.index).tolist() if label not in place]
    if lacking or len(place) != n:
        raise InputError(
            f"{name}: {len(lacking)} of {n} rows of the error model are not in the data by their index"
            + (f" ({n - len(place)} names are there more than once)." if len(place) != n else ".")
        )
    return np.array([place[label] for label in np.asarray(model.index).tolist()], np.intp)
