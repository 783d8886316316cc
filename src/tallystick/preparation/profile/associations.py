"""Fields that agree together among different persons: one piece of evidence, not two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from tallystick._formats import MINUS, percent
from tallystick.preparation.profile.columns import Codes, Column

FEWEST_PAIRS = 30
"""Pairs that must agree on each field for their correlation to be told."""
MOST_PHI = 0.3
"""Correlation of the agreements from which on two fields should not both be matching variables."""
MOST_FOLLOWING = 0.5
"""Share of the pairs that agree on one field and agree on another, too, from which on this may follow."""
BITS_TWICE = 2.0
"""Evidence in bits that must be counted twice for that to matter; a lift of 4."""
TELLING = 0.2
"""Chance agreement below which a third field tells persons apart."""

Verdict = Literal["independent", "associated", "same persons", "too few"]


@dataclass(frozen=True)
class Association:
    """How two fields agree together over all pairs of records that have both.

    Attributes
    ----------
    left, right : str
        The fields.
    n_pairs : int
        Pairs of records that have both fields.
    n_left, n_right, n_both : int
        Pairs that agree on the one, on the other and on both.
    verdict : {"independent", "associated", "same persons", "too few"}
        ``same persons``: pairs that agree on both agree mostly on other fields, too, so the file seems to
        have persons more than once, which says nothing of different persons.
    """

    left: str
    right: str
    n_pairs: int
    n_left: int
    n_right: int
    n_both: int
    verdict: Verdict

    @property
    def phi(self) -> float | None:
        """Correlation of agreement on the one with agreement on the other; None where it is not defined."""
        if not (0 < self.n_left < self.n_pairs and 0 < self.n_right < self.n_pairs):
            return None
        left, right, both = (n / self.n_pairs for n in (self.n_left, self.n_right, self.n_both))
        return (both - left * right) / math.sqrt(left * (1 - left) * right * (1 - right))

    @property
    def right_given_left(self) -> float | None:
        """Share of the pairs that agree on the first field and agree on the second, too."""
        return self.n_both / self.n_left if self.n_left else None

    @property
    def left_given_right(self) -> float | None:
        """Share of the pairs that agree on the second field and agree on the first, too."""
        return self.n_both / self.n_right if self.n_right else None

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        shares = (self.right_given_left or 0.0, self.left_given_right or 0.0)
        leader, follower = (self.left, self.right) if shares[0] >= shares[1] else (self.right, self.left)
        base = (self.n_right if shares[0] >= shares[1] else self.n_left) / max(self.n_pairs, 1)
        phi = "not defined" if self.phi is None else phi_text(self.phi)
        return (
            f"{percent(max(shares))} of the pairs of records that agree on {leader} agree on {follower}, "
            f"too, but only {percent(base)} of all pairs; the correlation of their agreements is {phi}"
        )


def associations(columns: Sequence[Column]) -> list[Association]:
    """The association of every two fields, from exact counts of all pairs of records of one file.

    Agreement is rare for telling fields, so that a sample of pairs holds next to none. The numbers of pairs
    that agree follow from the sizes of the groups of equal values: a group of n makes n (n - 1) / 2.

    Parameters
    ----------
    columns : sequence of Column
        Of one source.

    Returns
    -------
    list of Association
    """
    found = [_associate(left, right) for left, right in combinations(columns, 2)]
    return [_without_same_persons(one, columns) for one in found]


def phi_text(phi: float) -> str:
    """A correlation with two digits; what rounds to nothing has no sign."""
    return f"{phi:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


def agreeing_pairs(*codes: Codes) -> int:
    """Pairs of rows that agree on all codes.

    Parameters
    ----------
    *codes : int64 array, shape (n,)
        At least 0.

    Returns
    -------
    int

    Examples
    --------
    >>> agreeing_pairs(np.array([1, 1, 2, 2, 2]), np.array([5, 5, 6, 6, 7]))
    2
    """
    if len(codes) > 1:
        # A row that shares one of its codes with no other row shares no combination either.
        shared = np.logical_and.reduce([np.bincount(one)[one] > 1 for one in codes])
        codes = tuple(one[shared] for one in codes)
    if not len(codes[0]):
        return 0
    joint = np.sort(joint_codes(codes))
    starts = np.flatnonzero(np.diff(joint, prepend=joint[0] - 1))
    sizes = np.diff(starts, append=len(joint))
    return int((sizes * (sizes - 1) // 2).sum())


def joint_codes(codes: Sequence[Codes]) -> Codes:
    """One code for each combination of codes of a row."""
    joint = codes[0]
    for more in codes[1:]:
        size = int(more.max(initial=0)) + 1
        if (int(joint.max(initial=0)) + 1) * size >= 2**62:
            joint = np.unique(joint, return_inverse=True)[1].astype(np.int64)
        joint = joint * size + more
    return joint


def _associate(left: Column, right: Column) -> Association:
    both = (left.codes > 0) & (right.codes > 0)
    a, b = left.codes[both], right.codes[both]
    n = len(a)
    n_left, n_right, n_both = agreeing_pairs(a), agreeing_pairs(b), agreeing_pairs(a, b)
    found = Association(left.name, right.name, n * (n - 1) // 2, n_left, n_right, n_both, "independent")
    if min(n_left, n_right) < FEWEST_PAIRS:
        return replace(found, verdict="too few")
    if (found.phi or 0.0) >= MOST_PHI or _follows(found, n_left, n_right) or _follows(found, n_right, n_left):
        return replace(found, verdict="associated")
    return found


def _follows(found: Association, n_leader: int, n_follower: int) -> bool:
    """Whether agreement on one field follows so far from that on the other that it is counted twice."""
    share, base = found.n_both / n_leader, n_follower / found.n_pairs
    return share >= MOST_FOLLOWING and share >= 2**BITS_TWICE * base


def _without_same_persons(found: Association, columns: Sequence[Column]) -> Association:
    """Call an association that of the same persons where pairs agree on nearly all other fields, too."""
    if found.verdict != "associated":
        return found
    left, right = (next(one for one in columns if one.name == name) for name in (found.left, found.right))
    shares = []
    for third in columns:
        chance = third.chance_agreement
        if third is left or third is right or chance is None or chance > TELLING:
            continue
        present = (left.codes > 0) & (right.codes > 0) & (third.codes > 0)
        own = [one.codes[present] for one in (left, right, third)]
        if pairs := agreeing_pairs(*own[:2]):
            shares.append(agreeing_pairs(*own) / pairs)
    # Not all: what has many errors differs among records of the same person, too.
    same = bool(shares) and sorted(shares)[(len(shares) - 1) // 4] >= MOST_FOLLOWING
    return replace(found, verdict="same persons") if same else found
