"""Plain twins of what compares numbers, dates, places, sets and conditions: slow, and obvious.

Numbers are exact fractions of their decimal texts, dates come from the standard library, and the
logic of conditions is a table of truth; None stands for missing and for unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from tallystick.comparisons.conditions import Agrees, AllHold, AnyHolds, Condition
from tallystick.comparisons.fields import Leaf

Date = tuple[int | None, int | None, int | None]


def number(text: str | None) -> Fraction | None:
    """The number that a text stands for."""
    try:
        return None if text is None else Fraction(Decimal(text.strip()))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def limit_level(distance: Fraction | float, limits: Sequence[float]) -> int:
    """Level by ascending limits, equality being the top."""
    if distance == 0:
        return len(limits) + 1
    reached = [k for k, limit in enumerate(limits) if distance <= Fraction(repr(limit))]
    return len(limits) - reached[0] if reached else 0


def difference(x: str | None, y: str | None, relative: bool = False) -> Fraction | None:
    """Absolute difference of two numbers, or its share of the larger."""
    a, b = number(x), number(y)
    if a is None or b is None:
        return None
    size = max(abs(a), abs(b))
    return abs(a - b) / size if relative and size else abs(a - b)


def year_similarity(x: int, y: int) -> float:
    """Similarity of two years."""
    return math.exp(-abs(x - y) / 3) if abs(x - y) < 3 else 0.0


def parts(text: str | None) -> Date:
    """Year, month and day of an ISO date, each None where it is unknown."""
    match = (
        None if text is None else re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?|(\d{4})(\d\d)(\d\d)", text)
    )
    if match is None:
        return (None, None, None)
    found = [int(group) if group else 0 for group in (match.groups()[3:] if match[4] else match.groups()[:3])]
    known = [
        value if 0 < value <= limit else None for value, limit in zip(found, (9999, 31, 31), strict=True)
    ]
    return (known[0], known[1], known[2])


def calendar_day(value: Date) -> int | None:
    """Number of the day, None where the calendar has no such day."""
    year, month, day = value
    if year is None or month is None or day is None:
        return None
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def date_level(x: Date, y: Date) -> int | None:
    """Level of two dates by their parts."""
    shared = [k for k in range(3) if x[k] is not None and y[k] is not None]
    agreeing = [k for k in shared if x[k] == y[k]]
    if shared in ([], [1], [2]):
        return None
    if agreeing == [0, 1, 2]:
        return 4
    if len(shared) == 3 and x[0] == y[0] and (x[1], x[2]) == (y[2], y[1]):
        return 3
    if len(agreeing) == 2:
        return 2
    return 1 if agreeing == [0] else 0


def haversine_km(x: tuple[float, float], y: tuple[float, float]) -> float:
    """Great-circle distance of two places in degrees, by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(a), math.radians(b)) for a, b in (x, y))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half)))


def best_level(
    x: str | None, y: str | None, separator: str, inner: Callable[[str, str], int | None]
) -> int | None:
    """Best level over all pairs of elements."""
    sides = [[part.strip() for part in (text or "").split(separator) if part.strip()] for text in (x, y)]
    found = [inner(a, b) for a in sides[0] for b in sides[1]]
    return max((level for level in found if level is not None), default=None)


def holds(condition: Condition, levels: dict[Leaf, int | None]) -> bool | None:
    """Kleene's strong three-valued logic, from its definition: unknown unless the rest decides."""
    if isinstance(condition, Agrees):
        level = levels[condition.leaves()[0]]
        return None if level is None else level >= condition.level
    if isinstance(condition, AllHold):
        values = [holds(one, levels) for one in condition.all]
        return False if False in values else None if None in values else True
    if isinstance(condition, AnyHolds):
        values = [holds(one, levels) for one in condition.any]
        return True if True in values else None if None in values else False
    values = [holds(one, levels) for one in condition.none]
    return False if True in values else None if None in values else True


def first_that_holds(conditions: Sequence[Condition], levels: dict[Leaf, int | None]) -> int | None:
    """Level of a list of conditions, strongest first."""
    values = [holds(one, levels) for one in conditions]
    if True in values:
        return len(conditions) - values.index(True)
    return None if None in values else 0
