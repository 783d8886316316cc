"""Probabilities of levels that are given by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Probabilities = tuple[float, ...]


def of_agreement(value: Any, labels: Sequence[str]) -> Any:
    """The probabilities of two levels from that of agreement, where one number is given.

    Parameters
    ----------
    value
        What is given.
    labels : sequence of str
        Labels of the levels; empty where they are not known.

    Returns
    -------
    object
        What is no number is returned as it is.

    Raises
    ------
    ValueError
        Where there are not two levels.

    Examples
    --------
    >>> of_agreement(0.9, ["different", "equal"])
    (0.1, 0.9)
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value
    if labels and len(labels) != 2:
        raise ValueError(
            f"found one number, expected {len(labels)}, "
            "one for each level from disagreement up: " + ", ".join(labels)
        )
    # In decimals, so that 0.9 goes with 0.1 and not with 0.09999999999999998.
    return (float(1 - Decimal(repr(value))), float(value))


def checked_probabilities(value: Probabilities, labels: Sequence[str]) -> Probabilities:
    """The probabilities themselves, where they are those of the levels.

    Parameters
    ----------
    value : tuple of float
        One for each level from disagreement up.
    labels : sequence of str
        Labels of the levels; empty where they are not known, so that nothing can be checked.

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        Where they are too many or too few, not between 0 and 1, or do not sum to 1.
    """
    if not labels:
        return value
    if len(value) != len(labels):
        raise ValueError(
            f"found {len(value)} number{'s' * (len(value) != 1)}, expected {len(labels)}, "
            "one for each level from disagreement up: " + ", ".join(labels)
        )
    for one in value:
        if not 0 < one < 1:
            raise ValueError(f"found the probability {one:g}, expected more than 0 and less than 1")
    if abs(math.fsum(value) - 1) > 1e-6:
        raise ValueError(f"found probabilities that sum to {math.fsum(value):.9g}, expected a sum of 1")
    return value
