"""Errors in numbers: another digit, two digits in the wrong order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def another_digit(numbers: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each number with one digit changed; the first digit stays, unless it is the only one.

    Examples
    --------
    >>> import numpy as np
    >>> wrong = another_digit(np.array([7, 1234]), np.random.default_rng(1))
    >>> bool(wrong[0] != 7 and wrong[1] // 1000 == 1 and wrong[1] != 1234)
    True
    """
    size = len(numbers)
    digits = _digits(numbers)
    unit = 10 ** (rng.random(size) * np.maximum(digits - 1, 1)).astype(np.int64)
    digit = numbers // unit % 10
    single = 1 + (numbers - 1 + rng.integers(1, 9, size)) % 9
    return np.where(digits == 1, single, numbers + ((digit + rng.integers(1, 10, size)) % 10 - digit) * unit)


def transposed_digits(numbers: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each number with two neighbouring digits exchanged; another digit where they are the same.

    The first digit of a number of three digits or more stays.
    """
    digits = _digits(numbers)
    unit = 10 ** (rng.random(len(numbers)) * np.maximum(digits - 2, 1)).astype(np.int64)
    low, high = numbers // unit % 10, numbers // (10 * unit) % 10
    swapped = numbers + (high - low) * unit + (low - high) * 10 * unit
    fits = (low != high) & (digits > 1) & ((digits > 2) | (low > 0))
    return np.where(fits, swapped, another_digit(numbers, rng))


def _digits(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(10 ** np.arange(1, 18), numbers, side="right") + 1
