"""What a sample of judged links and non-links says, stratum by stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

StratumKind = Literal["link", "non-link", "record"]
"""What a unit is: a link (or its record), a candidate pair that is no link, a record without a link."""


@dataclass(frozen=True)
class Outcome:
    """What one judged unit adds to the counts of right and wrong decisions.

    Attributes
    ----------
    name : str
        What was found.
    true_links, false_links, missed : float
        Numbers of pairs. A missed match that could have been found from either of its records counts half
        from each.
    follow : float
        Those of the missed that nobody named, but that follow from others: no link is made of them where
        what was found is put right.
    """

    name: str
    true_links: float = 0.0
    false_links: float = 0.0
    missed: float = 0.0
    follow: float = 0.0


RIGHT = Outcome("right", true_links=1.0)
"""A link is a match."""
WRONG = Outcome("wrong", false_links=1.0)
"""A link is no match, and nothing else is said of its record."""
OTHER = Outcome("another record", false_links=1.0, missed=1.0)
"""The match of a linked record is another record."""
NONE = Outcome("no match")
"""A pair that is no link is no match, or a record without a link has none."""
FOUND = Outcome("missed", missed=1.0)
"""A match that is no link."""

LINK_OF_RECORD = (RIGHT, WRONG, OTHER)
LINK = (RIGHT, WRONG)
NO_LINK = (NONE, FOUND)


@dataclass(frozen=True)
class JudgedStratum:
    """A stratum and what was found in its sample.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"link", "non-link", "record"}
        What its units are.
    size : int
        Number of units.
    outcomes : tuple of Outcome
        What a unit can be, the machine's decision right first, the worst last.
    counts : tuple of int
        How many of the judged units were each.
    unsure, open : int
        Units that were drawn but have no verdict: reviewers were unsure, or have not come to them.

    Examples
    --------
    >>> JudgedStratum("surest", "link", 20_000, LINK, (500, 0)).judged
    500
    """

    name: str
    kind: StratumKind
    size: int
    outcomes: tuple[Outcome, ...]
    counts: tuple[int, ...]
    unsure: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.outcomes) or len(self.outcomes) < 2 or min(self.counts) < 0:
            raise ValueError(f"stratum {self.name}: a count of at least 0 belongs to each of its outcomes")
        if self.judged + self.unsure + self.open > self.size:
            raise ValueError(f"stratum {self.name}: more units were drawn than it has")

    @property
    def judged(self) -> int:
        """Number of units with a verdict."""
        return sum(self.counts)

    @property
    def contributions(self) -> NDArray[np.float64]:
        """True links, false links and missed matches of each outcome, shape (n_outcomes, 3)."""
        return np.array([(one.true_links, one.false_links, one.missed) for one in self.outcomes])

    def answered(self, n: int, outcome: int) -> JudgedStratum:
        """The stratum as if `n` more units had turned out to be of an outcome, by its number."""
        counts = list(self.counts)
        counts[outcome] += n
        return replace(self, counts=tuple(counts), unsure=0, open=0)


@dataclass(frozen=True)
class Collapsed:
    """Strata that can be estimated from, and what had to be put together for it.

    Attributes
    ----------
    strata : tuple of JudgedStratum
        Each with at least one judged unit, but for `blank`.
    joined : tuple of (str, str)
        A stratum with nobody judged, and the one that it was put together with.
    blank : tuple of str
        Kinds of units of which nobody was judged at all.
    """

    strata: tuple[JudgedStratum, ...]
    joined: tuple[tuple[str, str], ...]
    blank: tuple[StratumKind, ...]


def collapse(strata: Sequence[JudgedStratum]) -> Collapsed:
    """Put every stratum with nobody judged together with the nearest of its kind that has somebody.

    Of two equally near ones it is the one with the larger share of errors, so that the doubt grows rather
    than shrinks (collapsed strata: Cochran 1977, section 5A.12).

    Parameters
    ----------
    strata : sequence of JudgedStratum
        In an order in which near ones are alike; those of one kind have the same outcomes.

    Returns
    -------
    Collapsed

    Examples
    --------
    >>> strata = [JudgedStratum("a", "link", 50, LINK, (9, 1)), JudgedStratum("b", "link", 5, LINK, (0, 0))]
    >>> collapse(strata).strata[0].size, collapse(strata).joined
    (55, (('b', 'a'),))
    """
    strata = [one for one in strata if one.size]
    kept: dict[int, JudgedStratum] = {k: one for k, one in enumerate(strata) if one.judged}
    joined: list[tuple[str, str]] = []
    blank: list[StratumKind] = []
    for k, one in enumerate(strata):
        if one.judged:
            continue
        near = [j for j, other in enumerate(strata) if other.kind == one.kind and other.judged]
        if not near:
            kept[k] = one
            if one.kind not in blank:
                blank.append(one.kind)
            continue
        j = min(near, key=lambda j: (abs(j - k), strata[j].counts[0] / strata[j].judged, j))
        into = kept[j]
        kept[j] = replace(
            into, size=into.size + one.size, unsure=into.unsure + one.unsure, open=into.open + one.open
        )
        joined.append((one.name, into.name))
    return Collapsed(tuple(kept[k] for k in sorted(kept)), tuple(joined), tuple(blank))
