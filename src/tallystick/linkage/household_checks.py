"""Whether the households of two sources can mean the same."""

from __future__ import annotations

import warnings

import numpy as np

from tallystick.errors import InputError, TallystickWarning
from tallystick.linking.households import Households
from tallystick.records.households import HouseholdRecords
from tallystick.records.records import Records

FAR_APART = 2.0
"""Times that the mean size of a household may differ between two sources of one population."""
ALONE = 0.95
"""Share of households of one person from which on the field looks like the id of a person."""
TOO_MANY = 1000
"""Records that share one household: an institution, a town or a value that stands for unknown."""
CROWDED = 0.5
"""Share of the records in crowded households, or without one, from which on a source has none to speak of."""


def check_households(asked: Households, households: HouseholdRecords, records: Records) -> None:
    """Raise or warn where the households of the two sources do not look alike.

    Parameters
    ----------
    asked : Households
        The settings.
    households : HouseholdRecords
        The households.
    records : Records
        The persons.

    Raises
    ------
    InputError
        Where a source has hardly a household, or the sizes of households lie far apart.

    Warns
    -----
    TallystickWarning
        Where records are in no household because too many share it.
    """
    key, said = _said(asked)
    sizes, offsets = households.sizes, households.records.offsets
    own = [sizes[offsets[s] : offsets[s + 1]] for s in range(2)]
    n = np.diff(records.offsets)
    for s, name in enumerate(records.sources):
        inside = int(own[s].sum())
        if inside >= (1 - CROWDED) * n[s] and inside:
            continue
        raise InputError(
            f"{key}: of the {n[s]} records of source {name!r} only {inside} are in a household "
            f"({households.without[s]} lack {said}, {households.crowded[s]} share it with more than "
            f"{asked.largest} others; the most frequent one has {households.largest[s]} records): give a "
            "field that says which few persons live together, or raise households.largest."
        )
    if asked.id is not None and max(households.largest) > TOO_MANY:
        s = int(np.argmax(households.largest))
        raise InputError(
            f"{key}: {households.largest[s]} records of source {records.sources[s]!r} share {said}, which "
            "no household does: empty the value in the source where it stands for unknown or for an "
            "institution, or give another field."
        )
    mean = [float(one.mean()) for one in own]
    alone = [float((one == 1).mean()) for one in own]
    one_person = max(alone) >= ALONE and max(mean) >= 1.5
    if not asked.sizes_differ and (max(mean) > FAR_APART * min(mean) or one_person):
        raise InputError(
            f"{key}: a household of source {records.sources[0]!r} has {mean[0]:.2f} persons on average "
            f"({alone[0]:.0%} have one), one of source {records.sources[1]!r} {mean[1]:.2f} "
            f"({alone[1]:.0%}): {said} hardly means the same in both (a person, a household, a house); give "
            "fields that do, or set households.sizes_differ = true where one source has only some members."
        )
    for s, name in enumerate(records.sources):
        if households.crowded[s]:
            warnings.warn(
                f"Of source {name!r} {households.crowded[s]} records share {said} with more than "
                f"{asked.largest} others: they are taken for institutions and linked outside of households.",
                TallystickWarning,
                stacklevel=2,
            )


def _said(asked: Households) -> tuple[str, str]:
    if asked.id is not None:
        return "households.id", f"the value of {asked.id!r}"
    return "households.address", "the address (" + ", ".join(asked.fields) + ")"
