"""Distinct values as characters: code points of both sides in one dense alphabet.

Kernels index arrays by character, so the characters that occur get the numbers 0, 1, ... by
descending frequency; one byte holds each where at most 256 occur, two or four where more do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.comparisons.kernels_signatures import count_occurrences, text_signatures

Chars: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]

# Kernels read 64 characters at a time (see `kernels_words.where_equal`), wherever a value starts.
PADDING = 64
# How often a character occurs in a value is told up to here.
OCCURRENCES = 8
# Bits of a signature that stand for one occurrence only; the rare ones share the others.
OWN_BITS = 48
# Values a side that are looked at to choose the bits.
SAMPLE = 10_000


@dataclass(frozen=True)
class StringTable:
    """The characters of one side's distinct values, and what bounds need to know of each value.

    Attributes
    ----------
    chars : uint8, uint16 or uint32 array, shape (n_chars + 64,)
        The characters of all values, one value after the other, then zeros. Row 0, the missing
        value, has none.
    heads : uint64 array, shape (n_values + 1, 4)
        For each value: where its characters start, how many they are, its signature (see
        `kernels_signatures`), and its first four characters, 16 bits each, the first lowest.
    """

    chars: Chars
    heads: NDArray[np.uint64]


@dataclass(frozen=True)
class StringTables:
    """Both sides' values in one alphabet.

    Attributes
    ----------
    left, right : StringTable
        One and the same object where both sides are the same table.
    alphabet : int
        Number of characters that occur (at least 1); characters are below it.
    longest : int
        Length of the longest value of either side.
    same : bool
        Whether equal codes are equal values.
    """

    left: StringTable
    right: StringTable
    alphabet: int
    longest: int
    same: bool

    @property
    def arrays(self) -> tuple[Chars, NDArray[np.uint64], Chars, NDArray[np.uint64]]:
        """Characters and heads of the left side, then of the right, as kernels take them."""
        return self.left.chars, self.left.heads, self.right.chars, self.right.heads


def empty_heads(n_values: int) -> NDArray[np.uint64]:
    """Zeros of shape (n_values, 4) of which no row lies across two lines of the processor's cache."""
    words = np.zeros(4 * n_values + 7, np.uint64)
    skipped = -words.ctypes.data % 64 // 8
    return words[skipped : skipped + 4 * n_values].reshape(n_values, 4)


def empty_lines(n_values: int) -> NDArray[np.int64]:
    """Zeros of shape (n_values, 8) of which every row is one line of the processor's cache."""
    return empty_heads(2 * n_values).reshape(n_values, 8).view(np.int64)


def code_points(values: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Unicode code points of all values, and where each value starts.

    Parameters
    ----------
    values : polars.Series
        Texts, shape (n,); null counts as empty.

    Returns
    -------
    points : uint32 array, shape (n_chars,)
    offsets : int64 array, shape (n + 1,)
    """
    texts = values.fill_null("")
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(texts.str.len_chars().to_numpy(), out=offsets[1:])
    joined = texts.str.join("")[0]
    return np.frombuffer(joined.encode("utf-32-le"), np.dtype("<u4")).astype(np.uint32), offsets


def occurrence_marks(counts: NDArray[np.int64], n_values: int) -> NDArray[np.uint64]:
    """Give the occurrences of characters their bits of a signature, the telling ones a bit of their own.

    A bit tells two values apart where one has it and the other has not: with chance 2 p (1 - p) if
    a share p of the values has it. What nearly all values have, as the domain of e-mail addresses,
    would only blur a bit that it shared, and gets none.

    Parameters
    ----------
    counts : int64 array, shape (alphabet, n)
        How many values have a character more than 0, 1, .. times.
    n_values : int
        Number of values counted.

    Returns
    -------
    uint64 array, shape (alphabet, n)
        One bit set, or none.
    """
    share = counts.ravel() / max(n_values, 1)
    order = np.argsort(-share * (1.0 - share), kind="stable")
    own, others = order[:OWN_BITS], order[OWN_BITS:]
    others = others[share[others] <= 0.5]
    marks = np.zeros(counts.size, np.uint64)
    marks[own] = np.uint64(1) << np.arange(len(own), dtype=np.uint64)
    shared = OWN_BITS + np.arange(len(others), dtype=np.uint64) % (64 - OWN_BITS)
    marks[others] = np.uint64(1) << shared
    return marks.reshape(counts.shape)


def encode_text(left: pl.Series, right: pl.Series, same: bool) -> StringTables:
    """Recode the characters of both sides to one dense alphabet.

    Parameters
    ----------
    left, right : polars.Series
        Distinct values of each side, dtype String; row 0 is null.
    same : bool
        Whether both are the same table; `right` is not looked at then.

    Returns
    -------
    StringTables
    """
    sides = [code_points(left)] if same else [code_points(left), code_points(right)]
    counts = np.bincount(np.concatenate([points for points, _ in sides]), minlength=1)
    order = np.argsort(-counts, kind="stable")
    alphabet = max(1, int(np.count_nonzero(counts)))
    width = np.dtype("u1" if alphabet <= 1 << 8 else "u2" if alphabet <= 1 << 16 else "u4")
    dense: Chars = np.zeros(len(counts), width)
    dense[order[:alphabet]] = np.arange(alphabet)
    coded = [(np.append(dense[points], np.zeros(PADDING, width)), offsets) for points, offsets in sides]
    occurrences, n_counted = np.zeros((alphabet, OCCURRENCES), np.int64), 0
    for chars, offsets in coded:
        step = -(-len(offsets) // SAMPLE)
        count_occurrences(chars, offsets, step, occurrences)
        n_counted += len(range(0, len(offsets) - 1, step))
    marks = occurrence_marks(occurrences, n_counted)
    tables = []
    for chars, offsets in coded:
        heads = empty_heads(len(offsets) - 1)
        text_signatures(chars, offsets, marks, heads)
        tables.append(StringTable(chars, heads))
    longest = max(int(table.heads[:, 1].max()) for table in tables)
    return StringTables(tables[0], tables[-1], alphabet, longest, same)


def joint_keys(
    left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number the values of both sides so that equal numbers are equal values.

    Parameters
    ----------
    left, right : tuple of polars.Series
        Distinct values of each side, one series per field; row 0 is null.
    same : bool
        Whether both are the same table; `right` is not looked at then.

    Returns
    -------
    left_keys, right_keys : int32 arrays, shape (n_values + 1,)
        0 where a value, or a field of it, is missing. A right value that the left side does not
        have is -1.
    """
    names = [f"field_{k}" for k in range(len(left))]
    ours = pl.DataFrame(dict(zip(names, left, strict=True)))
    numbers = np.arange(len(ours), dtype=np.int32)
    numbers[~ours.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()] = 0
    if same:
        return numbers, numbers
    theirs = pl.DataFrame(dict(zip(names, right, strict=True)))
    keyed = ours.with_columns(pl.Series("key", numbers)).drop_nulls()
    found = theirs.join(keyed, on=names, how="left", maintain_order="left")["key"].fill_null(-1).to_numpy()
    whole = theirs.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
    return numbers, np.where(whole, found, 0).astype(np.int32)
