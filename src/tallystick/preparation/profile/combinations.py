"""Few fields that together tell records apart, and how many records they make unique."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.preparation.profile.associations import joint_codes
from tallystick.preparation.profile.columns import Codes, Column

MOST_FIELDS = 5
ENOUGH = 0.999
"""Share of unique records from which on no field is added."""


@dataclass(frozen=True)
class Combination:
    """Fields, and what they do together.

    Attributes
    ----------
    fields : tuple of str
        In the order in which they were chosen.
    n_complete : int
        Records that have all of them.
    n_unique : int
        Complete records that no other complete record equals in all of them.
    n_records : int
        Records of the source.
    """

    fields: tuple[str, ...]
    n_complete: int
    n_unique: int
    n_records: int

    @property
    def share(self) -> float:
        """Share of all records that are made unique."""
        return self.n_unique / self.n_records


def unique_combinations(
    columns: Sequence[Column], apart: Collection[frozenset[str]] = ()
) -> tuple[Combination, ...]:
    """The best field, then the best one to add to it, and so on; each count is exact.

    Parameters
    ----------
    columns : sequence of Column
        Of one source: its matching variables.
    apart : collection of frozenset of str
        Two fields that should not both be matching variables.

    Returns
    -------
    tuple of Combination
        One for each size, while a further field makes more records unique; where one field is enough, those
        of the other fields follow.
    """
    found = _chain(columns, apart)
    while found and found[-1].share >= ENOUGH and len(found[-1].fields) == 1:
        # A field that does it alone, such as a telephone number, says nothing of what the others can do.
        alone = {one.fields[0] for one in found if len(one.fields) == 1}
        others = _chain([one for one in columns if one.name not in alone], apart)
        if not others:
            break
        found += others
    return tuple(found)


def _chain(columns: Sequence[Column], apart: Collection[frozenset[str]]) -> list[Combination]:
    chosen: list[Column] = []
    found: list[Combination] = []
    while len(chosen) < MOST_FIELDS and (not found or found[-1].share < ENOUGH):
        able = [
            one
            for one in columns
            if all(one is not other and frozenset((one.name, other.name)) not in apart for other in chosen)
        ]
        tried = [(combination([*chosen, one]), one) for one in able]
        if not tried:
            break
        best, field = max(tried, key=lambda one: one[0].n_unique)
        if best.n_unique <= (found[-1].n_unique if found else 0):
            break
        chosen.append(field)
        found.append(best)
    return found


def combination(columns: Sequence[Column]) -> Combination:
    """What some fields do together.

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.preparation.profile.columns import code_column
    >>> name, sex = (code_column(pl.Series(v)) for v in (["ann", "ann", "ben", None], list("mfmf")))
    >>> combination([name]).n_unique, combination([name, sex]).n_unique
    (1, 3)
    """
    complete = np.logical_and.reduce([one.codes > 0 for one in columns])
    joint = joint_codes([one.codes[complete] for one in columns])
    return Combination(
        tuple(one.name for one in columns), len(joint), _n_single(joint), len(columns[0].codes)
    )


def _n_single(codes: Codes) -> int:
    """Codes that occur once."""
    if not len(codes):
        return 0
    ordered: NDArray[np.int64] = np.sort(codes)
    new = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    return int((np.diff(new, append=len(ordered)) == 1).sum())
