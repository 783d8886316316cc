"""Warnings of steps that take much away: the sign of a step that does not fit its file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from tallystick._formats import percent
from tallystick.errors import TallystickWarning
from tallystick.preparation.chain import StepCount
from tallystick.preparation.source import Source

MUCH = 0.1
"""Share of the values of a field that a step can set missing, or report, without a warning."""
FEW = 10
"""Up to so many values no share tells anything."""
_HARMLESS = ("missing", "nickname")
"""Steps that are there to set values missing, or leave what they report as it is: whatever the share."""


def warn_of_steps(source: Source, counts: Sequence[StepCount]) -> None:
    """Warn of steps that set much of a field missing, or could not decide much of it.

    Parameters
    ----------
    source : Source
    counts : sequence of StepCount
        What the steps of a field did.

    Warns
    -----
    TallystickWarning
    """
    for one in counts:
        emptied = one.n_emptied
        n = max(emptied, one.n_reported)
        if one.step in _HARMLESS and emptied < one.n_present:
            continue
        if n <= max(FEW, MUCH * one.n_present) or not one.n_present:
            continue
        what = "set missing" if emptied >= one.n_reported else "reported"
        why = max(one.reported, key=lambda reason: one.reported[reason], default="")
        where = f"{source.shown}: {one.place}, the step {one.step!r} of {one.field!r}"
        share = f"{n:,} of {one.n_present:,} values {what} ({percent(n / one.n_present)})"
        warnings.warn(
            f"{where}: {share}{': ' + why if why else ''}. See whether the step and its settings fit.",
            TallystickWarning,
            stacklevel=5,
        )
