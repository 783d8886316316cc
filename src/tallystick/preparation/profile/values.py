"""Values of records where they are shown: masked, unless they are codes that many records share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallystick._formats import mask

LISTED = 100
"""Distinct values up to which a field may be one of codes, which name nobody."""
FEWEST = 10
"""Records that must have a value for it to be shown, and a pattern to be listed."""


@dataclass(frozen=True)
class TopValue:
    """A value of a record, and how many have it."""

    value: str
    n: int


@dataclass(frozen=True)
class ShownValue:
    """A value as it is shown, or values whose masks are the same.

    Attributes
    ----------
    text : str
        The value, or its mask.
    masked : bool
    n_values : int
        How many values it stands for.
    n : int
        Records that have one of them.
    """

    text: str
    masked: bool
    n_values: int
    n: int


def shown_values(
    values: Sequence[TopValue], n_distinct: int, show_values: bool = False
) -> tuple[ShownValue, ...]:
    """Values as they may be shown: their shapes where the field has many values or few records have them.

    Parameters
    ----------
    values : sequence of TopValue
    n_distinct : int
        Distinct values of the field.
    show_values : bool
        Show them in any case.

    Returns
    -------
    tuple of ShownValue
        The most common first.

    Examples
    --------
    >>> values = [TopValue("m", 5_000), TopValue("f", 4_000), TopValue("x7", 3), TopValue("y8", 2)]
    >>> [(one.text, one.n_values, one.n) for one in shown_values(values, 4)]
    [('m', 1, 5000), ('f', 1, 4000), ('x#', 2, 5)]
    """
    found: dict[tuple[str, bool], list[int]] = {}
    for one in values:
        masked = not (show_values or (n_distinct <= LISTED and one.n >= FEWEST))
        found.setdefault((mask(one.value) if masked else one.value, masked), []).append(one.n)
    shown = [ShownValue(text, masked, len(n), sum(n)) for (text, masked), n in found.items()]
    return tuple(sorted(shown, key=lambda one: -one.n))


def value_dicts(values: Sequence[TopValue], n_distinct: int, show_values: bool) -> list[dict[str, Any]]:
    """Values as plain data."""
    return [
        {"value": one.text, "masked": one.masked, "values": one.n_values, "records": one.n}
        for one in shown_values(values, n_distinct, show_values)
    ]
