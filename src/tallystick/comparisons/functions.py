"""Comparator that is a Python function of the user's."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_serializer, field_validator, model_validator

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.memo import distinct_code_pairs
from tallystick.errors import InputError

Similarity = Callable[[str, str], float | None]


@dataclass(frozen=True)
class FunctionMeasure:
    """Levels by a Python function, called once per distinct pair of values.

    Attributes
    ----------
    comparator : Function
        The setting, which knows the function.
    field : str
        Name of the field, for errors.
    left, right : tuple of str or None
        The distinct values of each side; the first is None.
    unreadable : int
        Always 0: which pairs count as missing is known only when they are compared.
    """

    comparator: Function
    field: str
    left: tuple[str | None, ...]
    right: tuple[str | None, ...]
    unreadable: int = 0
    tabled: ClassVar[bool] = False  # only pairs that are candidates are handed to a user's function

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return self.comparator.n_levels

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`; arrays of shape (n,)."""
        found = self.similarities(a, b)
        ascending = np.array(self.comparator.thresholds[::-1])
        level = np.searchsorted(ascending, found, side="right")
        out[:] = np.where(np.isnan(found), self.n_levels, level)

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """What the function says of every pair; NaN where missing."""
        function = self.comparator.function()
        first, number_of = distinct_code_pairs(a, b)
        values = np.empty(len(first))
        for number, (i, j) in enumerate(zip(a[first].tolist(), b[first].tolist(), strict=True)):
            x, y = self.left[i], self.right[j]
            values[number] = math.nan if x is None or y is None else self._call(function, x, y)
        return values[number_of]

    def _call(self, function: Similarity, x: str, y: str) -> float:
        # What the function's own error says stays out of the sentence: it may quote a value.
        try:
            found: Any = function(x, y)
        except Exception as error:
            raise InputError(
                f"{self._where()} failed with {type(error).__name__}: make it return a number, or None, "
                "for any two texts"
            ) from error
        if found is None:
            return math.nan
        try:
            if isinstance(found, (str, bytes)):
                raise TypeError
            return float(found)
        except (TypeError, ValueError):
            raise InputError(
                f"{self._where()} returned a value of type {type(found).__name__}: make it return a number, "
                "or None where the values cannot be compared"
            ) from None

    def _where(self) -> str:
        comparison = f' of the comparison of "{self.field}"' if self.field else ""
        return f"the function {self.comparator.title}{comparison}"


class Function(Comparator):
    """Levels by a Python function of the user's (see `function`).

    Attributes
    ----------
    path : str, optional
        Where the function is imported from, as ``module:name``.
    call : callable, optional
        The function itself, where it cannot be imported; such a comparator cannot be written to a
        file or sent to another process.
    thresholds : tuple of float
        Similarities of the levels above 0, the highest first.
    """

    type: Literal["function"] = "function"
    path: str | None = None
    call: Annotated[Similarity | None, Field(exclude_if=lambda value: value is None)] = None
    thresholds: tuple[float, ...]

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str | None) -> str | None:
        if value is not None:
            module, _, name = value.partition(":")
            if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
                raise ValueError(f'found "{value}", expected "module:name"')
        return value

    @field_validator("thresholds")
    @classmethod
    def _check_thresholds(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return _descending(value)

    @model_validator(mode="after")
    def _one_function(self) -> Function:
        if (self.path is None) == (self.call is None):
            raise ValueError('expected the path of the function, as "module:name"')
        return self

    @property
    def title(self) -> str:
        """What messages and reports call the function."""
        return self.path or str(getattr(self.call, "__qualname__", type(self.call).__name__))

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        ascending = self.thresholds[::-1]
        return (f"below {ascending[0]:g}", *(f"at least {threshold:g}" for threshold in ascending))

    def function(self) -> Similarity:
        """The function, imported where only its path is known.

        Returns
        -------
        callable

        Raises
        ------
        InputError
            If it cannot be imported, or is none.
        """
        if self.call is not None:
            return self.call
        module, _, name = (self.path or "").partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"the function {self.path} of a comparator cannot be imported ({error}): "
                "put its module where Python finds it, or correct the path"
            ) from error
        if not callable(found):
            raise InputError(f"the comparator's path {self.path} is no function: name one")
        return found  # type: ignore[no-any-return]

    def prepare(
        self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool
    ) -> FunctionMeasure:
        """Take the values of both sides (see `Comparator.prepare`)."""
        self.function()
        x = tuple(left[0].to_list())
        y = x if same else tuple(right[0].to_list())
        return FunctionMeasure(self, left[0].name, x, y)

    @field_serializer("call", when_used="json")
    def _refuse_json(self, call: Similarity | None) -> None:
        if call is not None:
            raise ValueError(self._not_portable())

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Refuse to be pickled where the function cannot be imported on the other side."""
        if self.call is not None:
            raise InputError(self._not_portable())
        return Function.model_validate, ({"path": self.path, "thresholds": self.thresholds},)

    def _not_portable(self) -> str:
        return (
            f"the function {self.title} cannot be written to a file or sent to another process: define it at "
            "the top of a module that can be imported"
        )


def function(function: Similarity | str, *thresholds: float) -> Function:
    """Compare values with a Python function.

    The function takes two texts, the left one first, and returns a similarity, where more is more
    alike, or None (or NaN) where the pair counts as missing. It is called once for each distinct
    pair of values of a chunk, also for two equal values, and by several threads at once. In
    deduplication its result must not depend on the order of the two, because rows have none.

    Parameters
    ----------
    function : callable or str
        The function, or where it can be imported from, as ``"module:name"``. A function that can
        be imported is known by its path, so that the comparator can be written to a file; a lambda
        or a function defined in a function or in the script that runs cannot.
    *thresholds : float
        Similarities of the levels above 0, in any order; the top level is at or above the highest.

    Returns
    -------
    Function

    Raises
    ------
    InputError
        If the path is not of that form, or thresholds are missing, not finite or equal.

    Examples
    --------
    >>> function("difflib:get_close_matches", 0.9, 0.7).labels()
    ('below 0.7', 'at least 0.7', 'at least 0.9')
    """
    if isinstance(function, str):
        return Function(path=function, thresholds=thresholds)
    path = _import_path(function)
    return Function(path=path, call=None if path else function, thresholds=thresholds)


def _import_path(function: Similarity) -> str | None:
    """The path from which another process would import this very function; None where it cannot."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or module == "__main__":
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is function else None


def _descending(thresholds: Sequence[float]) -> tuple[float, ...]:
    if not thresholds:
        raise ValueError("give at least one threshold")
    if not all(map(math.isfinite, thresholds)):
        raise ValueError("found a threshold that is no finite number")
    if len(set(thresholds)) < len(thresholds):
        raise ValueError("two thresholds are equal: remove one of them")
    return tuple(sorted(thresholds, reverse=True))
