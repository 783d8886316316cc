"""Kernels on values that are numbers: differences, parts of dates, places, sets.

All take codes ``a`` and ``b`` into tables of the two sides' values, and write one level a pair. A
value that is missing or cannot be read is NaN (numbers, places) or 0 (dates, parts of dates).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick._compile import kernel

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Levels = NDArray[np.uint8]
Starts = NDArray[np.int64]

# Decimal fractions are not exact in binary: 1.1 - 1.0 is a little more than 0.1. Two values, a
# limit, a difference and a product are each off by at most 2**-53 of their size.
_ROUNDING = 2.0**-51


@kernel
def number_levels(
    left: Floats, right: Floats, limits: Floats, relative: bool, a: Codes, b: Codes, out: Levels
) -> None:
    """Level of the difference of two numbers: how many of the ascending limits it does not exceed.

    With ``relative`` the limits are shares of the number that is larger in absolute value.
    """
    n_limits = len(limits)
    for i in range(len(a)):
        x, y = left[a[i]], right[b[i]]
        if np.isnan(x) or np.isnan(y):
            out[i] = n_limits + 1
            continue
        size = max(abs(x), abs(y))
        difference = abs(x - y)
        level = n_limits
        for k in range(n_limits):
            limit = limits[k] * size if relative else limits[k]
            if difference <= limit + _ROUNDING * max(size, limit):
                break
            level -= 1
        out[i] = level


@kernel
def date_part_levels(left: Codes, right: Codes, a: Codes, b: Codes, out: Levels) -> None:
    """Level of two dates packed as ``year << 10 | month << 5 | day``, an unknown part being 0.

    4 all parts agree, 3 day and month swapped, 2 two parts agree, 1 the year agrees, 0 otherwise;
    5 where neither the year nor two parts are known on both sides.
    """
    for i in range(len(a)):
        x, y = left[a[i]], right[b[i]]
        year_x, month_x, day_x = x >> 10, (x >> 5) & 31, x & 31
        year_y, month_y, day_y = y >> 10, (y >> 5) & 31, y & 31
        year = int(year_x == year_y) & int(year_x != 0)
        month = int(month_x == month_y) & int(month_x != 0)
        day = int(day_x == day_y) & int(day_x != 0)
        agreeing = year + month + day
        # Where two parts agree the rest of the answer does not depend on what is unknown.
        if agreeing == 3:
            out[i] = 4
        elif agreeing == 2:
            out[i] = 2
        else:
            shared_year = int(year_x != 0) & int(year_y != 0)
            shared_month = int(month_x != 0) & int(month_y != 0)
            shared_day = int(day_x != 0) & int(day_y != 0)
            if shared_year + shared_month + shared_day < 2 and shared_year == 0:
                out[i] = 5
            elif year == 1:
                swapped = int(month_x == day_y) & int(day_x == month_y) & shared_month & shared_day
                out[i] = 1 + 2 * swapped
            else:
                out[i] = 0


@kernel
def place_levels(left: Floats, right: Floats, limits: Floats, a: Codes, b: Codes, out: Levels) -> None:
    """Level of two points of the unit sphere: how many ascending squared chords they do not exceed."""
    n_limits = len(limits)
    for i in range(len(a)):
        p, q = left[a[i]], right[b[i]]
        chord = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2
        if np.isnan(chord):
            out[i] = n_limits + 1
            continue
        level = n_limits
        for k in range(n_limits):
            if chord <= limits[k]:
                break
            level -= 1
        out[i] = level


@kernel
def set_pairs(
    left_starts: Starts,
    left_elements: Codes,
    right_starts: Starts,
    right_elements: Codes,
    a: Codes,
    b: Codes,
    element_a: Codes,
    element_b: Codes,
) -> None:
    """Write the pairs of elements of all pairs of sets, one pair of sets after the other."""
    at = 0
    for i in range(len(a)):
        for j in range(left_starts[a[i]], left_starts[a[i] + 1]):
            for k in range(right_starts[b[i]], right_starts[b[i] + 1]):
                element_a[at] = left_elements[j]
                element_b[at] = right_elements[k]
                at += 1


@kernel
def best_levels(sizes: Starts, levels: Levels, missing: int, out: Levels) -> None:
    """Highest level of each run of ``levels``; missing where the run has nothing else."""
    at = 0
    for i in range(len(sizes)):
        best = -1
        for _ in range(sizes[i]):
            level = levels[at]
            at += 1
            if level != missing and level > best:
                best = level
        out[i] = missing if best < 0 else best
