"""How many records of the other source a record can match: what links may not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Links = Literal["one_to_one", "one_to_many", "many_to_one", "many_to_many"]
"""How many partners the records of the earlier and of the later source of a pair of sources may have."""


@dataclass(frozen=True)
class Constraint:
    """Which records of a pair of sources have at most one match.

    Attributes
    ----------
    left_once, right_once : bool
        Whether a record of the left source matches at most one of the right source, and the other way round.
    """

    left_once: bool = False
    right_once: bool = False

    @property
    def competes(self) -> bool:
        """Whether pairs compete for records at all."""
        return self.left_once or self.right_once

    @property
    def one_to_one(self) -> bool:
        """Whether the records of both sources have at most one match."""
        return self.left_once and self.right_once

    def most_matches(self, n_left: int, n_right: int, pairs: float) -> float:
        """The most matches that there can be.

        Parameters
        ----------
        n_left, n_right : int
            Numbers of records.
        pairs : float
            Number of allowed pairs.

        Returns
        -------
        float

        Examples
        --------
        >>> constraint("one_to_many").most_matches(100, 500, 50_000)
        500.0
        """
        limits = [n for n, once in ((n_left, self.left_once), (n_right, self.right_once)) if once]
        return float(min([*limits, pairs]))


def constraint(
    links: Links, left_duplicate_free: bool = False, right_duplicate_free: bool = False
) -> Constraint:
    """The constraint on the pairs of two sources.

    Where no two records of a source are one entity, a record of the other source matches one of them at most.

    Parameters
    ----------
    links : {"one_to_one", "one_to_many", "many_to_one", "many_to_many"}
        What is asked of links between any two sources.
    left_duplicate_free, right_duplicate_free : bool
        Whether the sources are declared to hold every entity once (`Source.duplicate_free`).

    Returns
    -------
    Constraint

    Examples
    --------
    >>> constraint("many_to_many", left_duplicate_free=True)
    Constraint(left_once=False, right_once=True)
    """
    return Constraint(
        left_once=links in ("one_to_one", "many_to_one") or right_duplicate_free,
        right_once=links in ("one_to_one", "one_to_many") or left_duplicate_free,
    )
