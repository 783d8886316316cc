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

    def shown(self, n_distinct: int, show_values: bool = False) -> str:
        """The value as it may be shown: its shape where the field has many values or few records have it.

        Parameters
        ----------
        n_distinct : int
            Distinct values of the field.
        show_values : bool
            Show it in any case.

        Examples
        --------
        >>> TopValue("smith", 5_000).shown(80_000), TopValue("m", 5_000).shown(2), TopValue("x7", 3).shown(2)
        ('xxxx…', 'm', 'x9')
        """
        if show_values or (n_distinct <= LISTED and self.n >= FEWEST):
            return self.value
        return mask(self.value)

    def masked(self, n_distinct: int, show_values: bool = False) -> bool:
        """Whether `shown` gives the shape only."""
        return not (show_values or (n_distinct <= LISTED and self.n >= FEWEST))


def value_dicts(values: Sequence[TopValue], n_distinct: int, show_values: bool) -> list[dict[str, Any]]:
    """Values as plain data."""
    return [
        {
            "value": one.shown(n_distinct, show_values),
            "masked": one.masked(n_distinct, show_values),
            "records": one.n,
        }
        for one in values
    ]
