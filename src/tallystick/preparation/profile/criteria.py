"""Whether a field should be a matching variable or a blocking variable, by four criteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tallystick._formats import percent, sentence_list
from tallystick.preparation.profile.kinds import Kind

Role = Literal["matching variable", "blocking variable", "unsuitable"]

MATCHING_CHANCE = 0.6
"""Uniqueness: chance agreement up to which a matching variable tells enough; that of sex is 0.5."""
BLOCKING_CHANCE = 0.8
"""The same for a blocking variable, which can be one part of a key: the share of pairs that it leaves."""
MATCHING_PRESENT = 0.8
"""Availability: share of records with a value that a matching variable needs."""
BLOCKING_PRESENT = 0.95
"""The same for a blocking variable: a record without its key is in no block."""
MATCHING_ACCURATE = 0.95
"""Accuracy: share of values without doubt that a matching variable needs."""
BLOCKING_ACCURATE = 0.98
"""The same for a blocking variable: a match with an error in its key is lost."""
MATCHING_DAYS = 366
"""Stability: days between reference dates over which what changes over time can still be compared."""
BLOCKING_DAYS = 31
"""The same for a blocking variable."""


@dataclass(frozen=True)
class Criterion:
    """One criterion, judged.

    Attributes
    ----------
    name : {"uniqueness", "availability", "accuracy", "stability"}
    figure : float or None
        What it rests on: chance agreement, share of records with a value, share of values without doubt, days
        between the reference dates. None where that is not known.
    matching, blocking : bool or None
        Whether the field passes it as a matching and as a blocking variable; None where it cannot be judged.
    sentence : str
        The figure in words.
    """

    name: str
    figure: float | None
    matching: bool | None
    blocking: bool | None
    sentence: str


def uniqueness(chance: float | None) -> Criterion:
    """Whether two records of different persons seldom agree by chance."""
    if chance is None:
        return Criterion("uniqueness", None, False, False, "fewer than two records have a value")
    return Criterion(
        "uniqueness",
        chance,
        chance <= MATCHING_CHANCE,
        chance <= BLOCKING_CHANCE,
        f"{percent(chance)} of all pairs of records agree by chance",
    )


def availability(n_present: int, n_records: int) -> Criterion:
    """Whether most records have a value."""
    share = n_present / n_records
    return Criterion(
        "availability",
        share,
        share >= MATCHING_PRESENT,
        share >= BLOCKING_PRESENT,
        f"{percent(share)} of the records have a value",
    )


def accuracy(share: float | None) -> Criterion:
    """Whether values are right; one file tells only which are doubted, so this is a proxy and no measure."""
    if share is None:
        return Criterion("accuracy", None, None, None, "values of this type cannot be judged by themselves")
    return Criterion(
        "accuracy",
        share,
        share >= MATCHING_ACCURATE,
        share >= BLOCKING_ACCURATE,
        f"{percent(1 - share)} of the values are doubted" if share < 1 else "no value is doubted",
    )


def stability(kind: Kind, dates: Sequence[date | None], n_sources: int) -> Criterion:
    """Whether the value is the same whenever it is recorded.

    Parameters
    ----------
    kind : str
        Of the field.
    dates : sequence of date or None
        Reference dates of the sources that have the field.
    n_sources : int
        Number of sources, those without the field too.
    """
    if kind == "unknown":
        return Criterion("stability", None, None, None, "it is not known whether the field changes over time")
    if kind == "name":
        return Criterion("stability", None, True, True, "a proper name, which few change")
    if kind == "birth":
        return Criterion("stability", None, True, True, "fixed at birth")
    if len(dates) == 1 < n_sources:
        said = "changes over time, but only one of the files has it under this name"
        return Criterion("stability", None, None, None, said)
    if len(dates) == 1:
        return Criterion("stability", 0.0, True, True, "changes over time, but there is one source only")
    if None in dates:
        said = "changes over time, and the reference dates of the sources are not known"
        return Criterion("stability", None, None, None, said)
    known = [one for one in dates if one is not None]
    days = (max(known) - min(known)).days
    return Criterion(
        "stability",
        float(days),
        days <= MATCHING_DAYS,
        days <= BLOCKING_DAYS,
        f"changes over time, and {days:,} days lie between the reference dates",
    )


def role_of(criteria: Sequence[Criterion]) -> tuple[Role, bool, str]:
    """The role that a field should have.

    Parameters
    ----------
    criteria : sequence of Criterion
        All four.

    Returns
    -------
    role : str
        ``matching variable`` where no criterion fails for one; else ``blocking variable`` where none fails
        for that; else ``unsuitable``.
    fits_blocking : bool
        Whether none fails for a blocking variable.
    reason : str
        What fails, and what could not be judged.
    """
    blocks = all(one.blocking is not False for one in criteria)
    failing = [one for one in criteria if one.matching is False]
    role: Role = "matching variable" if not failing else "blocking variable" if blocks else "unsuitable"
    open_ = [one.name for one in criteria if one.matching is None]
    if failing:
        reason = "; ".join(f"{one.name} fails: {one.sentence}" for one in failing)
        if role == "unsuitable":
            also = [one for one in criteria if one.blocking is False and one.matching is not False]
            reason += "".join(f"; {one.name} fails for blocking: {one.sentence}" for one in also)
    else:
        passed = 4 - len(open_)
        reason = "passes all four criteria" if passed == 4 else f"passes {passed} of the four criteria"
    if open_:
        reason += f"; not judged: {sentence_list(open_)}"
    return role, blocks, reason
