"""Linked files with linkage errors of known kind: which record the outcome of each row belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def dense(blocks: Any, q: Any) -> Floats:
    """Q of exchangeable errors as its definition has it: q of the block, else any other record alike."""
    labels, codes, sizes = np.unique(blocks, return_inverse=True, return_counts=True)
    n, own = sizes[codes], np.broadcast_to(q, labels.shape)[codes]
    wrong = np.where(n > 1, (1 - own) / np.maximum(n - 1, 1), 0.0)
    same = codes[:, None] == codes
    return np.where(np.eye(len(codes), dtype=bool), own, np.where(same, wrong, 0.0))


def derangement(rng: np.random.Generator, n: int) -> Ints:
    """A random permutation without a fixed point."""
    while True:
        found = rng.permutation(n)
        if not (found == np.arange(n)).any():
            return found


def moved(rng: np.random.Generator, rows: Ints) -> Ints:
    """Those rows, each in another's place."""
    return rows[derangement(rng, len(rows))]


def exchanged(rng: np.random.Generator, sizes: list[int], wrong: list[int]) -> Ints:
    """Exchangeable errors with a given number of wrong links in each block; 1 of them cannot be.

    Returns, for each row, the row whose outcome it carries.
    """
    source = np.arange(sum(sizes))
    begin = 0
    for size, count in zip(sizes, wrong, strict=True):
        if count:
            rows = begin + rng.choice(size, count, replace=False)
            source[rows] = moved(rng, rows)
        begin += size
    return source


def exchanged_by_record(rng: np.random.Generator, sizes: list[int], doubt: Floats) -> Ints:
    """Each link is wrong with its own chance, and wrong ones exchange outcomes; a single wrong one stays."""
    source = np.arange(sum(sizes))
    begin = 0
    for size in sizes:
        rows = begin + np.flatnonzero(rng.random(size) < doubt[begin : begin + size])
        if len(rows) > 1:
            source[rows] = moved(rng, rows)
        begin += size
    return source


def permutations_with(n: int, wrong: int) -> Iterator[tuple[int, ...]]:
    """All permutations of n in which that many are out of place."""
    for one in itertools.permutations(range(n)):
        if sum(k != at for at, k in enumerate(one)) == wrong:
            yield one


@dataclass(frozen=True)
class Compared:
    """Two files compared in blocks.

    Attributes
    ----------
    left, right : int64 arrays, shape (n_pairs,)
        All pairs of a block, as rows of the two files.
    weight : float64 array, shape (n_pairs,)
        Match weights with the true m and u.
    match : int64 array, shape (n_right,)
        Row of the left file that each of the right is, -1 where there is none.
    block : int64 array, shape (n_right,)
        Block of each row of the right file.
    """

    left: Ints
    right: Ints
    weight: Floats
    match: Ints
    block: Ints


def compared(
    rng: np.random.Generator,
    n_blocks: int,
    size: int = 8,
    *,
    fields: int = 3,
    values: int = 4,
    wrong: float = 0.1,
    missing: float = 0.19,
    coverage: float = 1.0,
) -> Compared:
    """Records of both files in blocks, compared by fields with equally frequent values.

    A field of a match has another value with chance `wrong`, and a field is missing in the one or the other
    file with chance `missing`, so that m and u are known. Only a share `coverage` of the right file's
    records are in the left file, the others are new.
    """
    n = n_blocks * size
    left_values = rng.integers(0, values, (n, fields))
    block = np.repeat(np.arange(n_blocks), size)
    shift = np.argsort(rng.random((n_blocks, size)), axis=1)
    match = (shift + np.arange(n_blocks)[:, None] * size).ravel()
    new = rng.random(n) >= coverage
    other = (left_values[match] + rng.integers(1, values, (n, fields))) % values
    right_values = np.where(rng.random((n, fields)) < wrong, other, left_values[match])
    right_values[new] = rng.integers(0, values, (int(new.sum()), fields))
    absent = rng.random((n, fields)) < missing
    match = np.where(new, -1, match)
    grid = np.arange(n).reshape(n_blocks, size)
    left = np.repeat(grid, size, axis=1).ravel()
    right = np.tile(grid, (1, size)).ravel()
    u = 1 / values
    agree = np.where(
        left_values[left] == right_values[right], np.log((1 - wrong) / u), np.log(wrong / (1 - u))
    )
    weight = np.where(absent[right], 0.0, agree).sum(axis=1)
    return Compared(left, right, weight, match, block)
