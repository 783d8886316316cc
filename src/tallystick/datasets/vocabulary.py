"""Lists of distinct texts, as a column and as rows of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]

# Two errors lengthen a value by at most two characters each.
SLACK = 4


@dataclass(frozen=True)
class Vocabulary:
    """Distinct texts of ASCII characters; values of a column are codes into them.

    Parameters
    ----------
    texts : polars.Series
        The texts.
    rows : ndarray of uint8, shape (texts, width)
        Their characters, padded with 0; wide enough for a text that two errors made longer.
    lengths : ndarray of int64, shape (texts,)
        Numbers of characters.
    """

    texts: pl.Series
    rows: NDArray[np.uint8]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Vocabulary:
        """The vocabulary of these texts, which must be ASCII."""
        codes = np.array([text.encode("ascii") for text in texts], dtype=np.bytes_)
        width = max(1, codes.dtype.itemsize)
        rows = np.zeros((len(texts), width + SLACK), np.uint8)
        rows[:, :width] = codes.view(np.uint8).reshape(len(texts), width)
        return cls(pl.Series(texts, dtype=pl.String), rows, (rows > 0).sum(axis=1))

    @classmethod
    def of_rows(cls, rows: NDArray[np.uint8], width: int) -> Vocabulary:
        """The vocabulary of texts of `width` characters, from their rows."""
        texts = np.ascontiguousarray(rows[:, :width]).view(f"S{width}").ravel().astype(f"U{width}")
        return cls(pl.Series(texts.tolist(), dtype=pl.String), rows, np.full(len(rows), width, np.int64))
