"""What each reader gives: the columns of a source, and a way to read some of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import polars as pl

from tallystick.errors import InputError


@dataclass(frozen=True)
class Opened:
    """A source that has been found, not yet read.

    Attributes
    ----------
    columns : tuple of str
        Names of all its columns, in their order.
    read : callable
        ``read(columns, limit)`` gives these columns as a table, in the order asked for; the first
        `limit` rows of them where it is not None.
    hint : str
        What to say besides when a column is not found; empty, or a clause.
    """

    columns: tuple[str, ...]
    read: Callable[[Sequence[str], int | None], pl.DataFrame]
    hint: str = ""


def need(module: str, shown: str, what: str, extra: str) -> ModuleType:
    """Import a module of an extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f'{shown}: {what} needs packages that are not installed; run: pip install "tallystick[{extra}]".'
        ) from error
