"""How far the patterns of the matches are from what the model expects of them.

With independent comparisons the pairs of pattern g among n matches number about mu = n m(g), and
X2 = sum of (O - mu)^2 / mu over the patterns is near its degrees of freedom. Where errors come together (a
record that is wrong in one field is wrong in the next), it is many times that, and the tails of the
distribution of weights, in which the missed matches are, are as unsure. X2 over its degrees of freedom is the
dispersion by which variances of error rates are multiplied (quasi-likelihood: McCullagh and Nelder 1989,
section 4.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.em import TINY, Fit
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.observed import blocks
from tallystick.estimation.posteriors import Posteriors
from tallystick.estimation.table import Table

FEWEST = 5.0
"""Pairs that are expected of a pattern for it to count."""


def dispersion(table: Table, fit: Fit, known: Posteriors) -> float:
    """Pearson's statistic of the matches' patterns over its degrees of freedom; at least 1.

    Parameters
    ----------
    table : Table
        The patterns.
    fit : Fit
        What EM found.
    known : Posteriors
        Of the patterns.

    Returns
    -------
    float
        Among pairs with the same comparisons missing. 1 where too few patterns have `FEWEST` expected pairs
        or more.
    """
    likely = [f.likelihoods(p) for f, p in zip(table.factors, fit.m, strict=True)]
    chance = np.exp(np.log(np.maximum(np.concatenate(likely), TINY))[table.cells].sum(axis=1))
    gaps = np.concatenate([_gaps(factor) for factor in table.factors])
    _, group = np.unique(gaps[table.cells], axis=0, return_inverse=True)
    group = group.ravel()
    patterns = np.stack([group, *table.cells.T], axis=1)
    _, first, of = np.unique(
        patterns, axis=0, return_index=True, return_inverse=True
    )  # over passes and sources
    observed = np.bincount(of.ravel(), weights=table.counts.counts * known.match)
    chance, group = chance[first], group[first]
    matches = np.asarray(np.bincount(group, weights=observed), np.float64)
    if any(factor.keys for factor in table.factors):
        # Patterns that no pass selects cannot be seen.
        matches /= np.maximum(np.bincount(group, weights=chance), TINY)
    expected = matches[group] * chance
    used = expected >= FEWEST
    free = sum(
        int((np.asarray(p) @ block > TINY).sum()) - 1
        for factor, p in zip(table.factors, fit.m, strict=True)
        for block in blocks(factor)
    )
    degrees = int(used.sum()) - free - len(np.unique(group[used]))
    if degrees < FEWEST:
        return 1.0
    return max(1.0, float(((observed - expected)[used] ** 2 / expected[used]).sum()) / degrees)


def _gaps(factor: AnyFactor) -> NDArray[np.int64]:
    """Which parts of each cell of a factor are missing, as one number, (n_cells,)."""
    if not isinstance(factor, Joint):
        return np.asarray(~factor.present, np.int64)
    missing = [(~part.present)[cell] for part, cell in zip(factor.parts, factor.of_part, strict=True)]
    return np.asarray(sum(own.astype(np.int64) << k for k, own in enumerate(missing)), np.int64)
