"""What every step of preparation is: settings that turn distinct values into others, and say by which rule.

A step sees each distinct value (or each distinct combination of the fields that it reads) once, with the
number of records that have it; whoever runs it joins the results back to the records. So what is slow is done
once a value, and counts are of records all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._schema import Settings

Mask = NDArray[np.bool_]
Change = tuple[pl.Series, dict[str, Mask], dict[str, Mask]]
"""New texts, which of them each rule changed, and what could not be decided (as of `Applied`)."""


@dataclass(frozen=True)
class Context:
    """What a step may know besides the values.

    Attributes
    ----------
    source : str
        Name of the source.
    reference_date : date, optional
        The day that the source tells of.
    processes : int
        How many processes may share the work of a slow library.
    """

    source: str = "table"
    reference_date: date | None = None
    processes: int = 1


@dataclass(frozen=True)
class Applied:
    """What a step made of distinct values.

    Attributes
    ----------
    columns : mapping of str to polars.Series
        Every field that the step writes, dtype String and shape (n_values,); null is missing.
    changed : mapping of str to bool array
        Rule to the values that it changed, shape (n_values,). The text of a rule holds no value of a record.
    reported : mapping of str to bool array
        Reason to the values that could not be decided without a guess, or are wrong: they are left as they
        are or missing, as the step says.
    """

    columns: Mapping[str, pl.Series]
    changed: Mapping[str, Mask] = field(default_factory=dict)
    reported: Mapping[str, Mask] = field(default_factory=dict)


class PreparationStep(Settings):
    """The settings of one step (a model of each kind, chosen by ``type``).

    A step is idempotent: applied to what it has written it changes nothing more.
    """

    paths: ClassVar[tuple[str, ...]] = ()
    """Settings that are the path of a file; relative ones are joined to the folder of the specification."""

    def files(self) -> dict[str, str]:
        """Settings that are the path of a file, where they are given."""
        return {key: str(value) for key in self.paths if (value := getattr(self, key)) is not None}

    def reads(self, name: str) -> tuple[str, ...]:
        """Fields that the step reads when it is one of a field's steps."""
        return (name,)

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes when it is one of a field's steps."""
        return (name,)

    def dates(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes as dates (ISO 8601)."""
        return ()

    def check(self) -> None:
        """Raise `InputError` where a file that the step needs cannot be used, or a library is not installed.

        Called before anything is read. The sentence need not say which step: whoever calls adds that.
        """

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others.

        Parameters
        ----------
        values : polars.DataFrame
            A column of dtype String for each field that the step reads, in the order of `reads`, a row for
            each distinct combination; null is missing.
        n_records : int64 array, shape (n_values,)
            How many records have each.
        context : Context
            What else is known.

        Returns
        -------
        Applied
        """
        raise NotImplementedError


class TextStep(PreparationStep):
    """A step that makes one text of one text, each by itself."""

    def change(self, texts: pl.Series, context: Context) -> Change:
        """The new texts, and which of them each rule changed, and what could not be decided.

        Parameters
        ----------
        texts : polars.Series
            Distinct texts, dtype String; null is missing.
        context : Context

        Returns
        -------
        texts : polars.Series
        changed, reported : dict of str to bool array
            As of `Applied`.
        """
        raise NotImplementedError

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others (see `PreparationStep.apply`)."""
        old = values.to_series()
        new, changed, reported = self.change(old, context)
        return Applied({old.name: new.alias(old.name)}, changed, reported)


def differs(old: pl.Series, new: pl.Series) -> Mask:
    """Which values are no longer what they were; missing is a value here.

    Examples
    --------
    >>> differs(pl.Series(["a", None, "b"]), pl.Series(["a", None, None])).tolist()
    [False, False, True]
    """
    return np.asarray(old.ne_missing(new).to_numpy(), bool)


def mask(values: pl.Series | Any) -> Mask:
    """A series of truth values as an array; null is false."""
    return np.asarray(values.fill_null(False).to_numpy(), bool)
