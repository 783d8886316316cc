"""Levels of two names of a person, which may stand in each other's place."""

from __future__ import annotations

from tallystick.comparisons.conditions import Agrees, Levels, agrees, levels
from tallystick.comparisons.equality import exact
from tallystick.comparisons.strings import jaro_winkler


def names(
    forename: str = "forename",
    surname: str = "surname",
    *,
    threshold: float | None = None,
    one: bool = True,
) -> Levels:
    """Levels of forename and surname together: both agree, they are swapped, one agrees, or none does.

    Swapped are two names where each equals the other record's other one: "maria", "rossi" and "rossi",
    "maria". They are `levels` of conditions, which in a TOML file are written out (see the guide).

    Parameters
    ----------
    forename, surname : str
        The fields.
    threshold : float, optional
        Jaro-Winkler similarity from which two names agree; by default they have to be equal.
    one : bool
        Whether there is a level for one of the two agreeing where it stands.

    Returns
    -------
    Levels
        For `comparison`, which then needs no fields.

    Raises
    ------
    InputError
        If the threshold is out of range.

    Examples
    --------
    >>> names().labels()
    ('none of the levels above', 'one agrees', 'swapped', 'both agree')
    """
    how = exact() if threshold is None else jaro_winkler(threshold)

    def same(left: str, right: str) -> Agrees:
        return agrees(left=left, right=right, comparator=how, at_least=1)

    first, last = same(forename, forename), same(surname, surname)
    conditions = [first & last, same(forename, surname) & same(surname, forename), first | last]
    labels = ["both agree", "swapped", "one agrees"]
    n = 3 if one else 2
    return levels(*conditions[:n], names=labels[:n])
