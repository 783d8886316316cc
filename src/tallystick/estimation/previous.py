"""The m and u of a previous linkage's model, matched to the comparisons of this one."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick._problems import nearest
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.settings import Previous


def matched(
    comparisons: Sequence[Comparison], previous: Parameters, settings: Previous
) -> tuple[ComparisonParameters | None, ...]:
    """The parameters of each comparison in a previous model.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Those of this linkage.
    previous : Parameters
        Those of the previous one.
    settings : Previous
        Where the model is, and what becomes of comparisons that it lacks.

    Returns
    -------
    tuple of ComparisonParameters or None
        One for each comparison; None for one that the model lacks, where these may be estimated.

    Raises
    ------
    InputError
        Where the model lacks a comparison, has none of them, or has one with other levels.
    """
    known = {one.name: one for one in previous.comparisons}
    where = f"The previous model {settings.model}"
    named = ", ".join(known)
    found = []
    for one in comparisons:
        own = known.get(one.name)
        if own is None and settings.others == "refuse":
            near = nearest(one.name, known)
            raise InputError(
                f"{where} has no comparison {one.name!r}, but {named}"
                + (f" (did you mean {near!r}?)" if near else "")
                + ': name the comparisons alike, or set others = "estimate" to have those that it lacks '
                "estimated."
            )
        if own is not None and own.labels != one.labels:
            raise InputError(
                f"{where} has comparison {one.name!r} with the levels {', '.join(own.labels)}, where this "
                f"linkage has {', '.join(one.labels)}: compare alike (with frequencies, by a table of them), "
                "or give the comparison another name."
            )
        found.append(own)
    if not any(found):
        raise InputError(
            f"{where} has none of the comparisons of this linkage, but {named}: name the comparisons alike, "
            "or leave the model out."
        )
    return tuple(found)
