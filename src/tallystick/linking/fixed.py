"""Decisions of people as constraints: fixed links and refused pairs, and all others decided with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.estimation.parameters import Parameters
from tallystick.linking.constraints import constraint_of
from tallystick.linking.decide import DecidedPairs, Verdict, decide
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Fixed:
    """Which pairs people have decided.

    Attributes
    ----------
    link : bool array, shape (n_pairs,)
        Pairs that are links whatever they weigh.
    refused : bool array, shape (n_pairs,)
        Pairs that are no links, and whose records are never one entity.
    """

    link: Bools
    refused: Bools

    @property
    def decided(self) -> Bools:
        """Both."""
        return self.link | self.refused


def decide_fixed(
    pairs: ScoredPairs, parameters: Parameters, decision: Decision | Thresholds, fixed: Fixed
) -> DecidedPairs:
    """Apply the decision rule to the pairs that nobody has decided, the others fixed.

    Fixed links take the records that may have one link only: pairs that compete with them for these are out.
    Refused pairs are out, too. What is left is decided by `tallystick.linking.decide.decide` as if it were
    all, so that its posterior is that given the decisions: of the one-to-one sets of links those that hold
    all fixed links and no refused pair are the ones of the pairs that are left.

    Parameters
    ----------
    pairs : ScoredPairs
        The pairs, decided ones included.
    parameters : Parameters
        The model.
    decision : Decision or Thresholds
        The rule, its thresholds worked out.
    fixed : Fixed
        What people have decided. No two fixed links may compete for a record.

    Returns
    -------
    DecidedPairs
        A fixed link has the posterior 1, a refused or displaced pair 0.
    """
    limits = [constraint_of(decision, pair) for pair in parameters.pairs]
    out = fixed.decided | rivals_of(pairs, fixed.link, limits)
    rest = np.flatnonzero(~out)
    free = decide(pairs.chosen(~out), parameters, decision)
    posterior = fixed.link.astype(np.float64)
    posterior[rest] = free.posterior
    verdict = np.where(fixed.link, Verdict.LINK, Verdict.NON_LINK).astype(np.int8)
    verdict[rest] = free.verdict
    tie = np.zeros(len(pairs), np.bool_)
    tie[rest] = free.tie
    return DecidedPairs(pairs, posterior, parameters.posterior(pairs.weight, pairs.source_pair), verdict, tie)


def displace(decided: DecidedPairs, limits: Sequence[Constraint], fixed: Fixed) -> DecidedPairs:
    """Decided pairs with the decisions of people in their place, all other decisions as they are.

    Parameters
    ----------
    decided : DecidedPairs
        The pairs as they were decided, step by step.
    limits : sequence of Constraint
        For each pair of sources, which records have at most one link.
    fixed : Fixed
        What people have decided.

    Returns
    -------
    DecidedPairs
        Pairs that compete with a fixed link for a record are non-links, their posterior 0.
    """
    out = fixed.decided | rivals_of(decided.pairs, fixed.link, limits)
    verdict = np.where(fixed.link, Verdict.LINK, np.where(out, Verdict.NON_LINK, decided.verdict))
    posterior = np.where(fixed.link, 1.0, np.where(out, 0.0, decided.posterior))
    return DecidedPairs(
        decided.pairs, posterior, decided.posterior_pair, verdict.astype(np.int8), decided.tie & ~out
    )


def rivals_of(pairs: ScoredPairs, chosen: Bools, limits: Sequence[Constraint]) -> Bools:
    """Pairs that cannot be links beside the chosen ones, since a record has one link at most.

    Parameters
    ----------
    pairs : ScoredPairs
        The pairs.
    chosen : bool array, shape (n_pairs,)
        Some of them.
    limits : sequence of Constraint
        For each pair of sources, which records have at most one link.

    Returns
    -------
    bool array, shape (n_pairs,)
    """
    result = np.zeros(len(pairs), np.bool_)
    for number, one in enumerate(limits):
        own = pairs.source_pair == number
        taken = own & chosen
        sides: tuple[tuple[bool, NDArray[np.integer[Any]]], ...] = (
            (one.left_once, pairs.left),
            (one.right_once, pairs.right),
        )
        for once, rows in sides:
            if once:
                result |= own & np.isin(rows, rows[taken])
    return result & ~chosen
