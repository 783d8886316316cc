"""Decisions against the truth: how many pairs of each kind are matches, and the rates made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.rates import Rates

NOT_KEPT = "not kept"
"""Pairs that no pass finds, or whose weight is below the floor: what becomes of them is not told apart."""
DECISIONS = ("link", "possible", "non-link", NOT_KEPT)
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class DecisionMatrix:
    """Numbers of pairs by decision and truth, over all pairs that could have been linked.

    Attributes
    ----------
    rows : mapping of str to (int, int, int)
        For each of `DECISIONS` the matches, the non-matches, and the pairs of unknown truth.
    """

    rows: Mapping[str, tuple[int, int, int]]

    def rates(self, *, possible: bool = False) -> Rates:
        """Rates of the links; a link of unknown truth counts as false, as in `tallystick evaluate` always.

        Parameters
        ----------
        possible : bool
            Whether possible links count as links.

        Returns
        -------
        Rates
        """
        taken = ("link", "possible") if possible else ("link",)
        true, false = (sum(self.rows[name][k] for name in taken) for k in (0, 1))
        unknown = sum(self.rows[name][2] for name in taken)
        allowed = sum(map(sum, self.rows.values()))
        matches = sum(row[0] for row in self.rows.values())
        false += unknown
        return Rates(float(true + false), float(true), float(false), float(matches - true), float(allowed))

    def to_dict(self) -> dict[str, Any]:
        """The matrix as plain data: a dict for each decision."""
        return {
            name: dict(zip(("match", "non_match", "unknown"), self.rows[name], strict=True))
            for name in DECISIONS
        }


def decision_matrix(
    decision: NDArray[Any], match: Bools, known: Bools, allowed: float, allowed_known: float, matches: float
) -> DecisionMatrix:
    """Count the pairs that a linkage has kept, and infer from the totals those that it has not.

    Parameters
    ----------
    decision : array of str, shape (n_pairs,)
        ``link``, ``possible`` or ``non-link``.
    match, known : bool arrays, shape (n_pairs,)
        Whether the pair is a match, and whether that is known.
    allowed, allowed_known, matches : float
        Pairs that could have been linked, those of them of which the truth is known, and the matches.

    Returns
    -------
    DecisionMatrix

    Examples
    --------
    >>> link = np.array(["link", "link", "non-link"])
    >>> match, known = np.array([True, False, True]), np.array([True, False, True])
    >>> decision_matrix(link, match, known, 100, 90, 5).rows["not kept"]
    (3, 85, 9)
    """
    rows: dict[str, tuple[int, int, int]] = {}
    for name in DECISIONS[:-1]:
        own = decision == name
        rows[name] = (int((own & match).sum()), int((own & known & ~match).sum()), int((own & ~known).sum()))
    kept = [sum(row[k] for row in rows.values()) for k in range(3)]
    totals = (matches, allowed_known - matches, allowed - allowed_known)
    rest = [round(total) - own for total, own in zip(totals, kept, strict=True)]
    rows[NOT_KEPT] = (rest[0], rest[1], rest[2])
    return DecisionMatrix(rows)
