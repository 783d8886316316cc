"""Variables that are imputed: numbers, and categories as codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Variable:
    """A variable with its categories, or without where it is a number.

    Attributes
    ----------
    name : str
    categories : tuple or None
        In the order of the codes 0, 1, ...
    """

    name: str
    categories: tuple[Any, ...] | None = None

    def coded(self, values: Any) -> Floats:
        """Numbers, or codes of categories, as float64."""
        if self.categories is None:
            return np.asarray(values, np.float64)
        codes = {value: code for code, value in enumerate(self.categories)}
        return np.array([codes[value] for value in np.asarray(values).tolist()], np.float64)

    def decoded(self, values: Floats) -> NDArray[Any]:
        """Values from what `coded` gives."""
        if self.categories is None:
            return values
        return np.array(self.categories, dtype=object)[values.astype(np.int64)]


def variables_of(
    names: Sequence[str], frame: Any, categorical: Sequence[str]
) -> tuple[tuple[Variable, ...], Floats]:
    """Variables of a file, categories first, and their values: numbers and codes, shape (n, k)."""
    unknown = [name for name in categorical if name not in names]
    if unknown:
        raise InputError(
            f"categorical: {unknown[0]!r} is none of what is taken from that file: {', '.join(names)}."
        )
    found = []
    for name in names:
        column = frame[name]
        distinct = column.unique().tolist()
        number = column.dtype.kind in "iuf"
        if not number or name in categorical or len(distinct) == 2:
            found.append(Variable(name, tuple(sorted(distinct))))
        else:
            found.append(Variable(name))
    found.sort(key=lambda variable: variable.categories is None)
    values = np.stack([variable.coded(frame[variable.name].to_numpy()) for variable in found], axis=1)
    return tuple(found), values
