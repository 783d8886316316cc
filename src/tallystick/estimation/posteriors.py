"""What each pattern is, given the estimates: the E-step of EM where it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.em import TINY, Fit
from tallystick.estimation.table import Table

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Posteriors:
    """What each pattern of a table is, given the estimates.

    Attributes
    ----------
    match : float64 array, shape (n_patterns,)
        Probability that a pair of the pattern is a match.
    related : float64 array, shape (n_patterns,)
        Probability that one that is no match is related.
    """

    match: Matrix
    related: Matrix


def posteriors(table: Table, fit: Fit) -> Posteriors:
    """Posterior of every pattern of a table, as the E-step of EM has it."""
    source_pair = table.counts.source_pair
    candidates = np.bincount(source_pair, weights=table.counts.counts, minlength=len(fit.matches))
    candidates = np.maximum(candidates, 1.0)

    def logs(cells: Sequence[Matrix]) -> Matrix:
        found = [
            np.log(np.maximum(f.likelihoods(p), TINY)) for f, p in zip(table.factors, cells, strict=True)
        ]
        return np.asarray(np.concatenate(found)[table.cells].sum(axis=1))

    related = fit.related
    shares = fit.rate + (0 if related is None else related.pairs * related.selected / candidates)
    others = np.log(np.maximum(1.0 - shares, 1e-9)) - np.log(fit.selected_u)
    unrelated = logs(fit.u) + others[source_pair]
    with np.errstate(divide="ignore"):
        match = logs(fit.m) + np.log(fit.matches / candidates)[source_pair]
        rest, share = unrelated, np.zeros(len(unrelated))
        if related is not None:
            own = logs(related.r) + np.log(related.pairs / candidates)[source_pair]
            rest = np.logaddexp(unrelated, own)
            share = np.exp(own - rest)
    return Posteriors(1.0 / (1.0 + np.exp(np.clip(rest - match, -700, 700))), share)
