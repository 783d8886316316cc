"""Fields whose values need cleaning before they are compared, and the steps that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tallystick.preparation.steps.missing import MissingLabels
from tallystick.preparation.steps.step import Context
from tallystick.starter.choose import Choice
from tallystick.starter.dates import CERTAIN
from tallystick.starter.guess import Guess

_WRITTEN = r"^\d{4}(-\d{2}(-\d{2})?)?$"
"""Dates as the step ``date`` writes them."""
_SHOWN = 3


@dataclass(frozen=True)
class Cleaning:
    """Steps for one field.

    Attributes
    ----------
    field : str
    steps : tuple of str
        Names of steps, in the order in which they are done.
    reasons : tuple of str
        What each is for.
    """

    field: str
    steps: tuple[str, ...]
    reasons: tuple[str, ...]


def cleaning(choices: Sequence[Choice], found: Guess) -> list[Cleaning]:
    """What should be done to the fields that are compared.

    Parameters
    ----------
    choices : sequence of Choice
    found : Guess

    Returns
    -------
    list of Cleaning
        Only of fields that need it.
    """
    result = []
    for choice in choices:
        for name in choice.field.names:
            values = pl.concat([frame[name] for frame in found.frames]).drop_nulls()
            needed = {}
            if labels := _labels(values.unique(maintain_order=True)):
                more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
                needed["missing"] = f"labels that mean missing ({', '.join(labels[:_SHOWN])}{more})"
            if name in found.broken:
                needed["repair"] = "signs of a wrong encoding"
            # A declared format reads them, too.
            if choice.field.kind == "date" and len(choice.field.names) == 1 and choice.format is None:
                written = int(values.str.contains(_WRITTEN).sum())
                if written < CERTAIN * len(values):
                    needed["date"] = "dates that are not ISO 8601; years of two digits need a rule"
            if needed:
                result.append(Cleaning(name, tuple(needed), tuple(needed.values())))
    return result


def _labels(values: pl.Series) -> list[str]:
    _, rules, _ = MissingLabels().change(values, Context())
    return sorted(rule.removeprefix("label ") for rule in rules)
