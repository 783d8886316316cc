"""Agreement patterns as integers: one digit per comparison, one per part of a blocking key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError


@dataclass(frozen=True)
class PatternCoding:
    """Mixed-radix numbers of agreement patterns.

    The first digits are the levels of the comparisons, from 0 (disagreement) to ``n_levels - 1``
    (full agreement) and ``n_levels`` (missing). Behind them stands one digit, 0 or 1, for every
    part of a blocking key on which selection depends. The first digit is the least significant.

    Attributes
    ----------
    n_levels : tuple of int
        Number of levels of every comparison, the missing one not counted.
    n_keys : int
        Number of parts of blocking keys.

    Examples
    --------
    >>> coding = PatternCoding((2, 3), 0)
    >>> coding.encode(np.array([[1, 2], [2, 3]], np.uint8)).tolist()
    [7, 11]
    >>> coding.texts(np.array([7, 11])), coding.size
    (['1-2', '.-.'], 12)
    """

    n_levels: tuple[int, ...]
    n_keys: int = 0

    def __post_init__(self) -> None:
        size = 1
        for radix in self.radices:
            size *= radix
        if size >= 2**63:
            raise InputError(
                f"The {len(self.n_levels)} comparisons have {size:.1e} agreement patterns, more than 63 bits "
                "can number: use fewer comparisons or fewer levels."
            )

    @property
    def radices(self) -> tuple[int, ...]:
        """Number of values of every digit."""
        return tuple(n + 1 for n in self.n_levels) + (2,) * self.n_keys

    @property
    def n_digits(self) -> int:
        """Number of digits."""
        return len(self.n_levels) + self.n_keys

    @property
    def size(self) -> int:
        """Number of patterns that can be told apart."""
        return math.prod(self.radices)

    @cached_property
    def multipliers(self) -> NDArray[np.int64]:
        """Place value of every digit, shape (n_digits,)."""
        return np.cumprod(np.array((1, *self.radices[:-1]), np.int64))

    @property
    def smallest_type(self) -> type[np.uint16] | type[np.int32] | type[np.int64]:
        """The smallest of three integer types that holds every pattern number."""
        if self.size <= np.iinfo(np.uint16).max:
            return np.uint16
        return np.int32 if self.size <= np.iinfo(np.int32).max else np.int64

    def digit_values(self) -> NDArray[np.int64]:
        """What each value of each digit adds to the number, shape (n_digits, largest radix)."""
        return self.multipliers[:, None] * np.arange(max(self.radices), dtype=np.int64)[None, :]

    def encode(self, digits: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Numbers of patterns; `digits` has shape (n, n_digits)."""
        return np.asarray(digits.astype(np.int64) @ self.multipliers, np.int64)

    def decode(self, patterns: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Digits of pattern numbers, shape (n, n_digits)."""
        radices = np.array(self.radices, np.int64)
        return ((patterns[:, None] // self.multipliers) % radices).astype(np.uint8)

    def texts(self, patterns: NDArray[np.int64]) -> list[str]:
        """Patterns for people: the comparisons' levels joined by ``-``, a missing one as ``.``."""
        levels = self.decode(patterns)[:, : len(self.n_levels)]
        return [
            "-".join("." if digit == n else str(digit) for digit, n in zip(row, self.n_levels, strict=True))
            for row in levels.tolist()
        ]


def parse_pattern(text: str | Sequence[int | None], n_levels: Sequence[int]) -> NDArray[np.uint8]:
    """Digits of a pattern that a person wrote: ``1-1-0-.``, ``1,1,0,.`` or a sequence with None for missing.

    Parameters
    ----------
    text : str or sequence of int or None
        The levels.
    n_levels : sequence of int
        Number of levels of every comparison.

    Returns
    -------
    uint8 array, shape (n_comparisons,)

    Raises
    ------
    InputError
        Where the number of levels or a level does not fit.

    Examples
    --------
    >>> parse_pattern("1-.-0", (2, 2, 2)).tolist()
    [1, 2, 0]
    """
    parts: Sequence[object] = text.replace(",", "-").split("-") if isinstance(text, str) else text
    if len(parts) != len(n_levels):
        raise InputError(
            f"The pattern {text!r} has {len(parts)} levels, but there are {len(n_levels)} comparisons."
        )
    digits = []
    for number, (part, n) in enumerate(zip(parts, n_levels, strict=True), start=1):
        word = "." if part is None else str(part).strip()
        if word == ".":
            digits.append(n)
        elif word.isdigit() and int(word) < n:
            digits.append(int(word))
        else:
            raise InputError(
                f"Level {number} of the pattern {text!r} is {word!r}: "
                f"expected 0 to {n - 1}, or '.' for missing."
            )
    return np.array(digits, np.uint8)
